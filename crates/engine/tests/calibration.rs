//! What confidence promises, on made-up outcomes whose true chances are known: it is near them, it is never better than what
//! can be known, and it knows nothing of the future. signals.md, section 8; its proofs.

use engine::Rules;
use engine::calibration::{Calibrator, FEATURES, Forecast, OUTCOMES_MAX, Raw, Resolved, Terms};
use market::{Basis, Calibration, Span, Time};
use proptest::prelude::*;

/// How the chance of a signal hangs on its features; all are in [-1, 1].
type Chance = fn(&[f64; FEATURES]) -> f64;

/// From 0.2 to 0.8, of three of the features.
const KNOWABLE: Chance = |x| {
    let z = 2.0 * x[0] - 1.5 * x[3] + x[7];
    0.2 + 0.6 / (1.0 + (-1.5 * z).exp())
};
const UNKNOWABLE: Chance = |_| 0.5;

#[test]
fn confidence_is_near_the_true_chance() {
    for seed in [1, 2, 3] {
        let told = play(seed, 5000, KNOWABLE, by_features);
        let verdict = judge(&told);
        assert_eq!(verdict, Ok(()), "seed {seed}");
    }
}

#[test]
fn a_given_score_is_bent_to_the_true_chance() {
    // Sure of itself beyond reason: the odds that it tells are the true ones to the third power.
    let boasts = |x: &[f64; FEATURES]| {
        let p = KNOWABLE(x);
        let odds = (p / (1.0 - p)).powi(3);
        Raw::Given(odds / (1.0 + odds))
    };
    let told = play(4, 5000, KNOWABLE, boasts);
    assert_eq!(judge(&told), Ok(()));
    let mut raw = told;
    for one in &mut raw {
        one.shown = one.forecast.score.unwrap();
    }
    let error = judge(&raw).unwrap_err();
    assert!(error.contains("calibration error"), "{error}");
}

#[test]
fn a_constant_forecaster_fails_the_same_check() {
    let mut told = play(1, 5000, KNOWABLE, by_features);
    let rate = told.iter().map(|one| one.hit()).sum::<f64>() / told.len() as f64;
    for one in &mut told {
        one.shown = rate;
    }
    assert!(calibration_error(&told) < 0.03);
    let error = judge(&told).unwrap_err();
    assert!(error.contains("skill"), "{error}");
}

#[test]
fn where_nothing_can_be_known_nothing_is_claimed() {
    let claims = (0..20).filter(|seed| {
        let told = play(100 + seed, 3000, UNKNOWABLE, by_features);
        let basis = told.last().unwrap().forecast.basis;
        let claims = told[2000..]
            .iter()
            .filter(|one| one.forecast.shown().is_some());
        // Not at the end, nor for most of the last third.
        basis.is_calibrated() || claims.count() > 500
    });
    let claims: Vec<u64> = claims.collect();
    assert!(claims.len() <= 1, "{claims:?}");
}

#[test]
fn it_says_that_it_fell_back_and_comes_back() {
    // The features mean the opposite for a while. What came of that is kept for 2,000 outcomes, and 500 forecasts are judged.
    let told = play_with(5, 5200, by_features, |place, x| match place {
        1500..2500 => 1.0 - KNOWABLE(x),
        _ => KNOWABLE(x),
    });
    let basis = |place: usize| told[place].forecast.basis;
    assert!(basis(1499).is_calibrated());
    let fell = (1500..2500).find(|place| basis(*place) == Basis::FellBack);
    let fell = fell.expect("it falls back");
    assert!(
        told[fell].forecast.calibrated.is_some(),
        "it goes on forecasting"
    );
    assert_eq!(told[fell].forecast.shown(), None);
    assert!(basis(5199).is_calibrated(), "{:?}", told[5199].forecast);
}

