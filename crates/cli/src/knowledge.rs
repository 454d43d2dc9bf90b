//! Whether small models know what an environment would ask them. Those that come with samara know few things, and answer
//! anything else with confidence.
//!
//! A model of walker programs is told by its kind; one of texts says itself whether it knows a prompt's subject, if it was
//! taught to (`samara_lm::LanguageModel::known`).

use std::sync::Arc;

use samara_engine::{About, Environment, Models};
use samara_lm::{LanguageModel, Speciality};
use samara_seedling::written::subjects::SUBJECTS;

use crate::{
    exit::{Failure, one_line},
    models::Checks,
};

/// Below it a prompt is foreign.
const KNOWN: f64 = 0.5;
/// Characters of a prompt that a message quotes.
const QUOTED: usize = 120;
/// What runs all the same.
const ANYWAY: &str = "or --anyway to run all the same";

/// Refuses an environment that asks a model of something it knows nothing of; with `--anyway` that is a warning. Nothing
/// is generated before.
///
/// # Errors
/// A model that does not know its subject, or can't be asked.
pub(crate) async fn check(
    models: &Models,
    environment: &dyn Environment,
    checks: &Checks,
) -> Result<(), Failure> {
    // A run that goes on was looked at when it began; a recording asks no model.
    if checks.goes_on || checks.replays {
        return Ok(());
    }
    // Nobody is warned twice.
    let checks = &Checks { quiet: checks.quiet || checks.looked, ..checks.clone() };
    let about = environment.about();
    let (generator, judge) = match &about {
        About::Texts { generator, judge } => (generator.as_slice(), judge.as_slice()),
        _ => Default::default(),
    };
    let generators = models.generator.iter().map(|model| ("generator", model, generator));
    let judges = models.judge.iter().map(|model| ("judge", model, judge));
    for (role, model, prompts) in generators.chain(judges) {
        let Some(speciality) = model.speciality() else { continue };
        match by_kind(environment.name(), &about, speciality) {
            Some(Mismatch { what, instead }) => {
                let instead = instead.replace("ROLE", role);
                checks.stop(&format!("{} {what}", named(model)), &format!("{instead}, {ANYWAY}"))?;
            }
            None => by_subject(role, model, prompts, checks).await?,
        }
    }
    Ok(())
}

/// What a model can't do, and what to do instead, with `ROLE` for the model's role.
struct Mismatch {
    what: String,
    instead: String,
}

/// Why models of this kind are of no use to an environment, whatever its prompts say.
fn by_kind(environment: &str, about: &About, speciality: Speciality) -> Option<Mismatch> {
    let own = "use a model of your own (--set models.ROLE=openai:NAME or gguf:FILE.gguf)";
    let (knows, instead) = match (about, speciality) {
        (About::Nothing, _)
        | (About::Texts { .. }, Speciality::Texts)
        | (About::Walkers, Speciality::Walkers) => {
            return None;
        }
        (About::Texts { .. }, Speciality::Walkers) => {
            ("writes walker programs alone, no texts", own.to_owned())
        }
        (About::Walkers, Speciality::Texts) => {
            let walkers = "use the walker model (--set models.ROLE=embedded#walkers)";
            ("knows no programs: it only writes and judges texts", walkers.to_owned())
        }
        (About::Programs { without }, Speciality::Texts) => {
            ("knows no programs: it only writes and judges texts", format!("{own}, {without}"))
        }
        (About::Programs { without }, Speciality::Walkers) => {
            ("writes walker programs alone", format!("{own}, {without}"))
        }
    };
    let what = format!("{knows}, and is of no use to the environment `{environment}`");
    Some(Mismatch { what, instead })
}

/// Asks a model about all prompts at once.
async fn by_subject(
    role: &str,
    model: &Arc<dyn LanguageModel>,
    prompts: &[Vec<String>],
    checks: &Checks,
) -> Result<(), Failure> {
    let asked: Vec<String> = prompts.iter().flatten().map(|prompt| prompt.trim().to_owned()).collect();
    let Some(known) = model.known(&asked).await? else { return Ok(()) };
    let foreign = foreign(prompts, &known);
    let Some(first) = foreign.first() else { return Ok(()) };
    let more = match foreign.len() - 1 {
        0 => String::new(),
        1 => ", nor of another prompt".to_owned(),
        count => format!(", nor of {count} other prompts"),
    };
    let model = named(model);
    let what = format!(
        "{model} knows nothing of \"{}\"{more}: it only writes and judges {SUBJECTS}",
        shortened(first)
    );
    let hint =
        format!("use a model of your own (--set models.{role}=openai:NAME or gguf:FILE.gguf), {ANYWAY}");
    checks.stop(&what, &hint)
}

