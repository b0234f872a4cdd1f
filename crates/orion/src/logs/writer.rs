//! The way of a line to standard error. Whoever logs never waits for who reads: a terminal that is paused, or a collector
//! that hangs, would stop every client with it. A thread of its own writes, much at once where much is logged; what finds no
//! room meanwhile is left out, counted and told of.
//!
//! `tracing-appender` bounds lines and not bytes, wakes its thread for each, and leaves out without a word in the log.

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that may wait to be written: some thousands of lines.
const WAITING_MAX: usize = 1 << 20;
/// What is kept of the memory that they took.
const MEMORY_KEPT: usize = 1 << 16;
/// After each write lines gather for as long, so that who logs much does not wake the thread for each.
const GATHER: Duration = Duration::from_millis(10);
/// Written at once: a pipe takes as much whole, also where another process writes to it (POSIX, `PIPE_BUF`).
const PIECE: usize = 4096;
/// How long the end of a process waits for standard error.
const FINISH_MAX: Duration = Duration::from_secs(1);

/// There is one standard error of a process, and so one of these.
static LINES: Lines = Lines::new();

/// Begins to write.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn begin() -> io::Result<()> {
    let writer = thread::Builder::new().name("log".to_owned());
    writer.spawn(|| {
        let mut batch = Vec::new();
        loop {
            let left_out = LINES.take(&mut batch);
            if left_out > 0 {
                // Behind the batch, where they would have been.
                tracing::warn!(
                    lines = left_out,
                    "standard error was not read for a while, and lines of the log were left out here"
                );
            }
            LINES.write(&mut batch, &mut io::stderr());
            thread::sleep(GATHER);
        }
    })?;
    Ok(())
}

/// Where a line goes; it is given whole.
pub(super) fn way() -> impl Write {
    &LINES
}

/// Lines that standard error has never seen.
pub(crate) fn left_out() -> u64 {
    LINES.state().left_out
}

/// Waits until all that was logged is written, but not for ever: the process ends.
pub fn finish() {
    LINES.finish(FINISH_MAX);
}

/// Tells why the process ends, whether it logs or not; where standard error takes nothing, it ends without.
pub fn last_words(text: &str) {
    let (told, over) = mpsc::channel();
    let text = text.to_owned();
    let telling = thread::Builder::new().spawn(move || {
        let _closed = io::stderr().write_all(text.as_bytes());
        let _gone = told.send(());
    });
    if telling.is_ok() {
        let _over = over.recv_timeout(FINISH_MAX);
    }
}

struct Lines {
    state: Mutex<State>,
    /// A line came while one was waited for.
    came: Condvar,
    written: Condvar,
}

struct State {
    waiting: Vec<u8>,
    /// Somebody waits until a line comes.
    is_idle: bool,
    /// What was taken is not written yet.
    is_writing: bool,
    left_out: u64,
    /// How many of those that were left out have been told of.
    told: u64,
}

impl Lines {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                is_idle: false,
                is_writing: false,
                left_out: 0,
                told: 0,
            }),
            came: Condvar::new(),
            written: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > WAITING_MAX {
            state.left_out += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        if state.is_idle {
            state.is_idle = false;
            self.came.notify_one();
        }
    }

    /// Waits for lines and moves all there are into the empty `batch`. Returns how many were left out behind them.
    fn take(&self, batch: &mut Vec<u8>) -> u64 {
        let mut state = self.state();
        while state.waiting.is_empty() {
            state.is_idle = true;
            state = self
                .came
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.is_idle = false;
        state.is_writing = true;
        std::mem::swap(&mut state.waiting, batch);
        let untold = state.left_out - state.told;
        state.told = state.left_out;
        untold
    }

    /// Writes what was taken and empties it.
    fn write(&self, batch: &mut Vec<u8>, to: &mut impl Write) {
        for piece in pieces(batch) {
            // Where standard error is closed, there is nobody to tell.
            let _closed = to.write_all(piece);
        }
        batch.clear();
        batch.shrink_to(MEMORY_KEPT);
        self.state().is_writing = false;
        self.written.notify_all();
    }

    fn finish(&self, most: Duration) {
        let is_unwritten = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self
            .written
            .wait_timeout_while(self.state(), most, is_unwritten);
        drop(waited);
    }
}

