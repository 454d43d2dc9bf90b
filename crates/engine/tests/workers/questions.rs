//! Questions to models that workers have: what is answered there is what the model would say here, a lost question is asked
//! again, and nobody answers for another model.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use samara_engine::workers::{
    Asking, Census, Desk, Done, Duty, Equip, Equipped, Link as _, Local, Meant, Outcome, PROTOCOL, Patience,
    Reply, Request, Task, Ticket,
};
use samara_lm::{
    Budget, CompletionRequest, Elsewhere, EmbedRequest, ErrorKind, Introduction, LanguageModel, LmError,
    ModelSettings, Penalties, Respondent, Said, Sampling, ScoreRequest, open, open_elsewhere,
};
use samara_search::Score;
use serde_json::json;

use crate::{
    chaos::{Odds, brief, torment},
    suite::{VERSION, Worker, answer_to, patient},
    transports::{Transport, all},
};

/// A model that errs now and then, so that questions are asked again.
const SCRIPT: &str = "
faults = [
    { kind = \"rate_limit\", rate = 0.2, retry_after_ms = 1 },
    { kind = \"truncated\", rate = 0.1 },
]
complete = [{ answers = [\"one\", \"two\", \"three\", \"four\", \"five\"] }]
score = [{ noise = 3.0 }]
";

/// A model of a script, as a run means it.
fn scripted(folder: &Path, name: &str, script: &str) -> ModelSettings {
    let path = folder.join(name);
    std::fs::write(&path, script).unwrap();
    ModelSettings {
        max_attempts: 50,
        ..ModelSettings::parse(&format!("scripted:{}", path.display())).unwrap()
    }
}

fn desk(settings: &ModelSettings, patience: Patience) -> Arc<Desk> {
    let task = Task {
        samara: VERSION.to_owned(),
        duty: Duty::Ask { models: vec![Meant::new("judge", settings)] },
        files: Vec::new(),
        labels: Vec::new(),
    };
    Desk::new("0123456789abcdef0123456789abcdef", task, BTreeMap::new(), patience).0
}

/// A worker's models.
struct Having(Vec<ModelSettings>);

impl Equip for Having {
    fn equip(&self, task: &Task, _folder: &Path, _slots: u32) -> Result<Equipped, String> {
        let Duty::Ask { models } = &task.duty else { panic!() };
        let open = |meant: &Meant| {
            let reached = meant.reached(&self.0).ok_or("it has no such model")?;
            Respondent::open(&reached).map(Arc::new).map_err(|error| error.to_string())
        };
        Ok(Equipped::Models(models.iter().map(open).collect::<Result<_, String>>()?))
    }
}

/// The model of a desk's workers, once one has it.
async fn elsewhere(desk: &Arc<Desk>, settings: &ModelSettings) -> Arc<dyn LanguageModel> {
    let carrier = Asking::new(Arc::clone(desk));
    let introduction = carrier.introductions().await.remove(0);
    open_elsewhere(settings, Elsewhere { model: 0, introduction, carrier }, Budget::unlimited(), None)
        .unwrap()
}

fn request(seed: u64) -> CompletionRequest {
    let sampling = Sampling {
        max_tokens: 8,
        temperature: 0.9,
        top_p: 0.95,
        stop: vec!["\n".to_owned()],
        seed,
        penalties: Penalties::default(),
    };
    CompletionRequest { prompt: format!("Number {seed}:"), instructions: None, sampling }
}

/// What a model says to many questions at once, without how long that took.
async fn said_by(model: &Arc<dyn LanguageModel>) -> Vec<String> {
    let asking = (0..60_u64).map(|seed| {
        let model = Arc::clone(model);
        tokio::spawn(async move {
            match seed % 3 {
                0 => {
                    let answers = vec![" yes".to_owned(), " no".to_owned()];
                    let request = ScoreRequest { prompt: format!("Is {seed} good?"), answers, seed };
                    let score = model.score(&request).await.unwrap();
                    format!("{:?} {}", score.log_probabilities, score.usage.attempts)
                }
                1 => {
                    let texts = vec![format!("text {seed}"), "another".to_owned()];
                    let embedded = model.embed(&EmbedRequest { texts, queries: Vec::new() }).await.unwrap();
                    format!("{:?} {}", embedded.vectors, embedded.usage.attempts)
                }
                _ => {
                    let completion = model.complete(&request(seed)).await.unwrap();
                    format!("{:?} {:?} {}", completion.text, completion.finish, completion.usage.attempts)
                }
            }
        })
    });
    let mut said = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        said.push(asked.await.unwrap());
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_workers_have_says_what_it_would_say_here() {
    let folder = tempfile::tempdir().unwrap();
    let settings = scripted(folder.path(), "script.toml", SCRIPT);
    let here = said_by(&open(&settings, Budget::unlimited()).unwrap()).await;
    assert!(here.iter().any(|said| said.ends_with(" 2")), "some were asked again: {here:?}");
    for transport in all() {
        let desk = desk(&settings, patient());
        let way = Transport::open(transport, &desk).await;
        let _workers: Vec<Worker> = (0..2)
            .map(|_| Worker::start(way.link(), Arc::new(Having(vec![settings.clone()])), folder.path(), 4))
            .collect();
        let model = elsewhere(&desk, &settings).await;
        assert_eq!(said_by(&model).await, here, "{transport}");
        assert_eq!((desk.census().lost, desk.census().refused, desk.census().waiting), (0, 0, 0));
        desk.close();
        way.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_and_messages_that_are_lost_repeated_and_overtaken_change_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let settings = scripted(folder.path(), "script.toml", SCRIPT);
    let here = said_by(&open(&settings, Budget::unlimited()).unwrap()).await;
    let odds = Odds { lost: 5, unheard: 5, twice: 5, late: 10, stale: 10 };
    for transport in all() {
        let desk = desk(&settings, brief());
        let way = Arc::new(Transport::open(transport, &desk).await);
        let kit = Arc::new(Having(vec![settings.clone()]));
        let torment = tokio::spawn(torment(Arc::clone(&desk), Arc::clone(&way), kit, 11, odds));
        let model = elsewhere(&desk, &settings).await;
        assert_eq!(said_by(&model).await, here, "{transport}");
        let Census { held, waiting, refused, .. } = desk.census();
        assert_eq!((held, waiting, refused), (0, 0, 0), "{transport}");
        torment.abort();
    }
}

/// What a worker says of a model.
fn introduced(settings: &ModelSettings) -> Introduction {
    Respondent::open(settings).unwrap().introduction().clone()
}

/// Enters a worker that says it has a model, and asks for nothing.
async fn enter(desk: &Arc<Desk>, model: Introduction) -> (u64, Reply) {
    let link = Local(Arc::clone(desk));
    let hello = Request::Hello {
        protocol: PROTOCOL,
        samara: VERSION.to_owned(),
        name: "by hand".to_owned(),
        slots: 2,
        labels: Vec::new(),
    };
    let Reply::Welcome { worker, .. } = link.ask(&hello).await.unwrap() else { panic!() };
    let ready = Request::Ready { worker, isolation: None, refuses: None, models: vec![model] };
    (worker, link.ask(&ready).await.unwrap())
}

async fn take(desk: &Arc<Desk>, worker: u64) -> Ticket {
    loop {
        let request = Request::Take { worker, most: 1, holds: Vec::new(), wait: true };
        let Reply::Tickets { mut tickets, .. } = desk.reply(request).await else { panic!() };
        if let Some(ticket) = tickets.pop() {
            return ticket;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_lost_with_a_worker_is_asked_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let settings = scripted(folder.path(), "script.toml", "complete = [{ answers = [\"one\", \"two\"] }]");
    let desk = desk(&settings, Patience::default());
    let (silent, reply) = enter(&desk, introduced(&settings)).await;
    assert_eq!(reply, Reply::Noted { drop: Vec::new() });
    // One attempt and a second in all: waiting for somebody who answers is not the model's time.
    let hasty = ModelSettings { deadline_s: 1.0, timeout_s: 1.0, max_attempts: 1, ..settings.clone() };
    let model = elsewhere(&desk, &hasty).await;
    let asked = tokio::spawn(async move { model.complete(&request(7)).await });
    let ticket = take(&desk, silent).await;
    let _honest = Worker::start(
        Arc::new(Local(Arc::clone(&desk))),
        Arc::new(Having(vec![settings.clone()])),
        folder.path(),
        1,
    );
    let answer = asked.await.unwrap().unwrap();
    let here = open(&settings, Budget::unlimited()).unwrap().complete(&request(7)).await.unwrap();
    assert_eq!((answer.text, answer.usage.attempts), (here.text, 1));
    assert_eq!((desk.census().lost, desk.census().evaluated), (1, 1));
    // The one that had it wakes up: its answer changes nothing.
    let done = Request::Done { worker: silent, answers: vec![answer_to(&ticket, said(&json!("late")))] };
    assert_eq!(desk.reply(done).await, Reply::Noted { drop: Vec::new() });
    assert_eq!(desk.census().late, 1);
}

/// An answer with a text.
fn said(text: &serde_json::Value) -> Outcome {
    answered(&json!({ "text": [text, "stop"] }))
}

fn answered(value: &serde_json::Value) -> Outcome {
    let said: Said = serde_json::from_value(json!({ "answer": { "value": value, "tokens": null } })).unwrap();
    Outcome::Said(said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_no_answer_to_a_question_is_refused_or_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = scripted(folder.path(), "script.toml", SCRIPT);
    let desk = desk(&settings, patient());
    let (liar, _) = enter(&desk, introduced(&settings)).await;
    let model = elsewhere(&desk, &settings).await;
    let asked = tokio::spawn(async move { model.complete(&request(7)).await });
    let ticket = take(&desk, liar).await;
    let scored = answer_to(&ticket, Outcome::Scored(Score::new(1.0, vec![0.5])));
    let reply = desk.reply(Request::Done { worker: liar, answers: vec![scored] }).await;
    assert!(matches!(&reply, Reply::Refused { why } if why.contains("question")), "{reply:?}");
    // A model's answer, but to another question: the client asks again, three times at most.
    for wrong in [json!({ "vectors": [[1.0]] }), json!({ "models": [] }), json!({ "texts": ["a", "b"] })] {
        let ticket = take(&desk, liar).await;
        let answers = vec![answer_to(&ticket, answered(&wrong))];
        assert_eq!(
            desk.reply(Request::Done { worker: liar, answers }).await,
            Reply::Noted { drop: Vec::new() }
        );
    }
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.attempts), (ErrorKind::Malformed, 3), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_with_another_model_or_other_weights_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = scripted(folder.path(), "script.toml", SCRIPT);
    let other = scripted(folder.path(), "other.toml", "complete = [{ answers = [\"other\"] }]");
    let desk = desk(&settings, patient());
    let worker = |having: Vec<ModelSettings>| {
        let link = Arc::new(Local(Arc::clone(&desk)));
        Worker::start(link, Arc::new(Having(having)), folder.path(), 1).working
    };
    // Who has none says so itself.
    assert_eq!(worker(Vec::new()).await.unwrap(), Done::Refused("it has no such model".to_owned()));
    let (_, first) = enter(&desk, introduced(&settings)).await;
    assert_eq!(first, Reply::Noted { drop: Vec::new() });
    let Done::Refused(why) = worker(vec![other.clone()]).await.unwrap() else { panic!() };
    assert_eq!(why, "its judge is another model, or has other weights");
    let (_, again) = enter(&desk, introduced(&settings)).await;
    assert_eq!(again, Reply::Noted { drop: Vec::new() });
    assert_eq!(desk.census().workers, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_do_not_reach_their_model_give_the_question_back_until_that_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on the first port.
    let settings = ModelSettings {
        // It is tried for so long; a busy machine must not take that for a server that does not answer.
        timeout_s: 3.0,
        model: Some("m".to_owned()),
        ..ModelSettings::parse("http://127.0.0.1:1/v1").unwrap()
    };
    let desk = desk(&settings, patient());
    let workers: Vec<Worker> = (0..3)
        .map(|_| {
            let link = Arc::new(Local(Arc::clone(&desk)));
            Worker::start(link, Arc::new(Having(vec![settings.clone()])), folder.path(), 1)
        })
        .collect();
    let model = elsewhere(&desk, &settings).await;
    let LmError { kind, message, hint, .. } = model.complete(&request(1)).await.unwrap_err();
    assert_eq!(kind, ErrorKind::Unreachable, "{message}");
    assert!(message.contains("3 workers could not ask question 0 to a model"), "{message}");
    assert!(hint.as_deref().is_some_and(|hint| hint.contains("samara model check")), "{hint:?}");
    for worker in workers {
        assert!(matches!(worker.working.await.unwrap(), Done::Broken(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_travels_to_workers_leads_to_no_address_key_or_file_of_the_coordinator() {
    let settings = ModelSettings {
        api_key_env: Some("INNER_KEY".to_owned()),
        headers: BTreeMap::from([("x-inner".to_owned(), "env:INNER".to_owned())]),
        ..ModelSettings::parse("http://inner.example:8000/v1#m").unwrap()
    };
    let desk = desk(&settings, patient());
    let hello = json!({
        "say": "hello", "protocol": PROTOCOL, "samara": VERSION, "name": "w", "slots": 1, "labels": [],
    });
    let reply = desk.reply_to(hello.to_string().as_bytes()).await.unwrap();
    let reply = String::from_utf8(reply).unwrap();
    assert!(reply.contains("\"model\":\"m\""), "{reply}");
    assert!(!reply.to_lowercase().contains("inner"), "{reply}");
}
