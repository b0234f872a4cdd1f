//! Bars of one timeframe out of recorded ticks or shorter bars, by the engine's own rules: for who looks at a series and
//! has no engine.

use super::{Bars, TooLate};
use market::{Bar, Calendar, Price, SourceTime, Span, Timeframe};

/// Makes the bars of one timeframe.
#[derive(Clone, Debug)]
pub struct Merge {
    timeframe: Timeframe,
    bars: Bars,
    /// How long after its end a bar takes late ticks.
    grace: Span,
    newest: SourceTime,
    closed: Vec<(Timeframe, Bar)>,
}

/// A bar that ends after the longer bar it begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Straddles {
    pub open_time: SourceTime,
    pub end_time: SourceTime,
}

impl Merge {
    #[must_use]
    pub fn new(timeframe: Timeframe, calendar: Calendar, grace: Span) -> Self {
        Self {
            timeframe,
            bars: Bars::new(calendar),
            grace,
            newest: SourceTime::MIN,
            closed: Vec::new(),
        }
    }

    /// Takes a tick's price, and appends the bars that its time has closed.
    ///
    /// # Errors
    /// When its bar has closed already.
    pub fn tick(
        &mut self,
        time: SourceTime,
        price: Price,
        closed: &mut Vec<Bar>,
    ) -> Result<(), TooLate> {
        self.newest = self.newest.max(time);
        let watermark = self.newest - self.grace;
        self.bars.close_through(watermark, &mut self.closed);
        self.hand_out(closed);
        self.bars.add(time, price, watermark)
    }

    /// Takes the next shorter bar, and appends the bar that ended before it.
    ///
    /// # Errors
    /// When it is no part of one longer bar.
    pub fn bar(&mut self, bar: &Bar, closed: &mut Vec<Bar>) -> Result<(), Straddles> {
        self.bars.join(self.timeframe, bar, &mut self.closed)?;
        self.hand_out(closed);
        Ok(())
    }

    /// Nothing comes any more: appends the bars that are still open.
    pub fn end(&mut self, closed: &mut Vec<Bar>) {
        self.bars.close_through(SourceTime::MAX, &mut self.closed);
        self.hand_out(closed);
    }