/// Whole lines, as many as fit into a piece; a longer one alone.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let is_end = |byte: &u8| *byte == b'\n';
        let fitting = &lines[..lines.len().min(PIECE)];
        let end = match fitting.iter().rposition(is_end) {
            _ if fitting.len() == lines.len() => lines.len(),
            Some(last) => last + 1,
            None => lines
                .iter()
                .position(is_end)
                .map_or(lines.len(), |end| end + 1),
        };
        let (piece, rest) = lines.split_at(end);
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A standard error whose reader must ask for each write.
    struct Slow {
        asked: mpsc::Receiver<()>,
        written: Vec<u8>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _asked = self.asked.recv();
            self.written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_of_many_threads_are_written_whole_and_each_threads_in_order() {
        const EACH: usize = 2_000;
        let lines = Lines::new();
        let mut written = Vec::new();
        thread::scope(|scope| {
            for name in ["a", "b", "c"] {
                let mut way = &lines;
                scope.spawn(move || {
                    for number in 0..EACH {
                        way.write_all(format!("{name} {number}\n").as_bytes())
                            .expect("it takes all");
                    }
                });
            }
            let mut batch = Vec::new();
            while written.iter().filter(|&&byte| byte == b'\n').count() < 3 * EACH {
                assert_eq!(lines.take(&mut batch), 0);
                lines.write(&mut batch, &mut written);
                assert!(batch.is_empty());
            }
        });
        let written = String::from_utf8(written).expect("text");
        for name in ["a", "b", "c"] {
            let numbers = written.lines().filter_map(|line| {
                let number = line.strip_prefix(name)?.trim_start();
                number.parse::<usize>().ok()
            });
            assert!(numbers.eq(0..EACH), "{name}");
        }
    }

    #[test]
    fn who_logs_does_not_wait_for_a_reader_and_what_is_missing_is_counted() {
        let line = [b'x'; 1024];
        let fitting = WAITING_MAX / line.len();
        let lines = Lines::new();
        let (ask, asked) = mpsc::channel();
        let mut slow = Slow {
            asked,
            written: Vec::new(),
        };
        thread::scope(|scope| {
            // A check that fails lets go of it, and so of who writes.
            let ask = ask;
            lines.push(&line);
            let mut batch = Vec::new();
            assert_eq!(lines.take(&mut batch), 0);
            let (lines, slow) = (&lines, &mut slow);
            let writing = scope.spawn(move || lines.write(&mut batch, slow));
            for _ in 0..fitting + 7 {
                lines.push(&line);
            }
            assert_eq!(lines.state().left_out, 7);
            // The end does not wait for ever either.
            lines.finish(Duration::from_millis(1));
            assert!(lines.state().is_writing);
            ask.send(()).expect("it writes");
            writing.join().expect("written");
        });
        assert_eq!(slow.written.len(), line.len());
        let mut batch = Vec::new();
        assert_eq!(lines.take(&mut batch), 7, "left out behind these");
        assert_eq!(batch.len(), fitting * line.len());
        lines.write(&mut batch, &mut io::sink());
        assert!(batch.capacity() <= MEMORY_KEPT);
        lines.push(&line);
        assert_eq!(lines.take(&mut batch), 0, "told once");
        assert_eq!(lines.state().left_out, 7);
    }

    #[test]
    fn a_piece_has_whole_lines() {
        let long = [&[b'x'; 2 * PIECE][..], b"\n"].concat();
        let half = [&[b'y'; PIECE / 2 - 1][..], b"\n"].concat();
        let lines = [&half, &half, &half, &long, &half, &b"the end"[..]].concat();
        let told: Vec<_> = pieces(&lines).collect();
        let two = half.repeat(2);
        let last = [&half[..], b"the end"].concat();
        assert_eq!(told, [&two[..], &half, &long, &last]);
        assert_eq!(pieces(b"").count(), 0);
    }

    #[test]
    fn the_end_waits_until_all_is_written() {
        let lines = Lines::new();
        lines.finish(Duration::MAX);
        let (ask, asked) = mpsc::channel();
        let mut slow = Slow {
            asked,
            written: Vec::new(),
        };
        thread::scope(|scope| {
            lines.push(b"the last words");
            let finishing = scope.spawn(|| lines.finish(Duration::MAX));
            let mut batch = Vec::new();
            assert_eq!(lines.take(&mut batch), 0);
            assert!(!finishing.is_finished());
            ask.send(()).expect("it will write");
            lines.write(&mut batch, &mut slow);
            finishing.join().expect("it ended");
        });
        assert_eq!(slow.written, b"the last words");
    }
}
