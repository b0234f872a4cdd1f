//! Which source an instrument's prices are taken from: the first fresh one of those that serve it, in the order the
//! operator named them. A source that stalls is replaced at the next price of another; one that is back must prove itself
//! before it is taken again, so that a flapping line does not tear the series at every turn.
//!
//! Pure: stamps come with what is told.

use crate::inbox::{Item, Told};
use market::{Event, InstrumentId, SourceId, Span, Time};

/// When a source gives way, and when it is trusted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A source of which nothing at all came for so long has stalled [5 s]; where heartbeats are rarer, twice their
    /// interval.
    pub stall: Span,
    /// How long a better source must have told prices without a stall before it is taken again [30 s].
    pub proof: Span,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            stall: Span::from_secs(5),
            proof: Span::from_secs(30),
        }
    }
}

/// The state of one source.
#[derive(Clone, Debug)]
struct Source {
    /// Nothing came for longer than this: it has stalled.
    stall: Span,
    /// Whether it shows life between ticks; if not, each symbol is judged by its own ticks.
    heartbeats: bool,
    up: bool,
    heard: Time,
}

/// One source's prices of one instrument.
#[derive(Clone, Copy, Debug)]
struct Series {
    /// Since when it has told them without a stall.
    since: Time,
    heard: Time,
}

/// Chooses, for every instrument.
#[derive(Clone, Debug)]
pub struct Ranking {
    terms: Terms,
    /// By source; the place is the rank, the first being the best.
    sources: Vec<Source>,
    /// By instrument: the source in use, and each source's series.
    desks: Vec<Desk>,
}

#[derive(Clone, Debug, Default)]
struct Desk {
    current: Option<SourceId>,
    series: Vec<Option<Series>>,
}

/// A change of the source of an instrument, for logs, health and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    pub instrument: InstrumentId,
    pub from: Option<SourceId>,
    pub to: SourceId,
}

/// What a source is, as far as ranking must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The longest ordinary time between two signs of life; `None` where it shows none between ticks.
    pub heartbeat: Option<Span>,
}

impl Ranking {
    /// `sources` in the order of their rank, which is that of the catalog.
    #[must_use]
    pub fn new(sources: &[Kind], instruments: usize, terms: Terms) -> Self {
        let source = |kind: &Kind| Source {
            stall: kind
                .heartbeat
                .map_or(terms.stall, |every| terms.stall.max(every + every)),
            heartbeats: kind.heartbeat.is_some(),
            up: false,
            heard: Time::MIN,
        };
        let desk = Desk {
            current: None,
            series: vec![None; sources.len()],
        };
        Self {
            terms,
            sources: sources.iter().map(source).collect(),
            desks: vec![desk; instruments],
        }
    }

    /// The source that an instrument's prices are taken from.
    #[must_use]
    pub fn current(&self, instrument: InstrumentId) -> Option<SourceId> {
        self.desks.get(instrument.index())?.current
    }

    /// Goes on with the source that the engine last knew.
    pub fn resume(&mut self, instrument: InstrumentId, source: SourceId) {
        if let Some(desk) = self.desks.get_mut(instrument.index())
            && source.index() < desk.series.len()
        {
            desk.current = Some(source);
        }
    }

    /// Goes on with other sources, in the order of their rank; beside each, where it stood until now, if it is the same one.
    /// An instrument whose source is gone waits for the next price of any.
    pub fn rearrange(&mut self, sources: &[(Kind, Option<SourceId>)]) {
        let kinds: Vec<_> = sources.iter().map(|(kind, _)| *kind).collect();
        let mut other = Self::new(&kinds, self.desks.len(), self.terms);
        for (place, (_, was)) in (0..).map(SourceId).zip(sources) {
            let Some((was, known)) =
                was.and_then(|was| Some((was, self.sources.get(was.index())?)))
            else {
                continue;
            };
            let source = &mut other.sources[place.index()];
            (source.up, source.heard) = (known.up, known.heard);
            for (desk, before) in other.desks.iter_mut().zip(&self.desks) {
                desk.series[place.index()] = before.series[was.index()];
                if before.current == Some(was) {
                    desk.current = Some(place);
                }
            }
        }
        *self = other;
    }

    /// The engine takes another source for an instrument's than this one does: the next price says which it is.
    pub fn release(&mut self, instrument: InstrumentId) {
        if let Some(desk) = self.desks.get_mut(instrument.index()) {
            desk.current = None;
        }
    }

