//! Every record comes back exactly, and what older versions once wrote always reads.

use super::*;
use expect_test::{Expect, expect};
use market::{Calibration, Ended, OutcomeKind, Shadow, Span};
use proptest::prelude::*;

fn check_text(record: &Record, expected: &Expect) {
    let text = encode(record);
    expected.assert_eq(&text);
    assert_eq!(&decode(&text, || "the sample".to_owned()).unwrap(), record);
}

/// These texts are what stands in files out there: never change them. A new version gets samples of its own.
#[test]
fn stored_samples_of_version_1_decode() {
    let check = |text: &str, expected: Record| {
        assert_eq!(decode(text, || "the sample".to_owned()).unwrap(), expected);
    };
    check(
        r#"{"version":1,"record":{"signal":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","status":"invalidated","direction":"short","symbol":"EURUSD","digits":5,"entry_time":"2026-11-23T14:05:00.000000000Z","entry":"1.08505","stop":"1.08555","targets":[{"price":"1.08455","percent":60,"runner":false},{"price":"1.08305","percent":40,"runner":true}],"reason":"MSS+FVG setup (SIMULATED)","confidence_per_10000":6512,"rr_target_per_100":400,"killzone":"ny_am","setup":"mss_fvg","timeframe":"5m","simulated":true,"created_at":"2026-11-23T14:05:00.250000001Z","decide_by":"2026-11-23T14:09:45.250000001Z","decided_at":"2026-11-23T14:06:01.000000999Z","cause":"stale_feed"}}}"#,
        Record::Signal(Signal {
            evidence: Evidence::default(),
            ..signal()
        }),
    );
    check(
        r#"{"version":1,"record":{"outcome":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","symbol":"US30","digits":1,"kind":{"target":2},"price":"39120.5","r_per_100":-150,"at":"1969-12-31T23:59:59.999999999Z","last":true}}}"#,
        Record::Outcome(Outcome {
            realised: None,
            end: None,
            ..outcome()
        }),
    );
}

#[test]
fn stored_samples_of_version_2_decode() {
    let mut before = uncalibrated();
    before.evidence.risk_gate = None;
    before.evidence.odds = None;
    let check = |text: &str, expected: Record| {
        assert_eq!(decode(text, || "the sample".to_owned()).unwrap(), expected);
    };
    check(
        r#"{"version":2,"record":{"signal":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","status":"invalidated","direction":"short","symbol":"EURUSD","digits":5,"entry_time":"2026-11-23T14:05:00.000000000Z","entry":"1.08505","stop":"1.08555","targets":[{"price":"1.08455","percent":60,"runner":false},{"price":"1.08305","percent":40,"runner":true}],"reason":"MSS+FVG setup (SIMULATED)","confidence_per_10000":6512,"rr_target_per_100":400,"killzone":"ny_am","setup":"mss_fvg","timeframe":"5m","simulated":true,"created_at":"2026-11-23T14:05:00.250000001Z","decide_by":"2026-11-23T14:09:45.250000001Z","decided_at":"2026-11-23T14:06:01.000000999Z","cause":"stale_feed","evidence":{"source":"oanda","price_kind":"cfd","conditions":[{"name":"leg_fvg_atr","relation":"at_least","value_millionths":412000,"limit_millionths":150000}],"rr_weighted_per_100":200,"backing":{"resolved":212,"hits":129,"interval_per_10000":[5420,6720]},"config_hash":"6f1c8a5e2b7d9043","size":{"currency":"USD","lots":{"total_millionths":160000,"risk_millionths":48000000,"parts_millionths":[90000,70000]},"note":""}}}}}"#,
        Record::Signal(before),
    );
    check(
        r#"{"version":2,"record":{"outcome":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","symbol":"US30","digits":1,"kind":{"target":2},"price":"39120.5","r_per_100":-150,"at":"1969-12-31T23:59:59.999999999Z","last":true,"realised_per_100":-104}}}"#,
        Record::Outcome(outcome()),
    );
}

