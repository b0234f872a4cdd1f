//! Whether a signal may be traded beside those that are, and how large.

use super::{Context, Desk};
use crate::portfolio::{Candidate, Gate};
use crate::sizing::{Means, Trade};
use market::{Bar, Condition, Direction, Signal, Size, SourceTime, Timeframe};

impl Desk {
    /// A bar closed: what is usual is known a little better.
    pub(super) fn keep_usual(&mut self, timeframe: Timeframe, bar: &Bar, context: &mut Context) {
        match timeframe {
            Timeframe::M5 => self.spreads.keep(),
            Timeframe::H1 => {
                let limits = &context.settings.portfolio;
                let correlations = &mut context.shared.book.correlations;
                correlations.close(self.symbol, bar, limits);
            }
            Timeframe::M1 | Timeframe::M15 | Timeframe::H4 | Timeframe::D1 => {}
        }
    }

    /// Its prices come from elsewhere now, where another spread is usual.
    pub(crate) fn forget_usual_spread(&mut self) {
        self.spreads.forget_day();
    }

    /// The limit of the portfolio that speaks against one more signal, if one does.
    pub(super) fn weigh(
        &self,
        direction: Direction,
        time: SourceTime,
        context: &Context,
    ) -> Option<(Gate, Condition)> {
        let (at, settings) = (context.at, context.settings);
        let book = &context.shared.book;
        let candidate = Candidate {
            instrument: settings.catalog.instrument(self.id),
            direction,
            at,
            time,
            spread: self.spreads.median(),
            usual_spread: self.spreads.usual(),
            risk: book.risk(settings.account.risk_percent),
        };
        book.check(&candidate, &settings.portfolio, &settings.news)
    }

    /// What the operator's account would make of a trade, by the prices that are known.
    pub(super) fn size(
        &self,
        trade: Trade,
        time: SourceTime,
        gate: Option<Gate>,
        context: &Context,
    ) -> Option<Size> {
        let (account, shared) = (&context.settings.account, &context.shared);
        let means = Means {
            grown: shared.book.equity(),
            risk_percent: shared.book.part(account.risk_percent),
            gate,
        };
        let (instrument, now) = (self.instrument(context), time.max(self.newest));
        account.advise(instrument, trade, means, &shared.mids, now)
    }
}

/// A signal was born: the portfolio has it, if no limit speaks against it.
pub(crate) fn enter(signal: &Signal, context: &mut Context) {
    if signal.evidence.risk_gate.is_none() {
        let book = &mut context.shared.book;
        let risk = book.risk(context.settings.account.risk_percent);
        book.born(signal, risk);
    }
}
