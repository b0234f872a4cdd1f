//! What must hold of every run, whatever was told: the books of all signals, kept apart from the engine.

use crate::driver::{Driver, Told};
use crate::walk::Walk;
use engine::Output;
use market::{
    Answer, Cause, Declined, Direction, Event, InstrumentId, Outcome, OutcomeKind, Price,
    PriceUpdate, Shadow, Signal, SourceTime, Span, Status, Symbol, Tick, Time, Timeframe, Uuid,
};
use std::collections::BTreeMap;

/// How often each thing happened.
pub(crate) type Tally = BTreeMap<String, usize>;

/// One signal's life.
struct Life {
    /// Where in the list of what was told it became pending.
    born: usize,
    /// Older ticks are not judged.
    since: SourceTime,
    pending: Signal,
    verdict: Option<Signal>,
    targets: u8,
    over: bool,
    /// Where its verdict came, and where it was said what would have become of it.
    decided: usize,
    shadow: Option<usize>,
}

/// Checks everything a driver has said against what it was told, and counts verdicts and outcomes.
pub(crate) fn check(driver: &Driver, tally: &mut Tally) {
    let mut ledger = Ledger {
        driver,
        lives: BTreeMap::new(),
        shown: BTreeMap::new(),
        closes: driver
            .told
            .iter()
            .any(|told| matches!(told.event, Event::Past(_) | Event::PreviousClose(_))),
        tally,
    };
    for place in 0..driver.told.len() {
        let from = driver.told[place].said;
        let to = driver
            .told
            .get(place + 1)
            .map_or(driver.said.len(), |next| next.said);
        let asked = matches!(driver.told[place].event, Event::Alert(_));
        let answers = driver.said[from..to].iter().filter(is_answer).count();
        assert_eq!(answers, usize::from(asked), "one answer to each alert");
        for (at, output) in &driver.said[from..to] {
            match output {
                Output::Signal(signal) if signal.status == Status::Pending => {
                    ledger.born(place, *at, signal)
                }
                Output::Signal(signal) => ledger.decided(place, *at, signal),
                Output::Outcome(outcome) => ledger.outcome(place, *at, outcome),
                Output::Shadow(shadow) => ledger.shadow(place, *at, shadow),
                Output::Price(update) => ledger.price(*at, update),
                Output::Calibration(_) => {}
                Output::Answer(answer) => ledger.answer(place, *at, answer),
            }
        }
    }
    ledger.close();
}

fn is_answer(said: &&(Time, Output)) -> bool {
    matches!(said.1, Output::Answer(_))
}

struct Ledger<'a> {
    driver: &'a Driver,
    lives: BTreeMap<Uuid, Life>,
    /// When each symbol was shown last, and the time of its price.
    shown: BTreeMap<Symbol, (Time, PriceUpdate)>,
    /// Closes of earlier days were told: changes may be counted from elsewhere meanwhile.
    closes: bool,
    tally: &'a mut Tally,
}

