//! Bars as somebody gives them: a CSV whose header names `time`, `open`, `high`, `low` and `close`. Each row is a closed bar,
//! in the order given; none is judged, left out or put right, so that its numbers can be compared with anybody else's.
//!
//! [`super::open`] is for playing recordings: it sorts, turns away and knows whose prices they are. Nothing of that here.

use super::archive::container;
use super::columns::separator_of;
use super::detect::unclear;
use super::input::{Stream, read_error};
use super::lines::Lines;
use super::local::{DateOrder, Stamp, read_stamp};
use super::names::Names;
use super::text::price;
use super::{Error, Spec};
use crate::quarantine::shorten;
use market::{Catalog, InstrumentId, Ohlc, ParsePriceError, Price, SourceTime};
use std::fs;
use std::path::{Path, PathBuf};

/// Rows of bars from a CSV.
#[derive(Debug)]
pub struct GivenBars {
    path: PathBuf,
    bytes: u64,
    lines: Lines,
    layout: Layout,
    rounded: u64,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBar {
    /// Counted from 1, the header included.
    pub line: u64,
    /// The time and open, high, low and close as they are written.
    pub time: String,
    pub texts: [String; 4],
    pub price: Ohlc,
}

/// A row that is no bar.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    #[error(transparent)]
    File(#[from] Error),
    #[error("{}:{line}: `{value}`: {reason}; {remedy}", path.display())]
    Row {
        path: PathBuf,
        line: u64,
        value: String,
        reason: String,
        remedy: &'static str,
    },
}

/// The columns that are read, by their names in a header.
const COLUMNS: [&str; 5] = ["time", "open", "high", "low", "close"];

/// Where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    separator: u8,
    places: [usize; COLUMNS.len()],
    columns: usize,
}

/// What is wrong with a row: the value, why, and what to do about it.
type Flaw = (String, String, &'static str);

const CUT: &str = "write every row with as many fields as the header";
const PLAIN: &str = "write prices as plain decimals with a point, such as 1.08505";

impl GivenBars {
    /// Opens a file, if its first line names the columns. A `date` beside the `time` is half of it: such a file, and any
    /// other, is for [`super::open`].
    ///
    /// # Errors
    /// When it cannot be read, or names a column twice.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        let error = |source| read_error(path, source);
        let about = fs::metadata(path).map_err(error)?;
        let is_bi5 = path.extension().is_some_and(|extension| extension == "bi5");
        if about.is_dir() || is_bi5 {
            return Ok(None);
        }
        // What cannot even be unpacked is for the other reader to complain about.
        let Ok(container) = container(&Spec::new(path), path) else {
            return Ok(None);
        };
        let mut lines = Lines::new(Stream::open(path, &container).map_err(error)?);
        let Some(header) = lines.next().map_err(error)? else {
            return Ok(None);
        };
        let layout = match Layout::of(header.text) {
            Ok(layout) => layout,
            Err(name) => {
                let seen = format!("its header names `{name}` twice");
                return Err(unclear(path, seen, "rename one of the two"));
            }
        };
        Ok(layout.map(|layout| Self {
            path: path.to_owned(),
            bytes: about.len(),
            lines,
            layout,
            rounded: 0,
        }))
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read on, or the row is no bar: the reader goes on behind it.
    pub fn read(&mut self) -> Result<Option<GivenBar>, GivenError> {
        let line = match self.lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(source) => return Err(read_error(&self.path, source).into()),
        };
        let (number, whole) = (line.number, line.whole);
        let read = if whole {
            self.layout.read(number, line.text)
        } else {
            Err((shorten(line.text), "the line has no end".to_owned(), CUT))
        };
        match read {
            Ok((bar, rounded)) => {
                self.rounded += rounded;
                Ok(Some(bar))
            }
            Err(flaw) => Err(self.refuse(number, flaw)),
        }
    }

    /// The moment that a row's time says: ISO 8601, `2019.02.04 13:05`, `04.02.2019 13:05` and their like, or a count since
    /// 1970. Without an offset it is UTC.
    ///
    /// # Errors
    /// When it says none.
    pub fn moment(&self, bar: &GivenBar) -> Result<SourceTime, GivenError> {
        moment(&bar.time).map_err(|reason| {
            let remedy = "write it as 2019-02-04T13:05:00Z, 2019.02.04 13:05 or 04.02.2019 13:05";
            self.refuse(bar.line, (bar.time.clone(), reason.to_owned(), remedy))
        })
    }

    /// How many prices had more than nine decimals, which is all that a price holds: they were rounded.
    #[must_use]
    pub fn rounded(&self) -> u64 {
        self.rounded
    }

    /// Bytes of the file, and how many of them were read.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.bytes, self.lines.stream.consumed())
    }

    /// An error about a line of this file.
    fn refuse(&self, line: u64, (value, reason, remedy): Flaw) -> GivenError {
        GivenError::Row {
            path: self.path.clone(),
            line,
            value,
            reason,
            remedy,
        }
    }
}