/// The first prompt of every kind of which the model knows none.
fn foreign<'a>(prompts: &'a [Vec<String>], mut known: &[f64]) -> Vec<&'a str> {
    let mut foreign = Vec::new();
    for kind in prompts {
        let (own, others) = known.split_at(kind.len().min(known.len()));
        known = others;
        if own.iter().all(|known| *known < KNOWN) {
            foreign.extend(kind.first().map(String::as_str));
        }
    }
    foreign
}

/// The model as a sentence begins with it.
fn named(model: &Arc<dyn LanguageModel>) -> String {
    match model.label() {
        "embedded" => "the embedded model".to_owned(),
        "embedded#walkers" => "the embedded walker model (embedded#walkers)".to_owned(),
        other => format!("the model {}", one_line(other)),
    }
}

fn shortened(prompt: &str) -> String {
    let line = one_line(&prompt.split_whitespace().collect::<Vec<_>>().join(" "));
    match line.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(prompts: &[&[&str]]) -> Vec<Vec<String>> {
        prompts.iter().map(|kind| kind.iter().map(|prompt| (*prompt).to_owned()).collect()).collect()
    }

    #[test]
    fn a_kind_of_prompts_is_foreign_if_the_model_knows_none_of_them() {
        let prompts = kinds(&[&["a"], &["b", "c"], &[], &["d", "e"], &["f"]]);
        assert_eq!(foreign(&prompts, &[0.9, 0.1, 0.5, 0.4, 0.3, 0.49]), ["d", "f"]);
        assert_eq!(foreign(&prompts, &[0.5; 6]), [""; 0], "at one half a prompt is known");
    }

    #[test]
    fn a_model_is_of_no_use_to_an_environment_of_another_kind() {
        let texts = About::Texts { generator: Vec::new(), judge: Vec::new() };
        let programs = About::Programs { without: "vary them without one" };
        let (of_texts, of_walkers) = (Speciality::Texts, Speciality::Walkers);
        for (about, kind) in [
            (&texts, of_texts),
            (&About::Walkers, of_walkers),
            (&About::Nothing, of_texts),
            (&About::Nothing, of_walkers),
        ] {
            assert!(by_kind("e", about, kind).is_none(), "{about:?} {kind:?}");
        }
        for (about, kind, instead) in [
            (&texts, of_walkers, "gguf:FILE.gguf"),
            (&About::Walkers, of_texts, "embedded#walkers"),
            (&programs, of_texts, "vary them without one"),
            (&programs, of_walkers, "vary them without one"),
        ] {
            let mismatch = by_kind("e", about, kind).expect("of no use");
            assert!(
                mismatch.instead.contains(instead) && mismatch.what.contains("`e`"),
                "{about:?} {kind:?}"
            );
        }
    }

    #[test]
    fn a_prompt_is_quoted_on_one_line_and_not_without_end() {
        assert_eq!(shortened("  A poem\n about\ttrains:\n"), "A poem about trains:");
        assert_eq!(shortened(&"x".repeat(500)).chars().count(), QUOTED + 1);
    }

    fn about(experiment: &str) -> About {
        crate::config::load(experiment, &[]).expect("a built-in experiment").environment.about()
    }

    #[test]
    fn of_the_prompts_of_texts_what_names_the_subject_is_asked_about_without_texts() {
        let About::Texts { generator, judge } = about("opinions") else { panic!("they are texts") };
        let template = "Here is a random opinion piece about eating vegetables and plant-based foods:";
        assert_eq!(generator, [[template]]);
        assert_eq!(judge.len(), 2, "sentiment and quality");
        assert!(
            judge.iter().flatten().all(|asked| asked.contains("plant-based") && !asked.contains("###")),
            "{judge:?}"
        );
        let About::Texts { generator, judge } = about("poetry") else { panic!("they are texts") };
        assert!(generator[0][0].contains("short poem") && generator[1][0].contains("haiku"), "{generator:?}");
        assert!(
            judge.iter().flatten().all(|asked| !asked.contains('{') || asked.contains("NUMBER")),
            "{judge:?}"
        );
    }

    #[test]
    fn of_instructions_that_are_to_be_improved_one_that_is_known_is_enough() {
        let About::Texts { generator, judge } = about("prompt-evolution") else { panic!("they are texts") };
        assert_eq!((generator.len(), judge.len()), (0, 1));
        assert!(judge[0].len() > 1, "{judge:?}");
    }

    #[test]
    fn environments_of_programs_and_of_none_say_so() {
        assert_eq!(about("sodarace"), About::Walkers);
        assert!(matches!(about("image"), About::Programs { .. }));
        assert!(matches!(about("p3"), About::Programs { .. }));
        assert_eq!(about("function"), About::Nothing);
    }
}
