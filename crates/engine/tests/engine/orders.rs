//! What is asked of a run while it goes on is recorded with the first candidate that it is for: the run is the same when
//! it was killed anywhere and resumed, and when another run is asked the same.

use std::{collections::VecDeque, path::Path, sync::Arc};

use samara_engine::{Command, Context, Control, Ending, Environment, Event, Future, Models, Run, Tools};
use samara_journal::{Cells, Contents, EventKind, Journal, Live, Reader};
use samara_lm::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, ErrorKind, Finish, LanguageModel,
    LmError, Needs, Reply, Sampling, ScoreRequest, Usage,
};
use samara_search::{Candidate, Genome, Limit, Order, Plan, Proposer, SearchSettings};
use tokio::sync::{mpsc, oneshot, watch};

use crate::numbers::{Numbers, header, settings};

/// A model whose answer follows from what it is told above the prompt.
#[derive(Debug)]
struct Told {
    chats: bool,
}

fn not_asked<'a, T: Send + 'a>() -> Reply<'a, T> {
    let (kind, message) = (ErrorKind::Unsupported, "nobody asks this".to_owned());
    Box::pin(async move { Err(LmError { kind, message, hint: None, attempts: 0 }) })
}

impl LanguageModel for Told {
    fn complete<'a>(&'a self, request: &'a CompletionRequest) -> Reply<'a, Completion> {
        let told = request.instructions.clone().unwrap_or_default();
        let number =
            told.bytes().fold(request.sampling.seed, |sum, byte| sum * 31 % 10_007 + u64::from(byte));
        let usage = Usage { tokens_in: 1 + number % 3, ..Usage::default() };
        Box::pin(async move { Ok(Completion { text: number.to_string(), finish: Finish::Stop, usage }) })
    }
    fn score<'a>(&'a self, _request: &'a ScoreRequest) -> Reply<'a, samara_lm::Score> {
        not_asked()
    }
    fn embed<'a>(&'a self, _request: &'a EmbedRequest) -> Reply<'a, Embeddings> {
        not_asked()
    }
    fn probe(&self, _needs: Needs) -> Reply<'_, Capabilities> {
        not_asked()
    }
    fn label(&self) -> &str {
        "told"
    }
    fn asked(&self, request: &CompletionRequest) -> String {
        format!("{}{}", request.instructions.as_deref().unwrap_or_default(), request.prompt)
    }
    fn takes_instructions(&self) -> bool {
        self.chats
    }
}

/// Numbers that follow from a parent and from what a model says.
struct Asking(Numbers);

impl Environment for Asking {
    fn name(&self) -> &str {
        "numbers"
    }

    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer> {
        self.0.proposer(pool)
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move {
            let sampling = Sampling {
                max_tokens: 1,
                temperature: 1.0,
                top_p: 1.0,
                stop: Vec::new(),
                seed: 0,
                penalties: Default::default(),
            };
            let request = CompletionRequest { prompt: ">".into(), instructions: None, sampling };
            let said: u64 = context.complete(request).await?.text.parse().unwrap();
            let drawn = crate::numbers::number(&self.0.write(plan, context).await?);
            Ok(Genome::text_of(((drawn + said) % self.0.many as u64).to_string()))
        })
    }

    fn evaluator(&self) -> Option<Arc<dyn samara_engine::Evaluator>> {
        self.0.evaluator()
    }
}

fn run(settings: &SearchSettings, folder: &Path) -> Run {
    let numbers = Numbers::below(4000);
    let mut run = numbers.run(settings, folder);
    let models = Models { generator: vec![Arc::new(Told { chats: true })], ..Models::default() };
    run.tools = Tools { models, ..Tools::default() };
    run.environment = Arc::new(Asking(numbers));
    run
}

/// What a session came to: the archive's hash, its candidates, what became of the orders.
struct Came {
    ending: Ending,
    hash: String,
    candidates: Vec<Candidate>,
    replies: Vec<Result<Live, String>>,
}

