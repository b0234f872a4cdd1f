//! Known answers, of scikit-learn 1.9.1 and SciPy 1.17.1. The data are made by the same small generator there and here:
//! `x = (x * 1103515245 + 12345) mod 2^31`, from 1, and `u = x / 2^31`.

use super::score::Room;
use super::*;
use crate::confidence::Hit;
use crate::setup::SetupKind;
use market::Uuid;

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = (self.0 * 1_103_515_245 + 12_345) % (1 << 31);
        self.0 as f64 / f64::from(1_u32 << 31)
    }

    /// Eleven features in [-1, 1] and one that never changes; hits come by `logistic(2 x0 - x1)`.
    fn features(&mut self, n: usize) -> (Vec<[f64; FEATURES]>, Vec<bool>) {
        let mut one = || {
            let row = std::array::from_fn(|place| {
                if place == 11 {
                    5.0
                } else {
                    2.0 * self.next() - 1.0
                }
            });
            let [first, second, ..]: [f64; FEATURES] = row;
            (row, self.next() < newton::logistic(2.0 * first - second))
        };
        (0..n).map(|_| one()).unzip()
    }

    /// Scores in steps of 0.02; hits come with this chance.
    fn scores(&mut self, n: usize, chance: impl Fn(f64) -> f64) -> Vec<Scored> {
        let one = |_| {
            let score = (self.next() * 50.0).round() / 50.0;
            let hit = self.next() < chance(score);
            Scored { score, hit }
        };
        (0..n).map(one).collect()
    }
}

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{value} is not {expected}"
    );
}

/// The 80 rows, then three times 200 scores, in the order of the script that made the known answers.
fn data() -> (Vec<[f64; FEATURES]>, Vec<bool>, [Vec<Scored>; 3]) {
    let mut numbers = Numbers(1);
    let (rows, hits) = numbers.features(80);
    let scores = [
        numbers.scores(200, |s| 0.2 + 0.6 * s),
        numbers.scores(200, |s| (0.15 + 0.8 * s.sqrt()).min(0.95)),
        numbers.scores(200, |s| 0.1 + 0.8 * s.powi(6)),
    ];
    (rows, hits, scores)
}

/// `LogisticRegression(C=1, solver="newton-cholesky", tol=1e-13)` on `(X - X.mean(0)) / X.std(0)`, the constant column 0.
#[test]
fn the_score_is_that_of_a_ridge_regression() {
    let (rows, hits, _) = data();
    let rows: Vec<&[f64; FEATURES]> = rows.iter().collect();
    let score = Room::default().fit(&rows, &hits, None).unwrap();
    let parameters = score.parameters(SCORE);
    let of = |name: &str| {
        let named = parameters.iter().find(|(known, _)| known == name);
        named.unwrap().1
    };
    let weight = |place: usize| of(&format!("score.{}.weight", SCORE[place]));
    near(of("score.intercept"), 0.386_096_88, 1e-7);
    near(weight(0), 0.796_109_19, 1e-7);
    near(weight(1), -0.588_477_92, 1e-7);
    near(weight(2), 0.014_953_83, 1e-7);
    assert_eq!(weight(11), 0.0);
    let mut row = [0.0; FEATURES];
    near(score.of(&row), 0.567_823_681_672_622, 1e-7);
    row = [0.25; FEATURES];
    (row[0], row[1]) = (0.5, -0.5);
    near(score.of(&row), 0.799_770_768_066_913, 1e-7);
    near(score.of(&[-1.0; FEATURES]), 0.573_697_464_109_095_2, 1e-7);
}

/// `minimize` (BFGS) of `sum(logaddexp(0, z) - t z)` with `z = -(a logit(s) + b)` and Platt's targets t.
#[test]
fn platt_is_the_likeliest_sigmoid() {
    let (.., scores) = data();
    let expected = [
        (-0.530_401_12, -0.155_946_53),
        (-0.432_836_3, -1.199_885_34),
        (-0.699_809_72, 1.603_266_45),
    ];
    for (scored, expected) in scores.iter().zip(expected) {
        let Some(Curve::Platt { a, b }) = Curve::platt(scored) else {
            panic!("no sigmoid")
        };
        near(a, expected.0, 1e-6);
        near(b, expected.1, 1e-6);
    }
}

