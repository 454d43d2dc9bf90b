//! Prompts: templates with `{placeholders}`, samara's or a user's, and what fills them.

use std::{collections::BTreeMap, path::Path};

use samara_search::{Artifact, Genome, Invalid, Parent, Plan, Score, commanding::one_line};

use super::{
    Program, blocks,
    operators::Operator,
    secrets,
    settings::{EvolveSettings, PromptSettings},
};
use crate::{Inputs, template};

/// The names of the templates, with samara's texts.
const TEMPLATES: [(&str, &str); 6] = [
    ("system", include_str!("prompts/system.txt")),
    ("diff", include_str!("prompts/diff.txt")),
    ("rewrite", include_str!("prompts/rewrite.txt")),
    ("crossover", include_str!("prompts/crossover.txt")),
    ("fix", include_str!("prompts/fix.txt")),
    ("larger_change", include_str!("prompts/larger_change.txt")),
];

/// What a template may name in braces.
const PLACEHOLDERS: [&str; 16] = [
    "language",
    "task",
    "editable",
    "score",
    "scores",
    "metrics",
    "artifacts",
    "others",
    "program",
    "parents",
    "count",
    "request",
    "path_example",
    "markers_note",
    "answer_form",
    "larger",
];

/// Metrics that a prompt shows at most: names and numbers of an evaluator could fill it.
const MOST_METRICS: usize = 50;
/// Characters of a name that an evaluator gave.
const MOST_OF_A_NAME: usize = 100;

/// What is asked for where no larger change is.
const REQUEST: &str = "Improve the program.";

/// The prompts of an experiment.
#[derive(Debug, Clone)]
pub struct Prompts {
    templates: BTreeMap<&'static str, String>,
    artifacts: usize,
    task: String,
}

/// A prompt as a model gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What stands above: the task and the rules.
    pub instructions: String,
    /// The programs and what is asked for.
    pub text: String,
}

impl Prompts {
    /// Samara's templates, or those of a folder where it has them.
    ///
    /// # Errors
    /// A file in the folder that is no template, or a placeholder that is none.
    pub fn new(settings: &EvolveSettings, inputs: &Inputs) -> Result<Self, Invalid> {
        let PromptSettings { templates: folder, artifacts_kb } = &settings.prompt;
        let mut templates: BTreeMap<&'static str, String> =
            TEMPLATES.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        if let Some(folder) = folder {
            let key = "environment.prompt.templates";
            let hint = "a folder with any of system.txt, diff.txt, rewrite.txt, crossover.txt, fix.txt, larger_change.txt";
            for (path, text) in inputs.file_or_folder(key, folder, hint, 100)? {
                let name = Path::new(&path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                let known =
                    TEMPLATES.iter().find(|(known, _)| *known == name && path == format!("{known}.txt"));
                let (known, _) =
                    known.ok_or_else(|| Invalid::new(key, format!("`{path}` is no template"), hint))?;
                if let Some(placeholder) = template::unknown(&text, &PLACEHOLDERS) {
                    let what = format!("{path} names `{{{placeholder}}}`, which is no placeholder");
                    let hint = format!("the placeholders are {}", PLACEHOLDERS.join(", "));
                    return Err(Invalid::new(key, what, hint));
                }
                templates.insert(known, text);
            }
        }
        Ok(Self { templates, artifacts: artifacts_kb << 10, task: settings.task.trim().to_owned() })
    }

    /// The names of the templates.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TEMPLATES.iter().map(|(name, _)| *name)
    }

    /// The prompt of a plan; `tried` says what was wrong with the answer before, if there was one.
    pub fn of_plan(&self, program: &Program, plan: &Plan, tried: Option<&str>) -> Prompt {
        let (operator, larger) = Operator::of_plan(&plan.operator).unwrap_or((Operator::Rewrite, false));
        self.render(program, operator.name(), larger, plan, tried)
    }

