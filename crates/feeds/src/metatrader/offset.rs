//! From the broker's clock to UTC. MetaTrader writes all times, milliseconds included, by the broker's server as if that
//! were UTC; most servers are two or three hours ahead of it and change at dates of their own.
//!
//! With `auto` the offset is what the ticks themselves show by ORION's clock when they are fresh, and what the advisor says
//! must agree. It is found again after every hour of silence, since clocks are changed while markets are closed, and where it
//! is not known nothing is guessed: the tick is kept out.

use crate::tape::Zone;
use market::{SourceTime, Span, Time};
use std::fmt;
use std::str::FromStr;

/// How the broker's clock is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTz {
    Auto,
    Zone(Zone),
}

impl FromStr for ServerTz {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse()
            .map(Self::Zone)
            .map_err(|error| format!("{error}; or auto, to find it out from fresh ticks"))
    }
}

/// Offsets are whole quarters of an hour.
const STEP_MS: i64 = 15 * 60 * 1000;
/// A tick is fresh that is no further than this from an offset of whole quarters [5 s].
const FRESH_MS: i64 = 5000;
/// Further from UTC than this is no clock.
const FARTHEST_S: i64 = 15 * 3600;
/// A clock is only ever changed by this, and while the market is closed.
const CHANGE_S: i64 = 3600;
/// After so long a silence the offset has to show itself again.
const SILENCE: Span = Span::from_hours(1);

/// So many ticks, over so long a time, must agree on an offset.
#[derive(Clone, Copy)]
struct Proof {
    ticks: u32,
    over: Span,
}

/// Where nothing speaks against it. Ticks that a terminal fetches late all come at once: they cannot span this.
const PROOF: Proof = Proof {
    ticks: 3,
    over: Span::from_secs(2),
};
/// Against an offset that was sure.
const STRONG_PROOF: Proof = Proof {
    ticks: 20,
    over: Span::from_secs(30),
};

/// Why a tick's time is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No fresh tick has shown it yet.
    Waiting,
    /// What the advisor says and what its ticks show by our clock; seconds ahead of UTC.
    Conflict { said: i64, seen: i64 },
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Waiting => f.write_str(
                "the broker's time zone is not known yet: it shows with the first fresh ticks; if the market is open and \
                 this stays, compare this server's clock, or set server_tz",
            ),
            Self::Conflict { said, seen } => write!(
                f,
                "the terminal says that the broker's clock is at {}, and by this server's clock it is at {}: correct the \
                 clock of the terminal's computer or of this one, or set server_tz",
                shown(said),
                shown(seen)
            ),
        }
    }
}

/// `+03:00`.
#[must_use]
pub fn shown(seconds: i64) -> String {
    let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
    Zone::Fixed(seconds).to_string()
}

/// One terminal's broker clock.
#[derive(Clone, Debug)]
pub struct BrokerClock {
    tz: ServerTz,
    /// Seconds ahead of UTC, once that is known.
    known: Option<i64>,
    /// Whether `known` has been seen since the last long silence.
    sure: bool,
    newest: Option<Time>,
    evidence: Option<Evidence>,
    conflict: Option<Unknown>,
}

/// Ticks in a row that agree on another offset than the known one.
#[derive(Clone, Copy, Debug)]
struct Evidence {
    offset: i64,
    since: Time,
    ticks: u32,
}

impl BrokerClock {
    #[must_use]
    pub fn new(tz: ServerTz) -> Self {
        Self {
            tz,
            known: None,
            sure: false,
            newest: None,
            evidence: None,
            conflict: None,
        }
    }

    /// Seconds ahead of UTC, where ticks have shown it.
    #[must_use]
    pub fn offset(&self) -> Option<i64> {
        self.known.filter(|_| self.sure)
    }

