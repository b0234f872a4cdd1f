//! Random entries beside each trade: the same distances of stop and targets, the same rules of what becomes of it, at another
//! moment. What they bring is what the trades would bring if the moment were worth nothing.
//!
//! They are drawn within a week of the trade, where the market is as lively, and are told to an engine of their own as
//! somebody's signals that he confirms himself: it follows them exactly as it follows its own.

use super::figures::newcombe;
use super::quote::Quote;
use super::report::{Band, Control, Tally};
use super::row::{Row, date, mean};
use super::watch::{Ended, Seen};
use crate::market::random::Random;
use crate::replay::Paced;
use engine::{Engine, Output, Settings, session};
use market::{Alert, Direction, Event, Price, SourceTime, Span, Status, Target, Time, Uuid};
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How far from its trade an entry lies at most.
const WITHIN: Span = Span::from_hours(7 * 24);
/// An entry whose price comes later than this has none: its moment lay in a gap.
const LATEST: Span = Span::from_hours(2);
/// How often an open moment is looked for.
const TRIES: u32 = 100;
/// Entries beside each trade, and of all trades together.
const PER_TRADE: u32 = 5;
const MOST: u32 = 50_000;
/// How often the band is drawn.
const BANDS: usize = 400;

/// Where and how to enter.
#[derive(Clone, Debug)]
struct Entry {
    time: SourceTime,
    /// The place of its trade.
    trade: usize,
    id: Uuid,
}

/// The levels of a trade, from the price at which its position could have been closed when it was confirmed.
#[derive(Clone, Debug)]
struct Shape {
    direction: Direction,
    entry: Price,
    stop: Price,
    targets: Vec<Target>,
}

/// The random entries of a run.
#[derive(Clone, Debug)]
pub struct Drawn {
    per_trade: u32,
    shapes: Vec<Shape>,
    /// By instrument, the first first.
    entries: Vec<VecDeque<Entry>>,
    /// Whether an instrument without entries may be left out of what is told.
    apart: bool,
}

/// What became of a random entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// The place of its trade.
    pub trade: usize,
    pub row: Row,
}

impl Drawn {
    /// Draws the entries beside trades of a run. `seen` is what was told of each instrument.
    #[must_use]
    pub fn new(ended: &[Ended], seen: &[Option<Seen>], settings: &Settings, seed: u64) -> Self {
        let per_trade = PER_TRADE.min((MOST / (ended.len() as u32).max(1)).max(1));
        let mut drawn = Self {
            per_trade,
            shapes: ended.iter().map(Shape::of).collect(),
            entries: vec![VecDeque::new(); settings.catalog.instruments.len()],
            apart: false,
        };
        for (trade, ended) in ended.iter().enumerate() {
            let Some(Some(seen)) = seen.get(ended.instrument.index()) else {
                continue;
            };
            let mut random = Random::of([seed, 0x0063_6f6e_7472, trade as u64]);
            for number in 0..per_trade {
                let id = Uuid::from_u128((trade as u128) << 32 | u128::from(number));
                let time = open_moment(ended, seen, settings, &mut random);
                let entry = time.map(|time| Entry { time, trade, id });
                drawn.entries[ended.instrument.index()].extend(entry);
            }
        }
        for entries in &mut drawn.entries {
            entries.make_contiguous().sort_by_key(|entry| entry.time);
        }
        drawn
    }

    /// As [`Drawn::run`], with an engine that reads its charts whole.
    #[cfg(test)]
    pub(super) fn run_in_full<E>(
        self,
        settings: &Settings,
        events: impl Iterator<Item = Result<(Time, Event), E>>,
    ) -> Result<Vec<Tried>, E> {
        self.run_on(Engine::new(Arc::new(without_setups(settings))), events)
    }

    /// One entry beside each trade, when the trade itself was entered.
    #[cfg(test)]
    pub(super) fn at_their_own_moments(ended: &[Ended], settings: &Settings) -> Self {
        let mut drawn = Self {
            per_trade: 1,
            shapes: ended.iter().map(Shape::of).collect(),
            entries: vec![VecDeque::new(); settings.catalog.instruments.len()],
            apart: false,
        };
        for (trade, ended) in ended.iter().enumerate() {
            let entry = Entry {
                time: ended.signal.changed_at().as_source(),
                trade,
                id: Uuid::from_u128((trade as u128) << 32),
            };
            drawn.entries[ended.instrument.index()].push_back(entry);
        }
        for entries in &mut drawn.entries {
            entries.make_contiguous().sort_by_key(|entry| entry.time);
        }
        drawn
    }

