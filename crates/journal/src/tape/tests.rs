//! What only the inside can bring about: a full segment, a failing disk.

use super::codec::{Codec, RECORD_MAX};
use super::*;
use crate::Error;
use market::{
    Event, InstrumentId, Ohlc, Price, QuoteBar, SourceId, SourceTime, Time, Timeframe, Volume,
};
use proptest::prelude::*;
use std::fs::File;
use std::path::Path;
use tempfile::TempDir;

#[test]
fn a_full_segment_is_followed_by_another() {
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    writer.set_segment_max(300);
    let mut segments = Vec::new();
    for number in 0..60 {
        push(&mut writer, number);
        writer.write().unwrap();
        segments.push(writer.place().segment);
    }
    segments.dedup();
    assert!(segments.len() > 3 && segments.is_sorted(), "{segments:?}");
    check_events(dir.path(), 60);
}

#[test]
fn a_write_that_failed_is_tried_again_and_leaves_nothing_half() {
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    push(&mut writer, 0);
    writer.write().unwrap();
    let place = writer.place();
    push(&mut writer, 1);

    let path = dir.path().join("00000001.tape");
    let good = writer.swap_file(File::open(&path).unwrap());
    let error = writer.write().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().starts_with("cannot write "), "{error}");
    assert_eq!(writer.place(), place);

    // Half of the batch reached the file before the disk was full.
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend_from_slice(&b"half a batch".repeat(50));
    std::fs::write(&path, torn).unwrap();
    writer.swap_file(good);
    push(&mut writer, 2);
    writer.write().unwrap();
    // The next segment begins, and this one must be whole.
    writer.set_segment_max(0);
    push(&mut writer, 3);
    writer.write().unwrap();
    check_events(dir.path(), 4);
}

