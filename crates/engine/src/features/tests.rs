//! Features against the numbers of a Python script that was written from `docs/signals.md` and `docs/features.md` alone:
//! plain loops over the series below, with TA-Lib's seeds.

use super::*;
use crate::rules::Rules;
use market::{Calendar, Direction, Ohlc, Price, Signal, SourceTime, Span};

/// Bars at which the values below hold.
const AT: [usize; 6] = [10, 40, 131, 250, 305, 419];

const KNOWN: [(&str, [f64; 6]); 42] = [
    (
        "return1_atr",
        [
            f64::NAN,
            -0.8951644025325377,
            -0.7623763548167312,
            0.7377932866425345,
            0.8434371790967162,
            -0.8671965675483566,
        ],
    ),
    (
        "return12_atr",
        [
            f64::NAN,
            -3.292926195030407,
            -7.975629558082727,
            4.009746123057253,
            4.2443935464221845,
            -4.135860552922932,
        ],
    ),
    (
        "return256_atr",
        [
            f64::NAN,
            f64::NAN,
            f64::NAN,
            f64::NAN,
            7.155612196852785,
            20.645949050478187,
        ],
    ),
    (
        "body_atr",
        [
            f64::NAN,
            -0.8312240880659278,
            -0.73305418732378,
            0.7057153176580765,
            0.7346065753423012,
            -1.0006114240942576,
        ],
    ),
    (
        "range_atr",
        [
            f64::NAN,
            1.4066869182654165,
            1.3194975371828042,
            1.2831187593783209,
            1.1155136884827537,
            1.033965138230733,
        ],
    ),
    (
        "close_place",
        [
            0.7368421052631579,
            0.20454545454545456,
            0.3111111111111111,
            0.7,
            0.926829268292683,
            0.03225806451612903,
        ],
    ),
    (
        "atr_to_mean",
        [
            f64::NAN,
            f64::NAN,
            1.0215946502768924,
            0.945120403532961,
            1.1770504625812686,
            1.0030639056726771,
        ],
    ),
    (
        "rsi14",
        [
            f64::NAN,
            31.44296503113675,
            14.780643381321244,
            78.05987809482374,
            89.70344171384755,
            26.14095149433518,
        ],
    ),
    (
        "close_to_sma20_atr",
        [
            f64::NAN,
            -3.412814284655297,
            -5.080065518153545,
            3.690570331661357,
            4.898737551495255,
            -3.1602644144313676,
        ],
    ),
    (
        "close_to_ema20_atr",
        [
            f64::NAN,
            -2.677920353265848,
            -4.551240401769234,
            3.4069498715888438,
            4.971576930151599,
            -2.8705970885272327,
        ],
    ),
    (
        "close_to_ema50_atr",
        [
            f64::NAN,
            f64::NAN,
            -7.723688730658657,
            4.569750266031015,
            10.329492332081635,
            -3.52698777487774,
        ],
    ),
    (
        "ema20_to_ema50_atr",
        [
            f64::NAN,
            f64::NAN,
            -3.1724483288894234,
            1.1628003944421708,
            5.357915401930036,
            -0.6563906863505072,
        ],
    ),
    (
        "macd_atr",
        [
            f64::NAN,
            -0.1786729233143662,
            -2.5308130042750334,
            1.9052666937052019,
            2.9917969829826836,
            -0.8207272375016468,
        ],
    ),
    (
        "macd_signal_atr",
        [
            f64::NAN,
            0.4919872138220172,
            -2.117556429868458,
            1.589686362577538,
            2.9354287594867516,
            -0.43219438709702696,
        ],
    ),
    (
        "macd_hist_atr",
        [
            f64::NAN,
            -0.6706601371363834,
            -0.4132565744065753,
            0.31558033112766387,
            0.05636822349593203,
            -0.38853285040461977,
        ],
    ),
    (
        "bb_place",
        [
            f64::NAN,
            -0.06679533892751828,
            0.061525592250424865,
            0.8562388014624025,
            0.9411877719634437,
            -0.10566442388737218,
        ],
    ),
    (
        "bb_width_atr",
        [
            f64::NAN,
            6.021246206987117,
            11.585774285496981,
            10.359821323536707,
            11.103520683934908,
            5.217847193579002,
        ],
    ),
    (
        "adx14",
        [
            f64::NAN,
            22.571278408902653,
            50.500245379262445,
            46.680092302037906,
            81.52997076992935,
            26.469784348464543,
        ],
    ),
    (
        "plus_di14",
        [
            f64::NAN,
            15.132865982614115,
            7.942349797357493,
            42.47517359867901,
            49.171303092059254,
            10.870819191809879,
        ],
    ),
    (
        "minus_di14",
        [
            f64::NAN,
            39.23668594755115,
            52.138717864713186,
            8.925382877702878,
            4.856236336936234,
            36.462843058055164,
        ],
    ),
    (
        "stoch_k",
        [
            f64::NAN,
            9.007004489528434,
            2.6996188546349615,
            92.9275326663411,
            96.50251416199679,
            2.8474423503842305,
        ],
    ),
    (
        "stoch_d",
        [
            f64::NAN,
            8.578359700040258,
            1.966634328116725,
            93.25519738583215,
            95.79764368913892,
            4.728239333797463,
        ],
    ),
    (
        "cci20",
        [
            f64::NAN,
            -193.8353987925109,
            -130.7094452314227,
            103.8001088336467,
            138.49219748279904,
            -189.86202208374382,
        ],
    ),
    (
        "willr14",
        [
            f64::NAN,
            -94.19354838710149,
            -95.74468085106297,
            -5.357142857148167,
            -1.293103448274707,
            -99.36305732483662,
        ],
    ),
    ("trend", [0.0, -1.0, -1.0, 1.0, 1.0, -1.0]),
    (
        "swing_high_atr",
        [
            f64::NAN,
            4.667642956062518,
            9.236482760279628,
            -1.0906509454715727,
            -22.28306611871647,
            5.203179405290141,
        ],
    ),
    (
        "swing_low_atr",
        [
            f64::NAN,
            -2.1420005346314297,
            -6.245621675998606,
            14.91625557777298,
            4.679715961439845,
            -1.2674411371860599,
        ],
    ),
    (
        "range_place",
        [
            f64::NAN,
            f64::NAN,
            0.023931623931623933,
            0.8303571428571429,
            0.9976057462090981,
            0.004310344827586207,
        ],
    ),
    (
        "gap_up_atr",
        [
            f64::NAN,
            20.0,
            20.0,
            0.8981831315648245,
            1.0338907356669425,
            1.1673799947766341,
        ],
    ),
    (
        "gap_down_atr",
        [
            f64::NAN,
            1.1189555031656722,
            0.9089871922814873,
            -0.3207796898445802,
            0.21766120750883,
            1.0006114240942576,
        ],
    ),
    (
        "block_up_atr",
        [
            f64::NAN,
            20.0,
            20.0,
            13.31235712855008,
            20.0,
            -0.20012228481885155,
        ],
    ),
    (
        "block_down_atr",
        [
            f64::NAN,
            4.124150283096334,
            7.682407883153215,
            0.1603898449222901,
            -0.4897377168948675,
            4.202567981195883,
        ],
    ),
    (
        "pool_above_atr",
        [
            f64::NAN,
            4.667642956062518,
            9.236482760279628,
            0.9944170385181986,
            0.43532241501766,
            5.203179405290141,
        ],
    ),
    (
        "pool_below_atr",
        [
            f64::NAN,
            0.8951644025325377,
            20.0,
            14.91625557777298,
            4.679715961439845,
            0.36689085550122785,
        ],
    ),
    (
        "day_high_atr",
        [
            f64::NAN,
            f64::NAN,
            f64::NAN,
            29.83251115554596,
            3.9451093860975432,
            8.972149102711844,
        ],
    ),
    (
        "day_low_atr",
        [
            f64::NAN,
            f64::NAN,
            f64::NAN,
            7.47416677337872,
            27.697388655498614,
            29.81822043800888,
        ],
    ),
    ("since_bos_up", [100.0, 100.0, 100.0, 100.0, 100.0, 71.0]),
    ("since_bos_down", [100.0, 2.0, 10.0, 36.0, 91.0, 1.0]),
    ("since_choch_up", [100.0, 100.0, 44.0, 1.0, 56.0, 100.0]),
    ("since_choch_down", [100.0, 100.0, 21.0, 100.0, 100.0, 43.0]),
    ("since_sweep_up", [100.0, 4.0, 59.0, 73.0, 100.0, 2.0]),
    ("since_sweep_down", [100.0, 100.0, 33.0, 4.0, 44.0, 100.0]),
];

