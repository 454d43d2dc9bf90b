//! All that stands before a file's numbers.
//!
//! Every read is counted against the file's length and against a bound of its own, so that neither a length that lies
//! nor a file full of holes takes memory.

use std::{io::Read, path::Path};

use crate::SeedlingError;

use super::{
    AGAIN, MAGIC, Metadata, Tensor,
    metadata::{Array, Value},
    tensors::{RawTensor, place_tensors},
    twice,
};

/// No header may be longer, in bytes; those of large vocabularies have 20 MB.
const MAX_BYTES: u64 = 256 << 20;

/// No file may have more pieces of metadata.
const MAX_ENTRIES: u64 = 1 << 16;

/// No file may have more tensors.
const MAX_TENSORS: u64 = 1 << 16;

/// All arrays together may not have more elements; the largest vocabularies have a million.
const MAX_ELEMENTS: u64 = 1 << 23;

/// No name may be longer, in bytes.
const MAX_NAME: u64 = 1 << 12;

/// Alignment of the numbers, unless `general.alignment` says otherwise.
const ALIGNMENT: u64 = 32;

/// What a file says before its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// What the file says about the model.
    pub metadata: Metadata,
    /// Its tensors, in the file's order.
    pub tensors: Vec<Tensor>,
}

impl Header {
    /// Reads the header of a file of `length` bytes; `origin` is what errors name.
    ///
    /// # Errors
    /// If the bytes aren't GGUF of version 2 or 3 in little-endian order, say something twice, or name places that lie
    /// outside the file, overlap or aren't aligned.
    pub fn read(source: &mut dyn Read, length: u64, origin: &Path) -> Result<Self, SeedlingError> {
        let mut source = Source { source, at: 0, length, elements: 0, origin };
        source.check_magic()?;
        let tensors = source.u64()?;
        let entries = source.u64()?;
        // A tensor takes at least its name's length, dimensions, type and offset; metadata a key, a type and a value.
        source.check_count("tensors", tensors, MAX_TENSORS, 8 + 4 + 8 + 4 + 8)?;
        source.check_count("pieces of metadata", entries, MAX_ENTRIES, 8 + 4 + 1)?;
        let metadata = source.metadata(entries)?;
        let tensors = (0..tensors).map(|_| source.tensor()).collect::<Result<Vec<_>, _>>()?;
        if let Some(name) = twice(tensors.iter().map(|tensor| tensor.name.as_str())) {
            return Err(source.error(format!("the tensor {name} is in the table twice")));
        }
        let alignment = metadata.unsigned("general.alignment")?.unwrap_or(ALIGNMENT);
        if !alignment.is_power_of_two() || alignment > 1 << 20 {
            return Err(source.error(format!("general.alignment is {alignment}; it must be a power of two")));
        }
        let start = source.at.next_multiple_of(alignment);
        let tensors = place_tensors(tensors, start, alignment, length)
            .map_err(|what| SeedlingError::file(origin, what, AGAIN))?;
        Ok(Self { metadata, tensors })
    }
}

/// The bytes that come next.
struct Source<'a> {
    source: &'a mut dyn Read,
    at: u64,
    length: u64,
    /// Elements of arrays so far.
    elements: u64,
    origin: &'a Path,
}

