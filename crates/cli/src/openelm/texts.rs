//! QDAIF's environment: `lmx_generation`, by OpenELM's names and defaults.

use samara_search::Invalid;
use serde_json::{Map, Value as Yaml};
use toml::Value;

use super::{axes, generator, sampling};
use crate::translation::{Settings, Source};

/// OpenELM's default ticks, on one axis.
const TICKS: [f64; 19] = [
    0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.10, 0.20, 0.50, 0.80, 0.90, 0.95, 0.96, 0.97, 0.98, 0.985,
    0.99, 0.995,
];

const TEMPLATE: &str =
    "Here is a random example of a fantasy story about a suspicious spy and a rich politician:";
const INSTRUCTION: &str =
    "Determine the sentiment of the text by writing 'positive' or 'negative' in the output.";
const QUALITY: &str = "Determine if the input text contains a high-quality short story containing two characters, a \
    suspicious spy, and a rich politician. Answer \"yes\" if the input contains a high-quality short story about a \
    suspicious spy and a rich politician, otherwise answer \"no\".";
const REFERENCE: &str = "A fantasy story about a suspicious spy and a rich politician";

pub(super) fn translate(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let template = source.text("env.prompt_template")?.or(source.text("env.few_shot_template")?);
    settings.put("environment.prompt_template", template.unwrap_or(TEMPLATE));
    settings.put("environment.template_joint", "nothing");
    sampling(source, "environment", (0.8, 100), settings)?;
    for name in ["frequency_penalty", "presence_penalty"] {
        settings.put_some(&format!("environment.{name}"), source.number(&format!("model.{name}"))?);
    }
    settings.put_some("environment.few_shot", source.whole("env.num_fewshot")?);
    settings.put_some("environment.mutation_method", source.text("env.mutation_method")?);
    pool(source, settings)?;
    let names = questions(source, settings)?;
    quality(source, settings)?;
    judge(source, settings)?;
    if source.find("model").is_none_or(|model| model.as_object().is_some_and(Map::is_empty)) {
        settings.put("models.generator.provider", "aleph-alpha");
        settings.put("models.generator.model", "luminous-base");
    } else {
        generator(source, settings)?;
    }
    divide(source, &names, settings)
}

/// The axes: 20 cells with uneven ticks unless the configuration says otherwise.
fn divide(source: &Source<'_>, names: &[String], settings: &mut Settings) -> Result<(), Invalid> {
    let ranges: Vec<(String, [f64; 2])> = names.iter().map(|name| (name.clone(), [0.0, 1.0])).collect();
    let mut given = source.map.clone();
    if source.find("qd.map_grid_size").is_none() && source.find("qd.custom_ticks").is_none() {
        let qd = given.entry("qd").or_insert_with(|| Yaml::Object(Map::new()));
        if let Some(qd) = qd.as_object_mut() {
            qd.insert("custom_ticks".to_owned(), TICKS.to_vec().into());
        }
    }
    axes(&Source { map: &given }, &ranges, 20, settings)
}

fn pool(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    let generated = source.text("env.solution_init_method")? == Some("generated");
    settings.put_some("environment.solution_init_method", source.text("env.solution_init_method")?);
    settings.put_some("environment.max_prompt_pool_size", source.whole("env.max_prompt_pool_size")?);
    if generated {
        settings.put_some("environment.init_size_prompt_pool", source.whole("env.init_size_prompt_pool")?);
    } else {
        // OpenELM's own pools stand in its source.
        let path = source.text("env.prompt_pool_path")?.unwrap_or("builtin:short-story");
        settings.put("environment.prompt_pool_path", path);
    }
    let improved = source.flag("env.add_only_improved_completions_to_prompt_pool")?;
    settings.put_some(
        "environment.joins_prompt_pool",
        improved.map(|improved| if improved { "elites" } else { "all" }),
    );
    Ok(())
}

