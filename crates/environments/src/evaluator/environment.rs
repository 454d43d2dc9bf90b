//! The environment: programs written by operators, evaluated by a user's evaluator, told apart by measures.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use samara_engine::{
    Abort, About, Bench, Context, EngineError, Environment, Evaluator, Future, Roles, Screen,
};
use samara_lm::{CompletionRequest, Sampling};
use samara_sandbox::EvaluatorOptions;
use samara_search::{
    Genome, Index, Invalid, Plan, Proposer, Score, SearchSettings, Ticket, commanding::one_line, schema,
};

use super::{
    Evolver, NAME, Program,
    evaluation::{Evaluation, ProgramInfo},
    gp,
    measures::Measures,
    operators::Operator,
    prompt::Prompts,
    rewrite, screening, search_replace,
    settings::EvolveSettings,
};
use crate::{
    answer,
    source::{Source, expect_no_operator},
};

/// Metrics that a hint names.
const MOST_NAMED: usize = 20;

/// Evolves a program under an evaluator.
pub struct Evolve {
    settings: EvolveSettings,
    search: SearchSettings,
    program: Arc<Program>,
    measures: Arc<Measures>,
    prompts: Prompts,
    evaluation: Arc<Evaluation>,
    /// What a person should know before the search.
    remarks: Mutex<Vec<String>>,
}

/// Builds it.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    Ok(Arc::new(Evolve::new(source)?))
}

impl Evolve {
    /// The environment that an experiment describes.
    ///
    /// # Errors
    /// A section that can't be used, or files that can't be read, by the key that names them.
    pub fn new(source: &Source<'_>) -> Result<Self, Invalid> {
        expect_no_operator(source)?;
        let settings: EvolveSettings = schema::read(source.section, "environment")?;
        settings.validate()?;
        let program = Arc::new(Program::new(&settings, source.inputs)?);
        let prompts = Prompts::new(&settings, source.inputs)?;
        let info = ProgramInfo {
            main: program.main.clone(),
            language: program.language.clone(),
            setting: settings.program.clone(),
            axes: source.axes.iter().map(|axis| axis.name.clone()).collect(),
        };
        let evaluation = Arc::new(Evaluation::new(settings.evaluation.clone(), &info, source.inputs)?);
        let measures = Arc::new(Measures::new(source.axes, &program));
        let search = source.search.clone();
        let remarks = Mutex::new(evaluation.unrecorded().into_iter().collect());
        Ok(Self { settings, search, program, measures, prompts, evaluation, remarks })
    }

    /// Refuses axes that the initial program has no place on: no other one would have one.
    fn check_axes(&self, score: &Score) -> Result<(), Invalid> {
        let given: Vec<String> = score.metrics.keys().take(MOST_NAMED).map(|name| one_line(name)).collect();
        let filled =
            self.measures.fill(&self.program, &self.program.initial, &mut score.clone(), &BTreeMap::new());
        filled.map_err(|axis| {
            let what =
                format!("name `{axis}`, a metric that the evaluator does not give for the initial program");
            let hint = match &given[..] {
                [] => "it gives no metrics: name complexity or diversity".to_owned(),
                names => format!("name one of its metrics ({}), complexity or diversity", names.join(", ")),
            };
            Invalid::new("axes", what, hint)
        })
    }

    /// The program that is evolved.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What evaluates it.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// What models are told; see [`Prompts::examples`].
    pub fn prompts(&self) -> &Prompts {
        &self.prompts
    }

    /// Asks the generator until an answer gives a program, up to `attempts` times.
    async fn ask(&self, operator: Operator, plan: &Plan, context: &mut Context) -> Result<Genome, Abort> {
        let parent = plan.parents.first().map_or(&self.program.initial, |parent| &parent.genome);
        let mut tried = None;
        for _ in 0..self.settings.variation.attempts {
            let prompt = self.prompts.of_plan(&self.program, plan, tried.as_deref());
            let request = CompletionRequest {
                prompt: prompt.text,
                instructions: Some(prompt.instructions).filter(|text| !text.is_empty()),
                sampling: self.sampling(),
            };
            let completion = context.complete(request).await?;
            let read = self.read(operator, parent, &answer::text(&completion.text));
            match read.and_then(|texts| self.program.changed(parent, texts)) {
                Ok(genome) => return Ok(genome),
                Err(why) => tried = Some(why),
            }
        }
        let attempts = self.settings.variation.attempts;
        Err(Abort::invalid(format!(
            "{attempts} answers gave no program; the last {}",
            tried.unwrap_or_default()
        )))
    }

