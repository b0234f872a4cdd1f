//! Answers that are not read yet. Each is held until its reader has taken it (the gateway cuts who takes next to nothing), and
//! all long ones together take no more than a bound, however many ask and do not read. A short one is the connection's at once.

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

/// Bytes of all long answers that are not read yet: a hundred of the longest.
const HELD_MAX: usize = 64 << 20;
/// What the connection is given at once; it asks for more when that is taken.
const PORTION: usize = 16 * 1024;

/// Memory is the process's, and so is this.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Bytes that are held now.
pub(crate) fn held() -> usize {
    HELD.load(Relaxed)
}

/// What is sent of an answer; nothing where too much is held already.
pub(super) fn body(text: String) -> Option<Body> {
    if text.len() <= PORTION {
        return Some(Body::from(text));
    }
    Some(Body::new(Unread::new(text, &HELD, HELD_MAX)?))
}

/// An answer, given on portion by portion: each is a copy, so that all of it is let go of with the last.
#[derive(Debug)]
struct Unread {
    text: String,
    /// Bytes of it that were given on.
    given: usize,
    held: &'static AtomicUsize,
}

impl Unread {
    fn new(text: String, held: &'static AtomicUsize, most: usize) -> Option<Self> {
        let with_this = |held: usize| Some(held + text.len()).filter(|held| *held <= most);
        held.fetch_update(Relaxed, Relaxed, with_this).ok()?;
        Some(Self {
            text,
            given: 0,
            held,
        })
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.held.fetch_sub(self.text.len(), Relaxed);
    }
}

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = &self.text.as_bytes()[self.given..];
        if left.is_empty() {
            return Poll::Ready(None);
        }
        let portion = Bytes::copy_from_slice(&left[..left.len().min(PORTION)]);
        self.given += portion.len();
        Poll::Ready(Some(Ok(Frame::data(portion))))
    }

    fn is_end_stream(&self) -> bool {
        self.given == self.text.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.text.len() - self.given) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn an_answer_is_given_whole_and_held_until_then() {
        static HERE: AtomicUsize = AtomicUsize::new(0);
        let text = "0123456789".repeat(5_000);
        let first = Unread::new(text.clone(), &HERE, 120_000).expect("room");
        let second = Unread::new(text.clone(), &HERE, 120_000).expect("room");
        assert!(Unread::new(text.clone(), &HERE, 120_000).is_none());
        assert_eq!(HERE.load(Relaxed), 100_000, "what found no room takes none");
        let hint = http_body::Body::size_hint(&first);
        assert_eq!(hint.exact(), Some(50_000));
        let given = to_bytes(Body::new(first), usize::MAX).await;
        assert_eq!(given.expect("an answer"), text.as_bytes());
        assert_eq!(HERE.load(Relaxed), 50_000);
        drop(second);
        assert_eq!(HERE.load(Relaxed), 0);
        let empty = Unread::new(String::new(), &HERE, 0).expect("it takes nothing");
        assert!(http_body::Body::is_end_stream(&empty));
    }
}