    fn hand_out(&mut self, closed: &mut Vec<Bar>) {
        let wanted = self.timeframe;
        let ours = self
            .closed
            .drain(..)
            .filter(|(timeframe, _)| *timeframe == wanted);
        closed.extend(ours.map(|(_, bar)| bar));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Ohlc;

    fn at(text: &str) -> SourceTime {
        SourceTime::parse(&format!("2026-07-{text}Z")).unwrap()
    }

    fn show(bars: &[Bar]) -> String {
        let shown: Vec<String> = bars
            .iter()
            .map(|bar| {
                let price = bar.price;
                let time = bar.open_time.to_string();
                let (open, high) = (price.open, price.high);
                format!(
                    "{} {open} {high} {} {}",
                    &time[8..16],
                    price.low,
                    price.close
                )
            })
            .collect();
        shown.join(", ")
    }

    fn bar(time: &str, minutes: i64, [open, high, low, close]: [i64; 4]) -> Bar {
        let price = |units: i64| Price::from_units(units * 1_000_000_000);
        let open_time = at(time);
        Bar {
            open_time,
            end_time: open_time + Span::from_minutes(minutes),
            price: Ohlc {
                open: price(open),
                high: price(high),
                low: price(low),
                close: price(close),
            },
            ticks: 1,
            holed: false,
        }
    }

    /// Bars of 17 July 2026, a Friday, and after it; New York is four hours behind.
    fn check(timeframe: Timeframe, bars: &[Bar], expected: &str) {
        let mut merge = Merge::new(timeframe, Calendar::Fx, Span::ZERO);
        let mut closed = Vec::new();
        for bar in bars {
            merge.bar(bar, &mut closed).unwrap();
        }
        merge.end(&mut closed);
        assert_eq!(show(&closed), expected);
    }

    #[test]
    fn bars_of_any_length_are_joined_by_the_clock_and_absent_ones_left_out() {
        check(
            Timeframe::M15,
            &[
                bar("17T10:05:00", 5, [5, 6, 4, 5]),
                bar("17T10:10:00", 5, [5, 9, 5, 8]),
                bar("17T10:15:00", 5, [8, 8, 7, 7]),
                bar("17T11:00:00", 5, [3, 3, 1, 2]),
            ],
            "17T10:00 5 9 4 8, 17T10:15 8 8 7 7, 17T11:00 3 3 1 2",
        );
        check(
            Timeframe::H1,
            &[
                bar("17T10:00:00", 30, [5, 6, 4, 5]),
                bar("17T10:30:00", 30, [5, 7, 5, 6]),
            ],
            "17T10:00 5 7 4 6",
        );
        check(
            Timeframe::H1,
            &[bar("17T10:00:00", 60, [5, 6, 4, 5])],
            "17T10:00 5 6 4 5",
        );
    }

    #[test]
    fn days_and_their_quarters_begin_at_the_roll() {
        let hours = [
            bar("16T20:00:00", 60, [5, 6, 4, 5]),
            bar("16T21:00:00", 60, [5, 9, 5, 8]),
            bar("17T00:00:00", 60, [8, 8, 7, 7]),
            bar("17T01:00:00", 60, [7, 7, 6, 6]),
            bar("17T20:00:00", 60, [6, 7, 6, 6]),
        ];
        check(Timeframe::D1, &hours, "15T21:00 5 6 4 5, 16T21:00 5 9 5 6");
        check(
            Timeframe::H4,
            &hours,
            "16T17:00 5 6 4 5, 16T21:00 5 9 5 7, 17T01:00 7 7 6 6, 17T17:00 6 7 6 6",
        );
    }

    #[test]
    fn a_bar_that_is_part_of_no_longer_one_is_refused() {
        let refused = |timeframe, bar: Bar| {
            let mut merge = Merge::new(timeframe, Calendar::Fx, Span::ZERO);
            let straddles = merge.bar(&bar, &mut Vec::new()).unwrap_err();
            (
                straddles.open_time.to_string(),
                straddles.end_time.to_string(),
            )
        };
        let times = |from: &str, to: &str| (at(from).to_string(), at(to).to_string());
        assert_eq!(
            refused(Timeframe::M15, bar("17T10:10:00", 10, [1; 4])),
            times("17T10:00:00", "17T10:15:00")
        );
        assert_eq!(
            refused(Timeframe::M15, bar("17T10:00:00", 60, [1; 4])),
            times("17T10:00:00", "17T10:15:00")
        );
        // Days of UTC are no days of New York.
        assert_eq!(
            refused(Timeframe::D1, bar("17T00:00:00", 24 * 60, [1; 4])),
            times("16T21:00:00", "17T21:00:00")
        );
    }

    #[test]
    fn ticks_make_the_bars_that_the_engine_makes() {
        let mut merge = Merge::new(Timeframe::M5, Calendar::Fx, Span::from_millis(1500));
        let mut closed = Vec::new();
        let mut tick = |time: &str, units: i64| {
            let price = Price::from_units(units * 1_000_000_000);
            merge.tick(at(time), price, &mut closed)
        };
        assert_eq!(tick("17T10:00:01", 5), Ok(()));
        assert_eq!(tick("17T10:04:59", 7), Ok(()));
        assert_eq!(tick("17T10:05:01", 6), Ok(()));
        // Late, and in time for the bar that waits for such.
        assert_eq!(tick("17T10:04:58", 9), Ok(()));
        assert_eq!(tick("17T10:05:03", 4), Ok(()));
        assert_eq!(tick("17T10:04:59", 1), Err(TooLate));
        merge.end(&mut closed);
        assert_eq!(show(&closed), "17T10:00 5 9 5 7, 17T10:05 6 6 4 4");
    }
}
