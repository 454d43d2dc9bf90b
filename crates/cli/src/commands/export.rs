//! `samara export`.

use std::io::{BufWriter, Write};

use samara_journal::{JournalError, Reader, export};

use crate::{
    args::{Export, ExportKind},
    config,
    exit::{Exit, Failure},
};

pub(crate) fn export(args: &Export) -> Result<Exit, Failure> {
    let reader = Reader::open(&args.run)?;
    match &args.out {
        None => write(&reader, args, &mut std::io::stdout().lock())?,
        Some(path) => {
            let cannot = |error| Failure::internal(format!("{} can't be written: {error}", path.display()));
            let mut file = std::fs::File::create(path).map_err(cannot)?;
            write(&reader, args, &mut file)?;
        }
    }
    Ok(Exit::Ok)
}

fn write(reader: &Reader, args: &Export, out: &mut dyn Write) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let written: Result<(), JournalError> = match args.kind {
        ExportKind::Openelm => export::openelm(reader, &mut out),
        ExportKind::Jsonl => export::jsonl(reader, &mut out),
        ExportKind::Csv => {
            let experiment = config::reload(&reader.header().config, &args.run, &[])?;
            let axes: Vec<String> = experiment.axes.into_iter().map(|axis| axis.name).collect();
            export::csv(reader, &axes, &mut out)
        }
    };
    match written {
        // A reader that went away (`| head`) is no failure.
        Err(JournalError::Export { source }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            return Ok(());
        }
        written => written?,
    }
    match out.flush() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        flushed => Ok(flushed?),
    }
}