    /// A tick's time: `time_msc` as MetaTrader wrote it, `seen` when the advisor saw it by our clock, `said` the offset that
    /// the advisor claims.
    ///
    /// # Errors
    /// Why the time is not known; the tick is to be kept out.
    pub fn utc(
        &mut self,
        time_msc: i64,
        seen: Time,
        said: Option<i64>,
    ) -> Result<SourceTime, Unknown> {
        let offset = match self.tz {
            ServerTz::Zone(zone) => zone.offset(time_msc.div_euclid(1000)),
            ServerTz::Auto => self.find(time_msc, seen, said)?,
        };
        Ok(SourceTime::from_millis(time_msc) - Span::from_secs(offset))
    }

    fn find(&mut self, time_msc: i64, seen: Time, said: Option<i64>) -> Result<i64, Unknown> {
        if self.newest.is_some_and(|newest| seen - newest >= SILENCE) {
            self.sure = false;
            self.evidence = None;
        }
        self.newest = self.newest.max(Some(seen));
        if let Some(shown) = fresh_offset(time_msc, seen) {
            self.weigh(shown, said, seen);
        }
        self.offset()
            .ok_or(self.conflict.unwrap_or(Unknown::Waiting))
    }

    /// Takes what a fresh tick shows.
    fn weigh(&mut self, shown: i64, said: Option<i64>, seen: Time) {
        if self.known == Some(shown) {
            return self.believe(shown);
        }
        if !self.sure
            && let Some(said) = said
        {
            if said == shown {
                return self.believe(shown);
            }
            self.conflict = Some(Unknown::Conflict { said, seen: shown });
            return;
        }
        let evidence = match self.evidence {
            Some(evidence) if evidence.offset == shown => Evidence {
                ticks: evidence.ticks + 1,
                ..evidence
            },
            Some(_) | None => Evidence {
                offset: shown,
                since: seen,
                ticks: 1,
            },
        };
        self.evidence = Some(evidence);
        let proof = self.proof_of(shown);
        if evidence.ticks >= proof.ticks && seen - evidence.since >= proof.over {
            self.believe(shown);
        }
    }

    fn proof_of(&self, shown: i64) -> Proof {
        let expected = self
            .known
            .is_none_or(|known| (known - shown).abs() == CHANGE_S);
        if self.sure || !expected {
            STRONG_PROOF
        } else {
            PROOF
        }
    }

    fn believe(&mut self, offset: i64) {
        self.known = Some(offset);
        self.sure = true;
        self.evidence = None;
        self.conflict = None;
    }
}

