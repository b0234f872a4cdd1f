//! How large a position would be that risks a set part of the operator's account. It is advice, told beside a signal:
//! nothing of the signal depends on it. The formulas are those of signals.md, section 10.

mod mids;

pub(crate) use mids::Mids;

use crate::portfolio::Gate;
use crate::rules::RuleError;
use market::{
    Contract, Currency, Instrument, Lots, Measure, Price, Size, SourceTime, Span, Symbol, Target,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the operator trades with. Without an equity there is no account, and no size is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    pub currency: Currency,
    /// As the operator says. What signals that were traded would have made of it since then counts; what really was traded
    /// ORION does not know.
    pub equity: Option<f64>,
    /// The most that is lost at a stop, in percent of the equity.
    pub risk_percent: f64,
    /// The most margin that one position takes, in percent of the equity.
    pub max_margin_percent: f64,
    /// How much worse than its price each opening and each closing is thought to be, in pips of its instrument, where that
    /// says nothing else. Beyond the stop it makes a position smaller; of results it is a cost, twice.
    #[serde(alias = "slip_stop_pips")]
    pub slippage_pips: f64,
    /// What opening and closing one lot costs, in the account's currency.
    pub commission_round_turn: f64,
    /// Prices older than this, in seconds, turn no currency into another.
    pub fx_stale_s: u32,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            currency: Currency::USD,
            equity: None,
            risk_percent: 0.5,
            max_margin_percent: 20.0,
            slippage_pips: 0.0,
            commission_round_turn: 0.0,
            fx_stale_s: 60,
        }
    }
}

/// The position that it is made of, and what it is closed at.
#[derive(Clone, Copy, Debug)]
pub struct Trade<'a> {
    pub entry: Price,
    pub stop: Price,
    pub targets: &'a [Target],
}

/// How the portfolio stands to a new position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    /// What every unit of the configured equity has become.
    pub grown: f64,
    /// The part of it to be risked now: less than the configured one while losses are near a limit.
    pub risk_percent: f64,
    /// The limit that speaks against any.
    pub gate: Option<Gate>,
}

/// How large a position would be.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizing {
    /// What may be lost at the stop.
    pub risk_money: f64,
    pub lots: Lots,
    pub remarks: Vec<Remark>,
}

/// Why a size is not simply what the risk allows, in words.
#[derive(Clone, Debug, PartialEq)]
pub enum Remark {
    /// The most that may be traded at once.
    MaxLot(Measure),
    Margin,
    /// The least lot is more than fits.
    LeastLot(Measure),
    /// Losses are near a limit of the portfolio.
    Reduced,
    /// Targets whose part is less than one step, from the first one: what they would have closed goes to the last.
    Dropped(usize),
}

/// Why there is no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSize {
    NoContract,
    NoPrice { from: Currency, to: Currency },
    Stale { symbol: Symbol, seconds: i64 },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxLot(most) => write!(f, "no more than {most} lots at once"),
            Self::Margin => f.write_str("no more than the margin allows"),
            Self::LeastLot(least) => write!(f, "the least is {least} lots, which is too much"),
            Self::Reduced => f.write_str("half the risk: losses are near a limit"),
            Self::Dropped(1) => f.write_str("too few lots for TP1: its part goes to the last"),
            Self::Dropped(count) => {
                write!(
                    f,
                    "too few lots for TP1 to TP{count}: their parts go to the last"
                )
            }
        }
    }
}

impl fmt::Display for NoSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContract => f.write_str("what one lot is, is not configured"),
            Self::NoPrice { from, to } => {
                write!(f, "there is no price that turns {from} into {to}")
            }
            Self::Stale { symbol, seconds } => {
                write!(f, "the price of {symbol} is {seconds} s old")
            }
        }
    }
}

impl Account {
    /// The advice for a position of an instrument at a source's time; `None` without an account.
    pub(crate) fn advise(
        &self,
        instrument: &Instrument,
        trade: Trade,
        means: Means,
        mids: &Mids,
        now: SourceTime,
    ) -> Option<Size> {
        let equity = self.equity? * means.grown;
        let size = |lots, note| Size {
            currency: self.currency,
            lots,
            note,
        };
        if let Some(gate) = means.gate {
            return Some(size(None, format!("no new risk: {gate}")));
        }
        let now_at_risk = Self {
            risk_percent: means.risk_percent,
            ..self.clone()
        };
        Some(
            match now_at_risk.size_of(equity, instrument, trade, mids, now) {
                Ok(mut sizing) => {
                    if means.risk_percent < self.risk_percent {
                        sizing.remarks.insert(0, Remark::Reduced);
                    }
                    size(Some(sizing.lots), words(&sizing.remarks))
                }
                Err(why) => size(None, why.to_string()),
            },
        )
    }

    fn size_of(
        &self,
        equity: f64,
        instrument: &Instrument,
        trade: Trade,
        mids: &Mids,
        now: SourceTime,
    ) -> Result<Sizing, NoSize> {
        let contract = instrument.contract.as_ref().ok_or(NoSize::NoContract)?;
        let rate = self.rate(contract, mids, now)?;
        Ok(self.size(equity, contract, trade, self.slippage(instrument), rate))
    }

    /// What each opening and closing of an instrument is thought to be worse than its price.
    fn slippage(&self, instrument: &Instrument) -> f64 {
        instrument.slippage_pips.unwrap_or(self.slippage_pips) * instrument.pip_size.to_f64()
    }

