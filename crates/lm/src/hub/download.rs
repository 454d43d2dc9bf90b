//! One file from the hub: fetched under another name, on from where an earlier try broke off, and with its progress told.
//!
//! What arrived is kept as `FILE.incomplete`, and beside it the server's strong `ETag`, by which the same file is known
//! again; without one nothing is kept, since it can't be told whether the rest would be of the same file. A server that
//! answers a request for the rest with the whole is taken at its word. Next: hub.rs, which says what is fetched.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use reqwest::{
    Response, StatusCode,
    header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE},
};
use tracing::info;

use super::{Hub, refuse, unwritable};
use crate::{ErrorKind, LmError};

/// How often a file is asked for in all while it keeps breaking off; each time some of it must have arrived.
const MAX_TRIES: u32 = 16;

/// No two lines about one file come sooner after each other.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// After this long a line comes even if little has arrived.
const LINE_AFTER: Duration = Duration::from_secs(10);

/// What share of a file must have arrived for the next line, and how many bytes where its length is unknown.
const LINE_SHARE: u64 = 20;
const LINE_BYTES: u64 = 64 << 20;

/// No `ETag` that is longer is kept, in bytes.
const MAX_ETAG: usize = 256;

/// A file that is being fetched; nobody else writes it meanwhile.
struct Part {
    path: PathBuf,
    file: File,
    /// How much is there, in bytes.
    length: u64,
    etag: Option<HeaderValue>,
}

impl Hub {
    /// Fetches a file of at most `limit` bytes that is not there yet.
    pub(super) async fn download(
        &self,
        client: &reqwest::Client,
        path: &str,
        into: &Path,
        limit: u64,
    ) -> Result<(), LmError> {
        let mut part = Part::open(into)?;
        // Another process may have fetched it while this one waited for it.
        if into.exists() {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let before = part.length;
            match self.attempt(client, path, &mut part, limit).await {
                Ok(()) => return part.finish(into),
                Err(error)
                    if error.kind != ErrorKind::Unreachable
                        || tries >= MAX_TRIES
                        || part.length <= before =>
                {
                    return Err(part.kept(error));
                }
                Err(_) => info!("{} broke off; fetching on from {}", name(into), megabytes(part.length)),
            }
        }
    }

    /// One request, for the rest of a part if there is one.
    async fn attempt(
        &self,
        client: &reqwest::Client,
        path: &str,
        part: &mut Part,
        limit: u64,
    ) -> Result<(), LmError> {
        let mut response = self.get_with(client, path, part.wanted()).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // What is there is no beginning of the file.
            part.restart(None)?;
            response = self.get_with(client, path, HeaderMap::new()).await?;
        }
        let total = part.begin(&response)?;
        if total.is_some_and(|total| total > limit) {
            part.restart(None)?;
            return Err(refuse(format!("{path} is longer than {limit} bytes")));
        }
        let mut progress = Progress::new(part.length, total);
        let started = Instant::now();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(path, error))? {
            part.length += chunk.len() as u64;
            if part.length > limit {
                part.restart(None)?;
                return Err(refuse(format!("{path} is longer than {limit} bytes")));
            }
            part.file.write_all(&chunk).map_err(|error| unwritable(&part.path, &error))?;
            if progress.is_due(part.length, started.elapsed()) {
                info!("fetching {}: {}", name(Path::new(path)), progress.said(part.length));
            }
        }
        match total {
            Some(total) if total != part.length => {
                let message = format!("{path} broke off after {} of {total} bytes", part.length);
                Err(LmError::new(ErrorKind::Unreachable, message).hint("check the network, and try again"))
            }
            _ => Ok(()),
        }
    }
}

