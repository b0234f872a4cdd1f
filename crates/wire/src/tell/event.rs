//! Signals and what becomes of them: the one stream that a client can resume. What does not depend on who hears it is
//! written once; the envelope around it is the class's.

use super::{BadPayload, List, Quoted, append, check_digits, rule};
use market::{
    Backing, Basis, Condition, Direction, Ended, Evidence, Measure, Outcome, Position, Price,
    Rated, Signal, Size, Target, Time,
};

/// Longest reason, in bytes: what bounds the size of a message.
const REASON_MAX: usize = 500;
const TARGETS_MAX: usize = 4;
const PROBABILITY_STEPS: u16 = 10_000;

/// What is told of one event, without its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBody {
    kind: &'static str,
    payload: String,
    ext: Option<String>,
}

/// Where an event stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub position: Position,
    /// The `seq` of the event before it that the same clients hear; 0 where none is known.
    pub prev: u64,
}

impl EventBody {
    /// The whole signal as it stands.
    ///
    /// # Errors
    /// When the signal breaks a rule of the schema.
    pub fn signal(signal: &Signal) -> Result<Self, BadPayload> {
        check_signal(signal).map_err(|fault| BadPayload {
            subject: format!("signal {}", signal.id),
            fault,
        })?;
        Ok(Self {
            kind: "signal",
            payload: signal_payload(signal),
            ext: Some(signal_ext(signal)),
        })
    }

    /// One step of a confirmed signal's life.
    #[must_use]
    pub fn outcome(outcome: &Outcome) -> Self {
        Self {
            kind: "outcome",
            payload: format!(
                r#"{{"id":"{}","event":"{}","price":{},"r":{},"at":"{}"}}"#,
                outcome.id,
                outcome.kind,
                outcome.price.display(outcome.digits),
                outcome.r,
                outcome.at,
            ),
            ext: Some(outcome_ext(outcome)),
        }
    }

    /// The payload alone, a JSON object.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// What stands beside the payload for extended clients, a JSON object.
    #[must_use]
    pub fn ext(&self) -> Option<&str> {
        self.ext.as_deref()
    }