/// A session that is asked each of `orders` once so many candidates are settled.
async fn steered(run: Run, orders: &[(u64, Order)]) -> Came {
    let (_sender, interrupt) = watch::channel(false);
    let (commands, heard) = mpsc::channel(64);
    let (mut orders, mut coming) = (orders.iter().cloned().collect::<VecDeque<_>>(), Vec::new());
    let mut candidates = Vec::new();
    let ended = run
        .run(Control { interrupt, orders: Some(heard) }, &mut |event| {
            let Event::Settled { candidate, .. } = event else { return };
            candidates.push(candidate.clone());
            while let Some((_, order)) = orders.pop_front_if(|(after, _)| *after == candidate.index + 1) {
                let (reply, told) = oneshot::channel();
                commands.try_send(Command { order, reply }).unwrap();
                coming.push(told);
            }
        })
        .await
        .unwrap();
    let mut replies = Vec::new();
    for told in coming {
        replies.push(told.await.unwrap_or_else(|_| Err("the run has ended".to_owned())));
    }
    Came { ending: ended.ending, hash: ended.search.population().archive_hash(), candidates, replies }
}

/// A search of one call a candidate that may make 100 of them.
fn limited(concurrency: usize, islands: u32) -> SearchSettings {
    let mut settings = settings(240, concurrency, islands);
    settings.budget.calls = Some(100);
    settings
}

fn orders() -> Vec<(u64, Order)> {
    let calls = |most| Order::Budget(Limit::Calls(most));
    vec![
        (5, Order::Note("rhyme".into())),
        // By then nothing more is planned: the budget is spent but for those alive.
        (80, calls(130)),
        (100, Order::StopAfter(40)),
        (105, calls(300)),
        (110, Order::Budget(Limit::Candidates(400))),
        (120, Order::Note("be brief".into())),
        (135, Order::StopAfter(200)),
        (150, Order::Note(String::new())),
        (170, Order::Finish),
    ]
}

/// The first `until` candidates of a run with all that happened by then, as a kill behind them leaves it.
fn killed(whole: &Path, until: u64, settings: &SearchSettings, folder: &Path) {
    let reader = Reader::open(whole).unwrap();
    let tessellation = reader.tessellations().unwrap()[0].tessellation.clone();
    let contents = Contents {
        inputs: Vec::new(),
        tessellations: vec![Cells { island: 0, from_index: 0, tessellation }],
    };
    let mut journal = Journal::create(&folder.join("run.db"), &header(settings.seed), &contents).unwrap();
    journal.set_up(&[], &[]).unwrap();
    let events = reader.events().unwrap();
    for index in 0..until {
        let (candidate, life) = reader.candidate(index).unwrap().unwrap();
        let here: Vec<_> = events.iter().filter(|event| event.after == index + 1).cloned().collect();
        journal.append(&candidate, &life, &here).unwrap();
    }
}

