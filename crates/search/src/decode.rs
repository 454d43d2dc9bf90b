//! A section of TOML into its settings, with errors that name the key and the nearest known one.

use serde::de::DeserializeOwned;

use crate::Invalid;

/// Reads the table of section `name` (such as `search`); keys in errors are dotted from there.
///
/// # Errors
/// An unknown key, a wrong type, or a missing key.
pub fn decode<T: DeserializeOwned>(table: &toml::Table, name: &str) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(table.clone()).map_err(|error| {
        let path = error.path().to_string();
        let key = if path == "." { name.to_owned() } else { format!("{name}.{path}") };
        explain(key, error.inner().message())
    })
}

/// serde says what it expected in backticks; a person is better served by the nearest name.
fn explain(key: String, message: &str) -> Invalid {
    let message = message.trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let named = quoted.next().unwrap_or_default().to_owned();
    let known: Vec<&str> = quoted.collect();
    if message.starts_with("unknown field") {
        // The path ends at the unknown key for some formats and before it for others.
        let key = if key.ends_with(&format!(".{named}")) { key } else { format!("{key}.{named}") };
        return Invalid::new(key, "there is no such key", nearest(&named, &known));
    }
    if message.starts_with("unknown variant") {
        return Invalid::new(key, format!("`{named}` is not one of its values"), nearest(&named, &known));
    }
    if message.starts_with("missing field") {
        return Invalid::new(
            format!("{key}.{named}"),
            "is missing",
            "add it; `samara new` writes a complete example",
        );
    }
    Invalid::new(key, message, "`samara new` writes a commented example")
}

/// A hint with the nearest of the known names, or all of them.
pub fn nearest(name: &str, known: &[&str]) -> String {
    let best = known
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, other)) if likeness > 0.8 => format!("did you mean `{other}`?"),
        Some(_) => format!("it is one of {}", known.join(", ")),
        None => "remove it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SearchSettings;

    fn refused(text: &str) -> Invalid {
        let table = text.parse::<toml::Table>().expect("TOML");
        decode::<SearchSettings>(&table, "search").expect_err("must be refused")
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = refused("total_step = 3");
        assert_eq!(error.key, "search.total_step");
        assert_eq!(error.hint, "did you mean `total_steps`?");
        assert_eq!(refused("[budget]\ntokenz = 3").key, "search.budget.tokenz");
    }

    #[test]
    fn a_wrong_type_or_value_names_its_key() {
        assert_eq!(refused("window = \"wide\"").key, "search.window");
        assert_eq!(refused("budget = { money = \"much\" }").key, "search.budget.money");
        let error = refused("algorithm = \"map_elite\"");
        assert_eq!((&*error.key, &*error.hint), ("search.algorithm", "did you mean `map_elites`?"));
    }
}
