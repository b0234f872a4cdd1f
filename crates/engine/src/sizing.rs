//! How large a position would be that risks a set part of the operator's account. It is advice, told beside a signal:
//! nothing of the signal depends on it. The formulas are those of signals.md, section 10.

use crate::portfolio::Gate;
use crate::rules::RuleError;
use market::{
    Contract, Currency, Instrument, Lots, Measure, Price, Size, SourceTime, Span, Symbol, Target,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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

/// The newest mids of all symbols, with their sources' times: what turns one currency into another.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mids(BTreeMap<Symbol, (SourceTime, Price)>);

impl Mids {
    pub(crate) fn hear(&mut self, symbol: Symbol, time: SourceTime, mid: Price) {
        self.0.insert(symbol, (time, mid));
    }

    /// How much of `to` one unit of `from` is: by the price of the pair, or of its inverse, or of both against the dollar.
    fn rate(
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

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    /// Contracts of signals.md, section 10.
    fn contract(size: f64, currency: &str, lot: f64) -> Contract {
        Contract {
            size,
            currency: code(currency),
            lot_step: Measure::new(lot),
            min_lot: Measure::new(lot),
            max_lot: Measure::new(100.0),
            margin_rate: 0.0333,
        }
    }

    fn euro() -> Contract {
        contract(100_000.0, "USD", 0.01)
    }

    fn account() -> Account {
        Account {
            equity: Some(10_000.0),
            ..Account::default()
        }
    }

    fn code(code: &str) -> Currency {
        Currency::new(code).unwrap()
    }

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn targets(percents: &[u8]) -> Vec<Target> {
        let target = |percent: &u8| Target {
            price: Price::ZERO,
            percent: *percent,
            runner: false,
        };
        percents.iter().map(target).collect()
    }

    fn trade<'a>(entry: &str, stop: &str, targets: &'a [Target]) -> Trade<'a> {
        let (entry, stop) = (price(entry), price(stop));
        Trade {
            entry,
            stop,
            targets,
        }
    }

    fn show(sizing: &Sizing) -> String {
        let Lots { total, risk, parts } = &sizing.lots;
        let parts: Vec<String> = parts.iter().map(Measure::to_string).collect();
        let (parts, words) = (parts.join(" + "), words(&sizing.remarks));
        format!(
            "{total} = {parts}, {risk} of {}. {words}",
            sizing.risk_money
        )
    }

    /// A position of the plan's three targets, for 10,000 USD.
    fn check(account: &Account, contract: &Contract, levels: (&str, &str), rate: f64, is: Expect) {
        let targets = targets(&[30, 40, 30]);
        let trade = trade(levels.0, levels.1, &targets);
        let equity = account.equity.unwrap();
        is.assert_eq(&show(&account.size(equity, contract, trade, 0.0, rate)));
    }

    #[test]
    fn the_worked_examples_come_out_to_the_cent() {
        let of = |contract: &Contract, levels, rate, is| {
            check(&account(), contract, levels, rate, is);
        };
        of(
            &euro(),
            ("1.0850", "1.0820"),
            1.0,
            expect!["0.16 = 0.04 + 0.06 + 0.06, 48 of 50. "],
        );
        let yen = contract(100_000.0, "JPY", 0.01);
        let levels = ("150.00", "149.60");
        of(
            &yen,
            levels,
            1.0 / 150.0,
            expect!["0.18 = 0.05 + 0.07 + 0.06, 48 of 50. "],
        );
        let gold = contract(100.0, "USD", 0.01);
        of(
            &gold,
            ("2650", "2642"),
            1.0,
            expect!["0.06 = 0.01 + 0.02 + 0.03, 48 of 50. "],
        );
        let micro = contract(2.0, "USD", 1.0);
        let none = expect!["0 = 0 + 0 + 0, 0 of 50. the least is 1 lots, which is too much"];
        of(&micro, ("20125.5", "20100"), 1.0, none);
    }

    #[test]
    fn a_size_knows_no_direction() {
        let short = ("1.0820", "1.0850");
        check(
            &account(),
            &euro(),
            short,
            1.0,
            expect!["0.16 = 0.04 + 0.06 + 0.06, 48 of 50. "],
        );
    }

    #[test]
    fn what_lacks_a_hair_of_a_step_is_a_step() {
        // As a plain floor has it: 0.29 / 0.01 is 28.999999999999996.
        assert_eq!((0.29_f64 / 0.01).floor(), 28.0);
        assert_eq!(euro().steps(0.29, 1.0), 29);
        assert_eq!(euro().steps(0.289_999, 1.0), 28);
        assert_eq!(euro().lots(29).to_string(), "0.29");
    }

    #[test]
    fn slip_and_commission_make_it_smaller() {
        let targets = targets(&[100]);
        let trade = trade("1.0850", "1.0820", &targets);
        // 300 and 20 a lot; and 8 more.
        let slipped = account().size(10_000.0, &euro(), trade, 0.0002, 1.0);
        assert_eq!(show(&slipped), "0.15 = 0.15, 48 of 50. ");
        let paid = Account {
            commission_round_turn: 8.0,
            ..account()
        };
        let paid = paid.size(10_000.0, &euro(), trade, 0.0002, 1.0);
        assert_eq!(show(&paid), "0.15 = 0.15, 49.2 of 50. ");
    }

    #[test]
    fn the_most_lots_and_the_margin_are_caps() {
        let levels = ("1.0850", "1.0820");
        let most = Contract {
            max_lot: Measure::new(0.1),
            ..euro()
        };
        let is = expect!["0.1 = 0.03 + 0.04 + 0.03, 30 of 50. no more than 0.1 lots at once"];
        check(&account(), &most, levels, 1.0, is);
        // 0.12 lots of 100,000 at 1.085 are 13,020, of which 1,953 are needed; 2,000 may be.
        let dear = Contract {
            margin_rate: 0.15,
            ..euro()
        };
        let is = expect!["0.12 = 0.03 + 0.04 + 0.05, 36 of 50. no more than the margin allows"];
        check(&account(), &dear, levels, 1.0, is);
        let free = Contract {
            margin_rate: 0.0,
            ..euro()
        };
        check(
            &account(),
            &free,
            levels,
            1.0,
            expect!["0.16 = 0.04 + 0.06 + 0.06, 48 of 50. "],
        );
    }

    #[test]
    fn targets_are_dropped_from_the_first_one_on() {
        for (steps, percents, parts, dropped) in [
            (10, vec![30, 40, 30], vec![3, 4, 3], 0),
            (4, vec![30, 40, 30], vec![1, 1, 2], 0),
            (3, vec![30, 40, 30], vec![0, 1, 2], 1),
            (2, vec![30, 40, 30], vec![0, 0, 2], 2),
            (1, vec![30, 40, 30], vec![0, 0, 1], 2),
            (4, vec![50, 10, 40], vec![0, 0, 4], 2),
            (1, vec![100], vec![1], 0),
            (0, vec![50, 50], vec![0, 0], 1),
            (5, vec![], vec![], 0),
        ] {
            assert_eq!(
                share(steps, &targets(&percents)),
                (parts, dropped),
                "{steps}"
            );
        }
        let small = Account {
            equity: Some(2_000.0),
            ..account()
        };
        let is = expect![
            "0.03 = 0 + 0.01 + 0.02, 9 of 10. too few lots for TP1: its part goes to the last"
        ];
        check(&small, &euro(), ("1.0850", "1.0820"), 1.0, is);
    }

    /// Prices at 0 s, asked for at a second.
    fn rate(prices: &[(&str, &str)], from: &str, to: &str, second: i64) -> Result<f64, String> {
        let mut mids = Mids::default();
        for (symbol, mid) in prices {
            mids.hear(Symbol::new(symbol).unwrap(), at(0), price(mid));
        }
        mids.rate(code(from), code(to), at(second), Span::from_secs(60))
            .map_err(|why| why.to_string())
    }

    fn at(second: i64) -> SourceTime {
        SourceTime::from_nanos(second * 1_000_000_000)
    }

    #[test]
    fn a_currency_is_turned_into_another_by_the_nearest_way() {
        let prices = [
            ("EURUSD", "1.25"),
            ("USDJPY", "160"),
            ("EURJPY", "210"),
            ("GBPUSD", "0"),
        ];
        for (from, to, is) in [
            ("USD", "USD", 1.0),
            ("EUR", "USD", 1.25),
            ("JPY", "USD", 1.0 / 160.0),
            ("USD", "EUR", 0.8),
            // Its own price, not the one through the dollar.
            ("EUR", "JPY", 210.0),
            ("JPY", "EUR", 1.0 / 210.0),
        ] {
            assert_eq!(rate(&prices, from, to, 1), Ok(is), "{from} {to}");
        }
        assert_eq!(rate(&prices[..2], "EUR", "JPY", 1), Ok(200.0));
        assert_eq!(rate(&prices[..2], "JPY", "EUR", 1), Ok(1.0 / 160.0 * 0.8));
        for (from, to) in [
            ("CHF", "USD"),
            ("USD", "CHF"),
            ("CHF", "EUR"),
            ("GBP", "USD"),
        ] {
            let none = format!("there is no price that turns {from} into {to}");
            assert_eq!(rate(&prices, from, to, 1), Err(none));
        }
    }

    #[test]
    fn an_old_price_turns_nothing() {
        let prices = [("EURUSD", "1.25"), ("USDJPY", "160")];
        assert_eq!(rate(&prices, "EUR", "USD", 60), Ok(1.25));
        let old = |symbol| Err(format!("the price of {symbol} is 61 s old"));
        assert_eq!(rate(&prices, "EUR", "USD", 61), old("EURUSD"));
        assert_eq!(rate(&prices, "JPY", "USD", 61), old("USDJPY"));
        assert_eq!(rate(&prices, "JPY", "EUR", 61), old("USDJPY"));
        // The same money is the same at all times.
        assert_eq!(rate(&prices, "EUR", "EUR", 61), Ok(1.0));
    }

    #[test]
    fn an_impossible_account_is_told_by_its_keys() {
        let wrong = Account {
            equity: Some(0.0),
            risk_percent: -1.0,
            max_margin_percent: f64::NAN,
            fx_stale_s: 0,
            ..Account::default()
        };
        let keys: Vec<_> = wrong
            .check()
            .unwrap_err()
            .into_iter()
            .map(|error| error.key)
            .collect();
        assert_eq!(
            keys,
            ["equity", "risk_percent", "max_margin_percent", "fx_stale_s"]
        );
        assert_eq!(Account::default().check(), Ok(()));
    }

    proptest! {
        #[test]
        fn no_size_loses_more_than_may_be_lost(
            (equity, risk_percent, commission) in (1.0..1e7_f64, 0.0..5.0_f64, 0.0..20.0_f64),
            (size, rate, lot) in (0.1..2e5_f64, 1e-3..1e3_f64, 1_i64..2_000_000),
            (entry, distance, slip) in (1_i64..50_000_000, 1_i64..1_000_000, 0.0..1.0_f64),
            (least, most, margin_rate) in (1_i64..20, 1_i64..100_000, 0.0..1.0_f64),
            percents in prop::sample::select(vec![
                vec![100], vec![50, 50], vec![30, 40, 30], vec![25, 25, 25, 25], vec![1, 98, 1],
            ]),
        ) {
            let account = Account { risk_percent, commission_round_turn: commission, ..account() };
            let step = Measure::from_millionths(lot);
            let times = |count: i64| Measure::from_millionths(lot * count);
            let contract = Contract {
                size, currency: Currency::USD, lot_step: step, min_lot: times(least), max_lot: times(least + most), margin_rate,
            };
            let targets = targets(&percents);
            let entry = Price::from_units(entry * 1000);
            let trade = Trade { entry, stop: entry - Price::from_units(distance * 1000), targets: &targets };
            let Sizing { risk_money, lots, remarks } = account.size(equity, &contract, trade, slip, rate);
            let per_lot = ((trade.entry - trade.stop).to_f64() + slip) * size * rate + commission;
            // A billionth of a step, and half of the millionth that is shown.
            let hair = 1e-9 * step.to_f64() * per_lot + 1e-6 + risk_money * 1e-12;
            prop_assert!(lots.risk.to_f64() <= risk_money + hair);
            let parts: i64 = lots.parts.iter().map(|part| part.millionths()).sum();
            prop_assert_eq!(parts, lots.total.millionths());
            prop_assert!(lots.parts.iter().all(|part| part.millionths() % lot == 0 && part.millionths() >= 0));
            prop_assert_eq!(lots.parts.len(), targets.len());
            let total = lots.total;
            prop_assert!(total == Measure::default() || (contract.min_lot..=contract.max_lot).contains(&total));
            let margin = total.to_f64() * size * entry.to_f64() * margin_rate * rate;
            prop_assert!(margin <= equity * 0.2 * (1.0 + 1e-9) + 1e-6 * size * entry.to_f64() * rate * step.to_f64());
            // Never smaller without a reason: one step more would be too much.
            if remarks.is_empty() {
                prop_assert!((total.to_f64() + step.to_f64()) * per_lot > risk_money * (1.0 - 1e-9));
            }
        }
    }
}
