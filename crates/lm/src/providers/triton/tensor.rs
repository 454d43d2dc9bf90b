//! Named arrays with a datatype, as both wires carry them, and what a model says about its own.

use serde_json::{Map, Value as Json, json};

use crate::{
    error::{AttemptError, ErrorKind},
    providers::json::list,
};

/// A named array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub name: String,
    /// As the server calls it, such as `UINT32`.
    pub datatype: String,
    pub shape: Vec<i64>,
    pub data: Data,
}

/// A tensor's elements.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Flags(Vec<bool>),
    Texts(Vec<String>),
}

/// A model's inputs and outputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Metadata {
    pub inputs: Vec<Slot>,
    pub outputs: Vec<Slot>,
}

/// An input or an output: what a tensor must look like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub name: String,
    pub datatype: String,
    /// How many dimensions it has, the batch's included.
    pub rank: usize,
}

impl Metadata {
    pub(crate) fn from_json(reply: &Json) -> Result<Self, AttemptError> {
        let slots = |list_: &Json| -> Option<Vec<Slot>> {
            let slot = |slot: &Json| {
                Some(Slot {
                    name: slot["name"].as_str()?.to_owned(),
                    datatype: slot["datatype"].as_str()?.to_owned(),
                    rank: slot["shape"].as_array()?.len(),
                })
            };
            list_.as_array()?.iter().map(slot).collect()
        };
        slots(&reply["inputs"])
            .zip(slots(&reply["outputs"]))
            .map(|(inputs, outputs)| Self { inputs, outputs })
            .ok_or_else(|| AttemptError::malformed("the model's metadata names no inputs and outputs"))
    }

    pub(crate) fn input(&self, name: &str) -> Option<&Slot> {
        self.inputs.iter().find(|slot| slot.name == name)
    }

    pub(crate) fn takes(&self, name: &str) -> bool {
        self.input(name).is_some()
    }

    pub(crate) fn gives(&self, name: &str) -> bool {
        self.outputs.iter().any(|slot| slot.name == name)
    }

    /// The first of these names that is an input.
    pub(crate) fn one_of<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| self.takes(name))
    }

    /// The error for an input that the model does not have.
    pub(crate) fn no_input(&self, name: &str) -> AttemptError {
        let names: Vec<&str> = self.inputs.iter().map(|slot| slot.name.as_str()).collect();
        let message = format!("the model has no input `{name}`; it has {}", names.join(", "));
        AttemptError::permanent(ErrorKind::Configuration, message)
    }
}

impl Tensor {
    /// A JSON value as the tensor that a slot takes: a list is one row.
    pub(crate) fn of(slot: &Slot, value: &Json) -> Result<Self, AttemptError> {
        let single = std::slice::from_ref(value);
        let values = value.as_array().map_or(single, Vec::as_slice);
        let data = elements(&slot.datatype, values).ok_or_else(|| {
            let message = format!("input `{}` is of type {}, which {value} is not", slot.name, slot.datatype);
            AttemptError::permanent(ErrorKind::Configuration, message)
        })?;
        let length = values.len() as i64;
        let shape = if slot.rank == 1 { vec![length] } else { vec![1, length] };
        Ok(Self { name: slot.name.clone(), datatype: slot.datatype.clone(), shape, data })
    }

    pub(crate) fn to_json(&self) -> Json {
        let data = match &self.data {
            Data::Integers(values) => json!(values),
            Data::Floats(values) => json!(values),
            Data::Flags(values) => json!(values),
            Data::Texts(values) => json!(values),
        };
        json!({"name": self.name, "datatype": self.datatype, "shape": self.shape, "data": data})
    }

    pub(crate) fn from_json(tensor: &Json) -> Result<Self, AttemptError> {
        let name = tensor["name"].as_str().unwrap_or_default();
        let datatype = tensor["datatype"].as_str().unwrap_or_default();
        let shape = list(&tensor["shape"]).iter().map(Json::as_i64).collect::<Option<Vec<i64>>>();
        let data = elements(datatype, list(&tensor["data"]));
        match (shape, data) {
            (Some(shape), Some(data)) => {
                Ok(Self { name: name.to_owned(), datatype: datatype.to_owned(), shape, data })
            }
            _ => Err(AttemptError::malformed(format!("output `{name}` is not a tensor of type {datatype}"))),
        }
    }
}

fn elements(datatype: &str, values: &[Json]) -> Option<Data> {
    Some(match datatype {
        "BOOL" => Data::Flags(values.iter().map(Json::as_bool).collect::<Option<_>>()?),
        "BYTES" => {
            let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
            Data::Texts(texts.collect::<Option<_>>()?)
        }
        "FP32" | "FP64" => Data::Floats(values.iter().map(Json::as_f64).collect::<Option<_>>()?),
        "UINT8" | "UINT16" | "UINT32" | "UINT64" | "INT8" | "INT16" | "INT32" | "INT64" => {
            Data::Integers(values.iter().map(Json::as_i64).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The tensors of named values.
pub(crate) fn from_fields(
    fields: &Map<String, Json>,
    metadata: &Metadata,
) -> Result<Vec<Tensor>, AttemptError> {
    fields
        .iter()
        .map(|(name, value)| {
            let slot = metadata.input(name).ok_or_else(|| metadata.no_input(name))?;
            Tensor::of(slot, value)
        })
        .collect()
}

/// An output's integers.
pub(crate) fn integers<'a>(outputs: &'a [Tensor], name: &str) -> Option<(&'a [i64], &'a [i64])> {
    outputs.iter().find(|tensor| tensor.name == name).and_then(|tensor| match &tensor.data {
        Data::Integers(values) => Some((tensor.shape.as_slice(), values.as_slice())),
        _ => None,
    })
}

/// An output's first text.
#[cfg(feature = "triton-grpc")]
pub(crate) fn first_text(outputs: &[Tensor], name: &str) -> Result<Json, AttemptError> {
    let tensor = outputs.iter().find(|tensor| tensor.name == name);
    match tensor.map(|tensor| &tensor.data) {
        Some(Data::Texts(texts)) if !texts.is_empty() => Ok(json!(texts[0])),
        _ => Err(AttemptError::malformed(format!("the reply contains no text `{name}`"))),
    }
}
