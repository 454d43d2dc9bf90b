//! `poetry`: texts that a model rewrites towards a drawn cell of categories, and that a judge tells apart in words.
//!
//! After the poetry domain of QDAIF (Bradley et al. 2023, arXiv 2310.13032): an elite is rewritten as another genre with
//! another tone, the judge names the genre and the tone that it finds, and rates the poem from 1 to 10. The flow is in this
//! file; [`judgement`] reads the judge's answers, [`settings`] is the section of the experiment.

pub mod judgement;
pub mod settings;

use std::sync::Arc;

use samara_engine::{Abort, About, Context, Environment, Future, Question, Roles};
use samara_lm::{Completion, CompletionRequest, Penalties, Sampling};
use samara_search::{AxisSettings, Genome, Invalid, Plan, Proposer, Score, schema};

use crate::{
    answer,
    lmx::read::{CUTS, Reader},
    prompt_evolution::{answers::most_probable, prompts::fill},
    simple::Simple,
    source::{Source, expect_no_operator},
};
use settings::{Judged, PoetrySettings};

/// Its name in `experiment.environment`.
pub const NAME: &str = "poetry";

/// How many characters of a text the judge is shown at most.
const LONGEST: usize = 20_000;

struct Poetry {
    settings: PoetrySettings,
    axes: Vec<Axis>,
    reader: Reader,
}

/// An axis and its categories.
struct Axis {
    name: String,
    categories: Vec<String>,
}

/// Builds it.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    let settings: PoetrySettings = schema::read(source.section, "environment")?;
    settings.validate(source.axes)?;
    let axis = |axis: &AxisSettings| Axis {
        name: axis.name.clone(),
        categories: axis.categories.clone().unwrap_or_default(),
    };
    let axes = source.axes.iter().map(axis).collect();
    Ok(Arc::new(Poetry { settings, axes, reader: Reader::new("Poem:", CUTS.map(str::to_owned).to_vec()) }))
}

impl Environment for Poetry {
    fn name(&self) -> &str {
        NAME
    }

    fn roles(&self) -> Roles {
        let words = self.settings.judged == Judged::Words;
        Roles { generator: true, judge: !words, answers: words, ..Roles::default() }
    }

    /// Templates with a category in the place of each axis' name, and no text.
    fn about(&self) -> About {
        let mut named: Vec<(&str, &str)> = vec![("text", "")];
        named.extend(self.axes.iter().filter_map(|axis| Some((&*axis.name, &**axis.categories.first()?))));
        let settings = &self.settings;
        let generator = [&settings.create, &settings.rewrite].map(|template| vec![fill(template, &named)]);
        let mut judge: Vec<Vec<String>> =
            self.axes.iter().map(|axis| vec![self.question(axis, "")]).collect();
        judge.push(vec![self.rating("")]);
        About::Texts { generator: generator.into(), judge }
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Simple { created: "create", varied: "rewrite" })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move {
            let prompt = self.prompt(plan, context);
            let request = self.request(prompt);
            let mut last = None;
            for _ in 0..self.settings.attempts {
                let completion = context.complete(request.clone()).await?;
                let text = self.reader.read(&completion.text);
                if !text.is_empty() && text.chars().count() <= LONGEST {
                    return Ok(Genome::text_of(text));
                }
                last = Some(completion);
            }
            Err(answer::nothing(self.settings.attempts, "held no text", last.as_ref()))
        })
    }

    fn judge<'a>(&'a self, draft: &'a Genome, _score: Score, context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async move {
            let text = draft.text();
            match self.settings.judged {
                Judged::Words => self.in_words(&text, context).await,
                Judged::Probabilities => self.by_probabilities(&text, context).await,
            }
        })
    }
}

