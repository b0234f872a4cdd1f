//! A world that goes on for years: prices by each market's hours, stalls, switches, posts, and processes that end.

use crate::books::Books;
use crate::clock;
use crate::desk::{ROWS, settings, speaking};
use crate::prices::{Random, Walk};
use engine::{Counts, Engine, Output, Settings, session};
use market::{
    Alert, Direction, Event, InstrumentId, SourceId, SourceTime, Span, Status, Target, Time, Uuid,
};
use std::sync::Arc;

const MINUTE: Span = Span::from_minutes(1);
/// What an event needs from its source to us.
const WAY: Span = Span::from_millis(120);

/// How an instrument speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Mute,
    Ticks,
    Bars,
}

/// A state that was put away, and what was told and said since.
#[derive(Debug)]
struct Past {
    snapshot: Vec<u8>,
    told: Vec<(Time, Event)>,
    said: Vec<Output>,
}

pub(crate) struct World {
    engine: Engine,
    books: Books,
    random: Random,
    walks: Vec<Walk>,
    modes: [Mode; ROWS.len()],
    year: i16,
    /// The minute that comes next.
    minute: SourceTime,
    /// Until when each source is silent.
    silent: [SourceTime; 2],
    /// Whose silence is told of when it ends: how many minutes were missed.
    missed: [Option<i64>; 2],
    /// What a next process may begin from, if this one is killed.
    past: Option<Past>,
    posted: Option<Alert>,
    ids: u128,
    out: Vec<Output>,
}

impl World {
    pub(crate) fn new(seed: u64, from: SourceTime) -> Self {
        let year = clock::local(from + MINUTE).year();
        let settings = settings(year);
        let walk = |(place, row): (usize, &(&str, u8, &str, market::Calendar, i64))| {
            let id = InstrumentId(place as u16);
            let tick_size = settings.catalog.instrument(id).tick_size;
            Walk::new(id, tick_size, row.4, seed.wrapping_mul(31) + place as u64)
        };
        let walks = ROWS.iter().enumerate().map(walk).collect();
        let mut world = Self {
            engine: Engine::new(Arc::new(settings)),
            books: Books::default(),
            random: Random(seed),
            walks,
            modes: [Mode::Mute; ROWS.len()],
            year,
            minute: from,
            silent: [from; 2],
            missed: [None; 2],
            past: None,
            posted: None,
            ids: 0,
            out: Vec::new(),
        };
        world.handle(from.as_stamp(), Event::Start);
        world
    }

    pub(crate) fn live_until(&mut self, to: SourceTime) {
        self.find_modes();
        while self.minute < to {
            if self.minute == self.minute.floor(Span::from_minutes(15)) {
                self.turn_year();
                self.find_modes();
            }
            self.catch_up();
            self.live();
            self.happen();
            let now = self.engine.now();
            self.books.check_open(now, self.engine.open_signals());
            // No process ran meanwhile.
            let missed = now.as_source().floor(MINUTE);
            self.minute = self.minute.max(missed) + MINUTE;
        }
    }

    /// Time passes until nothing is open.
    pub(crate) fn end(mut self) -> (Books, Counts) {
        while self.engine.open_signals() != (0, 0) {
            let wake = self.engine.wake_at().expect("something is open");
            self.handle(wake, Event::Wake);
        }
        let now = self.engine.now();
        self.books.check_open(now, (0, 0));
        (self.books, self.engine.counts().clone())
    }

    /// Other rules with each year.
    fn turn_year(&mut self) {
        let year = clock::local(self.minute).year();
        if year != self.year {
            self.year = year;
            self.adopt(settings(year));
        }
    }

    /// Finds how each instrument speaks in this quarter of an hour.
    fn find_modes(&mut self) {
        // Signals are few: every turn of the day is looked at too.
        for time in [self.minute - Span::from_nanos(1), self.minute] {
            assert_eq!(session::killzone(time), clock::killzone(time), "{time}");
        }
        let settings = self.engine.settings().clone();
        let (all, some) = (clock::is_near_a_change(self.minute), speaking(self.year));
        for (place, mode) in self.modes.iter_mut().enumerate() {
            let id = InstrumentId(place as u16);
            let instrument = settings.catalog.instrument(id);
            let source = settings.catalog.source_of(id);
            let speaks = all || some.contains(&place);
            let open = session::is_open(instrument, source, self.minute);
            let closed = clock::is_closed(instrument.calendar, self.minute);
            assert!(!open || !closed, "{} at {}", ROWS[place].0, self.minute);
            let core = session::in_core_window(self.minute, instrument.calendar);
            *mode = match (speaks, open, core) {
                (true, true, true) => Mode::Ticks,
                (true, true, false) => Mode::Bars,
                // Some vendors go on quoting what nobody trades.
                (true, false, true) if strays(self.minute, place) => Mode::Ticks,
                (_, _, _) => Mode::Mute,
            };
        }
    }

