//! Ticks to bars, by the source's time. A minute is made of ticks; every longer bar is made of closed minutes, so that
//! all of them agree. Late ticks count as long as their bar is open and are dropped after that. A bar without a tick
//! does not exist.

use crate::session;
use market::{Bar, Calendar, NewYork, Ohlc, Price, QuoteBar, SourceTime, Span, Timeframe};
use serde::{Deserialize, Serialize};

/// The bars of one instrument that are still open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bars {
    roll_hour: i8,
    /// The minutes that are open: the running one and, during the grace after its end, the one before. Oldest first.
    minutes: Vec<Minute>,
    /// The longer bars that are open, by [`Timeframe::index`].
    longer: [Option<Bar>; Timeframe::ALL.len()],
    /// The end of the last closed bar, by timeframe: nothing before it changes any more.
    closed: [SourceTime; Timeframe::ALL.len()],
    /// What opens before this was not seen from its beginning.
    hole_until: SourceTime,
    /// Since when nothing is known, until something comes.
    hole: Option<Hole>,
}

/// A stretch that was missed and has not ended yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Hole {
    /// Where it begins; bars of the past move it on.
    from: SourceTime,
    /// A list of past bars that began before the hole is being told: what lies between two of them had no price.
    listed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Minute {
    bar: Bar,
    first: SourceTime,
    last: SourceTime,
}

/// A tick or bar that came after its interval was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLate;

impl Bars {
    pub(crate) fn new(calendar: Calendar) -> Self {
        Self {
            roll_hour: session::roll_hour(calendar),
            minutes: Vec::with_capacity(3),
            longer: [None; Timeframe::ALL.len()],
            closed: [SourceTime::MIN; Timeframe::ALL.len()],
            hole_until: SourceTime::MIN,
            hole: Some(Hole {
                from: SourceTime::MIN,
                listed: false,
            }),
        }
    }

    /// Adds a tick's bar price to its minute, unless that minute ended at or before `watermark` and is closed.
    pub(crate) fn add(
        &mut self,
        time: SourceTime,
        price: Price,
        watermark: SourceTime,
    ) -> Result<(), TooLate> {
        if let Some(minute) = self.minutes.last_mut()
            && time >= minute.last
            && time < minute.bar.end_time
        {
            minute.bar.price.add(price);
            minute.bar.ticks += 1;
            minute.last = time;
            return Ok(());
        }
        self.add_elsewhere(time, price, watermark)
    }

    /// The rarer cases: the first tick of a minute, and a tick that is older than one before it.
    fn add_elsewhere(
        &mut self,
        time: SourceTime,
        price: Price,
        watermark: SourceTime,
    ) -> Result<(), TooLate> {
        let open_time = time.floor(Timeframe::M1.span());
        let end_time = open_time + Timeframe::M1.span();
        if end_time <= watermark || open_time < self.closed[Timeframe::M1.index()] {
            return Err(TooLate);
        }
        match self
            .minutes
            .binary_search_by_key(&open_time, |minute| minute.bar.open_time)
        {
            Ok(place) => self.minutes[place].add_late(time, price),
            Err(place) => {
                let holed = open_time < self.hole_until;
                let bar = Bar {
                    open_time,
                    end_time,
                    price: Ohlc::of(price),
                    ticks: 1,
                    holed,
                };
                self.minutes.insert(
                    place,
                    Minute {
                        bar,
                        first: time,
                        last: time,
                    },
                );
            }
        }
        Ok(())
    }

    /// Takes a recorded bar as a closed one and appends it, with the longer bars that end with it, to `closed`.
    pub(crate) fn take(
        &mut self,
        quote: &QuoteBar,
        closed: &mut Vec<(Timeframe, Bar)>,
    ) -> Result<(), TooLate> {
        let timeframe = quote.timeframe;
        let end_time = self.end_of(timeframe, quote.open_time);
        if quote.open_time < self.closed[timeframe.index()] || !self.minutes.is_empty() {
            return Err(TooLate);
        }
        let holed = quote.open_time < self.hole_until;
        let bar = Bar {
            open_time: quote.open_time,
            end_time,
            price: mid(quote),
            ticks: 1,
            holed,
        };
        self.close_base(timeframe, bar, closed);
        Ok(())
    }

