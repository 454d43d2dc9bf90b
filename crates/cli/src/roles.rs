//! The `[models]`, `[prices]` and `[cache]` sections: who is asked, what it costs, where answers are cached.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use samara_engine::Environment;
use samara_lm::ModelSettings;
use samara_search::{CostUnit, Ensemble, EnsembleSettings, Invalid, nearest, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// The roles that `[models.ROLE]` may name.
const ROLES: [&str; 3] = ["generator", "judge", "embedder"];

/// The largest weight of a model in an ensemble: sums of weights are numbers.
pub(crate) const MOST_WEIGHT: f64 = 1e9;

/// The most models of an ensemble.
pub(crate) const MOST_MEMBERS: usize = 100;

/// The models of an experiment, by role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    pub generator: Option<Generator>,
    pub judge: Option<ModelSettings>,
    pub embedder: Option<ModelSettings>,
}

/// One generator, or an ensemble of them.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    /// One or more.
    pub members: Vec<Member>,
    /// How one of them is chosen; `None` for a single model.
    pub ensemble: Option<EnsembleSettings>,
}

impl Generator {
    /// What errors and remarks call one of its models.
    pub(crate) fn name_of(&self, position: usize) -> String {
        match self.ensemble {
            Some(_) => format!("generator.ensemble[{position}]"),
            None => "generator".to_owned(),
        }
    }
}

/// A model of an ensemble.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub model: ModelSettings,
    pub weight: f64,
}

/// An entry of `[prices]`: money per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub(crate) struct Price {
    /// Of prompts. Default 0.
    #[schemars(range(min = 0.0, max = 1e9))]
    #[serde(rename = "in", default)]
    pub input: f64,
    /// Of what is written. Default 0.
    #[schemars(range(min = 0.0, max = 1e9))]
    #[serde(rename = "out", default)]
    pub output: f64,
}

/// The `[cache]` section.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = samara_search::schema::in_order::<Self>)]
pub(crate) struct CacheSettings {
    /// The file that answers are cached in; a relative path starts at the experiment's file, or at the working
    /// directory for built-in experiments. Default: no cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Most MiB of it that are used, about, 1 or more; then the oldest answers are forgotten. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1073741824))]
    pub max_mb: Option<u64>,
}

impl Roles {
    /// The models of `[models]`; relative paths start at `folder`.
    pub(crate) fn new(sections: &BTreeMap<String, Value>, folder: &Path) -> Result<Self, Invalid> {
        let mut roles = Self::default();
        for (role, section) in sections {
            let key = format!("models.{role}");
            match role.as_str() {
                "generator" => roles.generator = Some(generator(section, folder)?),
                "judge" => roles.judge = Some(model(section, &key, folder)?),
                "embedder" => roles.embedder = Some(model(section, &key, folder)?),
                _ => return Err(Invalid::new(key, "there is no such role", nearest(role, &ROLES))),
            }
        }
        Ok(roles)
    }

    /// Refuses an experiment that lacks a model which its environment asks.
    pub(crate) fn check(&self, environment: &dyn Environment) -> Result<(), Invalid> {
        let needed = environment.roles();
        let there = [
            ("generator", needed.generator, self.generator.is_some()),
            ("judge", needed.judge || needed.answers, self.judge.is_some()),
            ("embedder", needed.embedder, self.embedder.is_some()),
        ];
        match there.into_iter().find(|(_, needed, there)| *needed && !there) {
            None => Ok(()),
            Some((role, ..)) => {
                let what = format!("the environment `{}` needs it", environment.name());
                Err(Invalid::new(format!("models.{role}"), what, "such as provider = \"openai\""))
            }
        }
    }

    /// The model that a key of the settings names, such as `models.judge` or `models.generator.ensemble.0`.
    pub(crate) fn named_mut(&mut self, key: &str) -> Option<&mut ModelSettings> {
        match key.strip_prefix("models.")? {
            "judge" => self.judge.as_mut(),
            "embedder" => self.embedder.as_mut(),
            place => {
                let position = match place.strip_prefix("generator.ensemble.") {
                    Some(position) => position.parse().ok()?,
                    None => 0,
                };
                self.generator.as_mut()?.members.get_mut(position).map(|member| &mut member.model)
            }
        }
    }

