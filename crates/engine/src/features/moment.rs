//! What can be read of a moment: its place in the day, the spread, and of a signal its own facts. The formulas are in
//! `docs/features.md`.

use super::watch::{known, sign};
use crate::session;
use market::{Calendar, Direction, Killzone, NewYork, Price, Signal, SourceTime};
use std::f64::consts::TAU;

/// One number of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentValue {
    KillzoneAsia,
    KillzoneLondon,
    KillzoneNyAm,
    KillzoneLunch,
    KillzonePm,
    KillzoneMinutes,
    Weekday,
    HourSin,
    HourCos,
    Spread,
    SpreadToUsual,
    SignalDirection,
    SignalRisk,
    SignalRr,
    SignalFirst,
    SignalSpread,
}

impl MomentValue {
    pub(super) const ALL: [Self; 16] = [
        Self::KillzoneAsia,
        Self::KillzoneLondon,
        Self::KillzoneNyAm,
        Self::KillzoneLunch,
        Self::KillzonePm,
        Self::KillzoneMinutes,
        Self::Weekday,
        Self::HourSin,
        Self::HourCos,
        Self::Spread,
        Self::SpreadToUsual,
        Self::SignalDirection,
        Self::SignalRisk,
        Self::SignalRr,
        Self::SignalFirst,
        Self::SignalSpread,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::KillzoneAsia => "killzone_asia",
            Self::KillzoneLondon => "killzone_london",
            Self::KillzoneNyAm => "killzone_ny_am",
            Self::KillzoneLunch => "killzone_lunch",
            Self::KillzonePm => "killzone_pm",
            Self::KillzoneMinutes => "killzone_minutes",
            Self::Weekday => "weekday",
            Self::HourSin => "hour_sin",
            Self::HourCos => "hour_cos",
            Self::Spread => "spread_atr",
            Self::SpreadToUsual => "spread_to_usual",
            Self::SignalDirection => "signal_direction",
            Self::SignalRisk => "signal_risk_atr",
            Self::SignalRr => "signal_rr",
            Self::SignalFirst => "signal_first_r",
            Self::SignalSpread => "signal_spread_r",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == name)
    }

    pub(super) fn is_of_signals(self) -> bool {
        self.as_str().starts_with("signal_")
    }
}

/// What a signal says of itself at its birth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub direction: Direction,
    pub entry: Price,
    pub stop: Price,
    /// The first target, and the last one.
    pub first: Price,
    pub last: Price,
}

impl Facts {
    /// `None` for one without targets, which there is not.
    pub(crate) fn of(signal: &Signal) -> Option<Self> {
        let (first, last) = (signal.targets.first()?, signal.targets.last()?);
        Some(Self {
            direction: signal.direction,
            entry: signal.entry,
            stop: signal.stop,
            first: first.price,
            last: last.price,
        })
    }

    /// How far a price lies from the entry, in multiples of the risk.
    pub(super) fn in_risks(&self, price: Price) -> f64 {
        let way = (price - self.entry).times(self.direction.sign());
        way.to_f64() / self.risk()
    }

    pub(super) fn risk(&self) -> f64 {
        (self.entry - self.stop).abs().to_f64()
    }
}

/// A moment of one instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub time: SourceTime,
    pub calendar: Calendar,
    pub spread: Price,
    pub usual_spread: Option<Price>,
    /// Of the chart that setups are found on, at its last closed bar.
    pub atr: Option<f64>,
    /// `None` at a bar's close.
    pub facts: Option<Facts>,
}

impl Moment {
    /// NaN while it is not known.
    pub(super) fn read(&self, value: MomentValue) -> f64 {
        let clock = NewYork::at(self.time);
        let angle = TAU * f64::from(clock.second) / 86_400.0;
        match value {
            MomentValue::KillzoneAsia => self.is_in(Killzone::Asia),
            MomentValue::KillzoneLondon => self.is_in(Killzone::London),
            MomentValue::KillzoneNyAm => self.is_in(Killzone::NyAm),
            MomentValue::KillzoneLunch => self.is_in(Killzone::Lunch),
            MomentValue::KillzonePm => self.is_in(Killzone::Pm),
            MomentValue::KillzoneMinutes => self.minutes(clock.second),
            MomentValue::Weekday => self.weekday(),
            MomentValue::HourSin => libm::sin(angle),
            MomentValue::HourCos => libm::cos(angle),
            MomentValue::Spread => self.in_atrs(self.spread),
            MomentValue::SpreadToUsual => {
                let usual = self.usual_spread.map(Price::to_f64);
                known(usual.map(|usual| self.spread.to_f64() / usual))
            }
            MomentValue::SignalDirection => known(self.facts.map(|facts| sign(facts.direction))),
            MomentValue::SignalRisk => known(
                self.facts
                    .map(|facts| self.in_atrs(facts.entry - facts.stop).abs()),
            ),
            MomentValue::SignalRr => known(self.facts.map(|facts| facts.in_risks(facts.last))),
            MomentValue::SignalFirst => known(self.facts.map(|facts| facts.in_risks(facts.first))),
            MomentValue::SignalSpread => {
                known(self.facts.map(|facts| self.spread.to_f64() / facts.risk()))
            }
        }
    }

    fn in_atrs(&self, distance: Price) -> f64 {
        known(self.atr.map(|atr| distance.to_f64() / atr))
    }

    fn is_in(&self, killzone: Killzone) -> f64 {
        f64::from(u8::from(session::killzone(self.time) == killzone))
    }

    /// Since the part of the day began, by the clock on the wall.
    fn minutes(&self, second: i32) -> f64 {
        let begin = match session::killzone(self.time) {
            Killzone::Asia => 17 * 60,
            Killzone::London => 2 * 60,
            Killzone::NyAm => 7 * 60,
            Killzone::Lunch => 12 * 60,
            Killzone::Pm => 13 * 60 + 30,
        };
        f64::from((second / 60 - begin).rem_euclid(24 * 60))
    }

    /// Of the trading day: 1 is Monday's.
    fn weekday(&self) -> f64 {
        let day = session::trading_day(self.time, session::roll_hour(self.calendar));
        // Day -3 (1969-12-29) was a Monday.
        f64::from((day + 3).rem_euclid(7) + 1)
    }
}