    /// One minute of prices.
    fn live(&mut self) {
        let (minute, mut events) = (self.minute, Vec::new());
        for place in 0..ROWS.len() {
            let id = InstrumentId(place as u16);
            if self.silent[self.engine.source(id).index()] > minute {
                continue;
            }
            match self.modes[place] {
                Mode::Mute => {}
                Mode::Bars => {
                    let bar = self.walks[place].bar(minute);
                    events.push((minute + MINUTE, Event::Bar(bar)));
                }
                Mode::Ticks => self.tick(place, &mut events),
            }
        }
        if self.silent[0] <= minute {
            events.push((minute + Span::from_secs(30), Event::Life(SourceId(0))));
        }
        events.sort_by_key(|(time, _)| *time);
        for (time, event) in events {
            self.tell((time + WAY).as_stamp(), event);
        }
    }

    /// A tick each ten to twenty seconds; now and then one states an earlier time.
    fn tick(&mut self, place: usize, events: &mut Vec<(SourceTime, Event)>) {
        let mut into = self.random.between(0, 15_000);
        while into < 60_000 {
            let time = self.minute + Span::from_millis(into);
            let late = self.random.one_in(100);
            let behind = if late {
                self.random.between(0, 4_000)
            } else {
                0
            };
            let tick = self.walks[place].tick(time - Span::from_millis(behind));
            events.push((time, Event::Tick(tick)));
            into += self.random.between(10_000, 20_000);
        }
    }

    /// What else happens in a minute, more of it while a signal is pending.
    fn happen(&mut self) {
        let (pending, running) = self.engine.open_signals();
        let often = |busy: u64, idle: u64| if pending > 0 { busy } else { idle };
        if self.random.one_in(25) {
            self.post();
        }
        if self.random.one_in(20) {
            self.judge();
        }
        if self.random.one_in(often(100, 4_000)) {
            self.stall();
        }
        if self.random.one_in(8_000) {
            self.switch();
        }
        if self.past.is_none() && self.random.one_in(often(200, 4_000)) {
            self.put_away();
        }
        if self.past.is_some() && self.random.one_in(often(20, 300)) {
            self.end_process();
        }
        if running > 0 && self.random.one_in(1_000) {
            self.take_off();
        }
    }

    /// A bot posts at the market.
    fn post(&mut self) {
        let place = self.random.below(ROWS.len() as u64) as usize;
        if self.modes[place] == Mode::Mute {
            return;
        }
        let (long, mid) = (self.random.one_in(2), self.walks[place].mid);
        let sign = if long { 1 } else { -1 };
        let count = self.random.between(1, 3);
        let part = 100 / count as u8;
        // Some levels are so far away that time runs out first.
        let far = if self.random.one_in(6) { 15 } else { 1 };
        let mut away = 0;
        let targets = (0..count).map(|target| {
            away += far * self.random.between(20, 90);
            Target {
                price: self.walks[place].price(mid + sign * away),
                percent: if target == 0 {
                    100 - part * (count as u8 - 1)
                } else {
                    part
                },
                runner: false,
            }
        });
        let targets = targets.collect();
        let stop = mid - sign * far * self.random.between(45, 150);
        self.ids += 1;
        let alert = Alert {
            sender: if self.random.one_in(2) { "bob" } else { "eve" }.to_owned(),
            id: Uuid::from_u128(self.ids),
            digest: Uuid::from_u128(self.ids),
            status: Status::Pending,
            instrument: InstrumentId(place as u16),
            direction: if long {
                Direction::Long
            } else {
                Direction::Short
            },
            entry_time: None,
            entry: None,
            stop: Some(self.walks[place].price(stop)),
            targets,
            reason: "because".to_owned(),
            confidence: None,
            killzone: None,
            timeframe: None,
            setup: "bot".to_owned(),
            dry_run: false,
        };
        self.posted = Some(alert.clone());
        self.tell_now(Event::Alert(Box::new(alert)));
    }

    /// The sender of the last post judges it.
    fn judge(&mut self) {
        let Some(mut alert) = self.posted.take() else {
            return;
        };
        alert.digest = Uuid::nil();
        alert.status = if self.random.one_in(2) {
            Status::Confirmed
        } else {
            Status::Invalidated
        };
        self.tell_now(Event::Alert(Box::new(alert)));
    }

    /// A source goes silent for minutes, or for hours. What it missed it may tell later.
    fn stall(&mut self) {
        let one = InstrumentId(self.random.below(ROWS.len() as u64) as u16);
        let source = self.engine.source(one).index();
        let minutes = match self.random.below(10) {
            0 => self.random.between(60, 400),
            1..=3 => self.random.between(10, 60),
            _ => self.random.between(1, 10),
        };
        self.books.count("stalls");
        self.silent[source] = self.minute + Span::from_minutes(minutes + 1);
        // A connection that is lost is known to be lost; one that says nothing is not.
        if self.random.one_in(3) {
            self.tell_now(Event::Gap(SourceId(source as u8)));
        }
        self.missed[source] = (!self.random.one_in(3)).then_some(minutes);
    }