#[test]
fn versions_rise_by_one_and_say_what_they_are_made_of() {
    let terms = terms();
    let mut world = World::new(6, KNOWABLE, by_features);
    let mut versions: Vec<Calibration> = Vec::new();
    for _ in 0..1500 {
        versions.extend(world.step().version);
    }
    assert!(versions.len() > 20);
    for (place, one) in (1..).zip(&versions) {
        assert_eq!(one.version, place);
        assert_eq!(one.of, "mss_fvg");
        assert!(one.n as usize >= terms.least);
        assert!(one.until < one.at - terms.embargo, "{one:?}");
        assert!(one.from <= one.until && one.hits < one.n);
        assert!(!one.parameters.is_empty());
    }
    // Fifty new outcomes each, by default.
    let grown = versions.windows(2).map(|pair| pair[1].n - pair[0].n);
    assert!(grown.take(10).all(|by| by >= 1));
}

#[test]
fn the_state_is_bounded() {
    let mut world = World::new(7, KNOWABLE, by_features);
    let size = |world: &World| postcard::to_stdvec(&world.calibrator).unwrap().len();
    (0..OUTCOMES_MAX + 600).for_each(|_| drop(world.step()));
    let full = size(&world);
    (0..2000).for_each(|_| drop(world.step()));
    let later = size(&world);
    assert!(later < full + full / 20, "{later} bytes after {full}");
    assert!(later < 400_000, "{later}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// What is told up to a time hangs on nothing that is resolved later, nor within the embargo before.
    #[test]
    fn the_future_moves_no_forecast(seed in 0_u64..1000, cut in 250_usize..700) {
        let mut plain = World::new(seed, KNOWABLE, by_features);
        let mut other = World::new(seed, KNOWABLE, by_features);
        for place in 0..cut + 40 {
            // The results, not the signals, are another's from the cut on.
            other.lies = place >= cut;
            let (a, b) = (plain.step(), other.step());
            let within = b.at - other.lied_from.unwrap_or(b.at) <= terms().embargo;
            if within {
                prop_assert_eq!(a.forecast.score, b.forecast.score);
                prop_assert_eq!(a.forecast.calibrated, b.forecast.calibrated);
                prop_assert_eq!(a.forecast.version, b.forecast.version);
            }
        }
        prop_assert!(other.lied_from.is_some());
    }

    /// Written down and read again anywhere, it says the same as if it had never been.
    #[test]
    fn a_restart_changes_nothing(seed in 0_u64..1000, cuts in prop::collection::vec(1_usize..700, 1..4)) {
        let mut plain = World::new(seed, KNOWABLE, by_features);
        let mut broken = World::new(seed, KNOWABLE, by_features);
        for place in 0..700 {
            if cuts.contains(&place) {
                let bytes = postcard::to_stdvec(&broken.calibrator).unwrap();
                broken.calibrator = postcard::from_bytes(&bytes).unwrap();
            }
            prop_assert_eq!(plain.step(), broken.step());
        }
    }
}

/// What was said of a signal.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    at: Time,
    forecast: Forecast,
    /// The confidence: the calibrated one, or the record pulled towards a half.
    shown: f64,
    chance: f64,
    hit: bool,
    version: Option<Calibration>,
}

impl Told {
    fn hit(&self) -> f64 {
        f64::from(u8::from(self.hit))
    }
}

/// The true chance of a trial, by its number and features.
type ChanceOf = Box<dyn Fn(usize, &[f64; FEATURES]) -> f64>;

/// Signals every half hour, each resolved within eight hours.
struct World {
    numbers: u64,
    chance: ChanceOf,
    raw: fn(&[f64; FEATURES]) -> Raw,
    calibrator: Calibrator,
    at: Time,
    place: usize,
    /// By when they are resolved.
    open: Vec<Resolved>,
    hits: f64,
    n: f64,
    /// Results are told the other way round.
    lies: bool,
    lied_from: Option<Time>,
}

impl World {
    fn new(seed: u64, chance: Chance, raw: fn(&[f64; FEATURES]) -> Raw) -> Self {
        Self::with(seed, raw, move |_, x| chance(x))
    }

    fn with(
        seed: u64,
        raw: fn(&[f64; FEATURES]) -> Raw,
        chance: impl Fn(usize, &[f64; FEATURES]) -> f64 + 'static,
    ) -> Self {
        Self {
            numbers: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            chance: Box::new(chance),
            raw,
            calibrator: Calibrator::default(),
            at: Time::from_secs(1_700_000_000),
            place: 0,
            open: Vec::new(),
            hits: 0.0,
            n: 0.0,
            lies: false,
            lied_from: None,
        }
    }

