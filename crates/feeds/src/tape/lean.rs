//! QuantConnect Lean's files: a zip with a CSV that has no header. Times are milliseconds of the day that the file's name
//! tells, in the source's own zone; hour and day files hold dates. Fields of a side that had no quote are empty.

use super::local::{DateOrder, LocalTime, Stamp, read_millis, read_stamp};
use super::row::{LineError, Row};
use super::text::{ohlc, price, side, split, volume};

/// What a Lean file's lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// `ms,bid,ask`
    Quotes,
    /// `ms,price,size`
    Trades,
    /// `time,bo,bh,bl,bc,bsize,ao,ah,al,ac,asize`
    QuoteBars,
    /// `time,o,h,l,c,volume`
    TradeBars,
}

impl Lines {
    pub(super) const fn are_bars(self) -> bool {
        match self {
            Self::Quotes | Self::Trades => false,
            Self::QuoteBars | Self::TradeBars => true,
        }
    }
}

/// What bars or quotes a file with this first line holds, by the number of its columns. An empty file holds nothing, as
/// well as anything.
pub(super) fn lines_of(line: &[u8]) -> Option<Lines> {
    match line.split(|&b| b == b',').count() {
        10 | 11 => Some(Lines::QuoteBars),
        6 => Some(Lines::TradeBars),
        3 => Some(Lines::Quotes),
        1 if line.is_empty() => Some(Lines::Quotes),
        _ => None,
    }
}

/// Whether a line begins with `YYYYMMDD HH:MM,` and not with milliseconds.
pub(super) fn has_dates(line: &[u8]) -> bool {
    let (time, rest) = super::text::cut(line, b',');
    rest.is_some()
        && time.len() == 14
        && time[8] == b' '
        && read_stamp(time, DateOrder::MonthFirst).is_ok()
}

/// Reads one line. `midnight` is that of the file's date; without it the lines hold dates themselves.
#[inline]
pub(super) fn decode(
    lines: Lines,
    midnight: Option<LocalTime>,
    line: &[u8],
) -> Result<Row, LineError> {
    match lines {
        Lines::Quotes => {
            let [time, bid, ask] = split(line, b',')?;
            Ok(Row::Quote {
                time: stamp(midnight, time)?,
                bid: price("bid", bid)?,
                ask: price("ask", ask)?,
            })
        }
        Lines::Trades => {
            let [time, last, size] = split(line, b',')?;
            Ok(Row::Price {
                time: stamp(midnight, time)?,
                price: price("price", last)?,
                volume: volume(size),
            })
        }
        Lines::QuoteBars => quote_bar(midnight, line),
        Lines::TradeBars => {
            let [time, o, h, l, c, size] = split(line, b',')?;
            Ok(Row::PriceBar {
                open_time: stamp(midnight, time)?,
                price: ohlc(&[o, h, l, c])?,
                volume: volume(size),
            })
        }
    }
}

fn quote_bar(midnight: Option<LocalTime>, line: &[u8]) -> Result<Row, LineError> {
    // The sizes are of the last quotes, not of trades: no volume.
    let [time, bo, bh, bl, bc, _, ao, ah, al, ac] = split(line, b',')?;
    let open_time = stamp(midnight, time)?;
    let (bid, ask) = (side(&[bo, bh, bl, bc])?, side(&[ao, ah, al, ac])?);
    if bid.is_none() && ask.is_none() {
        return Err(LineError::NoSide);
    }
    Ok(Row::QuoteBar {
        open_time,
        bid,
        ask,
    })
}

#[inline]
fn stamp(midnight: Option<LocalTime>, text: &[u8]) -> Result<Stamp, LineError> {
    match midnight {
        Some(midnight) => Ok(Stamp::Local(midnight.plus(read_millis(text)?))),
        None => read_stamp(text, DateOrder::MonthFirst),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Ohlc, Price, Volume};

    fn at(text: &str) -> Stamp {
        Stamp::Local(text.parse().unwrap())
    }

    fn p(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn check(lines: Lines, line: &str, expected: Row) {
        let midnight = LocalTime::date(2014, 5, 2);
        assert_eq!(
            decode(lines, midnight, line.as_bytes()),
            Ok(expected),
            "{line}"
        );
    }

    #[test]
    fn ticks_are_quotes_or_trades_of_the_files_day() {
        let (bid, ask) = (p("1300.335"), p("1300.799"));
        let time = at("2014-05-02T00:00:00.040186800");
        check(
            Lines::Quotes,
            "40.1868,1300.335,1300.799",
            Row::Quote { time, bid, ask },
        );
        let time = at("2014-05-02T12:30:00.001");
        check(
            Lines::Quotes,
            "45000001,1300.335,1300.799",
            Row::Quote { time, bid, ask },
        );
        let (price, volume) = (p("1682.25"), Some(Volume(3_000_000_000)));
        check(
            Lines::Trades,
            "45000001,1682.25,3,x",
            Row::Price {
                time,
                price,
                volume,
            },
        );
    }

    #[test]
    fn a_bar_may_lack_a_side() {
        let open_time = at("2014-05-02T21:01");
        let ask = Some(Ohlc::of(p("1682.25")));
        let one_side = Row::QuoteBar {
            open_time,
            bid: None,
            ask,
        };
        check(
            Lines::QuoteBars,
            "75660000,,,,,0,1682.25,1682.25,1682.25,1682.25,39",
            one_side,
        );
        for line in [
            "75660000,,,,,0,,,,,39",
            "75660000,1,,1,1,0,1,1,1,1,39",
            "75660000,1,1,1,1,0",
        ] {
            assert!(
                decode(
                    Lines::QuoteBars,
                    LocalTime::date(2014, 5, 2),
                    line.as_bytes()
                )
                .is_err()
            );
        }
    }

    #[test]
    fn hour_and_day_files_hold_dates() {
        let line = b"20070101 21:00,1.3,1.3,1.3,1.3,0,1.4,1.4,1.4,1.4,0";
        let (bid, ask) = (Some(Ohlc::of(p("1.3"))), Some(Ohlc::of(p("1.4"))));
        let open_time = at("2007-01-01T21:00");
        let expected = Row::QuoteBar {
            open_time,
            bid,
            ask,
        };
        assert_eq!(decode(Lines::QuoteBars, None, line), Ok(expected));
    }

    #[test]
    fn trade_bars_have_a_real_volume() {
        let price = Ohlc {
            open: p("3764.61"),
            high: p("3769.99"),
            low: p("3764.6"),
            close: p("3766.63"),
        };
        let (open_time, volume) = (at("2014-05-02T08:30"), Some(Volume(59_000_000_000)));
        let line = "30600000,3764.61,3769.99,3764.6,3766.63,59";
        check(
            Lines::TradeBars,
            line,
            Row::PriceBar {
                open_time,
                price,
                volume,
            },
        );
    }
}