/// The questions about diversity, and their names.
fn questions(source: &Source<'_>, settings: &mut Settings) -> Result<Vec<String>, Invalid> {
    const ENTRIES: &str = "env.ai_feedback_entries";
    let entries = source.read(ENTRIES, Yaml::as_object, "a table of questions")?;
    let mut names = Vec::new();
    let mut asked = Vec::new();
    for (name, entry) in entries.into_iter().flatten() {
        let (template, answers) = feedback(entry, &format!("{ENTRIES}.{name}"))?;
        let mut question = Settings::default();
        question.put("name", name.as_str());
        question.put("answers", answers);
        question.put("feedback_prompt_template", template);
        names.push(name.clone());
        asked.push(Value::Table(question.0));
    }
    if names.is_empty() {
        let mut question = Settings::default();
        question.put("name", "sentiment");
        question.put("instruction_prompt", source.text("env.instruction_prompt")?.unwrap_or(INSTRUCTION));
        let prefix = wording(source)?.0;
        let answers = ["positive", "negative"].map(|answer| Value::from(format!("{prefix}{answer}")));
        question.put("answers", Value::Array(answers.to_vec()));
        names.push("sentiment".to_owned());
        asked.push(Value::Table(question.0));
    }
    // Answers have their prefixes already.
    settings.put("environment.answer_prefix", "");
    settings.put("environment.instruction_suffix", wording(source)?.1);
    settings.put("environment.diversity", Value::Array(asked));
    Ok(names)
}

/// A question as OpenELM has it: the whole prompt, and the answers with their prefixes.
fn feedback<'a>(entry: &'a Yaml, key: &str) -> Result<(&'a str, Value), Invalid> {
    let missing = |name: &str| {
        Invalid::new(
            format!("{key}.{name}"),
            "is missing",
            "write answer_space: and feedback_prompt_template:",
        )
    };
    let template = entry.get("feedback_prompt_template").and_then(Yaml::as_str);
    let template = template.ok_or_else(|| missing("feedback_prompt_template"))?;
    let answers =
        entry.get("answer_space").and_then(Yaml::as_array).ok_or_else(|| missing("answer_space"))?;
    let answer = |answer: &Yaml| answer.as_str().map(Value::from).ok_or_else(|| missing("answer_space"));
    Ok((template, Value::Array(answers.iter().map(answer).collect::<Result<_, _>>()?)))
}

fn quality(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    match source.text("env.fitness_method")? {
        None | Some("ai_feedback") => {}
        Some("embedding") => {
            settings.put("environment.quality", "embedding");
            settings.put("environment.reference", source.text("env.fitness_query")?.unwrap_or(REFERENCE));
            settings.put("models.embedder.provider", "aleph-alpha");
            settings.put("models.embedder.model", "luminous-base");
            settings.put("models.embedder.representation", "asymmetric");
            return Ok(());
        }
        Some(other) => {
            let hint = "write ai_feedback or embedding";
            return Err(Invalid::new("env.fitness_method", format!("is `{other}`"), hint));
        }
    }
    const ENTRY: &str = "env.quality_ai_feedback_entries.quality";
    if let Some(entry) = source.find(ENTRY) {
        let (template, answers) = feedback(entry, ENTRY)?;
        settings.put("environment.quality_feedback_prompt_template", template);
        settings.put("environment.quality_answers", answers);
        return Ok(());
    }
    let asked = source.text("env.quality_feedback_prompt")?.unwrap_or(QUALITY);
    settings.put("environment.quality_feedback_prompt", asked);
    let prefix = wording(source)?.0;
    let answers = ["yes", "no"].map(|answer| Value::from(format!("{prefix}{answer}")));
    settings.put("environment.quality_answers", Value::Array(answers.to_vec()));
    Ok(())
}

/// OpenELM's judge unless another one is named.
const JUDGE: &str = "luminous-supreme-qdaif";

/// What OpenELM puts before answers and behind instructions for its judge.
fn wording(source: &Source<'_>) -> Result<(&'static str, &'static str), Invalid> {
    Ok(match source.text("env.classifier_model")? {
        Some("luminous-supreme-control") => ("", " Please respond with a single word only."),
        _ => (" \n", ""),
    })
}

fn judge(source: &Source<'_>, settings: &mut Settings) -> Result<(), Invalid> {
    settings.put("models.judge.provider", "aleph-alpha");
    settings.put("models.judge.model", source.text("env.classifier_model")?.unwrap_or(JUDGE));
    Ok(())
}
