//! An environment that the program that samara is part of brings along, such as a class of Python.
//!
//! It is no entry of the registry: settings alone can't name one. What it is called and asks is in its section, its text
//! is kept by the run, and a run goes on with the same text only. Drafts are evaluated in the judge's stage, where models
//! may be asked.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use samara_engine::{
    Abort, About, Asker, Context, EngineError, Environment, Future, OwnEnvironment, Roles, Talked,
};
use samara_search::{Genome, Invalid, Plan, Proposer, Score, Strategy, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    InputFile,
    evaluator::evaluation::answered,
    source::{Source, expect_no_operator},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "python";

/// The setting that names the class; its text is kept under it.
pub const KEY: &str = "environment.class";

/// Characters of a reason.
const MOST_OF_A_REASON: usize = 300;

/// What an environment may ask of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Asks {
    /// `models.generator`, to complete prompts.
    Generator,
    /// `models.judge`, to score answers.
    Judge,
    /// `models.judge`, to write answers.
    Answers,
    /// `models.embedder`, to embed texts.
    Embedder,
}

/// The `[environment]` section, which the program writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnSettings {
    /// The class's name.
    class: String,
    /// What is asked of models. Default: nothing.
    #[serde(default)]
    asks: BTreeSet<Asks>,
    /// Seconds that one call of its functions may take beside waiting for models. Default: as long as it wants.
    #[serde(default)]
    #[schemars(range(max = 1e9), extend("exclusiveMinimum" = 0))]
    timeout_s: Option<f64>,
}

struct Hosted {
    settings: OwnSettings,
    /// The names of the archive's axes.
    axes: Vec<String>,
    own: Arc<dyn OwnEnvironment>,
}

/// Builds it of what the program has brought along.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    if let Strategy::Own(name) = &source.search.strategy {
        let what = format!("`{name}` is no strategy of a class of Python");
        return Err(Invalid::new(
            "search.strategy",
            what,
            "choose qdaif or random_search; plan does the rest",
        ));
    }
    let settings: OwnSettings = schema::read(source.section, "environment")?;
    let class = &settings.class;
    let Some(own) = source.own else {
        let what = format!("`{class}` is a class of the Python program that began this run");
        let hint = format!("go on from Python: samara.resume(path, environment={class}())");
        return Err(Invalid::new(KEY, what, hint));
    };
    match source.inputs.kept(KEY) {
        None => {
            source.inputs.provide(InputFile { key: KEY.to_owned(), path: class.into(), text: own.text() });
        }
        Some(text) if text == own.text() => {}
        Some(_) => {
            let what = "is another class, or has other values, than what has made this run's candidates";
            let hint = "give the one that the run began with, or begin a new run";
            return Err(Invalid::new(KEY, what, hint));
        }
    }
    let axes = source.axes.iter().map(|axis| axis.name.clone()).collect();
    Ok(Arc::new(Hosted { settings, axes, own: Arc::clone(own) }))
}

impl Hosted {
    /// Runs one of its functions; a late one is of the given fate.
    async fn call<T: Send + 'static>(
        &self,
        context: &mut Context,
        late: fn(String) -> Abort,
        function: impl FnOnce(&dyn OwnEnvironment, &Asker) -> Result<T, Abort> + Send + 'static,
    ) -> Result<T, Abort> {
        let own = Arc::clone(&self.own);
        let limit = self.settings.timeout_s.map(Duration::from_secs_f64);
        match context.converse(limit, move |asker| function(own.as_ref(), asker)).await? {
            Talked::Through(done) => done,
            Talked::Late => {
                let seconds = self.settings.timeout_s.unwrap_or_default();
                Err(late(format!("took longer than {seconds} s (environment.timeout_s)")))
            }
        }
    }
}

impl Environment for Hosted {
    fn name(&self) -> &str {
        NAME
    }

    fn roles(&self) -> Roles {
        let asks = |what| self.settings.asks.contains(&what);
        Roles {
            generator: asks(Asks::Generator),
            judge: asks(Asks::Judge),
            answers: asks(Asks::Answers),
            embedder: asks(Asks::Embedder),
            sandbox: false,
        }
    }

    fn about(&self) -> About {
        About::Nothing
    }

    fn set_up<'a>(&'a self, context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async move {
            let made = self.call(context, Abort::failed, |own, asker| own.set_up(asker)).await;
            made.map_err(|abort| match abort {
                Abort::Run(error) => Abort::Run(error),
                Abort::Invalid(reason) | Abort::Failed(reason) => {
                    let traceback = reason.artifacts.iter().find(|left| left.name == "traceback");
                    let below = traceback.and_then(|left| left.as_text()).unwrap_or_default();
                    let why: String = reason.why.chars().take(MOST_OF_A_REASON).collect();
                    let what = format!("{why}\n{below}");
                    Abort::Run(EngineError::Settings(Invalid::new(KEY, what.trim_end(), "mend set_up")))
                }
            })
        })
    }

    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer> {
        self.own.proposer(pool)
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        let plan = plan.clone();
        Box::pin(self.call(context, Abort::failed, move |own, asker| own.write(&plan, asker)))
    }

    fn judge<'a>(&'a self, draft: &'a Genome, _score: Score, context: &'a mut Context) -> Future<'a, Score> {
        let draft = draft.clone();
        Box::pin(async move {
            let json =
                self.call(context, Abort::invalid, move |own, asker| own.evaluate(&draft, asker)).await?;
            answered(&json, &self.axes)
        })
    }
}