impl Poetry {
    /// What the generator is asked: for a first text, or for the parent as one of a drawn cell.
    fn prompt(&self, plan: &Plan, context: &mut Context) -> String {
        let mut texts: Vec<(&str, &str)> = Vec::new();
        for axis in &self.axes {
            texts.push((&axis.name, &axis.categories[context.stream.index(axis.categories.len())]));
        }
        let parent = plan.parents.first().map(|parent| parent.genome.text());
        match &parent {
            None => fill(&self.settings.create, &texts),
            Some(parent) => {
                texts.insert(0, ("text", parent));
                fill(&self.settings.rewrite, &texts)
            }
        }
    }

    fn request(&self, prompt: String) -> CompletionRequest {
        let sampling = Sampling {
            max_tokens: self.settings.gen_max_len,
            temperature: self.settings.temperature,
            top_p: 1.0,
            stop: Vec::new(),
            seed: 0,
            penalties: Penalties::default(),
        };
        CompletionRequest { prompt, instructions: None, sampling }
    }

    /// What the judge is asked about an axis.
    fn question(&self, axis: &Axis, text: &str) -> String {
        let categories = axis.categories.join(", ");
        let texts = [("text", text), ("axis", &*axis.name), ("categories", &*categories)];
        fill(&self.settings.question, &texts)
    }

    fn rating(&self, text: &str) -> String {
        fill(&self.settings.rating, &[("text", text)])
    }

    /// The score that the judge's words say.
    async fn in_words(&self, text: &str, context: &mut Context) -> Result<Score, Abort> {
        let mut measures = Vec::new();
        for axis in &self.axes {
            let what = format!("named no {} of those asked for", axis.name);
            let read = |answer: &str| judgement::category(answer, &axis.categories);
            measures.push(self.ask(self.question(axis, text), &what, read, context).await? as f64);
        }
        let what = "held no rating from 1 to 10";
        let objective = self.ask(self.rating(text), what, judgement::rating, context).await?;
        Ok(Score::new(objective, measures))
    }

    /// What a judge's answer says, asked until it says something.
    async fn ask<T>(
        &self,
        prompt: String,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
        context: &mut Context,
    ) -> Result<T, Abort> {
        let sampling = Sampling {
            max_tokens: self.settings.answer_max_len,
            temperature: self.settings.judge_temperature,
            top_p: 1.0,
            stop: Vec::new(),
            seed: 0,
            penalties: Penalties::default(),
        };
        let request = CompletionRequest { prompt, instructions: None, sampling };
        let mut last: Option<Completion> = None;
        for _ in 0..self.settings.attempts {
            let answers = context.answer(vec![request.clone()]).await?;
            if let Some(found) = answers.first().and_then(|answer| read(&answer.text)) {
                return Ok(found);
            }
            last = answers.into_iter().next();
        }
        let why = answer::reason(self.settings.attempts, what, last.as_ref());
        Err(Abort::invalid(format!("of the judge, {why}")))
    }

    /// The score that the probabilities of the judge's answers say.
    async fn by_probabilities(&self, text: &str, context: &mut Context) -> Result<Score, Abort> {
        let ask = |prompt: String, answers: &[String]| Question {
            prompt,
            answers: answers
                .iter()
                .map(|answer| format!("{}{answer}", self.settings.answer_prefix))
                .collect(),
        };
        let [lo, hi] = judgement::RATINGS;
        let ratings: Vec<String> = (lo as u32..=hi as u32).map(|rating| rating.to_string()).collect();
        let mut questions: Vec<Question> =
            self.axes.iter().map(|axis| ask(self.question(axis, text), &axis.categories)).collect();
        questions.push(ask(self.rating(text), &ratings));
        let mut scores = context.score(questions).await?;
        let rated = scores.pop().map(|score| score.normalised()).unwrap_or_default();
        let objective = rated.iter().zip(1_u32..).map(|(share, rating)| share * f64::from(rating)).sum();
        let place = |place: Option<usize>| place.map_or(f64::NAN, |place| place as f64);
        let measures = scores.iter().map(|score| place(most_probable(&score.log_probabilities))).collect();
        Ok(Score::new(objective, measures))
    }
}