    /// How many there are beside each trade at most.
    #[must_use]
    pub fn per_trade(&self) -> u32 {
        self.per_trade
    }

    /// In two, with about as many entries each and each instrument's in one of them, so that they can be told at the same time.
    /// Where the price of one instrument tells what another's commission is worth, they stay together.
    #[must_use]
    pub fn apart(self, settings: &Settings) -> Vec<Self> {
        if settings.account.needs_rates() {
            return vec![self];
        }
        let none = Self {
            shapes: self.shapes.clone(),
            entries: vec![VecDeque::new(); self.entries.len()],
            apart: true,
            ..self
        };
        let (mut halves, mut counts) = ([none.clone(), none], [0, 0]);
        let mut entries: Vec<_> = self.entries.into_iter().enumerate().collect();
        entries.sort_by_key(|(place, entries)| (Reverse(entries.len()), *place));
        for (place, entries) in entries {
            let fewer = usize::from(counts[1] < counts[0]);
            counts[fewer] += entries.len();
            halves[fewer].entries[place] = entries;
        }
        halves.into()
    }

    /// Tells the recording again, to an engine that has no setups, with the entries between.
    ///
    /// # Errors
    /// What the recording reports.
    pub fn run<E>(
        self,
        settings: &Settings,
        events: impl Iterator<Item = Result<(Time, Event), E>>,
    ) -> Result<Vec<Tried>, E> {
        let mut engine = Engine::new(Arc::new(without_setups(settings)));
        engine.read_for_stops();
        engine.leave_out_found();
        self.run_on(engine, events)
    }

    fn run_on<E>(
        mut self,
        mut engine: Engine,
        events: impl Iterator<Item = Result<(Time, Event), E>>,
    ) -> Result<Vec<Tried>, E> {
        let settings = Arc::clone(engine.settings());
        let told: Vec<bool> = self
            .entries
            .iter()
            .map(|of| !(self.apart && of.is_empty()))
            .collect();
        let is_told = |event: &Event| {
            Quote::of(event).is_none_or(|quote| told.get(quote.instrument.index()) == Some(&true))
        };
        let events = events.filter(|next| next.as_ref().map_or(true, |(_, event)| is_told(event)));
        let mut paced = Paced::new(events, Time::MIN);
        let mut following = Following::default();
        let mut out = Vec::new();
        let mut left: usize = self.entries.iter().map(VecDeque::len).sum();
        while !paced.is_over() && (left > 0 || !following.open.is_empty()) {
            let Some(next) = paced.next(engine.wake_at()) else {
                break;
            };
            let (at, event) = next?;
            engine.handle(at, &event, &mut out);
            if let Some(quote) = Quote::of(&event) {
                left -= self.enter(at, &quote, &mut engine, &mut out);
            }
            following.hear(&mut out, &settings);
        }
        Ok(following.ended)
    }

    /// Tells the engine the entries whose time has come; returns how many are done with.
    fn enter(
        &mut self,
        at: Time,
        quote: &Quote,
        engine: &mut Engine,
        out: &mut Vec<Output>,
    ) -> usize {
        let Some(entries) = self.entries.get_mut(quote.instrument.index()) else {
            return 0;
        };
        let mut done = 0;
        while let Some(entry) = entries.pop_front_if(|entry| entry.time <= quote.time) {
            done += 1;
            if quote.time - entry.time > LATEST {
                continue;
            }
            let mut alert = self.shapes[entry.trade].alert(entry.id, quote);
            engine.handle(at, &Event::Alert(Box::new(alert.clone())), out);
            (alert.status, alert.digest) = (Status::Confirmed, Uuid::from_u128(1));
            engine.handle(at, &Event::Alert(Box::new(alert)), out);
        }
        done
    }
}

/// A moment within a week of a trade at which its market is open and was told.
fn open_moment(
    ended: &Ended,
    seen: &Seen,
    settings: &Settings,
    random: &mut Random,
) -> Option<SourceTime> {
    let middle = ended.signal.changed_at().as_source();
    let from = (middle - WITHIN).max(seen.first).nanos();
    let to = (middle + WITHIN).min(seen.last).nanos();
    let instrument = settings.catalog.instrument(ended.instrument);
    let source = settings.catalog.source_of(ended.instrument);
    let draw = |_| SourceTime::from_nanos(from + (random.uniform() * (to - from) as f64) as i64);
    (0..TRIES)
        .map(draw)
        .find(|time| session::is_open(instrument, source, *time))
}

