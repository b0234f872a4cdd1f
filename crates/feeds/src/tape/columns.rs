//! Text with one value per column: plain CSV with a header, MetaTrader's exports, and any other file by a mapping that
//! the settings give.
//!
//! MetaTrader 5 writes into a tick export only what changed, so there an empty bid or ask means the one before it.

use super::Side;
use super::local::{DateOrder, Stamp, read_stamp, read_time_of_day};
use super::row::{LineError, Row};
use super::text::{cut, price, volume};
use market::{Ohlc, Price};
use std::str::FromStr;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Date and time of day, or a count since 1970.
    Time,
    /// The date alone; [`Role::Clock`] holds the time of day.
    Date,
    Clock,
    Bid,
    Ask,
    /// A price that is neither: last, trade, mid.
    Price,
    Open,
    High,
    Low,
    Close,
    BidOpen,
    BidHigh,
    BidLow,
    BidClose,
    AskOpen,
    AskHigh,
    AskLow,
    AskClose,
    /// Traded volume; kept for futures only, since others count ticks in it.
    Volume,
    Ignored,
}

/// How to read a text file that does not say it itself. What is `None` is found out from the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The columns from the left; `None` reads them from the header. As text: `time,bid,ask,-`.
    pub roles: Option<Vec<Role>>,
    pub separator: Option<u8>,
    /// Prices are this many times too large: 100000 where 1.58611 is written as 158611.
    pub price_scale: Option<u32>,
    /// Of dates written as `5/11/2019` [month first].
    pub date_order: Option<DateOrder>,
}

/// A mapping that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no column: use time, date, clock, bid, ask, price, open, high, low, close, bid_open .. ask_close, volume, \
     or - for a column to leave out"
)]
pub struct ParseColumnsError(String);

impl FromStr for Columns {
    type Err = ParseColumnsError;
    fn from_str(text: &str) -> Result<Self, ParseColumnsError> {
        let roles = text.split(',').map(|name| match plain(name.as_bytes()) {
            name if name.is_empty() => Ok(Role::Ignored),
            plain => Role::of(&plain).ok_or_else(|| ParseColumnsError(name.trim().to_owned())),
        });
        Ok(Self {
            roles: Some(roles.collect::<Result<_, _>>()?),
            ..Self::default()
        })
    }
}

impl Role {
    /// The role of a column by its name in lower-case letters.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "time" | "timestamp" | "datetime" | "timestamputc" | "timeutc" | "datetimeutc"
            | "utc" | "gmttime" | "timegmt" | "timestampgmt" | "localtime" | "timeeet"
            | "opentime" => Self::Time,
            "date" => Self::Date,
            "clock" => Self::Clock,
            "bid" | "bidprice" => Self::Bid,
            "ask" | "askprice" | "offer" => Self::Ask,
            "price" | "last" | "lastprice" | "mid" => Self::Price,
            "open" | "o" => Self::Open,
            "high" | "h" => Self::High,
            "low" | "l" => Self::Low,
            "close" | "c" => Self::Close,
            "bidopen" | "openbid" => Self::BidOpen,
            "bidhigh" | "highbid" => Self::BidHigh,
            "bidlow" | "lowbid" => Self::BidLow,
            "bidclose" | "closebid" => Self::BidClose,
            "askopen" | "openask" => Self::AskOpen,
            "askhigh" | "highask" => Self::AskHigh,
            "asklow" | "lowask" => Self::AskLow,
            "askclose" | "closeask" => Self::AskClose,
            "volume" | "vol" | "v" | "realvolume" => Self::Volume,
            _ => return None,
        })
    }
}

/// Letters and digits only, in lower case: `<TIME>`, `Gmt time` and `bid_open` become `time`, `gmttime` and `bidopen`.
pub(super) fn plain(name: &[u8]) -> String {
    name.iter()
        .filter(|b| b.is_ascii_alphanumeric())
        .map(|b| char::from(b.to_ascii_lowercase()))
        .collect()
}

/// The separator of a line: the first of these that is in it at all.
pub(super) fn separator_of(line: &[u8]) -> u8 {
    *b"\t;,|"
        .iter()
        .find(|separator| line.contains(separator))
        .unwrap_or(&b',')
}

