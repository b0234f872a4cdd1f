//! The records of a batch: an event and its stamp in a few bytes, exactly.
//!
//! Numbers are LEB128 varints, signed ones in zigzag form; all arithmetic wraps, so that every value comes back whatever
//! it is. A record is a tag byte, the stamp as the difference to the last record's, and what the event holds:
//! - tick: tag `0x80` with flags; instrument; the exponent, if it fell; bid as the difference to that instrument's last
//!   bid, and ask minus bid, both in units of ten to the exponent; source time back from the stamp; receive time back from
//!   the stamp and volume, if there are any. The exponent of an instrument is 9 at the base and falls to what its prices
//!   need, so that a price step is one unit, whatever the instrument's digits;
//! - bar: instrument, timeframe, open time back from the stamp, eight prices as a chain of differences, volume plus a flag;
//! - gap, life: the source; start, stop, wake: nothing more;
//! - whatever is rare (alerts, switches, the past, opinions): a length and postcard's bytes.
//!
//! Times of a source mostly are whole milliseconds; then flags say that the differences count milliseconds.

use market::{
    Event, InstrumentId, Ohlc, Price, QuoteBar, SourceId, SourceTime, Tick, Time, Timeframe, Volume,
};

/// More than the longest record. That of a bar is below 160 bytes; an alert's texts are bounded where they are read.
pub(super) const RECORD_MAX: usize = 8 * 1024;

const BAR: u8 = 0;
const GAP: u8 = 1;
const START: u8 = 2;
const STOP: u8 = 3;
const WAKE: u8 = 4;
const BAR_WITH_VOLUME: u8 = 5;
const LIFE: u8 = 6;
const RARE: u8 = 7;

const TICK: u8 = 0x80;
/// Flags of a tick's tag.
const STAMP_MILLIS: u8 = 0x01;
const SOURCE_MILLIS: u8 = 0x02;
const RECEIVED: u8 = 0x04;
const VOLUME: u8 = 0x08;
const EXPONENT: u8 = 0x10;
const TICK_FLAGS: u8 = STAMP_MILLIS | SOURCE_MILLIS | RECEIVED | VOLUME | EXPONENT;

const MILLI: i64 = 1_000_000;
const POWERS: [i64; 10] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];

/// What later records are differences to. Writer and reader keep it alike; it begins anew at every base.
#[derive(Debug, Default)]
pub(super) struct Codec {
    stamp: i64,
    last: Vec<Last>,
}

/// An instrument's last tick.
#[derive(Clone, Copy, Debug)]
struct Last {
    bid: i64,
    exponent: u8,
}

impl Codec {
    pub(super) fn reset(&mut self) {
        self.stamp = 0;
        self.last.clear();
    }

