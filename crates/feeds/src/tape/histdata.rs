//! HistData's text files (histdata.com, file specification): one-minute bid bars and ticks, always in New York's winter
//! time, never with daylight saving. The volume is always zero. Its MetaTrader form is read by [`super::columns`].

use super::local::{DateOrder, Stamp, read_stamp};
use super::row::{LineError, Row};
use super::text::{ohlc, price, split};

/// What a file's lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// `YYYYMMDD HHMMSS;open;high;low;close;volume`
    Bars,
    /// `YYYYMMDD HHMMSSNNN,bid,ask,volume`
    Ticks,
}

pub(super) fn decode(lines: Lines, line: &[u8]) -> Result<Row, LineError> {
    match lines {
        Lines::Bars => {
            let [time, o, h, l, c] = split(line, b';')?;
            Ok(Row::PriceBar {
                open_time: stamp(time)?,
                price: ohlc(&[o, h, l, c])?,
                volume: None,
            })
        }
        Lines::Ticks => {
            let [time, bid, ask] = split(line, b',')?;
            Ok(Row::Quote {
                time: stamp(time)?,
                bid: price("bid", bid)?,
                ask: price("ask", ask)?,
            })
        }
    }
}

/// A date alone is no time here.
fn stamp(text: &[u8]) -> Result<Stamp, LineError> {
    if text.get(8) != Some(&b' ') {
        return Err(LineError::Time);
    }
    read_stamp(text, DateOrder::MonthFirst)
}

/// Whether a line begins as one of these files' do, and which.
pub(super) fn recognise(line: &[u8]) -> Option<Lines> {
    let time_of = |separator| {
        let at = line.iter().position(|&b| b == separator)?;
        stamp(&line[..at]).ok().map(|_| at)
    };
    match (time_of(b';'), time_of(b',')) {
        (Some(15), _) => Some(Lines::Bars),
        (_, Some(18)) => Some(Lines::Ticks),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Ohlc, Price};

    fn p(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    #[test]
    fn reads_bars_and_ticks() {
        let bar = decode(
            Lines::Bars,
            b"20120201 000000;1.306600;1.306601;1.306560;1.306570;0",
        );
        let expected = Row::PriceBar {
            open_time: Stamp::Local("2012-02-01T00:00".parse().unwrap()),
            price: Ohlc {
                open: p("1.3066"),
                high: p("1.306601"),
                low: p("1.30656"),
                close: p("1.30657"),
            },
            volume: None,
        };
        assert_eq!(bar, Ok(expected));
        let tick = decode(Lines::Ticks, b"20120201 000003660,1.306600,1.306770,0");
        let expected = Row::Quote {
            time: Stamp::Local("2012-02-01T00:00:03.660".parse().unwrap()),
            bid: p("1.3066"),
            ask: p("1.30677"),
        };
        assert_eq!(tick, Ok(expected));
    }

    #[test]
    fn knows_its_own_lines() {
        for (line, expected) in [
            ("20120201 000000;1.3;1.3;1.3;1.3;0", Some(Lines::Bars)),
            ("20120201 000003660,1.3,1.4,0", Some(Lines::Ticks)),
            ("20120201 00:00,1.3,1.4,0", None),
            ("2012.02.01,00:00,1.3,1.3,1.3,1.3,0", None),
            ("", None),
        ] {
            assert_eq!(recognise(line.as_bytes()), expected, "{line}");
        }
    }
}