/// The roles a header names. A `date` beside a `time` is half of the time; alone it is all of it.
pub(super) fn roles_of(header: &[u8], separator: u8) -> Vec<Role> {
    let mut roles: Vec<Role> = header
        .split(|&b| b == separator)
        .map(|name| Role::of(&plain(name)).unwrap_or(Role::Ignored))
        .collect();
    let date = roles.iter().position(|&role| role == Role::Date);
    let time = roles.iter().position(|&role| role == Role::Time);
    match (date, time) {
        (Some(_), Some(time)) => roles[time] = Role::Clock,
        (Some(date), None) if !roles.contains(&Role::Clock) => roles[date] = Role::Time,
        _ => {}
    }
    roles
}

/// What an empty bid or ask means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    IsMalformed,
    /// It is the one before it.
    Repeats,
}

/// The most columns a file may have.
const MAX_COLUMNS: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimePlace {
    One(usize),
    DateAndClock(usize, usize),
    /// A day bar's date.
    Date(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Quotes { bid: usize, ask: usize },
    Prices(usize),
    QuoteBars { bid: [usize; 4], ask: [usize; 4] },
    PriceBars([usize; 4]),
}

/// Where everything is in a line, found out once per file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    separator: u8,
    scale: u32,
    order: DateOrder,
    time: TimePlace,
    content: Content,
    /// Which side the prices are, where the columns say so.
    pub(super) side: Option<Side>,
    volume: Option<usize>,
    /// How many columns a line must have.
    needed: usize,
    /// The last bid and ask, where empty ones repeat them.
    carried: Option<[Option<Price>; 2]>,
}

impl Layout {
    /// # Errors
    /// What is missing, in words.
    pub(super) fn new(
        roles: &[Role],
        separator: u8,
        columns: &Columns,
        empty: Empty,
    ) -> Result<Self, String> {
        if roles.len() > MAX_COLUMNS {
            return Err(format!("it has more than {MAX_COLUMNS} columns"));
        }
        let find = |wanted| roles.iter().position(|&role| role == wanted);
        let time = match (find(Role::Time), find(Role::Date), find(Role::Clock)) {
            (Some(time), _, _) => TimePlace::One(time),
            (None, Some(date), Some(clock)) => TimePlace::DateAndClock(date, clock),
            (None, Some(date), None) => TimePlace::Date(date),
            (None, None, _) => return Err("no column holds the time".to_owned()),
        };
        let (content, side) = content_of(&find).ok_or("no columns hold prices")?;
        let scale = columns.price_scale.unwrap_or(1);
        if scale == 0 {
            return Err("`price_scale` is 0: it must be at least 1".to_owned());
        }
        Ok(Self {
            separator,
            scale,
            order: columns.date_order.unwrap_or(DateOrder::MonthFirst),
            time,
            content,
            side,
            volume: find(Role::Volume),
            needed: 1 + time.last().max(content.last()),
            carried: (empty == Empty::Repeats).then_some([None; 2]),
        })
    }

    pub(super) fn is_bars(&self) -> bool {
        matches!(
            self.content,
            Content::QuoteBars { .. } | Content::PriceBars(_)
        )
    }

    /// Reads one line.
    pub(super) fn decode(&mut self, line: &[u8]) -> Result<Row, LineError> {
        let mut fields = [&[][..]; MAX_COLUMNS];
        let found = split_all(line, self.separator, &mut fields);
        if found < self.needed {
            let expected = self.needed;
            return Err(LineError::Fields { expected, found });
        }
        let time = self.stamp(&fields)?;
        match self.content {
            Content::Quotes { bid, ask } => self.quote(time, fields[bid], fields[ask]),
            Content::Prices(place) => Ok(Row::Price {
                time,
                price: self.price("price", fields[place])?,
                volume: self.volume.and_then(|place| volume(fields[place])),
            }),
            Content::QuoteBars { bid, ask } => Ok(Row::QuoteBar {
                open_time: time,
                bid: Some(self.ohlc(&bid, &fields)?),
                ask: Some(self.ohlc(&ask, &fields)?),
            }),
            Content::PriceBars(places) => Ok(Row::PriceBar {
                open_time: time,
                price: self.ohlc(&places, &fields)?,
                volume: self.volume.and_then(|place| volume(fields[place])),
            }),
        }
    }

