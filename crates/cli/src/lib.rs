//! The command line of samara: arguments in, exit code out. What it does is in `commands`; how settings are put together
//! is in `config`. The binary calls [`run`], the Python package [`run_with`].

mod args;
mod best;
mod cells;
mod checkpoints;
mod commands;
mod completion;
mod config;
mod controls;
pub mod embedded;
mod evolve;
mod exit;
mod init_from;
mod knowledge;
mod listening;
mod logs;
mod models;
mod openelm;
mod output;
mod progress;
mod roles;
mod schema;
mod screen;
mod seeds;
mod session;
mod subject;
mod summary;
mod translation;
mod trust;
mod watching;
mod weights;
mod workers;

use std::ffi::OsString;

use clap::Parser;

use crate::{
    args::{Args, Command, ModelCommand},
    exit::{Exit, Failure},
};

/// Does what the process's arguments say, and returns the code to exit with. Parsing ends the process itself where help
/// is asked for or the arguments are wrong.
pub fn run() -> std::process::ExitCode {
    completion::answer();
    exit_of(Args::parse()).into()
}

/// The same with arguments that are not the process's own, the program's name first; the code to exit with. Help and
/// wrong arguments end nothing: both are printed and have their codes.
pub fn run_with(arguments: Vec<OsString>) -> i32 {
    if completion::is_answered(&arguments) {
        return Exit::Ok as i32;
    }
    match Args::try_parse_from(arguments) {
        Ok(args) => exit_of(args) as i32,
        Err(told) => {
            // Nobody is left to tell if that fails.
            let _ = told.print();
            told.exit_code()
        }
    }
}

fn exit_of(args: Args) -> Exit {
    let done = logs::start(args.log.as_deref()).and_then(|()| dispatch(args));
    let exit = done.unwrap_or_else(|failure| {
        exit::complain(&failure.message);
        failure.exit
    });
    tracing::info!(code = exit as u8, "end");
    exit
}

fn dispatch(args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Run(run) => commands::run::run(&run),
        Command::Evolve(evolve) => commands::evolve::evolve(&evolve),
        Command::Resume(resume) => commands::run::resume(&resume),
        Command::Compare(compare) => commands::compare::compare(&compare),
        Command::P3(p3) => commands::p3::p3(&p3),
        Command::Show(show) => commands::show::show(&show),
        Command::Report(report) => commands::report::report(&report),
        Command::Control(control) => commands::control::control(&control),
        Command::Serve(serve) => commands::serve::serve(&serve),
        Command::Export(export) => commands::export::export(&export),
        Command::Finetune(finetune) => commands::finetune::finetune(&finetune),
        Command::Rl(rl) => commands::rl::rl(&rl),
        Command::Loop(rounds) => commands::rounds::rounds(&rounds),
        Command::Rebin(rebin) => commands::rebin::rebin(&rebin),
        Command::List(list) => commands::catalogue::list(list.format),
        Command::New(new) => commands::new::new(&new),
        Command::Try(trial) => commands::trial::try_it(&trial),
        Command::Schema => commands::catalogue::schema(),
        Command::Model(ModelCommand::Train(train)) => commands::model::train(&train),
        Command::Model(ModelCommand::Evaluate(evaluate)) => commands::model::evaluate(&evaluate),
        Command::Model(ModelCommand::Chat(chat)) => commands::model::chat(&chat),
        Command::Model(ModelCommand::Check(check)) => commands::model::check(&check),
        Command::Worker(worker) => commands::worker::worker(&worker),
        Command::Sandbox(sandbox) => commands::sandbox::sandbox(&sandbox),
        Command::Sodarace(sodarace) => commands::sodarace::sodarace(&sodarace),
        Command::Completions { shell } => commands::catalogue::completions(shell),
        Command::Version => commands::catalogue::version(),
    }
}
