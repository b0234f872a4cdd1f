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
    /// By the number of the trade.
    kept: BTreeMap<usize, Chart>,
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
    running: bool,
}

impl Charts {
    /// At most `most` charts of so many instruments.
    pub(super) fn new(instruments: usize, most: usize) -> Self {
        Self {
            recent: vec![VecDeque::new(); instruments],
            kept: BTreeMap::new(),
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
                running: true,
            };
            self.kept.insert(number, chart);
            self.thin();
        }
        number
    }

    fn thin(&mut self) {
        while self.kept.len() > self.most {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|number, _| number.is_multiple_of(stride));
        }
    }

    /// A trade has ended.
    pub(super) fn end(&mut self, number: usize) {
        if let Some(chart) = self.kept.get_mut(&number) {
            (chart.running, chart.left) = (false, AFTER);
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
        let growing = self.kept.values_mut().rev();
        for chart in growing.filter(|chart| chart.instrument == instrument && chart.left > 0) {
            chart.left -= 1;
            chart.bars.push(*bar);
        }
    }

    /// The bars of a trade; empty where it is not drawn.
    pub(super) fn take(&mut self, number: usize) -> Vec<Bar> {
        self.kept
            .remove(&number)
            .map(|chart| chart.bars)
            .unwrap_or_default()
    }

    /// How many are drawn, and of how many.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.kept.len(), self.trades)
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
        let kept: Vec<usize> = charts.kept.keys().copied().collect();
        assert_eq!(kept, [0, 16, 32, 48, 64, 80, 96]);
        assert_eq!(charts.counts(), (7, 100));
    }
}