    fn stamp(&self, fields: &[&[u8]; MAX_COLUMNS]) -> Result<Stamp, LineError> {
        let (date, clock) = match self.time {
            TimePlace::One(place) | TimePlace::Date(place) => {
                return read_stamp(fields[place], self.order);
            }
            TimePlace::DateAndClock(date, clock) => (fields[date], fields[clock]),
        };
        let nanos = read_time_of_day(clock)?;
        match read_stamp(date, self.order)? {
            Stamp::Local(date) => date.at(nanos).map(Stamp::Local).ok_or(LineError::Time),
            Stamp::Utc(_) => Err(LineError::Time),
        }
    }

    fn quote(&mut self, time: Stamp, bid: &[u8], ask: &[u8]) -> Result<Row, LineError> {
        let (bid, ask) = (self.carry(0, "bid", bid)?, self.carry(1, "ask", ask)?);
        Ok(Row::Quote { time, bid, ask })
    }

    fn carry(&mut self, side: usize, name: &'static str, text: &[u8]) -> Result<Price, LineError> {
        if text.is_empty()
            && let Some(carried) = self.carried
        {
            return carried[side].ok_or(LineError::NothingToCarry);
        }
        let price = self.price(name, text)?;
        if let Some(carried) = &mut self.carried {
            carried[side] = Some(price);
        }
        Ok(price)
    }

    fn ohlc(&self, places: &[usize; 4], fields: &[&[u8]; MAX_COLUMNS]) -> Result<Ohlc, LineError> {
        Ok(Ohlc {
            open: self.price("open", fields[places[0]])?,
            high: self.price("high", fields[places[1]])?,
            low: self.price("low", fields[places[2]])?,
            close: self.price("close", fields[places[3]])?,
        })
    }

    fn price(&self, name: &'static str, text: &[u8]) -> Result<Price, LineError> {
        let price = price(name, text)?;
        if self.scale == 1 {
            return Ok(price);
        }
        let (scale, units) = (i64::from(self.scale), price.units());
        let half = scale / 2 * units.signum();
        Ok(Price::from_units(units.saturating_add(half) / scale))
    }
}

impl TimePlace {
    fn last(self) -> usize {
        match self {
            Self::One(place) | Self::Date(place) => place,
            Self::DateAndClock(date, clock) => date.max(clock),
        }
    }
}

