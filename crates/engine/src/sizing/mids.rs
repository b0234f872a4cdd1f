//! What one currency is in another.

use super::NoSize;
use market::{Currency, Price, SourceTime, Span, Symbol};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest mids of all symbols, with their sources' times: what turns one currency into another.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mids(BTreeMap<Symbol, (SourceTime, Price)>);

impl Mids {
    pub(crate) fn hear(&mut self, symbol: Symbol, time: SourceTime, mid: Price) {
        self.0.insert(symbol, (time, mid));
    }

    /// How much of `to` one unit of `from` is: by the price of the pair, or of its inverse, or of both against the dollar.
    pub(super) fn rate(
        &self,
        from: Currency,
        to: Currency,
        now: SourceTime,
        stale: Span,
    ) -> Result<f64, NoSize> {
        const VIA: Currency = Currency::USD;
        if from == to {
            return Ok(1.0);
        }
        let none = NoSize::NoPrice { from, to };
        let leg = |from, to| self.leg(from, to, now, stale);
        match leg(from, to)? {
            Some(rate) => Ok(rate),
            None if from == VIA || to == VIA => Err(none),
            None => leg(from, VIA)?
                .zip(leg(VIA, to)?)
                .map(|(first, second)| first * second)
                .ok_or(none),
        }
    }

    /// The same without a currency between; `None` where there is no such pair.
    fn leg(
        &self,
        from: Currency,
        to: Currency,
        now: SourceTime,
        stale: Span,
    ) -> Result<Option<f64>, NoSize> {
        if let Some(mid) = self.fresh(from.pair(to), now, stale)? {
            return Ok(Some(mid));
        }
        let inverse = self.fresh(to.pair(from), now, stale)?;
        Ok(inverse.map(|mid| 1.0 / mid))
    }

    fn fresh(&self, symbol: Symbol, now: SourceTime, stale: Span) -> Result<Option<f64>, NoSize> {
        match self.0.get(&symbol) {
            Some((time, _)) if now - *time > stale => Err(NoSize::Stale {
                symbol,
                seconds: (now - *time).millis() / 1000,
            }),
            Some((_, mid)) if mid.is_positive() => Ok(Some(mid.to_f64())),
            Some(_) | None => Ok(None),
        }
    }
}
