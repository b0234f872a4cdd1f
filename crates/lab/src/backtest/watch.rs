//! Hears what the engine is told and says, and keeps what becomes of each signal. It grows with the trades, not with the
//! recording.

use super::asked::Questions;
use super::chart::Charts;
use super::quote::Quote;
use super::report::{Grade, ModelUse};
use super::row::Row;
use engine::track::TrackRecord;
use engine::{Closed, Counts, Engine, Output, Refusal, Settings, session};
use market::{
    Bar, Event, InstrumentId, Outcome, OutcomeKind, Price, Signal, SourceTime, Status, Time,
    Timeframe, Uuid,
};
use std::collections::BTreeMap;

/// The part of a recording that counts, by the source's time. What comes before warms up: it is told, and counts nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Signals with an entry time from here on count.
    pub from: SourceTime,
    /// Nothing is told from here on.
    pub to: SourceTime,
}

impl Period {
    pub const ALL: Self = Self {
        from: SourceTime::MIN,
        to: SourceTime::MAX,
    };
}

/// What was told of one instrument in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub first: SourceTime,
    pub last: SourceTime,
    pub ticks: u64,
    pub bars: u64,
    /// The shortest bars.
    pub finest: Option<Timeframe>,
}

/// A confirmed signal that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub instrument: InstrumentId,
    /// As it was confirmed.
    pub signal: Signal,
    pub steps: Vec<Outcome>,
    pub row: Row,
    pub fill: Price,
    pub spread: Price,
    pub mfe: f64,
    pub mae: f64,
    pub ambiguous: bool,
    pub coarse: bool,
    /// A price turned the commission into the instrument's currency, where there is one.
    pub costs_known: bool,
    /// Its time ended before its first target and its stop.
    pub timed_out: bool,
    /// Bars around it, where it is one of those that are drawn.
    pub window: Vec<Bar>,
}

impl Ended {
    /// The price at which the position could have been closed when it was opened.
    pub(super) fn exit_at_fill(&self) -> Price {
        self.fill - self.spread.times(self.signal.direction.sign())
    }
}

/// Watches a run.
#[derive(Debug)]
pub struct Watch {
    period: Period,
    setup_tf: Timeframe,
    confirm_tf: Timeframe,
    /// The hours at which the instruments' trading days begin.
    rolls: Vec<i8>,
    ids: BTreeMap<market::Symbol, InstrumentId>,
    seen: Vec<Option<Seen>>,
    /// What the engine had counted when the period began.
    before: Option<Counts>,
    charts: Charts,
    running: BTreeMap<Uuid, Running>,
    /// In the order of their ends, each with its number.
    ended: Vec<(usize, Ended)>,
    born: u64,
    confirmed: u64,
    /// What is of a model's training, born and confirmed: counted nowhere else.
    of_training: (u64, u64),
    invalidated: BTreeMap<&'static str, u64>,
    record: TrackRecord,
    questions: Questions,
}

#[derive(Debug)]
struct Running {
    number: usize,
    signal: Signal,
    steps: Vec<Outcome>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Found {
    /// In the order of their ends.
    pub ended: Vec<Ended>,
    pub born: u64,
    pub confirmed: u64,
    pub running: u64,
    /// What a model had to do with that may have been trained on it: it is in none of the other fields.
    pub training: Trained,
    pub invalidated: BTreeMap<&'static str, u64>,
    /// By reason, in the engine's order.
    pub refused: Vec<(Refusal, u64)>,
    /// By instrument.
    pub seen: Vec<Option<Seen>>,
    pub grade: Grade,
    /// The same signals as the track record counts them.
    pub record: TrackRecord,
    /// How many trades are drawn, and of how many.
    pub drawn: (usize, usize),
    pub models: Vec<ModelUse>,
}

/// Signals from the time that the model behind them may have been trained on.
#[derive(Debug, Default)]
pub struct Trained {
    pub born: u64,
    pub confirmed: u64,
    /// In the order of their ends.
    pub ended: Vec<Ended>,
}

impl Watch {
    /// `charts`: at most so many trades keep the bars around them.
    #[must_use]
    pub fn new(settings: &Settings, period: Period, charts: usize) -> Self {
        let instruments = &settings.catalog.instruments;
        let rolls = instruments.iter();
        let rolls = rolls.map(|instrument| session::roll_hour(instrument.calendar));
        let ids = (0..).map(InstrumentId).zip(instruments);
        Self {
            period,
            setup_tf: settings.rules.setup_tf,
            confirm_tf: settings.rules.confirm_tf,
            rolls: rolls.collect(),
            ids: ids
                .map(|(id, instrument)| (instrument.symbol, id))
                .collect(),
            seen: vec![None; instruments.len()],
            before: None,
            charts: Charts::new(instruments.len(), charts),
            running: BTreeMap::new(),
            ended: Vec::new(),
            born: 0,
            confirmed: 0,
            of_training: (0, 0),
            invalidated: BTreeMap::new(),
            record: TrackRecord::default(),
            questions: Questions::default(),
        }
    }

    /// Whether an event is still of the period. Ask it before the engine is told.
    #[must_use]
    pub fn is_before_end(&self, event: &Event) -> bool {
        Quote::of(event).is_none_or(|quote| quote.time < self.period.to)
    }