    /// When the first open minute ends; `MAX` if none is open. A tick opens no other bar.
    pub(crate) fn minute_end(&self) -> SourceTime {
        self.minutes
            .first()
            .map_or(SourceTime::MAX, |minute| minute.bar.end_time)
    }

    /// When the next open bar ends; `MAX` if none is open.
    pub(crate) fn next_end(&self) -> SourceTime {
        self.longer
            .iter()
            .flatten()
            .fold(self.minute_end(), |end, bar| end.min(bar.end_time))
    }

    /// Closes every bar that ends at or before `watermark`, in the order of their ends, bars that end together longest
    /// first, and appends them to `closed`.
    pub(crate) fn close_through(
        &mut self,
        watermark: SourceTime,
        closed: &mut Vec<(Timeframe, Bar)>,
    ) {
        loop {
            let end = self.next_end();
            if end > watermark || end == SourceTime::MAX {
                return;
            }
            if self
                .minutes
                .first()
                .is_some_and(|minute| minute.bar.end_time == end)
            {
                let minute = self.minutes.remove(0);
                let bar = self.seal(minute.bar);
                self.close_base(Timeframe::M1, bar, closed);
            } else {
                self.close_longer(end, closed);
            }
        }
    }

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
            holed: false,
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
    }

    /// A bar that closes while something is missed has a hole, unless it ended before.
    fn seal(&self, mut bar: Bar) -> Bar {
        bar.holed |= self.hole.is_some_and(|hole| bar.end_time > hole.from);
        bar
    }

    /// Closes a bar of the finest interval this instrument has: longer bars that end with it come first.
    fn close_base(&mut self, base: Timeframe, bar: Bar, closed: &mut Vec<(Timeframe, Bar)>) {
        let longer = Timeframe::ALL
            .into_iter()
            .filter(|timeframe| *timeframe > base);
        for timeframe in longer {
            // A longer bar that ended before this one began closes first.
            if self.longer[timeframe.index()].is_some_and(|open| open.end_time <= bar.open_time) {
                self.close_longer(
                    self.longer[timeframe.index()].map_or(bar.open_time, |open| open.end_time),
                    closed,
                );
            }
            // A bar of the past may come after a longer bar that it belongs to has closed.
            if self.closed[timeframe.index()] <= bar.open_time {
                self.append(timeframe, &bar);
            }
        }
        self.close_longer(bar.end_time, closed);
        self.closed[base.index()] = bar.end_time;
        closed.push((base, bar));
    }

    /// Closes the longer bars that end at `end`, longest first.
    fn close_longer(&mut self, end: SourceTime, closed: &mut Vec<(Timeframe, Bar)>) {
        for timeframe in Timeframe::ALL.into_iter().rev() {
            let place = timeframe.index();
            if let Some(bar) = self.longer[place].take_if(|bar| bar.end_time == end) {
                self.closed[place] = end;
                closed.push((timeframe, self.seal(bar)));
            }
        }
    }

    fn append(&mut self, timeframe: Timeframe, bar: &Bar) {
        let place = timeframe.index();
        match &mut self.longer[place] {
            Some(open) => {
                open.price.append(&bar.price);
                open.ticks += bar.ticks;
                open.holed |= bar.holed;
            }
            None => {
                let open_time = self.start_of(timeframe, bar.open_time);
                let end_time = self.end_of(timeframe, open_time);
                let holed = bar.holed || open_time < self.hole_until;
                self.longer[place] = Some(Bar {
                    open_time,
                    end_time,
                    holed,
                    ..*bar
                });
            }
        }
    }

    /// When the interval that holds `time` begins.
    fn start_of(&self, timeframe: Timeframe, time: SourceTime) -> SourceTime {
        match timeframe {
            Timeframe::M1 | Timeframe::M5 | Timeframe::M15 | Timeframe::H1 => {
                time.floor(timeframe.span())
            }
            Timeframe::D1 => NewYork::latest(time, self.roll_hour),
            Timeframe::H4 => {
                let roll = NewYork::latest(time, self.roll_hour);
                let into = (time - roll).nanos();
                roll + Span::from_nanos(into - into % timeframe.span().nanos())
            }
        }
    }

    /// When the interval that begins at `open_time` ends. A day's last 4h bar ends with the day, however long it is.
    fn end_of(&self, timeframe: Timeframe, open_time: SourceTime) -> SourceTime {
        let nominal = open_time + timeframe.span();
        match timeframe {
            Timeframe::M1 | Timeframe::M5 | Timeframe::M15 | Timeframe::H1 => nominal,
            Timeframe::D1 => NewYork::next(open_time, self.roll_hour),
            Timeframe::H4 => nominal.min(NewYork::next(open_time, self.roll_hour)),
        }
    }
}