    /// Every model, an ensemble's one by one.
    fn all_mut(&mut self) -> impl Iterator<Item = &mut ModelSettings> {
        let members = self.generator.iter_mut().flat_map(|generator| &mut generator.members);
        members.map(|member| &mut member.model).chain(&mut self.judge).chain(&mut self.embedder)
    }

    /// With the table's prices for the models that it names and that have none of their own.
    pub(crate) fn priced(mut self, prices: &BTreeMap<String, Price>) -> Self {
        for model in self.all_mut().filter(|model| model.price_in == 0.0 && model.price_out == 0.0) {
            if let Some(price) = model.model.as_ref().and_then(|name| prices.get(name)) {
                (model.price_in, model.price_out) = (price.input, price.output);
            }
        }
        self
    }

    /// Whether any model costs money.
    pub(crate) fn cost_money(&mut self) -> bool {
        self.all_mut().any(|model| model.price_in > 0.0 || model.price_out > 0.0)
    }

    /// The ensemble to choose writers from, once prices are known; empty for a single generator.
    pub(crate) fn ensemble(&self) -> Ensemble {
        let Some((generator, settings)) =
            self.generator.as_ref().and_then(|generator| Some((generator, generator.ensemble?)))
        else {
            return Ensemble::default();
        };
        let priced = |member: &Member| member.model.price_in > 0.0 || member.model.price_out > 0.0;
        let default = if generator.members.iter().any(priced) { CostUnit::Money } else { CostUnit::Tokens };
        let per = Some(settings.per.unwrap_or(default));
        Ensemble::new(
            EnsembleSettings { per, ..settings },
            generator.members.iter().map(|member| member.weight),
        )
    }

    /// As they are written into a run.
    pub(crate) fn to_toml(&self) -> Result<Table, toml::ser::Error> {
        let mut table = Table::new();
        if let Some(generator) = &self.generator {
            table.insert("generator".into(), generator.to_toml()?);
        }
        for (role, model) in [("judge", &self.judge), ("embedder", &self.embedder)] {
            if let Some(model) = model {
                table.insert(role.into(), Value::try_from(model)?);
            }
        }
        Ok(table)
    }
}

impl Generator {
    fn to_toml(&self) -> Result<Value, toml::ser::Error> {
        let Some(ensemble) = &self.ensemble else {
            return Value::try_from(&self.members[0].model);
        };
        let mut table = Table::try_from(ensemble)?;
        let member = |member: &Member| {
            let mut entry = Table::try_from(&member.model)?;
            entry.insert("weight".into(), member.weight.into());
            Ok::<_, toml::ser::Error>(Value::Table(entry))
        };
        let members = self.members.iter().map(member).collect::<Result<_, _>>()?;
        table.insert("ensemble".into(), Value::Array(members));
        Ok(Value::Table(table))
    }
}

fn generator(section: &Value, folder: &Path) -> Result<Generator, Invalid> {
    const KEY: &str = "models.generator";
    let Some(list) = section.get("ensemble") else {
        let member = Member { model: model(section, KEY, folder)?, weight: 1.0 };
        return Ok(Generator { members: vec![member], ensemble: None });
    };
    let hint = "list its models: ensemble = [\"openai:A\", {model = \"openai:B\", weight = 2.0}]";
    let entries = list.as_array().filter(|entries| !entries.is_empty());
    let entries =
        entries.ok_or_else(|| Invalid::new(format!("{KEY}.ensemble"), "is no list of models", hint))?;
    if entries.len() > MOST_MEMBERS {
        let what = format!("has {} models", entries.len());
        return Err(Invalid::new(format!("{KEY}.ensemble"), what, format!("list {MOST_MEMBERS} at most")));
    }
    let members = entries
        .iter()
        .enumerate()
        .map(|(position, entry)| member(entry, &format!("{KEY}.ensemble[{position}]"), folder))
        .collect::<Result<_, _>>()?;
    let mut beside = section.as_table().cloned().unwrap_or_default();
    beside.remove("ensemble");
    let ensemble: EnsembleSettings = schema::read(&beside, KEY)?;
    ensemble.validate()?;
    Ok(Generator { members, ensemble: Some(ensemble) })
}

