//! Models that take a few requests at once: no more candidates begin than they have room for.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use samara_engine::{Context, Control, Environment, Future, Models, Tools};
use samara_lm::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, ErrorKind, Finish, LanguageModel,
    LmError, Needs, Reply, Sampling, ScoreRequest, Usage,
};
use samara_search::{Genome, Plan, Proposer};
use tokio::sync::{Semaphore, watch};

use crate::numbers::{Numbers, settings};

/// A model that answers a few requests at a time.
#[derive(Debug)]
struct Few {
    room: usize,
    places: Semaphore,
    /// Requests that it has and those that wait, now and at most.
    asked: Mutex<(usize, usize)>,
    answered: AtomicUsize,
}

impl Few {
    fn new(room: usize) -> Arc<Self> {
        let (places, answered) = (Semaphore::new(room.min(1000)), AtomicUsize::new(0));
        Arc::new(Self { room, places, asked: Mutex::default(), answered })
    }
}

fn not_asked<'a, T: Send + 'a>() -> Reply<'a, T> {
    let (kind, message) = (ErrorKind::Unsupported, "nobody asks this".to_owned());
    Box::pin(async move { Err(LmError { kind, message, hint: None, attempts: 0 }) })
}

impl LanguageModel for Few {
    fn complete<'a>(&'a self, _request: &'a CompletionRequest) -> Reply<'a, Completion> {
        Box::pin(async move {
            {
                let (now, most) = &mut *self.asked.lock().unwrap();
                *now += 1;
                *most = (*now).max(*most);
            }
            let _place = self.places.acquire().await.unwrap();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            self.asked.lock().unwrap().0 -= 1;
            self.answered.fetch_add(1, Ordering::Relaxed);
            Ok(Completion { text: "1".into(), finish: Finish::Stop, usage: Usage::default() })
        })
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
        "few"
    }
    fn room(&self) -> usize {
        self.room
    }
}

/// Numbers that a model is asked for, three times each.
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
            let request = CompletionRequest { prompt: "A number:".into(), instructions: None, sampling };
            for _ in 0..3 {
                context.complete(request.clone()).await?;
            }
            self.0.write(plan, context).await
        })
    }

    fn evaluator(&self) -> Option<Arc<dyn samara_engine::Evaluator>> {
        self.0.evaluator()
    }
}

/// A run of 40 candidates, up to 32 alive, with a model; its archive's hash.
async fn run(model: &Arc<Few>) -> String {
    let (numbers, folder) = (Numbers::below(50), tempfile::tempdir().unwrap());
    let mut run = numbers.run(&settings(40, 32, 1), folder.path());
    let models = Models { generator: vec![model.clone()], ..Models::default() };
    run.tools = Tools { models, ..Tools::default() };
    run.environment = Arc::new(Asking(numbers));
    let (_sender, interrupt) = watch::channel(false);
    let ended = run.run(Control::interrupt(interrupt), &mut |_| ()).await.unwrap();
    assert_eq!(model.answered.load(Ordering::Relaxed), 120);
    ended.search.population().archive_hash()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_begin_as_their_models_have_room_for_their_questions() {
    let (one, eight, any) = (Few::new(1), Few::new(8), Few::new(usize::MAX));
    let hash = run(&any).await;
    assert_eq!(run(&one).await, hash, "how many live changes nothing");
    assert_eq!(run(&eight).await, hash, "how many live changes nothing");
    let most = |model: &Few| model.asked.lock().unwrap().1;
    assert!(most(&one) <= 2, "one is answered, one waits: {}", most(&one));
    assert!(most(&eight) <= 11, "eight are answered, three wait: {}", most(&eight));
}