    /// Every template filled with an example: the initial program, made-up scores and what an evaluator may have left. For
    /// people who write templates of their own.
    pub fn examples(&self, program: &Program) -> Vec<(&'static str, Prompt)> {
        let score = Score {
            metrics: BTreeMap::from([("a metric of the evaluator".to_owned(), 1.0)]),
            artifacts: vec![Artifact::text("stderr", "(here stands what the evaluator printed as errors)")],
            ..Score::new(0.5, Vec::new())
        };
        let parent = |id, objective| Parent {
            id,
            genome: std::sync::Arc::clone(&program.initial),
            score: Some(std::sync::Arc::new(Score { objective, ..score.clone() })),
        };
        let of = |name: &'static str, operator: &str, larger| {
            let parents = if operator == "crossover" {
                vec![parent(0, 0.5), parent(1, 0.4)]
            } else {
                vec![parent(0, 0.5)]
            };
            let plan = Plan { shown: vec![parent(2, 0.45)], ..Plan::varied(operator, parents) };
            (name, self.render(program, operator, larger, &plan, None))
        };
        vec![
            of("diff", "diff", false),
            of("rewrite", "rewrite", false),
            of("crossover", "crossover", false),
            of("fix", "fix", false),
            of("larger_change", "diff", true),
        ]
    }

    fn render(
        &self,
        program: &Program,
        operator: &str,
        larger: bool,
        plan: &Plan,
        tried: Option<&str>,
    ) -> Prompt {
        let first = plan.parents.first();
        let score = first.and_then(|parent| parent.score.as_deref());
        let values = self.values(program, plan, score, larger);
        let fill = |name: &str| {
            let template = self.templates.get(name).map_or("", String::as_str);
            template::filled(template, |word| values.get(word).map_or("", String::as_str))
        };
        let mut text = fill(operator);
        if let Some(tried) = tried {
            text += &format!("\nAn earlier answer could not be used: it {tried}.\n");
        }
        let mut instructions = fill("system").trim().to_owned();
        if self.task.is_empty() {
            // A line of the template that held the task alone.
            instructions = instructions.replace("\n\n", "\n");
        }
        Prompt { instructions, text }
    }

    /// What the placeholders stand for.
    fn values(
        &self,
        program: &Program,
        plan: &Plan,
        score: Option<&Score>,
        larger: bool,
    ) -> BTreeMap<&'static str, String> {
        let parent = plan.parents.first().map_or(&program.initial, |parent| &parent.genome);
        let several = program.changeable().len() > 1;
        let marked = program.parts(parent).iter().any(|part| blocks::has_markers(part.text));
        let request =
            if larger { self.templates.get("larger_change").map_or("", |text| text.trim()) } else { REQUEST };
        let editable = match (marked, several) {
            (true, _) => "the lines between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END".to_owned(),
            (false, true) => format!("the files {}", program.changeable().join(", ")),
            (false, false) => "the program".to_owned(),
        };
        let scores: Vec<String> =
            plan.parents.iter().map(|parent| score_of(parent.score.as_deref())).collect();
        let parents = plan.parents.iter().skip(1).map(|parent| {
            format!(
                "Another program, which scores {}:\n{}\n",
                score_of(parent.score.as_deref()),
                listing(program, &parent.genome)
            )
        });
        let form = if several {
            "each file that changes, its path on a line of its own above a fenced block with its whole text"
                .to_owned()
        } else {
            format!("the whole program in one fenced block (```{})", program.language)
        };
        BTreeMap::from([
            ("language", proper(&program.language).to_owned()),
            ("task", self.task.clone()),
            ("editable", editable),
            ("score", score_of(score)),
            ("scores", scores.join(", ")),
            ("metrics", score.map_or_else(String::new, metrics)),
            ("artifacts", score.map_or_else(String::new, |score| self.artifacts(score))),
            ("others", others(program, &plan.shown)),
            ("program", listing(program, parent)),
            ("parents", parents.collect()),
            ("count", plan.parents.len().to_string()),
            ("request", request.to_owned()),
            ("path_example", if several { "path/of/the/file\n".to_owned() } else { String::new() }),
            (
                "markers_note",
                if marked { " and the lines with EVOLVE-BLOCK markers".to_owned() } else { String::new() },
            ),
            ("answer_form", form),
            ("larger", if larger { format!("{request}\n") } else { String::new() }),
        ])
    }

    /// The texts that an evaluation left, without what looks like a secret, as far as they fit: each as much as is left.
    fn artifacts(&self, score: &Score) -> String {
        let (mut text, mut left) = (String::new(), self.artifacts);
        for artifact in &score.artifacts {
            let Some(body) = artifact.as_text().map(str::trim).filter(|body| !body.is_empty()) else {
                continue;
            };
            let clean = secrets::filtered(body);
            let shown = middle_cut(&clean, left);
            if shown.is_empty() {
                break;
            }
            left -= shown.len().min(left);
            text += &format!("{}:\n{}\n", name_of(&artifact.name), indented(&shown));
        }
        if text.is_empty() { text } else { format!("\nWhat its last run left:\n{text}") }
    }
}

