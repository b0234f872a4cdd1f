//! Compression of what is published together (RFC 7692), once for everybody who inflates.
//!
//! A group is one DEFLATE stream that begins with nothing behind it. Each of its messages is a frame of its own, flushed to
//! a whole byte, and refers back to those before it in the group, but never out of it: whatever a client was sent before,
//! it can read every group, and so the same bytes serve all.
//!
//! It is made here, and not by a library, since the groups are small. With the codes that RFC 1951 fixes, no table of codes
//! is made for each message, the price of every choice is known beforehand, and nothing has to be cleared between groups.
//! bench/README.md has it beside a library's levels: the fastest of those is as quick for a tick, and quicker for a snapshot.

use crate::frame;

/// Makes groups. It keeps its memory between them, and nothing else.
#[derive(Debug)]
pub struct Deflater {
    /// How far back a reference may reach.
    window: usize,
    /// The group's messages so far, one behind another.
    text: Vec<u8>,
    /// Where the latest three bytes with a hash were, counted from `base`; what is below it is of groups that are gone.
    latest: Vec<u32>,
    /// For each place in `text`: the one before it with the same hash, counted alike, or 0.
    earlier: Vec<u32>,
    /// What the first byte of this group counts as.
    base: u32,
    bits: Bits,
}

/// Above this, places are counted from the start again, so that the count of no group overflows.
const BASE_MAX: u32 = 1 << 31;

/// Alone, a message shorter than this hardly gets smaller.
pub const ALONE_MIN: usize = 1024;

/// The first byte of a whole text message that is compressed.
const FIRST: u8 = 0xC1;
/// The largest window there is has two to the power of this many bytes.
const WINDOW_BITS: u8 = 15;
/// How many bytes a reference may stand for (RFC 1951 section 2).
const LENGTH_MIN: usize = 3;
const LENGTH_MAX: usize = 258;

const HASH_BITS: u32 = 13;
/// Places with the same hash that are tried for a reference. More finds little; nor does as much find more than a part of it
/// in a long group, where most things have come before.
const TRIES: usize = 16;
const TRIES_LATER: usize = 2;
const LATER: usize = 16 * 1024;
/// With a reference of this length, none is looked for that begins one byte later...
const LENGTH_GOOD: usize = 8;
/// ... and with one of this length, no other at all.
const LENGTH_ENOUGH: usize = 32;
/// Bytes of a reference that can be found later. What is like it will most often begin where it begins.
const REMEMBERED: usize = 4;

impl Default for Deflater {
    fn default() -> Self {
        Self::with_window(WINDOW_BITS)
    }
}

impl Deflater {
    /// For readers whose window has only two to the power of `bits` bytes, 8 to 15.
    #[must_use]
    pub fn with_window(bits: u8) -> Self {
        Self {
            window: 1 << bits.min(WINDOW_BITS),
            text: Vec::new(),
            latest: vec![0; 1 << HASH_BITS],
            earlier: Vec::new(),
            base: 1,
            bits: Bits::default(),
        }
    }

    /// The frames of messages that are published together, one behind another. A short message alone is not compressed:
    /// its frame is an ordinary one.
    #[must_use]
    pub fn group(&mut self, texts: &[impl AsRef<str>]) -> Vec<u8> {
        if let [only] = texts
            && only.as_ref().len() < ALONE_MIN
        {
            return frame::text(only.as_ref());
        }
        self.begin();
        let mut frames = Vec::new();
        for text in texts {
            frame::put(FIRST, self.deflate(text.as_ref().as_bytes()), &mut frames);
        }
        frames
    }

    /// Begins a group: what is deflated from now on refers to nothing before it.
    pub fn begin(&mut self) {
        // Every place of the group before now lies below `base`.
        self.base += self.text.len() as u32;
        if self.base > BASE_MAX {
            self.latest.fill(0);
            self.base = 1;
        }
        self.text.clear();
        self.earlier.clear();
    }

    /// The payload of the group's next message: a block with the fixed codes, and then the beginning of an empty block
    /// without compression. The rest of that one is always the same, and so is left out (RFC 7692 section 7.2.1).
    pub fn deflate(&mut self, message: &[u8]) -> &[u8] {
        let mut at = self.text.len();
        self.text.extend_from_slice(message);
        self.bits.bytes.clear();
        self.bits.put(BLOCK_FIXED);
        let mut found = self.find(at);
        while at < self.text.len() {
            self.remember(at);
            let next = self.find_better(&found, at + 1);
            if found.saves > next.saves.max(0) {
                at = self.refer(at, &found);
                found = self.find(at);
            } else {
                self.bits.put(LITERALS[usize::from(self.text[at])]);
                (at, found) = (at + 1, next);
            }
        }
        self.bits.put(END_OF_BLOCK);
        self.bits.put(BLOCK_STORED);
        self.bits.fill_byte();
        &self.bits.bytes
    }

