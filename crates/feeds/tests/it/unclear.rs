//! What a file does not say is asked for: the error names the file, what was seen, and what to set.

use crate::files::{Folder, bi5_ticks, zipped};
use crate::sample::catalog;
use feeds::tape::{Columns, Error, Spec, open};
use market::Symbol;

/// Opens a file and looks for every part of the message.
fn check(spec: &Spec, parts: &[&str]) {
    let error = open(std::slice::from_ref(spec), &catalog()).unwrap_err();
    let message = error.to_string();
    let name = spec.path.file_name().unwrap().to_str().unwrap();
    for part in parts.iter().chain([&name]) {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

const QUOTE: &str = "time,bid,ask\n2019-02-04T12:00Z,1.1,1.2\n";

#[test]
fn the_symbol_is_asked_for() {
    let folder = Folder::new();
    check(
        &folder.file("prices.csv", QUOTE),
        &["no instrument's symbol", "set `symbol`", "EURUSD, GBPUSD"],
    );
    check(
        &folder.file("EURUSD_GBPUSD.csv", QUOTE),
        &["several symbols", "set `symbol`"],
    );
    let mut spec = folder.file("prices.csv", QUOTE);
    spec.symbol = Symbol::new("DOGE").ok();
    check(&spec, &["`symbol` is DOGE, which is no instrument"]);
}

#[test]
fn the_format_is_asked_for() {
    let folder = Folder::new();
    for text in ["12345,1.1,1.2\n", "?!\n", "{\"bid\":1}\n", "\u{0}\u{1}\n"] {
        check(
            &folder.file("EURUSD.csv", text),
            &["no format known here", "Dukascopy bi5", "set `columns`"],
        );
    }
    check(
        &folder.file("EURUSD.csv", b"\xff\xfet\0i\0"),
        &["UTF-16", "UTF-8"],
    );
    check(
        &folder.file("EURUSD.csv", "a,b,c\n1,2,3\n"),
        &["`a,b,c`", "no column holds the time", "set `columns`"],
    );
    let wrong = "time,bid,ask\nyesterday,1.1,1.2\n";
    check(
        &folder.file("EURUSD.csv", wrong),
        &[
            "none of its first 1 lines",
            "`yesterday,1.1,1.2`",
            "the time cannot be read",
        ],
    );
    let mut spec = folder.file("EURUSD.csv", QUOTE);
    spec.columns = Some(Columns {
        price_scale: Some(0),
        ..Columns::default()
    });
    check(&spec, &["`price_scale` is 0"]);
}

#[test]
fn the_timeframe_is_asked_for() {
    let folder = Folder::new();
    let bar = |time: &str| format!("2019-02-04T{time}Z,1.1,1.1,1.1,1.1\n");
    let header = "time,open,high,low,close\n";
    check(
        &folder.file("EURUSD.csv", format!("{header}{}", bar("12:00"))),
        &["only one bar", "set `timeframe`"],
    );
    let half_hours = format!("{header}{}{}", bar("12:00"), bar("12:30"));
    check(
        &folder.file("EURUSD.csv", &half_hours),
        &["1800 s apart", "others are not read"],
    );
    check(
        &folder.file("EURUSD_1h.csv", &half_hours),
        &["its name says 1h", "1800 s apart"],
    );
}

#[test]
fn the_date_and_the_zone_are_asked_for() {
    let folder = Folder::new();
    let quote = "12345,1.1,1.2\n";
    check(
        &folder.file("EURUSD_oanda_quote.csv", quote),
        &["no date is in its name", "set `base`"],
    );
    check(
        &folder.file("EURUSD_20140502_quote.csv", quote),
        &["zone depends on its source", "set `zone`"],
    );
    check(
        &folder.file("EURUSD_ticks.bi5", bi5_ticks(&[[0, 1, 1]])),
        &["count from", "set `base`"],
    );
    check(
        &folder.file("EURUSD_20190204.bi5", bi5_ticks(&[[0, 1, 1]])),
        &["neither ticks nor a timeframe"],
    );
}

#[test]
fn archives_hold_one_file_or_contracts() {
    let folder = Folder::new();
    let write = |name: &str, entries: &[(&str, &[u8])]| {
        std::fs::write(folder.path(name), zipped(entries)).unwrap();
        Spec::new(folder.path(name))
    };
    let quote = QUOTE.as_bytes();
    check(
        &write("EURUSD.zip", &[("a.csv", quote), ("b.csv", quote)]),
        &["several files: a.csv, b.csv", "unpack it"],
    );
    check(
        &write("EURUSD.zip", &[("a.exe", b"x")]),
        &["no .csv or .txt file"],
    );
    let mut spec = write(
        "ES_cme.zip",
        &[("20131006_es_minute_trade_201312.csv", b"0,1,1,1,1,1\n")],
    );
    spec.expiry = Some("202001".to_owned());
    check(&spec, &["no contract 202001", "201312", "set `expiry`"]);
}

#[test]
fn what_is_not_there_or_no_data_is_told() {
    let folder = Folder::new();
    let missing = Spec::new(folder.path("nothing.csv"));
    assert!(matches!(
        open(&[missing], &catalog()),
        Err(Error::Read { .. })
    ));
    std::fs::create_dir(folder.path("empty")).unwrap();
    check(
        &Spec::new(folder.path("empty")),
        &["holds no data files", ".bi5"],
    );
    let broken = folder.path("EURUSD.zip");
    std::fs::write(&broken, b"PK\x03\x04 and then nothing").unwrap();
    assert!(matches!(
        open(&[Spec::new(broken)], &catalog()),
        Err(Error::Damaged { .. })
    ));
}
