//! What a model's output means: from the numbers of a graph to one answer.

use crate::fault::Fault;
use crate::manifest::{Columns, Kind, Role};

/// Answers stay this far from 0 and 1, so that their odds exist.
const EDGE: f64 = 1e-6;

/// How to read an output.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    pub kind: Kind,
    pub columns: Columns,
    pub role: Role,
}

impl Meaning {
    /// The numbers that self-tests are compared with: the columns that are read, as they are.
    pub(crate) fn raw(&self, output: &[f32]) -> Result<Vec<f64>, Fault> {
        let column = |place: usize| {
            let value = output.get(place).copied().map(f64::from);
            value
                .ok_or_else(|| {
                    Fault::Answer(format!("{} numbers, none number {place}", output.len()))
                })
                .and_then(finite)
        };
        self.columns.places().map(column).collect()
    }

    /// The answer, as [`crate::Model`] describes it.
    pub(crate) fn read(&self, output: &[f32]) -> Result<f64, Fault> {
        let mut likely = Vec::with_capacity(2);
        for (place, raw) in self.columns.places().zip(self.raw(output)?) {
            likely.push(self.likely(place, raw, output)?);
        }
        let answer = match (self.columns, &self.role, likely.as_slice()) {
            (Columns::One(_), Role::Rescore { .. }, &[hit]) => inside(hit),
            (Columns::One(_), Role::Propose { .. }, &[up]) if up >= 0.5 => inside(up),
            (Columns::One(_), Role::Propose { .. }, &[up]) => -inside(1.0 - up),
            (Columns::Sides { .. }, _, &[long, short]) if long >= short => inside(long),
            (Columns::Sides { .. }, _, &[_, short]) => -inside(short),
            (_, _, other) => return Err(Fault::Answer(format!("{} numbers", other.len()))),
        };
        Ok(answer)
    }

    /// A column's number as a likelihood.
    fn likely(&self, place: usize, raw: f64, output: &[f32]) -> Result<f64, Fault> {
        match self.kind {
            Kind::Probability if (-EDGE..=1.0 + EDGE).contains(&raw) => Ok(raw),
            Kind::Probability => Err(Fault::Answer(format!("{raw}, which is no probability"))),
            Kind::Score => Ok(logistic(raw)),
            Kind::Logits if output.len() == 1 => Ok(logistic(raw)),
            Kind::Logits => softmax(place, output),
        }
    }
}

fn finite(value: f64) -> Result<f64, Fault> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Fault::Answer(format!("{value}, which is no number")))
    }
}

fn inside(likely: f64) -> f64 {
    likely.clamp(EDGE, 1.0 - EDGE)
}

pub(crate) fn logistic(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// The share of one column; the greatest is taken off first, so that nothing overflows.
fn softmax(place: usize, output: &[f32]) -> Result<f64, Fault> {
    let greatest = output.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for value in output {
        sum += (finite(f64::from(*value))? - f64::from(greatest)).exp();
    }
    let own = f64::from(output[place]) - f64::from(greatest);
    Ok(own.exp() / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPOSE: Role = Role::Propose { threshold: 0.5 };
    const SIDES: Columns = Columns::Sides { long: 2, short: 0 };

    fn check(kind: Kind, columns: Columns, role: &Role, output: &[f32], expected: &str) {
        let meaning = Meaning {
            kind,
            columns,
            role: role.clone(),
        };
        let read = meaning.read(output);
        let shown = read.map_or_else(|fault| fault.to_string(), |answer| format!("{answer:.4}"));
        assert_eq!(shown, expected, "{output:?}");
    }

    #[test]
    fn one_number_says_how_likely() {
        let rescore = Role::Rescore { setups: Vec::new() };
        let one = Columns::One(1);
        check(Kind::Probability, one, &rescore, &[0.7, 0.3], "0.3000");
        check(Kind::Probability, one, &rescore, &[0.0, 1.0], "1.0000");
        // exp(1) / (exp(0) + exp(1)) and 1 / (1 + exp(-2)).
        check(Kind::Logits, one, &rescore, &[0.0, 1.0], "0.7311");
        check(Kind::Logits, Columns::One(0), &rescore, &[2.0], "0.8808");
        check(Kind::Logits, one, &rescore, &[1000.0, 999.0], "0.2689");
        check(Kind::Score, one, &rescore, &[0.0, -2.0], "0.1192");
    }

    #[test]
    fn a_proposal_has_its_direction_for_a_sign() {
        let one = Columns::One(0);
        check(Kind::Probability, one, &PROPOSE, &[0.8], "0.8000");
        check(Kind::Probability, one, &PROPOSE, &[0.2], "-0.8000");
        check(Kind::Score, one, &PROPOSE, &[-2.0], "-0.8808");
        check(
            Kind::Probability,
            SIDES,
            &PROPOSE,
            &[0.3, 0.3, 0.4],
            "0.4000",
        );
        check(
            Kind::Probability,
            SIDES,
            &PROPOSE,
            &[0.5, 0.3, 0.2],
            "-0.5000",
        );
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let one = Columns::One(0);
        let (nan, infinite) = (f32::NAN, f32::INFINITY);
        check(
            Kind::Score,
            one,
            &PROPOSE,
            &[nan],
            "it answered NaN, which is no number",
        );
        check(
            Kind::Logits,
            one,
            &PROPOSE,
            &[0.0, infinite],
            "it answered inf, which is no number",
        );
        check(
            Kind::Probability,
            one,
            &PROPOSE,
            &[1.5],
            "it answered 1.5, which is no probability",
        );
        check(
            Kind::Score,
            Columns::One(3),
            &PROPOSE,
            &[0.1],
            "it answered 1 numbers, none number 3",
        );
    }
}