fn score_of(score: Option<&Score>) -> String {
    match score.map(|score| score.objective) {
        Some(objective) if objective.is_finite() => objective.to_string(),
        _ => "nothing yet".to_owned(),
    }
}

/// The named numbers, a line each, as far as there is room for them.
fn metrics(score: &Score) -> String {
    let shown = score.metrics.iter().take(MOST_METRICS);
    let mut text: String = shown.map(|(name, value)| format!("- {}: {value}\n", name_of(name))).collect();
    let more = score.metrics.len().saturating_sub(MOST_METRICS);
    if more > 0 {
        text += &format!("- and {more} more\n");
    }
    text
}

/// A name that an evaluator gave, on one line and without what looks like a secret.
fn name_of(name: &str) -> String {
    secrets::filtered(&one_line(name)).chars().take(MOST_OF_A_NAME).collect()
}

/// A language as people write it.
fn proper(language: &str) -> &str {
    match language {
        "text" => "plain text",
        "python" => "Python",
        "rust" => "Rust",
        "c" => "C",
        "cpp" | "c++" => "C++",
        "cuda" => "CUDA",
        "csharp" => "C#",
        "java" => "Java",
        "javascript" => "JavaScript",
        "typescript" => "TypeScript",
        "go" => "Go",
        "julia" => "Julia",
        "r" => "R",
        "ruby" => "Ruby",
        "fortran" => "Fortran",
        "haskell" => "Haskell",
        "kotlin" => "Kotlin",
        "scala" => "Scala",
        "swift" => "Swift",
        "lua" => "Lua",
        "matlab" => "MATLAB",
        "sql" => "SQL",
        "json" => "JSON",
        "yaml" => "YAML",
        "toml" => "TOML",
        "metal" => "Metal",
        "wgsl" => "WGSL",
        "zig" => "Zig",
        other => other,
    }
}

/// Other programs, best first.
fn others(program: &Program, shown: &[Parent]) -> String {
    let mut sorted: Vec<&Parent> = shown.iter().collect();
    let objective =
        |parent: &Parent| parent.score.as_ref().map_or(f64::NEG_INFINITY, |score| score.objective);
    sorted.sort_by(|a, b| objective(b).total_cmp(&objective(a)).then(a.id.cmp(&b.id)));
    let one = |parent: &&Parent| {
        let score = score_of(parent.score.as_deref());
        format!(
            "\nAnother program for this task, which scores {score}:\n{}\n",
            listing(program, &parent.genome)
        )
    };
    sorted.iter().map(one).collect()
}

/// The files that may change, fenced; of several each below its path.
fn listing(program: &Program, genome: &Genome) -> String {
    let parts = program.parts(genome);
    let one = |part: &super::program::Part<'_>| {
        let longest = part.text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat((longest + 1).max(3));
        let gap = if part.text.ends_with('\n') { "" } else { "\n" };
        let path = if parts.len() > 1 { format!("### {}\n", part.path) } else { String::new() };
        format!("{path}{fence}{}\n{}{gap}{fence}", program.language, part.text)
    };
    parts.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// The first and last characters of a text of `most` bytes at most.
fn middle_cut(text: &str, most: usize) -> String {
    const MARK: &str = "\n[...]\n";
    if text.len() <= most {
        return text.to_owned();
    }
    let Some(half) = most.checked_sub(MARK.len()).map(|rest| rest / 2).filter(|half| *half > 0) else {
        return String::new();
    };
    let (start, end) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}{MARK}{}", &text[..start], &text[end..])
}

#[cfg(test)]
#[path = "prompt_tests.rs"]
mod tests;
