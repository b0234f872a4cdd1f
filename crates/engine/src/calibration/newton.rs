//! Newton's method for the logistic loss (iteratively reweighted least squares), which every fit here is made of: weights w
//! that make `sum(ln(1 + exp(x w)) - t x w) + penalty / 2 * |w|^2` least. The last weight is the intercept: its column is 1,
//! and it is not penalised.
//!
//! Hastie, Tibshirani & Friedman, "The Elements of Statistical Learning", section 4.4.1.

use libm::{exp, log};

/// Steps at most, and halvings of one step.
const STEPS_MAX: usize = 25;
const HALVINGS_MAX: usize = 20;
/// Where no weight moves further than this, they are found: a step near the end squares what is wrong.
const MOVES: f64 = 1e-6;
/// A loss is a sum of so many numbers that a difference of this part of it says nothing: near the end a good step must not be
/// halved for it.
const NOISE: f64 = 1e-12;
/// So many factors, each from 1 to 2, may be multiplied before their product is too large.
const FACTORS: usize = 512;
/// A pivot below this part of the largest: the columns do not tell the weights apart.
const PIVOT: f64 = 1e-12;

/// What is to be fitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a> {
    /// One row after the other, each with the 1 of the intercept at its end.
    pub rows: &'a [f64],
    pub width: usize,
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

impl Problem<'_> {
    /// The weights; `None` where the columns do not tell them apart.
    pub(super) fn solve(&self) -> Option<Vec<f64>> {
        self.solve_from(vec![0.0; self.width])
    }

    /// The same, sooner, from weights that cannot be far.
    pub(super) fn solve_from(&self, mut weights: Vec<f64>) -> Option<Vec<f64>> {
        let mut look = self.look(&weights);
        for _ in 0..STEPS_MAX {
            let step = self.step(&weights, &look.chances)?;
            let Some((moved, lower)) = self.follow(&weights, &step, look.loss) else {
                break;
            };
            let way = moved.iter().zip(&weights).map(|(to, from)| to - from);
            let way = way.fold(0.0, |most: f64, one| most.max(one.abs()));
            (weights, look) = (moved, lower);
            if way < MOVES {
                break;
            }
        }
        weights
            .iter()
            .all(|weight| weight.is_finite())
            .then_some(weights)
    }

    /// What is to be least.
    pub(super) fn loss(&self, weights: &[f64]) -> f64 {
        self.look(weights).loss
    }

    /// The loss, and each row's chance on the way: both take the same exponential. `ln(1 + exp(x))` is `max(x, 0)` and the
    /// logarithm of `1 + exp(-|x|)`, and of a product one logarithm is enough.
    fn look(&self, weights: &[f64]) -> Look {
        let mut chances = Vec::with_capacity(self.targets.len());
        let mut loss = 0.0;
        let blocks = self.rows.chunks(self.width * FACTORS);
        for (rows, targets) in blocks.zip(self.targets.chunks(FACTORS)) {
            let mut product = 1.0;
            for (row, target) in rows.chunks_exact(self.width).zip(targets) {
                let x = dot(row, weights);
                let small = exp(-x.abs());
                let whole = 1.0 + small;
                chances.push(if x < 0.0 { small / whole } else { 1.0 / whole });
                product *= whole;
                loss += x.max(0.0) - target * x;
            }
            loss += log(product);
        }
        let slopes = &weights[..self.width - 1];
        loss += self.penalty / 2.0 * dot(slopes, slopes);
        Look { loss, chances }
    }

    /// Goes a step, or the half of it as often as it takes for the loss to fall; `None` where it does not.
    fn follow(&self, weights: &[f64], step: &[f64], loss: f64) -> Option<(Vec<f64>, Look)> {
        let mut part = 1.0;
        for _ in 0..HALVINGS_MAX {
            let moved = weights.iter().zip(step);
            let moved: Vec<f64> = moved.map(|(weight, by)| weight - part * by).collect();
            let lower = self.look(&moved);
            if lower.loss <= loss + NOISE * loss.abs() {
                return Some((moved, lower));
            }
            part /= 2.0;
        }
        None
    }

    /// Newton's step: the gradient, divided by the curvature.
    fn step(&self, weights: &[f64], chances: &[f64]) -> Option<Vec<f64>> {
        let width = self.width;
        let mut gradient = vec![0.0; width];
        let mut curvature = vec![0.0; width * width];
        let rows = self.rows.chunks_exact(width);
        for ((row, target), p) in rows.zip(self.targets).zip(chances) {
            let weight = p * (1.0 - p);
            for (place, value) in row.iter().enumerate() {
                gradient[place] += (p - target) * value;
                let weighted = weight * value;
                let line = &mut curvature[place * width..=place * width + place];
                for (sum, other) in line.iter_mut().zip(row) {
                    *sum += weighted * other;
                }
            }
        }
        for place in 0..width - 1 {
            gradient[place] += self.penalty * weights[place];
            curvature[place * width + place] += self.penalty;
        }
        divide(curvature, gradient)
    }
}

/// Solves `matrix x = values` by Cholesky's decomposition; the matrix is symmetric and only its lower half is read.
fn divide(mut matrix: Vec<f64>, mut values: Vec<f64>) -> Option<Vec<f64>> {
    let width = values.len();
    let diagonal = (0..width).map(|place| matrix[place * width + place]);
    let least = PIVOT * diagonal.fold(f64::MIN_POSITIVE, f64::max);
    for row in 0..width {
        for column in 0..=row {
            let done: f64 = (0..column)
                .map(|k| matrix[row * width + k] * matrix[column * width + k])
                .sum();
            let rest = matrix[row * width + column] - done;
            matrix[row * width + column] = if row > column {
                rest / matrix[column * width + column]
            } else if rest > least {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    for row in 0..width {
        let done: f64 = (0..row).map(|k| matrix[row * width + k] * values[k]).sum();
        values[row] = (values[row] - done) / matrix[row * width + row];
    }
    for row in (0..width).rev() {
        let done: f64 = (row + 1..width)
            .map(|k| matrix[k * width + row] * values[k])
            .sum();
        values[row] = (values[row] - done) / matrix[row * width + row];
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
            rows: &[1.0, 1.0, 1.0, 2.0, 2.0, 1.0, 3.0, 3.0, 1.0, 4.0, 4.0, 1.0],
            width: 3,
            targets: &[0.0, 1.0, 0.0, 1.0],
            penalty: 0.0,
        };
        assert_eq!(problem.solve(), None);
        let penalised = Problem {
            penalty: 1.0,
            ..problem
        };
        let weights = penalised.solve().unwrap();
        assert!((weights[0] - weights[1]).abs() < 1e-9, "{weights:?}");
    }

    #[test]
    fn what_can_be_told_apart_wholly_still_ends() {
        let problem = Problem {
            rows: &[-1.0, 1.0, -2.0, 1.0, 1.0, 1.0, 2.0, 1.0],
            width: 2,
            targets: &[0.0, 0.0, 1.0, 1.0],
            penalty: 0.0,
        };
        let weights = problem.solve();
        assert!(weights.is_none_or(|weights| weights[0] > 5.0));
    }
}
