//! Which pages of a journal are only in its write-ahead log: a file that ends before its last page is whole if the
//! log has the rest, as after a kill in mid-checkpoint.
//!
//! Reads the log's headers only; SQLite itself checks its checksums. The layout is in section 4 of SQLite's file
//! format description.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What the committed transactions of a log hold.
#[derive(Default)]
pub(crate) struct Log {
    page_size: u64,
    /// Pages of the database after the last transaction.
    pages: u32,
    held: HashSet<u32>,
}

/// How much is in the log beside a journal, in bytes.
pub(crate) fn length(journal: &Path) -> u64 {
    std::fs::metadata(path(journal)).map_or(0, |data| data.len())
}

fn path(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

impl Log {
    /// Reads the log beside a journal. A log that goes on being written gives one of its states.
    pub(crate) fn read(journal: &Path) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path(journal))?);
        let mut log = Self::default();
        let mut header = [0; LOG_HEADER];
        if !fill(&mut file, &mut header)? {
            return Ok(log);
        }
        let page_size = word(&header, 8);
        let mut uncommitted = Vec::new();
        let mut frame = [0; FRAME_HEADER];
        // Frames of an earlier round of the log have other salts.
        while fill(&mut file, &mut frame)? && frame[8..16] == header[16..24] {
            uncommitted.push(word(&frame, 0));
            let pages = word(&frame, 4);
            if pages > 0 {
                log.held.extend(uncommitted.drain(..));
                (log.pages, log.page_size) = (pages, u64::from(page_size));
            }
            file.seek_relative(i64::from(page_size))?;
        }
        Ok(log)
    }

    /// The length that a database file of `found` bytes should have, if some page is neither in it nor in the log.
    pub(crate) fn lacks(&self, found: u64) -> Option<u64> {
        let whole = found.checked_div(self.page_size)?;
        let missing = |page: u32| u64::from(page) > whole && !self.held.contains(&page);
        let last = (1..=self.pages).rev().find(|page| missing(*page))?;
        Some(u64::from(last) * self.page_size)
    }
}

/// Fills the buffer; false at the end of the file.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
