//! `samara run` and `samara resume`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use samara_engine::{
    Abort, Bench, Ended, Ending, EvaluatorSlots, OwnEnvironment, OwnEvaluator, Prepared, Programs, Tools,
    prepare,
};
use samara_environments::{InputFile, Inputs, continued, evaluator::evaluation::Evaluation, own};
use samara_journal::{Control, Event, EventKind, Journal, Reader};
use samara_lm::{AnswerCache, Budget, LmError, Spent};
use tokio::sync::watch;
use toml::Table;

use super::evolve::Trial;
use crate::{
    args::{self, Format, InputsChoice},
    best,
    config::{self, Experiment, Fresh},
    controls::{self, Known, Steered},
    exit::{Exit, Failure, print, print_json, quoted, remark},
    init_from,
    models::{Checks, Shared},
    openelm,
    progress::rough,
    session::{self, Opened},
    summary::{Rechecked, Summary},
    translation::written,
    trust,
    watching::{Watched, Watching},
    weights::{self, Weights},
    workers::Listening,
};

pub(crate) fn run(args: &args::Run) -> Result<Exit, Failure> {
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("search.seed={seed}")));
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    let from = args.init_from.as_deref().map(init_from::absolute).transpose()?;
    set.extend(from.map(|from| format!("experiment.init_from={from}")));
    let experiment = match (&args.openelm, &args.experiment) {
        (Some(config), _) => {
            let (translation, place) = openelm::read(config)?;
            let origin = config.display().to_string();
            if args.explain {
                let table = config::filled(translation.settings.clone(), &origin, &set)?;
                print(format!("{}{}", translation.comments(), written(table)?).trim_start())?;
                return Ok(Exit::Ok);
            }
            if !args.output.quiet {
                translation.tell("OpenELM");
            }
            config::of_table(translation.settings, (&origin, &place), &set)?
        }
        (None, experiment) => config::load(experiment.as_deref().unwrap_or_default(), &set)?,
    };
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => session::free_folder(&experiment.naming.name),
    };
    refuse_recorded(&folder)?;
    begin(
        experiment,
        &folder,
        (&args.recording, &args.output, args.anyway),
        (None, &args.watch, &args.workers),
    )
}

/// Refuses a folder that holds a run.
pub(crate) fn refuse_recorded(folder: &Path) -> Result<(), Failure> {
    if session::recorded(folder)?.is_none() {
        return Ok(());
    }
    let place = quoted(&folder.display().to_string());
    let hint = format!("`samara resume {place}` continues it; choose another --out for a new run");
    Err(Failure::usage(format!("{} holds a run already\nhint: {hint}", folder.display())))
}