    /// Takes what was told and appends the events the engine is to hear; says which source changed, if one did.
    pub fn take(&mut self, at: Time, item: Item, events: &mut Vec<Event>) -> Option<Switched> {
        let Item { source, told } = item;
        let state = self.sources.get_mut(source.index())?;
        match told {
            Told::Tick(tick) => {
                (state.heard, state.up) = (at, true);
                let switched = self.hear(at, source, tick.instrument);
                if let Some(switched) = switched {
                    events.push(Event::Switch(switched.instrument, switched.to));
                }
                if self.current(tick.instrument) == Some(source) {
                    events.push(Event::Tick(tick));
                } else if self.is_current_somewhere(source) {
                    // Its price is not wanted here, and still shows that the source of others lives.
                    self.note_life(source, events);
                }
                switched
            }
            Told::Life => {
                state.heard = at;
                events.push(Event::Life(source));
                None
            }
            Told::Began => {
                (state.heard, state.up) = (at, true);
                events.push(Event::Life(source));
                None
            }
            Told::Ended => {
                state.up = false;
                self.forget(source);
                events.push(Event::Gap(source));
                None
            }
            Told::Past(bars) => {
                // A better source that has only just come brings its past before it takes over.
                let wanted = |id| self.current(id).is_none_or(|current| source <= current);
                events.extend(
                    bars.into_iter()
                        .filter(|bar| wanted(bar.instrument))
                        .map(Event::Past),
                );
                None
            }
            Told::PreviousClose(close) => {
                events.push(Event::PreviousClose(close));
                None
            }
        }
    }

    /// A tick came: keeps the series, and decides whose prices are taken from now on.
    fn hear(&mut self, at: Time, source: SourceId, instrument: InstrumentId) -> Option<Switched> {
        let (stall, proof) = (self.sources[source.index()].stall, self.terms.proof);
        let desk = self.desks.get_mut(instrument.index())?;
        let series = desk.series.get_mut(source.index())?;
        let since = match series {
            Some(known) if at - known.heard < stall.max(proof) => known.since,
            Some(_) | None => at,
        };
        *series = Some(Series { since, heard: at });
        let from = desk.current;
        let takes = match from {
            None => true,
            Some(current) if current == source => false,
            Some(current) if self.has_stalled(at, current, instrument) => true,
            Some(current) => source < current && at - since >= proof,
        };
        if !takes {
            return None;
        }
        self.desks[instrument.index()].current = Some(source);
        let to = source;
        Some(Switched {
            instrument,
            from,
            to,
        })
    }

    /// Whether the source in use no longer tells this instrument's prices.
    fn has_stalled(&self, at: Time, source: SourceId, instrument: InstrumentId) -> bool {
        let state = &self.sources[source.index()];
        let heard = if state.heartbeats {
            state.heard
        } else {
            let series = self.desks[instrument.index()].series[source.index()];
            series.map_or(Time::MIN, |series| series.heard)
        };
        !state.up || heard == Time::MIN || at - heard >= state.stall
    }

    fn is_current_somewhere(&self, source: SourceId) -> bool {
        self.desks.iter().any(|desk| desk.current == Some(source))
    }

    fn note_life(&self, source: SourceId, events: &mut Vec<Event>) {
        // One sign of life in a batch is enough.
        let life = Event::Life(source);
        if !events.contains(&life) {
            events.push(life);
        }
    }

