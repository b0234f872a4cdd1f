//! Rules of single symbols and timeframes: what may be set, what lies over what, and every mistake with its exact text.

use crate::{check, command, load, owned};
use engine::rules::book::{GENERAL, STRUCTURE};
use expect_test::expect;
use market::{Symbol, Timeframe};
use orion::cli::{self, Command};
use orion::machine::{read_settings, write_settings};

const FILE: &str = r#"
[rules.symbol.XAUUSD]
min_risk_spreads = 4
swing_left = 7
tp_plan = [{ r = 1.5, percent = 100 }]
[rules.timeframe.1h]
swing_left = 3
atr_period = 20
[rules.symbol.XAUUSD.timeframe.5m]
swing_left = 4
[rules]
min_rr = 1.75
[[instrument]]
symbol = "XAUUSD"
[[instrument]]
symbol = "EURUSD"
"#;

fn symbol(name: &str) -> Symbol {
    Symbol::new(name).expect("a symbol")
}

#[test]
fn the_most_specific_rule_holds() {
    use Timeframe::{H1, M1, M5};
    let settings = load(FILE, &[], &[]).unwrap().config.engine_settings();
    let rules = |name: &str, timeframe| settings.structure_of(symbol(name), timeframe);
    let (gold, euro) = ("XAUUSD", "EURUSD");
    assert_eq!([M1, M5, H1].map(|of| rules(euro, of).swing_left), [5, 5, 3]);
    assert_eq!([M1, M5, H1].map(|of| rules(gold, of).swing_left), [7, 4, 7]);
    // What only the timeframe says holds for the symbol too.
    assert_eq!(
        [M1, M5, H1].map(|of| rules(gold, of).atr_period),
        [14, 14, 20]
    );
    for timeframe in Timeframe::ALL {
        let (gold, euro) = (rules(gold, timeframe), rules(euro, timeframe));
        assert_eq!((gold.min_risk_spreads, gold.tp_plan.len()), (4.0, 1));
        assert_eq!((euro.min_risk_spreads, euro.tp_plan.len()), (5.0, 3));
        assert_eq!((gold.min_rr, euro.min_rr), (1.75, 1.75));
        // Laid over [feed.sim.rules], which lies over [rules].
        assert_eq!((gold.setup_tf, euro.killzone_gate), (M1, false));
    }
    let gate = "[rules.symbol.EURUSD]\nkillzone_gate = true\n";
    let settings = load(gate, &[], &[]).unwrap().config.engine_settings();
    let gate = |name: &str| settings.rules_of(symbol(name)).killzone_gate;
    assert_eq!((gate(euro), gate(gold)), (true, false));
}

