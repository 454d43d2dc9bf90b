//! Where a model's numbers are: a GGUF file, or the safetensors of a folder. Tensors are read one at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use safetensors::tensor::Metadata;

use crate::{
    Gguf, SeedlingError,
    config::Layout,
    files::{open_regular, reserved, unreadable},
    quant::Format,
    weights,
};

use super::names;

const AGAIN: &str = "download the file from the model's publisher again";

/// No header of a safetensors file may be longer, in bytes.
const MAX_HEADER: u64 = 64 << 20;

/// Where a model's numbers are.
#[derive(Debug)]
pub(super) enum Source {
    Gguf(Gguf),
    Folder(Folder),
}

/// The tensors of a folder's files.
#[derive(Debug)]
pub(super) struct Folder {
    origin: PathBuf,
    tensors: BTreeMap<String, Stored>,
    files: Vec<(PathBuf, File)>,
}

#[derive(Debug)]
struct Stored {
    file: usize,
    dtype: safetensors::Dtype,
    shape: Vec<usize>,
    start: u64,
    bytes: u64,
}

/// What is known of a tensor before it is read.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    /// Sizes, outputs first: a matrix is `[outputs, inputs]`.
    pub(super) shape: Vec<usize>,
    /// How it is stored, if that is known here, and its name.
    pub(super) format: Option<Format>,
    pub(super) stored_as: String,
}

impl Source {
    /// The file or folder.
    pub(super) fn origin(&self) -> &Path {
        match self {
            Self::Gguf(file) => file.origin(),
            Self::Folder(folder) => &folder.origin,
        }
    }

    /// The names of all tensors.
    pub(super) fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Gguf(file) => file.tensors().map(|tensor| tensor.name.clone()).collect(),
            Self::Folder(folder) => folder.tensors.keys().cloned().collect(),
        }
    }

    /// What is known of a tensor.
    pub(super) fn describe(&self, name: &str) -> Option<Described> {
        match self {
            Self::Gguf(file) => file.tensor(name).map(|tensor| Described {
                // Sizes that don't fit make a shape that no model has.
                shape: tensor.shape.iter().rev().map(|size| usize::try_from(*size).unwrap_or(0)).collect(),
                format: Format::from_id(tensor.encoding.id),
                stored_as: tensor.encoding.name.to_owned(),
            }),
            Self::Folder(folder) => folder.tensors.get(name).map(|tensor| Described {
                shape: tensor.shape.clone(),
                format: match tensor.dtype {
                    safetensors::Dtype::F32 => Some(Format::F32),
                    safetensors::Dtype::F16 => Some(Format::F16),
                    safetensors::Dtype::BF16 => Some(Format::Bf16),
                    _ => None,
                },
                stored_as: format!("{:?}", tensor.dtype),
            }),
        }
    }

    /// The bytes of a tensor.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, SeedlingError> {
        match self {
            Self::Gguf(file) => file.read(name),
            Self::Folder(folder) => folder.read(name),
        }
    }
}

impl Folder {
    /// Reads the headers of a folder's files.
    pub(super) fn open(folder: &Path, layout: Layout) -> Result<Self, SeedlingError> {
        let (paths, origin) = weights::files(folder)?;
        let mut found = Self { origin, tensors: BTreeMap::new(), files: Vec::new() };
        for path in paths {
            found.add(path, layout)?;
        }
        Ok(found)
    }

    fn add(&mut self, path: PathBuf, layout: Layout) -> Result<(), SeedlingError> {
        let (mut file, length) = open_regular(&path, AGAIN)?;
        let (metadata, start) = read_header(&mut file, length, &path)?;
        for (name, info) in metadata.tensors() {
            let stored = Stored {
                file: self.files.len(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                start: start + info.data_offsets.0 as u64,
                bytes: (info.data_offsets.1 - info.data_offsets.0) as u64,
            };
            if self.tensors.insert(names::current(&name, layout), stored).is_some() {
                let what = format!("the tensor {} is in two files", weights::shown(&name));
                return Err(SeedlingError::file(path, what, AGAIN));
            }
        }
        self.files.push((path, file));
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, SeedlingError> {
        let Some(tensor) = self.tensors.get(name) else {
            return Err(SeedlingError::file(&self.origin, format!("the tensor {name} is missing"), AGAIN));
        };
        let (path, file) = &self.files[tensor.file];
        let mut file = file;
        let mut bytes = reserved(tensor.bytes).map_err(|error| unreadable(path, &error, AGAIN))?;
        file.seek(SeekFrom::Start(tensor.start))
            .and_then(|_| file.take(tensor.bytes).read_to_end(&mut bytes))
            .map_err(|error| unreadable(path, &error, AGAIN))?;
        if bytes.len() as u64 != tensor.bytes {
            return Err(SeedlingError::file(path, "it was cut off while it was read", AGAIN));
        }
        Ok(bytes)
    }
}

/// The header of a safetensors file, whose places were checked against each other and the file's length, and where
/// the numbers begin.
fn read_header(file: &mut File, length: u64, path: &Path) -> Result<(Metadata, u64), SeedlingError> {
    let mut first = [0; 8];
    let mut beginning = Vec::new();
    file.take(8).read_to_end(&mut beginning).map_err(|error| unreadable(path, &error, AGAIN))?;
    let cut = |what: &str| SeedlingError::file(path, format!("not safetensors, or cut off: {what}"), AGAIN);
    if beginning.len() < 8 {
        return Err(weights::not_safetensors(&beginning, "the header is missing", path));
    }
    first.copy_from_slice(&beginning);
    let header = u64::from_le_bytes(first);
    if header > MAX_HEADER || header > length - 8 {
        return Err(weights::not_safetensors(&beginning, "its header's length lies", path));
    }
    let mut text = reserved(header).map_err(|error| unreadable(path, &error, AGAIN))?;
    file.take(header).read_to_end(&mut text).map_err(|error| unreadable(path, &error, AGAIN))?;
    let metadata: Metadata = serde_json::from_slice(&text)
        .map_err(|error| weights::not_safetensors(&beginning, &error.to_string(), path))?;
    if metadata.data_len() as u64 != length - 8 - header {
        return Err(cut("the header and the file's length differ"));
    }
    Ok((metadata, 8 + header))
}