/// The instrument that a file's name tells; none where it tells none, or several.
#[must_use]
pub fn instrument_named_by(path: &Path, catalog: &Catalog) -> Option<InstrumentId> {
    match Names::new(path, None).symbols(catalog)[..] {
        [id] => Some(id),
        [..] => None,
    }
}

fn moment(text: &str) -> Result<SourceTime, &'static str> {
    let short = text.bytes().take_while(u8::is_ascii_digit).count() <= 2;
    if short && text.contains('/') {
        return Err("nothing says whether the day or the month comes first");
    }
    match read_stamp(text.as_bytes(), DateOrder::DayFirst) {
        Ok(Stamp::Local(local)) => Ok(SourceTime::from_nanos(local.nanos())),
        Ok(Stamp::Utc(time)) => Ok(time),
        Err(_) => Err("it is no time"),
    }
}

impl Layout {
    /// None where a name is missing; a name that stands twice is an error.
    fn of(header: &[u8]) -> Result<Option<Self>, &'static str> {
        let separator = separator_of(header);
        let names: Vec<String> = Fields::new(header, separator)
            .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
            .collect();
        if names.iter().any(|name| name == "date") {
            return Ok(None);
        }
        let mut places = [0; COLUMNS.len()];
        for (place, wanted) in places.iter_mut().zip(COLUMNS) {
            let Some(found) = names.iter().position(|name| name == wanted) else {
                return Ok(None);
            };
            *place = found;
        }
        let count = |wanted: &&&str| names.iter().filter(|name| name == *wanted).count();
        match COLUMNS.iter().find(|wanted| count(wanted) > 1) {
            Some(name) => Err(name),
            None => Ok(Some(Self {
                separator,
                places,
                columns: names.len(),
            })),
        }
    }

    /// A row, and how many of its prices had to be rounded.
    fn read(&self, line: u64, text: &[u8]) -> Result<(GivenBar, u64), Flaw> {
        let mut fields = [&[][..]; COLUMNS.len()];
        let (mut count, mut last_is_empty) = (0, false);
        for field in Fields::new(text, self.separator) {
            if let Some(column) = self.places.iter().position(|place| *place == count) {
                fields[column] = field;
            }
            count += 1;
            last_is_empty = field.is_empty();
        }
        // A separator behind the last field is no field.
        let surplus = count == self.columns + 1 && last_is_empty;
        if count != self.columns && !surplus {
            let expected = self.columns;
            let reason = format!("it has {count} fields, and the header {expected}");
            return Err((shorten(text), reason, CUT));
        }
        let [time, prices @ ..] = fields;
        let mut rounded = 0;
        let mut read = [Price::ZERO; 4];
        for ((read, field), name) in read.iter_mut().zip(prices).zip(&COLUMNS[1..]) {
            rounded += u64::from(is_too_precise(field));
            *read = price(name, field).map_err(|why| (shorten(field), why.to_string(), PLAIN))?;
        }
        let [open, high, low, close] = read;
        if high < low {
            let reason = format!("its high {high} is below its low {low}");
            let remedy = "put the row right: a bar's high is its highest price";
            return Err((shorten(text), reason, remedy));
        }
        let text_of = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        let bar = GivenBar {
            line,
            time: text_of(time),
            texts: prices.map(text_of),
            price: Ohlc {
                open,
                high,
                low,
                close,
            },
        };
        Ok((bar, rounded))
    }
}

/// Whether a price has to be rounded; few are long enough to be asked.
fn is_too_precise(field: &[u8]) -> bool {
    field.len() > 10 && Price::parse_bytes(field) == Err(ParsePriceError::TooPrecise)
}

/// The fields of a line without blanks around them. A field in quotation marks may hold separators; a mark that is doubled
/// inside stays doubled.
struct Fields<'line> {
    rest: Option<&'line [u8]>,
    separator: u8,
}

impl<'line> Fields<'line> {
    fn new(line: &'line [u8], separator: u8) -> Self {
        Self {
            rest: Some(line),
            separator,
        }
    }
}

impl<'line> Iterator for Fields<'line> {
    type Item = &'line [u8];

