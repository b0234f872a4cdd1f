//! The bars around some of the trades, to be drawn: evenly chosen, so that what is kept does not grow with the recording.

use market::Bar;
use std::collections::{BTreeMap, VecDeque};

/// Bars before a confirmation and after an end that are kept.
const BEFORE: usize = 60;
const AFTER: usize = 20;
/// Most bars of one chart.
const MOST: usize = 600;

/// The charts of the trades of a run.
#[derive(Debug)]
pub(super) struct Charts {
    /// The newest closed bars of each instrument.
    recent: Vec<VecDeque<Bar>>,
    /// By the number of the trade: those that still grow, and those that are whole.
    growing: BTreeMap<usize, Chart>,
    whole: BTreeMap<usize, Vec<Bar>>,
    most: usize,
    /// Every so many-th trade is drawn.
    stride: usize,
    /// How many trades there were.
    trades: usize,
}

#[derive(Debug)]
struct Chart {
    instrument: usize,
    bars: Vec<Bar>,
    /// How many more it takes.
    left: usize,
    ended: bool,
}

impl Charts {
    /// At most `most` charts of so many instruments.
    pub(super) fn new(instruments: usize, most: usize) -> Self {
        Self {
            recent: vec![VecDeque::new(); instruments],
            growing: BTreeMap::new(),
            whole: BTreeMap::new(),
            most,
            stride: 1,
            trades: 0,
        }
    }

    /// A trade begins; returns its number.
    pub(super) fn begin(&mut self, instrument: usize) -> usize {
        let number = self.trades;
        self.trades += 1;
        if self.most > 0 && number.is_multiple_of(self.stride) {
            let chart = Chart {
                instrument,
                bars: self.recent[instrument].iter().copied().collect(),
                left: MOST - BEFORE - AFTER,
                ended: false,
            };
            self.growing.insert(number, chart);
            self.thin();
        }
        number
    }

    fn thin(&mut self) {
        while self.counts().0 > self.most {
            self.stride *= 2;
            let stride = self.stride;
            self.growing
                .retain(|number, _| number.is_multiple_of(stride));
            self.whole.retain(|number, _| number.is_multiple_of(stride));
        }
    }

    /// A trade has ended.
    pub(super) fn end(&mut self, number: usize) {
        if let Some(chart) = self.growing.get_mut(&number) {
            (chart.ended, chart.left) = (true, AFTER);
        }
    }

    /// A bar of the setups' timeframe has closed.
    pub(super) fn close(&mut self, instrument: usize, bar: &Bar) {
        if self.most == 0 {
            return;
        }
        let recent = &mut self.recent[instrument];
        if recent.len() == BEFORE {
            recent.pop_front();
        }
        recent.push_back(*bar);
        let of_it = self.growing.values_mut();
        for chart in of_it.filter(|chart| chart.instrument == instrument && chart.left > 0) {
            chart.left -= 1;
            chart.bars.push(*bar);
        }
        let is_over = |_: &usize, chart: &mut Chart| chart.ended && chart.left == 0;
        let over = self.growing.extract_if(.., is_over);
        self.whole
            .extend(over.map(|(number, chart)| (number, chart.bars)));
    }

    /// The bars of a trade; empty where it is not drawn.
    pub(super) fn take(&mut self, number: usize) -> Vec<Bar> {
        let growing = self.growing.remove(&number).map(|chart| chart.bars);
        let bars = growing.or_else(|| self.whole.remove(&number));
        bars.unwrap_or_default()
    }

    /// How many are drawn, and of how many.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.growing.len() + self.whole.len(), self.trades)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Ohlc, Price, SourceTime, Span};

    fn bar(place: i64) -> Bar {
        let open_time = SourceTime::from_secs(300 * place);
        Bar {
            open_time,
            end_time: open_time + Span::from_minutes(5),
            price: Ohlc::of(Price::from_units(place)),
            ticks: 1,
            holed: false,
        }
    }

    fn places(bars: &[Bar]) -> (i64, i64, usize) {
        let place = |bar: Option<&Bar>| bar.map_or(-1, |bar| bar.price.open.units());
        (place(bars.first()), place(bars.last()), bars.len())
    }

    #[test]
    fn a_chart_reaches_from_before_its_trade_to_after_it() {
        let mut charts = Charts::new(2, 10);
        let close = |charts: &mut Charts, from: i64, to: i64| {
            (from..to).for_each(|place| charts.close(0, &bar(place)));
        };
        close(&mut charts, 0, 100);
        let number = charts.begin(0);
        let other = charts.begin(1);
        close(&mut charts, 100, 110);
        charts.end(number);
        close(&mut charts, 110, 200);
        assert_eq!(places(&charts.take(number)), (40, 129, 90));
        assert_eq!(charts.take(other), []);
    }

    #[test]
    fn a_long_trade_is_cut() {
        let mut charts = Charts::new(1, 10);
        let number = charts.begin(0);
        (0..10_000).for_each(|place| charts.close(0, &bar(place)));
        charts.end(number);
        (0..100).for_each(|place| charts.close(0, &bar(place)));
        assert_eq!(charts.take(number).len(), MOST - BEFORE);
    }

    #[test]
    fn the_chosen_are_few_and_even() {
        let mut charts = Charts::new(1, 8);
        (0..100).for_each(|_| {
            charts.begin(0);
        });
        let kept: Vec<usize> = charts.growing.keys().copied().collect();
        assert_eq!(kept, [0, 16, 32, 48, 64, 80, 96]);
        assert_eq!(charts.counts(), (7, 100));
    }
}