impl Ledger<'_> {
    fn count(&mut self, what: String) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn born(&mut self, place: usize, at: Time, signal: &Signal) {
        assert_eq!(
            (signal.created_at, signal.decided_at, signal.cause),
            (at, None, None)
        );
        assert_eq!(signal.decide_by, at + Span::from_secs(285));
        assert_geometry(signal);
        // A posted one is judged from the newest tick on, one of ORION's own from its trigger on.
        let posted = matches!(self.driver.told[place].event, Event::Alert(_));
        let since = if posted {
            self.newest(place, signal.symbol)
        } else {
            signal.entry_time
        };
        let life = Life {
            born: place,
            since,
            pending: signal.clone(),
            verdict: None,
            targets: 0,
            decided: 0,
            over: false,
            shadow: None,
        };
        assert!(
            self.lives.insert(signal.id, life).is_none(),
            "{} is born twice",
            signal.id
        );
    }

    /// The newest time a tick of this symbol has had before a place.
    fn newest(&self, place: usize, symbol: Symbol) -> SourceTime {
        let catalog = &self.driver.engine.settings().catalog;
        let id = catalog.find(symbol.as_str()).unwrap();
        let told = self.driver.told[..place].iter();
        told.filter_map(|told| tick_of(id, told))
            .map(|tick| tick.time)
            .max()
            .expect("a posted signal follows a price")
    }

    /// What was accepted is as the books have it, and what was declined is a word.
    fn answer(&mut self, place: usize, at: Time, answer: &Answer) {
        let Event::Alert(alert) = &self.driver.told[place].event else {
            panic!("an answer to nothing")
        };
        assert_eq!(answer.id, alert.id);
        let word = match &answer.result {
            Err(Declined::Known { .. }) => "known".to_owned(),
            Err(declined) => declined.to_string().split(' ').next().unwrap().to_owned(),
            Ok(accepted) if accepted.repeated => {
                assert!(accepted.at <= at);
                "repeated".to_owned()
            }
            Ok(accepted) => {
                assert_eq!((accepted.at, accepted.signal.id), (at, alert.id));
                let life = self.lives.get(&alert.id).filter(|_| !alert.dry_run);
                let stands = life.map(|life| life.verdict.as_ref().unwrap_or(&life.pending));
                assert!(alert.dry_run || stands == Some(&*accepted.signal));
                let dry = if alert.dry_run { "dry " } else { "" };
                format!("{dry}{}", accepted.signal.status)
            }
        };
        self.count(format!("answer {word}"));
    }

    fn decided(&mut self, place: usize, at: Time, signal: &Signal) {
        let life = self
            .lives
            .get_mut(&signal.id)
            .expect("a verdict follows its pending signal");
        assert!(life.verdict.is_none(), "{} is decided twice", signal.id);
        let (status, decided_at, cause) = (Status::Pending, None, None);
        let mut before = Signal {
            status,
            decided_at,
            cause,
            ..signal.clone()
        };
        let odds = before.evidence.odds.take();
        assert_eq!(odds.is_some(), signal.status == Status::Confirmed);
        assert_eq!(before, life.pending);
        assert_eq!(signal.decided_at, Some(at));
        life.verdict = Some(signal.clone());
        life.decided = place;
        let (born, since, told) = (life.born, life.since, &self.driver.told);
        let by_sender = matches!(told[place].event, Event::Alert(_));
        let id = self
            .driver
            .engine
            .settings()
            .catalog
            .find(signal.symbol.as_str())
            .unwrap();
        match signal.cause {
            Some(Cause::Timeout | Cause::StaleFeed) => assert_eq!(at, signal.decide_by),
            Some(Cause::Restart) => assert_overslept(signal, &told[..=place]),
            Some(Cause::Stop | Cause::Missed | Cause::Structure | Cause::Sender) | None => {
                assert!(at < signal.decide_by)
            }
        }
        for step in &told[born + 1..place] {
            assert_eq!(
                reached(id, signal, since, step),
                None,
                "{} at {} of {signal:?}",
                step.at,
                place
            );
        }
        match signal.cause {
            Some(cause @ (Cause::Stop | Cause::Missed)) => {
                assert_eq!(
                    reached(id, signal, since, &told[place]),
                    Some(cause),
                    "{signal:?}"
                );
            }
            Some(Cause::Sender) => assert!(by_sender),
            Some(Cause::Timeout | Cause::StaleFeed | Cause::Restart | Cause::Structure) => {}
            None if by_sender => {}
            None => assert_confirmed(id, signal, since, &told[..=place], born),
        }
        self.count(signal.cause.map_or("confirmed", Cause::as_str).to_owned());
    }

    fn outcome(&mut self, place: usize, at: Time, outcome: &Outcome) {
        let life = self
            .lives
            .get_mut(&outcome.id)
            .expect("an outcome follows its signal");
        let verdict = life
            .verdict
            .as_ref()
            .expect("an outcome follows the verdict");
        assert_eq!(verdict.status, Status::Confirmed);
        assert!(!life.over, "{outcome:?} after the last one");
        assert_eq!(outcome.at, at);
        let all = verdict.targets.len() as u8;
        match outcome.kind {
            OutcomeKind::Target(target) => {
                assert_eq!((target, outcome.last), (life.targets + 1, target == all));
                life.targets = target;
            }
            OutcomeKind::StopMoved => assert!(life.targets > 0 && !outcome.last),
            OutcomeKind::Stop | OutcomeKind::Timeout | OutcomeKind::Closed => {
                assert!(outcome.last);
            }
        }
        assert_eq!(outcome.last, outcome.realised.is_some());
        assert_eq!(outcome.last, outcome.end.is_some());
        life.over = outcome.last;
        if let Some(end) = &outcome.end {
            let walk = Walk::of(self.driver, verdict, life.decided, place);
            assert_eq!(walk.end(outcome.kind, at), *end, "{outcome:?}");
        }
        self.count(format!("{:?}", outcome.kind));
    }

    /// One each, of what was not confirmed, and told by the ticks after the verdict.
    fn shadow(&mut self, place: usize, at: Time, shadow: &Shadow) {
        let life = self.lives.get_mut(&shadow.id).unwrap();
        let verdict = life.verdict.as_ref().expect("it follows the verdict");
        assert_eq!((Some(shadow.cause), at), (verdict.cause, shadow.at));
        assert!(
            life.shadow.replace(place).is_none(),
            "{shadow:?} is told twice"
        );
        match shadow.cause {
            Cause::Stop => assert_eq!((shadow.hit(), place), (Some(false), life.decided)),
            Cause::Missed => assert_eq!((shadow.hit(), place), (Some(true), life.decided)),
            Cause::Structure
            | Cause::Timeout
            | Cause::StaleFeed
            | Cause::Restart
            | Cause::Sender => {
                let walk = Walk::of(self.driver, verdict, life.decided, place);
                assert_eq!(Some(walk.end(shadow.kind, at)), shadow.end, "{shadow:?}");
                assert!(shadow.realised.is_some() && shadow.odds.is_some());
            }
        }
        self.count(format!(
            "shadow {} {:?}",
            shadow.cause.as_str(),
            shadow.hit()
        ));
    }

    fn price(&mut self, at: Time, update: &PriceUpdate) {
        if let Some((before, last)) = self.shown.insert(update.symbol, (at, update.clone())) {
            assert!(
                at - before >= Span::from_secs(1),
                "{update:?} at {at} after {before}"
            );
            assert!(update.time >= last.time, "{update:?} after {last:?}");
            let (change, change_percent) = if self.closes {
                (update.change, update.change_percent)
            } else {
                (last.change, last.change_percent)
            };
            let same = PriceUpdate {
                ticks: 0,
                change,
                change_percent,
                ..last
            } == *update;
            assert!(
                update.ticks > 0 || same,
                "a repeat changes nothing: {update:?}"
            );
        }
    }

    /// Nothing is left open.
    fn close(&self) {
        for life in self.lives.values() {
            let verdict = life.verdict.as_ref().expect("every signal is decided");
            match verdict.cause {
                Some(Cause::Stop | Cause::Missed) => assert!(life.shadow.is_some()),
                Some(
                    Cause::Structure
                    | Cause::Timeout
                    | Cause::StaleFeed
                    | Cause::Restart
                    | Cause::Sender,
                ) => {}
                None => assert_eq!(life.shadow, None),
            }
            assert_eq!(
                life.over,
                verdict.status == Status::Confirmed,
                "{verdict:?}"
            );
        }
    }
}