/// 420 bars of five minutes from 2026-07-06 03:00 UTC, in points of 0.00001 from 1.08500: drifts of seven bars with noise.
fn bars() -> Vec<Bar> {
    let start = SourceTime::parse("2026-07-06T03:00:00Z").unwrap();
    let (mut seed, mut mid, mut drift) = (20_261_128_u64, 0_i64, 0_i64);
    let mut draw = |most: u64| {
        // Knuth's MMIX constants.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) % most) as i64
    };
    let bar = |number: i64| {
        if number % 7 == 0 {
            drift = draw(61) - 30;
        }
        let open = mid + draw(9) - 4;
        let close = open + drift + draw(41) - 20;
        let (high, low) = (open.max(close) + draw(15), open.min(close) - draw(15));
        mid = close;
        let price = |points: i64| Price::from_units((108_500 + points) * 10_000);
        let open_time = start + Span::from_minutes(5 * number);
        Bar {
            open_time,
            end_time: open_time + Span::from_minutes(5),
            price: Ohlc {
                open: price(open),
                high: price(high),
                low: price(low),
                close: price(close),
            },
            ticks: 1,
            holed: false,
        }
    };
    (0..420).map(bar).collect()
}

fn feature(name: &str) -> Feature {
    name.parse().unwrap()
}

