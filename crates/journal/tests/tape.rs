//! The tape gives back exactly what it was told, from every place, and after every crash all that was safe.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use journal::Error;
use journal::tape::{Cut, Place, Settings, Tape, TapeItem, TapeReader, TapeWriter, is_tape};
use market::{
    Alert, Direction, Event, InstrumentId, Killzone, Measure, Ohlc, Opinion, PreviousClose, Price,
    Probability, QuoteBar, SourceId, SourceTime, Status, Target, Tick, Time, Timeframe, Uuid,
    Volume,
};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

type Told = (Time, Event);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever is pushed, in whatever batches, comes back.
    #[test]
    fn every_event_comes_back(batches in prop::collection::vec(prop::collection::vec(any_told(), 0..20), 0..8)) {
        let dir = TempDir::new().unwrap();
        let mut writer = begin(dir.path());
        for batch in &batches {
            push_all(&mut writer, batch);
            writer.write().unwrap();
        }
        prop_assert_eq!(told(dir.path(), None), batches.concat());
    }

    /// Whatever is done to a file, reading it ends, without a panic, and with nothing made up before the damage.
    #[test]
    fn no_damage_makes_it_panic(at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 1..40)) {
        let dir = TempDir::new().unwrap();
        let events = walk(300);
        write_in_batches(&mut begin(dir.path()), &events, 20);
        let path = file(dir.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + with.len()).min(bytes.len()), with);
        fs::write(&path, bytes).unwrap();
        let read: Vec<_> = TapeReader::open_files([path]).filter_map(event).collect();
        prop_assert!(events.starts_with(&read));
    }
}

#[test]
fn the_extremes_of_every_field_come_back() {
    let dir = TempDir::new().unwrap();
    let mut events = Vec::new();
    for value in [i64::MIN, -1, 0, 1, 999_999, 1_000_000, i64::MAX] {
        for other in [i64::MIN, 0, i64::MAX] {
            events.push((Time::from_nanos(value), tick(u16::MAX, value, other, other)));
            events.push((Time::from_nanos(other), tick(0, other, value, value)));
        }
    }
    let mut writer = begin(dir.path());
    push_all(&mut writer, &events);
    writer.write().unwrap();
    assert_eq!(told(dir.path(), None), events);
}

/// Eleven instruments as a live market sends them: stamps in nanoseconds, source times in milliseconds, prices in steps of
/// their digits, times of receipt.
#[test]
fn a_live_tick_takes_at_most_14_bytes() {
    let dir = TempDir::new().unwrap();
    let events = walk(200_000);
    let mut writer = begin(dir.path());
    push_all(&mut writer, &events);
    writer.sync().unwrap();
    let bytes = fs::metadata(file(dir.path(), 1)).unwrap().len();
    assert_eq!(bytes, writer.place().offset);
    let each = bytes as f64 / events.len() as f64;
    assert!(each <= 14.0, "{each} bytes a tick");
}

#[test]
fn it_can_be_read_from_every_place() {
    let dir = TempDir::new().unwrap();
    // More than 1 MiB, so that places lie behind several bases.
    let events = walk(250_000);
    let mut writer = begin(dir.path());
    let mut places = vec![(writer.place(), 0)];
    for (count, chunk) in events.chunks(997).enumerate() {
        push_all(&mut writer, chunk);
        writer.write().unwrap();
        places.push((writer.place(), count * 997 + chunk.len()));
    }
    assert_eq!(told(dir.path(), None), events);
    for (place, seen) in places.into_iter().rev() {
        let mut items = TapeReader::open(dir.path(), Some(place)).unwrap();
        let first = items.next().unwrap().unwrap();
        assert_eq!(first, TapeItem::Settings(settings()));
        let read: Vec<_> = items.take(2000).filter_map(event).collect();
        let end = events.len().min(seen + 2000);
        assert!(read == events[seen..end], "from {place:?}");
    }
}

#[test]
fn a_place_in_an_older_segment_leads_through_the_newer_ones() {
    let dir = TempDir::new().unwrap();
    let events = walk(300);
    let mut places = Vec::new();
    for (run, chunk) in events.chunks(100).enumerate() {
        let mut writer = begin(dir.path());
        push_all(&mut writer, chunk);
        writer.write().unwrap();
        places.push((writer.place(), (run + 1) * 100));
    }
    for (run, (place, seen)) in places.into_iter().enumerate() {
        let items = TapeReader::open(dir.path(), Some(place)).unwrap();
        let items: Vec<_> = items.map(Result::unwrap).collect();
        let headers = items
            .iter()
            .filter(|item| matches!(item, TapeItem::Settings(_)));
        assert_eq!(headers.count(), 3 - run);
        let read: Vec<_> = items.into_iter().map(Ok).filter_map(event).collect();
        assert_eq!(read, events[seen..]);
    }
}