/// Stop, entry and targets lie one after the other, and the parts make a whole.
fn assert_geometry(signal: &Signal) {
    let targets = signal.targets.iter().map(|target| target.price);
    let levels: Vec<Price> = [signal.stop, signal.entry]
        .into_iter()
        .chain(targets)
        .collect();
    let along = |pair: &[Price]| {
        (pair[1] - pair[0])
            .times(signal.direction.sign())
            .is_positive()
    };
    assert!(levels.windows(2).all(along), "{signal:?}");
    assert_eq!(
        signal
            .targets
            .iter()
            .map(|target| u32::from(target.percent))
            .sum::<u32>(),
        100
    );
}

/// The process was not running when the deadline passed: nothing was told between, and then the start.
fn assert_overslept(signal: &Signal, told: &[Told]) {
    let [.., before, start] = told else {
        panic!("nothing before {signal:?}")
    };
    assert_eq!(start.event, Event::Start);
    assert!(
        before.at < signal.decide_by && start.at >= signal.decide_by,
        "{signal:?}"
    );
}

/// Rules 1 and 2 for one event.
fn reached(id: InstrumentId, signal: &Signal, since: SourceTime, told: &Told) -> Option<Cause> {
    let tick = tick_of(id, told)?;
    if tick.time < since {
        return None;
    }
    let first = signal.targets[0].price;
    let (stopped, missed) = match signal.direction {
        Direction::Long => (tick.bid <= signal.stop, tick.bid >= first),
        Direction::Short => (tick.ask >= signal.stop, tick.ask <= first),
    };
    match (stopped, missed) {
        (true, _) => Some(Cause::Stop),
        (false, true) => Some(Cause::Missed),
        (false, false) => None,
    }
}

