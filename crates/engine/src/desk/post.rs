//! What somebody posts becomes a signal of this desk, or is declined with the field that is wrong. A posted signal meets
//! the same lifecycle as ORION's own; its levels meet the market here.

use super::own::reason;
use super::{Context, Desk};
use crate::calibration::{Open, Raw, Whose};
use crate::lifecycle::{Origin, Pending, Since, Verdict};
use crate::portfolio::Gate;
use crate::pulse::Quote;
use crate::risk::{Ladder, away};
use crate::rules::Rules;
use crate::session;
use crate::sizing::Trade;
use market::{
    Alert, Cause, Condition, Declined, Direction, Evidence, Instrument, Price, Probability, Rated,
    Ratio, Signal, SourceTime, Span, Status, Target, Time, Uuid,
};

const ENTRY: &str = "entry_price";
const STOP: &str = "stop_loss";
const TARGETS: &str = "take_profits";

/// What the market of an instrument is like when something is posted.
struct Market<'a> {
    instrument: &'a Instrument,
    rules: &'a Rules,
    quote: Quote,
    /// The source's time now.
    now: SourceTime,
    spread: Price,
    /// Absent where no chart is warm.
    atr: Option<f64>,
}

/// A posted signal that may be born.
pub(crate) struct Draft {
    pub pending: Pending,
    /// What is said of it.
    pub born: Open,
    /// The stop, or the targets, or both are ORION's.
    pub planned: bool,
    /// The source's time of its birth.
    pub now: SourceTime,
    /// The limit of the portfolio that speaks against it.
    pub gate: Option<Gate>,
}

/// Levels that the market bears out.
struct Levels {
    entry: Price,
    stop: Price,
    targets: Vec<Target>,
    rr_target: Ratio,
}

impl Desk {
    /// Makes a signal of an alert, which nobody knows yet; `rated` says which model posted it, if one did. `heard` is when the source last showed life.
    ///
    /// # Errors
    /// When the symbol has no fresh price in an open market, or the levels do not fit to it.
    pub(crate) fn draft(
        &self,
        alert: &Alert,
        rated: Option<Rated>,
        heard: Time,
        context: &mut Context,
    ) -> Result<Draft, Declined> {
        let market = self.market(heard, context)?;
        let levels = market.levels(alert)?;
        let (quote, now) = (market.quote, market.now);
        // At the market: the entry lies between the two prices, and is taken at once.
        let at_market = (quote.bid..=quote.ask).contains(&levels.entry);
        let entered = at_market || market.fills(alert.direction, levels.entry);
        let (tick, bar) = (quote.time, now);
        let gate = self.weigh(alert.direction, now, context);
        if let Some((gate, condition)) = &gate
            && context.settings.portfolio.block
        {
            if !alert.dry_run {
                context.shared.counts.gate(*gate);
            }
            return Err(Declined::Portfolio {
                gate: gate.as_str(),
                value: condition.value,
                limit: condition.limit,
            });
        }
        let whose = Whose::Sender(alert.sender.clone());
        if !alert.dry_run {
            context.refresh(&whose);
        }
        let (zone_far, atr) = (Some(levels.stop), market.atr.unwrap_or(0.0));
        let mut signal = self.write_posted(alert, levels, &market, gate.clone(), context);
        let score = rated.as_ref().map(|rated| rated.score.to_f64());
        let score = score.or(alert.confidence.map(Probability::to_f64));
        signal.evidence.model = rated;
        let raw = score.map_or(Raw::Nothing, Raw::Given);
        let born = context.confide(&mut signal, whose, raw, market.rules.confirm_atr * atr);
        let pending = Pending {
            zone_far,
            atr,
            entered,
            stopped: false,
            origin: Origin::Posted,
            since: Since { tick, bar },
            signal,
        };
        Ok(Draft {
            pending,
            born,
            planned: alert.stop.is_none() || alert.targets.is_empty(),
            now,
            gate: gate.map(|(gate, _)| gate),
        })
    }

    /// A posted signal is born.
    pub(crate) fn open_posted(&mut self, pending: Pending) {
        self.pending.push(pending);
    }

    /// The signal as the sender's own verdict would leave it, if it is pending here.
    pub(crate) fn judged(&self, id: Uuid, status: Status, at: Time) -> Option<Signal> {
        let pending = self.pending.iter().find(|one| one.signal.id == id)?;
        let verdict = verdict_of(status)?;
        Some(self.decided_as(pending, verdict, at))
    }

    /// Takes the sender's own verdict on a pending signal.
    pub(crate) fn take_verdict(&mut self, id: Uuid, status: Status, context: &mut Context) {
        self.decide_if(context, |pending, _| {
            verdict_of(status).filter(|_| pending.signal.id == id)
        });
    }