    /// Appends one record to `out`.
    pub(super) fn encode(&mut self, at: Time, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Tick(tick) => self.encode_tick(at, tick, out),
            Event::Bar(bar) => self.encode_bar(at, bar, out),
            Event::Gap(source) => {
                self.encode_head(GAP, at, out);
                out.push(source.0);
            }
            Event::Life(source) => {
                self.encode_head(LIFE, at, out);
                out.push(source.0);
            }
            Event::Past(_)
            | Event::PreviousClose(_)
            | Event::Switch(..)
            | Event::Alert(_)
            | Event::Opinion(_) => self.encode_rare(at, event, out),
            Event::Start => self.encode_head(START, at, out),
            Event::Stop => self.encode_head(STOP, at, out),
            Event::Wake => self.encode_head(WAKE, at, out),
        }
    }

    /// Takes one record off `bytes`; `None` when they are no record.
    #[inline]
    pub(super) fn decode(&mut self, bytes: &mut &[u8]) -> Option<(Time, Event)> {
        let tag = take_byte(bytes)?;
        if tag & TICK != 0 {
            let (at, tick) = self.decode_tick(tag, bytes)?;
            return Some((at, Event::Tick(tick)));
        }
        self.stamp = self.stamp.wrapping_add(take_varint(bytes)? as i64);
        let event = match tag {
            BAR | BAR_WITH_VOLUME => Event::Bar(self.decode_bar(tag, bytes)?),
            GAP => Event::Gap(SourceId(take_byte(bytes)?)),
            LIFE => Event::Life(SourceId(take_byte(bytes)?)),
            RARE => take_rare(bytes)?,
            START => Event::Start,
            STOP => Event::Stop,
            WAKE => Event::Wake,
            _ => return None,
        };
        Some((Time::from_nanos(self.stamp), event))
    }

    fn encode_head(&mut self, tag: u8, at: Time, out: &mut Vec<u8>) {
        out.push(tag);
        put_varint(self.pass(at) as u64, out);
    }

    /// # Panics
    /// When the event is longer than a record may be: whoever reads alerts bounds their texts.
    fn encode_rare(&mut self, at: Time, event: &Event, out: &mut Vec<u8>) {
        self.encode_head(RARE, at, out);
        let bytes = postcard::to_stdvec(event).expect("plain data can be written");
        assert!(
            bytes.len() < RECORD_MAX - 32,
            "an event of {} bytes is longer than the tape's records may be",
            bytes.len()
        );
        put_varint(bytes.len() as u64, out);
        out.extend_from_slice(&bytes);
    }

    /// Moves on to a stamp and gives the difference.
    fn pass(&mut self, at: Time) -> i64 {
        let passed = at.nanos().wrapping_sub(self.stamp);
        self.stamp = at.nanos();
        passed
    }

    fn encode_tick(&mut self, at: Time, tick: &Tick, out: &mut Vec<u8>) {
        let tag_place = out.len();
        let mut tag = TICK;
        out.push(tag);
        let passed = self.pass(at) as u64;
        if passed.is_multiple_of(MILLI as u64) {
            tag |= STAMP_MILLIS;
            put_varint(passed / MILLI as u64, out);
        } else {
            put_varint(passed, out);
        }
        put_varint(u64::from(tick.instrument.0), out);
        if self.encode_quote(tick, out) {
            tag |= EXPONENT;
        }
        let back = whole_millis(at.nanos()).wrapping_sub(tick.time.nanos());
        if back % MILLI == 0 {
            tag |= SOURCE_MILLIS;
            put_signed(back / MILLI, out);
        } else {
            put_signed(at.nanos().wrapping_sub(tick.time.nanos()), out);
        }
        if let Some(received) = tick.received {
            tag |= RECEIVED;
            put_signed(at.nanos().wrapping_sub(received.nanos()), out);
        }
        if let Some(volume) = tick.volume {
            tag |= VOLUME;
            put_signed(volume.0, out);
        }
        out[tag_place] = tag;
    }

    /// Writes the two prices, and says whether an exponent stands before them.
    fn encode_quote(&mut self, tick: &Tick, out: &mut Vec<u8>) -> bool {
        let last = self.last_of(tick.instrument);
        let bid = tick.bid.units();
        let moved = bid.wrapping_sub(last.bid);
        let spread = tick.ask.units().wrapping_sub(bid);
        let mut exponent = last.exponent;
        while moved % POWERS[usize::from(exponent)] != 0
            || spread % POWERS[usize::from(exponent)] != 0
        {
            exponent -= 1;
        }
        let fell = exponent != last.exponent;
        *last = Last { bid, exponent };
        if fell {
            out.push(exponent);
        }
        let unit = POWERS[usize::from(exponent)];
        put_signed(moved / unit, out);
        put_signed(spread / unit, out);
        fell
    }

    #[inline]
    fn decode_tick(&mut self, tag: u8, bytes: &mut &[u8]) -> Option<(Time, Tick)> {
        if tag & !(TICK | TICK_FLAGS) != 0 {
            return None;
        }
        let passed = take_varint(bytes)? as i64;
        let unit = if tag & STAMP_MILLIS != 0 { MILLI } else { 1 };
        self.stamp = self.stamp.wrapping_add(passed.wrapping_mul(unit));
        let stamp = self.stamp;
        let instrument = InstrumentId(u16::try_from(take_varint(bytes)?).ok()?);
        let (bid, ask) = self.decode_quote(instrument, tag, bytes)?;
        let back = take_signed(bytes)?;
        let time = if tag & SOURCE_MILLIS != 0 {
            whole_millis(stamp).wrapping_sub(back.wrapping_mul(MILLI))
        } else {
            stamp.wrapping_sub(back)
        };
        let received = if tag & RECEIVED != 0 {
            Some(Time::from_nanos(stamp.wrapping_sub(take_signed(bytes)?)))
        } else {
            None
        };
        let volume = if tag & VOLUME != 0 {
            Some(Volume(take_signed(bytes)?))
        } else {
            None
        };
        let tick = Tick {
            instrument,
            bid,
            ask,
            volume,
            time: SourceTime::from_nanos(time),
            received,
        };
        Some((Time::from_nanos(stamp), tick))
    }

    #[inline]
    fn decode_quote(
        &mut self,
        instrument: InstrumentId,
        tag: u8,
        bytes: &mut &[u8],
    ) -> Option<(Price, Price)> {
        let last = self.last_of(instrument);
        if tag & EXPONENT != 0 {
            last.exponent = take_byte(bytes)?;
        }
        let unit = *POWERS.get(usize::from(last.exponent))?;
        last.bid = last
            .bid
            .wrapping_add(take_signed(bytes)?.wrapping_mul(unit));
        let spread = take_signed(bytes)?.wrapping_mul(unit);
        let ask = last.bid.wrapping_add(spread);
        Some((Price::from_units(last.bid), Price::from_units(ask)))
    }

    #[inline]
    fn last_of(&mut self, instrument: InstrumentId) -> &mut Last {
        let place = instrument.index();
        if place >= self.last.len() {
            let fresh = Last {
                bid: 0,
                exponent: 9,
            };
            self.last.resize(place + 1, fresh);
        }
        &mut self.last[place]
    }

    fn encode_bar(&mut self, at: Time, bar: &QuoteBar, out: &mut Vec<u8>) {
        let tag = if bar.volume.is_some() {
            BAR_WITH_VOLUME
        } else {
            BAR
        };
        self.encode_head(tag, at, out);
        put_varint(u64::from(bar.instrument.0), out);
        out.push(bar.timeframe.index() as u8);
        put_signed(at.nanos().wrapping_sub(bar.open_time.nanos()), out);
        let mut last = 0;
        for price in prices(&bar.bid).into_iter().chain(prices(&bar.ask)) {
            put_signed(price.units().wrapping_sub(last), out);
            last = price.units();
        }
        if let Some(volume) = bar.volume {
            put_signed(volume.0, out);
        }
    }

    /// What follows a bar's stamp.
    fn decode_bar(&mut self, tag: u8, bytes: &mut &[u8]) -> Option<QuoteBar> {
        let instrument = InstrumentId(u16::try_from(take_varint(bytes)?).ok()?);
        let timeframe = *Timeframe::ALL.get(usize::from(take_byte(bytes)?))?;
        let open_time = SourceTime::from_nanos(self.stamp.wrapping_sub(take_signed(bytes)?));
        let mut last = 0;
        let bid = take_ohlc(&mut last, bytes)?;
        let ask = take_ohlc(&mut last, bytes)?;
        let volume = if tag == BAR_WITH_VOLUME {
            Some(Volume(take_signed(bytes)?))
        } else {
            None
        };
        Some(QuoteBar {
            instrument,
            timeframe,
            open_time,
            bid,
            ask,
            volume,
        })
    }
}

fn take_rare(bytes: &mut &[u8]) -> Option<Event> {
    let len = usize::try_from(take_varint(bytes)?).ok()?;
    let (event, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    postcard::from_bytes(event).ok()
}

fn prices(bar: &Ohlc) -> [Price; 4] {
    [bar.open, bar.high, bar.low, bar.close]
}

fn take_ohlc(last: &mut i64, bytes: &mut &[u8]) -> Option<Ohlc> {
    let mut next = || {
        *last = last.wrapping_add(take_signed(bytes)?);
        Some(Price::from_units(*last))
    };
    Some(Ohlc {
        open: next()?,
        high: next()?,
        low: next()?,
        close: next()?,
    })
}

/// The stamp without what is below a millisecond, towards the past.
fn whole_millis(nanos: i64) -> i64 {
    nanos.wrapping_sub(nanos.rem_euclid(MILLI))
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Zigzag: small numbers of either sign become small ones without a sign.
fn put_signed(value: i64, out: &mut Vec<u8>) {
    put_varint(((value << 1) ^ (value >> 63)) as u64, out);
}

#[inline]
fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

#[inline]
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[inline]
fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let value = take_varint(bytes)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}
