//! Lines of a stream without a copy of each: one buffer, refilled as the lines are used up.

use super::input::Stream;
use memchr::memchr;
use std::io::{self, Read};

/// Longer lines than this are no prices; only their beginning is shown and the rest is skipped.
const BUFFER: usize = 64 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug)]
pub(super) struct Lines<R = Stream> {
    pub(super) stream: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    number: u64,
    ended: bool,
}

/// A line without its end, and its number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'buffer> {
    pub(super) number: u64,
    pub(super) text: &'buffer [u8],
    /// Not the beginning of a line that is too long.
    pub(super) whole: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            number: 0,
            ended: false,
        }
    }

    /// The next line that is not blank.
    ///
    /// # Errors
    /// As the stream's.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let Some((from, to, whole)) = self.find()? else {
                return Ok(None);
            };
            self.number += 1;
            if !self.trimmed(from, to).is_empty() {
                return Ok(Some(Line {
                    number: self.number,
                    text: self.trimmed(from, to),
                    whole,
                }));
            }
        }
    }

    fn trimmed(&self, from: usize, to: usize) -> &[u8] {
        let text = &self.buffer[from..to];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match self.number {
            1 => text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
            _ => text,
        }
    }

    /// Where the next line is in the buffer and whether it is whole.
    fn find(&mut self) -> io::Result<Option<(usize, usize, bool)>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[searched..self.end]) {
                let (from, to) = (self.start, searched + at);
                self.start = to + 1;
                return Ok(Some((from, to, true)));
            }
            if self.ended {
                let (from, to) = (self.start, self.end);
                self.start = self.end;
                return Ok((from < to).then_some((from, to, true)));
            }
            // Refilling moves the beginning of the line to the front.
            searched = self.end - self.start;
            if !self.refill()? {
                self.skip_line()?;
                return Ok(Some((0, BUFFER / 2, false)));
            }
        }
    }

    /// Moves what is left to the front and reads more behind it; false when there is no room.
    fn refill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            return Ok(false);
        }
        let count = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.ended = count == 0;
        Ok(true)
    }

    /// Skips to the end of a line that fills the whole buffer, and keeps the beginning of it in the first half.
    fn skip_line(&mut self) -> io::Result<()> {
        let half = BUFFER / 2;
        loop {
            let count = self.stream.read(&mut self.buffer[half..])?;
            if count == 0 {
                (self.start, self.end, self.ended) = (half, half, true);
                return Ok(());
            }
            if let Some(at) = memchr(b'\n', &self.buffer[half..half + count]) {
                (self.start, self.end) = (half + at + 1, half + count);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out its bytes a few at a time, as a decoder may.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines(text: &[u8], step: usize) -> Vec<(u64, Vec<u8>, bool)> {
        let mut lines = Lines::new(Drip(text, step));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((line.number, line.text.to_vec(), line.whole));
        }
        found
    }

    #[test]
    fn ends_of_any_system_and_a_byte_order_mark_are_no_part_of_a_line() {
        let expected = vec![(1, b"a,b".to_vec(), true), (3, b"c".to_vec(), true)];
        for step in [1, 2, 100] {
            assert_eq!(lines(b"\xef\xbb\xbfa,b\r\n\r\nc", step), expected);
            assert_eq!(lines(b"a,b\n\nc\n", step), expected);
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_eat_the_next() {
        let long = vec![b'x'; 200_000];
        let text = [b"first\n", &long[..], b"\nlast\n"].concat();
        for step in [1000, 70_000, 1 << 20] {
            let found = lines(&text, step);
            assert_eq!(found[0], (1, b"first".to_vec(), true));
            assert_eq!((found[1].0, found[1].2), (2, false));
            assert!(found[1].1.iter().all(|&b| b == b'x'));
            assert_eq!(found[2], (3, b"last".to_vec(), true));
            assert_eq!(found.len(), 3);
        }
        assert_eq!(lines(&long, 4096).len(), 1);
    }

    proptest! {
        #[test]
        fn finds_the_lines_that_a_split_finds(text in "[ab\r\n]{0,200}", step in 1_usize..50) {
            let expected: Vec<Vec<u8>> = text
                .split('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec())
                .filter(|line| !line.is_empty())
                .collect();
            let found: Vec<Vec<u8>> = lines(text.as_bytes(), step).into_iter().map(|line| line.1).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