    /// SplitMix64 (Steele, Lea & Flood 2014), in [0, 1).
    fn next(&mut self) -> f64 {
        self.numbers = self.numbers.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.numbers;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn step(&mut self) -> Told {
        self.at = self.at + Span::from_secs(1800);
        let features = std::array::from_fn(|_| 2.0 * self.next() - 1.0);
        let chance = (self.chance)(self.place, &features);
        let hit = self.next() < chance;
        let ends = self.at + Span::from_secs((self.next() * 28_800.0) as i64);
        self.place += 1;
        self.resolve();
        let version = self.calibrator.refresh("mss_fvg", self.at, terms());
        let raw = (self.raw)(&features);
        let forecast = self.calibrator.forecast(&raw);
        let cold = (self.hits + 20.0) / (self.n + 40.0);
        let told = Told {
            at: self.at,
            forecast,
            shown: forecast.shown().unwrap_or(cold),
            chance,
            hit,
            version,
        };
        self.open.push(Resolved {
            created: self.at,
            resolved: ends,
            raw,
            hit,
            forecast: forecast.calibrated,
        });
        told
    }

    /// Tells what has ended by now, in the order of the ends.
    fn resolve(&mut self) {
        self.open.sort_by_key(|one| one.resolved);
        let ended = self.open.partition_point(|one| one.resolved <= self.at);
        for mut one in self.open.drain(..ended) {
            if self.lies {
                self.lied_from.get_or_insert(one.resolved);
                one.hit = !one.hit;
            }
            self.n += 1.0;
            self.hits += f64::from(u8::from(one.hit));
            self.calibrator.resolve(one);
        }
    }
}

fn by_features(features: &[f64; FEATURES]) -> Raw {
    Raw::Features(Box::new(*features))
}

fn terms() -> Terms {
    Terms::of(&Rules::default())
}

fn play(seed: u64, n: usize, chance: Chance, raw: fn(&[f64; FEATURES]) -> Raw) -> Vec<Told> {
    play_with(seed, n, raw, move |_, x| chance(x))
}

fn play_with(
    seed: u64,
    n: usize,
    raw: fn(&[f64; FEATURES]) -> Raw,
    chance: impl Fn(usize, &[f64; FEATURES]) -> f64 + 'static,
) -> Vec<Told> {
    let mut world = World::with(seed, raw, chance);
    (0..n).map(|_| world.step()).collect()
}

/// All that was told, from the first signal on: near the true chances, and nearly as skilled as they are.
fn judge(told: &[Told]) -> Result<(), String> {
    let error = calibration_error(told);
    let (skill, best) = (skill(told, |one| one.shown), skill(told, |one| one.chance));
    if error > 0.03 {
        return Err(format!("the calibration error is {error}"));
    }
    if skill < 0.8 * best {
        return Err(format!("the skill is {skill} of {best}"));
    }
    Ok(())
}

/// In ten bins of equal count.
fn calibration_error(told: &[Told]) -> f64 {
    let mut sorted: Vec<&Told> = told.iter().collect();
    sorted.sort_by(|a, b| a.shown.total_cmp(&b.shown));
    let bins = sorted.chunks(told.len() / 10);
    let errors = bins.map(|bin| {
        bin.iter()
            .map(|one| one.shown - one.hit())
            .sum::<f64>()
            .abs()
    });
    errors.sum::<f64>() / told.len() as f64
}

/// Brier's, against the rate.
fn skill(told: &[Told], says: impl Fn(&Told) -> f64) -> f64 {
    let rate = told.iter().map(Told::hit).sum::<f64>() / told.len() as f64;
    let off = |said: &dyn Fn(&Told) -> f64| {
        told.iter()
            .map(|one| (said(one) - one.hit()).powi(2))
            .sum::<f64>()
    };
    1.0 - off(&says) / off(&|_| rate)
}
