//! What is told of the past.

use super::{Engine, Output};
use market::{PreviousClose, QuoteBar, Time};

impl Engine {
    /// Takes a closed bar of the past: nothing but charts, levels and the reference of changes hears of it.
    pub(super) fn past(&mut self, at: Time, bar: &QuoteBar, out: &mut Vec<Output>) {
        let mut closed = std::mem::take(&mut self.closed);
        let mut findings = std::mem::take(&mut self.findings);
        let mut reader = std::mem::take(&mut self.reader);
        let mut told = std::mem::take(&mut self.told);
        let (desk, mut context) = self.desk(at, bar.instrument, out);
        // What has not ended yet is no past, whatever its sender calls it.
        let over = bar.open_time + bar.timeframe.span() <= at.as_source();
        let taken = over
            && desk
                .past(
                    bar,
                    &mut closed,
                    &mut findings,
                    &mut reader,
                    &mut told,
                    &mut context,
                )
                .is_ok();
        let counts = &mut context.shared.counts;
        counts.past += u64::from(taken);
        counts.past_known += u64::from(!taken);
        let (source, next_end) = (desk.source, desk.bars.next_end());
        (self.reader, self.told) = (reader, told);
        let rules = &self.settings.rules;
        for (timeframe, closed) in &closed {
            if *timeframe == rules.setup_tf {
                // What it divides is of the past.
                self.state.pairs.close(bar.instrument, closed, None, rules);
            }
        }
        closed.clear();
        (self.closed, self.findings) = (closed, findings);
        self.after_one(bar.instrument, source, next_end);
    }

    /// Takes what a source says was the last price of a day, unless that is still to come.
    pub(super) fn previous_close(&mut self, at: Time, close: &PreviousClose) {
        if close.time > at.as_source() {
            return;
        }
        let desk = &mut self.state.desks[close.instrument.index()];
        desk.previous_close(close, &self.settings);
    }
}