    fn market<'a>(&self, heard: Time, context: &Context<'a>) -> Result<Market<'a>, Declined> {
        let (at, settings) = (context.at, context.settings);
        let (instrument, symbol) = (self.instrument(context), self.symbol);
        let source = self.source_in(settings);
        let quote = self.pulse.quote().ok_or(Declined::NoPrice { symbol })?;
        let now = self.pulse.market_time(at).unwrap_or(quote.time);
        if !session::is_open(instrument, source, now) {
            return Err(Declined::Closed { symbol });
        }
        if self.pulse.is_stale(at, source, heard, &settings.prices) {
            let seconds = (at - self.pulse.heard()).millis() / 1000;
            return Err(Declined::Stale { symbol, seconds });
        }
        let rules = self.rules(settings);
        Ok(Market {
            instrument,
            rules,
            quote,
            now,
            spread: self.spreads.median(),
            atr: self.atr(rules),
        })
    }

    fn write_posted(
        &self,
        alert: &Alert,
        levels: Levels,
        market: &Market,
        gate: Option<(Gate, Condition)>,
        context: &Context,
    ) -> Signal {
        let (at, rules, instrument) = (context.at, market.rules, market.instrument);
        let source = self.source_in(context.settings);
        // Nobody has seen what is still to come.
        let entry_time = alert
            .entry_time
            .map_or(market.now, |time| time.min(market.now));
        let trade = Trade {
            entry: levels.entry,
            stop: levels.stop,
            targets: &levels.targets,
        };
        let size = self.size(
            trade,
            market.now,
            gate.as_ref().map(|(gate, _)| *gate),
            context,
        );
        Signal {
            id: alert.id,
            status: Status::Pending,
            direction: alert.direction,
            symbol: instrument.symbol,
            digits: instrument.digits,
            entry_time,
            entry: levels.entry,
            stop: levels.stop,
            reason: reason(&alert.reason, source),
            // What it is given next.
            confidence: Probability::from_steps(0),
            targets: levels.targets,
            rr_target: levels.rr_target,
            killzone: alert
                .killzone
                .unwrap_or_else(|| session::killzone(entry_time)),
            setup: alert.setup.clone(),
            timeframe: alert.timeframe.unwrap_or(rules.setup_tf),
            simulated: source.simulated,
            created_at: at,
            decide_by: at + Span::from_secs(i64::from(rules.confirm_timeout_s)),
            decided_at: None,
            cause: None,
            evidence: Evidence {
                source: source.name.clone(),
                price_kind: Some(instrument.kind),
                config_hash: self.rules_name(context.settings),
                size,
                source_confidence: alert.confidence,
                risk_gate: gate.map(|(_, condition)| condition),
                ..Evidence::default()
            },
        }
    }
}

/// What a sender says about a pending signal of his; pending is no verdict.
fn verdict_of(status: Status) -> Option<Verdict> {
    match status {
        Status::Pending => None,
        Status::Confirmed => Some(Verdict::Confirmed),
        Status::Invalidated => Some(Verdict::Invalidated(Cause::Sender)),
    }
}