/// Kills the `whole` run after `cut` candidates and resumes it. What had not been asked by then is asked as another run was.
async fn is_the_same_when_killed(home: &Path, cut: u64, settings: &SearchSettings, whole: &Came) {
    let events = Reader::open(home).unwrap().events().unwrap();
    let folder = tempfile::tempdir().unwrap();
    killed(home, cut, settings, folder.path());
    let mut resumed = run(settings, folder.path());
    resumed.controls = events.clone();
    let resumed = steered(resumed, &[]).await;
    assert_eq!(resumed.hash, whole.hash, "killed after {cut}");
    assert_eq!(resumed.candidates, whole.candidates[cut as usize..], "killed after {cut}");
    assert_eq!(Reader::open(folder.path()).unwrap().events().unwrap(), events, "killed after {cut}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_steered_is_the_same_after_any_kill_and_when_another_is_asked_the_same() {
    for (concurrency, islands) in [(8, 1), (32, 4), (1, 1)] {
        let (settings, home) = (limited(concurrency, islands), tempfile::tempdir().unwrap());
        let whole = steered(run(&settings, home.path()), &orders()).await;
        assert_eq!(whole.ending, Ending::Completed);
        for (reply, (after, order)) in whole.replies.iter().zip(orders()) {
            let live = reply.as_ref().unwrap_or_else(|why| panic!("{order:?} after {after}: {why}"));
            assert!(live.order == order && live.first >= after, "{live:?}");
        }
        let reader = Reader::open(home.path()).unwrap();
        let events = reader.events().unwrap();
        let lives: Vec<Live> =
            samara_journal::controls::lives(&events).map(|(_, live)| live.clone()).collect();
        assert_eq!(lives.len(), orders().len());
        let last = lives.last().unwrap().first;
        assert_eq!(
            (reader.len().unwrap(), whole.candidates.len() as u64),
            (last, last),
            "it was finished there"
        );
        for index in 0..last {
            let (_, life) = reader.candidate(index).unwrap().unwrap();
            let note = samara_journal::controls::notes(&events);
            let note = samara_journal::controls::note_of(&note, index).unwrap_or_default();
            assert_eq!(life.calls[0].prompt, format!("{note}>"), "candidate {index}");
        }
        let mut cuts: Vec<u64> = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Control(_)))
            .flat_map(|event| [event.after - 1, event.after, event.after + 1])
            .chain([1, 60, 99, last])
            .filter(|cut| (1..=last).contains(cut))
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        for cut in cuts {
            is_the_same_when_killed(home.path(), cut, &limited(33 - concurrency, islands), &whole).await;
        }
        let other = tempfile::tempdir().unwrap();
        let mut again = run(&limited(33 - concurrency, islands), other.path());
        again.controls = events;
        let again = steered(again, &[]).await;
        assert_eq!((again.hash, again.candidates), (whole.hash, whole.candidates), "asked the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_finished_ends_as_one_that_was_to_be_so_long() {
    let home = tempfile::tempdir().unwrap();
    let came = steered(run(&settings(240, 16, 1), home.path()), &[(50, Order::Finish)]).await;
    let made = came.candidates.len() as u64;
    assert!((50..240).contains(&made) && came.replies[0].as_ref().unwrap().first == made, "{made}");
    let mut short = settings(240, 4, 1);
    short.total_steps = made;
    let other = tempfile::tempdir().unwrap();
    assert_eq!(steered(run(&short, other.path()), &[]).await.hash, came.hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_as_the_last_candidate_settles_is_followed() {
    for concurrency in [1, 8, 32] {
        let mut longer = settings(40, concurrency, 1);
        longer.budget.calls = Some(30);
        let orders = [
            (30, Order::Budget(Limit::Calls(1000))),
            (40, Order::Budget(Limit::Candidates(60))),
            (60, Order::Note("too late for anything".into())),
        ];
        let home = tempfile::tempdir().unwrap();
        let came = steered(run(&longer, home.path()), &orders).await;
        assert_eq!((came.ending, came.candidates.len()), (Ending::Completed, 60), "{:?}", came.replies);
        assert!(came.replies.iter().all(Result::is_ok), "{:?}", came.replies);
        for cut in [29, 30, 31, 39, 40, 41, 59] {
            is_the_same_when_killed(home.path(), cut, &longer, &came).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_nothing_is_refused_and_recorded_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let mut deaf = run(&settings(60, 4, 1), home.path());
    deaf.tools.models.generator = vec![Arc::new(Told { chats: false })];
    let orders = [
        Order::Note("rhyme".into()),
        Order::StopAfter(1000),
        Order::Budget(Limit::Calls(5)),
        Order::Budget(Limit::Candidates(3)),
    ];
    let came = steered(deaf, &orders.map(|order| (10, order))).await;
    let why: Vec<&str> = came.replies.iter().map(|reply| reply.as_ref().unwrap_err().as_str()).collect();
    assert!(why[0].contains("told instructions") && why[1].contains("by itself"), "{why:?}");
    assert!(why[2].contains("not limited") && why[3].contains("only be raised"), "{why:?}");
    assert_eq!(Reader::open(home.path()).unwrap().events().unwrap(), []);
    assert_eq!(came.candidates.len(), 60);
}
