//! Dirt in a file is counted and left out, damage is told once; nothing of either can stop the rest or panic.

use crate::files::{Folder, bi5_ticks, gzipped, lzma, shown, tape, zipped};
use crate::sample::catalog;
use feeds::quarantine::Reason;
use feeds::tape::{Format, Spec, open};
use market::{InstrumentId, Symbol};
use proptest::prelude::*;
use std::fs;
use std::io::Write as _;

#[test]
fn dirt_is_counted_by_its_reason_and_the_rest_is_unharmed() {
    let folder = Folder::new();
    let text = "time,bid,ask\n\
                2019-02-04T12:00:00Z,1.1000,1.1001\n\
                2019-02-04T12:00:01Z,1.1002,1.1001\n\
                2019-02-04T12:00:02Z,0,1.1001\n\
                2019-02-04T12:00:03Z,NaN,1.1001\n\
                2019-02-04T12:00:04Z,1.1000\n\
                2019-02-04T12:00:05Z,1.1000,1.1500\n\
                2019-02-04T12:00:06Z,1.3000,1.3001\n\
                2019-02-04T12:00:08Z,1.1000,1.1001\n\
                2019-02-04T12:00:06Z,1.1000,1.1001\n\
                2019-02-04T12:00:07Z,1.1000,1.1001\n\
                1989-12-31T23:59:59Z,1.1000,1.1001\n\
                2019-02-04T12:00:09Z,-1.1,-1.1\n\
                \n\
                garbage \u{7}\n\
                2019-02-04T12:00:10Z,1.1000,1.1000\n";
    let mut tape = tape(&[folder.file("EURUSD_dirty.csv", text)]);
    let shown = shown(&mut tape);
    let seconds: Vec<&str> = shown.lines().map(|line| &line[17..19]).collect();
    assert_eq!(seconds, ["00", "08", "07", "10"]);
    let euro = InstrumentId(0);
    let counts = tape.counts();
    assert_eq!(
        counts.iter().collect::<Vec<_>>(),
        [
            (euro, Reason::Crossed, 1),
            (euro, Reason::NotPositive, 2),
            (euro, Reason::OutOfOrder, 1),
            (euro, Reason::AbsurdJump, 1),
            (euro, Reason::AbsurdSpread, 1),
            (euro, Reason::AbsurdTime, 1),
            (euro, Reason::Malformed, 3),
        ]
    );
    assert_eq!(
        (counts.passed(euro), counts.total(Reason::Malformed)),
        (4, 3)
    );
    let examples: Vec<String> = counts.examples().iter().map(ToString::to_string).collect();
    assert!(examples[0].ends_with("EURUSD_dirty.csv:5: the bid cannot be read: it is not a plain decimal number such as 1.08505: `2019-02-04T12:00:03Z,NaN,1.1001`"), "{examples:?}");
    assert!(
        examples[2].ends_with(":15: it has 1 fields where 3 are needed: `garbage \\x07`"),
        "{examples:?}"
    );
}

#[test]
fn dirt_at_the_beginning_hides_nothing() {
    let folder = Folder::new();
    let lean = folder.file(
        "EURUSD_oanda_20140502_quote.csv",
        "\u{1}\u{2}\n277,1.1,\n278,1.1,1.1001\n",
    );
    let mut dirty = tape(&[lean]);
    assert_eq!(dirty.by_ref().count(), 1);
    assert_eq!(dirty.counts().total(Reason::Malformed), 2);
    // What stands above a header is no data and no dirt either.
    let preamble = "# made by hand\n# in 2019\ntime,bid,ask\n2019-02-04T12:00Z,1.1,1.1001\n";
    let mut clean = tape(&[folder.file("EURUSD.csv", preamble)]);
    assert_eq!(clean.by_ref().count(), 1);
    assert_eq!(clean.counts().total(Reason::Malformed), 0);
}

#[test]
fn inconsistent_bars_are_turned_away() {
    let folder = Folder::new();
    let text = "time,open,high,low,close\n\
                2019-02-04T12:00Z,1.1,1.2,1.0,1.1\n\
                2019-02-04T12:01Z,1.1,1.0,1.2,1.1\n\
                2019-02-04T12:02Z,1.3,1.2,1.0,1.1\n\
                2019-02-04T12:03Z,1.1,1.2,1.0,1.1\n";
    let mut tape = tape(&[folder.file("EURUSD_1m.csv", text)]);
    assert_eq!(tape.by_ref().count(), 2);
    assert_eq!(tape.counts().total(Reason::Inconsistent), 2);
}

#[test]
fn a_file_that_breaks_off_gives_what_it_has_and_the_others_go_on() {
    let folder = Folder::new();
    let mut text = String::from("time,bid,ask\n");
    for n in 0..20_000 {
        let (minute, second, milli) = (n / 600, n / 10 % 60, n % 10 * 100);
        text += &format!("2019-02-04T12:{minute:02}:{second:02}.{milli:03}Z,1.1,1.1001\n");
    }
    let after = folder.file("GBPUSD.csv", "time,bid,ask\n2019-02-05T12:00Z,1.3,1.3001\n");
    for (name, bytes) in [
        ("EURUSD.csv.gz", gzipped(text.as_bytes())),
        ("EURUSD.zip", zipped(&[("EURUSD.csv", text.as_bytes())])),
    ] {
        let path = folder.path(name);
        // A zip's directory is at its end: there the damage is in the content.
        let middle = bytes.len() / 2;
        let broken = if name.ends_with("gz") {
            bytes[..middle].to_vec()
        } else {
            flipped(bytes, middle)
        };
        fs::write(&path, broken).unwrap();
        let shown = shown(&mut tape(&[Spec::new(path), after.clone()]));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines.iter().filter(|line| **line == "damaged").count(),
            1,
            "{name}"
        );
        assert!(
            lines.len() > 1000 && lines.last().unwrap().contains("GBPUSD"),
            "{name}: {}",
            lines.len()
        );
    }
    let path = folder.path("EURUSD/2019/01/04/13h_ticks.bi5");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let packed = lzma(&bi5_ticks(&[[0, 110_010, 110_000]; 500]));
    fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let shown = shown(&mut tape(&[Spec::new(path), after]));
    assert_eq!(shown.lines().next(), Some("damaged"));
    assert_eq!(shown.lines().count(), 2);
}