    /// One byte later there may be a reference that is worth the byte.
    fn find_better(&self, found: &Reference, at: usize) -> Reference {
        if found.length < LENGTH_GOOD {
            self.find(at)
        } else {
            Reference::NONE
        }
    }

    /// Takes a reference at this place, and says where the text goes on.
    fn refer(&mut self, at: usize, found: &Reference) -> usize {
        self.bits.put(found.code);
        for place in at + 1..at + found.length.min(REMEMBERED) {
            self.remember(place);
        }
        self.earlier.resize(at + found.length, 0);
        at + found.length
    }

    /// The reference that saves most at this place.
    fn find(&self, at: usize) -> Reference {
        let mut best = Reference::NONE;
        let Some(hash) = self.hash(at) else {
            return best;
        };
        let ahead = &self.text[at..self.text.len().min(at + LENGTH_MAX)];
        let mut place = self.latest[hash];
        let tries = if at < LATER { TRIES } else { TRIES_LATER };
        for _ in 0..tries {
            let Some(start) = place.checked_sub(self.base).map(|start| start as usize) else {
                break;
            };
            if at - start > self.window {
                break;
            }
            place = self.earlier[start];
            // The nearest come first, so only a longer one can save more.
            let there = &self.text[start..][..ahead.len()];
            if ahead.get(best.length) != there.get(best.length) {
                continue;
            }
            let reference = Reference::new(alike(there, ahead), at - start);
            if reference.saves > best.saves {
                best = reference;
            }
            if best.length >= LENGTH_ENOUGH {
                break;
            }
        }
        best
    }

    fn remember(&mut self, at: usize) {
        let before = self.hash(at).map(|hash| {
            let counted = self.base + at as u32;
            std::mem::replace(&mut self.latest[hash], counted)
        });
        self.earlier.push(before.unwrap_or_default());
    }

    /// Of the three bytes at a place, if there are so many.
    fn hash(&self, at: usize) -> Option<usize> {
        let three = self.text.get(at..at + LENGTH_MIN)?;
        let three = u32::from_le_bytes([three[0], three[1], three[2], 0]);
        Some((three.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize)
    }
}

/// How many bytes two runs have in common at their start.
fn alike(one: &[u8], other: &[u8]) -> usize {
    let (words, other_words) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    for (place, (word, other)) in words.iter().zip(other_words).enumerate() {
        let differs = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if differs != 0 {
            return 8 * place + differs.trailing_zeros() as usize / 8;
        }
    }
    let same = 8 * words.len().min(other_words.len());
    let rest = one[same..].iter().zip(&other[same..]);
    same + rest.take_while(|(one, other)| one == other).count()
}

/// Bytes that were there before.
#[derive(Clone, Copy, Debug)]
struct Reference {
    length: usize,
    code: Code,
    /// Bits, against the same bytes one by one.
    saves: i32,
}

impl Reference {
    const NONE: Self = Self {
        length: 0,
        code: Code::NONE,
        saves: 0,
    };

    fn new(length: usize, distance: usize) -> Self {
        if length < LENGTH_MIN {
            return Self::NONE;
        }
        let back = self::distance(distance);
        let code = LENGTHS[length].then(back.bits, back.count);
        Self {
            length,
            code,
            saves: 8 * length as i32 - code.count as i32,
        }
    }
}

/// A code, and what follows it: the lowest bit goes first.
#[derive(Clone, Copy, Debug)]
struct Code {
    bits: u32,
    count: u32,
}

impl Code {
    const NONE: Self = Self { bits: 0, count: 0 };

    /// Codes of Huffman's kind begin with their highest bit, everything else with its lowest (RFC 1951 section 3.1.1).
    const fn new(code: u32, count: u32) -> Self {
        Self {
            bits: code.reverse_bits() >> (32 - count),
            count,
        }
    }

