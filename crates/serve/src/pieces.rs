//! Answers as they are written: counted first, then written into pieces whose memory is given back once they are sent.

use crate::memory::Share;
use crate::places::Busy;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use samara_search::commanding::commands;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc::Receiver;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// The pieces of a text, in order.
pub(crate) type Pieces = VecDeque<Bytes>;

/// Bytes that a text of this length takes until it is sent.
pub(crate) fn cost(length: usize) -> usize {
    if length <= PIECE { length } else { length.div_ceil(PIECE) * PIECE }
}

/// JSON in which no character commands a terminal, a page or an editor: inside strings, where alone they can stand, such
/// characters are written as `\u` and four hexadecimal digits.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| commands(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            // None of them is beyond 16 bits.
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes a value as JSON. All JSON that the server writes is written here.
fn write_json(writer: impl Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(writer, Harmless))
}

/// A short answer as JSON.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    // A vector refuses nothing, and no value does.
    let _ = write_json(&mut text, value);
    text
}

/// The length of what is written as JSON; `None` if it is longer than `most`. Takes no memory.
pub(crate) fn length(value: &impl Serialize, most: usize) -> Option<usize> {
    let mut room = Room(most);
    write_json(&mut room, value).ok()?;
    Some(most - room.0)
}

/// Room for so many bytes, which are not kept.
struct Room(usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A piece with the memory that it lies in.
struct Piece {
    bytes: Vec<u8>,
    _share: Option<Share>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes into pieces.
pub(crate) struct Writer {
    done: Pieces,
    piece: Vec<u8>,
    left: usize,
    share: Share,
}

impl Writer {
    /// For a text of exactly this length, in memory of at least its [`cost`].
    pub(crate) fn new(length: usize, share: Share) -> Self {
        Self { done: Pieces::new(), piece: Vec::with_capacity(length.min(PIECE)), left: length, share }
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        // This writer refuses nothing, and no value does.
        let _ = write_json(self, value);
    }

    fn cut(&mut self) {
        let next = Vec::with_capacity(self.left.min(PIECE));
        let bytes = std::mem::replace(&mut self.piece, next);
        let share = self.share.split(bytes.capacity());
        self.done.push_back(Bytes::from_owner(Piece { bytes, _share: share }));
    }

    /// All pieces.
    pub(crate) fn finish(mut self) -> Pieces {
        if !self.piece.is_empty() {
            self.left = 0;
            self.cut();
        }
        self.done
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = PIECE - self.piece.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.piece.extend_from_slice(now);
            self.left = self.left.saturating_sub(now.len());
            rest = later;
            if self.piece.len() == PIECE {
                self.cut();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of an answer: pieces that are there, and for a list those that come.
pub(crate) struct Answer {
    ready: Pieces,
    coming: Option<Receiver<Pieces>>,
}

impl Answer {
    /// An answer that is all there.
    pub(crate) fn whole(ready: Pieces) -> Body {
        Body::new(Self { ready, coming: None })
    }

    /// An answer that is still being made.
    pub(crate) fn coming(coming: Receiver<Pieces>) -> Body {
        Body::new(Self { ready: Pieces::new(), coming: Some(coming) })
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let Some(coming) = &mut self.coming else { return Poll::Ready(None) };
            match ready!(coming.poll_recv(context)) {
                Some(pieces) => self.ready = pieces,
                None => self.coming = None,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.coming.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.coming {
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.ready.iter().map(|piece| piece.len() as u64).sum()),
        }
    }
}

/// A body during which its connection is being served.
pub(crate) struct Serving {
    body: Body,
    _busy: Busy,
}

impl Serving {
    pub(crate) fn body(body: Body, busy: Busy) -> Body {
        Body::new(Self { body, _busy: busy })
    }
}

impl HttpBody for Serving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Pool;

    #[test]
    fn no_character_that_commands_is_in_what_is_written_and_the_value_is_the_same() {
        let all: String = ('\0'..=char::MAX).filter(|c| commands(*c)).collect();
        assert!(all.contains('\u{7f}') && all.contains('\u{9b}') && all.contains('\u{202e}'));
        let value = serde_json::json!({ &all: [&all, format!("é{all}日本{all}👩‍🔬\"\\")] });
        let text = json(&value);
        assert_eq!(length(&value, text.len()), Some(text.len()));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).unwrap(), value);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.chars().find(|c| commands(*c)), None);
        assert!(text.contains("日本\\u0000") && text.contains("\\u007f\\u0080"));
        assert_eq!(json(&"\u{7f}a\u{9b}é\u{202e}"), r#""\u007fa\u009bé\u202e""#.as_bytes());
    }

    #[test]
    fn a_text_is_counted_and_then_written_and_its_memory_comes_back_piece_by_piece() {
        for text in ["", "short", &"\n".repeat(100), &"é\"".repeat(200_000), &"\u{7f}\u{9b}".repeat(100_000)]
        {
            let expected = serde_json::to_string(text).unwrap();
            let expected = samara_search::commanding::escaped(&expected);
            assert_eq!(length(&text, expected.len()), Some(expected.len()));
            assert_eq!(length(&text, expected.len() - 1), None);
            let pool = Pool::new(8 << 20);
            let mut writer = Writer::new(expected.len(), pool.try_take(cost(expected.len())).unwrap());
            writer.json(&text);
            let mut pieces = writer.finish();
            assert_eq!(
                pieces.iter().map(|piece| piece.as_ref()).collect::<Vec<_>>().concat(),
                expected.as_bytes()
            );
            let mut before = pool.taken() + 1;
            while let Some(piece) = pieces.pop_front() {
                assert!(piece.len() <= PIECE && pool.taken() < before);
                before = pool.taken();
                drop(piece);
            }
            assert_eq!(pool.taken(), 0);
        }
    }
}