#[test]
fn every_layer_may_set_them() {
    let environment = [
        ("ORION__RULES__SYMBOL__XAUUSD__MIN_RR", "2.5"),
        ("ORION__RULES__TIMEFRAME__4H__BREAK_MODE", "wick"),
    ];
    // A symbol with a point begins like another one.
    let fields = "digits=1,tick_size=1,pip_size=1,kind='cfd',calendar='fx',spread_default=0,signals=true,prices=true";
    let args = [
        "serve",
        "--set",
        "rules.symbol.xauusd.timeframe.5m.swing_left=6",
        "--set",
        "rules.symbol.EURUSD.fvg_entry=ce",
        "--set",
        "rules.symbol={ GBPUSD = { setups = ['smt'] } }",
        "--set",
        "rules.symbol.EUR.X.min_rr=9",
        "--set",
        &format!(
            "instrument=[{{symbol='XAUUSD'}},{{symbol='EURUSD'}},{{symbol='GBPUSD'}},{{symbol='EUR.X',{fields}}},\
             {{symbol='EUR',{fields}}}]"
        ),
    ];
    let file =
        format!("{FILE}[[instrument]]\nsymbol = \"USDJPY\"\n[rules.symbol.EUR.X]\nob_cap = 9\n");
    let loaded = load(&file, &environment, &args).unwrap();
    let settings = loaded.config.engine_settings();
    let rules = |name: &str, timeframe| settings.structure_of(symbol(name), timeframe);
    let gold = rules("XAUUSD", Timeframe::M5);
    assert_eq!((gold.min_rr, gold.swing_left), (2.5, 6));
    let hours = rules("GBPUSD", Timeframe::H4);
    assert_eq!(hours.break_mode, engine::rules::BreakMode::Wick);
    assert_eq!(hours.setups, [engine::setup::SetupKind::Smt]);
    let euro = rules("EURUSD", Timeframe::M1);
    assert_eq!(euro.fvg_entry, engine::rules::GapEntry::Ce);
    let points = rules("EUR.X", Timeframe::M1);
    assert_eq!((points.min_rr, points.ob_cap), (9.0, 9));
    let described = loaded.describe();
    for shown in [
        "rules        of 4h: break_mode = \"wick\"",
        "rules        of EUR.X: min_rr = 9, ob_cap = 9",
        "rules        of XAUUSD 5m: swing_left = 6",
        "changed      rules.symbol.EUR.X.min_rr = 9 (--set)",
        "changed      rules.symbol.XAUUSD.timeframe.5m.swing_left = 6 (--set)",
    ] {
        assert!(described.contains(shown), "{shown} in {described}");
    }
}

#[test]
fn they_survive_being_written_and_read() {
    let config = load(FILE, &[], &[]).unwrap().config;
    let written = toml::to_string(&config).unwrap();
    assert_eq!(load(&written, &[], &[]).unwrap().config, config);
    let settings = config.engine_settings();
    let kept = write_settings(&settings).unwrap();
    assert_eq!(read_settings(&kept).unwrap(), settings);

    // Without own rules the tape says what it always said.
    let plain = load("", &[], &[]).unwrap().config.engine_settings();
    let kept = write_settings(&plain).unwrap();
    assert!(!kept.text.contains("own_rules"), "{}", kept.text);
    assert_eq!(read_settings(&kept).unwrap(), plain);
}

