//! What the operator's account and portfolio say to a posted signal, in the form in which dashboards are told it too
//! (docs/protocol.md, `ext.size` and `ext.risk_gate`).

use market::{Condition, Measure, Price, Size};
use serde::Serialize;
use serde_json::value::RawValue;

/// How large the position would be.
#[derive(Serialize)]
pub(super) struct SizeAdvice<'a> {
    currency: String,
    #[serde(flatten)]
    lots: Option<Lots>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

#[derive(Serialize)]
struct Lots {
    lots: Number,
    risk: Number,
    parts: Vec<Number>,
}

/// The limit that speaks against it.
#[derive(Serialize)]
pub(super) struct GateAdvice<'a> {
    name: &'a str,
    rule: &'static str,
    value: Number,
    limit: Number,
}

/// Every digit of it, as a JSON number.
type Number = Option<Box<RawValue>>;

impl<'a> From<&'a Size> for SizeAdvice<'a> {
    fn from(size: &'a Size) -> Self {
        let lots = size.lots.as_ref().map(|lots| Lots {
            lots: number(lots.total),
            risk: money(lots.risk),
            parts: lots.parts.iter().map(|part| number(*part)).collect(),
        });
        Self {
            currency: size.currency.to_string(),
            lots,
            note: &size.note,
        }
    }
}

impl<'a> From<&'a Condition> for GateAdvice<'a> {
    fn from(gate: &'a Condition) -> Self {
        Self {
            name: &gate.name,
            rule: gate.relation.as_str(),
            value: number(gate.value),
            limit: number(gate.limit),
        }
    }
}

fn number(measure: Measure) -> Number {
    raw(measure.to_string())
}

/// With two decimals.
fn money(measure: Measure) -> Number {
    let price = Price::from_units(measure.millionths().saturating_mul(1000));
    raw(price.display(2).to_string())
}

/// A number as it is written.
pub(super) fn raw(text: String) -> Number {
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Currency;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn sizes_and_limits_are_told_as_to_dashboards() {
        let mut size = Size {
            currency: Currency::USD,
            lots: Some(market::Lots {
                total: Measure::new(0.62),
                risk: Measure::new(49.6),
                parts: [0.18, 0.24, 0.2].map(Measure::new).to_vec(),
            }),
            note: String::new(),
        };
        assert_eq!(
            json(&SizeAdvice::from(&size)),
            r#"{"currency":"USD","lots":0.62,"risk":49.60,"parts":[0.18,0.24,0.2]}"#
        );
        size.lots = None;
        size.note = "no new risk: max_live_signals".to_owned();
        assert_eq!(
            json(&SizeAdvice::from(&size)),
            r#"{"currency":"USD","note":"no new risk: max_live_signals"}"#
        );
        let gate = Condition::at_most("max_live_signals", 6.0, 5.0);
        assert_eq!(
            json(&GateAdvice::from(&gate)),
            r#"{"name":"max_live_signals","rule":"at_most","value":6,"limit":5}"#
        );
    }
}