    const fn then(self, bits: u32, count: u32) -> Self {
        Self {
            bits: self.bits | bits << self.count,
            count: self.count + count,
        }
    }
}

/// A block that is not the last one, with the fixed codes, and one without compression (RFC 1951 section 3.2.3).
const BLOCK_FIXED: Code = Code {
    bits: 0b010,
    count: 3,
};
const BLOCK_STORED: Code = Code {
    bits: 0b000,
    count: 3,
};
const END_OF_BLOCK: Code = symbol(256);

const LITERALS: [Code; 256] = {
    let mut literals = [Code::NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        literals[byte] = symbol(byte as u32);
        byte += 1;
    }
    literals
};

const LENGTHS: [Code; LENGTH_MAX + 1] = {
    let mut lengths = [Code::NONE; LENGTH_MAX + 1];
    let mut length = LENGTH_MIN;
    while length < LENGTH_MAX {
        let over = (length - LENGTH_MIN) as u32;
        let (number, extra, extra_count) = stepped(over, 2);
        lengths[length] = symbol(257 + number).then(extra, extra_count);
        length += 1;
    }
    lengths[LENGTH_MAX] = symbol(285);
    lengths
};

/// The fixed code of a literal, the end of a block or a length (RFC 1951 section 3.2.6).
const fn symbol(number: u32) -> Code {
    match number {
        0..=143 => Code::new(0x30 + number, 8),
        144..=255 => Code::new(0x190 + number - 144, 9),
        256..=279 => Code::new(number - 256, 7),
        _ => Code::new(0xC0 + number - 280, 8),
    }
}

const fn distance(distance: usize) -> Code {
    let (number, extra, extra_count) = stepped(distance as u32 - 1, 1);
    Code::new(number, 5).then(extra, extra_count)
}

/// Lengths and distances alike have numbers whose steps double, here after each `1 << fine` of them, and what is over a
/// number goes into extra bits: their value and count (RFC 1951 section 3.2.5).
const fn stepped(over: u32, fine: u32) -> (u32, u32, u32) {
    if over < 2 << fine {
        return (over, 0, 0);
    }
    let count = over.ilog2() - fine;
    (
        (count << fine) + (over >> count),
        over & ((1 << count) - 1),
        count,
    )
}

/// The bits of a message, the lowest of each byte first.
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    held_count: u32,
}

impl Bits {
    /// No code is longer than what may be held beside fewer than [`WHOLE_BITS`].
    fn put(&mut self, code: Code) {
        self.held |= u64::from(code.bits) << self.held_count;
        self.held_count += code.count;
        if self.held_count >= WHOLE_BITS {
            self.bytes
                .extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= WHOLE_BITS;
            self.held_count -= WHOLE_BITS;
        }
    }

    fn fill_byte(&mut self) {
        let count = self.held_count.div_ceil(8) as usize;
        self.bytes
            .extend_from_slice(&self.held.to_le_bytes()[..count]);
        (self.held, self.held_count) = (0, 0);
    }
}