#[test]
fn check_shows_them() {
    let args = [
        "check",
        "--set",
        "rules.symbol.XAUUSD.min_rr=2",
        "--set",
        "rules.symbol.XAUUSD.swing_left=4",
        "--set",
        "rules.timeframe.1h.swing_left=3",
    ];
    let Command::Check(settings) = command(&args) else {
        panic!("the command is check");
    };
    let checked = cli::check(&settings, owned(&[]));
    expect![[r#"
        listen       127.0.0.1:8080, dashboards at ws://127.0.0.1:8080/ws/signals
        data         orion-data
        feed         sim: SIMULATED market, seed 1, natural rate
        signals      EURUSD GBPUSD USDJPY XAUUSD US30 NAS100 SPX500
        prices only  NQ MNQ ES MES
        rules        as by default, but killzone_gate = false, max_signals_per_day = 0, setup_tf = "1m", symbol_cooldown_s = 0
        rules        of 1h: swing_left = 3
        rules        of XAUUSD: min_rr = 2, swing_left = 4
        log          info as text on a terminal, else JSON, to standard error
        changed      rules.symbol.XAUUSD.min_rr = 2 (--set)
        changed      rules.symbol.XAUUSD.swing_left = 4 (--set)
        changed      rules.timeframe.1h.swing_left = 3 (--set)"#]].assert_eq(&checked.text);
}

#[test]
fn every_rule_has_been_thought_about() {
    let rules = toml::Table::try_from(engine::Rules::default()).unwrap();
    let general: Vec<_> = GENERAL.iter().map(|(rule, _)| *rule).collect();
    for rule in general.iter().chain(&STRUCTURE) {
        assert!(rules.contains_key(*rule), "{rule}");
    }
    assert!(STRUCTURE.iter().all(|rule| !general.contains(rule)));
    // All others are of symbols. A new rule belongs here, or into one of the two lists.
    let of_symbols: Vec<_> = rules
        .keys()
        .map(String::as_str)
        .filter(|rule| !general.contains(rule) && !STRUCTURE.contains(rule))
        .collect();
    expect![[r#"
        arm_max_bars
        be_at_tp1
        be_offset_spreads
        bos_retest_atr
        confirm_atr
        confirm_tf
        confirm_timeout_s
        fvg_entry
        htf
        killzone_gate
        max_risk_atr
        min_risk_atr
        min_risk_spreads
        min_rr
        mss_sweep_bars
        ote_hi
        ote_lo
        outcome_horizon_h
        pd_dead
        posted_max_distance_percent
        posted_max_risk_percent
        posted_stop_atr
        runner_max_r
        runner_min_r
        setup_fvg_min_atr
        setups
        smt_arm_bars
        stop_buffer_atr
        symbol_cooldown_s
        tp_plan
        tp_snap_hi
        tp_snap_lo
        trail_atr
        trail_mode"#]]
    .assert_eq(&of_symbols.join("\n"));
}

#[test]
fn what_leads_nowhere_is_named() {
    let file = r#"
[rules]
symbol.XAUUSD = 5
timeframe = "1h"
[rules.symbol.XAUSD]
min_rr = 2
swing_left = 3
[rules.symbol.EURUSD]
min_r = 2
completely_unheard_of = 1
timefram.5m.swing_left = 2
timeframe.2h.swing_left = 2
timeframe.5m = 3
[rules.symbol.GBPUSD.timeframe.5m]
swing_lef = 4
[feed.sim.rules.symbol.XAUUSD]
min_rr = 2
"#;
    let environment = [("ORION__RULES__TIMEFRAME__7M__SWING_LEFT", "4")];
    let args = [
        "serve",
        "--set",
        "rules.symbol.NOTHING.min_rr=2",
        "--set",
        "rules.symbol.EURUSD.tp_plan.0.r=1",
        "--set",
        "rules.symbol=1",
    ];
    check(
        file,
        &environment,
        &args,
        expect![[r#"
        orion.toml:3: rules.symbol.XAUUSD: it is a section, not a setting; set rules inside it, as in [rules.symbol.XAUUSD] or [rules.timeframe.1h]
        orion.toml:4: rules.timeframe: it is a section, not a setting; set rules inside it, as in [rules.symbol.XAUUSD] or [rules.timeframe.1h]
        orion.toml:5: rules.symbol.XAUSD: there is no instrument XAUSD; did you mean `XAUUSD`?
        orion.toml:9: rules.symbol.EURUSD.min_r = 2: there is no such rule; did you mean `rules.symbol.EURUSD.min_rr`?
        orion.toml:10: rules.symbol.EURUSD.completely_unheard_of = 1: there is no such rule; config/orion.toml lists every key
        orion.toml:11: rules.symbol.EURUSD.timefram: there is no such rule; did you mean `rules.symbol.EURUSD.timeframe`?
        orion.toml:12: rules.symbol.EURUSD.timeframe.2h: there is no timeframe 2h; there are 1m, 5m, 15m, 1h, 4h, 1d
        orion.toml:13: rules.symbol.EURUSD.timeframe.5m: it is a section, not a setting; set rules inside it, as in [rules.symbol.XAUUSD] or [rules.timeframe.1h]
        orion.toml:15: rules.symbol.GBPUSD.timeframe.5m.swing_lef = 4: there is no such rule; did you mean `rules.symbol.GBPUSD.timeframe.5m.swing_left`?
        orion.toml:16: feed.sim.rules.symbol: there is no such setting; set rules.symbol: it lies over [feed.sim.rules] too
        environment variable ORION__RULES__TIMEFRAME__7M__SWING_LEFT: rules.timeframe.7m.swing_left: there is no timeframe 7m; there are 1m, 5m, 15m, 1h, 4h, 1d
        --set: rules.symbol.NOTHING.min_rr: there is no instrument NOTHING; there are EURUSD, GBPUSD, USDJPY, XAUUSD, US30, NAS100, SPX500, NQ, MNQ, ES, MES
        --set: rules.symbol.EURUSD.tp_plan.0.r = 1: there is no such rule; config/orion.toml lists every key
        --set: rules.symbol: it is a section, not a setting; set rules inside it, as in [rules.symbol.XAUUSD] or [rules.timeframe.1h]"#]],
    );
}

#[test]
fn an_instrument_that_the_list_lacks_has_no_rules() {
    let file = "[rules.symbol.XAUUSD]\nmin_rr = 2\n[[instrument]]\nsymbol = \"EURUSD\"\n";
    check(
        file,
        &[],
        &[],
        expect![
            "orion.toml:1: rules.symbol.XAUUSD: there is no instrument XAUUSD; there are EURUSD"
        ],
    );
}

#[test]
fn what_cannot_be_set_there_is_named_with_why() {
    let file = r#"
[rules.symbol.XAUUSD]
setup_tf = "15m"
bar_grace_ms = 1
smt_pairs = []
max_signals_per_day = 3
posted_max_open = 3
prior_strength = 1.0
[rules.timeframe.5m]
min_rr = 2
setup_tf = "5m"
[rules.symbol.XAUUSD.timeframe.5m]
setups = []
max_signals_per_day = 3
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
        orion.toml:3: rules.symbol.XAUUSD.setup_tf = "15m": no symbol can have its own: pairs are compared bar by bar, so all symbols have the same; set rules.setup_tf
        orion.toml:4: rules.symbol.XAUUSD.bar_grace_ms = 1: no symbol can have its own: it is of a source, which tells many symbols; set rules.bar_grace_ms
        orion.toml:5: rules.symbol.XAUUSD.smt_pairs = []: no symbol can have its own: it is of pairs of symbols; set rules.smt_pairs
        orion.toml:6: rules.symbol.XAUUSD.max_signals_per_day = 3: no symbol can have its own: it counts over all symbols; set rules.max_signals_per_day
        orion.toml:7: rules.symbol.XAUUSD.posted_max_open = 3: no symbol can have its own: it is of a sender, who may post on every symbol; set rules.posted_max_open
        orion.toml:8: rules.symbol.XAUUSD.prior_strength = 1.0: no symbol can have its own: it is of a setup's record, which is kept over all symbols; set rules.prior_strength
        orion.toml:10: rules.timeframe.5m.min_rr = 2: no timeframe can have its own: it is of setups and signals, which know one timeframe only; set rules.min_rr or rules.symbol.SYMBOL.min_rr
        orion.toml:11: rules.timeframe.5m.setup_tf = "5m": no timeframe can have its own: it is of setups and signals, which know one timeframe only; set rules.setup_tf
        orion.toml:13: rules.symbol.XAUUSD.timeframe.5m.setups = []: no timeframe can have its own: it is of setups and signals, which know one timeframe only; set rules.setups or rules.symbol.XAUUSD.setups
        orion.toml:14: rules.symbol.XAUUSD.timeframe.5m.max_signals_per_day = 3: no timeframe can have its own: it is of setups and signals, which know one timeframe only; set rules.max_signals_per_day"#]],
    );
}

#[test]
fn values_that_do_not_fit_are_named() {
    let file = r#"
[rules.symbol.XAUUSD]
min_rr = "high"
setups = ["bos"]
swing_left = { a = 1 }
[rules.timeframe.1h]
swing_left = -1
[rules.symbol.XAUUSD.timeframe.5m]
break_mode = "open"
"#;
    let args = ["serve", "--set", "rules.symbol.XAUUSD.min_rr=low"];
    check(
        file,
        &[],
        &args,
        expect![[r#"
        orion.toml:3: rules.symbol.XAUUSD.min_rr = "high": a number is wanted, not a text; the default is rules.min_rr
        orion.toml:4: rules.symbol.XAUUSD.setups = ["bos"]: it must be one of mss_fvg, block_retest, liquidity_sweep, smt, bos_retest, premium_discount; the default is rules.setups
        orion.toml:5: rules.symbol.XAUUSD.swing_left: a whole number is wanted, not a table; the default is rules.swing_left
        orion.toml:7: rules.timeframe.1h.swing_left = -1: a whole number from 0 to 4294967295 is wanted; the default is rules.swing_left
        orion.toml:9: rules.symbol.XAUUSD.timeframe.5m.break_mode = "open": it must be close or wick; the default is rules.break_mode
        --set: rules.symbol.XAUUSD.min_rr = "low": a number is wanted, not a text; the default is rules.min_rr"#]],
    );
}

#[test]
fn rules_that_are_impossible_together_are_named() {
    let file = r#"
[rules]
ote_lo = 0.5
[rules.timeframe.1h]
swing_left = 0
[rules.symbol.XAUUSD]
swing_right = 0
ote_lo = 0.9
max_risk_atr = 0.1
htf = "1m"
confirm_timeout_s = 300
[rules.symbol.XAUUSD.timeframe.5m]
atr_period = 1001
[rules.symbol.EURUSD]
swing_left = 0
runner_min_r = 1.5
[rules.symbol.GBPUSD]
swing_right = 1
"#;
    let args = ["serve", "--set", "feed.sim.rules.setup_tf=5m"];
    check(
        file,
        &[],
        &args,
        expect![[r#"
        orion.toml:5: rules.timeframe.1h.swing_left = 0: 0 is not between 1 and 500; the default is rules.swing_left
        orion.toml:7: rules.symbol.XAUUSD.swing_right = 0: 0 is not between 1 and 500; the default is rules.swing_right
        orion.toml:8: rules.symbol.XAUUSD.ote_hi = 0.79: 0.79 is below ote_lo = 0.9; change rules.symbol.XAUUSD.ote_lo or rules.symbol.XAUUSD.ote_hi
        orion.toml:9: rules.symbol.XAUUSD.max_risk_atr = 0.1: 0.1 is below min_risk_atr = 0.3; the default is rules.max_risk_atr
        orion.toml:10: rules.symbol.XAUUSD.htf = "1m": 1m is shorter than setup_tf = 5m; the default is rules.htf
        orion.toml:11: rules.symbol.XAUUSD.confirm_timeout_s = 300: 300 is not between 1 and 295; the default is rules.confirm_timeout_s
        orion.toml:13: rules.symbol.XAUUSD.timeframe.5m.atr_period = 1001: 1001 is not between 1 and 1000; the default is rules.atr_period
        orion.toml:15: rules.symbol.EURUSD.swing_left = 0: 0 is not between 1 and 500; the default is rules.swing_left
        orion.toml:16: rules.symbol.EURUSD.tp_plan = [{ percent = 30, r = 1.0 }, { percent = 40, r = 2.0 }, { percent = 30 }]: the distances [1.0, 2.0, 1.5] must rise from above 0 to at most 100, the runner counting as runner_min_r; change rules.symbol.EURUSD.runner_min_r or rules.symbol.EURUSD.tp_plan"#]],
    );
}

#[test]
fn fewer_bars_beside_a_swing_are_no_matter_of_pairs() {
    let file = "[rules.symbol.GBPUSD]\nswing_right = 1\n[rules.timeframe.1h]\nswing_right = 1\n";
    assert!(load(file, &[], &[]).is_ok(), "smt_win is 2");
    let differs = orion::config::differing(
        &load("", &[], &[]).unwrap().config,
        &load(file, &[], &[]).unwrap().config,
    );
    assert_eq!(
        differs,
        [
            "rules.symbol.GBPUSD.swing_right",
            "rules.timeframe.1h.swing_right"
        ]
    );
}
