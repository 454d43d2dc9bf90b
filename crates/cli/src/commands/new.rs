//! `samara new`: an experiment file to change and run, from a built-in one or about a subject of one's own.

use std::{
    fs::OpenOptions,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use samara_environments::{builtin, evaluator};
use samara_search::nearest;

use crate::{
    args::New,
    config,
    evolve::builtin as programs,
    exit::{self, Exit, Failure, print, quoted},
    seeds,
    subject::{self, Axis, Subject},
};

/// What `--from` calls a working directory for `samara evolve`.
const EVALUATOR: &str = evaluator::NAME;

/// The experiment to start from where nobody says anything.
const USUAL: &str = "opinions";

pub(crate) fn new(args: &New) -> Result<Exit, Failure> {
    if args.from.as_deref() == Some(EVALUATOR) {
        return new_directory(Path::new(&args.name));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if args.name.is_empty() || !args.name.chars().all(fine) {
        return Err(Failure::usage(format!("`{}`: a name is made of letters, digits, - and _", args.name)));
    }
    let path = args.subject.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.toml", args.name)));
    if let Some(from) = &args.from {
        return template(args, from, &path);
    }
    if args.subject.subject.is_some() {
        return about(args, &args.subject, &path);
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return match asked()? {
            Some(subject) => about(args, &subject, &path),
            None => template(args, USUAL, &path),
        };
    }
    template(args, USUAL, &path)
}

/// A copy of a built-in experiment under another name.
fn template(args: &New, from: &str, path: &Path) -> Result<Exit, Failure> {
    let Some(experiment) = builtin::experiment(from) else {
        let names: Vec<&str> = builtin::EXPERIMENTS.iter().map(|e| e.name).chain([EVALUATOR]).collect();
        let hint = nearest(from, &names);
        return Err(Failure::usage(format!("--from {from}: no such experiment\nhint: {hint}")));
    };
    let named = format!("name = \"{}\"", experiment.name);
    let text = experiment.toml.replacen(&named, &format!("name = \"{}\"", args.name), 1);
    write_new(path, &text)?;
    print(&format!("{}\n", path.display()))?;
    Ok(Exit::Ok)
}

/// An experiment about a subject, with the texts that it begins with beside it.
fn about(args: &New, given: &crate::args::Subject, path: &Path) -> Result<Exit, Failure> {
    let axes = given.axis.iter().map(|text| Axis::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let pool = given.seeds.as_deref().map(seeds::read).transpose()?;
    let beside = path.with_file_name(format!("{}-seeds.jsonl", args.name));
    let subject = Subject {
        name: &args.name,
        words: given.subject.as_deref().unwrap_or_default(),
        axes: &axes,
        seeds: pool
            .as_ref()
            .map(|texts| (beside.file_name().unwrap_or_default().to_string_lossy(), texts.len())),
        generator: given.generator.as_deref(),
        judge: given.judge.as_deref(),
    };
    let text = subject::experiment(&subject)?;
    let mut files = Vec::new();
    if let Some(texts) = &pool {
        write_new(&beside, &seeds::lines(texts))?;
        files.push(beside.clone());
    }
    let made = write_new(path, &text).and_then(|()| {
        files.insert(0, path.to_owned());
        config::load(&path.to_string_lossy(), &[])
    });
    if let Err(failure) = made {
        // What can't be run is not left behind; nobody misses a file that was not there before.
        files.iter().for_each(|file| drop(std::fs::remove_file(file)));
        return Err(failure);
    }
    let mut told: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    let file = quoted(&path.display().to_string());
    told += &format!("next        samara try {file}    (prompts and one answer), then samara run {file}\n");
    print(&told)?;
    Ok(Exit::Ok)
}

/// The question for an axis, asked until nothing is answered.
const WHAT_TELLS_APART: &str = "What tells them apart? Such as: tone=sad/happy, length=short/medium/long or, without an \
                                order, form=haiku,sonnet,ode (nothing: that is all)";

/// What a person at a terminal says; `None` if no subject.
fn asked() -> Result<Option<crate::args::Subject>, Failure> {
    let ask = |question: &str| -> Result<Option<String>, Failure> {
        Ok(Some(exit::ask(&format!("{question}:"))?).filter(|answer| !answer.is_empty()))
    };
    let Some(subject) = ask("What are the texts? Such as: a short poem about the sea")? else {
        return Ok(None);
    };
    let mut axis = Vec::new();
    while let Some(one) = ask(WHAT_TELLS_APART)? {
        // Said at once, while it can be said again.
        match Axis::parse(&one) {
            Ok(_) => axis.push(one),
            Err(failure) => exit::remark(&failure.message),
        }
    }
    Ok(Some(crate::args::Subject {
        subject: Some(subject),
        axis,
        seeds: ask("A file or folder with texts to begin with (nothing: the model writes them)")?
            .map(PathBuf::from),
        generator: ask("The model that writes, such as openai:NAME (nothing: the embedded one)")?,
        judge: ask("The model that judges (nothing: the same)")?,
        out: None,
    }))
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let path = path.display();
        Failure::usage(format!(
            "{path} can't be made: {error}\nhint: choose another name, or remove the file"
        ))
    })?;
    Ok(file.write_all(text.as_bytes())?)
}

/// Writes a folder with a program, its evaluator and their settings.
fn new_directory(folder: &Path) -> Result<Exit, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("mine");
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if !name.chars().all(fine) {
        return Err(Failure::usage(format!("`{name}`: a name is made of letters, digits, - and _")));
    }
    let files = programs::write_template(folder, name)?;
    print(&(files.join("\n") + "\n"))?;
    Ok(Exit::Ok)
}