/// What rule 4 needs at least: the entry traded, and a whole later minute went its way and closed beyond it. `told` ends
/// with what confirmed it.
fn assert_confirmed(
    id: InstrumentId,
    signal: &Signal,
    since: SourceTime,
    told: &[Told],
    born: usize,
) {
    let (past, _) = told.split_at(told.len() - 1);
    let all: Vec<&Tick> = past.iter().filter_map(|told| tick_of(id, told)).collect();
    let entered = |tick: &&&Tick| match signal.direction {
        Direction::Long => tick.ask <= signal.entry,
        Direction::Short => tick.bid >= signal.entry,
    };
    // A posted one whose entry lies between the two prices is at the market.
    let mut quotes = all.iter().rev();
    let newest = quotes.find(|tick| tick.time == since);
    let at_market = matches!(told[born].event, Event::Alert(_))
        && newest.is_some_and(|tick| (tick.bid..=tick.ask).contains(&signal.entry));
    // The close of the bar that triggered it is its entry.
    let at_close = ["liquidity_sweep", "smt", "premium_discount"].contains(&signal.setup.as_str());
    let has_traded = || all.iter().filter(entered).any(|tick| tick.time >= since);
    assert!(at_market || at_close || has_traded(), "{signal:?}");
    let ticks = all;
    let mut minutes: BTreeMap<_, Vec<&Tick>> = BTreeMap::new();
    for tick in ticks {
        let minute = minutes
            .entry(tick.time.floor(Timeframe::M1.span()))
            .or_default();
        minute.push(tick);
    }
    let confirms = |(open_time, ticks): (&_, &Vec<&Tick>)| {
        let mut ticks = ticks.clone();
        ticks.sort_by_key(|tick| tick.time);
        let (open, close) = (ticks[0].mid(), ticks[ticks.len() - 1].mid());
        let along = |by: Price| by.times(signal.direction.sign()).is_positive();
        *open_time >= since && along(close - open) && along(close - signal.entry)
    };
    assert!(minutes.iter().any(confirms), "{signal:?}");
}

/// A tick of the symbol, unless it was dropped.
pub(crate) fn tick_of(id: InstrumentId, told: &Told) -> Option<&Tick> {
    match &told.event {
        Event::Tick(tick) if tick.instrument == id && !told.dropped => Some(tick),
        Event::Tick(_)
        | Event::Bar(_)
        | Event::Past(_)
        | Event::PreviousClose(_)
        | Event::Gap(_)
        | Event::Life(_)
        | Event::Switch(..)
        | Event::Alert(_)
        | Event::Start
        | Event::Stop
        | Event::Wake => None,
    }
}