#[test]
fn stored_samples_of_version_3_decode() {
    let check = |text: &str, expected: Record| {
        assert_eq!(decode(text, || "the sample".to_owned()).unwrap(), expected);
    };
    check(
        r#"{"version":3,"record":{"signal":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","status":"invalidated","direction":"short","symbol":"EURUSD","digits":5,"entry_time":"2026-11-23T14:05:00.000000000Z","entry":"1.08505","stop":"1.08555","targets":[{"price":"1.08455","percent":60,"runner":false},{"price":"1.08305","percent":40,"runner":true}],"reason":"MSS+FVG setup (SIMULATED)","confidence_per_10000":6512,"rr_target_per_100":400,"killzone":"ny_am","setup":"mss_fvg","timeframe":"5m","simulated":true,"created_at":"2026-11-23T14:05:00.250000001Z","decide_by":"2026-11-23T14:09:45.250000001Z","decided_at":"2026-11-23T14:06:01.000000999Z","cause":"stale_feed","evidence":{"source":"oanda","price_kind":"cfd","conditions":[{"name":"leg_fvg_atr","relation":"at_least","value_millionths":412000,"limit_millionths":150000}],"rr_weighted_per_100":200,"backing":{"resolved":212,"hits":129,"interval_per_10000":[5420,6720]},"config_hash":"6f1c8a5e2b7d9043","size":{"currency":"USD","lots":{"total_millionths":160000,"risk_millionths":48000000,"parts_millionths":[90000,70000]},"note":""},"risk_gate":{"name":"max_live_signals","relation":"at_most","value_millionths":6000000,"limit_millionths":5000000},"odds_per_10000":5614}}}}"#,
        Record::Signal(uncalibrated()),
    );
    check(
        r#"{"version":3,"record":{"outcome":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","symbol":"US30","digits":1,"kind":{"target":2},"price":"39120.5","r_per_100":-150,"at":"1969-12-31T23:59:59.999999999Z","last":true,"realised_per_100":-104}}}"#,
        Record::Outcome(outcome()),
    );
}

#[test]
fn stored_samples_of_version_4_decode() {
    check_text(
        &Record::Signal(signal()),
        &expect![[
            r#"{"version":4,"record":{"signal":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","status":"invalidated","direction":"short","symbol":"EURUSD","digits":5,"entry_time":"2026-11-23T14:05:00.000000000Z","entry":"1.08505","stop":"1.08555","targets":[{"price":"1.08455","percent":60,"runner":false},{"price":"1.08305","percent":40,"runner":true}],"reason":"MSS+FVG setup (SIMULATED)","confidence_per_10000":6512,"rr_target_per_100":400,"killzone":"ny_am","setup":"mss_fvg","timeframe":"5m","simulated":true,"created_at":"2026-11-23T14:05:00.250000001Z","decide_by":"2026-11-23T14:09:45.250000001Z","decided_at":"2026-11-23T14:06:01.000000999Z","cause":"stale_feed","evidence":{"source":"oanda","price_kind":"cfd","conditions":[{"name":"leg_fvg_atr","relation":"at_least","value_millionths":412000,"limit_millionths":150000}],"rr_weighted_per_100":200,"backing":{"resolved":212,"hits":129,"interval_per_10000":[5420,6720]},"config_hash":"6f1c8a5e2b7d9043","size":{"currency":"USD","lots":{"total_millionths":160000,"risk_millionths":48000000,"parts_millionths":[90000,70000]},"note":""},"risk_gate":{"name":"max_live_signals","relation":"at_most","value_millionths":6000000,"limit_millionths":5000000},"odds_per_10000":5614}}}}"#
        ]],
    );
    check_text(
        &Record::Outcome(ended()),
        &expect![[
            r#"{"version":4,"record":{"outcome":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","symbol":"US30","digits":1,"kind":{"target":2},"price":"39120.5","r_per_100":-150,"at":"1969-12-31T23:59:59.999999999Z","last":true,"realised_per_100":-104,"end":{"hit":true,"fill":"39100.5","spread":"2.5","best_millionths":1250000,"worst_millionths":-400000,"cost_millionths":50420,"held_ns":1865000000000,"ambiguous":true,"bars":"1m","coarse":false}}}}"#
        ]],
    );
}