    fn next(&mut self) -> Option<&'line [u8]> {
        let line = self.rest?;
        let is_blank = |byte: &&u8| **byte == b' ' && self.separator != b' ';
        let blanks = line.iter().take_while(is_blank).count();
        let mut quoted = line.get(blanks) == Some(&b'"');
        let from = if quoted { blanks + 1 } else { blanks };
        let end = line[from..].iter().position(|&byte| {
            if byte == b'"' {
                quoted = !quoted;
            }
            byte == self.separator && !quoted
        });
        let end = end.map(|end| from + end);
        self.rest = end.map(|end| &line[end + 1..]);
        let field = line[from..end.unwrap_or(line.len())].trim_ascii();
        // The mark that ends a field that began with one.
        let opened = from > blanks;
        Some(match field.strip_suffix(b"\"") {
            Some(inner) if opened => inner.trim_ascii(),
            Some(_) | None => field,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// Each row as `line time open high low close`, or the error without the folder.
    fn rows(bytes: &[u8]) -> Vec<String> {
        let (folder, path) = file("bars.csv", bytes);
        let mut bars = GivenBars::open(&path).unwrap().expect("its header");
        let mut rows = Vec::new();
        loop {
            match bars.read() {
                Ok(Some(bar)) => {
                    let texts = bar.texts.join(" ");
                    let price = bar.price;
                    let read = [price.open, price.high, price.low, price.close];
                    let written = bar.texts.each_ref().map(|text| price_of(text));
                    assert_eq!(read, written, "{texts}");
                    rows.push(format!("{} {} {texts}", bar.line, bar.time));
                }
                Ok(None) => return rows,
                Err(error) => {
                    let folder = format!("{}/", folder.path().display());
                    rows.push(error.to_string().replace(&folder, ""));
                }
            }
        }
    }

    fn price_of(text: &str) -> Price {
        price("price", text.as_bytes()).unwrap()
    }

    #[test]
    fn columns_are_found_by_their_names_in_any_order_and_writing() {
        let expected = ["2 t0 1 3 0.5 2"];
        for text in [
            "time,open,high,low,close\nt0,1,3,0.5,2\n",
            "\u{feff}Time\tOpen\tHigh\tLow\tClose\tVolume\r\nt0\t1\t3\t0.5\t2\t60\r\n",
            "bar;close;low;high;open;\"TIME\";rsi14\n7;2;0.5;3;1;t0;\n",
            "\"time\", \"open\", \"high\", \"low\", \"close\"\n\"t0\", 1, \"3\", 0.5 ,2",
            "time,open,high,low,close,note\nt0,1,3,0.5,2,\"a, and \"\"b\"\"\"\n",
            "time,open,high,low,close\nt0,1,3,0.5,2,\n",
        ] {
            assert_eq!(rows(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn every_row_is_a_bar_in_the_order_given_and_every_digit_is_kept() {
        let text = "time,open,high,low,close\n\
                    b,100.0,100.50,99,100.000000001\n\
                    \n\
                    a,-1,-1,-1,-1\n\
                    a,-1,-1,-1,-1\n\
                    ,0,9.000,0,1\n\
                    \"1, 2\",1,1,1,1\n";
        assert_eq!(
            rows(text.as_bytes()),
            [
                "2 b 100.0 100.50 99 100.000000001",
                "4 a -1 -1 -1 -1",
                "5 a -1 -1 -1 -1",
                "6  0 9.000 0 1",
                "7 1, 2 1 1 1 1",
            ]
        );
    }

    #[test]
    fn what_is_no_bar_is_told_with_its_line_value_reason_and_remedy() {
        let text = "time,open,high,low,close\n\
                    t,1,2,0\n\
                    t,1,2,0,1,5\n\
                    t,1,2,NaN,1\n\
                    t,1e-5,2,0,1\n\
                    t,1,2,0,\n\
                    t,1,99999999999,0,1\n\
                    t,1,2,3,1\n\
                    t,1,2,0,1\n";
        let plain = "write prices as plain decimals with a point, such as 1.08505";
        let number = "it is not a plain decimal number such as 1.08505";
        let cut = "write every row with as many fields as the header";
        assert_eq!(
            rows(text.as_bytes()),
            [
                format!("bars.csv:2: `t,1,2,0`: it has 4 fields, and the header 5; {cut}"),
                format!("bars.csv:3: `t,1,2,0,1,5`: it has 6 fields, and the header 5; {cut}"),
                format!("bars.csv:4: `NaN`: the low cannot be read: {number}; {plain}"),
                format!("bars.csv:5: `1e-5`: the open cannot be read: {number}; {plain}"),
                format!("bars.csv:6: ``: the close cannot be read: {number}; {plain}"),
                format!(
                    "bars.csv:7: `99999999999`: the high cannot be read: it is too large (the limit is about 9.2e9); {plain}"
                ),
                "bars.csv:8: `t,1,2,3,1`: its high 2 is below its low 3; put the row right: a bar's high is its highest price"
                    .to_owned(),
                "9 t 1 2 0 1".to_owned(),
            ]
        );
        let long = format!(
            "time,open,high,low,close\n{},1,2,0,1\nt,1,2,0,1\n",
            "x".repeat(200_000)
        );
        let told = rows(long.as_bytes());
        assert!(told[0].starts_with("bars.csv:2: `xxx"), "{told:?}");
        assert!(
            told[0].len() < 300 && told[0].contains("the line has no end"),
            "{told:?}"
        );
        assert_eq!(told[1], "3 t 1 2 0 1");
    }

    #[test]
    fn more_decimals_than_a_price_has_are_rounded_and_counted() {
        let text = "time,open,high,low,close\nt,1.0000000004,1.0000000005,1,1.00000000000\n";
        let (_folder, path) = file("bars.csv", text.as_bytes());
        let mut bars = GivenBars::open(&path).unwrap().unwrap();
        let bar = bars.read().unwrap().unwrap();
        assert_eq!(bar.texts[1], "1.0000000005");
        assert_eq!(bar.price.open, Price::parse("1").unwrap());
        assert_eq!(bar.price.high, Price::parse("1.000000001").unwrap());
        assert_eq!(bars.rounded(), 2);
    }

    #[test]
    fn other_files_are_for_the_other_reader() {
        for text in [
            "",
            "\n\n",
            "Date,Open,High,Low,Close\n2019.01.01,1,2,0,1\n",
            "date,time,open,high,low,close\n2019.01.01,00:00,1,2,0,1\n",
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n2019.01.01\t00:00\t1\t2\t0\t1\n",
            "time,bid,ask\n2019-01-01,1,2\n",
            "time,high,low\n2019-01-01,1,2\n",
            "1,2,3,4,5\n",
        ] {
            let (_folder, path) = file("bars.csv", text.as_bytes());
            assert!(GivenBars::open(&path).unwrap().is_none(), "{text}");
        }
        let (folder, path) = file("13h_ticks.bi5", b"\x5d\0\0");
        assert!(GivenBars::open(&path).unwrap().is_none());
        assert!(GivenBars::open(folder.path()).unwrap().is_none());
        let missing = GivenBars::open(&folder.path().join("none.csv")).unwrap_err();
        assert!(missing.to_string().contains("none.csv"), "{missing}");
    }

    #[test]
    fn a_column_that_is_named_twice_is_told() {
        let (_folder, path) = file("bars.csv", b"time,open,high,low,close,Close\n");
        let told = GivenBars::open(&path).unwrap_err().to_string();
        assert!(told.contains("its header names `close` twice"), "{told}");
    }

    #[test]
    fn a_packed_file_is_the_same() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed
            .write_all(b"time,open,high,low,close\nt,1,2,0,1\n")
            .unwrap();
        assert_eq!(rows(&packed.finish().unwrap()), ["2 t 1 2 0 1"]);
    }

    #[test]
    fn times_are_utc_in_each_of_their_forms() {
        let expected = SourceTime::parse("2019-02-04T13:05:00Z").unwrap();
        for text in [
            "2019-02-04T13:05:00Z",
            "2019-02-04T13:05:00.000Z",
            "2019-02-04T13:05",
            "2019-02-04 13:05:00",
            "2019-02-04 13:05:00+00:00",
            "2019-02-04T15:05:00+02:00",
            "2019.02.04 13:05:00",
            "2019.02.04 13:05",
            "2019/02/04 13:05",
            "04.02.2019 13:05:00.000",
            "04.02.2019 13:05",
            "4.2.2019 13:05",
            "20190204 130500",
            "1549285500",
            "1549285500000",
        ] {
            assert_eq!(moment(text), Ok(expected), "{text}");
        }
        assert_eq!(moment("2019-02-04"), moment("04.02.2019 00:00"));
        for text in ["", "synthetic-0001", "31.02.2019", "2019-02-04 25:00"] {
            assert_eq!(moment(text), Err("it is no time"), "{text}");
        }
        let told = moment("2/4/2019 13:05");
        assert_eq!(
            told,
            Err("nothing says whether the day or the month comes first")
        );
    }

    #[test]
    fn a_name_tells_one_instrument_or_none() {
        let catalog = catalog();
        let named = |name: &str| {
            let id = instrument_named_by(Path::new(name), &catalog)?;
            Some(catalog.instrument(id).symbol.to_string())
        };
        assert_eq!(named("x/nas100_1h.bars.csv").as_deref(), Some("NAS100"));
        assert_eq!(named("a.csv"), None);
        assert_eq!(named("nas100_spx500.csv"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_errors(bytes in "[ -~\n\t\"]{0,120}") {
            let text = format!("time,open,high,low,close\n{bytes}");
            let (_folder, path) = file("bars.csv", text.as_bytes());
            let mut bars = GivenBars::open(&path).unwrap().unwrap();
            for _ in 0..200 {
                if let Ok(None) = bars.read() {
                    return Ok(());
                }
            }
            prop_assert!(false, "it does not end");
        }
    }
}