    /// What slippage on both sides and the commission take of a result, in multiples of its risk:
    /// `(2 * slippage per side + commission per unit) / R`. `None` where no price turns the commission's currency.
    pub(crate) fn cost(
        &self,
        instrument: &Instrument,
        risk: Price,
        mids: &Mids,
        now: SourceTime,
    ) -> Option<Measure> {
        let commission = self.commission_per_unit(instrument, mids, now)?;
        let cost = 2.0 * self.slippage(instrument) + commission;
        Some(Measure::new(cost / risk.to_f64()))
    }

    /// The commission of one unit that is opened and closed, in the currency of its prices.
    fn commission_per_unit(
        &self,
        instrument: &Instrument,
        mids: &Mids,
        now: SourceTime,
    ) -> Option<f64> {
        if self.commission_round_turn <= 0.0 {
            return Some(0.0);
        }
        let contract = instrument.contract.as_ref()?;
        let rate = self.rate(contract, mids, now).ok()?;
        Some(self.commission_round_turn / (contract.size * rate))
    }

    /// What turns the currency of an instrument's prices into the account's.
    fn rate(&self, contract: &Contract, mids: &Mids, now: SourceTime) -> Result<f64, NoSize> {
        let stale = Span::from_secs(i64::from(self.fx_stale_s));
        mids.rate(contract.currency, self.currency, now, stale)
    }

    /// Whether anybody asks for prices that turn one currency into another.
    #[must_use]
    pub fn needs_rates(&self) -> bool {
        self.equity.is_some() || self.commission_round_turn > 0.0
    }

    /// The position that loses at most its part of the equity when it is closed `slip` beyond its stop. `rate` turns the
    /// contract's currency into the account's. The spread is in the stop already.
    #[must_use]
    pub fn size(
        &self,
        equity: f64,
        contract: &Contract,
        trade: Trade,
        slip: f64,
        rate: f64,
    ) -> Sizing {
        let risk_money = equity * self.risk_percent / 100.0;
        let distance = (trade.entry - trade.stop).abs().to_f64() + slip;
        let worth = contract.size * rate;
        let loss_per_lot = distance * worth + self.commission_round_turn;
        let margin_per_lot = trade.entry.abs().to_f64() * worth * contract.margin_rate;
        let margin_money = equity * self.max_margin_percent / 100.0;
        let (steps, mut remarks) = Steps {
            by_risk: contract.steps(risk_money, loss_per_lot),
            by_margin: contract.steps(margin_money, margin_per_lot),
        }
        .within(contract);
        let (parts, dropped) = share(steps, trade.targets);
        if dropped > 0 && steps > 0 {
            remarks.push(Remark::Dropped(dropped));
        }
        let total = contract.lots(steps);
        Sizing {
            risk_money,
            lots: Lots {
                total,
                risk: Measure::new(total.to_f64() * loss_per_lot),
                parts: parts.into_iter().map(|part| contract.lots(part)).collect(),
            },
            remarks,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// All settings that are impossible, each with its name.
    pub fn check(&self) -> Result<(), Vec<RuleError>> {
        let limits = [
            ("equity", self.equity.unwrap_or(1.0), 0.01, 9e9),
            ("risk_percent", self.risk_percent, 0.0, 100.0),
            ("max_margin_percent", self.max_margin_percent, 0.0, 100.0),
            ("slippage_pips", self.slippage_pips, 0.0, 1e6),
            (
                "commission_round_turn",
                self.commission_round_turn,
                0.0,
                1e6,
            ),
            ("fx_stale_s", f64::from(self.fx_stale_s), 1.0, 86_400.0),
        ];
        let wrong = limits
            .into_iter()
            .filter(|(_, value, least, most)| !(least..=most).contains(&value));
        let errors: Vec<_> = wrong
            .map(|(key, value, least, most)| RuleError {
                key,
                reason: format!("{value} is not between {least} and {most}"),
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// How many lot steps each limit allows.
struct Steps {
    by_risk: i64,
    by_margin: i64,
}

impl Steps {
    /// The most that all limits allow, and which of them was one; never more than the risk allows, so 0 where that is below
    /// the least lot.
    fn within(self, contract: &Contract) -> (i64, Vec<Remark>) {
        let step = contract.lot_step.millionths().max(1);
        let most = contract.max_lot.millionths() / step;
        let least = (contract.min_lot.millionths() + step - 1) / step;
        let steps = self.by_risk.min(self.by_margin).min(most);
        let mut remarks = Vec::new();
        if steps < self.by_risk {
            remarks.push(if self.by_margin < most {
                Remark::Margin
            } else {
                Remark::MaxLot(contract.max_lot)
            });
        }
        if steps < least {
            remarks.push(Remark::LeastLot(contract.min_lot));
            return (0, remarks);
        }
        (steps, remarks)
    }
}

/// Whole steps for each target: its percentage, rounded down, and to the last one the rest. Targets are dropped from the
/// first one on until each that is left has a step: how many, is returned too.
fn share(steps: i64, targets: &[Target]) -> (Vec<i64>, usize) {
    let mut parts: Vec<i64> = targets
        .iter()
        .map(|target| steps * i64::from(target.percent) / 100)
        .collect();
    let Some(last) = parts.len().checked_sub(1) else {
        return (parts, 0);
    };
    let empty = parts[..last].iter().rposition(|part| *part == 0);
    let dropped = empty.map_or(0, |place| place + 1);
    parts[..dropped].fill(0);
    parts[last] = steps - parts[..last].iter().sum::<i64>();
    (parts, dropped)
}

fn words(remarks: &[Remark]) -> String {
    let words: Vec<String> = remarks.iter().map(Remark::to_string).collect();
    words.join("; ")
}

#[cfg(test)]
mod tests;
