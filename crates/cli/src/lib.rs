//! The command line of samara: arguments in, exit code out. What it does is in `commands`; how settings are put together
//! is in `config`. The binary and the Python package both call [`run`].

mod args;
mod best;
mod cells;
mod commands;
mod completion;
mod config;
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
mod weights;
mod workers;

use clap::Parser;

use crate::{
    args::{Args, Command, ModelCommand},
    exit::{Exit, Failure},
};

/// Does what the process's arguments say, and returns the code to exit with. Parsing ends the process itself where help
/// is asked for or the arguments are wrong.
pub fn run() -> std::process::ExitCode {
    completion::answer();
    let args = Args::parse();
    let done = logs::start(args.log.as_deref()).and_then(|()| dispatch(args));
    let exit = done.unwrap_or_else(|failure| {
        exit::complain(&failure.message);
        failure.exit
    });
    tracing::info!(code = exit as u8, "end");
    exit.into()
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
        Command::Serve(serve) => commands::serve::serve(&serve),
        Command::Export(export) => commands::export::export(&export),
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