#[test]
fn stored_samples_of_shadows_decode() {
    let check = |shadow: &Shadow, expected: &Expect| {
        let text = encode_shadow(shadow);
        expected.assert_eq(&text);
        let read = decode_shadow(&text, || "the sample".to_owned());
        assert_eq!(&read.unwrap(), shadow);
    };
    let walked = Shadow {
        id: signal().id,
        cause: Cause::Timeout,
        at: Time::from_secs(1),
        kind: OutcomeKind::Target(2),
        odds: Some(Probability::from_steps(5614)),
        bars: Some(Timeframe::M1),
        coarse: false,
        realised: Some(Ratio::from_hundredths(120)),
        end: ended().end,
    };
    check(
        &walked,
        &expect![[
            r#"{"version":4,"shadow":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","cause":"timeout","at":"1970-01-01T00:00:01.000000000Z","kind":{"target":2},"odds_per_10000":5614,"bars":"1m","coarse":false,"realised_per_100":120,"end":{"hit":true,"fill":"39100.5","spread":"2.5","best_millionths":1250000,"worst_millionths":-400000,"cost_millionths":50420,"held_ns":1865000000000,"ambiguous":true,"bars":"1m","coarse":false}}}"#
        ]],
    );
    let told = Shadow {
        cause: Cause::Stop,
        kind: OutcomeKind::Stop,
        odds: None,
        bars: Some(Timeframe::H1),
        coarse: true,
        realised: None,
        end: None,
        ..walked
    };
    check(
        &told,
        &expect![[
            r#"{"version":4,"shadow":{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","cause":"stop","at":"1970-01-01T00:00:01.000000000Z","kind":"stop","odds_per_10000":null,"bars":"1h","coarse":true,"realised_per_100":null,"end":null}}"#
        ]],
    );
}

