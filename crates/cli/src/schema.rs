//! The JSON schema of a whole experiment, for `samara schema`: editors check and complete settings by it, and
//! `docs/reference/settings.md` is made from it (`tests/settings_reference`).
//!
//! Sections are the schemas of their types. What is here is how they make a file: an `[environment]` is that of the
//! environment that `experiment.environment` names, each as its entry in the registry says, and `[models]`, which
//! `roles` reads by hand.

use samara_engine::SandboxSettings;
use samara_environments::{Entry, REGISTRY};
use samara_lm::ModelSettings;
use samara_search::{
    AxisSettings, EnsembleSettings, SearchSettings, Strategy,
    schema::{ORDER, in_order},
    settings::MOST_AXES,
};
use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

use crate::{
    config::Naming,
    roles::{CacheSettings, MOST_MEMBERS, MOST_WEIGHT, Price},
    workers::settings::WorkerSettings,
};

/// The order of the sections.
const SECTIONS: [&str; 9] =
    ["experiment", "search", "axes", "models", "prices", "cache", "environment", "sandbox", "workers"];

/// The schema of an experiment.
pub(crate) fn experiment() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let environments: Vec<Schema> = REGISTRY.iter().map(|entry| (entry.schema)(&mut generator)).collect();
    let cases: Vec<Value> = REGISTRY
        .iter()
        .zip(&environments)
        .map(|(entry, section)| case(entry, section, &mut generator))
        .collect();
    let search = described::<SearchSettings>(&mut generator, "How it is searched, and what may be spent.");
    name_strategies(generator.definitions_mut());
    let sections = json!({
        "experiment": naming(&mut generator),
        "search": search,
        "axes": {
            "description": "The archive's axes: one per measure, in the order of the environment's measures.",
            "type": "array",
            "items": generator.subschema_for::<AxisSettings>(),
            "minItems": 1,
            "maxItems": MOST_AXES,
        },
        "models": models(&mut generator),
        "prices": {
            "description": "Money per million tokens of the models of that name that have no price of their own.",
            "type": "object",
            "additionalProperties": generator.subschema_for::<Price>(),
        },
        "cache": described::<CacheSettings>(&mut generator, "Where answers of models are cached."),
        "environment": {
            "description": "The section of the environment that `experiment.environment` names.",
            "type": "object",
            "anyOf": environments,
        },
        "sandbox": described::<SandboxSettings>(&mut generator, "How programs are isolated, and what each may use."),
        "workers": described::<WorkerSettings>(&mut generator, "Where a run meets workers on other machines."),
    });
    let mut root = schemars::json_schema!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An experiment of samara",
        "type": "object",
        "properties": sections,
        "required": ["experiment", "axes"],
        "additionalProperties": false,
        "allOf": cases,
    });
    root.insert(ORDER.to_owned(), json!(SECTIONS));
    root.insert("definitions".to_owned(), generator.take_definitions(false).into());
    for transform in generator.transforms_mut() {
        transform.transform(&mut root);
    }
    RecursiveTransform(without_null).transform(&mut root);
    root.to_value()
}

/// The `[experiment]` section, with the environments that there are.
fn naming(generator: &mut SchemaGenerator) -> Value {
    let mut schema = Naming::json_schema(generator).to_value();
    let environment = |entry: &Entry| json!({"const": entry.name, "description": entry.summary});
    let environments: Vec<Value> = REGISTRY.iter().map(environment).collect();
    schema["description"] = "What the experiment is called, and what it evolves.".into();
    schema["properties"]["environment"]["oneOf"] = environments.into();
    schema
}

/// The description of `search.strategy` with the baselines of each environment, before what it says of the default.
fn name_strategies(definitions: &mut Map<String, Value>) {
    let known = REGISTRY.iter().filter(|entry| !entry.strategies.is_empty()).map(|entry| {
        let names: Vec<String> = entry.strategies.iter().map(|name| format!("`{name}`")).collect();
        format!("`{}` knows {}. ", entry.name, names.join(", "))
    });
    let Some(section) = definitions.get_mut("SearchSettings") else { return };
    if let Value::String(description) = &mut section["properties"]["strategy"]["description"]
        && let Some(place) = description.rfind("Default")
    {
        description.insert_str(place, &known.collect::<String>());
    }
}

