//! What a moment's chart says does not depend on what came later, nor on how often a server was ended and begun again.

use super::*;
use crate::chartbook::{Charts, Keeping, Teller};
use crate::config::{ChartsSettings, Config};
use crate::machine::Machine;
use axum::http::Uri;
use engine::Settings;
use journal::Local;
use lab::market::SimMarket;
use market::{Epoch, Event, InstrumentId, Ohlc, Price, QuoteBar, Span, Timeframe};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const MOMENTS: usize = 200;
const TRIES: usize = 60;

/// A server without its doors, and a reader of its charts.
struct Market {
    runtime: Runtime,
    dir: PathBuf,
    settings: Arc<Settings>,
    charts: Arc<Charts>,
    machine: Option<Machine<Local>>,
    shelf: Shelf,
    index: Index,
}

impl Market {
    fn open(dir: &Path) -> Self {
        let settings = Arc::new(Config::default().engine_settings());
        let charts = Arc::new(Charts::default());
        let mut market = Self {
            runtime: Runtime::new().unwrap(),
            dir: dir.to_owned(),
            shelf: Shelf::new(dir, &settings.catalog, |_| true, &charts),
            index: Index::new(dir),
            settings,
            charts,
            machine: None,
        };
        market.begin();
        market
    }

    /// A process begins on what is there.
    fn begin(&mut self) {
        self.end();
        let keeping = Keeping::new(&ChartsSettings::default());
        let teller = Teller::open(&self.dir, keeping, &self.charts);
        self.open_machine(teller);
    }

    fn open_machine(&mut self, teller: Teller) {
        self.end();
        let journal = Local::open(&self.dir, || Epoch(7)).unwrap();
        let (settings, store) = (Arc::clone(&self.settings), Arc::default());
        let opened = Machine::open_with(&self.dir, settings, journal, teller, &store);
        self.machine = Some(self.runtime.block_on(opened).unwrap());
        self.commit();
    }

    /// The process is killed, a moment after it was last told something: all of that is on its tape.
    fn end(&mut self) {
        if let Some(mut machine) = self.machine.take() {
            self.runtime.block_on(machine.write_tape()).unwrap();
        }
    }

    fn tell(&mut self, events: &[(Time, Event)]) {
        for batch in events.chunks(512) {
            let machine = self.machine.as_mut().unwrap();
            for (at, event) in batch {
                machine.tell(*at, event);
            }
            self.commit();
        }
    }

    fn commit(&mut self) {
        let machine = self.machine.as_mut().unwrap();
        self.runtime.block_on(machine.commit()).unwrap();
    }

    fn save(&mut self) {
        let machine = self.machine.as_mut().unwrap();
        self.runtime.block_on(machine.save()).unwrap();
    }

    /// The answer to a question, as it would go over the line.
    fn ask(&mut self, question: &str) -> String {
        let uri: Uri = format!("/api/v1/chart?{question}").parse().unwrap();
        let query = Query::of(&uri, &["symbol", "timeframe", "at", "bars"]).unwrap();
        let mut drawn = self.draw(&query);
        for _ in 1..TRIES {
            if drawn.is_ok() {
                break;
            }
            drawn = self.draw(&query);
        }
        let _entered = self.runtime.enter();
        self.index.refresh().unwrap();
        let drawn = drawn.unwrap_or_else(|problem| panic!("{question}: {problem:?}"));
        finish(Object::new(), &drawn, &self.index).unwrap()
    }

    /// A book that is being made may take longer than a question waits, and what it had no room for comes with the next
    /// commit, as a server makes them all the time.
    fn draw(&mut self, query: &Query) -> Result<Drawn, Problem> {
        self.commit();
        let _entered = self.runtime.enter();
        drawn(&self.shelf, query, &Sight::default())
    }
}

/// Some hours of the simulated market, with stamps of whole milliseconds.
fn simulated(hours: i64) -> Vec<(Time, Event)> {
    let from = SourceTime::parse("2026-03-03T06:00:00Z").unwrap();
    let anchor = SourceTime::parse("2026-03-04T00:00:00Z").unwrap();
    let sim = SimMarket::new(3, anchor, &Config::default().catalog(), None);
    let ticks = sim.ticks_from(from);
    let ticks = ticks.take_while(|tick| tick.time < from + Span::from_hours(hours));
    let mut last = Time::MIN;
    let stamped = ticks.map(|tick| {
        let next = Time::from_millis(last.millis().saturating_add(1));
        last = Time::from_millis(tick.time.millis() + 1).max(next);
        (last, Event::Tick(tick))
    });
    stamped.collect()
}