/// Begins a run in a folder that holds none, and prints what came of it. `trial` looks at the opened experiment before
/// anything is recorded.
pub(crate) fn begin(
    experiment: Experiment,
    folder: &Path,
    (recording, output, anyway): (&args::Recording, &args::Output, bool),
    (trial, watch, workers): (Option<&Trial<'_>>, &args::Watch, &args::Workers),
) -> Result<Exit, Failure> {
    let hearing = Hearing { quiet: output.quiet, interrupt: None, hear: &mut |_| {} };
    let way = Way { trial, watch: watch.clone(), workers: workers.clone(), hearing, own: None };
    let driven = begun(experiment, folder, (recording, anyway), way)?;
    driven.printed(folder, output)
}

/// The same, printing nothing but what `hearing` allows.
pub(crate) fn begun(
    experiment: Experiment,
    folder: &Path,
    (recording, anyway): (&args::Recording, bool),
    way: Way<'_>,
) -> Result<Driven, Failure> {
    // The journal is made only once the models have answered: a run that can't start leaves nothing behind.
    let create = |experiment: &Experiment, weights: &[Weights]| session::create(experiment, folder, weights);
    let record = recording.record.as_deref();
    if let Some(file) = record.filter(|file| file.exists()) {
        return Err(Failure::usage(format!(
            "--record {0}: the file exists\nhint: choose another one, or `--replay {0}` if it is a recording",
            file.display()
        )));
    }
    let cache = cache(&experiment, recording)?;
    let replays = recording.replay.is_some();
    let checks = Checks { anyway, replays, quiet: way.hearing.quiet, ..Checks::default() };
    let known = Known::of(&way.watch, &experiment, Vec::new())?;
    let done = drive(experiment, folder, (Spent::default(), known, cache, checks), way, create);
    if let Some(file) = record
        && done.is_err()
        && matches!(session::recorded(folder), Ok(None))
    {
        // The recording of a run that did not start; nobody misses a file that is gone.
        let _ = std::fs::remove_file(file);
    }
    done
}

/// Where answers are cached: in a recording if one is asked for, else in the experiment's cache.
fn cache(experiment: &Experiment, recording: &args::Recording) -> Result<Option<Arc<AnswerCache>>, Failure> {
    match (&recording.record, &recording.replay) {
        (Some(file), _) => Ok(Some(AnswerCache::record(file)?)),
        (None, Some(file)) => Ok(Some(AnswerCache::replay(file)?)),
        (None, None) => session::cache(experiment),
    }
}

pub(crate) fn resume(args: &args::Resume) -> Result<Exit, Failure> {
    let hearing = Hearing { quiet: args.output.quiet, interrupt: None, hear: &mut |_| {} };
    let (driven, folder) = resumed(args, hearing, None)?;
    driven.printed(&folder, &args.output)
}

/// What the program that samara is part of gives to a run that goes on.
pub(crate) enum Own {
    /// What evaluates, where the run's evaluator is a function.
    Evaluator(Arc<dyn OwnEvaluator>),
    /// What the run evolves.
    Environment(Arc<dyn OwnEnvironment>),
}

/// Goes on with a run, printing nothing but what `hearing` allows, and says in which folder it is.
pub(crate) fn resumed(
    args: &args::Resume,
    hearing: Hearing<'_>,
    own: Option<Own>,
) -> Result<(Driven, PathBuf), Failure> {
    let reader = Reader::open(&args.run)?;
    let totals = reader.totals()?;
    let args = &longer(args, totals.candidates);
    let (evaluator, environment) = match own {
        None => (None, None),
        Some(Own::Evaluator(own)) => (Some(own), None),
        Some(Own::Environment(own)) => (None, Some(own)),
    };
    let (experiment, kept) = reopened(&reader, args, environment.as_ref())?;
    let known = Known::of(&args.watch, &experiment, asked(&reader, args, totals.candidates)?)?;
    if !args.output.quiet && totals.candidates >= known.limits.total_steps {
        remark(&format!(
            "the run is finished: all {} candidates are settled\nhint: -i N makes N more",
            known.limits.total_steps
        ));
    }
    let spent =
        Spent { calls: totals.calls, tokens: totals.tokens_in + totals.tokens_out, money: totals.cost };
    let folder = reader.path().parent().unwrap_or(Path::new(".")).to_owned();
    let format = reader.format();
    let id = reader.header().id.clone();
    drop(reader);
    let cache = cache(&experiment, &args.recording)?;
    let changes = args.set.clone();
    let checks = Checks {
        goes_on: true,
        anyway: args.anyway,
        looked: false,
        replays: args.recording.replay.is_some(),
        set: changes.clone(),
        quiet: args.output.quiet,
    };
    let open = |_: &Experiment, weights: &[Weights]| {
        let digests = weights::unrecorded(weights);
        let changes = [&changes[..], &digests].concat();
        // Opened to write: that brings a journal of an earlier format up to date.
        let mut journal = Journal::open(&args.run)?;
        let now = journal.reader()?.format();
        if format != now {
            tracing::info!(from = format, to = now, "the journal was brought up to a newer format");
        }
        if !changes.is_empty() {
            let after = journal.totals().candidates;
            journal.note(&Event { after, kind: EventKind::Control(Control::of(changes)) })?;
        }
        // Not before they are recorded: what a session could not begin with is forgotten.
        if let Some(kept) = kept {
            trust::remember(&id, &config::changed(kept, &digests)?);
        }
        Ok(journal)
    };
    let (watch, workers) = (args.watch.clone(), args.workers.clone());
    let way = Way { trial: None, watch, workers, hearing, own: evaluator };
    let driven = drive(experiment, &folder, (spent, known, cache, checks), way, open)?;
    Ok((driven, folder))
}

/// What was asked of a run while it went on and what sessions were begun with, this one among them.
fn asked(reader: &Reader, args: &args::Resume, after: u64) -> Result<Vec<Event>, Failure> {
    let mut events = reader.events()?;
    events.push(Event { after, kind: EventKind::Control(Control::of(args.set.clone())) });
    Ok(events)
}

/// What a number of further candidates comes to: a total, of which `made` are there. `--set` goes over it.
fn longer(args: &args::Resume, made: u64) -> args::Resume {
    let mut args = args.clone();
    if let Some(more) = args.iterations {
        args.set.insert(0, format!("search.total_steps={}", made.saturating_add(more)));
    }
    args
}

/// The experiment of a run that is to go on, once it may, and the settings by which it is known from then on.
fn reopened(
    reader: &Reader,
    args: &args::Resume,
    own: Option<&Arc<dyn OwnEnvironment>>,
) -> Result<(Experiment, Option<Table>), Failure> {
    let header = reader.header();
    let run = args.run.display().to_string();
    if own.is_some() && header.environment != own::NAME {
        let hint = "leave the environment out: the run's own is samara's";
        return Err(Failure::usage(format!("{run}: a run of `{}`\nhint: {hint}", header.environment)));
    }
    let earlier = weights::changes(reader)?;
    let mut set = args.set.clone();
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    let recorded = recorded_inputs(reader)?;
    let load = |inputs: Inputs| {
        let tessellation = reader.tessellations()?.into_iter().next().map(|cells| cells.tessellation);
        let fresh = Fresh { inputs, tessellation, own: own.map(Arc::clone) };
        config::reload(&header.config, &args.run, (&earlier, &set), fresh)
    };
    if !reader.verifiable() {
        // Formats 1 and 2 kept neither inputs nor an id: they name files of this machine by absolute paths.
        let experiment = load(Inputs::in_folder("."))?;
        if !args.trust_run {
            trust::check(&run, &experiment.table()?, &set, &experiment.inputs)?;
        }
        if !args.output.quiet {
            remark(
                "the run was begun by an earlier version, which kept no copies of its files: whether they are the \
                 same can't be verified",
            );
        }
        return Ok((experiment, None));
    }
    let stored = |changes: &[String]| config::stored(&header.config, &args.run, changes);
    let known = trust::is_known(&header.id, &stored(&earlier)?);
    let current = args.inputs == Some(InputsChoice::Current);
    let mut experiment = load(Inputs::recorded(recorded.clone()))?;
    if !known && !args.trust_run {
        // Before any file is read that the run names.
        let mut table = experiment.table()?;
        trust::place_evaluator(&mut table, &recorded);
        trust::check(&run, &table, &set, if current { &recorded } else { &[] })?;
    }
    if current {
        experiment = load(Inputs::current(recorded.clone()))?;
    }
    // Of somebody else's run no file is looked at unless that is asked for.
    if known && args.inputs.is_none() {
        refuse_changed(&run, &recorded)?;
    }
    let kept: Vec<String> = earlier.iter().chain(&args.set).cloned().collect();
    Ok((experiment, Some(stored(&kept)?)))
}

/// The files that a run read, as it keeps them.
pub(crate) fn recorded_inputs(reader: &Reader) -> Result<Vec<InputFile>, Failure> {
    let file = |input: samara_journal::Input| {
        let text = String::from_utf8(input.bytes)
            .map_err(|_| Failure::internal(format!("the run's copy of {} is damaged", input.key)))?;
        Ok(InputFile { key: input.key, path: input.path.into(), text })
    };
    reader.inputs()?.into_iter().map(file).collect()
}

/// Refuses to go on silently with copies of files that have changed since. A file that is gone is no change.
fn refuse_changed(run: &str, recorded: &[InputFile]) -> Result<(), Failure> {
    let changed = |file: &&InputFile| {
        let now = Inputs::current(vec![(*file).clone()]);
        file.path.exists()
            && now.text(&file.key, &file.path.to_string_lossy(), "").ok().as_ref() != Some(&file.text)
            // It was made of a run, a history or a class, and is no copy of any.
            && ![continued::KEY, own::KEY].contains(&&*file.key)
    };
    let changed: Vec<String> = recorded
        .iter()
        .filter(changed)
        .map(|file| format!("{} ({})", file.path.display(), file.key))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{run}: changed since the run was begun: {}\nhint: --inputs recorded continues with the run's own copies, \
         --inputs current with the files as they are now",
        changed.join(", ")
    )))
}

