//! Numbers of a score in a record. JSON has no word for NaN and the infinities, but a result that holds one must fail
//! with the same reason whether it came from here or from another machine: they are written as texts.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number as it is written: `0.5`, `"NaN"`, `"inf"` or `"-inf"`.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl de::Visitor<'_> for Reader {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"NaN\", \"inf\" or \"-inf\"")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        match text {
            "NaN" => Ok(Number(f64::NAN)),
            "inf" => Ok(Number(f64::INFINITY)),
            "-inf" => Ok(Number(f64::NEG_INFINITY)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

/// For `serde(with)` on a number.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Number(*number).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Number::deserialize(deserializer).map(|number| number.0)
    }
}

/// The same on a list of numbers.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(numbers: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(numbers.iter().map(|number| Number(*number)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<Number>::deserialize(deserializer)?.into_iter().map(|number| number.0).collect())
    }
}

/// The same on named numbers.
pub(crate) mod named {
    use super::*;

    type Named = BTreeMap<String, f64>;

    pub(crate) fn serialize<S: Serializer>(numbers: &Named, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(numbers.iter().map(|(name, number)| (name, Number(*number))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Named, D::Error> {
        let numbers = BTreeMap::<String, Number>::deserialize(deserializer)?;
        Ok(numbers.into_iter().map(|(name, number)| (name, number.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Number;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<f64, serde_json::Error> {
        serde_json::from_str::<Number>(text).map(|number| number.0)
    }

    #[test]
    fn numbers_that_json_cannot_write_are_texts() {
        for (number, text) in
            [(f64::NAN, "\"NaN\""), (f64::INFINITY, "\"inf\""), (f64::NEG_INFINITY, "\"-inf\"")]
        {
            assert_eq!(serde_json::to_string(&Number(number)).expect("a text"), text);
            assert_eq!(read(text).expect("a number").total_cmp(&number), std::cmp::Ordering::Equal);
        }
    }

    #[test]
    fn whole_numbers_are_numbers_and_other_texts_are_not() {
        assert_eq!(read("-3").expect("a number"), -3.0);
        assert_eq!(read("18446744073709551615").expect("a number"), 1.844_674_407_370_955_2e19);
        for text in ["\"0.5\"", "\"\"", "null", "[1]"] {
            let error = read(text).expect_err("no number").to_string();
            assert!(error.contains("expected a number, \"NaN\", \"inf\" or \"-inf\""), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_finite_number_is_read_with_the_same_bits(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = serde_json::to_string(&Number(number)).expect("a text");
            prop_assert_eq!(read(&text).expect("a number").to_bits(), bits);
        }
    }
}
