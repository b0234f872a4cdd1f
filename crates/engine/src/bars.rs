//! Ticks to bars, by the source's time. A minute is made of ticks; every longer bar is made of closed minutes, so that
//! all of them agree. Late ticks count as long as their bar is open and are dropped after that. A bar without a tick
//! does not exist.

mod hole;
mod merge;

pub use merge::{Merge, Straddles};

use crate::session;
use hole::Hole;
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
    /// Where the last stretch ended of which something was lost.
    lost_until: SourceTime,
    /// Since when nothing is known, until something comes.
    hole: Option<Hole>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Minute {
    bar: Bar,
    first: SourceTime,
    last: SourceTime,
}

/// A tick or bar that came after its interval was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

impl Bars {
    pub(crate) fn new(calendar: Calendar) -> Self {
        Self {
            roll_hour: session::roll_hour(calendar),
            minutes: Vec::with_capacity(3),
            longer: [None; Timeframe::ALL.len()],
            closed: [SourceTime::MIN; Timeframe::ALL.len()],
            hole_until: SourceTime::MIN,
            lost_until: SourceTime::MIN,
            hole: Some(Hole::ALL),
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
                let holed = self.is_holed(Timeframe::M1, open_time);
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
    ) -> Result<Bar, TooLate> {
        let timeframe = quote.timeframe;
        let end_time = self.end_of(timeframe, quote.open_time);
        if quote.open_time < self.closed[timeframe.index()] || !self.minutes.is_empty() {
            return Err(TooLate);
        }
        let holed = self.is_holed(timeframe, quote.open_time);
        let bar = Bar {
            open_time: quote.open_time,
            end_time,
            price: mid(quote),
            ticks: 1,
            holed,
        };
        self.close_base(timeframe, bar, closed);
        Ok(bar)
    }

    /// Takes a shorter bar, of whatever length, into the open bar of one timeframe alone; one that has ended before it
    /// closes first.
    fn join(
        &mut self,
        timeframe: Timeframe,
        bar: &Bar,
        closed: &mut Vec<(Timeframe, Bar)>,
    ) -> Result<(), Straddles> {
        let open_time = self.start_of(timeframe, bar.open_time);
        let end_time = self.end_of(timeframe, open_time);
        if bar.end_time > end_time {
            return Err(Straddles {
                open_time,
                end_time,
            });
        }
        if let Some(open) = self.longer[timeframe.index()]
            && open.end_time <= bar.open_time
        {
            self.close_longer(open.end_time, closed);
        }
        self.append(timeframe, bar);
        Ok(())
    }

    /// The bar of a timeframe that is open, with what its open minutes have brought: the newest, where during the grace
    /// after an end two are open. None where nothing has come since the last one closed.
    pub(crate) fn forming(&self, timeframe: Timeframe) -> Option<Bar> {
        let mut forming = self.longer[timeframe.index()];
        for Minute { bar, .. } in &self.minutes {
            match &mut forming {
                Some(open) if bar.open_time < open.end_time => add(open, bar),
                Some(_) | None => forming = Some(self.opened_by(timeframe, bar)),
            }
        }
        forming
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

    /// Closes a bar of the finest interval this instrument has: longer bars that end with it come first.
    fn close_base(&mut self, base: Timeframe, bar: Bar, closed: &mut Vec<(Timeframe, Bar)>) {
        for timeframe in Timeframe::ALL[base.index() + 1..].iter().copied() {
            // A longer bar that ended before this one began closes first.
            if let Some(Bar { end_time, .. }) = self.longer[timeframe.index()]
                && end_time <= bar.open_time
            {
                self.close_longer(end_time, closed);
            }
            // A bar of the past may come after a longer bar that it belongs to has closed.
            if self.closed[timeframe.index()] <= bar.open_time {
                self.append(timeframe, &bar);
            }
        }
        // Most bars end alone.
        let ends = |longer: &Bar| longer.end_time == bar.end_time;
        if self.longer.iter().flatten().any(ends) {
            self.close_longer(bar.end_time, closed);
        }
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
            Some(open) => add(open, bar),
            None => self.longer[place] = Some(self.opened_by(timeframe, bar)),
        }
    }

    /// The bar that begins with a shorter one.
    fn opened_by(&self, timeframe: Timeframe, bar: &Bar) -> Bar {
        let open_time = self.start_of(timeframe, bar.open_time);
        let end_time = self.end_of(timeframe, open_time);
        Bar {
            open_time,
            end_time,
            holed: bar.holed || open_time < self.hole_until,
            ..*bar
        }
    }

    /// Whether a bar that opens was not seen from its beginning, or others before it were lost.
    fn is_holed(&self, base: Timeframe, open_time: SourceTime) -> bool {
        open_time < self.hole_until || self.follows_lost(base, open_time)
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
    pub(crate) fn end_of(&self, timeframe: Timeframe, open_time: SourceTime) -> SourceTime {
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

/// Takes a shorter bar into a longer one that is open.
fn add(open: &mut Bar, bar: &Bar) {
    open.price.append(&bar.price);
    open.ticks += bar.ticks;
    open.holed |= bar.holed;
}

/// The bar price of a recorded bar: the mid of its sides.
#[must_use]
pub fn mid(quote: &QuoteBar) -> Ohlc {
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

    /// Feeds ticks as [`check`] does, closes through `watermark`, and prints what is open.
    fn check_forming(ticks: &str, watermark: &str, expected: [&str; 3]) {
        let mut bars = Bars::new(Calendar::Fx);
        for line in ticks.split(',').map(str::trim) {
            let (time, price) = line.split_once(' ').unwrap();
            bars.add(at(time), Price::parse(price).unwrap(), SourceTime::MIN)
                .unwrap();
        }
        bars.close_through(at(watermark), &mut Vec::new());
        let forming = [Timeframe::M1, Timeframe::M5, Timeframe::H1].map(|timeframe| {
            let bar = bars.forming(timeframe);
            bar.map_or_else(String::new, |bar| show(&(timeframe, bar)))
        });
        assert_eq!(forming, expected);
    }

    #[test]
    fn an_open_bar_is_shown_with_its_open_minutes() {
        let ticks = "10:03:10 5, 10:04:01 7, 10:04:30 4, 10:04:59 6, 10:05:02 9";
        check_forming(
            ticks,
            "10:04:00",
            [
                "1m 10:05 9 9 9 9 x1",
                "5m 10:05 9 9 9 9 x1",
                "1h 10:00 5 9 4 9 x5",
            ],
        );
        check_forming(
            "10:03:10 5, 10:04:01 7",
            "10:04:00",
            [
                "1m 10:04 7 7 7 7 x1",
                "5m 10:00 5 7 5 7 x2",
                "1h 10:00 5 7 5 7 x2",
            ],
        );
        check_forming("10:03:10 5, 10:04:01 7", "11:00:00", ["", "", ""]);
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
}