/// Refuses a function in a run that another one has evaluated: their scores could not be compared.
pub(crate) fn refuse_other_function(folder: &Path, text: &str) -> Result<(), Failure> {
    let recorded = recorded_inputs(&Reader::open(folder)?)?;
    match recorded.iter().find(|file| file.key == "environment.evaluation.evaluator") {
        Some(file) if file.text != text => Err(Failure::usage(format!(
            "{}: another function has evaluated this run's candidates\nhint: give the one that the run began with, or \
             begin a new run",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// Who hears of a session, and what may end it early.
pub(crate) struct Hearing<'a> {
    /// Whether stderr hears nothing: no progress and no remarks.
    pub quiet: bool,
    /// Turns true when the session is to end; `None` for Ctrl-C.
    pub interrupt: Option<watch::Receiver<bool>>,
    /// Hears what happens.
    pub hear: &'a mut (dyn FnMut(samara_engine::Event<'_>) + Send),
}

/// A session that has ended.
pub(crate) struct Driven {
    pub ended: Ended,
    rechecked: Option<Rechecked>,
    /// Whether the cache's last answers were written.
    cached: Result<(), LmError>,
    /// The dashboard that was opened along.
    watched: Option<Watched>,
}

impl Driven {
    /// Prints the summary.
    fn printed(self, folder: &Path, output: &args::Output) -> Result<Exit, Failure> {
        let exit = finish(&self.ended, self.rechecked, folder, output)?;
        self.cached?;
        // Who has just interrupted wants it to be over.
        if let (Some(watched), true) = (self.watched, self.ended.ending != Ending::Interrupted) {
            watched.stay()?;
        }
        Ok(exit)
    }

    /// Keeps what was found out beside the journal, and prints nothing.
    pub(crate) fn kept(self, folder: &Path) -> Result<Ended, Failure> {
        if let Some(rechecked) = &self.rechecked {
            best::note(folder, "rechecked", rechecked)?;
        }
        self.cached?;
        Ok(self.ended)
    }
}

/// How a session goes about a run.
pub(crate) struct Way<'a> {
    /// What looks at the opened experiment before anything is recorded.
    pub trial: Option<&'a Trial<'a>>,
    pub watch: args::Watch,
    pub workers: args::Workers,
    pub hearing: Hearing<'a>,
    /// What evaluates, where the settings name a function of the program that samara is part of.
    pub own: Option<Arc<dyn OwnEvaluator>>,
}

fn drive(
    experiment: Experiment,
    folder: &Path,
    (spent, known, cache, checks): (Spent, Known, Option<Arc<AnswerCache>>, Checks),
    way: Way<'_>,
    journal: impl FnOnce(&Experiment, &[Weights]) -> Result<Journal, Failure>,
) -> Result<Driven, Failure> {
    if !experiment.rl.is_empty() {
        return Err(Failure::usage(format!(
            "{}: its candidates are the samples of a policy, which a search can't go on with\nhint: `samara rl --resume -o \
             {0}` goes on with it",
            quoted(&folder.display().to_string())
        )));
    }
    let budget = Budget::new(controls::backstop(&known.limits.budget), spent);
    let shared = Shared { budget, cache, checks, elsewhere: None };
    let runtime = session::runtime()?;
    let ended = runtime.block_on(search(experiment, folder, (&shared, known), way, journal));
    // Abandoned candidates may still wait for their models; their answers would have nowhere to go.
    runtime.shutdown_background();
    let cached = shared.cache.map_or(Ok(()), |cache| cache.finish());
    let Searched { ended, rechecked, watched } = ended?;
    Ok(Driven { ended, rechecked, cached, watched })
}

/// What a search came to, while its threads are still there.
struct Searched {
    ended: Ended,
    rechecked: Option<Rechecked>,
    watched: Option<Watched>,
}

async fn search(
    experiment: Experiment,
    folder: &Path,
    (shared, known): (&Shared, Known),
    way: Way<'_>,
    journal: impl FnOnce(&Experiment, &[Weights]) -> Result<Journal, Failure>,
) -> Result<Searched, Failure> {
    let Way { trial, watch, workers, hearing: Hearing { quiet, interrupt, hear }, own } = way;
    let environment = Arc::clone(&experiment.environment);
    let watching = Watching::begin(&watch)?;
    let mut listening = Listening::begin(&workers, &experiment, quiet).await?;
    let mut shared = shared.clone();
    if let Some(listening) = &mut listening {
        shared.elsewhere = listening.models().await;
    }
    let shared = &shared;
    let _made = session::make_hidden(&experiment, folder)?;
    let Opened { tools, weights } = session::open(&experiment, folder, shared, (quiet, own)).await?;
    let mut interrupt = interrupt.unwrap_or_else(session::interrupts);
    let (mut experiment, prepared) = match trial {
        Some(trial) => tried(trial, experiment, &tools, quiet, &mut interrupt).await?,
        // What a program has brought along may fail in its first function.
        None if experiment.naming.environment == own::NAME && !shared.checks.goes_on => {
            let prepared = brought(&experiment, &tools, &mut interrupt).await?;
            (experiment, Some(prepared))
        }
        None => (experiment, None),
    };
    if !quiet {
        environment.remarks().iter().for_each(|told| remark(told));
    }
    let mut journal = journal(&experiment, &weights)?;
    if let Some(Prepared { texts, calls, .. }) = prepared {
        journal.set_up(&texts, &calls)?;
    }
    if !quiet {
        remark(&format!("run: {}", folder.display()));
    }
    // From here on nobody else writes the run, so that a socket that is there is stale.
    let (_socket, orders) = controls::open(folder);
    let watched = watching.map(|watching| watching.open(folder)).transpose()?;
    let recheck = Recheck::of(&experiment, &tools)?;
    let mut staff = None;
    if let Some(listening) = listening {
        // How many live changes no result, and workers may have slots for as many as there may be.
        experiment.search.concurrency = experiment.search.window;
        staff = Some(listening.open(&experiment, &tools, &journal).await?);
    }
    let Known { given, limits } = known;
    let steered = Steered { control: samara_engine::Control { interrupt, orders }, given, limits };
    let mut heard = |event: samara_engine::Event<'_>| {
        controls::hear(&event, &shared.budget);
        hear(event);
    };
    let ended = session::search(experiment, tools, journal, steered, (quiet, staff), &mut heard).await;
    let ended = ended.map_err(|error| {
        let resumable = error.is_resumable();
        let mut failure = Failure::from(error);
        if resumable {
            failure.message += &format!(
                "\nthe run is kept: `samara resume {}` continues it",
                quoted(&folder.display().to_string())
            );
        }
        failure
    })?;
    let rechecked = match recheck {
        Some(recheck) => recheck.run(&ended).await?,
        None => None,
    };
    Ok(Searched { ended, rechecked, watched })
}

