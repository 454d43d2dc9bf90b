//! The checksums of rows: a flipped bit in what is read is an error, not another run.
//!
//! A checksum is the first 16 bytes of the SHA-256 of the row's values, one after another, each behind a byte of its
//! type: 0 for NULL; 1 and eight bytes (big-endian) of an integer; 2 and the eight bytes of a number's bits; 3 for a
//! text and 4 for a blob, with the length in eight bytes and the bytes. A reference to a text counts as the text's
//! digest, a blob, so that neither another text nor another number of the same text goes unnoticed. It guards against
//! accidents, not against people: who changes a row can write its checksum, too. Which values a table's checksum is
//! over is told where it is made: `columns`, `ledger`, `contents`.

use rusqlite::types::{ToSqlOutput, ValueRef};
use sha2::{Digest as _, Sha256};

/// The first 16 bytes of a SHA-256: of a text's bytes, or of a row's values.
pub(crate) type Digest = [u8; 16];

/// The digest of these bytes.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let whole = Sha256::digest(bytes);
    let mut digest = [0; 16];
    digest.copy_from_slice(&whole[..16]);
    digest
}

/// A checksum in the making.
#[derive(Default)]
pub(crate) struct Checksum(Vec<u8>);

impl Checksum {
    /// With room for what a candidate mostly has, so that it does not grow value by value.
    pub(crate) fn of_candidate() -> Self {
        Self(Vec::with_capacity(1024))
    }

    /// The next value.
    pub(crate) fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.0.push(0),
            ValueRef::Integer(number) => self.fixed(1, number.to_be_bytes()),
            ValueRef::Real(number) => self.fixed(2, number.to_bits().to_be_bytes()),
            ValueRef::Text(bytes) => self.bytes(3, bytes),
            ValueRef::Blob(bytes) => self.bytes(4, bytes),
        }
    }

    /// The next value, as it is bound to a statement.
    pub(crate) fn bound(&mut self, value: &ToSqlOutput<'_>) {
        match value {
            ToSqlOutput::Borrowed(value) => self.value(*value),
            ToSqlOutput::Owned(value) => self.value(value.into()),
            // No other kinds exist without SQLite's extensions.
            _ => self.0.push(u8::MAX),
        }
    }

    /// The next value: an integer.
    pub(crate) fn integer(&mut self, number: i64) {
        self.value(ValueRef::Integer(number));
    }

    /// The next value: a text.
    pub(crate) fn text(&mut self, text: &str) {
        self.value(ValueRef::Text(text.as_bytes()));
    }

    /// The next value: a digest, or NULL.
    pub(crate) fn digest(&mut self, digest: Option<&Digest>) {
        self.value(digest.map_or(ValueRef::Null, |digest| ValueRef::Blob(digest)));
    }

    fn fixed(&mut self, kind: u8, bytes: [u8; 8]) {
        self.0.push(kind);
        self.0.extend(bytes);
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.fixed(kind, (bytes.len() as u64).to_be_bytes());
        self.0.extend(bytes);
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The checksum of all values so far.
    pub(crate) fn end(&self) -> Digest {
        digest(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[ValueRef<'_>]) -> Digest {
        let mut sum = Checksum::default();
        values.iter().for_each(|value| sum.value(*value));
        sum.end()
    }

    #[test]
    fn values_that_differ_in_type_place_or_border_have_different_checksums() {
        use ValueRef::{Blob, Integer, Null, Real, Text};
        let rows: &[&[ValueRef<'_>]] = &[
            &[],
            &[Null],
            &[Null, Null],
            &[Integer(0)],
            &[Real(0.0)],
            &[Real(-0.0)],
            &[Text(b"ab"), Text(b"c")],
            &[Text(b"a"), Text(b"bc")],
            &[Text(b"abc")],
            &[Blob(b"abc")],
            &[Integer(1), Null],
            &[Null, Integer(1)],
        ];
        for (i, a) in rows.iter().enumerate() {
            for b in &rows[..i] {
                assert_ne!(of(a), of(b), "{a:?} {b:?}");
            }
        }
    }
}