/// Bits that are let go of together.
const WHOLE_BITS: u32 = u32::BITS;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Reader;
    use proptest::prelude::*;

    fn check(deflater: &mut Deflater, client: &mut Reader, texts: &[String]) -> usize {
        let frames = deflater.group(texts);
        assert_eq!(client.read(&frames), texts);
        assert_eq!(
            Reader::default().read(&frames),
            texts,
            "nothing before it is needed"
        );
        frames.len()
    }

    /// A second of seven symbols, as the simulated market told them.
    const TICK: [&str; 7] = [
        r#"{"type":"price_update","payload":{"symbol":"EURUSD","price":1.07936,"timestamp":"2026-11-28T01:07:13.393Z","change":0.00478,"change_percent":0.4448}}"#,
        r#"{"type":"price_update","payload":{"symbol":"GBPUSD","price":1.27055,"timestamp":"2026-11-28T01:07:13.127Z","change":-0.00143,"change_percent":-0.1124}}"#,
        r#"{"type":"price_update","payload":{"symbol":"USDJPY","price":151.764,"timestamp":"2026-11-28T01:07:13.533Z","change":-1.098,"change_percent":-0.7183}}"#,
        r#"{"type":"price_update","payload":{"symbol":"XAUUSD","price":2579.46,"timestamp":"2026-11-28T01:07:13.590Z","change":12.31,"change_percent":0.4795}}"#,
        r#"{"type":"price_update","payload":{"symbol":"US30","price":43056.8,"timestamp":"2026-11-28T01:07:12.937Z","change":-69.9,"change_percent":-0.1621}}"#,
        r#"{"type":"price_update","payload":{"symbol":"NAS100","price":20920.3,"timestamp":"2026-11-28T01:07:13.166Z","change":14.2,"change_percent":0.0679}}"#,
        r#"{"type":"price_update","payload":{"symbol":"SPX500","price":5710.4,"timestamp":"2026-11-28T01:07:13.347Z","change":31.9,"change_percent":0.5618}}"#,
    ];

    /// zlib's fastest level makes 381 bytes of it, its best 366.
    #[test]
    fn a_tick_of_seven_takes_little_more_than_a_third() {
        let plain: usize = TICK.iter().map(|text| frame::text(text).len()).sum();
        let group = Deflater::default().group(&TICK);
        assert_eq!(Reader::default().read(&group), TICK);
        assert_eq!((group.len(), plain), (384, 1061));
    }

    /// RFC 7692 section 7.2.3.1.
    #[test]
    fn the_rfcs_own_example() {
        let mut deflater = Deflater::default();
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(deflater.deflate(b"Hello"), hello);
        assert_eq!(deflater.deflate(b""), [0x02, 0x00]);
        deflater.begin();
        assert_eq!(deflater.deflate(b"Hello"), hello);
    }

    #[test]
    fn short_and_alone_is_not_worth_it() {
        let mut deflater = Deflater::default();
        let one = |length| ["x".repeat(length)];
        assert_eq!(deflater.group(&one(1023)), frame::text(&one(1023)[0]));
        assert!(deflater.group(&one(1024)).len() < 32);
        assert!(deflater.group(&TICK[..0]).is_empty());
    }

    #[test]
    fn messages_of_every_length_and_references_of_every_distance() {
        let (mut deflater, mut client) = (Deflater::default(), Reader::default());
        // Little of it comes again, so that what is far behind it is the nearest there is.
        let strange: String = (0..37_u8)
            .flat_map(|one| {
                (0..37).flat_map(move |two| (0..37).map(move |three| [one, two, three]))
            })
            .flatten()
            .map(|letter| char::from(letter + 48))
            .collect();
        for length in [
            0, 1, 2, 3, 125, 126, 257, 258, 259, 260, 32_767, 32_768, 32_769, 70_000,
        ] {
            let apart = strange[..length].to_owned();
            check(
                &mut deflater,
                &mut client,
                &["again".to_owned(), apart, "again".to_owned()],
            );
            check(
                &mut deflater,
                &mut client,
                &["x".repeat(length), "y".repeat(length)],
            );
        }
    }

    #[test]
    fn a_reader_with_a_small_window_can_read_it() {
        for bits in 9..=15 {
            let mut deflater = Deflater::with_window(bits);
            let mut client = Reader::with_window(bits);
            for far in [
                1,
                1 << bits >> 1,
                (1 << bits) - 5,
                (1 << bits) - 4,
                1 << bits,
                40_000,
            ] {
                let texts = ["again".to_owned(), "~".repeat(far), "again".to_owned()];
                assert_eq!(client.read(&deflater.group(&texts)), texts);
            }
        }
    }

    #[test]
    fn places_are_counted_from_the_start_again() {
        let (mut deflater, mut client) = (Deflater::default(), Reader::default());
        let tick = TICK.map(str::to_owned);
        let length = check(&mut deflater, &mut client, &tick);
        deflater.base = BASE_MAX - 1;
        for _ in 0..3 {
            assert_eq!(
                check(&mut deflater, &mut client, &tick),
                length,
                "the same bytes"
            );
        }
        assert!(deflater.base < 10_000);
    }

    /// Messages as alike as ours are, and some that are like nothing.
    fn message() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => (0..TICK.len(), "[0-9]{1,6}").prop_map(|(which, digits)| TICK[which].replace("13.", &digits)),
            1 => "\\PC{0,300}",
            1 => ("[ab€]{1,4}", 0_usize..2000).prop_map(|(text, times)| text.repeat(times)),
        ]
    }

    proptest! {
        #[test]
        fn every_message_is_read_whatever_groups_came_before(
            groups in proptest::collection::vec(proptest::collection::vec(message(), 0..9), 1..12),
        ) {
            let (mut deflater, mut client) = (Deflater::default(), Reader::default());
            for texts in &groups {
                check(&mut deflater, &mut client, texts);
            }
        }

        /// A client that is sent some groups, and others uncompressed.
        #[test]
        fn what_is_sent_plain_between_them_does_no_harm(
            groups in proptest::collection::vec((proptest::collection::vec(message(), 0..5), any::<bool>()), 1..12),
        ) {
            let (mut deflater, mut client) = (Deflater::default(), Reader::default());
            for (texts, is_plain) in &groups {
                let group = deflater.group(texts);
                let plain: Vec<u8> = texts.iter().flat_map(|text| frame::text(text)).collect();
                let sent = if *is_plain { plain } else { group };
                prop_assert_eq!(&client.read(&sent), texts);
            }
        }
    }
}
