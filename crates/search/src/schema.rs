//! Settings as a JSON schema: the order of their keys, and their ranges, which are checked from it.
//!
//! Every settings type derives [`schemars::JsonSchema`]; doc comments are the descriptions, `#[schemars(range(..))]` the
//! ranges. [`read`] refuses what is out of them, so a range stands in one place. What depends on two settings is checked
//! by the type itself. Who writes the whole file's schema is the command line.

use std::fmt;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{
    Deserializer,
    de::{DeserializeOwned, Error, Visitor},
};
use serde_json::Value;

use crate::{Invalid, decode};

/// The keyword under which a schema lists its keys in the order in which they are best read: that of the type, as JSON
/// objects have none.
pub const ORDER: &str = "x-order";

/// A transform of `schemars`: records the order of a struct's keys under [`ORDER`].
pub fn in_order<T: DeserializeOwned>(schema: &mut Schema) {
    schema.insert(ORDER.to_owned(), keys::<T>().into());
}

/// The keys of a struct, in the order of its definition: what it tells a deserializer that it expects.
fn keys<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut keys: &'static [&'static str] = &[];
    // It always fails: nobody has a value, the question was the answer.
    T::deserialize(Keys(&mut keys)).err();
    keys.to_vec()
}

/// Takes down the keys that a struct asks for.
struct Keys<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Keys<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Error::custom("only its keys are asked"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Reads a section as [`decode()`] does, and refuses numbers out of their ranges, and lists and texts that are too short or
/// too long. For what a
/// person writes; what a run has stored is read by [`decode()`], since earlier versions may have had other ranges.
///
/// # Errors
/// Those of [`decode()`]; a value out of its range.
pub fn read<T: DeserializeOwned + JsonSchema>(table: &toml::Table, name: &str) -> Result<T, Invalid> {
    let settings = decode(table, name)?;
    let inline = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = inline.into_generator().into_root_schema_for::<T>();
    check_table(table, schema.as_value(), name)?;
    Ok(settings)
}

fn check_table(table: &toml::Table, schema: &Value, name: &str) -> Result<(), Invalid> {
    table
        .iter()
        .try_for_each(|(key, value)| check(value, &schema["properties"][key], &format!("{name}.{key}")))
}

/// Checks a value that has the right type already.
fn check(value: &toml::Value, schema: &Value, key: &str) -> Result<(), Invalid> {
    match value {
        toml::Value::Table(table) => check_table(table, schema, key),
        toml::Value::Array(items) => check_list(items, schema, key),
        toml::Value::Integer(number) => check_number(*number as f64, number, schema, key),
        toml::Value::Float(number) => check_number(*number, &short(*number), schema, key),
        toml::Value::String(text) => check_text(text, schema, key),
        _ => Ok(()),
    }
}

/// A number without rows of zeros.
fn short(number: f64) -> String {
    let size = number.abs();
    if number.is_finite() && (size >= 1e16 || (size > 0.0 && size < 1e-6)) {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

fn check_list(items: &[toml::Value], schema: &Value, key: &str) -> Result<(), Invalid> {
    if let Some(least) = schema["minItems"].as_u64().filter(|least| (items.len() as u64) < *least) {
        let what = if items.is_empty() { "is empty".to_owned() } else { "is too short".to_owned() };
        return Err(Invalid::new(key, what, format!("list {least} or more")));
    }
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| (items.len() as u64) > *most) {
        return Err(Invalid::new(
            key,
            format!("has {} entries", items.len()),
            format!("list {most} at most"),
        ));
    }
    items.iter().enumerate().try_for_each(|(place, item)| match item {
        // Numbers of a list are one setting.
        toml::Value::Integer(_) | toml::Value::Float(_) => check(item, &schema["items"], key),
        _ => check(item, &schema["items"], &format!("{key}[{place}]")),
    })
}

fn check_text(text: &str, schema: &Value, key: &str) -> Result<(), Invalid> {
    let length = text.chars().count() as u64;
    match schema["maxLength"].as_u64().filter(|most| length > *most) {
        Some(most) => {
            let what = format!("is {length} characters long");
            Err(Invalid::new(key, what, format!("use {most} characters at most")))
        }
        None => Ok(()),
    }
}

fn check_number(number: f64, shown: &dyn fmt::Display, schema: &Value, key: &str) -> Result<(), Invalid> {
    let bound = |name: &str| schema[name].as_f64();
    let fits = number.is_finite()
        && bound("minimum").is_none_or(|least| number >= least)
        && bound("exclusiveMinimum").is_none_or(|below| number > below)
        && bound("maximum").is_none_or(|most| number <= most);
    if fits {
        return Ok(());
    }
    let ranges = range(schema)
        .map_or_else(|| "set it to a finite number".to_owned(), |range| format!("set it {range}"));
    let hint = match &schema["default"] {
        Value::Number(default) => format!("{ranges}; {} is the default", plain(default)),
        _ => ranges,
    };
    Err(Invalid::new(key, format!("is {shown}"), hint))
}

/// The range of a number's schema in words, such as `from 1 to 65536` or `above 0, to 1 at most`.
pub fn range(schema: &Value) -> Option<String> {
    let number = |name: &str| match &schema[name] {
        Value::Number(number) => Some(plain(number)),
        _ => None,
    };
    Some(match (number("minimum"), number("exclusiveMinimum"), number("maximum")) {
        (_, Some(below), Some(most)) => format!("above {below}, to {most} at most"),
        (_, Some(below), None) => format!("above {below}"),
        (Some(least), None, Some(most)) => format!("from {least} to {most}"),
        (Some(least), None, None) => format!("to {least} or more"),
        (None, None, Some(most)) => format!("to {most} at most"),
        (None, None, None) => return None,
    })
}

/// A number as a person writes it: 1 and not 1.0, 1e100 and not a hundred digits.
pub fn plain(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.abs() >= 1e16 => format!("{float:e}"),
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AxisSettings, BudgetSettings, CvtSection, DominatedNoveltySection, Duplicates, EnsembleSettings,
        IslandSettings, LocalCompetitionSection, Operator, SearchSettings, Strategy as Proposing,
    };

    fn refused<T: DeserializeOwned + JsonSchema + fmt::Debug>(text: &str) -> (String, String) {
        let table = text.parse::<toml::Table>().expect("TOML");
        let error = read::<T>(&table, "s").expect_err("must be refused");
        (error.key, error.hint)
    }

    #[test]
    fn a_schema_knows_the_order_of_its_keys() {
        assert_eq!(keys::<CvtSection>(), ["cells", "samples", "max_iterations"]);
        let schema = schemars::schema_for!(SearchSettings);
        assert_eq!(schema.get(ORDER).expect("an order")[0], "algorithm");
        assert_eq!(keys::<String>(), [""; 0]);
    }

    #[test]
    fn a_number_out_of_its_range_is_refused_with_the_range_and_the_default() {
        let (key, hint) = refused::<SearchSettings>("window = 65537");
        assert_eq!((&*key, &*hint), ("s.window", "set it from 1 to 65536; 32 is the default"));
        let (key, hint) = refused::<SearchSettings>("cvt.cells = 16777217");
        assert_eq!((&*key, &*hint), ("s.cvt.cells", "set it from 1 to 16777216; 1000 is the default"));
        let (key, hint) = refused::<SearchSettings>("budget.money = 0");
        assert_eq!((&*key, &*hint), ("s.budget.money", "set it above 0, to 1e100 at most"));
        for number in ["nan", "inf", "-inf", "1e300"] {
            assert_eq!(refused::<SearchSettings>(&format!("qd_offset = {number}")).0, "s.qd_offset");
            assert_eq!(refused::<AxisSettings>(&format!("name = \"x\"\nrange = [0, {number}]")).0, "s.range");
        }
        assert_eq!([1e300, -2.5, 1e-9].map(short), ["1e300", "-2.5", "1e-9"]);
        assert_eq!(refused::<SearchSettings>("budget.wall_time_s = nan").0, "s.budget.wall_time_s");
        assert_eq!(refused::<AxisSettings>("name = \"x\"\nticks = []").0, "s.ticks");
    }

    /// Every number of a schema with the way to it.
    fn numbers(schema: &Value, key: &str, found: &mut Vec<(String, Value)>) {
        let named = |name: &str| schema["type"] == name || schema["type"][0] == name;
        if named("integer") || named("number") {
            found.push((key.to_owned(), schema.clone()));
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            numbers(property, &format!("{key}.{name}"), found);
        }
        if let Some(items) = schema.get("items") {
            numbers(items, key, found);
        }
    }

    #[test]
    fn a_list_or_a_name_that_is_too_long_is_refused_with_the_most_that_it_may_have() {
        let name = "n".repeat(201);
        let (key, hint) = refused::<AxisSettings>(&format!("name = \"{name}\"\nbins = 2"));
        assert_eq!((&*key, &*hint), ("s.name", "use 200 characters at most"));
        let ticks: Vec<String> = (0..10_001).map(|tick| tick.to_string()).collect();
        let (key, hint) = refused::<AxisSettings>(&format!("name = \"x\"\nticks = [{}]", ticks.join(",")));
        assert_eq!((&*key, &*hint), ("s.ticks", "list 10000 at most"));
    }

    fn unbounded<T: JsonSchema>() -> Vec<String> {
        let inline = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut found = Vec::new();
        numbers(inline.into_generator().into_root_schema_for::<T>().as_value(), "", &mut found);
        assert!(!found.is_empty());
        let bounded = |schema: &Value| {
            schema["maximum"].is_number()
                && (schema["minimum"].is_number() || schema["exclusiveMinimum"].is_number())
        };
        found.into_iter().filter(|(_, schema)| !bounded(schema)).map(|(key, _)| key).collect()
    }

    #[test]
    fn every_number_has_a_smallest_and_a_largest_value() {
        // Wall times of more than a hundred years are no limit.
        assert_eq!(unbounded::<SearchSettings>(), [".budget.wall_time_s"]);
        assert_eq!(unbounded::<AxisSettings>(), [""; 0]);
        assert_eq!(unbounded::<EnsembleSettings>(), [""; 0]);
    }

    fn operators() -> impl Strategy<Value = Option<Operator>> {
        prop::option::of(prop::sample::select(vec![
            Operator::Prompt,
            Operator::Diff,
            Operator::Crossover,
            Operator::Gp,
        ]))
    }

    prop_compose! {
        fn budgets()(
            wall_time_s in prop::option::of(1e-3..1e12),
            calls in prop::option::of(1..1_000_000u64),
            tokens in prop::option::of(1..=1_000_000_000_000_000u64),
            money in prop::option::of(1e-9..1e100),
        ) -> BudgetSettings {
            BudgetSettings { wall_time_s, calls, tokens, money }
        }
    }

    prop_compose! {
        fn settings()(
            window in 1..=65_536usize,
            part in 0.0..1.0,
            (init_steps, total_steps, max_failures) in (0..10_000u64, 1..=1_000_000_000_000_000u64, 1..1000u64),
            seed in 0..=i64::MAX as u64,
            (depth, qd_offset) in (1..100usize, -1e100..1e100),
            soft in prop::option::of((0.0..=1.0, -1e100..1e100)),
            (operator, own) in (operators(), "[a-z_]{1,20}"),
            (cells, samples, max_iterations) in (1..=1usize << 24, 1..=1usize << 28, 1..=1_000_000usize),
            (count, migration_interval, migrants) in (1..=1000u32, 1..1_000_000u64, 0..=1_000_000usize),
            (places, neighbours, threshold) in (1..=65_536usize, 1..=1000usize, 0.0..1e100),
            budget in budgets(),
        ) -> SearchSettings {
            SearchSettings {
                window,
                concurrency: 1 + (part * (window - 1) as f64) as usize,
                init_steps,
                total_steps,
                max_failures,
                seed,
                depth,
                qd_offset,
                learning_rate: soft.map(|(rate, _)| rate),
                threshold_min: soft.map(|(_, least)| least),
                operator,
                strategy: Proposing::from(own),
                duplicates: if seed % 2 == 0 { Duplicates::Refuse } else { Duplicates::Rewrite },
                cvt: CvtSection { cells, samples, max_iterations },
                dominated_novelty: DominatedNoveltySection { places, neighbours },
                local_competition: LocalCompetitionSection { places, neighbours, threshold },
                islands: IslandSettings { count, migration_interval, migrants },
                budget,
                ..SearchSettings::default()
            }
        }
    }

    proptest! {
        #[test]
        fn settings_that_are_written_read_as_the_same(settings in settings()) {
            prop_assert_eq!(settings.validate(), Ok(()));
            let table = toml::Table::try_from(&settings).expect("TOML");
            let text = toml::to_string(&table).expect("TOML");
            let back: SearchSettings = read(&text.parse().expect("TOML"), "search").expect("settings");
            prop_assert_eq!(back, settings);
        }
    }
}