#[test]
fn a_place_that_no_writer_told_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    write_in_batches(&mut writer, &walk(40), 20);
    let end = writer.place();
    for offset in [end.offset - 1, end.offset + 1, end.offset + 1000] {
        let place = Place { offset, ..end };
        let error = TapeReader::open(dir.path(), Some(place)).unwrap_err();
        let shown = error.to_string();
        assert!(matches!(error, Error::Corrupt { .. }), "{shown}");
        assert!(
            shown.contains(&format!("byte {offset}: no batch begins or ends here")),
            "{shown}"
        );
    }
    let later = Place {
        segment: 2,
        offset: 0,
    };
    let error = TapeReader::open(dir.path(), Some(later)).unwrap_err();
    assert!(error.to_string().contains("the tape has no"), "{error}");
}

#[test]
fn a_segment_holds_one_day_of_one_process() {
    let dir = TempDir::new().unwrap();
    let evening = Time::parse("2026-11-23T23:59:59.999999999Z").unwrap();
    let midnight = Time::parse("2026-11-24T00:00:00Z").unwrap();
    let mut writer = begin(dir.path());
    push_all(
        &mut writer,
        &[(evening, Event::Start), (midnight, Event::Wake)],
    );
    writer.write().unwrap();
    assert_eq!(writer.place().segment, 2);
    drop(writer);
    let other = Settings {
        text: "seed = 2".to_owned(),
        market: "live".to_owned(),
    };
    let mut writer = Tape::open(dir.path()).unwrap().begin(&other).unwrap();
    push_all(&mut writer, &[(midnight, Event::Start)]);
    writer.write().unwrap();
    assert_eq!(writer.place().segment, 3);

    let items = TapeReader::open(dir.path(), None).unwrap();
    let expected = [
        TapeItem::Settings(settings()),
        TapeItem::Event(evening, Event::Start),
        TapeItem::Settings(settings()),
        TapeItem::Event(midnight, Event::Wake),
        TapeItem::Settings(other),
        TapeItem::Event(midnight, Event::Start),
    ];
    assert_eq!(items.map(Result::unwrap).collect::<Vec<_>>(), expected);
}

#[test]
fn a_folder_has_one_writer_at_a_time() {
    let dir = TempDir::new().unwrap();
    let first = begin(dir.path());
    let error = Tape::open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(first);
    assert_eq!(Tape::open(dir.path()).unwrap().end().segment, 1);
}