/// The checksum stands behind the content: all of it has been read when the damage shows.
#[test]
fn a_wrong_checksum_is_told_after_the_last_item() {
    let folder = Folder::new();
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("EURUSD.csv", options).unwrap();
    zip.write_all(b"time,bid,ask\n").unwrap();
    zip.write_all(&b"2019-02-04T12:00Z,1.1000,1.1001\n".repeat(5_000))
        .unwrap();
    let mut bytes = zip.finish().unwrap().into_inner();
    let last = bytes
        .windows(6)
        .rposition(|window| window == b"1.1001")
        .unwrap();
    bytes[last + 5] = b'2';
    fs::write(folder.path("EURUSD.zip"), bytes).unwrap();
    let shown = shown(&mut tape(&[Spec::new(folder.path("EURUSD.zip"))]));
    assert_eq!(shown.lines().count(), 5_001);
    assert!(
        shown.ends_with("EURUSD 1.1 1.1001\n2019-02-04T12:00:00.000Z EURUSD 1.1 1.1002\ndamaged\n")
    );
}

fn flipped(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    for byte in &mut bytes[at..at + 16] {
        *byte ^= 0xff;
    }
    bytes
}

#[test]
fn a_record_that_is_cut_off_is_counted() {
    let folder = Folder::new();
    let mut bytes = bi5_ticks(&[[0, 110_010, 110_000], [5, 110_010, 110_000]]);
    bytes.truncate(33);
    let mut tape = tape(&[folder.file("EURUSD/2019/01/04/13h_ticks.bi5", bytes)]);
    assert_eq!(tape.by_ref().count(), 1);
    assert_eq!(tape.counts().total(Reason::Malformed), 1);
    let example = tape.counts().examples()[0].to_string();
    assert!(
        example.contains("13h_ticks.bi5:2: the last record is cut off"),
        "{example}"
    );
}

/// Lines that look like prices more often than chance would have it.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        "[0-9]{1,9}(\\.[0-9]{0,12})?",
        "20[0-9]{2}[-./]?[01][0-9][-./]?[0-3][0-9][ T]?[0-2][0-9]:?[0-5][0-9](:?[0-5][0-9])?",
        "<?(DATE|TIME|BID|ASK|OPEN|HIGH|LOW|CLOSE|time|bid)>?",
        "[-+eE.NaNif\"]{0,6}",
        Just(String::new()),
    ];
    let line = proptest::collection::vec(field, 0..12);
    let lines =
        proptest::collection::vec((line, prop_oneof![Just(","), Just(";"), Just("\t")]), 0..12);
    let ends = prop_oneof![Just("\n"), Just("\r\n"), Just("")];
    (lines, ends, proptest::collection::vec(any::<u8>(), 0..20)).prop_map(|(lines, end, tail)| {
        let text: Vec<String> = lines
            .iter()
            .map(|(fields, separator)| fields.join(separator) + end)
            .collect();
        [text.concat().into_bytes(), tail].concat()
    })
}

/// Opens a file as every format, and takes all it gives.
fn swallow(folder: &Folder, name: &str, bytes: &[u8]) {
    let path = folder.path(name);
    fs::write(&path, bytes).unwrap();
    for format in [None].into_iter().chain(Format::ALL.map(Some)) {
        let mut spec = Spec::new(&path);
        spec.format = format;
        spec.symbol = Symbol::new("EURUSD").ok();
        let bounded = |tape: feeds::tape::Tape| tape.take(10_000).count();
        if let Ok(tape) = open(&[spec], &catalog()) {
            assert!(bounded(tape) < 10_000, "{name} as {format:?} does not end");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_in_any_file_are_items_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = Folder::new();
        for name in ["EURUSD_1m_20190204_oanda_quote.csv", "EURUSD_20190204_13h_ticks.bi5", "EURUSD_1m_20190204.bi5", "x.zip", "x.gz"] {
            swallow(&folder, name, &bytes);
        }
    }

    #[test]
    fn lines_like_prices_are_items_or_errors(text in lines()) {
        let folder = Folder::new();
        swallow(&folder, "EURUSD_1m_20190204_oanda_quote.csv", &text);
        swallow(&folder, "EURUSD_20190204_oanda.csv.gz", &gzipped(&text));
    }

    #[test]
    fn archives_damaged_anywhere_are_items_or_errors(at in 0_usize..400, value in any::<u8>(), cut in 0_usize..400) {
        let folder = Folder::new();
        let text = b"277,1.38694,1.38705\n278,1.38694,1.38705\n".repeat(5);
        let ticks = bi5_ticks(&[[0, 110_010, 110_000], [9, 110_010, 110_000]]);
        for (name, mut bytes) in [
            ("EURUSD_oanda.zip", zipped(&[("20140502_eurusd_tick_quote.csv", &text)])),
            ("EURUSD_oanda_20140502_quote.csv.gz", gzipped(&text)),
            ("EURUSD_20190204_13h_ticks.bi5", lzma(&ticks)),
        ] {
            bytes.truncate(bytes.len().min(cut.max(20)));
            let at = at % bytes.len();
            bytes[at] = value;
            swallow(&folder, name, &bytes);
        }
    }
}