impl Part {
    /// Opens what is there of a file, once nobody else writes it.
    fn open(into: &Path) -> Result<Self, LmError> {
        let mut path = into.as_os_str().to_owned();
        path.push(".incomplete");
        let path = PathBuf::from(path);
        let fail = |error: std::io::Error| unwritable(&path, &error);
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(fail)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    info!("another process fetches {}; waiting for it", name(into));
                    file.lock().map_err(fail)?;
                }
                // Some network file systems know no locks.
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
            // Whoever had it before may be done with it, one way or the other.
            if !path.exists() && !into.exists() {
                continue;
            }
            let length = file.metadata().map_err(fail)?.len();
            let etag = std::fs::read(etag_path(&path)).ok().filter(|bytes| bytes.len() <= MAX_ETAG);
            let etag = etag.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()).filter(is_strong);
            return Ok(Self { path, file, length, etag });
        }
    }

    /// The headers of a request for what is missing.
    fn wanted(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(etag) = self.etag.as_ref().filter(|_| self.length > 0) {
            let range = HeaderValue::from_str(&format!("bytes={}-", self.length));
            headers.insert(RANGE, range.expect("digits can be sent"));
            headers.insert(IF_RANGE, etag.clone());
        }
        headers
    }

    /// Makes ready for the body of a reply: the rest of the file, or all of it. Gives the file's length if it is known.
    fn begin(&mut self, response: &Response) -> Result<Option<u64>, LmError> {
        if response.status() != StatusCode::PARTIAL_CONTENT {
            let etag = response.headers().get(ETAG).filter(|etag| is_strong(etag));
            self.restart(etag.cloned())?;
            return Ok(response.content_length());
        }
        match range_of(&header(response, &CONTENT_RANGE)) {
            Some((start, total)) if start == self.length && start > 0 => {
                self.file.seek(SeekFrom::End(0)).map_err(|error| unwritable(&self.path, &error))?;
                info!("fetching {} on from {}", name(&self.path), megabytes(start));
                Ok(Some(total))
            }
            _ => {
                self.restart(None)?;
                let message = format!(
                    "{} answers with another part of {} than was asked for",
                    host(response),
                    name(&self.path)
                );
                Err(LmError::new(ErrorKind::Malformed, message).hint("try again: it begins anew"))
            }
        }
    }

    /// Throws away what is there, for the file that `etag` stands for.
    fn restart(&mut self, etag: Option<HeaderValue>) -> Result<(), LmError> {
        let fail = |error: std::io::Error| unwritable(&self.path, &error);
        self.file.set_len(0).map_err(fail)?;
        self.file.seek(SeekFrom::Start(0)).map_err(fail)?;
        match &etag {
            Some(etag) => std::fs::write(etag_path(&self.path), etag.as_bytes()).map_err(fail)?,
            None => remove(&etag_path(&self.path)).map_err(fail)?,
        }
        (self.length, self.etag) = (0, etag);
        Ok(())
    }

    /// All of the file is there: it gets its name.
    fn finish(self, into: &Path) -> Result<(), LmError> {
        let finish = || {
            self.file.sync_all()?;
            std::fs::rename(&self.path, into)?;
            remove(&etag_path(&self.path))
        };
        finish().map_err(|error| unwritable(into, &error))?;
        info!("fetched {} ({})", name(into), megabytes(self.length));
        Ok(())
    }

    /// Leaves what can be used another time, and says so.
    fn kept(self, mut error: LmError) -> LmError {
        if self.etag.is_none() || self.length == 0 {
            // What can't be removed is written over another time.
            let _ = remove(&self.path).and_then(|()| remove(&etag_path(&self.path)));
            return error;
        }
        error.message.push_str(&format!("; {} of it are kept", megabytes(self.length)));
        error.hint("try again: it goes on from there")
    }
}

/// When lines about a file are due, and what they say.
struct Progress {
    total: Option<u64>,
    /// How much had arrived and when, at the last line.
    length: u64,
    at: Duration,
}

impl Progress {
    fn new(length: u64, total: Option<u64>) -> Self {
        Self { total, length, at: Duration::ZERO }
    }

    /// Whether a line is due, now that so many bytes are there, that long after the beginning.
    fn is_due(&mut self, length: u64, now: Duration) -> bool {
        let waited = now.saturating_sub(self.at);
        let step = self.total.map_or(LINE_BYTES, |total| total / LINE_SHARE);
        let due = waited >= LINE_EVERY && (length - self.length >= step || waited >= LINE_AFTER);
        if due {
            (self.length, self.at) = (length, now);
        }
        due
    }

    fn said(&self, length: u64) -> String {
        match self.total.filter(|total| *total > 0) {
            Some(total) => {
                format!("{} of {} ({} %)", megabytes(length), megabytes(total), length * 100 / total)
            }
            None => megabytes(length),
        }
    }
}

/// Bytes as people read them.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn etag_path(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(".etag");
    PathBuf::from(path)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file's name, for people.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".incomplete").to_owned()
}

fn host(response: &Response) -> String {
    response.url().host_str().unwrap_or("the hub").to_owned()
}

fn header(response: &Response, name: &HeaderName) -> String {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Whether a tag stands for the very same bytes.
fn is_strong(etag: &HeaderValue) -> bool {
    etag.len() <= MAX_ETAG && etag.as_bytes().starts_with(b"\"")
}

/// Where a `Content-Range` begins, and how long the whole is.
fn range_of(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end, total) = (start.parse().ok()?, end.parse::<u64>().ok()?, total.parse().ok()?);
    (start <= end && end.checked_add(1)? == total).then_some((start, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_progress_come_at_most_once_a_second_and_every_few_percent() {
        let mut progress = Progress::new(0, Some(1000));
        let mut due = |length, millis| progress.is_due(length, Duration::from_millis(millis));
        assert!(!due(900, 900), "too soon");
        assert!(due(900, 1000));
        assert!(!due(949, 5000), "too little");
        assert!(due(950, 5000));
        assert!(!due(951, 14_999));
        assert!(due(951, 15_000), "slow, but there");
        assert_eq!(progress.said(951), "0.0 MB of 0.0 MB (95 %)");
        assert_eq!(Progress::new(0, None).said(1_234_567), "1.2 MB");
    }

    #[test]
    fn a_range_that_does_not_reach_the_end_or_is_none_is_not_taken() {
        assert_eq!(range_of("bytes 5-9/10"), Some((5, 10)));
        for bad in [
            "",
            "bytes */10",
            "bytes 5-8/10",
            "bytes 9-5/10",
            "bytes 5-9/*",
            "items 5-9/10",
            "bytes 5-18446744073709551615/0",
        ] {
            assert_eq!(range_of(bad), None, "{bad}");
        }
    }
}
