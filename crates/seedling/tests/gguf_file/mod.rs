//! GGUF files for tests, written piece by piece, so that each piece can lie.

#![allow(dead_code, clippy::allow_attributes, reason = "each test uses its own part")]

/// A file in the making.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) version: u32,
    pub(crate) alignment: usize,
    /// Keys with the bytes of type and value.
    pub(crate) metadata: Vec<(String, Vec<u8>)>,
    /// Name, sizes (the one that varies fastest first), ggml's type, and numbers.
    pub(crate) tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

/// A text as GGUF has it.
pub(crate) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A value of one of GGUF's types.
pub(crate) fn value(kind: u32, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], bytes].concat()
}

/// A list of one of GGUF's types.
pub(crate) fn list(kind: u32, count: u64, bytes: &[u8]) -> Vec<u8> {
    value(9, &[&kind.to_le_bytes()[..], &count.to_le_bytes()[..], bytes].concat())
}

impl File {
    pub(crate) fn new() -> Self {
        Self { version: 3, alignment: 32, metadata: Vec::new(), tensors: Vec::new() }
    }

    pub(crate) fn set(mut self, key: &str, bytes: Vec<u8>) -> Self {
        self.metadata.push((key.into(), bytes));
        self
    }

    pub(crate) fn tensor(mut self, name: &str, shape: &[u64], kind: u32, bytes: Vec<u8>) -> Self {
        self.tensors.push((name.into(), shape.to_vec(), kind, bytes));
        self
    }

    /// Everything before the numbers, with these offsets of theirs.
    pub(crate) fn header(&self, offsets: &[u64]) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            bytes.extend(string(key));
            bytes.extend(value);
        }
        for ((name, shape, kind, _), offset) in self.tensors.iter().zip(offsets) {
            bytes.extend(string(name));
            bytes.extend((shape.len() as u32).to_le_bytes());
            bytes.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes
    }

    /// Offsets of the tensors' numbers, one behind the other.
    pub(crate) fn offsets(&self) -> Vec<u64> {
        let mut at = 0;
        let each = |(_, _, _, bytes): &(String, Vec<u64>, u32, Vec<u8>)| {
            let offset = at;
            at = (at + bytes.len()).next_multiple_of(self.alignment);
            offset as u64
        };
        self.tensors.iter().map(each).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&self.offsets())
    }

    /// The whole file; the table has `offsets`, whatever the numbers' true places.
    pub(crate) fn bytes_with(&self, offsets: &[u64]) -> Vec<u8> {
        let mut bytes = self.header(offsets);
        for (.., numbers) in &self.tensors {
            bytes.resize(bytes.len().next_multiple_of(self.alignment), 0);
            bytes.extend(numbers);
        }
        bytes
    }
}