/// A model string, or a table with a weight in which `model` is a model string unless there is a `provider`.
fn member(entry: &Value, key: &str, folder: &Path) -> Result<Member, Invalid> {
    let Value::Table(table) = entry else {
        return Ok(Member { model: model(entry, key, folder)?, weight: 1.0 });
    };
    let mut table = table.clone();
    let weight = match table.remove("weight") {
        None => Some(1.0),
        Some(Value::Integer(weight)) => Some(weight as f64),
        Some(value) => value.as_float(),
    };
    let weight = weight.filter(|weight| *weight > 0.0 && *weight <= MOST_WEIGHT).ok_or_else(|| {
        let hint = format!("set it above 0, to {MOST_WEIGHT} at most; 1 is the default");
        Invalid::new(format!("{key}.weight"), "is no weight", hint)
    })?;
    if !table.contains_key("provider")
        && let Some(Value::String(name)) = table.remove("model")
    {
        let key = format!("{key}.model");
        let unwritable = |error: toml::ser::Error| Invalid::new(&*key, error.to_string(), "report this");
        let mut whole = Table::try_from(parsed(&name, &key)?).map_err(unwritable)?;
        whole.extend(table);
        table = whole;
    }
    Ok(Member { model: model(&Value::Table(table), key, folder)?, weight })
}

fn parsed(model: &str, key: &str) -> Result<ModelSettings, Invalid> {
    ModelSettings::parse(model)
        .map_err(|error| Invalid::new(key, error.message, error.hint.unwrap_or_default()))
}

pub(crate) fn model(section: &Value, key: &str, folder: &Path) -> Result<ModelSettings, Invalid> {
    let mut settings = match section {
        Value::String(model) => parsed(model, key)?,
        Value::Table(table) => schema::read(table, key)?,
        _ => {
            let what = "is neither a table nor a model string";
            return Err(Invalid::new(key, what, "such as \"openai:NAME\""));
        }
    };
    settings.validate().map_err(|invalid| {
        let field = format!("{key}.{}", invalid.key);
        Invalid::new(field, invalid.problem, invalid.hint)
    })?;
    let files = [
        &mut settings.script,
        &mut settings.folder,
        &mut settings.file,
        &mut settings.tokenizer,
        &mut settings.ca_file,
    ];
    for path in files.into_iter().flatten() {
        if let Ok(full) = std::path::absolute(folder.join(&*path)) {
            *path = full;
        }
    }
    Ok(settings)
}

/// The `[prices]` section.
pub(crate) fn prices(section: &BTreeMap<String, Table>) -> Result<BTreeMap<String, Price>, Invalid> {
    let price = |(name, entry): (&String, &Table)| {
        let key = format!("prices.{name}");
        let price: Price = schema::read(entry, &key)?;
        Ok((name.clone(), price))
    };
    section.iter().map(price).collect()
}