/// Moments all over the events, each with what is asked of it: their places, rising.
fn moments(events: &[(Time, Event)], settings: &Settings) -> Vec<(usize, String)> {
    let instruments = settings.catalog.instruments.iter();
    let instruments: Vec<_> = instruments.filter(|one| one.prices).collect();
    let mut seed = 20_261_128_u64;
    let mut draw = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % most
    };
    let mut moments: Vec<_> = (0..MOMENTS)
        .map(|_| {
            let place = draw(events.len());
            let symbol = instruments[draw(instruments.len())].symbol;
            let timeframe = Timeframe::ALL[draw(4)];
            let (at, bars) = (events[place].0.millis(), 20 + draw(300));
            (
                place,
                format!("symbol={symbol}&timeframe={timeframe}&at={at}&bars={bars}"),
            )
        })
        .collect();
    moments.sort_unstable();
    moments
}

#[test]
fn a_past_moment_is_told_as_it_was_told_then_and_as_often_as_the_server_is_begun_again() {
    let (asked_then, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let events = simulated(5);
    let mut market = Market::open(asked_then.path());
    let moments = moments(&events, &market.settings);

    // A server that knows no more than it is asked about, and is ended and begun again on the way.
    let (mut told, mut answers) = (0, Vec::new());
    for (number, (place, question)) in moments.iter().enumerate() {
        market.tell(&events[told.min(place + 1)..=*place]);
        told = told.max(place + 1);
        if [100, 150].contains(&number) {
            market.begin();
        }
        // While nothing reaches the book nothing can be asked.
        answers.push((!(91..100).contains(&number)).then(|| market.ask(question)));
        match number {
            60 => market.save(),
            // From here on it is as if the process had been killed before the book's thread wrote what it was handed.
            90 => market.open_machine(Teller::none()),
            _ => {}
        }
    }
    market.tell(&events[told..]);
    let answers = answers.into_iter().zip(&moments);
    let answers: Vec<_> = answers
        .map(|(answer, (_, question))| answer.unwrap_or_else(|| market.ask(question)))
        .collect();

    // One that was never interrupted and knows all that came later.
    let mut all = Market::open(whole.path());
    all.tell(&events);
    same(&mut all, &moments, &answers);
    let marks = answers
        .iter()
        .filter(|answer| answer.contains(r#""kind":"#));
    let signals = answers
        .iter()
        .filter(|answer| answer.contains(r#""born":"#));
    let (marks, signals) = (marks.count(), signals.count());
    assert!(marks > MOMENTS / 2 && signals > 20, "{marks} {signals}");

    // And the same again when the book is lost, and when it is damaged.
    for damage in [None, Some("no book of anybody's at all".repeat(500))] {
        all.save();
        all.end();
        let path = journal::charts::path(whole.path());
        journal::charts::remove(&path).unwrap();
        if let Some(bytes) = damage {
            std::fs::write(&path, bytes).unwrap();
        }
        all.shelf = Shelf::new(whole.path(), &all.settings.catalog, |_| true, &all.charts);
        all.begin();
        same(&mut all, &moments, &answers);
    }
}

fn same(market: &mut Market, moments: &[(usize, String)], answers: &[String]) {
    assert_eq!(moments.len(), answers.len());
    for ((_, question), answer) in moments.iter().zip(answers) {
        let told = market.ask(question);
        let differs = told.bytes().zip(answer.bytes()).position(|(a, b)| a != b);
        let place = differs.unwrap_or(told.len().min(answer.len()));
        let around = |text: &str| {
            text[place.saturating_sub(300)..]
                .chars()
                .take(600)
                .collect::<String>()
        };
        assert!(
            told == *answer,
            "{question}\n{}\n{}",
            around(&told),
            around(answer)
        );
    }
}

/// Minutes of EURUSD by their lows and highs in points above 1.08.
fn minutes(market: &Market, lows_and_highs: &[(i64, i64)]) -> Vec<(Time, Event)> {
    let instrument: InstrumentId = market.settings.catalog.find("EURUSD").unwrap();
    let start = SourceTime::parse("2026-03-03T01:00:00Z").unwrap();
    let points = |points: i64| Price::from_units(1_080_000_000 + points * 10_000);
    let minute = |(number, (low, high)): (i64, &(i64, i64))| {
        let side = |by: i64| Ohlc {
            open: points(low + by),
            high: points(high + by),
            low: points(low + by),
            close: points(high + by),
        };
        let open_time = start + Span::from_minutes(number);
        let bar = QuoteBar {
            instrument,
            timeframe: Timeframe::M1,
            open_time,
            bid: side(-1),
            ask: side(1),
            volume: None,
        };
        (
            (open_time + Span::from_minutes(1)).as_stamp(),
            Event::Bar(bar),
        )
    };
    (0..).zip(lows_and_highs).map(minute).collect()
}

fn marks(market: &mut Market, at: Time, kind: &str) -> Vec<serde_json::Value> {
    let at = at.millis();
    let answer = market.ask(&format!("symbol=EURUSD&timeframe=1m&at={at}"));
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let marks = answer["marks"].as_array().unwrap().iter();
    marks.filter(|mark| mark["kind"] == kind).cloned().collect()
}

#[test]
fn a_swing_is_not_there_before_the_bars_to_its_right_have_closed() {
    let folder = TempDir::new().unwrap();
    let mut market = Market::open(folder.path());
    let (left, right) = {
        let rules = &market.settings.rules;
        (i64::from(rules.swing_left), i64::from(rules.swing_right))
    };
    let before = (0..=left).map(|step| (step * 10, step * 10 + 20));
    let after = (1..=right).map(|step| ((left - step) * 10, (left - step) * 10 + 20));
    let path: Vec<_> = before.chain(after).collect();
    let events = minutes(&market, &path);
    market.tell(&events);
    let (last, _) = events[events.len() - 1];
    let (peak, _) = events[left as usize];
    assert_eq!(
        marks(&mut market, last - Span::from_millis(1), "swing").len(),
        0
    );
    let found = marks(&mut market, last, "swing");
    let high: Vec<_> = found
        .iter()
        .filter(|mark| mark["direction"] == "long")
        .collect();
    assert_eq!(high.len(), 1, "{found:?}");
    let opened = (peak - Span::from_minutes(1)).millis();
    assert_eq!(high[0]["lies"]["from"], opened);
    assert_eq!(high[0]["known"], last.millis());
    assert_eq!(high[0]["state"], "live");
    assert_eq!(high[0]["lies"]["top"], high[0]["lies"]["bottom"]);
}

#[test]
fn a_gap_that_is_touched_later_was_live_before() {
    let folder = TempDir::new().unwrap();
    let mut market = Market::open(folder.path());
    // Quiet bars until there is a range to measure by; then three that leave a gap, one that stays away, one that comes back.
    let quiet = (0..30).map(|_| (100, 110));
    let path: Vec<_> = quiet
        .chain([(100, 112), (105, 190), (180, 200), (185, 205), (150, 205)])
        .collect();
    let events = minutes(&market, &path);
    market.tell(&events);
    let stamps: Vec<Time> = events[32..].iter().map(|(at, _)| *at).collect();
    assert_eq!(
        marks(&mut market, stamps[0] - Span::from_millis(1), "gap").len(),
        0
    );
    for (at, state) in [
        (stamps[0], "live"),
        (stamps[1], "live"),
        (stamps[2], "touched"),
    ] {
        let found = marks(&mut market, at, "gap");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["state"], state, "{found:?}");
        assert_eq!(found[0]["known"], stamps[0].millis());
        let middle = (stamps[0] - Span::from_minutes(2)).millis();
        assert_eq!(found[0]["lies"]["from"], middle);
    }
    let touched = marks(&mut market, stamps[2], "gap");
    assert_eq!(touched[0]["events"][0]["at"], stamps[2].millis());
}

#[test]
fn a_gap_ends_when_the_engine_lets_go_of_it_and_stood_until_then() {
    let folder = TempDir::new().unwrap();
    let mut market = Market::open(folder.path());
    let life = market.settings.rules.fvg_max_age as usize;
    // Bars that leave a gap, and then such as stay away from it for as long as it is followed.
    let quiet = (0..30).map(|_| (100, 110));
    let path = quiet.chain([(100, 112), (105, 190), (180, 200)]);
    let path: Vec<_> = path.chain((0..=life).map(|_| (185, 205))).collect();
    let events = minutes(&market, &path);
    market.tell(&events);
    let at = |after: usize| events[32 + after].0;
    let found = marks(&mut market, at(life - 1), "gap");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["state"], &found[0]["lies"]["to"]),
        (&"live".into(), &serde_json::Value::Null)
    );
    let found = marks(&mut market, at(life), "gap");
    // It lies before the bars that are shown, and stands no more; who asks for more bars sees how it ended.
    assert!(found.is_empty(), "{found:?}");
    let question = format!(
        "symbol=EURUSD&timeframe=1m&at={}&bars=1000",
        at(life + 1).millis()
    );
    let answer: serde_json::Value = serde_json::from_str(&market.ask(&question)).unwrap();
    let gaps = answer["marks"].as_array().unwrap().iter();
    let gaps: Vec<_> = gaps.filter(|mark| mark["kind"] == "gap").collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0]["state"], "expired");
    let events = serde_json::json!([{"at": at(life).millis(), "what": "expired"}]);
    assert_eq!(gaps[0]["events"], events);
    let last_bar = (at(life) - Span::from_minutes(1)).millis();
    assert_eq!(gaps[0]["lies"]["to"], last_bar);
}
