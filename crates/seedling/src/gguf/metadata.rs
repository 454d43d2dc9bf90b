//! What a file says about a model: texts, numbers and lists by key.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::SeedlingError;

use super::AGAIN;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Flag(bool),
    Text(String),
    Array(Array),
}

/// A list of values of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Array {
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Flags(Vec<bool>),
    Texts(Vec<String>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Unsigned(_) | Self::Signed(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Flag(_) => "yes or no",
            Self::Text(_) => "a text",
            Self::Array(Array::Integers(_)) => "a list of whole numbers",
            Self::Array(Array::Floats(_)) => "a list of numbers",
            Self::Array(Array::Flags(_)) => "a list of yes and no",
            Self::Array(Array::Texts(_)) => "a list of texts",
        }
    }
}

/// What a file says about a model.
///
/// Every look-up gives `None` for a key that isn't there, and an error that names file and key for one that is of
/// another kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    origin: PathBuf,
    values: BTreeMap<String, Value>,
}

impl Metadata {
    pub(super) fn new(origin: &Path) -> Self {
        Self { origin: origin.to_owned(), values: BTreeMap::new() }
    }

    /// False if the key is there already.
    pub(super) fn insert(&mut self, key: String, value: Value) -> bool {
        self.values.insert(key, value).is_none()
    }

    /// The file.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    fn get<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        take: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, SeedlingError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        take(value).map(Some).ok_or_else(|| {
            let what = format!("{key} is {}, where {expected} is expected", value.kind());
            SeedlingError::file(&self.origin, what, AGAIN)
        })
    }

    /// A text.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub fn text(&self, key: &str) -> Result<Option<&str>, SeedlingError> {
        self.get(key, "a text", |value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A whole number from 0 on, of any width.
    ///
    /// # Errors
    /// If the value is of another kind, or below 0.
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, SeedlingError> {
        self.get(key, "a whole number from 0 on", |value| match value {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        })
    }

    /// Any number that is finite.
    ///
    /// # Errors
    /// If the value is of another kind, or not finite.
    pub fn number(&self, key: &str) -> Result<Option<f64>, SeedlingError> {
        self.get(key, "a finite number", |value| match value {
            Value::Unsigned(number) => Some(*number as f64),
            Value::Signed(number) => Some(*number as f64),
            Value::Float(number) => Some(*number).filter(|number| number.is_finite()),
            _ => None,
        })
    }

    /// Yes or no.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, SeedlingError> {
        self.get(key, "yes or no", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A list of texts.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub fn texts(&self, key: &str) -> Result<Option<&[String]>, SeedlingError> {
        self.get(key, "a list of texts", |value| match value {
            Value::Array(Array::Texts(texts)) => Some(texts.as_slice()),
            _ => None,
        })
    }

    /// A list of floating-point numbers, any of which may be infinite or not a number.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub fn floats(&self, key: &str) -> Result<Option<&[f32]>, SeedlingError> {
        self.get(key, "a list of numbers", |value| match value {
            Value::Array(Array::Floats(numbers)) => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// A list of whole numbers of any width.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub fn integers(&self, key: &str) -> Result<Option<&[i64]>, SeedlingError> {
        self.get(key, "a list of whole numbers", |value| match value {
            Value::Array(Array::Integers(numbers)) => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// A list of yes and no.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub fn flags(&self, key: &str) -> Result<Option<&[bool]>, SeedlingError> {
        self.get(key, "a list of yes and no", |value| match value {
            Value::Array(Array::Flags(flags)) => Some(flags.as_slice()),
            _ => None,
        })
    }
}