/// The crash: of the last batch only the first bytes reached the file.
#[test]
fn a_torn_last_batch_is_cut_at_every_byte() {
    let events = walk(60);
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    write_in_batches(&mut writer, &events[..40], 20);
    let safe = writer.place();
    write_in_batches(&mut writer, &events[40..], 20);
    drop(writer);
    let path = file(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for end in safe.offset as usize + 1..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        // A reader of the living tape stops at what is whole.
        assert_eq!(told(dir.path(), None), events[..40]);

        let tape = Tape::open(dir.path()).unwrap();
        let cut = Cut {
            path: path.clone(),
            offset: safe.offset,
            bytes: end as u64 - safe.offset,
        };
        assert_eq!((tape.end(), tape.cut()), (safe, Some(&cut)));
        let mut writer = tape.begin(&settings()).unwrap();
        write_in_batches(&mut writer, &events[40..], 20);
        drop(writer);
        assert_eq!(told(dir.path(), None), events);
        fs::remove_file(file(dir.path(), 2)).unwrap();
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(Tape::open(dir.path()).unwrap().cut(), None);
}

/// The loss of power: of what was not synced, pages may be missing that lie before others.
#[test]
fn what_was_not_synced_may_have_holes() {
    let events = walk(80);
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    write_in_batches(&mut writer, &events[..20], 20);
    writer.sync().unwrap();
    let safe = writer.place();
    write_in_batches(&mut writer, &events[20..], 20);
    drop(writer);
    let path = file(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[safe.offset as usize..][..100].fill(0);
    fs::write(&path, bytes).unwrap();
    let tape = Tape::open(dir.path()).unwrap();
    assert_eq!(tape.end(), safe);
    assert!(tape.cut().is_some());
    assert_eq!(told(dir.path(), None), events[..20]);
}

/// Damage: what had been on disk has changed.
#[test]
fn a_flipped_bit_in_what_was_synced_is_an_error_that_names_its_place() {
    let events = walk(60);
    let dir = TempDir::new().unwrap();
    let mut writer = begin(dir.path());
    let mut begins = vec![0];
    for chunk in events.chunks(20) {
        begins.push(writer.place().offset);
        push_all(&mut writer, chunk);
        writer.sync().unwrap();
    }
    drop(writer);
    let path = file(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let last = begins.pop().unwrap();
    for at in 0..last as usize {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let begin = begins.iter().rfind(|&&begin| begin <= at as u64).unwrap();
        check_damaged(Tape::open(dir.path()).unwrap_err(), &path, *begin);
        let error = TapeReader::open(dir.path(), None)
            .unwrap()
            .find_map(Result::err);
        check_damaged(error.unwrap(), &path, *begin);
    }
}

fn check_damaged(error: Error, path: &Path, batch: u64) {
    let shown = error.to_string();
    assert!(shown.contains(&path.display().to_string()), "{shown}");
    match error {
        Error::Corrupt { .. } => {}
        Error::Version { .. } if batch == 0 => return,
        Error::Fenced { .. } | Error::Locked { .. } | Error::Version { .. } | Error::Io { .. } => {
            panic!("{shown}")
        }
    }
    assert!(shown.contains("restore it from a backup"), "{shown}");
    assert!(
        batch == 0 || shown.contains(&format!("damaged at byte {batch}: ")),
        "{shown}"
    );
}

#[test]
fn only_the_last_segment_may_be_torn() {
    let events = walk(60);
    let dir = TempDir::new().unwrap();
    write_in_batches(&mut begin(dir.path()), &events[..30], 30);
    write_in_batches(&mut begin(dir.path()), &events[30..], 30);
    let first = file(dir.path(), 1);
    let whole = fs::read(&first).unwrap();
    fs::write(&first, &whole[..whole.len() - 1]).unwrap();
    let error = TapeReader::open(dir.path(), None)
        .unwrap()
        .find_map(Result::err);
    assert!(matches!(error, Some(Error::Corrupt { .. })), "{error:?}");
    // By itself it is the last one, and may be a copy of a living tape.
    assert_eq!(
        TapeReader::open_files([first.clone()])
            .filter_map(event)
            .count(),
        0
    );

    fs::write(&first, whole).unwrap();
    write_in_batches(&mut begin(dir.path()), &events[..1], 30);
    fs::remove_file(file(dir.path(), 2)).unwrap();
    let error = TapeReader::open(dir.path(), None).unwrap_err();
    assert!(error.to_string().contains("the tape has no"), "{error}");
    assert!(error.to_string().contains("00000002.tape"), "{error}");
}

#[test]
fn files_are_read_in_the_order_given_and_known_by_their_first_bytes() {
    let dir = TempDir::new().unwrap();
    let events = walk(20);
    for chunk in events.chunks(10) {
        write_in_batches(&mut begin(dir.path()), chunk, 10);
    }
    let files = [file(dir.path(), 2), file(dir.path(), 1)];
    let read: Vec<_> = TapeReader::open_files(files).filter_map(event).collect();
    assert_eq!(read, [&events[10..], &events[..10]].concat());

    let other = dir.path().join("ticks.csv");
    fs::write(&other, "ORION,1,2").unwrap();
    assert!(is_tape(&file(dir.path(), 1)).unwrap());
    assert!(!is_tape(&other).unwrap());
    assert!(is_tape(&dir.path().join("none")).is_err());
    let error = TapeReader::open_files([other])
        .find_map(Result::err)
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("does not begin as a tape of ORION"),
        "{error}"
    );
}

#[test]
fn the_format_before_opinions_is_read_beside_the_new_one() {
    let dir = TempDir::new().unwrap();
    let before = [
        (Time::from_secs(5), Event::Start),
        (Time::from_secs(6), Event::Stop),
    ];
    write_in_batches(&mut begin(dir.path()), &before, 10);
    let path = file(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[8], 2);
    bytes[8] = 1;
    fs::write(&path, bytes).unwrap();
    let opinion = Event::Opinion(Opinion {
        question: Uuid::from_u128(7),
        answer: Some(Measure::new(-0.61)),
    });
    let since = [(Time::from_secs(7), opinion)];
    write_in_batches(&mut begin(dir.path()), &since, 10);
    assert_eq!(told(dir.path(), None), [&before[..], &since].concat());
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let dir = TempDir::new().unwrap();
    drop(begin(dir.path()));
    let path = file(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 9;
    fs::write(&path, bytes).unwrap();
    let error = Tape::open(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Version {
                found: 9,
                supported: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_error_ends_the_reading() {
    let dir = TempDir::new().unwrap();
    write_in_batches(&mut begin(dir.path()), &walk(10), 10);
    let files = [dir.path().join("none"), file(dir.path(), 1)];
    let items: Vec<_> = TapeReader::open_files(files).collect();
    assert!(matches!(items[..], [Err(Error::Io { .. })]), "{items:?}");
}

#[test]
fn an_empty_folder_is_an_empty_tape() {
    let dir = TempDir::new().unwrap();
    let tape = Tape::open(&dir.path().join("tape")).unwrap();
    assert_eq!(tape.end(), Place::default());
    assert_eq!(
        TapeReader::open(dir.path(), Some(tape.end()))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        TapeReader::open(&dir.path().join("none"), None)
            .unwrap()
            .count(),
        0
    );
}

fn settings() -> Settings {
    Settings {
        text: "[engine]\nseed = 1\n".to_owned(),
        market: "sim".to_owned(),
    }
}

fn begin(dir: &Path) -> TapeWriter {
    Tape::open(dir).unwrap().begin(&settings()).unwrap()
}

fn file(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.tape"))
}

fn push_all(writer: &mut TapeWriter, events: &[Told]) {
    for (at, event) in events {
        writer.push(*at, event).unwrap();
    }
}

fn write_in_batches(writer: &mut TapeWriter, events: &[Told], size: usize) {
    for batch in events.chunks(size) {
        push_all(writer, batch);
        writer.write().unwrap();
    }
}

/// Every event from a place on.
fn told(dir: &Path, from: Option<Place>) -> Vec<Told> {
    let items = TapeReader::open(dir, from).unwrap();
    items
        .map(Result::unwrap)
        .map(Ok)
        .filter_map(event)
        .collect()
}

/// The event of an item, if it is one.
fn event(item: Result<TapeItem, Error>) -> Option<Told> {
    match item {
        Ok(TapeItem::Event(at, event)) => Some((at, event)),
        Ok(TapeItem::Settings(_)) | Err(_) => None,
    }
}

/// A day of eleven instruments, each a random walk in steps of its digits, about 50 ticks a second.
fn walk(count: usize) -> Vec<Told> {
    let steps = [
        10_000,
        10_000,
        1_000_000,
        10_000_000,
        100_000_000,
        100_000_000,
    ];
    let mut prices = [108_500_i64, 131_250, 156_432, 412_050, 391_200, 214_500].repeat(2);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: u64| {
        // Marsaglia's xorshift64.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below) as i64
    };
    let mut at = Time::parse("2026-11-23T08:00:00Z").unwrap().nanos();
    let mut next = || {
        at += 1 + draw(40_000_000);
        let place = draw(11) as usize;
        prices[place] += draw(21) - 10;
        let step = steps[place % steps.len()];
        let received = at - 20_000 - draw(400_000);
        let source = (received - draw(90_000_000)) / 1_000_000 * 1_000_000;
        let tick = Tick {
            instrument: InstrumentId(place as u16),
            bid: Price::from_units(prices[place] * step),
            ask: Price::from_units((prices[place] + 5 + draw(10)) * step),
            volume: None,
            time: SourceTime::from_nanos(source),
            received: Some(Time::from_nanos(received)),
        };
        (Time::from_nanos(at), Event::Tick(tick))
    };
    (0..count).map(|_| next()).collect()
}

fn tick(instrument: u16, bid: i64, ask: i64, time: i64) -> Event {
    Event::Tick(Tick {
        instrument: InstrumentId(instrument),
        bid: Price::from_units(bid),
        ask: Price::from_units(ask),
        volume: Some(Volume(bid)),
        time: SourceTime::from_nanos(time),
        received: Some(Time::from_nanos(bid)),
    })
}

/// Any event at any stamp of one day, rarely of any time at all: another day is another segment, which is synced.
fn any_told() -> impl Strategy<Value = Told> {
    let day = 1_700_000_000_000_000_000..1_700_000_001_000_000_000_i64;
    let at = prop_oneof![99 => day, 1 => any::<i64>()];
    (at.prop_map(Time::from_nanos), any_event())
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => any_tick().prop_map(Event::Tick),
        2 => any_bar().prop_map(Event::Bar),
        1 => any_bar().prop_map(Event::Past),
        1 => any::<u8>().prop_map(|source| Event::Gap(SourceId(source))),
        1 => any::<u8>().prop_map(|source| Event::Life(SourceId(source))),
        1 => (any_instrument(), any::<u8>())
            .prop_map(|(instrument, source)| Event::Switch(instrument, SourceId(source))),
        1 => (any_instrument(), any_price(), any_source_time()).prop_map(
            |(instrument, price, time)| Event::PreviousClose(PreviousClose { instrument, price, time })
        ),
        1 => any_alert().prop_map(|alert| Event::Alert(Box::new(alert))),
        1 => Just(Event::Start),
        1 => Just(Event::Stop),
        1 => Just(Event::Wake),
        1 => (any::<u128>(), prop::option::of(any::<i64>())).prop_map(|(question, answer)| {
            let question = Uuid::from_u128(question);
            Event::Opinion(Opinion { question, answer: answer.map(Measure::from_millionths) })
        }),
    ]
}

/// A price of some digits, or any at all.
fn any_price() -> impl Strategy<Value = Price> {
    let plain = (-2000..2000_i64, 0..10_u32).prop_map(|(count, digits)| count * 10_i64.pow(digits));
    prop_oneof![4 => plain, 1 => any::<i64>()].prop_map(Price::from_units)
}

fn any_instrument() -> impl Strategy<Value = InstrumentId> {
    prop_oneof![9 => 0..12_u16, 1 => any::<u16>()].prop_map(InstrumentId)
}

fn any_source_time() -> impl Strategy<Value = SourceTime> {
    let millis = 1_699_999_999_000..1_700_000_001_000_i64;
    let millis = millis.prop_map(|millis| millis * 1_000_000);
    prop_oneof![millis, any::<i64>()].prop_map(SourceTime::from_nanos)
}

prop_compose! {
    fn any_tick()(
        instrument in any_instrument(),
        (bid, ask) in (any_price(), any_price()),
        volume in any::<Option<i64>>(),
        time in any_source_time(),
        received in any::<Option<i64>>(),
    ) -> Tick {
        Tick { instrument, bid, ask, volume: volume.map(Volume), time, received: received.map(Time::from_nanos) }
    }
}

prop_compose! {
    fn any_bar()(
        instrument in any_instrument(),
        timeframe in prop::sample::select(Timeframe::ALL.to_vec()),
        open_time in any_source_time(),
        (bid, ask) in (any_ohlc(), any_ohlc()),
        volume in any::<Option<i64>>(),
    ) -> QuoteBar {
        QuoteBar { instrument, timeframe, open_time, bid, ask, volume: volume.map(Volume) }
    }
}

prop_compose! {
    fn any_alert()(
        sender in "[a-z0-9_-]{1,32}",
        (id, digest) in (any::<u128>(), any::<u128>()),
        (instrument, entry_time) in (any_instrument(), any::<Option<i64>>()),
        (status, direction) in (0..3_usize, any::<bool>()),
        (entry, stop) in (prop::option::of(any_price()), prop::option::of(any_price())),
        targets in prop::collection::vec((any_price(), any::<u8>(), any::<bool>()), 0..5),
        (reason, setup) in (".{0,1000}", "[a-z]{1,20}"),
        confidence in prop::option::of(0..=10_000_u16),
        killzone in prop::option::of(prop::sample::select(Killzone::ALL.to_vec())),
        timeframe in prop::option::of(prop::sample::select(Timeframe::ALL.to_vec())),
        dry_run in any::<bool>(),
    ) -> Alert {
        let target = |(price, percent, runner)| Target { price, percent, runner };
        Alert {
            sender,
            id: Uuid::from_u128(id),
            digest: Uuid::from_u128(digest),
            status: [Status::Pending, Status::Confirmed, Status::Invalidated][status],
            instrument,
            direction: if direction { Direction::Long } else { Direction::Short },
            entry_time: entry_time.map(SourceTime::from_nanos),
            entry,
            stop,
            targets: targets.into_iter().map(target).collect(),
            reason,
            confidence: confidence.map(Probability::from_steps),
            killzone,
            timeframe,
            setup,
            dry_run,
        }
    }
}

fn any_ohlc() -> impl Strategy<Value = Ohlc> {
    let prices = (any_price(), any_price(), any_price(), any_price());
    prices.prop_map(|(open, high, low, close)| Ohlc {
        open,
        high,
        low,
        close,
    })
}
