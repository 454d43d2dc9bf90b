//! What a model was asked for a candidate, and what it would have to write to be given this genome: a pure function of
//! the candidate and its calls.
//!
//! Where the prompt ends with the genome's beginning, such as a function's header, the completion is what follows. What
//! was written to be applied to a program (a diff, blocks to search and replace) stays as the model wrote it: the
//! genome answers another question.

use samara_search::{Candidate, Genome};

use crate::record::{CallKind, Life, ModelCall};

/// A prompt and its completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The whole prompt.
    pub prompt: String,
    /// What continues it.
    pub completion: Text,
    /// Whether it is a change to be applied, not the genome itself.
    change: bool,
    /// White space that the model wrote before the genome.
    lead: String,
}

/// A completion as a continuation of the prompt, and as an answer in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// What follows the prompt.
    pub continued: String,
    /// The whole, as an answer has it.
    pub whole: String,
}

/// What a candidate's calls tell; `None` if no answer became its genome.
pub(super) fn told(candidate: &Candidate, life: &Life) -> Option<Told> {
    let genome = candidate.genome.as_ref()?;
    let written = |call: &&ModelCall| {
        call.role == "generator" && call.kind == CallKind::Complete && call.error.is_none()
    };
    let calls: Vec<&ModelCall> = life.calls.iter().filter(written).collect();
    let text = genome.text();
    // The first that holds it: later ones may have been asked about it.
    let held = calls.iter().find(|call| !is_change(&call.answer) && holds(call, &text));
    if let Some(call) = held {
        return Some(of_genome(call, &text));
    }
    let several = matches!(&**genome, Genome::Files(files) if files.len() > 1);
    let change = calls.iter().rev().find(|call| is_change(&call.answer) || several)?;
    let answer = change.answer.clone();
    let completion = Text { continued: answer.clone(), whole: answer.trim().to_owned() };
    Some(Told { prompt: change.prompt.clone(), completion, change: true, lead: String::new() })
}

impl Told {
    /// This text as an answer to the same prompt; `None` if no text is one.
    pub(super) fn instead(&self, text: &str) -> Option<Text> {
        (!self.change).then(|| completion(&self.prompt, text, &self.lead))
    }
}

fn of_genome(call: &ModelCall, text: &str) -> Told {
    let start = call.answer.trim_start();
    // Where the prompt is gone on with, white space is part of the genome.
    let lead = match continuation(&call.prompt, text) {
        Some(_) => String::new(),
        None => call.answer[..call.answer.len() - start.len()].to_owned(),
    };
    let completion = completion(&call.prompt, text, &lead);
    Told { prompt: call.prompt.clone(), completion, change: false, lead }
}

fn completion(prompt: &str, text: &str, lead: &str) -> Text {
    let whole = text.to_owned();
    let continued = match continuation(prompt, text) {
        Some(rest) => rest.to_owned(),
        None => format!("{lead}{text}"),
    };
    Text { continued, whole }
}

/// What follows the last line of the prompt in the text, if the text has that line and nothing before it that the
/// prompt lacks.
fn continuation<'a>(prompt: &str, text: &'a str) -> Option<&'a str> {
    let body = prompt.strip_suffix('\n').unwrap_or(prompt);
    let start = body.rfind('\n').map_or(0, |end| end + 1);
    let last = &prompt[start..];
    if last.trim().is_empty() {
        return None;
    }
    let at = text.match_indices(last).map(|(at, _)| at).find(|at| *at == 0 || text[..*at].ends_with('\n'))?;
    let known = |line: &str| line.trim().is_empty() || prompt.lines().any(|other| other == line);
    text[..at].lines().all(known).then(|| &text[at + last.len()..])
}