impl Source<'_> {
    fn error(&self, what: impl Into<String>) -> SeedlingError {
        SeedlingError::file(self.origin, what, AGAIN)
    }

    fn check_magic(&mut self) -> Result<(), SeedlingError> {
        let refuse =
            |origin: &Path, what: String, hint: &str| Err(SeedlingError::file(origin, what, hint.to_owned()));
        let magic: [u8; 4] = self.bytes()?;
        if magic != MAGIC {
            return refuse(self.origin, "not a GGUF file".into(), "give the .gguf file of a model");
        }
        match self.u32()? {
            2 | 3 => Ok(()),
            version if version.swap_bytes() < 1 << 16 && version >= 1 << 16 => refuse(
                self.origin,
                "a big-endian GGUF file; only little-endian ones are read".into(),
                "use the file that the publisher has for ordinary machines",
            ),
            version => refuse(
                self.origin,
                format!("GGUF of version {version}; 2 and 3 are read"),
                "use a file that a llama.cpp of 2023-10 or later has written",
            ),
        }
    }

    /// Notes that `count` bytes are read next.
    fn advance(&mut self, count: u64) -> Result<(), SeedlingError> {
        if count > self.length.saturating_sub(self.at) {
            let what =
                format!("cut off, or a length in it lies: {count} bytes are said to follow byte {}", self.at);
            return Err(self.error(what));
        }
        self.at += count;
        if self.at > MAX_BYTES {
            return Err(
                self.error(format!("what stands before the numbers is longer than {MAX_BYTES} bytes"))
            );
        }
        Ok(())
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), SeedlingError> {
        self.advance(into.len() as u64)?;
        self.source.read_exact(into).map_err(|error| self.error(format!("can't be read: {error}")))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SeedlingError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, SeedlingError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, SeedlingError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    /// Refuses more of something than there may be, or than the rest of the file has room for.
    fn check_count(&self, of: &str, count: u64, most: u64, least_bytes: u64) -> Result<(), SeedlingError> {
        if count > most {
            return Err(self.error(format!("{count} {of}, where at most {most} are read")));
        }
        if count.saturating_mul(least_bytes) > self.length - self.at {
            return Err(self.error(format!("{count} {of} don't fit into a file of {} bytes", self.length)));
        }
        Ok(())
    }

    fn string(&mut self, most: u64) -> Result<String, SeedlingError> {
        let length = self.u64()?;
        if length > most {
            return Err(self.error(format!("a text of {length} bytes, where at most {most} are read")));
        }
        // Before memory is taken for it.
        if length > self.length - self.at {
            let what = format!(
                "cut off, or a length in it lies: {length} bytes are said to follow byte {}",
                self.at
            );
            return Err(self.error(what));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes)
            .map_err(|_| self.error(format!("the text that ends at byte {} is not UTF-8", self.at)))
    }

    fn name(&mut self) -> Result<String, SeedlingError> {
        let name = self.string(MAX_NAME)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(self.error(format!("the name that ends at byte {} is no name", self.at)));
        }
        Ok(name)
    }

    fn metadata(&mut self, count: u64) -> Result<Metadata, SeedlingError> {
        let mut metadata = Metadata::new(self.origin);
        for _ in 0..count {
            let key = self.name()?;
            let kind = self.u32()?;
            let value = self.value(kind, &key)?;
            if !metadata.insert(key, value) {
                return Err(
                    self.error(format!("a key of the metadata that ends at byte {} is there twice", self.at))
                );
            }
        }
        Ok(metadata)
    }

    fn value(&mut self, kind: u32, key: &str) -> Result<Value, SeedlingError> {
        Ok(match kind {
            0 | 2 | 4 | 10 => Value::Unsigned(self.unsigned(kind)?),
            1 | 3 | 5 | 11 => Value::Signed(self.signed(kind)?),
            6 => Value::Float(f64::from(f32::from_le_bytes(self.bytes()?))),
            12 => Value::Float(f64::from_le_bytes(self.bytes()?)),
            7 => Value::Flag(self.flag()?),
            8 => Value::Text(self.string(MAX_BYTES)?),
            9 => Value::Array(self.array(key)?),
            _ => return Err(self.error(format!("{key} is of type {kind}, which GGUF doesn't know"))),
        })
    }

    fn array(&mut self, key: &str) -> Result<Array, SeedlingError> {
        let kind = self.u32()?;
        let count = self.u64()?;
        let least = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => return Err(self.error(format!("{key} is an array of arrays, which no model needs"))),
            _ => return Err(self.error(format!("{key} is an array of type {kind}, which GGUF doesn't know"))),
        };
        self.check_count(&format!("elements of {key}"), count, MAX_ELEMENTS - self.elements, least)?;
        self.elements += count;
        let each = 0..count;
        Ok(match kind {
            0 | 2 | 4 | 10 => {
                Array::Integers(each.map(|_| self.narrowed(kind, key)).collect::<Result<_, _>>()?)
            }
            1 | 3 | 5 | 11 => Array::Integers(each.map(|_| self.signed(kind)).collect::<Result<_, _>>()?),
            6 => Array::Floats(
                each.map(|_| Ok(f32::from_le_bytes(self.bytes()?))).collect::<Result<_, SeedlingError>>()?,
            ),
            12 => {
                Array::Floats(each.map(|_| Ok(f64::from_le_bytes(self.bytes()?) as f32)).collect::<Result<
                    _,
                    SeedlingError,
                >>(
                )?)
            }
            7 => Array::Flags(each.map(|_| self.flag()).collect::<Result<_, _>>()?),
            _ => Array::Texts(each.map(|_| self.string(MAX_BYTES)).collect::<Result<_, _>>()?),
        })
    }

    fn unsigned(&mut self, kind: u32) -> Result<u64, SeedlingError> {
        Ok(match kind {
            0 => u64::from(u8::from_le_bytes(self.bytes()?)),
            2 => u64::from(u16::from_le_bytes(self.bytes()?)),
            4 => u64::from(self.u32()?),
            _ => self.u64()?,
        })
    }

    fn narrowed(&mut self, kind: u32, key: &str) -> Result<i64, SeedlingError> {
        let number = self.unsigned(kind)?;
        i64::try_from(number)
            .map_err(|_| self.error(format!("{number}, an element of {key}, is out of range")))
    }

    fn signed(&mut self, kind: u32) -> Result<i64, SeedlingError> {
        Ok(match kind {
            1 => i64::from(i8::from_le_bytes(self.bytes()?)),
            3 => i64::from(i16::from_le_bytes(self.bytes()?)),
            5 => i64::from(i32::from_le_bytes(self.bytes()?)),
            _ => i64::from_le_bytes(self.bytes()?),
        })
    }

    fn flag(&mut self) -> Result<bool, SeedlingError> {
        match self.bytes()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [byte] => Err(self.error(format!("{byte} where 0 (no) or 1 (yes) must stand"))),
        }
    }

    fn tensor(&mut self) -> Result<RawTensor, SeedlingError> {
        let name = self.name()?;
        let dimensions = self.u32()?;
        if dimensions == 0 || dimensions > 4 {
            return Err(self.error(format!("the tensor {name} has {dimensions} dimensions; 1 to 4 are read")));
        }
        let shape = (0..dimensions).map(|_| self.u64()).collect::<Result<_, _>>()?;
        let encoding = self.u32()?;
        let offset = self.u64()?;
        Ok(RawTensor { name, shape, encoding, offset })
    }
}