fn moment(time: &str) -> Moment {
    Moment {
        time: SourceTime::parse(time).unwrap(),
        calendar: Calendar::Fx,
        spread: Price::parse("0.00012").unwrap(),
        usual_spread: None,
        atr: None,
        facts: None,
    }
}

/// The row at each bar of these names.
fn rows(names: &[Feature], bars: &[Bar]) -> Vec<Readings> {
    let rules = Rules::default();
    let mut chart = Chart::new(&rules, 17);
    let mut features = Features::default();
    features.want(names, |_| true);
    let mut findings = Vec::new();
    let rows = bars.iter().map(|bar| {
        findings.clear();
        chart.close(bar, &rules, &mut findings);
        features.close(Timeframe::M5, bar, &findings, &chart);
        features.read(names, &moment("2026-07-06T12:00:00Z"))
    });
    rows.collect()
}

fn is_near(ours: f64, known: f64) -> bool {
    ours.is_nan() && known.is_nan() || (ours - known).abs() <= 1e-7 * known.abs().max(1.0)
}

#[test]
fn each_value_of_a_chart_is_that_of_another_hand() {
    let names = KNOWN.map(|(name, _)| feature(&format!("5m.{name}")));
    let rows = rows(&names, &bars());
    for (place, (name, known)) in KNOWN.iter().enumerate() {
        for (at, known) in AT.into_iter().zip(known) {
            let ours = rows[at].values()[place];
            assert!(is_near(ours, *known), "{name} at {at}: {ours}, not {known}");
        }
    }
    let mut missing = ChartValue::names().filter(|name| {
        let is_known = KNOWN.iter().any(|(known, _)| known == name);
        !is_known && !name.starts_with("return")
    });
    assert_eq!(missing.next(), None);
}

#[test]
fn a_lag_reads_the_row_of_an_earlier_bar() {
    let names: Vec<Feature> = [
        "5m.rsi14",
        "5m.rsi14@1",
        "5m.rsi14@64",
        "5m.trend@3",
        "5m.trend",
    ]
    .map(feature)
    .into();
    let rows = rows(&names, &bars());
    for at in 0..rows.len() {
        let value = |at: usize, place: usize| rows[at].values()[place];
        let before =
            |bars: usize, place| at.checked_sub(bars).map_or(f64::NAN, |at| value(at, place));
        assert_eq!(value(at, 1).to_bits(), before(1, 0).to_bits());
        assert_eq!(value(at, 2).to_bits(), before(64, 0).to_bits());
        assert_eq!(value(at, 3).to_bits(), before(3, 4).to_bits());
    }
}

#[test]
fn values_appear_when_their_indicators_are_warm_and_not_before() {
    for (name, first) in [
        ("return1_atr", 14),
        ("return12_atr", 14),
        ("return48_atr", 48),
        ("close_place", 0),
        ("atr_to_mean", 63),
        ("rsi14", 14),
        ("close_to_ema20_atr", 19),
        ("ema20_to_ema50_atr", 49),
        ("macd_hist_atr", 33),
        ("bb_place", 19),
        ("adx14", 27),
        ("plus_di14", 14),
        ("stoch_k", 17),
        ("cci20", 19),
        ("willr14", 13),
        ("trend", 0),
        ("gap_up_atr", 14),
        ("pool_above_atr", 14),
        ("since_bos_up", 0),
    ] {
        let rows = rows(&[feature(&format!("5m.{name}"))], &bars());
        let known = rows.iter().position(|row| !row.values()[0].is_nan());
        assert_eq!(known, Some(first), "{name}");
        let lost = rows[first..].iter().find(|row| row.values()[0].is_nan());
        assert_eq!(lost, None, "{name}");
    }
}