/// How long the initial program is evaluated before that is told.
const WONDERING: Duration = Duration::from_secs(1);

/// Sets an environment up that a program has brought along, before anything is recorded.
async fn brought(
    experiment: &Experiment,
    tools: &Tools,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<Prepared, Failure> {
    let made = prepare(experiment.environment.as_ref(), tools.clone(), experiment.search.seed);
    tokio::select! {
        made = made => Ok(made?),
        _ = interrupt.wait_for(|interrupted| *interrupted) => Err(Failure {
            exit: Exit::Interrupted,
            message: "interrupted while the run was set up: nothing is recorded".to_owned(),
        }),
    }
}

/// Looks at the opened experiment before anything is recorded. What takes long is told, and an interrupt ends it at
/// once: nothing would be lost.
async fn tried(
    trial: &Trial<'_>,
    experiment: Experiment,
    tools: &Tools,
    quiet: bool,
    interrupt: &mut watch::Receiver<bool>,
) -> Result<(Experiment, Option<Prepared>), Failure> {
    let told = async {
        tokio::time::sleep(WONDERING).await;
        if !quiet {
            remark("evaluating the initial program");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        passed = trial.pass(experiment, tools, quiet) => passed,
        () = told => Err(Failure::internal("a remark that came to an end")),
        _ = interrupt.wait_for(|interrupted| *interrupted) => Err(Failure {
            exit: Exit::Interrupted,
            message: "interrupted while the initial program was evaluated: nothing is recorded".to_owned(),
        }),
    }
}

/// What checks the best program of a run again, where its evaluator has a function for that.
struct Recheck {
    evaluation: Evaluation,
    programs: Option<Programs>,
    evaluators: Option<EvaluatorSlots>,
}

impl Recheck {
    fn of(experiment: &Experiment, tools: &Tools) -> Result<Option<Self>, Failure> {
        let (programs, evaluators) = (tools.programs.clone(), tools.evaluators.clone());
        let evaluation = experiment.rechecking()?;
        Ok(evaluation.map(|evaluation| Self { evaluation, programs, evaluators }))
    }

    /// Checks the best program, if there is one: its score, or why it has none.
    async fn run(self, ended: &Ended) -> Result<Option<Rechecked>, Failure> {
        let found = ended.search.population().overall();
        let Some(best) = found.archive().best_of(1).first().map(|elite| elite.id) else { return Ok(None) };
        let genome = found.genome(best);
        let mut bench = Bench::new(self.programs, genome.digest().seed(0)).with_evaluators(self.evaluators);
        let (objective, why) = match self.evaluation.recheck(genome, &mut bench).await {
            Ok(score) => (score.map(|score| score.objective), None),
            Err(Abort::Invalid(reason) | Abort::Failed(reason)) => (None, Some(reason.why)),
            Err(Abort::Run(error)) => return Err(error.into()),
        };
        Ok(Some(Rechecked { candidate: best, objective, why }))
    }
}

/// Why a session ended, where that is to be told.
fn why(ended: &Ended, summary: &Summary) -> Option<String> {
    Some(match ended.ending {
        Ending::Target => "search.target_score is reached".to_owned(),
        Ending::Patience => "nothing has become better for search.patience candidates".to_owned(),
        Ending::Budget => "the budget is spent".to_owned(),
        Ending::WallTime => "search.budget.wall_time_s is over".to_owned(),
        Ending::Completed if summary.is_of_programs => {
            format!("all {} candidates are made", summary.candidates)
        }
        Ending::Completed | Ending::Interrupted => return None,
    })
}

fn finish(
    ended: &Ended,
    rechecked: Option<Rechecked>,
    folder: &Path,
    output: &args::Output,
) -> Result<Exit, Failure> {
    let reader = Reader::open(folder)?;
    let header = reader.header().clone();
    let mut summary = Summary::new(
        header.experiment,
        Some(header.seed),
        (ended.search.population(), ended.search.settled()),
        &reader.totals()?,
    )
    .with_initial(&reader)?
    .with_test(ended.search.population().overall());
    summary.cached_calls = Some(reader.cached_calls()?).filter(|calls| *calls > 0);
    summary.ended = Some(ended.ending.name().to_owned());
    summary.folder = Some(folder.display().to_string());
    if let Some(rechecked) = &rechecked {
        best::note(folder, "rechecked", rechecked)?;
    }
    summary.rechecked = rechecked;
    let best = folder.join(best::FOLDER);
    summary.best_folder = best.is_dir().then(|| best.display().to_string());
    match output.format {
        Format::Json => print_json(&summary)?,
        Format::Human => {
            let session = &ended.session;
            let rate = rough(session.settled as f64 / session.seconds.max(1e-9));
            let mut text = summary.to_text();
            text += &format!("time        {:.1} s, {rate} candidates/s\n", session.seconds);
            text += &why(ended, &summary).map(|why| format!("ended       {why}\n")).unwrap_or_default();
            if let Some(best) = &summary.best_folder {
                text += &format!("best        {best}\n");
            }
            text += &match ended.ending {
                Ending::Interrupted => {
                    format!("continue    samara resume {}\n", quoted(&folder.display().to_string()))
                }
                _ => format!("inspect     samara show {}\n", quoted(&folder.display().to_string())),
            };
            print(&text)?;
        }
    }
    Ok(match ended.ending {
        Ending::Interrupted => Exit::Interrupted,
        Ending::Budget | Ending::WallTime
            if ended.search.population().overall().archive().stats().cells_filled == 0 =>
        {
            Exit::Budget
        }
        Ending::Completed | Ending::Target | Ending::Patience | Ending::Budget | Ending::WallTime => Exit::Ok,
    })
}
