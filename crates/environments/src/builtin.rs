//! The experiments, seed pools and data sets that come with samara, embedded in the binary.

/// An experiment that comes with samara.
pub struct Experiment {
    /// What `samara run` takes.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Its commented settings.
    pub toml: &'static str,
}

macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../experiments/", $path))
    };
}

/// Every built-in experiment.
pub const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        name: "opinions",
        summary: "opinion pieces about vegetables, from negative to positive (QDAIF)",
        toml: file!("opinions.toml"),
    },
    Experiment {
        name: "short-story",
        summary: "stories about a spy and a politician, from conflict to friendship (QDAIF)",
        toml: file!("short-story.toml"),
    },
    Experiment {
        name: "short-story-2d",
        summary: "the same stories on two axes: friendship and ending (QDAIF)",
        toml: file!("short-story-2d.toml"),
    },
    Experiment {
        name: "stories-genre-ending",
        summary: "the same stories by genre and ending, in OpenELM's words (QDAIF)",
        toml: file!("stories-genre-ending.toml"),
    },
    Experiment {
        name: "movie-reviews",
        summary: "reviews of \"Die Hard\", from negative to positive (QDAIF)",
        toml: file!("movie-reviews.toml"),
    },
    Experiment {
        name: "function",
        summary: "an Ackley function in two dimensions; no model",
        toml: file!("function.toml"),
    },
    Experiment {
        name: "sphere",
        summary: "the sphere of the QD literature, by evolution strategies (CMA-ME); no model",
        toml: file!("sphere.toml"),
    },
    Experiment {
        name: "rastrigin",
        summary: "the same measures on Rastrigin's function, with a soft archive (CMA-MAE); no model",
        toml: file!("rastrigin.toml"),
    },
    Experiment {
        name: "arm",
        summary: "where a robot's arm can reach, by steps along lines between elites; no model",
        toml: file!("arm.toml"),
    },
    Experiment {
        name: "image",
        summary: "programs that draw, towards a yellow disc; no model",
        toml: file!("image.toml"),
    },
    Experiment {
        name: "p3",
        summary: "programs that solve a puzzle in different ways (P3); no model",
        toml: file!("p3.toml"),
    },
    Experiment {
        name: "p3-probsol",
        summary: "puzzles with solutions that few find (P3); no model",
        toml: file!("p3-probsol.toml"),
    },
    Experiment {
        name: "poetry",
        summary: "poems of five genres and five tones; needs a chat model (QDAIF)",
        toml: file!("poetry.toml"),
    },
    Experiment {
        name: "prompt-evolution",
        summary: "instructions by which the judge tells what texts are about",
        toml: file!("prompt-evolution.toml"),
    },
    Experiment {
        name: "sodarace",
        summary: "creatures that walk, of every shape, by prompt mutation (ELM)",
        toml: file!("sodarace.toml"),
    },
    Experiment {
        name: "sodarace-crossover",
        summary: "the same creatures by few-shot crossover (ELM, LMX)",
        toml: file!("sodarace-crossover.toml"),
    },
    Experiment {
        name: "string",
        summary: "words that approach a target; no model",
        toml: file!("string.toml"),
    },
];

const POOLS: &[(&str, &str)] = &[
    ("opinions", file!("pools/opinions.txt")),
    ("short-story", file!("pools/short-story.txt")),
    ("movie-reviews", file!("pools/movie-reviews.txt")),
];

const TASKS: &[(&str, &str)] = &[
    ("toy", file!("tasks/toy.jsonl")),
    ("antonyms", file!("tasks/antonyms.jsonl")),
    ("animals", file!("tasks/animals.jsonl")),
    ("topics", file!("tasks/topics.jsonl")),
];

/// The experiment called `name`.
pub fn experiment(name: &str) -> Option<&'static Experiment> {
    EXPERIMENTS.iter().find(|experiment| experiment.name == name)
}

/// The seed pool called `name`: one text a line.
pub fn pool(name: &str) -> Option<&'static str> {
    POOLS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A hint that names the pools.
pub fn pools_hint() -> String {
    let names: Vec<&str> = POOLS.iter().map(|(name, _)| *name).collect();
    format!("the built-in pools are {}", names.join(", "))
}

/// The data set called `name`: an item of JSON a line.
pub fn task(name: &str) -> Option<&'static str> {
    TASKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A hint that names the data sets.
pub fn tasks_hint() -> String {
    let names: Vec<&str> = TASKS.iter().map(|(name, _)| *name).collect();
    format!("the built-in data sets are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_set_has_different_inputs_and_accepts_its_own_outputs() {
        use crate::prompt_evolution::{answers::Answer, data};
        for (name, text) in TASKS {
            let items = data::read("k", "a.jsonl", text).expect("a data set");
            let inputs: std::collections::BTreeSet<&str> = items.iter().map(|item| &*item.input).collect();
            assert!(items.len() >= 20 && inputs.len() == items.len(), "{name}");
            let accepted = |output: &String, outputs: &[String]| Answer::Exact.accepts(output, outputs);
            assert!(
                items.iter().all(|item| item.outputs.iter().all(|output| accepted(output, &item.outputs)))
            );
        }
    }

    #[test]
    fn every_pool_holds_at_least_five_different_texts() {
        for (name, text) in POOLS {
            let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
            lines.sort_unstable();
            lines.dedup();
            assert!(lines.len() >= 5, "{name} holds {}", lines.len());
        }
    }
}