/// `minimize` (L-BFGS-B, a and b not below 0) of the same with `z = a ln s - b ln(1 - s) + c`: two within the bounds, and one
/// on them.
#[test]
fn beta_is_the_likeliest_within_its_bounds() {
    let (.., scores) = data();
    let expected = [
        [0.561_030_99, 0.501_055_44, 0.210_394_04],
        [0.0, 1.720_217_93, -0.146_611_55],
        [0.113_334_54, 1.081_678_72, -2.465_701_4],
    ];
    for (scored, expected) in scores.iter().zip(expected) {
        let Some(Curve::Beta { a, b, c }) = Curve::beta(scored) else {
            panic!("no curve")
        };
        for (value, expected) in [a, b, c].into_iter().zip(expected) {
            near(value, expected, 2e-4);
        }
    }
}

/// `IsotonicRegression().fit(s, y)`; its levels with the mean scores of their members as centres, by `numpy.interp`.
#[test]
fn isotonic_steps_are_pooled_and_joined() {
    let (.., scores) = data();
    let at = [0.0, 0.1, 0.37, 0.5, 0.81, 1.0];
    let expected = [
        [
            0.0,
            0.222_036_727_879_799_7,
            0.429_982_046_678_635_54,
            0.525_213_343_677_269_2,
            0.744_805_837_249_567_2,
            1.0,
        ],
        [
            0.333_333_333_333_333_3,
            0.452_380_952_380_952_4,
            0.650_116_627_790_736_4,
            0.754_716_981_132_075_1,
            0.971_464_465_183_058_2,
            1.0,
        ],
        [
            0.022_727_272_727_272_728,
            0.022_727_272_727_272_728,
            0.105_660_276_032_436_5,
            0.153_555_925_189_662_88,
            0.382_246_376_811_594_24,
            1.0,
        ],
    ];
    for (scored, expected) in scores.iter().zip(expected) {
        let curve = Curve::isotonic(scored).unwrap();
        for (at, expected) in at.into_iter().zip(expected) {
            near(curve.of(at), expected, 1e-12);
        }
    }
}

#[test]
fn the_nearer_curve_is_picked_and_a_falling_one_never() {
    // A step, that no smooth curve can follow: isotonic where it is allowed.
    let step = |s: f64| if s < 0.5 { 0.1 } else { 0.9 };
    let scored = Numbers(7).scores(1200, step);
    let picked = Picked::of(&scored, WithIsotonic::Yes).unwrap();
    assert_eq!(picked.curve.basis(), Basis::Isotonic);
    assert!(picked.after < picked.before, "{picked:?}");
    let smooth = Picked::of(&scored, WithIsotonic::No).unwrap();
    assert_ne!(smooth.curve.basis(), Basis::Isotonic);
    assert!(picked.after < smooth.after);

    let scored = Numbers(7).scores(1200, |s| 0.9 - 0.8 * s);
    assert_eq!(Picked::of(&scored, WithIsotonic::No), None);
}

#[test]
fn scores_that_tell_all_apart_have_curves_with_an_end() {
    let scored: Vec<Scored> = (0..100)
        .map(|place| Scored {
            score: f64::from(place) / 99.0,
            hit: place >= 50,
        })
        .collect();
    for curve in [Curve::platt(&scored), Curve::beta(&scored)] {
        let curve = curve.unwrap();
        for one in &scored {
            let p = curve.of(one.score);
            assert!(p.is_finite() && (0.0..=1.0).contains(&p), "{curve:?}");
        }
        assert!(curve.of(0.0) < 0.1 && curve.of(1.0) > 0.9, "{curve:?}");
    }
}

#[test]
fn scores_that_are_given_are_not_mixed_with_those_that_are_made() {
    let mut numbers = Numbers(3);
    let terms = Terms {
        least: 50,
        ..Terms::of(&Rules::default())
    };
    let (rows, hits) = numbers.features(300);
    let mut outcomes: Vec<Resolved> = rows
        .into_iter()
        .zip(hits)
        .map(|(row, hit)| resolved(Raw::Features(Box::new(row)), hit))
        .collect();
    let given = numbers.scores(100, |s| s);
    outcomes.extend(
        given
            .iter()
            .map(|one| resolved(Raw::Given(one.score), one.hit)),
    );
    let all: Vec<&Resolved> = outcomes.iter().collect();
    let fitted = fit(&all, None, terms).unwrap();
    assert_eq!(fitted.told("x", Time::MIN).n, 100);
    assert_eq!(fitted.score_of(&Raw::Given(0.25)), Some(0.25));
    let features = Raw::Features(Box::new([0.0; FEATURES]));
    assert_eq!(fitted.score_of(&features), None);
    let fitted = fit(&all[..300], None, terms).unwrap();
    assert_eq!(fitted.told("x", Time::MIN).n, 300);
    assert!(fitted.score_of(&features).is_some());
    assert_eq!(fitted.score_of(&Raw::Given(0.25)), None);
}