#[test]
fn a_market_that_does_not_move_has_no_numbers_beyond_all_bounds() {
    let names = KNOWN.map(|(name, _)| feature(&format!("5m.{name}")));
    let still: Vec<Bar> = bars()
        .into_iter()
        .map(|bar| Bar {
            price: Ohlc::of(Price::parse("1.085").unwrap()),
            ..bar
        })
        .collect();
    for row in rows(&names, &still) {
        assert!(row.values().iter().all(|value| !value.is_infinite()));
    }
}

fn read(moment: &Moment, name: &str) -> f64 {
    Features::default().read(&[feature(name)], moment).values()[0]
}

#[test]
fn a_moment_has_its_place_in_the_day_of_new_york() {
    // In summer New York is four hours behind UTC, in winter five.
    for (time, killzone, minutes, weekday) in [
        ("2026-07-06T06:00:00Z", "killzone_london", 0.0, 1.0),
        ("2026-07-06T11:30:59Z", "killzone_ny_am", 30.0, 1.0),
        ("2026-07-07T16:10:00Z", "killzone_lunch", 10.0, 2.0),
        ("2026-07-08T20:59:00Z", "killzone_pm", 209.0, 3.0),
        ("2026-07-08T21:00:00Z", "killzone_asia", 0.0, 4.0),
        ("2026-07-09T05:59:00Z", "killzone_asia", 539.0, 4.0),
        ("2026-07-05T21:30:00Z", "killzone_asia", 30.0, 1.0),
        ("2026-01-09T21:59:00Z", "killzone_pm", 209.0, 5.0),
    ] {
        let moment = moment(time);
        for other in [
            "killzone_asia",
            "killzone_london",
            "killzone_ny_am",
            "killzone_lunch",
            "killzone_pm",
        ] {
            let holds = f64::from(u8::from(other == killzone));
            assert_eq!(read(&moment, other), holds, "{time} {other}");
        }
        assert_eq!(read(&moment, "killzone_minutes"), minutes, "{time}");
        assert_eq!(read(&moment, "weekday"), weekday, "{time}");
    }
    // A future's day begins an hour later.
    let future = Moment {
        calendar: Calendar::Future,
        ..moment("2026-07-08T21:30:00Z")
    };
    assert_eq!(read(&future, "weekday"), 3.0);
    // Six in the morning is a quarter of the way, nine three eighths.
    for (time, sin, cos) in [
        ("2026-07-06T04:00:00Z", 0.0, 1.0),
        ("2026-07-06T10:00:00Z", 1.0, 0.0),
        ("2026-07-06T13:00:00Z", 0.5_f64.sqrt(), -(0.5_f64.sqrt())),
    ] {
        let moment = moment(time);
        assert!(is_near(read(&moment, "hour_sin"), sin), "{time}");
        assert!(is_near(read(&moment, "hour_cos"), cos), "{time}");
    }
}

fn facts() -> Facts {
    let price = |text| Price::parse(text).unwrap();
    Facts {
        direction: Direction::Short,
        entry: price("1.0850"),
        stop: price("1.0874"),
        first: price("1.0820"),
        last: price("1.0778"),
    }
}

#[test]
fn a_signal_has_its_own_facts_and_a_bar_has_not() {
    let signal = Moment {
        usual_spread: Price::parse("0.0001").ok(),
        atr: Some(0.0012),
        facts: Some(facts()),
        ..moment("2026-07-06T12:00:00Z")
    };
    let known = [
        ("spread_atr", 0.1),
        ("spread_to_usual", 1.2),
        ("signal_direction", -1.0),
        ("signal_risk_atr", 2.0),
        ("signal_rr", 3.0),
        ("signal_first_r", 1.25),
        ("signal_spread_r", 0.05),
    ];
    for (name, value) in known {
        assert!(
            is_near(read(&signal, name), value),
            "{name}: {}",
            read(&signal, name)
        );
    }
    let bar = moment("2026-07-06T12:00:00Z");
    assert!(known.iter().all(|(name, _)| read(&bar, name).is_nan()));
    let of_signals = |name: &&str| feature(name).is_of_signals();
    let facts = known.map(|(name, _)| name).into_iter().filter(of_signals);
    assert_eq!(facts.count(), signal_facts().len());
}