    /// The texts that an answer changes. A model that was asked for blocks and wrote a program is taken at its word, and
    /// the other way round.
    fn read(
        &self,
        operator: Operator,
        parent: &Genome,
        answer: &str,
    ) -> Result<BTreeMap<String, String>, String> {
        let blocks = || search_replace::apply(&self.program, parent, answer).map(|changed| changed.texts);
        let has_blocks = search_replace::read(answer).map_or(true, |changes| !changes.is_empty());
        match operator {
            Operator::Fix if !has_blocks => rewrite::read(&self.program, parent, answer),
            Operator::Diff | Operator::Fix => blocks(),
            _ if has_blocks => blocks(),
            _ => rewrite::read(&self.program, parent, answer),
        }
    }

    fn sampling(&self) -> Sampling {
        let variation = &self.settings.variation;
        Sampling {
            max_tokens: variation.max_tokens,
            temperature: variation.temperature,
            top_p: variation.top_p,
            stop: Vec::new(),
            seed: 0,
            penalties: Default::default(),
        }
    }
}

impl Environment for Evolve {
    fn name(&self) -> &str {
        NAME
    }

    fn roles(&self) -> Roles {
        let variation = &self.settings.variation;
        let asks = [variation.diff, variation.rewrite, variation.crossover, variation.fix];
        Roles {
            generator: asks.iter().any(|weight| *weight > 0.0),
            embedder: self.settings.screening.embedding < 1.0,
            sandbox: self.evaluation.is_hidden(),
            ..Roles::default()
        }
    }

    fn about(&self) -> About {
        About::Programs {
            without: "let samara vary them (`samara evolve` without --model, or with --model none)",
        }
    }

    /// Evaluates the initial program, so that a broken evaluator ends the run before a model is asked.
    fn set_up<'a>(&'a self, context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async move {
            match self.evaluation.preflight(&self.program.initial, &mut context.bench).await? {
                Ok(score) => {
                    let told = self.evaluation.remarks(&score);
                    self.remarks.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
                    self.check_axes(&score).map_err(|invalid| Abort::Run(EngineError::Settings(invalid)))?;
                    Ok(Vec::new())
                }
                Err(invalid) => Err(Abort::Run(EngineError::Settings(invalid))),
            }
        })
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the measures of programs lie that edits without a model make of the initial one.
    fn likely_measures(&self, seed: u64) -> Vec<Vec<f64>> {
        self.measures.likely(&self.program, seed)
    }

    fn evaluator_options(&self) -> Option<EvaluatorOptions> {
        Some(self.evaluation.options())
    }

    fn own_evaluator(&self) -> Option<&str> {
        self.evaluation.function()
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        let EvolveSettings { variation, selection, .. } = &self.settings;
        let program = Arc::clone(&self.program);
        Box::new(Evolver::new(program, variation, selection, &self.search, self.measures.names()))
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move {
            match Operator::of_plan(&plan.operator) {
                Some((operator, _)) if operator.asks() => self.ask(operator, plan, context).await,
                _ => gp::written(&self.program, plan, &mut context.stream).map_err(Abort::invalid),
            }
        })
    }

    fn screen<'a>(
        &'a self,
        draft: &'a Genome,
        ticket: &'a Ticket,
        index: &'a Index,
        context: &'a mut Context,
    ) -> Future<'a, Screen> {
        Box::pin(async move {
            let asked = Operator::of_plan(&ticket.plan.operator).is_some_and(|(operator, _)| operator.asks());
            if !asked {
                return Ok(Screen::Pass);
            }
            screening::screen(&self.settings.screening, &self.program, draft, (ticket, index), context).await
        })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        Some(Arc::new(Evaluates(Arc::clone(&self.evaluation))))
    }

    fn judge<'a>(
        &'a self,
        draft: &'a Genome,
        mut score: Score,
        context: &'a mut Context,
    ) -> Future<'a, Score> {
        let filled = self.measures.fill(&self.program, draft, &mut score, context.scales());
        Box::pin(async move {
            match filled {
                Ok(()) => Ok(score),
                Err(axis) => {
                    Err(Abort::failed(format!("the evaluator gave no metric `{axis}`, which [[axes]] names")))
                }
            }
        })
    }
}

struct Evaluates(Arc<Evaluation>);

impl Evaluator for Evaluates {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        _thresholds: &'a BTreeMap<String, f64>,
        bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        Box::pin(self.0.evaluate(draft, bench))
    }
}