    /// `{"type":"signal","payload":{...}}`, and `outcome` alike.
    #[must_use]
    pub fn plain(&self) -> String {
        format!(r#"{{"type":"{}","payload":{}}}"#, self.kind, self.payload)
    }

    /// The same for extended clients: with its place, the moment it was written, and more than the payload.
    #[must_use]
    pub fn placed(&self, place: Place, ts: Time) -> String {
        let Place { position, prev } = place;
        self.enveloped(format_args!(
            r#""seq":{},"prev":{prev},"epoch":"{}","ts":"{ts}""#,
            position.seq, position.epoch
        ))
    }

    /// The same as part of a snapshot: the latest of its signal, which stands at `position`.
    #[must_use]
    pub fn shown(&self, position: Position, ts: Time) -> String {
        self.enveloped(format_args!(
            r#""seq":{},"epoch":"{}","ts":"{ts}","snapshot":true"#,
            position.seq, position.epoch
        ))
    }

    fn enveloped(&self, envelope: std::fmt::Arguments<'_>) -> String {
        let mut text = format!(
            r#"{{"type":"{}",{envelope},"payload":{}"#,
            self.kind, self.payload
        );
        if let Some(ext) = &self.ext {
            append(&mut text, format_args!(r#","ext":{ext}"#));
        }
        text.push('}');
        text
    }
}

/// `{"type":"signal","payload":{...}}`: the whole signal as it stands.
///
/// # Errors
/// When the signal breaks a rule of the schema.
pub fn signal(signal: &Signal) -> Result<String, BadPayload> {
    EventBody::signal(signal).map(|body| body.plain())
}

fn signal_payload(signal: &Signal) -> String {
    let shown = |price: Price| price.display(signal.digits);
    let last = signal.targets.len().saturating_sub(1);
    let prices = List(&signal.targets, |target, _| shown(target.price).to_string());
    let modes = List(&signal.targets, |target, place| mode(target, place, last));
    format!(
        r#"{{"id":"{}","status":"{}","direction":"{}","symbol":"{}","entry_time":"{}","entry_price":{},"stop_loss":{},"take_profits":{prices},"tp_modes":{modes},"reason":{},"confidence":{},"rr_target":{},"killzone":"{}"}}"#,
        signal.id,
        signal.status,
        signal.direction,
        signal.symbol,
        signal.entry_time,
        shown(signal.entry),
        shown(signal.stop),
        Quoted(&signal.reason),
        signal.confidence,
        signal.rr_target,
        signal.killzone,
    )
}

/// What only extended clients are told of a signal.
fn signal_ext(signal: &Signal) -> String {
    let mut text = format!(
        r#"{{"setup":{},"tf":"{}","simulated":{},"decide_by":"{}""#,
        Quoted(&signal.setup),
        signal.timeframe,
        signal.simulated,
        signal.decide_by,
    );
    if let Some(cause) = signal.cause {
        append(&mut text, format_args!(r#","cause":"{}""#, cause.as_str()));
    }
    append_evidence(&mut text, &signal.evidence);
    text.push('}');
    text
}

/// What the signal stands on, as far as it is known.
fn append_evidence(text: &mut String, evidence: &Evidence) {
    if !evidence.source.is_empty() {
        append(
            text,
            format_args!(r#","source":{}"#, Quoted(&evidence.source)),
        );
    }
    if let Some(kind) = evidence.price_kind {
        append(text, format_args!(r#","price_kind":"{kind}""#));
    }
    if !evidence.conditions.is_empty() {
        let conditions = List(&evidence.conditions, |condition, _| {
            shown_condition(condition)
        });
        append(text, format_args!(r#","conditions":{conditions}"#));
    }
    if let Some(backing) = evidence.backing {
        append_backing(text, backing);
    }
    if let Some(said) = evidence.source_confidence {
        append(text, format_args!(r#","source_confidence":{said}"#));
    }
    if let Some(odds) = evidence.odds {
        append(text, format_args!(r#","odds":{odds}"#));
    }
    if let Some(ratio) = evidence.rr_weighted {
        append(text, format_args!(r#","rr_weighted":{ratio}"#));
    }
    if !evidence.config_hash.is_empty() {
        append(
            text,
            format_args!(r#","config_hash":{}"#, Quoted(&evidence.config_hash)),
        );
    }
    if let Some(size) = &evidence.size {
        append_size(text, size);
    }
    if let Some(gate) = &evidence.risk_gate {
        let gate = shown_condition(gate);
        append(text, format_args!(r#","risk_gate":{gate}"#));
    }
    if let Some(rated) = &evidence.model {
        append_rated(text, rated);
    }
}

/// The model that had to do with it.
fn append_rated(text: &mut String, rated: &Rated) {
    append(
        text,
        format_args!(
            r#","model":{{"name":{},"version":{},"score":{},"counts_from":"{}"}}"#,
            Quoted(&rated.model),
            Quoted(&rated.version),
            rated.score,
            rated.counts_from,
        ),
    );
}

fn shown_condition(condition: &Condition) -> String {
    format!(
        r#"{{"name":{},"rule":"{}","value":{},"limit":{}}}"#,
        Quoted(&condition.name),
        condition.relation.as_str(),
        condition.value,
        condition.limit,
    )
}

fn append_backing(text: &mut String, backing: Backing) {
    let Backing {
        resolved,
        hits,
        version,
        basis,
        ..
    } = backing;
    append(
        text,
        format_args!(r#","confidence":{{"n":{resolved},"hits":{hits}"#),
    );
    if let Some((low, high)) = backing.interval {
        append(text, format_args!(r#","lo":{low},"hi":{high}"#));
    }
    if let Some(score) = backing.score {
        append(text, format_args!(r#","score":{score}"#));
    }
    append(
        text,
        format_args!(r#","version":{version},"basis":"{}""#, basis.as_str()),
    );
    if basis == Basis::FellBack {
        append(text, format_args!(r#","fallback":true"#));
    }
    text.push('}');
}

/// Without `lots` where no size can be known.
fn append_size(text: &mut String, size: &Size) {
    append(
        text,
        format_args!(r#","size":{{"currency":"{}""#, size.currency),
    );
    if let Some(lots) = &size.lots {
        let parts = List(&lots.parts, |part, _| part.to_string());
        append(
            text,
            format_args!(
                r#","lots":{},"risk":{},"parts":{parts}"#,
                lots.total,
                money(lots.risk)
            ),
        );
    }
    if !size.note.is_empty() {
        append(text, format_args!(r#","note":{}"#, Quoted(&size.note)));
    }
    text.push('}');
}

/// With two decimals.
fn money(value: Measure) -> impl std::fmt::Display {
    Price::from_units(value.millionths().saturating_mul(1000)).display(2)
}

/// What only extended clients are told of an outcome.
fn outcome_ext(outcome: &Outcome) -> String {
    let mut text = format!(r#"{{"last":{}"#, outcome.last);
    if let Some(realised) = outcome.realised {
        append(&mut text, format_args!(r#","realised_r":{realised}"#));
    }
    if let Some(end) = &outcome.end {
        append_end(&mut text, end, outcome.digits);
    }
    text.push('}');
    text
}

/// What is known of a position at its end. What is as usual is left out.
fn append_end(text: &mut String, end: &Ended, digits: u8) {
    let Ended {
        hit,
        fill,
        spread,
        best,
        worst,
        cost,
        held,
        ambiguous,
        bars,
        coarse,
    } = end;
    if let Some(cost) = cost {
        append(text, format_args!(r#","cost_r":{cost}"#));
    }
    let (fill, spread) = (fill.display(digits), spread.display(digits));
    append(
        text,
        format_args!(
            r#","hit":{hit},"mfe_r":{best},"mae_r":{worst},"fill":{fill},"spread":{spread},"held_s":{}"#,
            held.millis() / 1000
        ),
    );
    if let Some(bars) = bars {
        append(text, format_args!(r#","bars":"{bars}""#));
    }
    for (name, holds) in [("ambiguous", *ambiguous), ("coarse", *coarse)] {
        if holds {
            append(text, format_args!(r#","{name}":true"#));
        }
    }
}

fn mode(target: &Target, place: usize, last: usize) -> String {
    if target.runner && place == last {
        format!(r#""Runner {}%""#, target.percent)
    } else {
        format!(r#""TP{} {}%""#, place + 1, target.percent)
    }
}

/// The rules of a signal's payload. Prices are judged as they are shown, since that is what clients compute with.
fn check_signal(signal: &Signal) -> Result<(), String> {
    let shown = |price: Price| price.round_to_digits(signal.digits);
    let (entry, stop) = (shown(signal.entry), shown(signal.stop));
    check_digits(signal.digits)?;
    rule(entry.is_positive(), || {
        format!("entry_price {entry} is not above 0")
    })?;
    rule(stop.is_positive(), || {
        format!("stop_loss {stop} is not above 0")
    })?;
    rule(is_beyond(signal.direction.opposite(), entry, stop), || {
        format!("stop_loss {stop} is not on the losing side of entry_price {entry}")
    })?;
    check_targets(signal, shown)?;
    check_reason(&signal.reason)?;
    rule(signal.confidence.steps() <= PROBABILITY_STEPS, || {
        format!("confidence {} is above 1", signal.confidence)
    })?;
    rule(signal.rr_target.hundredths() > 0, || {
        format!("rr_target {} is not above 0", signal.rr_target)
    })
}

fn check_targets(signal: &Signal, shown: impl Fn(Price) -> Price) -> Result<(), String> {
    let count = signal.targets.len();
    rule((1..=TARGETS_MAX).contains(&count), || {
        format!("there are {count} take_profits, and 1 to {TARGETS_MAX} are allowed")
    })?;
    let mut before = shown(signal.entry);
    for target in &signal.targets {
        let price = shown(target.price);
        rule(
            price.is_positive() && is_beyond(signal.direction, before, price),
            || {
                format!(
                    "take profit {price} does not lie beyond {before} for a {}",
                    signal.direction
                )
            },
        )?;
        rule(target.percent > 0, || {
            format!("take profit {price} closes 0 percent")
        })?;
        before = price;
    }
    let runners_before_last = signal.targets[..count - 1]
        .iter()
        .any(|target| target.runner);
    rule(!runners_before_last, || {
        "a runner is not the last target".to_owned()
    })?;
    let percent: u32 = signal
        .targets
        .iter()
        .map(|target| u32::from(target.percent))
        .sum();
    rule(percent == 100, || {
        format!("the parts of tp_modes are {percent} percent together, not 100")
    })
}

fn check_reason(reason: &str) -> Result<(), String> {
    rule(!reason.is_empty(), || "reason is empty".to_owned())?;
    rule(reason.len() <= REASON_MAX, || {
        format!(
            "reason has {} bytes, at most {REASON_MAX} are allowed",
            reason.len()
        )
    })?;
    rule(!reason.contains(char::is_control), || {
        format!("reason {reason:?} has a control character")
    })
}

/// Whether `to` lies strictly from `from` in the direction a trade of this kind wins.
fn is_beyond(direction: Direction, from: Price, to: Price) -> bool {
    match direction {
        Direction::Long => to > from,
        Direction::Short => to < from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use market::{OutcomeKind, Ratio, Span, Symbol, Timeframe, Uuid};

    fn last(realised: Option<i32>, end: Option<Ended>) -> Outcome {
        Outcome {
            id: Uuid::from_u128(7),
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            kind: OutcomeKind::Stop,
            price: Price::parse("1.0854").unwrap(),
            r: Ratio::from_hundredths(8),
            at: Time::from_secs(1_900),
            last: true,
            realised: realised.map(Ratio::from_hundredths),
            end,
        }
    }

    fn ended() -> Ended {
        Ended {
            hit: true,
            fill: Price::parse("1.08565").unwrap(),
            spread: Price::parse("0.0001").unwrap(),
            best: Measure::new(0.882_353),
            worst: Measure::new(-0.294_118),
            cost: Some(Measure::new(0.050_42)),
            held: Span::from_secs(1865),
            ambiguous: false,
            bars: None,
            coarse: false,
        }
    }

    fn check(outcome: &Outcome, expected: &Expect) {
        let text = outcome_ext(outcome);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        expected.assert_eq(&text);
    }

    #[test]
    fn the_last_outcome_says_how_the_position_went() {
        check(&last(None, None), &expect![[r#"{"last":true}"#]]);
        check(
            &last(Some(-4), None),
            &expect![[r#"{"last":true,"realised_r":-0.04}"#]],
        );
        check(
            &last(Some(1), Some(ended())),
            &expect![[
                r#"{"last":true,"realised_r":0.01,"cost_r":0.05042,"hit":true,"mfe_r":0.882353,"mae_r":-0.294118,"fill":1.08565,"spread":0.00010,"held_s":1865}"#
            ]],
        );
        let by_bars = Ended {
            hit: false,
            cost: None,
            ambiguous: true,
            bars: Some(Timeframe::H1),
            coarse: true,
            ..ended()
        };
        check(
            &last(Some(-129), Some(by_bars)),
            &expect![[
                r#"{"last":true,"realised_r":-1.29,"hit":false,"mfe_r":0.882353,"mae_r":-0.294118,"fill":1.08565,"spread":0.00010,"held_s":1865,"bars":"1h","ambiguous":true,"coarse":true}"#
            ]],
        );
    }
}
