//! `samara export`: a run as other files. Data to train models elsewhere are [`training`]'s.

mod training;

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{BufWriter, Write},
    path::Path,
};

use samara_journal::{JournalError, Reader, RunView, export, run_view};
use samara_search::commanding::escaped;
use toml::{Table, Value};

use crate::{
    args::{Export, ExportKind},
    evolve::checkpoint,
    exit::{self, Exit, Failure},
    output,
};

pub(crate) fn export(args: &Export) -> Result<Exit, Failure> {
    if let Some(form) = training::form(args.kind) {
        return training::export(args, form);
    }
    training::refuse(&args.training)?;
    if args.elites && args.kind == ExportKind::Curves {
        return Err(Failure::usage("--elites: curves are of all candidates\nhint: remove it"));
    }
    let [run] = &args.runs[..] else {
        let hint = "export them one by one; only data to train elsewhere (--as sft) are put together";
        return Err(Failure::usage(format!("there are {} runs to export\nhint: {hint}", args.runs.len())));
    };
    let reader = Reader::open(run)?;
    match &args.out {
        Some(folder) if args.kind == ExportKind::Openevolve => {
            let kept = if args.elites { Some(elites(run)?) } else { None };
            checkpoint::write(&reader, kept.as_ref(), folder)?;
        }
        None => write((&reader, run), args, &mut std::io::stdout().lock())?,
        Some(path) => {
            output::refuse_run(path, reader.path())?;
            output::write(path, |file| write((&reader, run), args, file))?;
        }
    }
    Ok(Exit::Ok)
}

fn write((reader, run): (&Reader, &Path), args: &Export, out: &mut dyn Write) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let kept = if args.elites { Some(elites(run)?) } else { None };
    let kept = kept.as_ref();
    let written: Result<(), JournalError> = match args.kind {
        ExportKind::Openelm => export::openelm(reader, kept, &mut out),
        ExportKind::Jsonl => export::jsonl(reader, kept, &mut out),
        ExportKind::Curves => export::curves(reader, &mut out),
        ExportKind::Csv | ExportKind::Parquet => {
            let (_, axes) = run_view::search_of(&reader.header().config, reader.begun_format())?;
            let write = if args.kind == ExportKind::Csv { export::csv } else { export::parquet };
            write(reader, &axes, kept, &mut out)
        }
        ExportKind::Settings => out
            .write_all(settings(&reader.header().config).as_bytes())
            .map_err(|source| JournalError::Export { source }),
        // Those to train elsewhere have gone another way.
        _ => {
            let hint = "name it with --out DIR";
            return Err(Failure::usage(format!("--as openevolve: it is a folder of files\nhint: {hint}")));
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

/// The settings as TOML in which no character commands a terminal. Where texts in them do, they are written anew with
/// escapes, a table a section.
fn settings(config: &str) -> Cow<'_, str> {
    let harmless = escaped(config);
    match (&harmless, config.parse::<Table>()) {
        // What is no TOML is nobody's settings: it is only shown.
        (Cow::Borrowed(_), _) | (_, Err(_)) => harmless,
        (Cow::Owned(_), Ok(table)) => {
            let (sections, keys): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| value.is_table());
            let line = |(key, value): (&String, &Value)| format!("{} = {}\n", quoted(key), inline(value));
            let mut text: String = keys.into_iter().map(line).collect();
            for (name, section) in sections {
                text += &format!("\n[{}]\n", quoted(name));
                text.extend(section.as_table().into_iter().flatten().map(line));
            }
            Cow::Owned(text)
        }
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", list(items.iter().map(inline).collect())),
        Value::Table(table) => {
            let entry = |(key, value): (&String, &Value)| format!("{} = {}", quoted(key), inline(value));
            format!("{{{}}}", list(table.iter().map(entry).collect()))
        }
        other => other.to_string(),
    }
}

/// A text between quotation marks: the escapes of JSON are TOML's too.
fn quoted(text: &str) -> String {
    exit::json(&text)
}

/// The candidates that are elites of the archive, of islands those of any.
fn elites(run: &Path) -> Result<BTreeSet<u64>, Failure> {
    let view = RunView::open(run)?;
    let islands = view.replay.population().islands();
    Ok(islands.iter().flat_map(|island| island.archive().iter().map(|elite| elite.id)).collect())
}

#[cfg(test)]
mod tests {
    use samara_search::commanding::commands;

    use super::*;

    #[test]
    fn settings_that_hold_escapes_are_exported_as_the_same_settings_without_any() {
        let config = "[experiment]\nname = \"a\"\n[environment]\nprompt_template = '\u{9b}31m\u{202e} \"\\'\n\
                      cuts = [\"\\n\", \"\u{7f}\"]\n'k\u{9b}' = 1.0\n[[axes]]\nname = \"x\"\nrange = [0.0, inf]\n\
                      [models.judge]\nextra = {a = {b = true}}\n# \u{2066}\n";
        let config: String = config.lines().map(|line| line.trim_start().to_owned() + "\n").collect();
        let config = config.replace('\u{7f}', "\\u007f");
        let text = settings(&config);
        assert!(!text.chars().any(|c| commands(c) && c != '\n'), "{text}");
        assert_eq!(text.parse::<Table>().expect("TOML"), config.parse::<Table>().expect("TOML"));
        let plain = "[experiment]\nname = \"é\"\n";
        assert!(matches!(settings(plain), Cow::Borrowed(same) if same == plain));
    }
}
