//! The price stream's bytes: a task that only reads, and lines out of chunks that end where they like.

use super::rest::explain;
use crate::clock::Clock;
use bytes::Bytes;
use market::Time;
use reqwest::Response;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Chunks that may wait to be read; beyond, the reader waits, and TCP tells the server.
const CHUNKS_MAX: usize = 1024;
/// Longest line: a price with a deep book is below 4 KiB.
const LINE_BYTES: usize = 64 * 1024;

/// Some bytes of the stream, and when they came.
#[derive(Debug)]
pub(super) struct Chunk {
    pub bytes: Bytes,
    pub received: Time,
}

/// A stream that is being read. Dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Stream {
    chunks: mpsc::Receiver<Result<Chunk, String>>,
    _reader: JoinSet<()>,
}

impl Stream {
    pub(super) fn read(answer: Response, clock: Clock) -> Self {
        let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
        let mut reader = JoinSet::new();
        reader.spawn(read(answer, clock, sender));
        Self {
            chunks,
            _reader: reader,
        }
    }

    /// What came next; why the stream broke; or none when the server ended it.
    pub(super) async fn next(&mut self) -> Option<Result<Chunk, String>> {
        self.chunks.recv().await
    }
}

async fn read(mut answer: Response, clock: Clock, chunks: mpsc::Sender<Result<Chunk, String>>) {
    loop {
        let item = match answer.chunk().await {
            Ok(Some(bytes)) => Ok(Chunk {
                bytes,
                received: clock.now(),
            }),
            Ok(None) => return,
            Err(error) => Err(explain(error)),
        };
        let is_over = item.is_err();
        if chunks.send(item).await.is_err() || is_over {
            return;
        }
    }
}

/// A line that is longer than any this stream sends; it is left out up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Puts lines together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    /// The line that is coming is too long, and has been told so.
    skipping: bool,
}

impl Lines {
    /// Takes the next bytes and hands out each line that ends in them, without its end; empty ones are left out.
    pub(super) fn take(&mut self, bytes: &[u8], mut line: impl FnMut(Result<&[u8], TooLong>)) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let part = &bytes[from..end];
            from = end + 1;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.rest.is_empty() {
                hand_out(part, &mut line);
            } else {
                self.rest.extend_from_slice(part);
                hand_out(&self.rest, &mut line);
                self.rest.clear();
            }
        }
        self.keep(&bytes[from..], line);
    }

    fn keep(&mut self, part: &[u8], mut line: impl FnMut(Result<&[u8], TooLong>)) {
        if self.skipping {
            return;
        }
        if self.rest.len() + part.len() > LINE_BYTES {
            self.skipping = true;
            self.rest = Vec::new();
            line(Err(TooLong));
            return;
        }
        self.rest.extend_from_slice(part);
    }
}

fn hand_out(text: &[u8], line: &mut impl FnMut(Result<&[u8], TooLong>)) {
    let text = text.trim_ascii();
    if text.len() > LINE_BYTES {
        line(Err(TooLong));
    } else if !text.is_empty() {
        line(Ok(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.take(chunk, |line| {
                out.push(match line {
                    Ok(text) => String::from_utf8_lossy(text).into_owned(),
                    Err(TooLong) => "too long".to_owned(),
                });
            });
        }
        out
    }

    #[test]
    fn lines_end_where_they_end_and_not_where_chunks_do() {
        assert_eq!(lines(&[b"one\ntwo\r\n\n \r\nthree"]), ["one", "two"]);
        assert_eq!(
            lines(&[b"o", b"", b"ne", b"\n", b"\nt", b"wo\nthree\nfo", b"ur\n"]),
            ["one", "two", "three", "four"]
        );
    }

    #[test]
    fn an_endless_line_is_told_once_and_costs_no_other() {
        let long = vec![b'x'; LINE_BYTES - 1];
        let parts: [&[u8]; 6] = [b"a\n", &long, &long, &long, b"x\nb\n", b"c\n"];
        assert_eq!(lines(&parts), ["a", "too long", "b", "c"]);
        let whole = [b"a\n".as_slice(), &long, &long, b"\nb\n"].concat();
        assert_eq!(lines(&[&whole]), ["a", "too long", "b"]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(text in "[a-c\n\r ]{0,80}", cuts in proptest::collection::vec(0_usize..80, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines(&chunks), lines(&[text.as_bytes()]));
        }
    }
}
