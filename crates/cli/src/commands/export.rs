//! `samara export`.

use std::{
    collections::BTreeSet,
    io::{BufWriter, Write},
    path::Path,
};

use samara_journal::{JournalError, Reader, RunView, export, run_view};

use crate::{
    args::{Export, ExportKind},
    exit::{Exit, Failure},
    output,
};

pub(crate) fn export(args: &Export) -> Result<Exit, Failure> {
    let reader = Reader::open(&args.run)?;
    match &args.out {
        None => write(&reader, args, &mut std::io::stdout().lock())?,
        Some(path) => {
            output::refuse_run(path, reader.path())?;
            output::write(path, |file| write(&reader, args, file))?;
        }
    }
    Ok(Exit::Ok)
}

fn write(reader: &Reader, args: &Export, out: &mut dyn Write) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let kept = if args.elites { Some(elites(&args.run)?) } else { None };
    let kept = kept.as_ref();
    let written: Result<(), JournalError> = match args.kind {
        ExportKind::Openelm => export::openelm(reader, kept, &mut out),
        ExportKind::Jsonl => export::jsonl(reader, kept, &mut out),
        ExportKind::Csv => {
            let (_, axes) = run_view::search_of(&reader.header().config, reader.begun_format())?;
            let axes: Vec<String> = axes.into_iter().map(|axis| axis.name).collect();
            export::csv(reader, &axes, kept, &mut out)
        }
        ExportKind::Settings => {
            out.write_all(reader.header().config.as_bytes()).map_err(|source| JournalError::Export { source })
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

/// The candidates that are elites of the archive, of islands those of any.
fn elites(run: &Path) -> Result<BTreeSet<u64>, Failure> {
    let view = RunView::open(run)?;
    let islands = view.replay.population().islands();
    Ok(islands.iter().flat_map(|island| island.archive().iter().map(|elite| elite.id)).collect())
}
