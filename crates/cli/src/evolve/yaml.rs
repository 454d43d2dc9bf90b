//! YAML as other systems' configurations are written in it, read into JSON's values.

use serde_json::Value;

/// Reads a document. An empty one is an empty table.
///
/// # Errors
/// What is wrong and where, in a line or two; also aliases that would grow without end.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let value: Value =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
    Ok(if value.is_null() { Value::Object(serde_json::Map::new()) } else { value })
}