    fn forget(&mut self, source: SourceId) {
        for desk in &mut self.desks {
            desk.series[source.index()] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Price, Tick};

    const EURUSD: InstrumentId = InstrumentId(0);
    const FIRST: SourceId = SourceId(0);
    const SECOND: SourceId = SourceId(1);

    struct Table {
        ranking: Ranking,
        told: Vec<String>,
    }

    impl Table {
        fn new(heartbeat: Option<Span>) -> Self {
            let sources = [Kind { heartbeat }, Kind { heartbeat: None }];
            Self {
                ranking: Ranking::new(&sources, 1, Terms::default()),
                told: Vec::new(),
            }
        }

        fn tell(&mut self, second: i64, source: SourceId, told: Told) {
            let at = Time::from_secs(1000 + second);
            let mut events = Vec::new();
            self.ranking.take(at, Item { source, told }, &mut events);
            for event in events {
                if let Event::Switch(_, to) = event {
                    self.told.push(format!("{second}:to{}", to.0));
                }
            }
        }

        fn tick(&mut self, second: i64, source: SourceId) -> bool {
            let at = Time::from_secs(1000 + second);
            let price = Price::from_units(1);
            let tick = Tick {
                instrument: EURUSD,
                bid: price,
                ask: price,
                volume: None,
                time: at.as_source(),
                received: None,
            };
            self.tell(second, source, Told::Tick(tick));
            self.ranking.current(EURUSD) == Some(source)
        }
    }

    #[test]
    fn a_stall_is_taken_over_at_once_and_the_return_takes_proof() {
        let mut table = Table::new(None);
        for second in 0..10 {
            table.tick(second, FIRST);
            table.tick(second, SECOND);
        }
        // The first is silent from 10 on: nothing for 5 s is a stall.
        for second in 10..40 {
            table.tick(second, SECOND);
        }
        // It is back at 40, and is believed after half a minute.
        for second in 40..90 {
            table.tick(second, FIRST);
            table.tick(second, SECOND);
        }
        assert_eq!(table.told, ["0:to0", "14:to1", "70:to0"]);
    }

    #[test]
    fn a_quiet_symbol_of_a_source_that_lives_is_no_stall() {
        let mut table = Table::new(Some(Span::from_secs(5)));
        table.tell(0, FIRST, Told::Began);
        assert!(table.tick(0, FIRST));
        for second in 1..300 {
            if second % 5 == 0 {
                table.tell(second, FIRST, Told::Life);
            }
            assert!(!table.tick(second, SECOND));
        }
        // With heartbeats every 5 s, 10 s without any is a stall; the last came at 295.
        for second in 300..310 {
            table.tick(second, SECOND);
        }
        assert_eq!(table.told, ["0:to0", "305:to1"]);
    }

    #[test]
    fn a_lost_connection_is_a_stall_at_once_and_flapping_proves_nothing() {
        let mut table = Table::new(Some(Span::from_secs(5)));
        table.tick(0, FIRST);
        table.tell(1, FIRST, Told::Ended);
        assert!(table.tick(1, SECOND));
        for second in 2..200 {
            table.tick(second, SECOND);
            table.tick(second, FIRST);
            if second % 20 == 0 {
                table.tell(second, FIRST, Told::Ended);
            }
        }
        assert_eq!(table.told, ["0:to0", "1:to1"]);
    }

    #[test]
    fn ticks_of_the_others_are_not_mixed_in() {
        let mut table = Table::new(None);
        table.tick(0, FIRST);
        let mut events = Vec::new();
        let tick = Tick {
            instrument: EURUSD,
            bid: Price::from_units(1),
            ask: Price::from_units(1),
            volume: None,
            time: market::SourceTime::from_secs(1001),
            received: None,
        };
        let item = Item {
            source: SECOND,
            told: Told::Tick(tick),
        };
        table.ranking.take(Time::from_secs(1001), item, &mut events);
        assert_eq!(events, []);
    }

    const THIRD: SourceId = SourceId(2);
    const KIND: Kind = Kind { heartbeat: None };

    #[test]
    fn a_source_that_stays_is_known_wherever_it_stands() {
        let mut table = Table::new(None);
        table.tick(0, FIRST);
        table.tick(0, SECOND);
        // A new one goes before both, and the two change places.
        let sources = [(KIND, None), (KIND, Some(SECOND)), (KIND, Some(FIRST))];
        table.ranking.rearrange(&sources);
        assert_eq!(table.ranking.current(EURUSD), Some(THIRD));
        // What the second had proved until now counts: it is better than the first now.
        for second in 1..60 {
            table.tick(second, SECOND);
            table.tick(second, THIRD);
        }
        assert_eq!(table.told, ["0:to0", "30:to1"]);
        // The new one has to prove itself.
        for second in 60..120 {
            table.tick(second, FIRST);
            table.tick(second, SECOND);
        }
        assert_eq!(table.told, ["0:to0", "30:to1", "90:to0"]);
    }

    #[test]
    fn where_the_source_in_use_is_gone_the_next_price_of_any_is_taken() {
        let mut table = Table::new(None);
        table.tick(0, FIRST);
        table.tick(0, SECOND);
        table.ranking.rearrange(&[(KIND, Some(SECOND))]);
        assert_eq!(table.ranking.current(EURUSD), None);
        assert!(table.tick(1, FIRST));
        assert_eq!(table.told, ["0:to0", "1:to0"]);
    }

    #[test]
    fn a_source_that_begins_anew_in_its_place_has_proved_nothing() {
        let mut table = Table::new(None);
        for second in 0..100 {
            table.tick(second, FIRST);
            table.tick(second, SECOND);
        }
        table
            .ranking
            .rearrange(&[(KIND, None), (KIND, Some(SECOND))]);
        assert_eq!(table.ranking.current(EURUSD), None);
        table.tick(100, SECOND);
        for second in 101..140 {
            table.tick(second, FIRST);
            table.tick(second, SECOND);
        }
        assert_eq!(table.told, ["0:to0", "100:to1", "131:to0"]);
    }
}
