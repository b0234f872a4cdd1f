//! What the new process publishes, told also to the old one while that one still has clients.
//!
//! The old one may be slow or hang, and the new one must not wait for it: prices that find no room are left out, and so is
//! how open bars stand. Signals and closed bars are not: where one finds no room the relay ends, and the old one closes the clients it can no longer serve.

use super::link::Link;
use super::words::{News, Word};
use anyhow::{Result, bail};
use hub::Publication;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Publications that may wait for the old process.
const WAITING_MAX: usize = 256;

/// Dropping it tells the old process that nothing more comes.
#[derive(Debug)]
pub(crate) struct Relay {
    frames: mpsc::Sender<Vec<u8>>,
}

impl Relay {
    pub(super) fn start(link: Link) -> Self {
        let (frames, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write(link.into_stream(), waiting));
        Self { frames }
    }

    /// Passes on without waiting.
    ///
    /// # Errors
    /// When nothing can be passed on any more: drop it.
    pub(crate) fn pass_on(&self, publication: &Publication) -> Result<()> {
        let frame = Word::News(News::from(publication)).to_frame()?;
        match self.frames.try_send(frame) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => bail!("its last client is gone"),
            Err(TrySendError::Full(_)) if may_be_left_out(publication) => Ok(()),
            Err(TrySendError::Full(_)) => {
                bail!("it does not read, and what it was to be told must not be left out")
            }
        }
    }

    /// Waits until the old process has gone.
    pub(crate) async fn ended(&self) {
        self.frames.closed().await;
    }
}

/// Prices come again, and so do open bars and the time; how a symbol stands is told once, and so are a closed bar and its
/// features.
fn may_be_left_out(publication: &Publication) -> bool {
    publication.signals.is_empty()
        && publication.features.is_empty()
        && publication.outcomes.is_empty()
        && publication.statuses.is_empty()
        && publication.bars.iter().all(|bar| !bar.closed)
}

/// Ends when nothing more comes, or nobody reads any more.
async fn write(stream: UnixStream, mut frames: mpsc::Receiver<Vec<u8>>) {
    let (mut from_old, mut to_old) = stream.into_split();
    let mut nothing = [0];
    loop {
        let frame = tokio::select! {
            frame = frames.recv() => frame,
            // The old process has nothing more to say: this is its end.
            _ = from_old.read(&mut nothing) => None,
        };
        let Some(frame) = frame else { return };
        if to_old.write_all(&frame).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::tests::publication;
    use super::*;
    use std::os::unix::net::UnixStream as Blocking;

    fn prices() -> Publication {
        Publication {
            prices: publication().prices,
            ..Publication::default()
        }
    }

    fn relay() -> (Relay, Link) {
        let (new, old) = Blocking::pair().unwrap();
        let relay = Relay::start(Link::new(new).unwrap());
        (relay, Link::new(old).unwrap())
    }

    async fn heard(old: &mut Link) -> Option<Publication> {
        let word = old.hear().await.unwrap()?;
        let Word::News(news) = word else {
            panic!("{word:?}")
        };
        Some(news.into())
    }

    #[tokio::test]
    async fn the_old_process_hears_all_in_order_and_then_the_end() {
        let (relay, mut old) = relay();
        relay.pass_on(&prices()).unwrap();
        relay.pass_on(&publication()).unwrap();
        assert_eq!(heard(&mut old).await, Some(prices()));
        assert_eq!(heard(&mut old).await, Some(publication()));
        drop(relay);
        assert_eq!(heard(&mut old).await, None);
    }

    #[tokio::test]
    async fn an_old_process_that_does_not_read_misses_prices_but_no_signal() {
        let (relay, mut old) = relay();
        for _ in 0..2 * WAITING_MAX {
            relay.pass_on(&prices()).unwrap();
        }
        // Nothing was written meanwhile: this is a runtime of one thread.
        let error = relay.pass_on(&publication()).unwrap_err();
        assert!(error.to_string().contains("does not read"), "{error}");
        drop(relay);
        let mut news = 0;
        while let Some(publication) = heard(&mut old).await {
            assert_eq!(publication, prices());
            news += 1;
        }
        assert_eq!(
            news, WAITING_MAX,
            "what had found room is told before the end"
        );
    }

    #[tokio::test]
    async fn the_end_of_the_old_process_ends_the_relay() {
        let (relay, old) = relay();
        drop(old);
        relay.ended().await;
        let error = relay.pass_on(&publication()).unwrap_err();
        assert!(error.to_string().contains("last client is gone"), "{error}");
    }
}
