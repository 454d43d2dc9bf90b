//! The part of JSON Schema (draft 7) that the schema of an experiment uses. A keyword that it doesn't know is a panic:
//! nothing passes unchecked.

use serde_json::Value;

/// What is wrong with a value, or nothing.
pub(crate) fn faults(value: &Value, schema: &Value, root: &Value) -> Vec<String> {
    let mut checker = Checker { root, faults: Vec::new() };
    checker.check(value, schema, "");
    checker.faults
}

struct Checker<'a> {
    root: &'a Value,
    faults: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, value: &Value, schema: &Value, at: &str) {
        let Some(keywords) = schema.as_object() else {
            self.expect(schema == &Value::Bool(true), at, "is not allowed");
            return;
        };
        for (keyword, rule) in keywords {
            self.keyword(keyword, rule, value, schema, at);
        }
    }

    fn expect(&mut self, holds: bool, at: &str, what: &str) {
        if !holds {
            self.faults.push(format!("{at}: {what}"));
        }
    }

    fn fits(&self, value: &Value, schema: &Value) -> bool {
        faults(value, schema, self.root).is_empty()
    }

    fn keyword(&mut self, keyword: &str, rule: &Value, value: &Value, schema: &Value, at: &str) {
        let kinds = || rule.as_array().expect("a list of schemas");
        match keyword {
            "$schema" | "title" | "description" | "default" | "format" | "definitions" | "x-order"
            | "then" => {}
            "$ref" => {
                let path =
                    rule.as_str().and_then(|path| path.strip_prefix('#')).expect("a place in this schema");
                self.check(value, self.root.pointer(path).expect("a definition"), at);
            }
            "type" => {
                self.expect(has_type(value, rule.as_str().expect("one type")), at, &format!("is no {rule}"));
            }
            "const" => self.expect(value == rule, at, &format!("is not {rule}")),
            "enum" => self.expect(kinds().contains(value), at, &format!("is none of {rule}")),
            "allOf" => kinds().iter().for_each(|schema| self.check(value, schema, at)),
            "anyOf" => self.expect(kinds().iter().any(|schema| self.fits(value, schema)), at, "fits nothing"),
            "oneOf" => {
                let fitting = kinds().iter().filter(|schema| self.fits(value, schema)).count();
                self.expect(fitting == 1, at, &format!("fits {fitting} of its kinds"));
            }
            "if" if self.fits(value, rule) => self.check(value, &schema["then"], at),
            "if" => {}
            "minimum" | "maximum" | "exclusiveMinimum" | "minItems" | "maxItems" => {
                let size = value.as_f64().or_else(|| value.as_array().map(|items| items.len() as f64));
                let limit = rule.as_f64().expect("a number");
                let within = |size: f64| match keyword {
                    "minimum" | "minItems" => size >= limit,
                    "exclusiveMinimum" => size > limit,
                    _ => size <= limit,
                };
                self.expect(size.is_none_or(within), at, &format!("breaks {keyword} {rule}"));
            }
            "minLength" => {
                let long = |text: &str| text.chars().count() as u64 >= rule.as_u64().expect("a number");
                self.expect(value.as_str().is_none_or(long), at, "is too short");
            }
            "maxLength" => {
                let short = |text: &str| text.chars().count() as u64 <= rule.as_u64().expect("a number");
                self.expect(value.as_str().is_none_or(short), at, "is too long");
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(item, rule, &format!("{at}[{place}]"));
                }
            }
            "required" => {
                for key in kinds().iter().filter_map(Value::as_str) {
                    self.expect(value.get(key).is_some() || !value.is_object(), at, &format!("lacks {key}"));
                }
            }
            "properties" => {
                for (key, schema) in rule.as_object().expect("keys") {
                    if let Some(value) = value.get(key) {
                        self.check(value, schema, &format!("{at}.{key}"));
                    }
                }
            }
            "additionalProperties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if schema["properties"].get(key).is_none() {
                        self.check(value, rule, &format!("{at}.{key}"));
                    }
                }
            }
            unknown => panic!("the validator does not know `{unknown}`"),
        }
    }
}

/// TOML tells whole numbers from others, so this does.
fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("the validator does not know the type `{unknown}`"),
    }
}