/// An engine that follows and does nothing else: nothing holds anybody back.
fn without_setups(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    let free = |rules: &mut engine::Rules| {
        rules.setups.clear();
        rules.min_risk_spreads = 0.0;
        rules.posted_max_risk_percent = 100.0;
        rules.posted_max_distance_percent = 100.0;
        (rules.posted_max_open, rules.posted_max_per_day) = (0, 0);
        // Nobody asks how sure they are.
        rules.cal_min_platt = u32::MAX;
    };
    free(&mut settings.rules);
    settings
        .own_rules
        .symbol
        .values_mut()
        .for_each(|own| free(&mut own.rules));
    settings.portfolio.block = false;
    settings.models = engine::ModelRules::default();
    settings
}

impl Shape {
    fn of(ended: &Ended) -> Self {
        let signal = &ended.signal;
        let exit = ended.exit_at_fill();
        Self {
            direction: signal.direction,
            entry: signal.entry - exit,
            stop: signal.stop - exit,
            targets: signal
                .targets
                .iter()
                .map(|target| moved(target, Price::ZERO - exit))
                .collect(),
        }
    }

    /// The same at this moment, as somebody would post it.
    fn alert(&self, id: Uuid, quote: &Quote) -> Alert {
        let exit = quote.exit(self.direction);
        Alert {
            sender: "control".to_owned(),
            id,
            digest: Uuid::nil(),
            status: Status::Pending,
            instrument: quote.instrument,
            direction: self.direction,
            entry_time: None,
            entry: Some(self.entry + exit),
            stop: Some(self.stop + exit),
            targets: self
                .targets
                .iter()
                .map(|target| moved(target, exit))
                .collect(),
            reason: String::new(),
            confidence: None,
            killzone: None,
            timeframe: None,
            setup: "control".to_owned(),
            dry_run: false,
        }
    }
}

fn moved(target: &Target, by: Price) -> Target {
    Target {
        price: target.price + by,
        ..*target
    }
}

/// What becomes of the entries.
#[derive(Debug, Default)]
struct Following {
    /// When each was confirmed, and its odds.
    open: BTreeMap<Uuid, (Time, Option<f64>)>,
    ended: Vec<Tried>,
}

impl Following {
    fn hear(&mut self, out: &mut Vec<Output>, settings: &Settings) {
        for output in out.drain(..) {
            match output {
                Output::Signal(signal) if signal.status == Status::Confirmed => {
                    let odds = signal.evidence.odds.map(market::Probability::to_f64);
                    self.open.insert(signal.id, (signal.changed_at(), odds));
                }
                Output::Outcome(outcome) => self.outcome(&outcome, settings),
                Output::Signal(_)
                | Output::Price(_)
                | Output::Answer(_)
                | Output::Shadow(_)
                | Output::Calibration(_)
                | Output::Question(_) => {}
            }
        }
    }

    fn outcome(&mut self, outcome: &market::Outcome, settings: &Settings) {
        let (true, Some((entered, odds))) = (outcome.last, self.open.get(&outcome.id).copied())
        else {
            return;
        };
        self.open.remove(&outcome.id);
        let (Some(end), Some(realised)) = (outcome.end, outcome.realised) else {
            return;
        };
        let instrument = settings.catalog.find(outcome.symbol.as_str());
        let calendar = instrument.map(|id| settings.catalog.instrument(id).calendar);
        let roll = calendar.map_or(17, session::roll_hour);
        let row = Row {
            entered,
            ended: outcome.at,
            day: session::trading_day(outcome.at.as_source(), roll),
            hit: end.hit,
            confidence: 0.0,
            odds,
            gross: realised.to_f64(),
            cost: end.cost.map_or(0.0, market::Measure::to_f64),
        };
        self.ended.push(Tried {
            trade: (outcome.id.as_u128() >> 32) as usize,
            row,
        });
    }
}

