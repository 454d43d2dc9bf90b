//! `samara export --as sft` and its like: runs as data for training models elsewhere.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use samara_journal::{
    Reader,
    training::{self, Choice, Form, Keep, PairsFrom, Samples, TrainingError},
};

use crate::{
    args::{Export, ExportKind, KeepName, PairsName, TrainingData},
    exit::{Exit, Failure, remark},
    output,
};

/// The form that a kind of export is, if it is one to train with.
pub(super) fn form(kind: ExportKind) -> Option<Form> {
    match kind {
        ExportKind::Sft => Some(Form::Sft),
        ExportKind::Dpo => Some(Form::Dpo),
        ExportKind::Kto => Some(Form::Kto),
        ExportKind::Grpo => Some(Form::Grpo),
        ExportKind::OpenaiSft => Some(Form::OpenaiSft),
        ExportKind::OpenaiDpo => Some(Form::OpenaiDpo),
        ExportKind::Openelm
        | ExportKind::Csv
        | ExportKind::Jsonl
        | ExportKind::Curves
        | ExportKind::Parquet
        | ExportKind::Settings
        | ExportKind::Openevolve => None,
    }
}

/// Refuses options of data to train with, for exports that are none.
pub(super) fn refuse(options: &TrainingData) -> Result<(), Failure> {
    let given = [
        ("--keep", options.keep.is_some()),
        ("--min-share", options.min_share.is_some()),
        ("--pairs", options.pairs.is_some()),
        ("--chat", options.chat),
        ("--held-out", options.held_out.is_some()),
        ("--seed", options.seed.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Failure::usage(format!(
            "{name}: only data to train elsewhere have it\nhint: add --as sft, dpo, kto, grpo, openai-sft or openai-dpo"
        ))),
        None => Ok(()),
    }
}

pub(super) fn export(args: &Export, form: Form) -> Result<Exit, Failure> {
    let choice = choice(args, form)?;
    let readers = args.runs.iter().map(|run| Reader::open(run)).collect::<Result<Vec<_>, _>>()?;
    let held_out = args.out.as_deref().map(beside);
    for path in args.out.iter().chain(&held_out) {
        readers.iter().try_for_each(|reader| output::refuse_run(path, reader.path()))?;
    }
    let samples = training::samples(&readers, &choice)?;
    match (&args.out, held_out) {
        (Some(path), Some(held_out)) => write(path, &held_out, &samples)?,
        _ => print(&samples.train)?,
    }
    say(&samples);
    Ok(Exit::Ok)
}

fn choice(args: &Export, form: Form) -> Result<Choice, Failure> {
    let options = &args.training;
    if args.elites {
        return Err(Failure::usage("--elites: not of data to train with\nhint: write --keep elites"));
    }
    let paired = matches!(form, Form::Dpo | Form::OpenaiDpo);
    if options.pairs.is_some() && !paired {
        return Err(Failure::usage(
            "--pairs: there are pairs only in preferences\nhint: --as dpo or openai-dpo",
        ));
    }
    if options.chat && matches!(form, Form::OpenaiSft | Form::OpenaiDpo) {
        return Err(Failure::usage("--chat: OpenAI's forms always are messages\nhint: remove it"));
    }
    let held_out = options.held_out.unwrap_or(0.0);
    if held_out > 0.0 && args.out.is_none() {
        return Err(Failure::usage(
            "--held-out: it is a file of its own\nhint: name the other one with -o FILE.jsonl",
        ));
    }
    Ok(Choice {
        chat: options.chat,
        keep: match options.keep {
            Some(KeepName::Elites) => Keep::Elites,
            Some(KeepName::Admitted) | None => Keep::Admitted,
        },
        min_share: options.min_share,
        pairs: match options.pairs {
            Some(PairsName::Cell) => PairsFrom::Cell,
            Some(PairsName::Parent) | None => PairsFrom::Parent,
        },
        held_out,
        seed: options.seed.unwrap_or(0),
        ..Choice::new(form)
    })
}

/// `data.jsonl` -> `data.held-out.jsonl`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("held-out.jsonl")
}

/// Both files, or the one alone if nothing is held out.
fn write(path: &Path, held_out: &Path, samples: &Samples) -> Result<(), Failure> {
    output::write_text(path, &lines(&samples.train))?;
    if !samples.held_out.is_empty() {
        output::write_text(held_out, &lines(&samples.held_out))?;
    }
    Ok(())
}

fn print(train: &[String]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(lines(train).as_bytes()) {
        // A reader that went away (`| head`) is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn lines(of: &[String]) -> String {
    of.iter().map(|line| format!("{line}\n")).collect()
}

fn say(samples: &Samples) {
    let (train, held_out) = (samples.train.len(), samples.held_out.len());
    let mut said = format!("{train} samples");
    if held_out > 0 {
        said += &format!(", {held_out} held out");
    }
    if samples.untold > 0 {
        said += &format!("; {} left out that no model wrote as they are", samples.untold);
    }
    if samples.unfit > 0 {
        said += &format!("; {} pairs left out that no one prompt fits", samples.unfit);
    }
    remark(&said);
}

impl From<TrainingError> for Failure {
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::Journal(error) => error.into(),
            error => Self::usage(error),
        }
    }
}