/// Whether every line of the text is in what was asked and answered, and something of it in the answer: cleaning takes
/// lines and marks away, and adds a full stop at most.
fn holds(call: &ModelCall, text: &str) -> bool {
    let rest = continuation(&call.prompt, text).unwrap_or(text);
    let bare = |line: &str| line.trim().trim_end_matches(['.', '。']).to_owned();
    let mut lines = rest.lines().map(bare).filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| call.answer.contains(&line))
}

/// Whether an answer is a change: hunks of a diff, or blocks to search for and replace.
fn is_change(answer: &str) -> bool {
    answer.lines().any(|line| line.starts_with("@@ ") || line.starts_with("<<<<<<<"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use samara_search::{Charge, Fate};

    fn call(prompt: &str, answer: &str) -> ModelCall {
        ModelCall {
            role: "generator".into(),
            kind: CallKind::Complete,
            model: "m".into(),
            prompt: prompt.into(),
            answer: answer.into(),
            log_probabilities: Vec::new(),
            method: None,
            tokens_in: 1,
            tokens_out: 1,
            cost: 0.0,
            price: None,
            latency_ms: 1.0,
            attempts: 1,
            seed: 0,
            error: None,
        }
    }

    fn told_of(text: &str, calls: Vec<ModelCall>) -> Option<Told> {
        let candidate = Candidate {
            index: 0,
            island: 0,
            horizon: 0,
            operator: "prompt".into(),
            parents: Vec::new(),
            generator: None,
            genome: Some(Arc::new(Genome::text_of(text))),
            score: None,
            fate: Fate::New,
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        };
        told(&candidate, &Life { calls, ..Life::default() })
    }

    #[test]
    fn a_completion_goes_on_where_the_prompt_ends() {
        let prompt = "import math\n\n# A new version:\ndef draw():\n";
        let genome = "import math\n\n\ndef draw():\n    return 1\n";
        let told = told_of(genome, vec![call(prompt, "    return 1\n\n\nprint(2)")]).expect("told");
        assert_eq!(told.completion.continued, "    return 1\n");
        assert_eq!(told.completion.whole, genome);
        let other = told.instead("import math\n\n\ndef draw():\n    return 2\n").expect("a program");
        assert_eq!(other.continued, "    return 2\n");
        // An import that the prompt lacks is nothing that it could go on from.
        let other = told.instead("import os\ndef draw():\n    return 2\n").expect("a program");
        assert_eq!(other.continued, "import os\ndef draw():\n    return 2\n");
    }

    #[test]
    fn a_text_keeps_the_white_space_that_the_model_wrote_before_it() {
        let told =
            told_of("Tofu is good.", vec![call("###\nAn opinion:", " Tofu is good\n###")]).expect("told");
        assert_eq!(
            (&*told.completion.continued, &*told.completion.whole),
            (" Tofu is good.", "Tofu is good.")
        );
        assert_eq!(told.instead("Tofu is bad.").expect("a text").continued, " Tofu is bad.");
    }

    #[test]
    fn the_answer_that_became_the_genome_is_told_from_attempts_before_and_questions_behind() {
        let failed = ModelCall { error: Some("timeout".into()), ..call("p:", "right") };
        let judged = ModelCall { role: "judge".into(), ..call("q:", "right") };
        let calls =
            vec![failed, judged, call("p:", "wrong"), call("p2:", "right"), call("is it right?", "right")];
        assert_eq!(told_of("right", calls).expect("told").prompt, "p2:");
        assert_eq!(told_of("right", vec![call("p:", "wrong")]), None);
        assert_eq!(told_of("right", Vec::new()), None);
    }

    #[test]
    fn a_change_stays_what_the_model_wrote_and_has_no_other_text_instead() {
        let diff = "@@ -1,2 +1,2 @@\n def f():\n-    return 1\n+    return 2\n";
        let told = told_of("def f():\n    return 2\n", vec![call("file:", diff)]).expect("told");
        assert_eq!(told.completion.continued, diff);
        assert_eq!(told.instead("def f():\n    return 3\n"), None);
    }
}