impl Minute {
    /// Takes a tick that may be older than others of its minute: only the newest is the close, only the oldest the open.
    fn add_late(&mut self, time: SourceTime, price: Price) {
        let bar = &mut self.bar;
        let (open, close) = (bar.price.open, bar.price.close);
        bar.price.add(price);
        bar.ticks += 1;
        bar.price.close = if time >= self.last { price } else { close };
        bar.price.open = if time < self.first { price } else { open };
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// The bar price of a recorded bar: the mid of its sides.
pub(crate) fn mid(quote: &QuoteBar) -> Ohlc {
    Ohlc {
        open: quote.bid.open.mid(quote.ask.open),
        high: quote.bid.high.mid(quote.ask.high),
        low: quote.bid.low.mid(quote.ask.low),
        close: quote.bid.close.mid(quote.ask.close),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(&format!("2026-07-06T{text}Z")).unwrap()
    }

    /// Feeds `HH:MM:SS price` lines, then closes through `watermark` and prints what closed.
    fn check(ticks: &str, watermark: &str, expected: &str) {
        let mut bars = Bars::new(Calendar::Fx);
        for line in ticks.split(',').map(str::trim) {
            let (time, price) = line.split_once(' ').unwrap();
            bars.add(at(time), Price::parse(price).unwrap(), SourceTime::MIN)
                .unwrap();
        }
        let mut closed = Vec::new();
        bars.close_through(at(watermark), &mut closed);
        let shown: Vec<String> = closed.iter().map(show).collect();
        assert_eq!(shown.join(", "), expected);
    }

    fn show((timeframe, bar): &(Timeframe, Bar)) -> String {
        let Ohlc {
            open,
            high,
            low,
            close,
        } = bar.price;
        let time = bar.open_time.to_string();
        format!(
            "{timeframe} {} {open} {high} {low} {close} x{}",
            &time[11..16],
            bar.ticks
        )
    }

    #[test]
    fn a_minute_is_open_high_low_close() {
        check(
            "10:00:01 5, 10:00:02 7, 10:00:40 3, 10:00:59 4",
            "10:01:00",
            "1m 10:00 5 7 3 4 x4",
        );
        check("10:00:01 5", "10:00:59", "");
    }

    #[test]
    fn a_late_tick_counts_while_its_minute_is_open() {
        check(
            "10:00:10 5, 10:00:50 6, 10:01:00 9, 10:00:55 8, 10:00:45 2, 10:00:01 1",
            "10:02:00",
            "1m 10:00 1 8 1 8 x5, 1m 10:01 9 9 9 9 x1",
        );
    }

    #[test]
    fn a_tick_for_a_closed_minute_is_refused() {
        let mut bars = Bars::new(Calendar::Fx);
        let price = Price::from_units(5);
        bars.add(at("10:00:10"), price, SourceTime::MIN).unwrap();
        bars.close_through(at("10:01:00"), &mut Vec::new());
        assert_eq!(
            bars.add(at("10:00:59"), price, at("10:01:00")),
            Err(TooLate)
        );
        assert_eq!(bars.add(at("10:01:00"), price, at("10:01:00")), Ok(()));
        // Also when that minute had no tick while it was open.
        assert_eq!(
            bars.add(at("10:03:59"), price, at("10:05:00")),
            Err(TooLate)
        );
    }

    #[test]
    fn bars_that_end_together_come_longest_first_and_empty_ones_never() {
        check(
            "10:01:01 5, 10:03:00 7, 10:14:59 4",
            "10:15:00",
            "1m 10:01 5 5 5 5 x1, 1m 10:03 7 7 7 7 x1, 5m 10:00 5 7 5 7 x2, \
             15m 10:00 5 7 4 4 x3, 5m 10:10 4 4 4 4 x1, 1m 10:14 4 4 4 4 x1",
        );
    }

    #[test]
    fn a_day_runs_from_roll_to_roll_also_when_the_clocks_change() {
        let bars = Bars::new(Calendar::Fx);
        let at = |text: &str| SourceTime::parse(text).unwrap();
        for (time, timeframe, start, end) in [
            (
                "2026-07-06T12:00:00Z",
                Timeframe::D1,
                "2026-07-05T21:00:00Z",
                "2026-07-06T21:00:00Z",
            ),
            (
                "2026-11-01T12:00:00Z",
                Timeframe::D1,
                "2026-10-31T21:00:00Z",
                "2026-11-01T22:00:00Z",
            ),
            (
                "2026-07-06T12:00:00Z",
                Timeframe::H4,
                "2026-07-06T09:00:00Z",
                "2026-07-06T13:00:00Z",
            ),
            (
                "2026-11-01T21:30:00Z",
                Timeframe::H4,
                "2026-11-01T21:00:00Z",
                "2026-11-01T22:00:00Z",
            ),
            (
                "2026-03-08T20:30:00Z",
                Timeframe::H4,
                "2026-03-08T18:00:00Z",
                "2026-03-08T21:00:00Z",
            ),
        ] {
            let open = bars.start_of(timeframe, at(time));
            assert_eq!(open, at(start), "{time} {timeframe}");
            assert_eq!(bars.end_of(timeframe, open), at(end), "{time} {timeframe}");
        }
    }

    #[test]
    fn a_hole_marks_what_is_open_and_what_opens_inside_it() {
        let mut bars = Bars::new(Calendar::Fx);
        let mut closed = Vec::new();
        bars.add(at("10:00:10"), Price::from_units(5), SourceTime::MIN)
            .unwrap();
        bars.end_hole(at("10:00:10"));
        bars.mark_hole(at("10:00:08.5"));
        bars.end_hole(at("10:02:30"));
        bars.add(at("10:02:30"), Price::from_units(5), SourceTime::MIN)
            .unwrap();
        bars.add(at("10:03:00"), Price::from_units(5), SourceTime::MIN)
            .unwrap();
        bars.close_through(at("10:05:00"), &mut closed);
        let holed: Vec<bool> = closed.iter().map(|(_, bar)| bar.holed).collect();
        assert_eq!(holed, [true, true, false, true], "{closed:?}");
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

    /// Live minutes 10:00 to 10:02, the last of them cut at 10:02:30, then `past` minutes, then a tick at `back`. Shows
    /// what has closed by 10:10; a star marks a hole.
    fn check_fill(past: &[&str], back: &str, expected: &str) {
        let (mut bars, mut closed) = (Bars::new(Calendar::Fx), Vec::new());
        let add = |bars: &mut Bars, time: &str, price: i64| {
            let price = Price::from_units(price * 1_000_000_000);
            bars.add(at(time), price, SourceTime::MIN).unwrap();
        };
        bars.end_hole(at("10:00:00"));
        for (time, price) in [("10:00:00", 5), ("10:01:30", 6), ("10:02:10", 9)] {
            add(&mut bars, time, price);
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
        check_fill(
            &[],
            "10:05:00",
            &format!("{live}1m 10:02* 9 9, 5m 10:00* 5 9, {end}"),
        );
        // The list begins after the hole did.
        check_fill(
            &["10:03:00", "10:04:00"],
            "10:05:00",
            &format!("{live}1m 10:02* 9 9, 1m 10:03 7 7, 5m 10:00* 5 7, 1m 10:04 7 7, {end}"),
        );
        // It ends before the hole does.
        check_fill(
            &["10:02:00", "10:03:00"],
            "10:05:00",
            &format!("{live}1m 10:02 7 7, 1m 10:03 7 7, 5m 10:00* 5 7, {end}"),
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