/// What the random entries say of the trades.
pub(super) fn control(
    trades: &[Row],
    per_trade: u32,
    mut tried: Vec<Tried>,
    seed: u64,
) -> Option<Control> {
    tried.sort_by_key(|one| (one.trade, one.row.ended));
    let rows: Vec<Row> = tried.iter().map(|one| one.row).collect();
    let (of_trades, of_control) = (Tally::of(trades), Tally::of(&rows));
    if of_trades.n == 0 || of_control.n == 0 {
        return None;
    }
    let (low, high) = newcombe(
        (of_trades.hits, of_trades.n),
        (of_control.hits, of_control.n),
    );
    Some(Control {
        per_trade,
        n: of_control.n,
        hits: of_control.hits,
        rate: of_control.rate,
        low: of_control.low,
        high: of_control.high,
        chance: of_control.chance.unwrap_or(0.0),
        mean_r: mean(rows.iter().map(Row::net)).unwrap_or(0.0),
        difference: of_trades.rate - of_control.rate,
        difference_low: low,
        difference_high: high,
        band: band(trades, &tried, seed),
    })
}

/// The sum of as many random entries as there are trades, one beside each, day by day.
fn band(trades: &[Row], tried: &[Tried], seed: u64) -> Vec<Band> {
    let days: Vec<i32> = trades
        .chunk_by(|one, other| one.day == other.day)
        .filter_map(|of_day| of_day.first().map(|row| row.day))
        .collect();
    // Of each entry what it brings, and on which of these days. What ends after the last is seen by nobody.
    let placed = |one: &Tried| {
        let place = days.partition_point(|day| *day < one.row.day);
        (place, one.row.net())
    };
    let beside: Vec<Vec<(usize, f64)>> = tried
        .chunk_by(|one, other| one.trade == other.trade)
        .map(|entries| entries.iter().map(placed).collect())
        .collect();
    let mut random = Random::of([seed, 0x6261_6e64, trades.len() as u64]);
    let mut sums: Vec<Vec<f64>> = vec![Vec::with_capacity(BANDS); days.len()];
    for _ in 0..BANDS {
        let mut of_day = vec![0.0; days.len()];
        for entries in &beside {
            let (place, net) = entries[random.whole(0, entries.len() as i64 - 1) as usize];
            if let Some(sum) = of_day.get_mut(place) {
                *sum += net;
            }
        }
        let mut sum = 0.0;
        for (day, sums) in of_day.iter().zip(&mut sums) {
            sum += day;
            sums.push(sum);
        }
    }
    days.iter()
        .zip(&mut sums)
        .filter_map(|(day, sums)| {
            let (low, high) = super::bootstrap::middle_95(sums)?;
            Some(Band {
                day: date(*day),
                low,
                middle: sums[BANDS / 2],
                high,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::row::testing::row;
    use super::*;

    fn near(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} for {expected}");
    }

    #[test]
    fn the_difference_is_newcombes() {
        // His table II, 56 of 70 and 48 of 80: 0.0524 to 0.3339.
        let (low, high) = newcombe((56, 70), (48, 80));
        near(low, 0.0524, 1e-3);
        near(high, 0.3339, 1e-3);
    }

    #[test]
    fn the_band_lies_around_what_entries_bring() {
        let trades: Vec<Row> = (0..50).map(|day| row(day, true, 0.5, 1.0)).collect();
        let tried: Vec<Tried> = (0..50)
            .flat_map(|trade| [1.0, -1.0].map(|gross| (trade, gross)))
            .map(|(trade, gross)| Tried {
                trade,
                row: row(trade as i32, gross > 0.0, 0.5, gross + 0.1),
            })
            .collect();
        let control = control(&trades, 2, tried, 3).unwrap();
        assert_eq!((control.n, control.hits), (100, 50));
        near(control.mean_r, 0.0, 1e-9);
        near(control.difference, 0.5, 1e-9);
        assert!(control.difference_low > 0.3 && control.difference_high < 0.61);
        let last = control.band.last().unwrap();
        // Fifty steps of one: the deviation of their sum is 7.07.
        near(last.middle, 0.0, 2.1);
        near(last.low, -14.0, 3.0);
        near(last.high, 14.0, 3.0);
        assert_eq!((control.band.len(), last.day.as_str()), (50, "1970-02-19"));
    }

    #[test]
    fn without_entries_there_is_no_control() {
        assert_eq!(control(&[row(1, true, 0.5, 1.0)], 5, Vec::new(), 1), None);
    }
}
