//! Stretches that were missed, by a gap of a source or a change of it, and how bars of the past fill them. Bars around a
//! hole confirm nothing; what the past covers has no hole.

use super::{Bars, TooLate, mid};
use market::{Bar, QuoteBar, SourceTime, Timeframe};
use serde::{Deserialize, Serialize};

/// A stretch that was missed and has not ended yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Hole {
    /// Where it begins; bars of the past move it on.
    from: SourceTime,
    /// A list of past bars that began before the hole is being told: what lies between two of them had no price.
    listed: bool,
}

impl Hole {
    /// Before the first price nothing is known.
    pub(super) const ALL: Self = Self {
        from: SourceTime::MIN,
        listed: false,
    };
}

impl Bars {
    /// Takes a closed bar of the past into a stretch that was missed, and appends what closes with it to `closed`. What of
    /// it came live and is not whole gives way to it. The bars it fills have no hole.
    pub(crate) fn fill(
        &mut self,
        quote: &QuoteBar,
        closed: &mut Vec<(Timeframe, Bar)>,
    ) -> Result<(), TooLate> {
        let (base, open_time) = (quote.timeframe, quote.open_time);
        let end_time = self.end_of(base, open_time);
        if self.is_known(open_time, end_time) {
            return Err(TooLate);
        }
        if open_time < self.closed[base.index()] || self.start_of(base, open_time) != open_time {
            return Err(TooLate);
        }
        if self.hole.is_some() {
            self.approach(open_time, closed);
            self.give_way(base, open_time);
            self.hole = Some(Hole {
                from: end_time,
                listed: true,
            });
        }
        let bar = Bar {
            open_time,
            end_time,
            price: mid(quote),
            ticks: 1,
            holed: self.follows_lost(base, open_time),
        };
        self.close_base(base, bar, closed);
        for shorter in &mut self.closed[..base.index()] {
            *shorter = (*shorter).max(end_time);
        }
        Ok(())
    }

    /// Whether a past bar tells nothing new: it ended before the hole, or what is live has begun before its end.
    fn is_known(&mut self, open_time: SourceTime, end_time: SourceTime) -> bool {
        match &mut self.hole {
            Some(hole) if end_time <= hole.from => {
                hole.listed = true;
                true
            }
            Some(hole) => {
                hole.listed |= open_time <= hole.from;
                false
            }
            None => {
                let begun = self.minutes.first().map(|minute| minute.bar.open_time);
                end_time > self.hole_until || begun.is_some_and(|begun| begun < end_time)
            }
        }
    }

    /// Closes what ends before a past bar begins. What lies between had no price, if the list says so, or is lost.
    fn approach(&mut self, open_time: SourceTime, closed: &mut Vec<(Timeframe, Bar)>) {
        match &mut self.hole {
            Some(hole) if hole.listed => hole.from = hole.from.max(open_time),
            Some(hole) => {
                let from = hole.from;
                self.lose(from, open_time);
            }
            None => {}
        }
        self.close_through(open_time, closed);
    }

    /// Drops what came live of the interval that a past bar covers.
    fn give_way(&mut self, base: Timeframe, open_time: SourceTime) {
        self.minutes
            .retain(|minute| minute.bar.open_time < open_time);
        for bar in &mut self.longer[..=base.index()] {
            bar.take_if(|bar| bar.open_time >= open_time);
        }
    }

    /// Something was missed: nothing is known from `from` on.
    pub(crate) fn mark_hole(&mut self, from: SourceTime) {
        let listed = false;
        self.hole = Some(match self.hole {
            Some(hole) => Hole { listed, ..hole },
            None => Hole { from, listed },
        });
    }

    /// Whether something was missed and nothing has come since.
    pub(crate) fn in_hole(&self) -> bool {
        self.hole.is_some()
    }

    /// The first thing after a hole came at `until`.
    pub(crate) fn end_hole(&mut self, until: SourceTime) {
        let Some(hole) = self.hole.take() else {
            return;
        };
        if !hole.listed {
            // The clocks of two sources differ: what spans the joint has a hole also where they seem to overlap.
            self.lose(hole.from.min(until), hole.from.max(until));
        } else if hole.from < until {
            self.lose(hole.from, until);
        }
        self.hole_until = self.hole_until.max(until);
    }

