//! A connection whose reader is watched: what is written to it must be taken, and not a letter at a time. Who asks for much and
//! reads nothing would have the answer held for as long as he likes. TLS lies above it, not below: what it takes is not taken yet.
//!
//! That room has come shows only in lumps, of up to 64 KiB where a reader's window was full. So the span is one in which even a
//! slow reader takes as much.

use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// What must be taken in each span, where there is as much; less is as good as nothing.
const LEAST: usize = 16 * 1024;

/// What can be ended at once, for both directions.
pub(crate) trait Cut {
    fn cut(&self);
}

impl Cut for TcpStream {
    fn cut(&self) {
        let _gone = SockRef::from(self).shutdown(Shutdown::Both);
    }
}

/// Too little was taken.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("what was sent is not taken")]
pub(crate) struct Untaken;

#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    span: Duration,
    /// Until the span is over; nothing while all is taken at once, as nearly always.
    until: Option<Pin<Box<Sleep>>>,
    /// Bytes in this span.
    taken: usize,
}

impl<S: Cut> Watched<S> {
    /// Cuts the connection where in a span neither all is taken nor 16 KiB of it: writing breaks with [`Untaken`], and reading
    /// finds the end.
    pub(crate) fn new(stream: S, span: Duration) -> Self {
        Self {
            stream,
            span,
            until: None,
            taken: 0,
        }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    fn begin_anew(&mut self) {
        self.until = None;
        self.taken = 0;
    }

    /// Nothing is taken now. Ready once that has lasted for too long.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let span = self.span;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(span)));
        ready!(until.as_mut().poll(context));
        // Who writes on all the same, and lets go of what is not taken, would make a hole.
        self.stream.cut();
        Poll::Ready(io::Error::new(ErrorKind::TimedOut, Untaken))
    }

    fn written(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.poll_overdue(context).map(Err),
            Poll::Ready(written) => {
                self.taken += written.as_ref().copied().unwrap_or_default();
                if self.taken >= LEAST {
                    self.begin_anew();
                }
                Poll::Ready(written)
            }
        }
    }

    /// All that was written before is taken.
    fn finished(
        &mut self,
        finished: Poll<io::Result<()>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match finished {
            Poll::Pending => self.poll_overdue(context).map(Err),
            Poll::Ready(finished) => {
                self.begin_anew();
                Poll::Ready(finished)
            }
        }
    }
}

pub(crate) fn is_untaken(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<Untaken>())
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Cut + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.finished(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.finished(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter, DuplexStream, duplex};
    use tokio::time::{Instant, interval};

    const SPAN: Duration = Duration::from_secs(10);

    impl Cut for DuplexStream {
        fn cut(&self) {}
    }

    /// How writing `length` bytes ends, and when, to who reads `each` bytes a second. As under TLS, much lies between the writer
    /// and what is watched.
    async fn written(length: usize, each: usize) -> (io::Result<()>, Duration) {
        let (ours, mut theirs) = duplex(1024);
        let reading = tokio::spawn(async move {
            let (mut seconds, mut into) = (interval(Duration::from_secs(1)), vec![0; each]);
            loop {
                seconds.tick().await;
                let mut left = each;
                while left > 0 {
                    match theirs.read(&mut into[..left]).await {
                        Ok(count) if count > 0 => left -= count,
                        _ => return,
                    }
                }
            }
        });
        let ours = Watched::new(ours, SPAN);
        let (mut ours, began) = (BufWriter::with_capacity(64 * 1024, ours), Instant::now());
        let written = async {
            ours.write_all(&vec![0; length]).await?;
            ours.flush().await
        };
        let written = written.await;
        let took = began.elapsed();
        drop(ours);
        reading.await.expect("a reader");
        (written, took)
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_it_slowly_gets_it_all_and_who_takes_next_to_nothing_is_cut() {
        // More than 16 KiB in ten seconds.
        let (written_to_slow, took) = written(400_000, 2_000).await;
        assert!(written_to_slow.is_ok());
        assert!(took > 10 * SPAN, "it takes its time: {took:?}");
        // What is short is taken, however slowly, if it is taken within the span.
        let (short, _) = written(5_000, 600).await;
        assert!(short.is_ok());
        for each in [1, 1_000] {
            let (cut, after) = written(400_000, each).await;
            assert!(is_untaken(&cut.expect_err("cut")));
            assert_eq!(after, SPAN);
        }
    }
}