/// The `[cache]` section.
pub(crate) fn cache(section: &Table, folder: &Path) -> Result<CacheSettings, Invalid> {
    let mut cache: CacheSettings = schema::read(section, "cache")?;
    if cache.max_mb == Some(0) {
        return Err(Invalid::new("cache.max_mb", "is 0", "1 or more, or leave it out for no limit"));
    }
    if cache.max_mb.is_some() && cache.path.is_none() {
        return Err(Invalid::new("cache.path", "is missing", "name the cache's file: path = \"FILE\""));
    }
    if let Some(path) = &mut cache.path
        && let Ok(full) = std::path::absolute(folder.join(&*path))
    {
        *path = full;
    }
    Ok(cache)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Roles, Invalid> {
        #[derive(Deserialize)]
        struct File {
            models: BTreeMap<String, Value>,
        }
        let file: File = toml::from_str(text).expect("TOML");
        Roles::new(&file.models, Path::new("/experiments"))
    }

    const ENSEMBLE: &str = "
        [models.generator]
        choose = \"bandit\"
        memory = 500
        [[models.generator.ensemble]]
        model = \"openai:large\"
        weight = 2
        timeout_s = 9.0
        [[models.generator.ensemble]]
        model = \"scripted:a.toml\"
        [[models.generator.ensemble]]
        provider = \"openai\"
        model = \"openai:odd-name\"
    ";

    #[test]
    fn an_ensemble_is_a_list_of_models_with_weights() {
        let roles = read(ENSEMBLE).expect("valid");
        let members = &roles.generator.as_ref().expect("a generator").members;
        assert_eq!(members.iter().map(|member| member.weight).collect::<Vec<_>>(), [2.0, 1.0, 1.0]);
        assert_eq!((members[0].model.model.as_deref(), members[0].model.timeout_s), (Some("large"), 9.0));
        assert_eq!(members[1].model.script, Some("/experiments/a.toml".into()));
        assert_eq!(members[2].model.model.as_deref(), Some("openai:odd-name"));
        let strings = read("[models.generator]\nensemble = [\"embedded\", \"openai:x\"]").expect("valid");
        assert_eq!(strings.ensemble().len(), 2);
        assert!(read("[models]\ngenerator = \"embedded\"").expect("valid").ensemble().is_empty());
    }

    #[test]
    fn what_is_written_into_a_run_reads_back_as_the_same() {
        let roles = read(ENSEMBLE).expect("valid");
        let written = roles.to_toml().expect("TOML");
        let sections = written.clone().into_iter().collect();
        let again = Roles::new(&sections, Path::new("/elsewhere")).expect("valid");
        assert_eq!(again.to_toml().expect("TOML"), written);
        assert_eq!(again.ensemble(), roles.ensemble());
    }

    #[test]
    fn ensembles_that_can_not_be_used_name_their_key() {
        let key = |text: &str| read(text).expect_err("must be refused").key;
        let with = |line: &str| format!("[models.generator]\nensemble = [\"embedded\"]\n{line}");
        assert_eq!(key("[models.generator]\nensemble = []"), "models.generator.ensemble");
        assert_eq!(key(&with("memory = 1")), "models.generator.memory");
        assert_eq!(key(&with("exploration = -1.0")), "models.generator.exploration");
        assert_eq!(key(&with("provider = \"embedded\"")), "models.generator.provider");
        let entry = |entry: &str| format!("[models.generator]\nensemble = [{entry}]");
        assert_eq!(key(&entry("{model = \"gpt\"}")), "models.generator.ensemble[0].model");
        assert_eq!(key(&entry("{model = \"embedded\", weight = 0}")), "models.generator.ensemble[0].weight");
        assert_eq!(
            key(&entry("{model = \"embedded\", weight = 1e300}")),
            "models.generator.ensemble[0].weight"
        );
        assert_eq!(key(&entry("{model = \"embedded\", waight = 1}")), "models.generator.ensemble[0].waight");
        assert_eq!(key("[models.judge]\nensemble = []"), "models.judge.ensemble");
    }

    #[test]
    fn a_price_table_prices_the_models_it_names_and_spares_those_with_their_own() {
        let roles = read(
            "[models]\ngenerator = \"openai:a\"\njudge = \"openai:b\"\n[models.embedder]\nmodel = \"a\"\nprice_in = 9.0",
        );
        let table: BTreeMap<String, Table> =
            toml::from_str("a = {in = 0.5, out = 1.5}\nc = {in = 7}").expect("TOML");
        let mut roles = roles.expect("valid").priced(&prices(&table).expect("valid"));
        let prices: Vec<_> = roles.all_mut().map(|model| (model.price_in, model.price_out)).collect();
        assert_eq!(prices, [(0.5, 1.5), (0.0, 0.0), (9.0, 0.0)]);
        assert!(roles.cost_money());
    }

    #[test]
    fn prices_and_caches_that_mean_nothing_name_their_key() {
        let key = |text: &str| {
            let table: BTreeMap<String, Table> = toml::from_str(text).expect("TOML");
            prices(&table).expect_err("must be refused").key
        };
        assert_eq!(key("m = {in = -1.0}"), "prices.m.in");
        assert_eq!(key("m = {out = 1e300}"), "prices.m.out");
        assert_eq!(key("m = {input = 1.0}"), "prices.m.input");
        let key = |text: &str| {
            cache(&text.parse().expect("TOML"), Path::new("/")).expect_err("must be refused").key
        };
        assert_eq!(key("path = \"a\"\nmax_mb = 0"), "cache.max_mb");
        assert_eq!(key("max_mb = 5"), "cache.path");
        assert_eq!(key("file = \"a\""), "cache.file");
    }
}