/// A section's type, and what the section is for.
fn described<T: JsonSchema>(generator: &mut SchemaGenerator, description: &str) -> Value {
    let mut schema = generator.subschema_for::<T>();
    schema.insert("description".to_owned(), description.into());
    schema.to_value()
}

/// What holds for the experiments of one environment: its section, and the strategies that it knows.
fn case(entry: &Entry, section: &Schema, generator: &mut SchemaGenerator) -> Value {
    let own = section.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let own = own.and_then(|name| generator.definitions().get(name));
    let needed = own.is_some_and(|own| own.get("required").is_some());
    let mut strategies = vec![Strategy::Qdaif.name().to_owned(), Strategy::RandomSearch.name().to_owned()];
    strategies.extend(entry.strategies.iter().map(|name| (*name).to_owned()));
    let mut then = json!({"properties": {
        "environment": section,
        "search": {"properties": {"strategy": {"enum": strategies}}},
    }});
    if needed {
        then["required"] = json!(["environment"]);
    }
    let named = json!({"properties": {"experiment": {"properties": {"environment": {"const": entry.name}}}}});
    json!({"if": named, "then": then})
}

/// The `[models]` section: a role's model is a string or a table; the generator may be an ensemble.
fn models(generator: &mut SchemaGenerator) -> Value {
    define(generator, "EnsembleMember", member);
    define(generator, "EnsembleSettings", ensemble);
    define(generator, "ModelSettings", model);
    let role = |description: &str| json!({"description": description, "anyOf": [model_string(), reference("ModelSettings")]});
    let mut generators = role("Who writes candidates: a model or an ensemble of them.");
    generators["anyOf"]
        .as_array_mut()
        .into_iter()
        .for_each(|kinds| kinds.push(reference("EnsembleSettings")));
    json!({
        "description": "The models that are asked, by their roles.",
        "type": "object",
        "properties": {
            "generator": generators,
            "judge": role("Who answers questions about candidates."),
            "embedder": role("Who turns texts into vectors, near each other for texts that mean the same."),
        },
        "additionalProperties": false,
        ORDER: ["generator", "judge", "embedder"],
    })
}

fn define(generator: &mut SchemaGenerator, name: &str, schema: fn(&mut SchemaGenerator) -> Schema) {
    let schema = schema(generator).to_value();
    generator.definitions_mut().insert(name.to_owned(), schema);
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

fn model_string() -> Value {
    json!({
        "type": "string",
        "description": "A model string, such as `openai:NAME`, `http://HOST:PORT/v1#NAME` or `embedded`.",
    })
}

fn model(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ModelSettings::json_schema(generator);
    in_order::<ModelSettings>(&mut schema);
    schema
}

fn member(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = model(generator);
    schema.insert(
        "description".to_owned(),
        "A model of an ensemble; without `provider`, `model` is a model string.".into(),
    );
    let weight = json!({
        "description": "How often it is chosen, in proportion to the others' weights, above 0. Default 1.",
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": MOST_WEIGHT,
        "default": 1,
    });
    prepend(&mut schema, "weight", weight);
    schema
}

fn ensemble(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = EnsembleSettings::json_schema(generator);
    let models = json!({
        "description": "Its models, a hundred at most: model strings, or tables of a model's keys and a `weight` (above 0; default 1). \
                        Without `provider`, `model` is a model string.",
        "type": "array",
        "items": {"anyOf": [model_string(), reference("EnsembleMember")]},
        "minItems": 1,
        "maxItems": MOST_MEMBERS,
    });
    prepend(&mut schema, "ensemble", models);
    schema.insert("required".to_owned(), json!(["ensemble"]));
    schema
}

/// Adds a key before the others.
fn prepend(schema: &mut Schema, key: &str, value: Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert(key.to_owned(), value);
    }
    if let Some(Value::Array(order)) = schema.get_mut(ORDER) {
        order.insert(0, key.into());
    }
}

/// TOML has no null: what may be left out is not written.
fn without_null(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(kinds)) = object.get_mut("anyOf") else { return };
    let before = kinds.len();
    kinds.retain(|kind| kind["type"] != "null");
    if kinds.len() == 1 && before == 2 {
        // Beside other keywords a reference would be ignored in this draft.
        let only = std::mem::take(kinds);
        object.remove("anyOf");
        object.insert("allOf".to_owned(), only.into());
    }
}
