//! How samples are written: the keys of TRL 1.x ("Dataset formats and types") and of OpenAI's finetuning ("Supervised
//! fine-tuning", "Direct preference optimization"), one JSON object a line.

use serde::Serialize;

use super::choice::Choice;
use super::completion::{Text, Told};
use super::pool::Entry;

/// A sample.
#[derive(Clone, Debug)]
pub(super) struct Line {
    prompt: String,
    rest: Rest,
}

#[derive(Clone, Debug)]
enum Rest {
    Sample { completion: Text, label: Option<bool> },
    Pair { chosen: Text, rejected: Text },
    Prompt(Columns),
}

/// What a reward may need beside the prompt.
#[derive(Clone, Debug, Serialize)]
struct Columns {
    environment: String,
    run: String,
    candidate: u64,
    objective: Option<f64>,
    parent_objective: Option<f64>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

fn user(content: &str) -> [Message<'_>; 1] {
    [Message { role: "user", content }]
}

fn assistant(text: &Text) -> [Message<'_>; 1] {
    [Message { role: "assistant", content: &text.whole }]
}

/// TRL's columns; `P` and `C` are texts or messages.
#[derive(Serialize)]
struct Trl<P, C> {
    prompt: P,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<C>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    columns: Option<Columns>,
}

#[derive(Serialize)]
struct Conversation<'a> {
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Preference<'a> {
    input: Conversation<'a>,
    preferred_output: [Message<'a>; 1],
    non_preferred_output: [Message<'a>; 1],
}

impl Line {
    /// A prompt and its completion, with a label or without.
    pub(super) fn sample(told: &Told, label: Option<bool>) -> Self {
        let rest = Rest::Sample { completion: told.completion.clone(), label };
        Self { prompt: told.prompt.clone(), rest }
    }

    /// A prompt with the better and the worse completion.
    pub(super) fn pair(told: &Told, rejected: &Text) -> Self {
        let rest = Rest::Pair { chosen: told.completion.clone(), rejected: rejected.clone() };
        Self { prompt: told.prompt.clone(), rest }
    }

    /// A prompt alone, with the candidate that it led to, of this environment and run, and the best of its parents.
    pub(super) fn prompt(
        told: &Told,
        (environment, run): (&str, &str),
        entry: &Entry,
        parent: Option<f64>,
    ) -> Self {
        let columns = Columns {
            environment: environment.to_owned(),
            run: run.to_owned(),
            candidate: entry.index,
            objective: entry.objective,
            parent_objective: parent,
        };
        Self { prompt: told.prompt.clone(), rest: Rest::Prompt(columns) }
    }

    /// The line, without its end.
    pub(super) fn json(&self, choice: &Choice) -> String {
        let written = if choice.form.is_openai() {
            self.openai()
        } else if choice.chat {
            serde_json::to_string(&self.trl(user(&self.prompt), assistant))
        } else {
            serde_json::to_string(&self.trl(&*self.prompt, |text| &*text.continued))
        };
        written.expect("texts and finite numbers have a JSON text")
    }

    fn trl<'a, P, C>(&'a self, prompt: P, told: impl Fn(&'a Text) -> C) -> Trl<P, C> {
        let mut line =
            Trl { prompt, completion: None, label: None, chosen: None, rejected: None, columns: None };
        match &self.rest {
            Rest::Sample { completion, label } => {
                line.completion = Some(told(completion));
                line.label = *label;
            }
            Rest::Pair { chosen, rejected } => {
                line.chosen = Some(told(chosen));
                line.rejected = Some(told(rejected));
            }
            Rest::Prompt(columns) => line.columns = Some(columns.clone()),
        }
        line
    }

    fn openai(&self) -> serde_json::Result<String> {
        let mut messages: Vec<Message<'_>> = user(&self.prompt).into_iter().collect();
        match &self.rest {
            Rest::Pair { chosen, rejected } => serde_json::to_string(&Preference {
                input: Conversation { messages },
                preferred_output: assistant(chosen),
                non_preferred_output: assistant(rejected),
            }),
            Rest::Sample { completion, .. } => {
                messages.extend(assistant(completion));
                serde_json::to_string(&Conversation { messages })
            }
            Rest::Prompt(_) => serde_json::to_string(&Conversation { messages }),
        }
    }
}
