//! The message everybody publishes: a real `price_update` that tells its number and the moment it was due, always of the
//! same length, so that a reader finds both by their place. With its frame header it has 200 bytes.

use market::{Price, PriceUpdate, SourceId, SourceTime, Symbol, Volume};

/// A burst of seven has one price of each.
pub const SYMBOLS: [&str; 7] = [
    "EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "NAS100", "SPX500",
];

/// Added to the number, so that its length never changes.
const NUMBER_BASE: u64 = 1_000_000_000;
/// The same for a stamp: nanoseconds, written as seconds with nine decimals.
const STAMP_BASE: u64 = 1_000_000_000 * NANOS;
const NANOS: u64 = 1_000_000_000;

/// Bytes of the message, and where number and stamp lie in it.
const LENGTH: usize = 196;
const NUMBER_AT: usize = 60;
const NUMBER_BYTES: usize = 10;
const STAMP_AT: usize = LENGTH - 2 - 20;
const SECONDS_BYTES: usize = 10;

/// For servers that are not written in Rust: what they put in place of the names in braces is said in `servers/`.
pub const TEMPLATE: &str = r#"{"type":"price_update","payload":{"symbol":"{symbol}","price":{number},"timestamp":"2026-11-23T14:05:00.000Z","change":-1000000000,"change_percent":-1000000000.0000,"volume":{stamp}}}"#;

/// What a reader makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    pub number: u64,
    /// When it was due, by the machine's monotonic clock in nanoseconds, give or take one.
    pub stamp: u64,
}

impl Message {
    /// Nothing for any other message.
    pub fn read(text: &[u8]) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let number = digits(&text[NUMBER_AT..NUMBER_AT + NUMBER_BYTES])?;
        let (seconds, nanos) = text[STAMP_AT..LENGTH - 2].split_at(SECONDS_BYTES);
        let stamp = digits(seconds)? * NANOS + digits(&nanos[1..])?;
        Some(Self {
            number: number.checked_sub(NUMBER_BASE)?,
            stamp: stamp.checked_sub(STAMP_BASE)?,
        })
    }

    /// For ORION, which writes it by itself.
    pub fn update(self) -> PriceUpdate {
        PriceUpdate {
            symbol: Symbol::new(self.symbol()).expect("a symbol of ours is one"),
            digits: 0,
            price: units(self.shown_number() * NANOS),
            bid: Price::ZERO,
            ask: Price::ZERO,
            time: SourceTime::parse("2026-11-23T14:05:00Z").expect("a time"),
            change: -units(NUMBER_BASE * NANOS),
            change_percent: -units(NUMBER_BASE * NANOS),
            volume: Some(Volume(units(self.shown_stamp()).units())),
            source: SourceId(0),
            ticks: 1,
        }
    }

    /// For servers of this benchmark's own.
    pub fn text(self) -> String {
        let stamp = self.shown_stamp();
        TEMPLATE
            .replace("{symbol}", self.symbol())
            .replace("{number}", &self.shown_number().to_string())
            .replace(
                "{stamp}",
                &format!("{}.{:09}", stamp / NANOS, stamp % NANOS),
            )
    }

    fn symbol(self) -> &'static str {
        SYMBOLS[(self.number % SYMBOLS.len() as u64) as usize]
    }
    fn shown_number(self) -> u64 {
        NUMBER_BASE + self.number
    }
    /// Odd, since ORION leaves out zeros at the end.
    fn shown_stamp(self) -> u64 {
        STAMP_BASE + (self.stamp | 1)
    }
}

fn units(units: u64) -> Price {
    Price::from_units(i64::try_from(units).expect("less than nine billion"))
}

/// A number of nothing but digits.
fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_publishes_the_same_bytes() {
        for message in [
            (0, 1),
            (6, 123_456_789),
            (999_999_999, 98_765_432_100_000_001),
        ] {
            let (number, stamp) = message;
            let message = Message { number, stamp };
            let text = message.text();
            assert_eq!(
                wire::tell::price_update(&message.update()),
                Ok(text.clone())
            );
            assert_eq!(Message::read(text.as_bytes()), Some(message));
        }
    }

    #[test]
    fn other_messages_are_none() {
        let text = Message {
            number: 7,
            stamp: 9,
        }
        .text();
        assert_eq!(Message::read(&text.as_bytes()[1..]), None);
        assert_eq!(
            Message::read(text.replace("0000007", "00000x7").as_bytes()),
            None
        );
    }
}