#[test]
fn what_a_raw_score_is_made_of_is_seen_from_the_trade() {
    let rules = Rules::default();
    let mut chart = Chart::new(&rules, 17);
    let at = |chart, direction| {
        let moment = Moment {
            atr: Some(0.0012),
            facts: Some(Facts {
                direction,
                ..facts()
            }),
            ..moment("2026-07-06T10:00:00Z")
        };
        at_signal(&AtSignal {
            moment,
            chart,
            htf: None,
        })
        .unwrap()
    };
    let blank = at(None, Direction::Short);
    let expected = [2.0, 0.05, 3.0, 1.25, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0];
    assert!(
        blank
            .iter()
            .zip(expected)
            .all(|(ours, known)| is_near(*ours, known)),
        "{blank:?}"
    );
    for bar in &bars()[..=131] {
        chart.close(bar, &rules, &mut Vec::new());
    }
    assert_eq!(chart.trend(), Some(Direction::Short));
    let place = |name: &str| SCORE.iter().position(|known| *known == name).unwrap();
    for (direction, with) in [(Direction::Short, 1.0), (Direction::Long, -1.0)] {
        let scored = at(Some(&chart), direction);
        assert_eq!(scored[place("trend")], with);
        assert_eq!(
            scored[place("is_long")],
            f64::from(u8::from(direction == Direction::Long))
        );
        let swing = chart.last_swing(direction).unwrap();
        let room = (swing - facts().entry).times(direction.sign()).to_f64() / 0.0024;
        assert!(is_near(scored[place("room_r")], room.clamp(-5.0, 5.0)));
        let range = chart.range().place(direction, facts().entry).unwrap();
        assert_eq!(scored[place("range_place")], range.clamp(-0.5, 1.5));
    }
}

#[test]
fn no_facts_no_score() {
    let at = AtSignal {
        moment: moment("2026-07-06T10:00:00Z"),
        chart: None,
        htf: None,
    };
    assert_eq!(at_signal(&at), None);
}

#[test]
fn what_is_wanted_anew_begins_and_the_rest_goes_on() {
    let (rules, bars) = (Rules::default(), bars());
    let mut chart = Chart::new(&rules, 17);
    let mut features = Features::default();
    let first = [feature("5m.rsi14"), feature("5m.return12_atr")];
    let later = [
        feature("5m.trend"),
        feature("5m.rsi14@2"),
        feature("5m.return48_atr"),
    ];
    let whole = rows(&later, &bars);
    features.want(&first, |_| true);
    let mut findings = Vec::new();
    for (at, bar) in bars.iter().enumerate() {
        if at == 100 {
            features.want(&later, |_| true);
            let row = features.read(&later, &moment("2026-07-06T12:00:00Z"));
            assert!(row.values()[0].is_nan(), "nobody wanted it");
        }
        findings.clear();
        chart.close(bar, &rules, &mut findings);
        features.close(Timeframe::M5, bar, &findings, &chart);
        let row = features.read(&later, &moment("2026-07-06T12:00:00Z"));
        // Two bars for the lag, 36 for the closes that were not kept.
        if at >= 136 {
            assert_eq!(row, whole[at], "{at}");
        } else if at >= 102 {
            assert_eq!(row.values()[..2], whole[at].values()[..2], "{at}");
        }
    }
    features.want(&[], |_| true);
    assert_eq!(
        format!("{features:?}"),
        format!("{:?}", Features::default())
    );
}

#[test]
fn facts_are_those_of_the_signal() {
    assert!(Facts::of(&signal(&[])).is_none());
    let facts = Facts::of(&signal(&["1.0820", "1.0790", "1.0778"])).unwrap();
    assert_eq!(facts.first, Price::parse("1.0820").unwrap());
    assert_eq!(facts.last, Price::parse("1.0778").unwrap());
}

fn signal(targets: &[&str]) -> Signal {
    let price = |text: &str| Price::parse(text).unwrap();
    let time = SourceTime::parse("2026-07-06T12:00:00Z").unwrap();
    Signal {
        id: Uuid::from_u128(1),
        status: market::Status::Pending,
        direction: Direction::Short,
        symbol: market::Symbol::new("EURUSD").unwrap(),
        digits: 5,
        entry_time: time,
        entry: price("1.0850"),
        stop: price("1.0874"),
        targets: targets
            .iter()
            .map(|target| market::Target {
                price: price(target),
                percent: 10,
                runner: false,
            })
            .collect(),
        reason: String::new(),
        confidence: market::Probability::new(0.5),
        rr_target: market::Ratio::default(),
        killzone: market::Killzone::NyAm,
        setup: String::new(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: time.as_stamp(),
        decide_by: time.as_stamp(),
        decided_at: None,
        cause: None,
        evidence: market::Evidence::default(),
    }
}