    /// An event that the engine is about to be told.
    pub fn event(&mut self, event: &Event, engine: &Engine) {
        if let Event::Opinion(opinion) = event {
            self.questions.answer(opinion);
        }
        let Some(Quote {
            instrument,
            time,
            bar,
            ..
        }) = Quote::of(event)
        else {
            return;
        };
        if time < self.period.from {
            return;
        }
        if self.before.is_none() {
            self.before = Some(engine.counts().clone());
        }
        let Some(place) = self.seen.get_mut(instrument.index()) else {
            return;
        };
        let seen = place.get_or_insert(Seen {
            first: time,
            last: time,
            ticks: 0,
            bars: 0,
            finest: bar,
        });
        seen.last = time;
        match bar {
            None => (seen.ticks, seen.finest) = (seen.ticks + 1, None),
            Some(timeframe) => {
                seen.bars += 1;
                seen.finest = seen.finest.map(|finest| finest.min(timeframe));
            }
        }
    }

    /// What the engine said of it.
    pub fn output(&mut self, output: &Output) {
        match output {
            Output::Price(_) | Output::Answer(_) | Output::Calibration(_) => {}
            Output::Question(question) => self.questions.ask(question),
            Output::Shadow(shadow) => self.record.shadow(shadow),
            Output::Signal(signal) if signal.entry_time >= self.period.from => self.signal(signal),
            Output::Signal(_) => {}
            Output::Outcome(outcome) => self.outcome(outcome),
        }
    }

    /// The bars that closed with it.
    pub fn closed(&mut self, closed: &[Closed]) {
        for one in closed.iter().filter(|one| one.timeframe == self.setup_tf) {
            self.charts.close(one.instrument.index(), &one.bar);
        }
    }

    fn signal(&mut self, signal: &Signal) {
        let is_of_training = signal.is_of_training();
        let (born, confirmed) = if is_of_training {
            (&mut self.of_training.0, &mut self.of_training.1)
        } else {
            self.record.signal(signal);
            (&mut self.born, &mut self.confirmed)
        };
        match signal.status {
            Status::Pending => *born += 1,
            Status::Invalidated if is_of_training => {}
            Status::Invalidated => {
                let cause = signal.cause.map_or("unknown", market::Cause::as_str);
                *self.invalidated.entry(cause).or_default() += 1;
            }
            Status::Confirmed => {
                *confirmed += 1;
                let instrument = self.instrument_of(signal);
                let running = Running {
                    number: self.charts.begin(instrument.index()),
                    signal: signal.clone(),
                    steps: Vec::new(),
                };
                self.running.insert(signal.id, running);
            }
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let Some(running) = self.running.get_mut(&outcome.id) else {
            return;
        };
        self.record.outcome(outcome);
        running.steps.push(outcome.clone());
        if outcome.last
            && let Some(running) = self.running.remove(&outcome.id)
        {
            self.charts.end(running.number);
            let number = running.number;
            if let Some(ended) = self.end(running, outcome) {
                self.ended.push((number, ended));
            }
        }
    }

    /// `None` where nobody followed it to its end.
    fn end(&self, running: Running, last: &Outcome) -> Option<Ended> {
        let Running { signal, steps, .. } = running;
        let instrument = self.instrument_of(&signal);
        let end = last.end?;
        let row = Row {
            entered: signal.changed_at(),
            ended: last.at,
            day: self.day(instrument, last.at),
            hit: end.hit,
            confidence: signal.confidence.to_f64(),
            odds: signal.evidence.odds.map(market::Probability::to_f64),
            gross: last.realised?.to_f64(),
            cost: end.cost.map_or(0.0, market::Measure::to_f64),
        };
        Some(Ended {
            instrument,
            row,
            fill: end.fill,
            spread: end.spread,
            mfe: end.best.to_f64(),
            mae: -end.worst.to_f64(),
            ambiguous: end.ambiguous,
            coarse: end.coarse,
            costs_known: end.cost.is_some(),
            timed_out: last.kind == OutcomeKind::Timeout && !end.hit,
            window: Vec::new(),
            signal,
            steps,
        })
    }

    /// The trading day a moment lies in.
    fn day(&self, instrument: InstrumentId, at: Time) -> i32 {
        let roll = self.rolls.get(instrument.index());
        session::trading_day(at.as_source(), roll.copied().unwrap_or(17))
    }

    fn instrument_of(&self, signal: &Signal) -> InstrumentId {
        self.ids
            .get(&signal.symbol)
            .copied()
            .unwrap_or(InstrumentId(0))
    }

    fn grade(&self) -> Grade {
        let seen = || self.seen.iter().flatten();
        if seen().any(|seen| seen.finest > Some(self.confirm_tf)) {
            Grade::Coarse
        } else if seen().any(|seen| seen.finest.is_some()) {
            Grade::Minutes
        } else {
            Grade::Ticks
        }
    }

    /// What it came to. `engine` is the one that was watched.
    #[must_use]
    pub fn finish(mut self, engine: &Engine) -> Found {
        let drawn = self.charts.counts();
        let charts = &mut self.charts;
        let ended = self.ended.drain(..).map(|(number, mut ended)| {
            ended.window = charts.take(number);
            ended
        });
        let (training, ended) = ended.partition(|ended: &Ended| ended.signal.is_of_training());
        let counts = engine.counts();
        let before = self.before.as_ref();
        let refused = Refusal::ALL.map(|refusal| {
            let before = before.map_or(0, |before| before.refused(refusal));
            (refusal, counts.refused(refusal) - before)
        });
        Found {
            grade: self.grade(),
            ended,
            born: self.born,
            confirmed: self.confirmed,
            running: self
                .running
                .values()
                .filter(|one| !one.signal.is_of_training())
                .count() as u64,
            training: Trained {
                born: self.of_training.0,
                confirmed: self.of_training.1,
                ended: training,
            },
            invalidated: self.invalidated,
            refused: refused.to_vec(),
            seen: self.seen,
            record: self.record,
            drawn,
            models: self.questions.told(&engine.settings().models),
        }
    }
}
