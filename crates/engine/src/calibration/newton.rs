//! Newton's method for the logistic loss (iteratively reweighted least squares), which every fit here is made of: weights w
//! that make `sum(ln(1 + exp(x w)) - t x w) + penalty / 2 * |w|^2` least. The last weight is the intercept: its column is 1,
//! and it is not penalised.
//!
//! Hastie, Tibshirani & Friedman, "The Elements of Statistical Learning", section 4.4.1.

use libm::{exp, log};

/// Steps at most, and halvings of one step.
const STEPS_MAX: usize = 25;
const HALVINGS_MAX: usize = 20;
/// A step that moves no weight further than this is the last: it squares what is wrong, and some 1e-8 is left.
const MOVES: f64 = 1e-4;
/// A loss is a sum of so many numbers that a difference of this part of it says nothing: near the end a good step must not be
/// halved for it.
const NOISE: f64 = 1e-12;
/// So many factors, each from 1 to 2, may be multiplied before their product is too large.
const FACTORS: usize = 512;
/// A pivot below this part of the largest: the columns do not tell the weights apart.
const PIVOT: f64 = 1e-12;

/// What is to be fitted: W weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a, const W: usize> {
    /// Each with the 1 of the intercept at its end.
    pub rows: &'a [[f64; W]],
    /// Of each row, in [0, 1].
    pub targets: &'a [f64],
    pub penalty: f64,
}

/// `1 / (1 + exp(-x))`.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// What weights say of the rows.
struct Look {
    loss: f64,
    /// Of each row.
    chances: Vec<f64>,
}

impl<const W: usize> Problem<'_, W> {
    /// The weights, found sooner from ones that are not far; `None` where the columns do not tell them apart.
    pub(super) fn solve(&self, near: [f64; W]) -> Option<[f64; W]> {
        let (mut weights, mut look) = (near, self.look(&near));
        for _ in 0..STEPS_MAX {
            let step = self.step(&weights, &look.chances)?;
            let way = step.iter().fold(0.0, |most: f64, by| most.max(by.abs()));
            if way < MOVES {
                weights
                    .iter_mut()
                    .zip(step)
                    .for_each(|(weight, by)| *weight -= by);
                break;
            }
            let Some(nearer) = self.follow(&weights, &step, look.loss) else {
                break;
            };
            (weights, look) = nearer;
        }
        weights
            .iter()
            .all(|weight| weight.is_finite())
            .then_some(weights)
    }

    /// What is to be least.
    pub(super) fn loss(&self, weights: &[f64; W]) -> f64 {
        self.look(weights).loss
    }

    /// The loss, and each row's chance on the way: both take the same exponential. `ln(1 + exp(x))` is `max(x, 0)` and the
    /// logarithm of `1 + exp(-|x|)`, and of a product one logarithm is enough.
    fn look(&self, weights: &[f64; W]) -> Look {
        let mut chances = Vec::with_capacity(self.targets.len());
        let mut loss = 0.0;
        let blocks = self.rows.chunks(FACTORS);
        for (rows, targets) in blocks.zip(self.targets.chunks(FACTORS)) {
            let mut product = 1.0;
            for (row, target) in rows.iter().zip(targets) {
                let x = dot(row, weights);
                let small = exp(-x.abs());
                let whole = 1.0 + small;
                chances.push(if x < 0.0 { small / whole } else { 1.0 / whole });
                product *= whole;
                loss += x.max(0.0) - target * x;
            }
            loss += log(product);
        }
        let slopes = &weights[..W - 1];
        loss += self.penalty / 2.0 * dot(slopes, slopes);
        Look { loss, chances }
    }

    /// Goes a step, or the half of it as often as it takes for the loss to fall; `None` where it does not.
    fn follow(&self, weights: &[f64; W], step: &[f64; W], loss: f64) -> Option<([f64; W], Look)> {
        let mut part = 1.0;
        for _ in 0..HALVINGS_MAX {
            let moved = std::array::from_fn(|place| weights[place] - part * step[place]);
            let lower = self.look(&moved);
            if lower.loss <= loss + NOISE * loss.abs() {
                return Some((moved, lower));
            }
            part /= 2.0;
        }
        None
    }

    /// Newton's step: the gradient, divided by the curvature.
    fn step(&self, weights: &[f64; W], chances: &[f64]) -> Option<[f64; W]> {
        let mut gradient = [0.0; W];
        let mut curvature = [[0.0; W]; W];
        for ((row, target), p) in self.rows.iter().zip(self.targets).zip(chances) {
            let (off, weight) = (p - target, p * (1.0 - p));
            for place in 0..W {
                gradient[place] += off * row[place];
                let weighted = weight * row[place];
                for (sum, other) in curvature[place][..=place].iter_mut().zip(row) {
                    *sum += weighted * other;
                }
            }
        }
        for place in 0..W - 1 {
            gradient[place] += self.penalty * weights[place];
            curvature[place][place] += self.penalty;
        }
        divide(curvature, gradient)
    }
}

/// Solves `matrix x = values` by Cholesky's decomposition; the matrix is symmetric and only its lower half is read.
fn divide<const W: usize>(mut matrix: [[f64; W]; W], mut values: [f64; W]) -> Option<[f64; W]> {
    let diagonal = (0..W).map(|place| matrix[place][place]);
    let least = PIVOT * diagonal.fold(f64::MIN_POSITIVE, f64::max);
    for row in 0..W {
        for column in 0..=row {
            let done: f64 = (0..column)
                .map(|k| matrix[row][k] * matrix[column][k])
                .sum();
            let rest = matrix[row][column] - done;
            matrix[row][column] = if row > column {
                rest / matrix[column][column]
            } else if rest > least {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    for row in 0..W {
        let done: f64 = (0..row).map(|k| matrix[row][k] * values[k]).sum();
        values[row] = (values[row] - done) / matrix[row][row];
    }
    for row in (0..W).rev() {
        let done: f64 = (row + 1..W).map(|k| matrix[k][row] * values[k]).sum();
        values[row] = (values[row] - done) / matrix[row][row];
    }
    Some(values)
}

/// In four sums, which need not wait for each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_parts, a_rest) = a.as_chunks::<4>();
    let (b_parts, b_rest) = b.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in a_parts.iter().zip(b_parts) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_alike_have_no_weights_of_their_own() {
        let problem = Problem {
            rows: &[[1.0; 3], [2.0, 2.0, 1.0], [3.0, 3.0, 1.0], [4.0, 4.0, 1.0]],
            targets: &[0.0, 1.0, 0.0, 1.0],
            penalty: 0.0,
        };
        assert_eq!(problem.solve([0.0; 3]), None);
        let penalised = Problem {
            penalty: 1.0,
            ..problem
        };
        let weights = penalised.solve([0.0; 3]).unwrap();
        assert!((weights[0] - weights[1]).abs() < 1e-9, "{weights:?}");
    }

    #[test]
    fn what_can_be_told_apart_wholly_still_ends() {
        let problem = Problem {
            rows: &[[-1.0, 1.0], [-2.0, 1.0], [1.0; 2], [2.0, 1.0]],
            targets: &[0.0, 0.0, 1.0, 1.0],
            penalty: 0.0,
        };
        let weights = problem.solve([0.0; 2]);
        assert!(weights.is_none_or(|weights| weights[0] > 5.0));
    }
}