#[test]
fn what_a_failed_sync_leaves_in_doubt_is_written_anew() {
    for goes_on in [TapeWriter::sync, TapeWriter::write] {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("00000001.tape");
        let mut writer = begin(dir.path());
        push(&mut writer, 0);
        writer.sync().unwrap();
        let synced = std::fs::read(&path).unwrap();
        push(&mut writer, 1);
        writer.write().unwrap();
        push(&mut writer, 2);
        writer.set_probe(|what| match what {
            "sync" => Err(std::io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        });
        for _ in 0..2 {
            let error = writer.sync().unwrap_err();
            assert!(error.to_string().starts_with("cannot sync "), "{error}");
        }
        // The system could not write it, and has dropped it. It may also have been away.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &synced).unwrap();
        writer.set_probe(|_| Ok(()));
        push(&mut writer, 3);
        goes_on(&mut writer).unwrap();
        push(&mut writer, 4);
        writer.sync().unwrap();
        drop(writer);
        check_events(dir.path(), 5);
    }
}

#[test]
fn a_day_that_cannot_be_begun_is_begun_later() {
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    push(&mut writer, 0);
    writer.set_segment_max(0);
    writer.set_probe(|what| match what {
        "write" => Err(std::io::ErrorKind::ReadOnlyFilesystem.into()),
        _ => Ok(()),
    });
    let event = Event::Gap(SourceId(1));
    for _ in 0..2 {
        writer.push(Time::from_secs(1), &event).unwrap_err();
    }
    writer.set_probe(|_| Ok(()));
    push(&mut writer, 1);
    writer.sync().unwrap();
    assert_eq!(writer.place().segment, 2);
    drop(writer);
    check_events(dir.path(), 2);
}

/// What the tape holds: the text of each head, and beside it how many events stand under it.
fn heads(dir: &Path) -> Vec<(String, usize)> {
    let mut heads: Vec<(String, usize)> = Vec::new();
    for item in TapeReader::open(dir, None).unwrap() {
        match (item.unwrap(), heads.last_mut()) {
            (TapeItem::Settings(settings), _) => heads.push((settings.text, 0)),
            (TapeItem::Event(..), Some((_, events))) => *events += 1,
            (TapeItem::Event(..), None) => panic!("an event under no settings"),
        }
    }
    heads
}

fn other_settings() -> Settings {
    Settings {
        text: "seed = 2".to_owned(),
        market: "sim".to_owned(),
    }
}

fn under(text: &str, events: usize) -> (String, usize) {
    (text.to_owned(), events)
}

#[test]
fn other_settings_hold_for_what_is_pushed_after_them() {
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    push(&mut writer, 0);
    push(&mut writer, 1);
    writer.begin_under(&other_settings()).unwrap();
    // What was pushed before is written, and under the old ones.
    assert_eq!(
        heads(dir.path()),
        [under("seed = 1", 2), under("seed = 2", 0)]
    );
    push(&mut writer, 2);
    // They also stand at the head of what follows.
    writer.set_segment_max(0);
    push(&mut writer, 3);
    writer.sync().unwrap();
    assert_eq!(
        heads(dir.path()),
        [
            under("seed = 1", 2),
            under("seed = 2", 1),
            under("seed = 2", 1)
        ]
    );
    drop(writer);
    check_events(dir.path(), 4);
}

#[test]
fn other_settings_that_cannot_be_written_leave_the_tape_as_it_was() {
    let faults: [crate::tape::DiskProbe; 2] = [
        |what| match what {
            "sync" => Err(std::io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        },
        |what| match what {
            "write" => Err(std::io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        },
    ];
    for fault in faults {
        let dir = TempDir::new().unwrap();
        let mut writer = begin(dir.path());
        push(&mut writer, 0);
        writer.write().unwrap();
        writer.set_probe(fault);
        writer.begin_under(&other_settings()).unwrap_err();
        writer.set_probe(|_| Ok(()));
        push(&mut writer, 1);
        writer.sync().unwrap();
        assert_eq!(heads(dir.path()), [under("seed = 1", 2)]);
        // Nor do they come later, with a segment that begins for another reason.
        writer.set_segment_max(0);
        push(&mut writer, 2);
        writer.sync().unwrap();
        assert_eq!(
            heads(dir.path()),
            [under("seed = 1", 2), under("seed = 1", 1)]
        );
        drop(writer);
        check_events(dir.path(), 3);
    }
}

proptest! {
    /// A checksum only says that the bytes are those that were written.
    #[test]
    fn no_bytes_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut codec = Codec::default();
        let mut rest = &bytes[..];
        while codec.decode(&mut rest).is_some() {}
        prop_assert!(rest.len() <= bytes.len());
    }
}

#[test]
fn the_longest_record_fits_the_room_that_is_kept_for_it() {
    let ohlc = |price, other| Ohlc {
        open: Price::from_units(price),
        high: Price::from_units(other),
        low: Price::from_units(price),
        close: Price::from_units(other),
    };
    let bar = QuoteBar {
        instrument: InstrumentId(u16::MAX),
        timeframe: Timeframe::D1,
        open_time: SourceTime::from_nanos(0),
        bid: ohlc(i64::MIN / 2, i64::MAX / 2),
        ask: ohlc(i64::MIN / 2, i64::MAX / 2),
        volume: Some(Volume(i64::MIN)),
    };
    let mut out = Vec::new();
    Codec::default().encode(Time::MIN, &Event::Bar(bar.clone()), &mut out);
    assert!((100..=RECORD_MAX).contains(&out.len()), "{}", out.len());
    let decoded = Codec::default().decode(&mut &out[..]);
    assert_eq!(decoded, Some((Time::MIN, Event::Bar(bar))));
}

fn begin(dir: &Path) -> TapeWriter {
    let settings = Settings {
        text: "seed = 1".to_owned(),
        market: "sim".to_owned(),
    };
    Tape::open(dir).unwrap().begin(&settings).unwrap()
}

fn push(writer: &mut TapeWriter, number: u8) {
    let at = Time::from_secs(i64::from(number));
    writer.push(at, &Event::Gap(SourceId(number))).unwrap();
}

fn check_events(dir: &Path, count: u8) {
    let items = TapeReader::open(dir, None).unwrap().map(Result::unwrap);
    let events: Vec<_> = items
        .filter_map(|item| match item {
            TapeItem::Event(at, event) => Some((at, event)),
            TapeItem::Settings(_) => None,
        })
        .collect();
    let expected = |number| {
        (
            Time::from_secs(i64::from(number)),
            Event::Gap(SourceId(number)),
        )
    };
    assert_eq!(events, (0..count).map(expected).collect::<Vec<_>>());
}
