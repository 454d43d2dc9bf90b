//! A connection whose client must read: it has a time to take what is written.

use crate::places::Place;
use hyper_util::rt::TokioIo;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How many times the limit of one piece a client may keep the server waiting during one answer.
const PIECES: u32 = 12;

/// Bytes to and from a client.
pub(crate) struct Wire<S> {
    stream: S,
    place: Arc<Place>,
    limit: Duration,
    /// Since when the client has not taken what there is, and until when it has to.
    blocked: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> Wire<S> {
    /// As hyper reads and writes.
    pub(crate) fn new(stream: S, place: Arc<Place>, limit: Duration) -> TokioIo<Self> {
        TokioIo::new(Self { stream, place, limit, blocked: None })
    }

    /// Holds the client to its time. `whole` bytes were to be written.
    fn held_to_time(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        whole: usize,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) if count >= whole => {
                if let Some((since, _)) = self.blocked.take() {
                    self.place.add_waiting(since.elapsed());
                }
            }
            // A part of it: the time for all of it goes on.
            Poll::Ready(_) => {}
            Poll::Pending => {
                let left = (self.limit * PIECES).saturating_sub(self.place.kept_waiting()).min(self.limit);
                let begin = || (Instant::now(), Box::pin(tokio::time::sleep(left)));
                let (_, sleep) = self.blocked.get_or_insert_with(begin);
                ready!(sleep.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.held_to_time(context, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.held_to_time(context, written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Places;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn wire(room: usize) -> (Wire<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (stream, client) = tokio::io::duplex(room);
        let place = Places::new(1, 1).enter();
        (Wire { stream, place, limit: Duration::from_secs(10), blocked: None }, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_reads_is_cut_when_its_time_is_over() {
        let (mut wire, _client) = wire(100);
        let begin = Instant::now();
        let error = wire.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!((error.kind(), begin.elapsed().as_secs()), (io::ErrorKind::TimedOut, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_cut_as_well() {
        let (mut wire, mut client) = wire(100);
        tokio::spawn(async move {
            while client.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let begin = Instant::now();
        assert!(wire.write_all(&[0; 1000]).await.is_err());
        assert_eq!(begin.elapsed().as_secs(), 10, "a piece has to be taken, not a byte of it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_each_piece_late_is_cut_after_twelve_times_the_limit() {
        let (mut wire, mut client) = wire(100);
        tokio::spawn(async move {
            let mut piece = [0; 100];
            while client.read_exact(&mut piece).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(9)).await;
            }
        });
        let begin = Instant::now();
        while wire.write_all(&[0; 100]).await.is_ok() {}
        assert_eq!(begin.elapsed().as_secs(), 120);
        assert!(wire.place.serve().is_some());
        assert_eq!(wire.place.kept_waiting(), Duration::ZERO, "the next answer has its own time");
    }
}
