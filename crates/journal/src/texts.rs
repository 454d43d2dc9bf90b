//! Stored texts, read: unpacked, and checked against their digests.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};

use crate::checksum::{Digest, digest};
use crate::fault::{Fault, wrong};
use crate::row::Values;
use crate::text::{MAX_TEXT, Unpacker};

/// The content of a row of `texts`.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Content {
    /// As a text.
    pub(crate) fn text(self) -> Result<String, Fault> {
        String::from_utf8(self.bytes).map_err(|_| wrong("a text is not UTF-8"))
    }
}

/// Reads texts, and knows those that are shown again and again: examples of few-shot prompts, files of programs.
pub(crate) struct Texts {
    unpacker: Unpacker,
    known: HashMap<i64, (Arc<str>, Digest)>,
    bytes: usize,
}

impl Texts {
    /// When the known texts take more than this, they are forgotten.
    const MOST_BYTES: usize = 8 << 20;

    pub(crate) fn new() -> Self {
        Self { unpacker: Unpacker::new(), known: HashMap::new(), bytes: 0 }
    }

    /// The text whose codec, size, body and digest begin at this column; `None` if there is none.
    pub(crate) fn content(&mut self, row: &impl Values, column: usize) -> Result<Option<Content>, Fault> {
        let Some(codec) = row.read::<Option<i64>>(column)? else { return Ok(None) };
        let size = usize::try_from(row.read::<i64>(column + 1)?).unwrap_or(usize::MAX);
        let bytes = match (codec, row.value(column + 2)?) {
            (0, ValueRef::Text(plain)) | (2, ValueRef::Blob(plain)) if plain.len() <= MAX_TEXT => {
                plain.to_vec()
            }
            (0, ValueRef::Text(_)) | (2, ValueRef::Blob(_)) => {
                return Err(wrong("a text is larger than 64 MiB"));
            }
            (1, ValueRef::Blob(packed)) => self.unpacker.unpack(packed, size).map_err(wrong)?,
            _ => return Err(wrong("there is no such codec of a text")),
        };
        let recorded: Digest = row.read(column + 3)?;
        if bytes.len() != size || digest(&bytes) != recorded {
            return Err(wrong("a text is not the one that was recorded: its digest differs"));
        }
        Ok(Some(Content { bytes, digest: recorded }))
    }

    /// A text by its id.
    pub(crate) fn find(&mut self, connection: &Connection, id: i64) -> Result<(Arc<str>, Digest), Fault> {
        if let Some((text, digest)) = self.known.get(&id) {
            return Ok((Arc::clone(text), *digest));
        }
        let content = self.by_id(connection, id)?;
        let (digest, text): (Digest, Arc<str>) = (content.digest, content.text()?.into());
        if self.bytes > Self::MOST_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        // The entry itself counts too, so that endless short texts are forgotten as well.
        self.bytes += text.len() + 64;
        self.known.insert(id, (Arc::clone(&text), digest));
        Ok((text, digest))
    }

    /// A content by its id.
    pub(crate) fn by_id(&mut self, connection: &Connection, id: i64) -> Result<Content, Fault> {
        let mut statement =
            connection.prepare_cached("SELECT codec, size, body, digest FROM texts WHERE id = ?1")?;
        let found = statement.query_row([id], |row| Ok(self.content(row, 0))).optional()?;
        found.transpose()?.flatten().ok_or_else(|| wrong("a text is missing"))
    }
}