impl Market<'_> {
    fn mid(&self) -> Price {
        self.quote.bid.mid(self.quote.ask)
    }

    /// Whether an entry can be bought (sold) now.
    fn fills(&self, direction: Direction, entry: Price) -> bool {
        match direction {
            Direction::Long => self.quote.ask <= entry,
            Direction::Short => self.quote.bid >= entry,
        }
    }

    /// The levels, given or planned, on the instrument's ticks: rounded to the side that promises less.
    fn levels(&self, alert: &Alert) -> Result<Levels, Declined> {
        let direction = alert.direction;
        let entry = self.entry(alert)?;
        let stop = match alert.stop {
            Some(stop) => away(direction.opposite(), stop, self.instrument.tick_size),
            None => self.plan_stop(direction, entry)?,
        };
        let risk = (entry - stop).times(direction.sign());
        self.check_stop(direction, entry, stop, risk)?;
        let ladder = Ladder {
            direction,
            entry,
            risk,
            tick_size: self.instrument.tick_size,
        };
        let targets = self.targets(alert, &ladder)?;
        let last = targets.last().map(|target| ladder.distance(target.price));
        let rr_target = last
            .and_then(|reward| Ratio::new(reward.to_f64() / risk.to_f64()))
            .ok_or_else(|| level(TARGETS, "the last one is too far away".to_owned()))?;
        Ok(Levels {
            entry,
            stop,
            targets,
            rr_target,
        })
    }

    fn entry(&self, alert: &Alert) -> Result<Price, Declined> {
        let (mid, tick_size) = (self.mid(), self.instrument.tick_size);
        let entry = match alert.entry {
            Some(entry) => away(alert.direction, entry, tick_size),
            None => mid.round_to(tick_size),
        };
        let most = self.rules.posted_max_distance_percent;
        let distance = percent((entry - mid).abs(), mid);
        if !entry.is_positive() || distance.is_none_or(|distance| distance > most) {
            return Err(level(
                ENTRY,
                format!("{entry} is more than {most} % away from the price now, {mid}"),
            ));
        }
        Ok(entry)
    }

    /// Some average true ranges from the entry, and never closer than the least risk.
    fn plan_stop(&self, direction: Direction, entry: Price) -> Result<Price, Declined> {
        let symbol = self.instrument.symbol;
        let atr = self.atr.ok_or(Declined::NotWarm { symbol })?;
        let distance = Price::from_f64(self.rules.posted_stop_atr * atr).unwrap_or_default();
        let distance = distance.max(self.least_risk()).times(direction.sign());
        Ok(away(
            direction.opposite(),
            entry - distance,
            self.instrument.tick_size,
        ))
    }

    /// Some spreads, and at least a tick.
    fn least_risk(&self) -> Price {
        let spreads = self.rules.min_risk_spreads * self.spread.to_f64();
        let spreads = Price::from_f64(spreads).unwrap_or(Price::MAX);
        spreads.max(self.instrument.tick_size)
    }

    fn check_stop(
        &self,
        direction: Direction,
        entry: Price,
        stop: Price,
        risk: Price,
    ) -> Result<(), Declined> {
        let side = match direction {
            Direction::Long => "below",
            Direction::Short => "above",
        };
        let (least, most) = (self.least_risk(), self.rules.posted_max_risk_percent);
        let exit = self.exit(direction);
        let wrong = if !risk.is_positive() {
            format!("{stop} is not {side} the entry {entry}, where the stop of a {direction} lies")
        } else if risk < least {
            format!("{stop} is {risk} from the entry {entry}, and the least is {least} now")
        } else if percent(risk, entry).is_none_or(|percent| percent > most) {
            format!("{stop} is more than {most} % away from the entry {entry}")
        } else if (stop - exit).times(direction.sign()) >= Price::ZERO {
            format!("{stop} has traded already: the price is {exit} now")
        } else {
            return Ok(());
        };
        Err(level(STOP, wrong))
    }

    fn targets(&self, alert: &Alert, ladder: &Ladder) -> Result<Vec<Target>, Declined> {
        let targets = if alert.targets.is_empty() {
            ladder
                .plain_targets(self.rules)
                .ok_or_else(|| level(TARGETS, "the risk is too small to plan them".to_owned()))?
        } else {
            given_targets(&alert.targets, ladder)?
        };
        let (direction, exit) = (alert.direction, self.exit(alert.direction));
        match targets.first() {
            Some(first) if (exit - first.price).times(direction.sign()) < Price::ZERO => {
                Ok(targets)
            }
            Some(first) => Err(level(
                TARGETS,
                format!(
                    "the first, {}, has traded already: the price is {exit} now",
                    first.price
                ),
            )),
            None => Err(level(TARGETS, "there is none".to_owned())),
        }
    }

    /// The price a position could be closed at now.
    fn exit(&self, direction: Direction) -> Price {
        match direction {
            Direction::Long => self.quote.bid,
            Direction::Short => self.quote.ask,
        }
    }
}

/// The sender's targets on ticks, towards the entry.
fn given_targets(given: &[Target], ladder: &Ladder) -> Result<Vec<Target>, Declined> {
    let whole: u32 = given.iter().map(|target| u32::from(target.percent)).sum();
    if given.len() > 4 || whole != 100 || given.iter().any(|target| target.percent == 0) {
        let count = given.len();
        return Err(level(
            TARGETS,
            format!("{count} targets with {whole} percent together; it takes one to four with 100"),
        ));
    }
    let direction = ladder.direction;
    let rounded = |target: &Target| Target {
        price: away(direction.opposite(), target.price, ladder.tick_size),
        ..*target
    };
    let targets: Vec<Target> = given.iter().map(rounded).collect();
    if ladder.is_rising(targets.iter().map(|target| target.price)) {
        return Ok(targets);
    }
    let (side, entry) = match direction {
        Direction::Long => ("above", ladder.entry),
        Direction::Short => ("below", ladder.entry),
    };
    let shown: Vec<String> = targets
        .iter()
        .map(|target| target.price.to_string())
        .collect();
    let shown = shown.join(", ");
    Err(level(
        TARGETS,
        format!(
            "{shown} are not all {side} the entry {entry}, where the targets of a {direction} lie, each further than the one before"
        ),
    ))
}

/// `part` in percent of `whole`; nothing where there is nothing to compare with.
fn percent(part: Price, whole: Price) -> Option<f64> {
    whole
        .is_positive()
        .then(|| part.to_f64() / whole.to_f64() * 100.0)
}

fn level(field: &'static str, reason: String) -> Declined {
    Declined::Level { field, reason }
}