impl Content {
    fn last(&self) -> usize {
        match self {
            Self::Quotes { bid, ask } => *bid.max(ask),
            Self::Prices(place) => *place,
            Self::QuoteBars { bid, ask } => bid.iter().chain(ask).copied().max().unwrap_or(0),
            Self::PriceBars(places) => places.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Bars of both sides before those of one, bars before ticks, quotes before trades.
fn content_of(find: &dyn Fn(Role) -> Option<usize>) -> Option<(Content, Option<Side>)> {
    let four = |[o, h, l, c]: [Role; 4]| Some([find(o)?, find(h)?, find(l)?, find(c)?]);
    let bid = four([Role::BidOpen, Role::BidHigh, Role::BidLow, Role::BidClose]);
    let ask = four([Role::AskOpen, Role::AskHigh, Role::AskLow, Role::AskClose]);
    match (bid, ask) {
        (Some(bid), Some(ask)) => return Some((Content::QuoteBars { bid, ask }, None)),
        (Some(bid), None) => return Some((Content::PriceBars(bid), Some(Side::Bid))),
        (None, Some(ask)) => return Some((Content::PriceBars(ask), Some(Side::Ask))),
        (None, None) => {}
    }
    if let Some(places) = four([Role::Open, Role::High, Role::Low, Role::Close]) {
        return Some((Content::PriceBars(places), None));
    }
    match (find(Role::Bid), find(Role::Ask), find(Role::Price)) {
        (Some(bid), Some(ask), _) => Some((Content::Quotes { bid, ask }, None)),
        (None, None, Some(price)) => Some((Content::Prices(price), None)),
        (Some(bid), None, _) => Some((Content::Prices(bid), Some(Side::Bid))),
        (None, Some(ask), _) => Some((Content::Prices(ask), Some(Side::Ask))),
        (None, None, None) => None,
    }
}

/// Fills `fields` with what stands between the separators, without blanks and quotation marks around it.
fn split_all<'line>(
    line: &'line [u8],
    separator: u8,
    fields: &mut [&'line [u8]; MAX_COLUMNS],
) -> usize {
    let mut rest = Some(line);
    for (found, field) in fields.iter_mut().enumerate() {
        let Some(text) = rest else {
            return found;
        };
        let cut;
        (cut, rest) = self::cut(text, separator);
        *field = bare(cut);
    }
    MAX_COLUMNS
}

fn bare(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    match field {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        field => field,
    }
}

/// MetaTrader 4 writes no header: `2014.05.02,12:30,open,high,low,close,ticks`.
pub(super) const METATRADER_4: [Role; 7] = [
    Role::Date,
    Role::Clock,
    Role::Open,
    Role::High,
    Role::Low,
    Role::Close,
    Role::Ignored,
];

/// Whether a line is of the MetaTrader 4 form.
pub(super) fn is_metatrader_4(line: &[u8]) -> bool {
    let columns = Columns::default();
    let layout = Layout::new(
        &METATRADER_4,
        separator_of(line),
        &columns,
        Empty::IsMalformed,
    );
    let dotted = line.get(4) == Some(&b'.') && line.get(7) == Some(&b'.');
    dotted && layout.is_ok_and(|mut layout| layout.decode(line).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn at(text: &str) -> Stamp {
        Stamp::Local(text.parse().unwrap())
    }

    fn layout(header: &str, empty: Empty) -> Layout {
        let separator = separator_of(header.as_bytes());
        let roles = roles_of(header.as_bytes(), separator);
        Layout::new(&roles, separator, &Columns::default(), empty).unwrap()
    }

    fn check(header: &str, line: &str, expected: Row) {
        assert_eq!(
            layout(header, Empty::IsMalformed).decode(line.as_bytes()),
            Ok(expected),
            "{line}"
        );
    }

    fn bar(open_time: Stamp, prices: [&str; 4], volume: Option<i64>) -> Row {
        let [open, high, low, close] = prices.map(p);
        let price = Ohlc {
            open,
            high,
            low,
            close,
        };
        let volume = volume.map(|whole| market::Volume(whole * 1_000_000_000));
        Row::PriceBar {
            open_time,
            price,
            volume,
        }
    }

    #[test]
    fn headers_name_the_columns() {
        let quote = |time| Row::Quote {
            time,
            bid: p("1.1"),
            ask: p("1.2"),
        };
        let noon = at("2019-02-04T12:00");
        check("timestamp,bid,ask", "2019-02-04 12:00,1.1,1.2", quote(noon));
        check(
            "Ask;Bid;Gmt time",
            "1.2;1.1;04.02.2019 12:00:00.000",
            quote(noon),
        );
        check(
            "\"Date\"\t\"Time\"\t\"Bid\"\t\"Ask\"",
            "2019.02.04\t\"12:00\"\t1.1\t 1.2",
            quote(noon),
        );
        let four = ["1.1", "1.4", "1.0", "1.2"];
        check(
            "Date,Open,Close,High,Low,Volume",
            "2/4/2019 12:00,1.1,1.2,1.4,1.0,7",
            bar(noon, four, Some(7)),
        );
        check(
            "time,o,h,l,c",
            "2019-02-04T12:00,1.1,1.4,1.0,1.2",
            bar(noon, four, None),
        );
        let (price, volume) = (p("1.1"), None);
        check(
            "time,symbol,last",
            "2019-02-04 12:00,X,1.1",
            Row::Price {
                time: noon,
                price,
                volume,
            },
        );
    }

    #[test]
    fn bars_may_have_both_sides() {
        let header = "time,bid_open,bid_high,bid_low,bid_close,askopen,askhigh,asklow,askclose";
        let row = Row::QuoteBar {
            open_time: at("2019-02-04T12:00"),
            bid: Some(Ohlc::of(p("1"))),
            ask: Some(Ohlc::of(p("2"))),
        };
        check(header, "2019-02-04 12:00,1,1,1,1,2,2,2,2", row);
    }

    #[test]
    fn a_mapping_reads_any_other_file() {
        let mut columns: Columns = "-,close,low,high,open,time".parse().unwrap();
        columns.price_scale = Some(100_000);
        let roles = columns.roles.clone().unwrap();
        let mut layout = Layout::new(&roles, b';', &columns, Empty::IsMalformed).unwrap();
        let row = layout.decode(b"x;158573.0;158572;158618;158611;20121116 0500");
        let expected = bar(
            at("2012-11-16T05:00"),
            ["1.58611", "1.58618", "1.58572", "1.58573"],
            None,
        );
        assert_eq!(row, Ok(expected));
        assert!(
            "time,bid,aks"
                .parse::<Columns>()
                .unwrap_err()
                .to_string()
                .contains("`aks`")
        );
    }

    #[test]
    fn scaled_prices_are_rounded_to_the_nearest() {
        for (text, expected) in [
            ("2", "0.666666667"),
            ("1", "0.333333333"),
            ("-2", "-0.666666667"),
        ] {
            let columns = Columns {
                price_scale: Some(3),
                ..Columns::default()
            };
            let roles = [Role::Time, Role::Price];
            let mut layout = Layout::new(&roles, b',', &columns, Empty::IsMalformed).unwrap();
            let row = layout.decode(format!("2019-02-04,{text}").as_bytes());
            let (time, price, volume) = (at("2019-02-04"), p(expected), None);
            assert_eq!(
                row,
                Ok(Row::Price {
                    time,
                    price,
                    volume
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn metatrader_ticks_repeat_the_side_that_did_not_change() {
        let mut layout = layout(
            "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>",
            Empty::Repeats,
        );
        assert_eq!(
            layout.decode(b"2019.02.04\t12:00:00.001\t1.1\t\t\t\t2"),
            Err(LineError::NothingToCarry)
        );
        let mut check = |line: &str, bid, ask| {
            let Ok(Row::Quote { bid: b, ask: a, .. }) = layout.decode(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!((b, a), (p(bid), p(ask)), "{line}");
        };
        check("2019.02.04\t12:00:00.002\t1.1\t1.2\t\t\t6", "1.1", "1.2");
        check("2019.02.04\t12:00:00.003\t\t1.3\t\t\t4", "1.1", "1.3");
        check("2019.02.04\t12:00:00.004\t1.15\t\t\t\t2", "1.15", "1.3");
    }

    #[test]
    fn metatrader_bars_with_date_and_time_or_the_date_alone() {
        let header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>";
        let four = ["1.1", "1.4", "1.0", "1.2"];
        check(
            header,
            "2019.02.04\t12:00:00\t1.1\t1.4\t1.0\t1.2\t55\t0\t3",
            bar(at("2019-02-04T12:00"), four, None),
        );
        let header = "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>";
        check(
            header,
            "2019.02.04\t1.1\t1.4\t1.0\t1.2\t55\t0\t3",
            bar(at("2019-02-04"), four, None),
        );
        assert!(is_metatrader_4(b"2019.02.04,12:00,1.1,1.4,1.0,1.2,55"));
        assert!(!is_metatrader_4(b"2019-02-04,12:00,1.1,1.4,1.0,1.2,55"));
    }

    #[test]
    fn what_is_missing_is_told() {
        let roles = |header: &[u8]| roles_of(header, b',');
        let columns = Columns::default();
        let error = |header: &[u8]| {
            Layout::new(&roles(header), b',', &columns, Empty::IsMalformed).unwrap_err()
        };
        assert_eq!(error(b"bid,ask"), "no column holds the time");
        assert_eq!(error(b"time,open,high,low"), "no columns hold prices");
        let few = layout("time,bid,ask", Empty::IsMalformed).decode(b"2019-02-04 12:00,1.1");
        assert_eq!(
            few,
            Err(LineError::Fields {
                expected: 3,
                found: 2
            })
        );
        let nan = layout("time,bid,ask", Empty::IsMalformed).decode(b"2019-02-04 12:00,NaN,1.1");
        assert_eq!(
            nan.unwrap_err().to_string(),
            "the bid cannot be read: it is not a plain decimal number such as 1.08505"
        );
    }

    proptest! {
        #[test]
        fn any_line_is_a_row_or_an_error(line in proptest::collection::vec(any::<u8>(), 0..120)) {
            for header in ["time,bid,ask,volume", "<DATE>\t<TIME>\t<BID>\t<ASK>", "date;time;open;high;low;close"] {
                let _ = layout(header, Empty::Repeats).decode(&line);
            }
            let _ = is_metatrader_4(&line);
            let _ = roles_of(&line, separator_of(&line));
        }
    }
}
