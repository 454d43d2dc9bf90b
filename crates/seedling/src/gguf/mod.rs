//! Models in one file: GGUF, versions 2 and 3, as llama.cpp and its relatives write and read them.
//!
//! A file is a header, metadata (`metadata.rs`), a table of tensors (`tensors.rs`), and their numbers; the layout is
//! that of <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Nothing in a file is believed: counts and
//! lengths are checked against its size before memory is reserved. Knows nothing of what the numbers mean.

mod header;
mod metadata;
mod tensors;

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{
    SeedlingError,
    files::{open_regular, reserved, unreadable},
};

pub use header::Header;
pub use metadata::Metadata;
pub use tensors::{Encoding, Tensor};

/// The bytes that a file begins with.
pub const MAGIC: [u8; 4] = *b"GGUF";

/// No model may be split over more files.
const MAX_PARTS: u64 = 1024;

/// What to do about a damaged file.
pub(crate) const AGAIN: &str = "download the file from the model's publisher again";

/// A model's file, or all files of a split one.
#[derive(Debug)]
pub struct Gguf {
    origin: PathBuf,
    metadata: Metadata,
    parts: Vec<Part>,
    /// Which part holds a tensor, and where in its table.
    places: BTreeMap<String, (usize, usize)>,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    file: File,
    tensors: Vec<Tensor>,
}

impl Gguf {
    /// Reads the header, the metadata and the table of tensors; of the first file of a split model, those of all.
    ///
    /// # Errors
    /// If a file can't be read, isn't a regular one, is not GGUF of version 2 or 3, or contradicts itself.
    pub fn open(path: &Path) -> Result<Self, SeedlingError> {
        let (part, metadata) = read_part(path)?;
        let mut model =
            Self { origin: path.to_owned(), metadata, parts: Vec::new(), places: BTreeMap::new() };
        let count = model.metadata.unsigned("split.count")?.unwrap_or(1);
        model.add(part)?;
        if count <= 1 {
            return Ok(model);
        }
        for other in other_parts(path, &model.metadata, count)? {
            let (part, metadata) = read_part(&other)?;
            if metadata.unsigned("split.count")? != Some(count) {
                return Err(SeedlingError::file(
                    other,
                    "not a part of the same model",
                    "put all files of the model into one folder",
                ));
            }
            model.add(part)?;
        }
        Ok(model)
    }

    /// The (first) file.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// What the file says about the model.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The tensors, by name.
    pub fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.places.values().map(|(part, at)| &self.parts[*part].tensors[*at])
    }

    /// The tensor of a name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.places.get(name).map(|(part, at)| &self.parts[*part].tensors[*at])
    }

    /// The bytes of a tensor.
    ///
    /// # Errors
    /// If there is no such tensor, no memory for it, or the file can't be read (any more).
    pub fn read(&self, name: &str) -> Result<Vec<u8>, SeedlingError> {
        let Some((part, at)) = self.places.get(name) else {
            return Err(SeedlingError::file(&self.origin, format!("the tensor {name} is missing"), AGAIN));
        };
        let part = &self.parts[*part];
        let tensor = &part.tensors[*at];
        let mut bytes = reserved(tensor.bytes).map_err(|error| unreadable(&part.path, &error, AGAIN))?;
        let mut file = &part.file;
        file.seek(SeekFrom::Start(tensor.start))
            .and_then(|_| file.take(tensor.bytes).read_to_end(&mut bytes))
            .map_err(|error| unreadable(&part.path, &error, AGAIN))?;
        if bytes.len() as u64 != tensor.bytes {
            return Err(SeedlingError::file(&part.path, "it was cut off while it was read", AGAIN));
        }
        Ok(bytes)
    }

    fn add(&mut self, part: Part) -> Result<(), SeedlingError> {
        for (at, tensor) in part.tensors.iter().enumerate() {
            if self.places.insert(tensor.name.clone(), (self.parts.len(), at)).is_some() {
                let what = format!("the tensor {} is in another file of the model too", tensor.name);
                return Err(SeedlingError::file(part.path, what, AGAIN));
            }
        }
        self.parts.push(part);
        Ok(())
    }
}

fn read_part(path: &Path) -> Result<(Part, Metadata), SeedlingError> {
    let (file, length) = open_regular(path, "give the .gguf file of a model")?;
    let header = Header::read(&mut BufReader::with_capacity(1 << 16, &file), length, path)?;
    Ok((Part { path: path.to_owned(), file, tensors: header.tensors }, header.metadata))
}

/// The files of a split model but the first, which is `path`: `NAME-00001-of-00003.gguf`.
fn other_parts(path: &Path, metadata: &Metadata, count: u64) -> Result<Vec<PathBuf>, SeedlingError> {
    let fail = |what: String, hint: &str| Err(SeedlingError::file(path, what, hint));
    if count > MAX_PARTS {
        return fail(format!("split over {count} files, where at most {MAX_PARTS} are read"), AGAIN);
    }
    let number = metadata.unsigned("split.no")?.unwrap_or(0);
    let end = |number: u64| format!("-{number:05}-of-{count:05}.gguf");
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if number != 0 {
        let first = name.strip_suffix(&end(number + 1)).map(|stem| format!("{stem}{}", end(1)));
        let first = first.unwrap_or_else(|| format!("the file that ends in {}", end(1)));
        return fail(format!("part {} of a model of {count} files", number + 1), &format!("give {first}"));
    }
    let Some(stem) = name.strip_suffix(&end(1)) else {
        let hint = format!("name the files as they were published: NAME{}", end(1));
        return fail(format!("the first of {count} files, but its name doesn't say so"), &hint);
    };
    Ok((2..=count).map(|number| path.with_file_name(format!("{stem}{}", end(number)))).collect())
}

/// The first name that is there twice.
fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
