//! Bars of the past at a desk: they warm charts, levels and the reference of changes, and nothing else. No signal is made,
//! judged or followed by them, and no price is shown.

use super::{Context, Desk};
use crate::bars::{self, TooLate};
use crate::lifecycle::Reach;
use crate::pulse::Stated;
use crate::risk::Idea;
use crate::rules::Settings;
use crate::setup::Armed;
use crate::structure::Finding;
use market::{Bar, PreviousClose, QuoteBar, Timeframe};

impl Desk {
    /// Takes a closed bar of the past, if it is newer than what is known; `closed` and `findings` are room to work in.
    pub(crate) fn past(
        &mut self,
        quote: &QuoteBar,
        closed: &mut Vec<(Timeframe, Bar)>,
        findings: &mut Vec<Finding>,
        context: &mut Context,
    ) -> Result<(), TooLate> {
        self.bars.fill(quote, closed)?;
        self.spend(quote, context.settings);
        for (timeframe, bar) in closed.drain(..) {
            if timeframe == quote.timeframe {
                let (instrument, close) = (self.instrument(context), bar.price.close);
                self.pulse
                    .close(bar.end_time, close, Stated::Bar, instrument);
            }
            self.digest(timeframe, &bar, findings, &context.settings.rules);
        }
        Ok(())
    }

    /// The last price before a trading day, as a source states it.
    pub(crate) fn previous_close(&mut self, close: &PreviousClose, settings: &Settings) {
        let instrument = settings.catalog.instrument(self.id);
        self.pulse
            .close(close.time, close.price, Stated::Official, instrument);
    }

    /// Ends the armed setups that a past bar triggers or stops: their moment is over.
    fn spend(&mut self, quote: &QuoteBar, settings: &Settings) {
        let Some(atr) = self.atr(&settings.rules) else {
            return;
        };
        let (reach, mid) = (Reach::of_bar(quote), bars::mid(quote));
        let spread = self.spreads.median();
        let tick_size = settings.catalog.instrument(self.id).tick_size;
        let stop = |armed: &Armed| {
            let idea = Idea {
                direction: armed.direction,
                entry: armed.entry,
                stop_level: armed.stop_level,
                atr,
                spread,
                tick_size,
            };
            idea.stop(&settings.rules)
        };
        self.mss_fvg.take_if(|armed| {
            armed.is_reached(mid.low)
                || armed.is_reached(mid.high)
                || reach.stops(armed.direction, stop(armed))
        });
    }
}