#[test]
fn a_score_is_the_same_whichever_it_was_sought_from() {
    let (rows, hits, _) = data();
    let rows: Vec<&[f64; FEATURES]> = rows.iter().collect();
    let (half, mut room) = (rows.len() / 2, Room::default());
    let alone = room.fit(&rows, &hits, None).unwrap();
    let of_half = room.fit(&rows[..half], &hits[..half], None).unwrap();
    let after = room.fit(&rows, &hits, Some(&of_half)).unwrap();
    assert_ne!(of_half, alone);
    for row in rows {
        near(after.of(row), alone.of(row), 1e-7);
    }
}

#[test]
fn what_says_nothing_is_not_fitted() {
    let terms = Terms::of(&Rules::default());
    let check = |raw: fn(usize) -> Raw, hit: fn(usize) -> bool| {
        let outcomes: Vec<Resolved> = (0..500).map(|n| resolved(raw(n), hit(n))).collect();
        let all: Vec<&Resolved> = outcomes.iter().collect();
        fit(&all, None, terms).is_some()
    };
    let varied = |n: usize| Raw::Given(0.2 + 0.6 * (n % 7) as f64 / 7.0);
    assert!(check(varied, |n| n % 7 > 3), "this does");
    assert!(
        !check(|_| Raw::Given(0.6), |n| n % 7 > 3),
        "a constant score"
    );
    let constant = |_| Raw::Features(Box::new([0.5; FEATURES]));
    assert!(!check(constant, |n| n % 7 > 3), "constant features");
    assert!(!check(|_| Raw::Nothing, |n| n % 7 > 3), "no score");
    assert!(!check(varied, |_| true), "hits alone");
    assert!(!check(varied, |_| false), "misses alone");
}

#[test]
fn trust_is_lost_without_skill_and_comes_back_with_it() {
    let mut forecasts = Forecasts::default();
    let mut say = |n: u32, forecast: fn(bool) -> f64| {
        for place in 0..n {
            let hit = place % 2 == 0;
            forecasts.came(forecast(hit), hit);
        }
        forecasts.trust()
    };
    let right = |hit| if hit { 0.6 } else { 0.4 };
    let wrong = |hit| if hit { 0.4 } else { 0.6 };
    assert_eq!(say(199, wrong), Trust::Kept, "too few to judge");
    assert_eq!(say(1, wrong), Trust::Lost);
    // As many right as wrong ones are no skill.
    assert_eq!(say(200, right), Trust::Lost);
    assert_eq!(say(300, right), Trust::Kept);
    assert_eq!(
        say(500, |_| 0.5),
        Trust::Lost,
        "the rate itself is no skill"
    );
}

fn resolved(raw: Raw, hit: bool) -> Resolved {
    Resolved {
        created: Time::MIN,
        resolved: Time::MIN,
        raw,
        hit,
        forecast: None,
    }
}

#[test]
fn senders_are_bounded_and_apart() {
    let mut calibrators = Calibrators::default();
    let whose = |sender: usize| Whose::Sender(format!("sender {sender}"));
    for sender in 0..100 {
        let id = Uuid::from_u128(sender as u128);
        let at = Time::from_secs(sender as i64);
        calibrators.born(
            id,
            Open {
                whose: whose(sender),
                created: at,
                raw: Raw::Nothing,
                forecast: None,
            },
        );
        assert_eq!(calibrators.resolve(id, Hit::Yes, at), Some(whose(sender)));
        assert_eq!(calibrators.resolve(id, Hit::Yes, at), None, "once");
    }
    let known = |sender: usize| calibrators.record_of(&format!("sender {sender}")).backing();
    assert_eq!(known(35).resolved, 0);
    assert_eq!(known(36).resolved, 1);
    assert_eq!(known(99).hits, 1);
    let own = Whose::Own(SetupKind::Smt);
    assert_eq!(
        calibrators.forecast(&own, &Raw::Nothing),
        Forecast::default()
    );
}