    /// What is open and lies in `from..until` has a hole, and so has what opens before `until` from now on.
    fn lose(&mut self, from: SourceTime, until: SourceTime) {
        let lost = |bar: &mut Bar| {
            bar.holed |= bar.end_time > from && bar.open_time < until;
        };
        self.minutes
            .iter_mut()
            .for_each(|minute| lost(&mut minute.bar));
        self.longer.iter_mut().flatten().for_each(lost);
        self.hole_until = self.hole_until.max(until);
        self.lost_until = until;
    }

    /// Whether a bar begins just where a stretch ends in which whole bars before it were lost: whole as it may be, what seems to
    /// stand beside it does not.
    pub(super) fn follows_lost(&self, base: Timeframe, open_time: SourceTime) -> bool {
        let closed = self.closed[base.index()];
        open_time == self.lost_until && closed > SourceTime::MIN && closed < open_time
    }

    /// A bar that closes while something is missed has a hole, unless it ended before.
    pub(super) fn seal(&self, mut bar: Bar) -> Bar {
        bar.holed |= self.hole.is_some_and(|hole| bar.end_time > hole.from);
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Calendar, Ohlc, Price};

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(&format!("2026-07-06T{text}Z")).unwrap()
    }

    fn quote(timeframe: Timeframe, open: &str, price: i64) -> QuoteBar {
        let side = |by: i64| Ohlc::of(Price::from_units(price + by));
        QuoteBar {
            instrument: market::InstrumentId(0),
            timeframe,
            open_time: at(open),
            bid: side(-1),
            ask: side(1),
            volume: None,
        }
    }

    /// Live minutes 10:00 to 10:02, the last of them cut at 10:02:10, then `past` minutes, then a tick at `back`. Shows
    /// what has closed by 10:10; a star marks a hole.
    fn check_fill(past: &[&str], back: &str, expected: &str) {
        check_fill_of(&[("10:02:10", 9)], past, back, expected);
    }

    /// As [`check_fill`], with what of the minute 10:02 came live.
    fn check_fill_of(live: &[(&str, i64)], past: &[&str], back: &str, expected: &str) {
        let (mut bars, mut closed) = (Bars::new(Calendar::Fx), Vec::new());
        let add = |bars: &mut Bars, time: &str, price: i64| {
            let price = Price::from_units(price * 1_000_000_000);
            bars.add(at(time), price, SourceTime::MIN).unwrap();
        };
        bars.end_hole(at("10:00:00"));
        for (time, price) in [("10:00:00", 5), ("10:01:30", 6)].iter().chain(live) {
            add(&mut bars, time, *price);
        }
        bars.close_through(at("10:02:00"), &mut closed);
        bars.mark_hole(at("10:02:08.5"));
        for open in past {
            let _ = bars.fill(&quote(Timeframe::M1, open, 7_000_000_000), &mut closed);
        }
        bars.end_hole(at(back));
        add(&mut bars, back, 8);
        bars.close_through(at("10:10:00"), &mut closed);
        let star = |bar: &Bar| if bar.holed { "*" } else { "" };
        let shown: Vec<String> = closed
            .iter()
            .map(|(timeframe, bar)| {
                let time = bar.open_time.to_string();
                let Ohlc { open, close, .. } = bar.price;
                format!("{timeframe} {}{} {open} {close}", &time[11..16], star(bar))
            })
            .collect();
        assert_eq!(shown.join(", "), expected, "{past:?} {back}");
    }

    #[test]
    fn a_hole_that_the_past_covers_is_mended() {
        let whole =
            "1m 10:00 5 5, 1m 10:01 6 6, 1m 10:02 7 7, 1m 10:03 7 7, 5m 10:00 5 7, 1m 10:04 7 7, ";
        // All of it, up to the tick that ends it, and also when the list begins before the hole.
        let end = "1m 10:05 8 8, 5m 10:05 8 8";
        check_fill(
            &["10:02:00", "10:03:00", "10:04:00"],
            "10:05:00",
            &format!("{whole}{end}"),
        );
        check_fill(
            &["10:00:00", "10:01:00", "10:02:00", "10:03:00", "10:04:00"],
            "10:05:00",
            &format!("{whole}{end}"),
        );
        // A minute that the list leaves out had no price.
        check_fill(
            &["10:02:00", "10:04:00"],
            "10:05:00",
            &format!("{}{end}", whole.replace("1m 10:03 7 7, ", "")),
        );
        // Also when it is the last of a longer bar, or the first of the hole.
        let without = "1m 10:00 5 5, 1m 10:01 6 6, ";
        check_fill(
            &["10:02:00", "10:03:00", "10:06:00"],
            "10:07:00",
            &format!(
                "{without}1m 10:02 7 7, 1m 10:03 7 7, 5m 10:00 5 7, 1m 10:06 7 7, 1m 10:07 8 8, 5m 10:05 7 8"
            ),
        );
        check_fill_of(
            &[],
            &["10:01:00", "10:03:00"],
            "10:04:00",
            &format!("{without}1m 10:03 7 7, 5m 10:00 5 8, 1m 10:04 8 8"),
        );
        // The last seconds before the first tick are missing.
        check_fill(
            &["10:02:00", "10:03:00", "10:04:00"],
            "10:05:20",
            &format!("{whole}1m 10:05* 8 8, 5m 10:05* 8 8"),
        );
    }

    #[test]
    fn what_the_past_does_not_cover_stays_a_hole() {
        let live = "1m 10:00 5 5, 1m 10:01 6 6, ";
        let end = "1m 10:05 8 8, 5m 10:05 8 8";
        // Before these minutes others were lost.
        let after_lost = "1m 10:05* 8 8, 5m 10:05* 8 8";
        check_fill(
            &[],
            "10:05:00",
            &format!("{live}1m 10:02* 9 9, 5m 10:00* 5 9, {after_lost}"),
        );
        // The list begins after the hole did.
        check_fill(
            &["10:03:00", "10:04:00"],
            "10:05:00",
            &format!("{live}1m 10:02* 9 9, 1m 10:03 7 7, 5m 10:00* 5 7, 1m 10:04 7 7, {end}"),
        );
        check_fill_of(
            &[],
            &["10:03:00", "10:04:00"],
            "10:05:00",
            &format!("{live}1m 10:03* 7 7, 5m 10:00* 5 7, 1m 10:04 7 7, {end}"),
        );
        // It ends before the hole does.
        check_fill(
            &["10:02:00", "10:03:00"],
            "10:05:00",
            &format!("{live}1m 10:02 7 7, 1m 10:03 7 7, 5m 10:00* 5 7, {after_lost}"),
        );
        // And a second hole behind a mended one.
        check_fill(
            &["10:02:00"],
            "10:03:40",
            &format!("{live}1m 10:02 7 7, 1m 10:03* 8 8, 5m 10:00* 5 8"),
        );
    }

    #[test]
    fn a_longer_bar_of_the_past_takes_the_place_of_what_came_live_of_it() {
        let (mut bars, mut closed) = (Bars::new(Calendar::Fx), Vec::new());
        bars.end_hole(at("10:00:00"));
        for time in ["10:00:00", "10:01:30", "10:02:10"] {
            bars.add(at(time), Price::from_units(5), SourceTime::MIN)
                .unwrap();
        }
        bars.close_through(at("10:02:00"), &mut closed);
        bars.mark_hole(at("10:02:08"));
        closed.clear();
        let whole = quote(Timeframe::M5, "10:00:00", 7);
        bars.fill(&whole, &mut closed).unwrap();
        let shown: Vec<_> = closed
            .iter()
            .map(|(timeframe, bar)| (*timeframe, bar.holed))
            .collect();
        assert_eq!(shown, [(Timeframe::M5, false)]);
        // Its minutes are over.
        let minute = quote(Timeframe::M1, "10:03:00", 7);
        assert_eq!(bars.fill(&minute, &mut closed), Err(TooLate));
        let price = Price::from_units(5);
        assert_eq!(
            bars.add(at("10:04:59"), price, SourceTime::MIN),
            Err(TooLate)
        );
        // A bar of the past that begins at no bar's beginning is none.
        let odd = quote(Timeframe::M5, "10:07:00", 7);
        assert_eq!(bars.fill(&odd, &mut closed), Err(TooLate));
    }

    #[test]
    fn two_sources_whose_clocks_differ_leave_a_hole_at_the_joint() {
        let (mut bars, mut closed) = (Bars::new(Calendar::Fx), Vec::new());
        let price = Price::from_units(5);
        bars.end_hole(at("10:00:00"));
        bars.add(at("10:00:50"), price, SourceTime::MIN).unwrap();
        bars.mark_hole(at("10:00:48.5"));
        // The new one is ten seconds behind.
        bars.end_hole(at("10:00:41"));
        bars.add(at("10:00:41"), price, SourceTime::MIN).unwrap();
        bars.add(at("10:01:10"), price, SourceTime::MIN).unwrap();
        bars.close_through(at("10:02:00"), &mut closed);
        let holed: Vec<bool> = closed.iter().map(|(_, bar)| bar.holed).collect();
        assert_eq!(holed, [true, false]);
    }
}