/// The offset that a tick shows if it is fresh: late by less than [`FRESH_MS`] from whole quarters of an hour.
fn fresh_offset(time_msc: i64, seen: Time) -> Option<i64> {
    let ahead = time_msc.checked_sub(seen.millis())?;
    let steps = ahead.checked_add(STEP_MS / 2)?.div_euclid(STEP_MS);
    let rest = ahead - steps * STEP_MS;
    let offset = steps * (STEP_MS / 1000);
    (rest.abs() <= FRESH_MS && offset.abs() <= FARTHEST_S).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3600;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    /// A tick that is `late_ms` old when it is seen, of a broker so far ahead.
    fn tick(
        clock: &mut BrokerClock,
        seen: Time,
        offset: i64,
        late_ms: i64,
        said: Option<i64>,
    ) -> String {
        let time_msc = seen.millis() - late_ms + offset * 1000;
        match clock.utc(time_msc, seen, said) {
            Ok(time) => format!("{}", (seen.as_source() - time).millis()),
            Err(Unknown::Waiting) => "waits".to_owned(),
            Err(Unknown::Conflict { .. }) => "conflict".to_owned(),
        }
    }

    fn auto() -> BrokerClock {
        BrokerClock::new(ServerTz::Auto)
    }

    /// 2026: New York changes on 8 March and 1 November, Athens on 29 March and 25 October.
    #[test]
    fn the_two_kinds_of_eet_in_the_weeks_between_the_dates_of_change() {
        let mut clocks =
            ["eet_us", "eet_eu", "utc", "+02:00"].map(|tz| BrokerClock::new(tz.parse().unwrap()));
        for (local, expected) in [
            ("2026-03-06T12:00:00Z", [2, 2, 0, 2]),
            ("2026-03-10T12:00:00Z", [3, 2, 0, 2]),
            ("2026-03-27T12:00:00Z", [3, 2, 0, 2]),
            ("2026-03-30T12:00:00Z", [3, 3, 0, 2]),
            ("2026-10-23T12:00:00Z", [3, 3, 0, 2]),
            ("2026-10-26T12:00:00Z", [3, 2, 0, 2]),
            ("2026-10-30T12:00:00Z", [3, 2, 0, 2]),
            ("2026-11-02T12:00:00Z", [2, 2, 0, 2]),
            // The first tick of the week in New York's summer and winter: midnight of American EET.
            ("2026-03-09T00:00:00Z", [3, 2, 0, 2]),
            ("2026-11-02T00:00:00Z", [2, 2, 0, 2]),
        ] {
            let local = at(local);
            let ahead = clocks.each_mut().map(|clock| {
                let time = clock.utc(local.millis(), local, None).unwrap();
                (local.as_source() - time).nanos() / 3_600_000_000_000
            });
            assert_eq!(ahead, expected, "{local}");
        }
    }

    #[test]
    fn a_fresh_tick_that_agrees_with_the_advisor_is_enough() {
        let mut clock = auto();
        let now = at("2026-11-23T14:00:00Z");
        assert_eq!(tick(&mut clock, now, 2 * HOUR, 80, Some(2 * HOUR)), "80");
        assert_eq!(clock.offset(), Some(2 * HOUR));
        // From then on late ticks are late, and not of another zone, whatever the advisor says.
        assert_eq!(
            tick(&mut clock, now, 2 * HOUR, HOUR * 1000, Some(2 * HOUR)),
            "3600000"
        );
        assert_eq!(tick(&mut clock, now, 2 * HOUR, 90, Some(3 * HOUR)), "90");
    }

    #[test]
    fn a_stale_tick_shows_nothing() {
        let mut clock = auto();
        let saturday = at("2026-11-21T12:00:00Z");
        // Friday's last tick, fifteen hours old to the minute and some seconds.
        let late = 14 * HOUR * 1000 + 6 * 60 * 1000;
        for _ in 0..100 {
            assert_eq!(tick(&mut clock, saturday, 2 * HOUR, late, None), "waits");
            assert_eq!(
                tick(&mut clock, saturday, 2 * HOUR, late, Some(2 * HOUR)),
                "waits"
            );
        }
        assert_eq!(clock.offset(), None);
    }

    /// Without a word of the advisor: three ticks over two seconds. Ticks fetched late come at once.
    #[test]
    fn without_the_advisors_word_several_ticks_must_agree() {
        let mut clock = auto();
        let now = at("2026-11-23T14:00:00Z");
        for _ in 0..10 {
            assert_eq!(
                tick(&mut clock, now, 3 * HOUR, 15 * 60 * 1000 + 40, None),
                "waits"
            );
        }
        let mut words = Vec::new();
        for second in 1..5 {
            let seen = now + Span::from_secs(second);
            words.push(tick(&mut clock, seen, 3 * HOUR, 40, None));
        }
        assert_eq!(words, ["waits", "waits", "40", "40"]);
        assert_eq!(clock.offset(), Some(3 * HOUR));
    }

    #[test]
    fn a_word_that_the_ticks_contradict_is_not_taken() {
        let mut clock = auto();
        let now = at("2026-11-23T14:00:00Z");
        for second in 0..100 {
            let seen = now + Span::from_secs(second);
            assert_eq!(
                tick(&mut clock, seen, 2 * HOUR, 40, Some(3 * HOUR)),
                "conflict"
            );
        }
        let why = clock
            .utc(now.millis() + 7_200_000, now, Some(3 * HOUR))
            .unwrap_err();
        let text = why.to_string();
        assert!(
            text.contains("at +03:00") && text.contains("at +02:00"),
            "{text}"
        );
        // The computer's clock is set right.
        let seen = now + Span::from_secs(200);
        assert_eq!(tick(&mut clock, seen, 2 * HOUR, 40, Some(2 * HOUR)), "40");
    }

    /// Over the weekend of the change the clock goes an hour; before the first fresh tick nothing is told.
    #[test]
    fn a_weekends_change_is_found_again() {
        for (friday, sunday, before, after) in [
            ("2026-03-06T21:59:00Z", "2026-03-08T21:00:05Z", 2, 3),
            ("2026-10-30T20:59:00Z", "2026-11-01T22:00:05Z", 3, 2),
        ] {
            let (before, after) = (before * HOUR, after * HOUR);
            let mut clock = auto();
            assert_eq!(tick(&mut clock, at(friday), before, 10, Some(before)), "10");
            let sunday = at(sunday);
            // Friday's last tick once more is no sign of anything.
            let late = (sunday - at(friday)).millis();
            assert_eq!(tick(&mut clock, sunday, before, late, None), "waits");
            let mut silent = clock.clone();
            assert_eq!(tick(&mut clock, sunday, after, 10, Some(after)), "10");
            // Without the advisor's word it takes three.
            let words: Vec<_> = (0..3)
                .map(|second| {
                    tick(
                        &mut silent,
                        sunday + Span::from_secs(second),
                        after,
                        10,
                        None,
                    )
                })
                .collect();
            assert_eq!(words, ["waits", "waits", "10"]);
        }
    }

    #[test]
    fn an_unchanged_clock_costs_no_tick_after_a_silence() {
        let mut clock = auto();
        let friday = at("2026-11-20T21:59:00Z");
        assert_eq!(tick(&mut clock, friday, 2 * HOUR, 10, Some(2 * HOUR)), "10");
        assert_eq!(
            tick(&mut clock, at("2026-11-22T22:00:05Z"), 2 * HOUR, 10, None),
            "10"
        );
    }

    #[test]
    fn a_sure_offset_gives_way_only_to_strong_proof() {
        let mut clock = auto();
        let now = at("2026-11-23T14:00:00Z");
        assert_eq!(tick(&mut clock, now, 2 * HOUR, 10, Some(2 * HOUR)), "10");
        // A burst that is an hour late to the second is late, not of another zone.
        for _ in 0..100 {
            assert_eq!(tick(&mut clock, now, HOUR, 10, None), "3600010");
        }
        for second in 1..=30 {
            let _ = tick(&mut clock, now + Span::from_secs(second), HOUR, 10, None);
        }
        assert_eq!(clock.offset(), Some(HOUR));
    }

    #[test]
    fn the_settings_words() {
        for text in ["auto", "utc", "eet_us", "eet_eu", "+03:00", "-05:00"] {
            assert!(text.parse::<ServerTz>().is_ok(), "{text}");
        }
        assert!(
            "Europe/Paris"
                .parse::<ServerTz>()
                .unwrap_err()
                .contains("or auto")
        );
        assert_eq!(
            (shown(-19_800), shown(0)),
            ("-05:30".to_owned(), "+00:00".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_times_are_told_or_kept_out(
            times in proptest::collection::vec((631_152_000_000_i64..7_258_118_400_000, any::<i64>(), any::<Option<i64>>()), 1..50),
        ) {
            let mut clock = auto();
            for (time_msc, seen, said) in times {
                let _ = clock.utc(time_msc, Time::from_nanos(seen), said);
            }
        }

        /// Whatever is told is told by the one offset that fresh ticks have shown.
        #[test]
        fn no_tick_is_told_an_hour_wrong(
            steps in proptest::collection::vec((0_i64..200, 0_i64..3_000_000), 1..200), offset in -48_i64..=56,
        ) {
            let offset = offset * 900;
            let (mut clock, mut seen) = (auto(), at("2026-11-23T14:00:00Z"));
            for (step, late) in steps {
                seen = seen + Span::from_secs(step);
                let word = tick(&mut clock, seen, offset, late, Some(offset));
                prop_assert!(word == "waits" || word == "conflict" || word == late.to_string(), "{}", word);
            }
        }
    }
}