    /// A source that speaks again tells that it missed something, and brings the last of it.
    fn catch_up(&mut self) {
        for source in 0..self.silent.len() {
            if self.silent[source] > self.minute {
                continue;
            }
            let Some(minutes) = self.missed[source].take() else {
                continue;
            };
            self.tell_now(Event::Gap(SourceId(source as u8)));
            if self.random.one_in(2) {
                self.fetch(source, minutes.min(30));
            }
        }
    }

    /// Bars of the minutes before, of what the source tells.
    fn fetch(&mut self, source: usize, minutes: i64) {
        for place in 0..ROWS.len() {
            let id = InstrumentId(place as u16);
            if self.modes[place] == Mode::Mute || self.engine.source(id).index() != source {
                continue;
            }
            for ago in (1..=minutes).rev() {
                let bar = self.walks[place].bar(self.minute - Span::from_minutes(ago));
                self.tell_now(Event::Past(bar));
            }
        }
    }

    /// Another source takes over what one instrument, or all of them, are told by.
    fn switch(&mut self) {
        let (all, one) = (self.random.one_in(2), self.random.below(ROWS.len() as u64));
        let to = SourceId(self.random.below(2) as u8);
        self.books.count("switches");
        for place in 0..ROWS.len() {
            if all || place == one as usize {
                self.tell_now(Event::Switch(InstrumentId(place as u16), to));
            }
        }
    }

    /// The state is put away, as a server does each hour.
    fn put_away(&mut self) {
        self.past = Some(Past {
            snapshot: self.engine.snapshot(),
            told: Vec::new(),
            said: Vec::new(),
        });
    }

    /// A process ends in good order, or is killed; the next one goes on from what was put away and what was told since.
    fn end_process(&mut self) {
        let clean = self.random.one_in(4);
        if clean {
            self.tell_now(Event::Stop);
        }
        let Some(past) = self.past.take() else {
            return;
        };
        let settings = self.engine.settings().clone();
        let mut next = Engine::restore(settings, &past.snapshot).unwrap();
        let mut said = Vec::new();
        for (at, event) in &past.told {
            next.handle(*at, event, &mut said);
        }
        assert!(said == past.said, "told again, it says something else");
        assert!(next.snapshot() == self.engine.snapshot(), "another state");
        self.engine = next;
        self.books.count("restarts");
        let down = match self.random.below(4) {
            0 => Span::from_minutes(self.random.between(5, 300)),
            _ => Span::from_secs(self.random.between(1, 600)),
        };
        self.handle(self.engine.now() + down, Event::Start);
        if !clean {
            self.tell_now(Event::Gap(SourceId(0)));
            self.tell_now(Event::Gap(SourceId(1)));
        }
    }

    /// An instrument with a running signal is taken off the list, and put on it again.
    fn take_off(&mut self) {
        let Some(symbol) = self.books.any_running() else {
            return;
        };
        let all = settings(self.year);
        let mut fewer = all.clone();
        let instruments = &mut fewer.catalog.instruments;
        instruments.retain(|instrument| instrument.symbol != symbol);
        self.adopt(fewer);
        self.adopt(all);
    }

    fn adopt(&mut self, settings: Settings) {
        self.past = None;
        let before = self.engine.settings().clone();
        self.engine.adopt(Arc::new(settings), &mut self.out);
        let at = self.engine.now();
        self.books.hear(at, None, &self.out, &before);
        self.out.clear();
    }

    fn tell_now(&mut self, event: Event) {
        self.tell(self.engine.now(), event);
    }

    /// Wakes the engine whenever it asked for it, then tells it an event. Stamps rise.
    fn tell(&mut self, at: Time, event: Event) {
        let at = at.max(self.engine.now() + Span::from_nanos(1));
        while let Some(wake) = self.engine.wake_at().filter(|wake| *wake < at) {
            self.handle(wake, Event::Wake);
        }
        self.handle(at, event);
    }

    fn handle(&mut self, at: Time, event: Event) {
        self.engine.handle(at, &event, &mut self.out);
        let settings = self.engine.settings();
        self.books.hear(at, Some(&event), &self.out, settings);
        if let Some(past) = &mut self.past {
            past.told.push((at, event));
            past.said.append(&mut self.out);
        }
        self.out.clear();
    }
}

/// Whether a vendor quotes an instrument on a date on which its market is closed.
fn strays(time: SourceTime, place: usize) -> bool {
    let day = clock::local(time).date().day_of_year() as u64;
    Random(day * 7 + place as u64).one_in(3)
}
