//! ORION's own tape: its frames as they lie on the disk, and the records inside of whole frames, opinions and alerts among
//! them. The first byte chooses. Whatever is read can be written, and is read as the same again.
#![no_main]

use journal::tape::{Settings, Tape, TapeItem, TapeReader, segments};
use market::{Event, Time};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder of this process, and the head of a segment.
static HEAD: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();

fn begin(dir: &Path) -> journal::tape::TapeWriter {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).expect("a folder");
    let settings = Settings {
        text: String::new(),
        market: "fuzz".to_owned(),
    };
    let tape = Tape::open(dir).expect("a new tape");
    tape.begin(&settings).expect("a new segment")
}

fn head() -> (PathBuf, Vec<u8>) {
    let dir = std::env::temp_dir().join(format!("orion-fuzz-tape-{}", std::process::id()));
    drop(begin(&dir));
    let segment = segments(&dir).expect("segments").remove(0);
    let bytes = fs::read(&segment.path).expect("a segment");
    (dir, bytes)
}

/// A whole batch of these records, as `journal/tape/frame.rs` writes it.
fn batch(count: u32, records: &[u8]) -> Vec<u8> {
    let mut batch = vec![0xf5, b'o', b'r', 0xc1];
    batch.extend((records.len() as u32).to_le_bytes());
    batch.extend([0; 4]);
    batch.extend(count.to_le_bytes());
    batch.extend([0; 8]);
    batch.extend_from_slice(records);
    let crc = crc32fast::hash(&batch[12..]);
    batch[8..12].copy_from_slice(&crc.to_le_bytes());
    batch
}

fn read(path: &Path) -> Vec<(Time, Event)> {
    let items = TapeReader::open_files([path.to_owned()]);
    let events = items.map_while(Result::ok).filter_map(|item| match item {
        TapeItem::Event(at, event) => Some((at, event)),
        TapeItem::Settings(_) => None,
    });
    events.collect()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [which, count, rest @ ..] = data else {
        return;
    };
    let (dir, head) = HEAD.get_or_init(head);
    let body = if which % 2 == 0 {
        rest.to_vec()
    } else {
        batch(u32::from(*count), rest)
    };
    let path = dir.join("read");
    fs::write(&path, [head.as_slice(), &body].concat()).expect("write");
    let events = read(&path);
    // The stamps of a tape never go back; what a stranger writes may.
    if events.is_empty() || !events.is_sorted_by_key(|(at, _)| *at) {
        return;
    }
    let again = dir.join("again");
    let mut writer = begin(&again);
    for (at, event) in &events {
        if writer.push(*at, event).is_err() {
            return;
        }
    }
    writer.sync().expect("write");
    drop(writer);
    let segment = segments(&again).expect("segments").remove(0);
    assert_eq!(read(&segment.path), events);
});