#[test]
fn stored_samples_of_calibrations_decode() {
    let calibration = Calibration {
        of: "posted:a \"bot\"".to_owned(),
        version: 7,
        at: Time::from_secs(90),
        basis: Basis::Platt,
        from: Time::from_secs(1),
        until: Time::from_secs(60),
        n: 1850,
        hits: 1001,
        brier_before: Probability::from_steps(2481),
        brier_after: Probability::from_steps(2213),
        // Numbers that a careless reader would change.
        parameters: vec![
            ("a".to_owned(), -0.1 - 0.2),
            ("b".to_owned(), 5e-324),
            ("c".to_owned(), f64::MAX),
        ],
    };
    let text = encode_calibration(&calibration);
    expect![[r#""#]].assert_eq(&text[..120]);
    let read = decode_calibration(&text, || "the sample".to_owned());
    assert_eq!(read.unwrap(), calibration);
    let broken = text.replace("-0.30000000000000004", "minus");
    let error = decode_calibration(&broken, || "calibration 3".to_owned()).unwrap_err();
    assert!(error.to_string().contains("`a` is `minus`"), "{error}");
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let text = r#"{"version":7,"record":{"dream":{}}}"#;
    let error = decode(text, || "record 3 of the journal".to_owned()).unwrap_err();
    assert!(matches!(error, Error::Version { found: 7, .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("record 3 of the journal has format version 7")
    );
}

#[test]
fn what_is_no_record_is_named_with_its_reason() {
    let whole = encode(&Record::Signal(signal()));
    let outcome = encode(&Record::Outcome(outcome()));
    for (text, from, to, reason) in [
        (&whole, r#""1.08505""#, r#""1.0x""#, "`1.0x` is no price"),
        (&whole, "EURUSD", "EUR USD", "`EUR USD` is not a symbol"),
        (&whole, "6512", "10001", "10001 is more than 10000"),
        (&whole, "ny_am", "ny_pm", "unknown variant `ny_pm`"),
        (
            &whole,
            r#""digits""#,
            r#""figures""#,
            "unknown field `figures`",
        ),
        (
            &whole,
            r#","cause":"stale_feed""#,
            "",
            "missing field `cause`",
        ),
        (
            &whole,
            "2026-11-23T14:05:00.000000000Z",
            "noon",
            "`noon` is not an RFC 3339 time",
        ),
        (
            &outcome,
            r#"{"target":2}"#,
            r#"{"target":300}"#,
            "expected u8",
        ),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(&broken, text, "the sample has {from}");
        let error = decode(&broken, || "record 9".to_owned()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }));
        let shown = error.to_string();
        assert!(shown.starts_with("record 9 cannot be read"), "{shown}");
        assert!(shown.contains(reason), "{shown} should say {reason}");
    }
}

proptest! {
    #[test]
    fn every_signal_comes_back(signal in any_signal()) {
        let record = Record::Signal(signal);
        prop_assert_eq!(decode(&encode(&record), String::new).unwrap(), record);
    }

    #[test]
    fn every_outcome_comes_back(outcome in any_outcome()) {
        let record = Record::Outcome(outcome);
        prop_assert_eq!(decode(&encode(&record), String::new).unwrap(), record);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", cut in any::<prop::sample::Index>()) {
        prop_assert!(decode(&text, String::new).is_err());
        let whole = encode(&Record::Signal(signal()));
        prop_assert!(decode(&whole[..cut.index(whole.len())], String::new).is_err());
    }
}

fn signal() -> Signal {
    let at = |text| Time::parse(text).unwrap();
    let target = |price, percent, runner| Target {
        price: Price::parse(price).unwrap(),
        percent,
        runner,
    };
    Signal {
        id: Uuid::parse_str("67e55044-10b1-426f-9247-bb680e5fe0c8").unwrap(),
        status: Status::Invalidated,
        direction: Direction::Short,
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        entry_time: at("2026-11-23T14:05:00Z").as_source(),
        entry: Price::parse("1.08505").unwrap(),
        stop: Price::parse("1.08555").unwrap(),
        targets: vec![target("1.08455", 60, false), target("1.08305", 40, true)],
        reason: "MSS+FVG setup (SIMULATED)".to_owned(),
        confidence: Probability::from_steps(6512),
        rr_target: Ratio::from_hundredths(400),
        killzone: Killzone::NyAm,
        setup: "mss_fvg".to_owned(),
        timeframe: Timeframe::M5,
        simulated: true,
        created_at: at("2026-11-23T14:05:00.250000001Z"),
        decide_by: at("2026-11-23T14:09:45.250000001Z"),
        decided_at: Some(at("2026-11-23T14:06:01.000000999Z")),
        cause: Some(Cause::StaleFeed),
        evidence: Evidence {
            source: "oanda".to_owned(),
            price_kind: Some(PriceKind::Cfd),
            conditions: vec![Condition {
                name: "leg_fvg_atr".to_owned(),
                relation: Relation::AtLeast,
                value: Measure::from_millionths(412_000),
                limit: Measure::from_millionths(150_000),
            }],
            rr_weighted: Some(Ratio::from_hundredths(200)),
            backing: Some(Backing {
                resolved: 212,
                hits: 129,
                interval: Some((Probability::from_steps(5420), Probability::from_steps(6720))),
                version: 7,
                basis: Basis::Isotonic,
                score: Some(Probability::from_steps(5931)),
            }),
            config_hash: "6f1c8a5e2b7d9043".to_owned(),
            size: Some(Size {
                currency: Currency::USD,
                lots: Some(Lots {
                    total: Measure::from_millionths(160_000),
                    risk: Measure::from_millionths(48_000_000),
                    parts: vec![
                        Measure::from_millionths(90_000),
                        Measure::from_millionths(70_000),
                    ],
                }),
                note: String::new(),
            }),
            risk_gate: Some(Condition {
                name: "max_live_signals".to_owned(),
                relation: Relation::AtMost,
                value: Measure::from_millionths(6_000_000),
                limit: Measure::from_millionths(5_000_000),
            }),
            odds: Some(Probability::from_steps(5614)),
            source_confidence: Some(Probability::from_steps(9000)),
        },
    }
}

/// As it was before anything was calibrated.
fn uncalibrated() -> Signal {
    let mut before = signal();
    before.evidence.source_confidence = None;
    before.evidence.backing = before.evidence.backing.map(|backing| Backing {
        version: 0,
        basis: Basis::Shrinkage,
        score: None,
        ..backing
    });
    before
}

fn outcome() -> Outcome {
    Outcome {
        id: signal().id,
        symbol: Symbol::new("US30").unwrap(),
        digits: 1,
        kind: OutcomeKind::Target(2),
        price: Price::parse("39120.5").unwrap(),
        r: Ratio::from_hundredths(-150),
        at: Time::from_nanos(-1),
        last: true,
        realised: Some(Ratio::from_hundredths(-104)),
        end: None,
    }
}

/// The same with all that is known of its end.
fn ended() -> Outcome {
    Outcome {
        end: Some(Ended {
            hit: true,
            fill: Price::parse("39100.5").unwrap(),
            spread: Price::parse("2.5").unwrap(),
            best: Measure::from_millionths(1_250_000),
            worst: Measure::from_millionths(-400_000),
            cost: Some(Measure::from_millionths(50_420)),
            held: Span::from_secs(1865),
            ambiguous: true,
            bars: Some(Timeframe::M1),
            coarse: false,
        }),
        ..outcome()
    }
}

prop_compose! {
    fn any_signal()(
        (status, direction, killzone, timeframe, cause) in any_names(),
        (id, reason, setup) in (any::<u128>(), any::<String>(), any::<String>()),
        (symbol, digits, confidence, rr) in ("[A-Za-z0-9._-]{1,12}", any::<u8>(), 0..=10_000_u16, any::<i32>()),
        times in any::<[i64; 4]>(),
        (decided, simulated) in any::<(bool, bool)>(),
        (entry, stop) in (any_price(), any_price()),
        targets in prop::collection::vec((any_price(), any::<u8>(), any::<bool>()), 0..5),
        evidence in any_evidence(),
    ) -> Signal {
        let target = |(price, percent, runner)| Target { price, percent, runner };
        Signal {
            id: Uuid::from_u128(id), status, direction, symbol: Symbol::new(&symbol).unwrap(), digits,
            entry_time: SourceTime::from_nanos(times[0]), entry, stop,
            targets: targets.into_iter().map(target).collect(),
            reason, confidence: Probability::from_steps(confidence), rr_target: Ratio::from_hundredths(rr),
            killzone, setup, timeframe, simulated,
            created_at: Time::from_nanos(times[1]), decide_by: Time::from_nanos(times[2]),
            decided_at: decided.then_some(Time::from_nanos(times[3])), cause, evidence,
        }
    }
}

prop_compose! {
    fn any_evidence()(
        (source, config_hash) in (any::<String>(), any::<String>()),
        price_kind in prop::option::of(prop::sample::select(vec![PriceKind::Cash, PriceKind::Cfd, PriceKind::Future])),
        conditions in prop::collection::vec(any_condition(), 0..4),
        rr in prop::option::of(any::<i32>()),
        backing in prop::option::of((any::<u32>(), any::<u32>(), prop::option::of((0..=10_000_u16, 0..=10_000_u16)), any_made())),
        size in prop::option::of(any_size()),
        risk_gate in prop::option::of(any_condition()),
        (odds, senders) in prop::option::of((0..=10_000_u16, 0..=10_000_u16)).prop_map(Option::unzip),
    ) -> Evidence {
        let steps = Probability::from_steps;
        let backing = backing.map(|(resolved, hits, interval, (version, basis, score))| Backing {
            resolved, hits, interval: interval.map(|(low, high)| (steps(low), steps(high))), version, basis, score,
        });
        let rr_weighted = rr.map(Ratio::from_hundredths);
        let (odds, source_confidence) = (odds.map(steps), senders.map(steps));
        Evidence { source, price_kind, conditions, rr_weighted, backing, config_hash, size, risk_gate, odds, source_confidence }
    }
}

prop_compose! {
    fn any_made()(
        version in any::<u32>(),
        basis in prop::sample::select(vec![Basis::Shrinkage, Basis::FellBack, Basis::Platt, Basis::Beta, Basis::Isotonic]),
        score in prop::option::of(0..=10_000_u16),
    ) -> (u32, Basis, Option<Probability>) {
        (version, basis, score.map(Probability::from_steps))
    }
}

prop_compose! {
    fn any_size()(
        (currency, note) in ("[A-Z]{3}", any::<String>()),
        lots in prop::option::of((any::<i64>(), any::<i64>(), prop::collection::vec(any::<i64>(), 0..5))),
    ) -> Size {
        let measure = Measure::from_millionths;
        let lots = lots.map(|(total, risk, parts)| Lots {
            total: measure(total), risk: measure(risk), parts: parts.into_iter().map(measure).collect(),
        });
        Size { currency: Currency::new(&currency).unwrap(), lots, note }
    }
}

prop_compose! {
    fn any_condition()(
        name in any::<String>(),
        relation in prop::sample::select(vec![Relation::AtLeast, Relation::AtMost, Relation::Holds]),
        (value, limit) in (any::<i64>(), any::<i64>()),
    ) -> Condition {
        let measure = Measure::from_millionths;
        Condition { name, relation, value: measure(value), limit: measure(limit) }
    }
}

prop_compose! {
    fn any_outcome()(
        (id, symbol, digits) in (any::<u128>(), "[A-Za-z0-9._-]{1,12}", any::<u8>()),
        kind in prop_oneof![
            any::<u8>().prop_map(OutcomeKind::Target), Just(OutcomeKind::Stop), Just(OutcomeKind::StopMoved),
            Just(OutcomeKind::Timeout), Just(OutcomeKind::Closed)
        ],
        (price, r, at, last) in (any_price(), any::<i32>(), any::<i64>(), any::<bool>()),
        realised in prop::option::of(any::<i32>()),
        end in prop::option::of(any_end()),
    ) -> Outcome {
        Outcome {
            id: Uuid::from_u128(id), symbol: Symbol::new(&symbol).unwrap(), digits, kind, price,
            r: Ratio::from_hundredths(r), at: Time::from_nanos(at), last,
            realised: realised.map(Ratio::from_hundredths),
            end,
        }
    }
}

prop_compose! {
    fn any_end()(
        (hit, ambiguous, coarse) in any::<(bool, bool, bool)>(),
        (fill, spread) in (any_price(), any_price()),
        (best, worst, held) in any::<(i64, i64, i64)>(),
        cost in prop::option::of(any::<i64>()),
        bars in prop::option::of(prop::sample::select(Timeframe::ALL.to_vec())),
    ) -> Ended {
        let measure = Measure::from_millionths;
        Ended {
            hit, fill, spread, best: measure(best), worst: measure(worst), cost: cost.map(measure),
            held: Span::from_nanos(held), ambiguous, bars, coarse,
        }
    }
}

fn any_price() -> impl Strategy<Value = Price> {
    let units = prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -100..100_i64];
    units.prop_map(Price::from_units)
}

fn any_names() -> impl Strategy<Value = (Status, Direction, Killzone, Timeframe, Option<Cause>)> {
    let causes = [
        Cause::Stop,
        Cause::Missed,
        Cause::Structure,
        Cause::Timeout,
        Cause::StaleFeed,
        Cause::Restart,
        Cause::Sender,
    ];
    (
        prop::sample::select(vec![
            Status::Pending,
            Status::Confirmed,
            Status::Invalidated,
        ]),
        prop::sample::select(vec![Direction::Long, Direction::Short]),
        prop::sample::select(Killzone::ALL.to_vec()),
        prop::sample::select(Timeframe::ALL.to_vec()),
        prop::option::of(prop::sample::select(causes.to_vec())),
    )
}
