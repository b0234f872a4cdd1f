//! The settings as an operator meets them: the commented file, the layers, every class of mistake, the command line.

mod certificates;
mod commands;
mod mistakes;
mod own_rules;

use clap::Parser;
use expect_test::{Expect, expect};
use orion::cli::{self, Cli, Command};
use orion::config::{self, Config, FeedKind, Layers, Loaded, SettingsFile, Speed};
use proptest::prelude::*;

const COMMENTED: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../config/orion.toml"
));

#[test]
fn the_commented_file_is_the_defaults() {
    let loaded = load(COMMENTED, &[], &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.notes, []);
}

#[test]
fn the_commented_file_has_every_key() {
    let file: toml::Table = COMMENTED.parse().unwrap();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut missing = Vec::new();
    find_missing(&defaults, &toml::Value::Table(file), "", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn what_the_commented_file_leaves_absent_may_be_given_as_shown() {
    let absent = [
        "server.tls.cert",
        "gateway.shards",
        "feed.sim.rate",
        "feed.tape.format",
        "feed.tape.columns",
        "feed.tape.date_order",
    ];
    let mut file = COMMENTED.to_owned();
    for line in COMMENTED.lines().filter(|line| is_absent_setting(line)) {
        file = file.replace(&format!("\n{line}\n"), &format!("\n{}\n", &line[2..]));
    }
    let given: toml::Table = file.parse().unwrap();
    for key in absent {
        let found = key
            .split('.')
            .try_fold(&toml::Value::Table(given.clone()), |node, step| {
                node.get(step)
            })
            .is_some();
        assert!(found, "{key}");
    }
    // Files that are named must be there.
    let pair = certificates::Pair::new("localhost", (2030, 1, 1));
    let folder = tempfile::tempdir().unwrap();
    let news = folder.path().join("news.csv");
    std::fs::write(
        &news,
        "time,currency,title\n2026-12-04T13:30:00Z,USD,Nonfarm payrolls\n",
    )
    .unwrap();
    let files = [
        ("fullchain.pem", pair.cert()),
        ("privkey.pem", pair.key()),
        ("root.pem", pair.cert()),
        ("news.csv", news.display().to_string()),
    ];
    for (shown, path) in files {
        file = file.replace(&format!("\"{shown}\""), &format!("{path:?}"));
    }
    let config = load(&file, &[], &[]).unwrap().config;
    assert_eq!(config.engine_settings().news.releases.len(), 1);
}

#[test]
fn the_simulated_market_lifts_the_limits_on_losses() {
    let limits = |text: &str| {
        let portfolio = load(text, &[], &[])
            .unwrap()
            .config
            .engine_settings()
            .portfolio;
        (portfolio.max_drawdown_percent, portfolio.max_live_signals)
    };
    assert_eq!(limits(""), (0.0, 5));
    assert_eq!(limits("[feed]\nsim.loss_limits = true"), (6.0, 5));
    assert_eq!(limits("[feed]\nkind = \"oanda\""), (6.0, 5));
}

#[test]
fn features_are_made_where_somebody_can_hear_them() {
    let names = |text: &str| {
        let settings = load(text, &[], &[]).unwrap().config.engine_settings();
        let names = settings.features.names.iter();
        names.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names("").len(), 0);
    assert_eq!(names("[features]\nnames = [\"5m.rsi14\"]").len(), 0);
    let usual = names("[features]\nchannel = true");
    assert_eq!(usual.len(), 43);
    let some = "[features]\nchannel = true\nnames = [\"1h.trend@2\", \"spread_atr\"]";
    assert_eq!(names(some), ["1h.trend@2", "spread_atr"]);
}

#[test]
fn settings_survive_being_written_and_read() {
    let text = "[feed]\nsim.rate = 2.5\nsim.rules = { min_rr = 2 }\ntape = { speed = \"max\", zone = \"+2\", expiry = 201312 }";
    for text in ["", text] {
        let config = load(text, &[], &[]).unwrap().config;
        let written = toml::to_string(&config).unwrap();
        assert_eq!(load(&written, &[], &[]).unwrap().config, config);
    }
}

#[test]
fn a_later_layer_wins() {
    let file = "[prices]\nrepeat_ms = 2001\n";
    let environment = [
        ("ORION__PRICES__REPEAT_MS", "2002"),
        ("PRICES__REPEAT_MS", "9"),
        ("ORION_TEST_DATA", "x"),
    ];
    let sets = [
        "serve",
        "--set",
        "prices.repeat_ms=2003",
        "--set",
        "prices.repeat_ms=2004",
    ];
    let repeat = |loaded: Loaded| loaded.config.prices.repeat_ms;
    assert_eq!(repeat(load("", &[], &[]).unwrap()), 5000);
    assert_eq!(repeat(load(file, &[], &[]).unwrap()), 2001);
    assert_eq!(repeat(load(file, &environment, &[]).unwrap()), 2002);
    assert_eq!(repeat(load(file, &environment, &sets).unwrap()), 2004);

    let listen = |loaded: Loaded| loaded.config.server.listen.port();
    let both = [
        "serve",
        "--listen",
        "[::1]:7",
        "--set",
        "server.listen=\"127.0.0.1:8\"",
    ];
    assert_eq!(listen(load("", &[], &both).unwrap()), 7);
    assert_eq!(listen(load("", &[], &both[..1]).unwrap()), 8080);
}

#[test]
fn values_on_a_command_line_need_no_quotes() {
    let args = [
        "serve",
        "--seed=7",
        "--data",
        "7",
        "--set",
        "log.level=info,hub=debug",
        "--set",
        "rules.fvg_body=false",
        "--set",
        "log.format = json",
        "--set",
        "feed.sim={rate=3}",
        "--set",
        "instrument.us30.signals=false",
        "--set",
        "rules.tp_plan=[{r=1.5,percent=100}]",
    ];
    let config = load(
        "",
        &[("ORION__INSTRUMENT__EURUSD__SPREAD_DEFAULT", "0.00002")],
        &args,
    )
    .unwrap()
    .config;
    assert_eq!((config.feed.sim.seed, config.feed.sim.rate), (7, Some(3.0)));
    assert_eq!(config.data.dir.to_str(), Some("7"));
    assert_eq!(config.log.level.to_string(), "info,hub=debug");
    assert_eq!(config.log.format, config::LogFormat::Json);
    assert!(!config.rules.general.fvg_body);
    assert_eq!(config.rules.general.tp_plan.len(), 1);
    assert_eq!(config.instruments[0].spread_default.to_string(), "0.00002");
    assert_eq!(
        config
            .instruments
            .iter()
            .filter(|instrument| instrument.signals)
            .count(),
        6
    );
}

#[test]
fn a_built_in_instrument_needs_its_symbol_only() {
    let config = load(
        "[[instrument]]\nsymbol = \"XAUUSD\"\npip_size = 0.01\n",
        &[],
        &[],
    )
    .unwrap()
    .config;
    let [gold] = config.instruments.as_slice() else {
        panic!(
            "the list replaces the built-in one: {:?}",
            config.instruments
        );
    };
    assert_eq!(
        (gold.digits, gold.pip_size.to_string().as_str()),
        (2, "0.01")
    );
    assert_eq!(gold.spread_default.to_string(), "0.3");
}

#[test]
fn the_simulated_market_has_its_own_rules_and_says_so() {
    let simulated = load("", &[], &["serve", "--set", "rules.min_rr=1.25"])
        .unwrap()
        .config;
    let rules = simulated.rules_in_force();
    assert_eq!(rules.setup_tf.as_str(), "1m");
    assert_eq!(
        (
            rules.killzone_gate,
            rules.symbol_cooldown_s,
            rules.max_signals_per_day
        ),
        (false, 0, 0)
    );
    assert_eq!(
        (rules.min_rr, simulated.rules.general.setup_tf.as_str()),
        (1.25, "5m")
    );

    let changed = load(
        "[feed.sim.rules]\nsetup_tf = \"15m\"\nmin_rr = 2.0\n",
        &[],
        &[],
    )
    .unwrap()
    .config;
    let rules = changed.rules_in_force();
    assert_eq!(
        (rules.setup_tf.as_str(), rules.min_rr, rules.killzone_gate),
        ("15m", 2.0, false)
    );

    let source = &simulated.catalog().sources[0];
    assert_eq!(source.name, "sim");
    assert!(source.simulated && source.heartbeats && source.always_open);
    assert_eq!(simulated.engine_settings().market, "sim-1");
    assert_eq!(
        simulated.engine_settings().rules,
        simulated.rules_in_force()
    );
}

#[test]
fn a_tape_has_the_ordinary_rules() {
    let file = tempfile::Builder::new()
        .prefix("day")
        .suffix(".csv.gz")
        .tempfile()
        .unwrap();
    let kind = format!("tape:{}", file.path().display());
    let config = load("", &[], &["serve", "--feed", &kind, "--speed", "60"])
        .unwrap()
        .config;
    assert_eq!(
        config.feed.kind,
        FeedKind::Tape(vec![file.path().to_owned()])
    );
    assert_eq!(config.feed.tape.speed, Speed::Times(60.0));
    assert_eq!(config.rules_in_force(), engine::Rules::default());
    let (source, name) = (&config.catalog().sources[0], config.market_name());
    assert_eq!(source.name, format!("tape:{name}"));
    assert!(
        !name.contains('.') && file.path().to_string_lossy().contains(&name),
        "{name}"
    );
    assert!(!source.simulated && !source.heartbeats && !source.always_open);
}

#[test]
fn the_catalog_is_the_list_of_instruments() {
    let catalog = Config::default().catalog();
    let row = |id| {
        let it = catalog.instrument(market::InstrumentId(id));
        let (tick, pip, spread) = (it.tick_size, it.pip_size, it.spread_default);
        format!(
            "{} {} {tick} {pip} {:?} {:?} {spread} {} {}",
            it.symbol, it.digits, it.kind, it.calendar, it.signals, it.prices
        )
    };
    let rows: Vec<String> = (0..11).map(row).collect();
    expect![[r#"
        EURUSD 5 0.00001 0.0001 Cash Fx 0.00008 true true
        GBPUSD 5 0.00001 0.0001 Cash Fx 0.00012 true true
        USDJPY 3 0.001 0.01 Cash Fx 0.01 true true
        XAUUSD 2 0.01 0.1 Cash Metal 0.3 true true
        US30 1 0.1 1 Cfd Index 2.5 true true
        NAS100 1 0.1 1 Cfd Index 1.5 true true
        SPX500 1 0.1 1 Cfd Index 0.5 true true
        NQ 2 0.25 1 Future Future 0.25 false true
        MNQ 2 0.25 1 Future Future 0.25 false true
        ES 2 0.25 1 Future Future 0.25 false true
        MES 2 0.25 1 Future Future 0.25 false true"#]]
    .assert_eq(&rows.join("\n"));
    assert_eq!(catalog.find("MES"), Some(market::InstrumentId(10)));
    assert_eq!(catalog.instruments.len(), 11);
}

#[test]
fn what_one_lot_is_may_be_left_out_and_an_account_too() {
    let plain = Config::default().engine_settings();
    assert_eq!(plain.account.equity, None);
    let lots = plain.catalog.instruments.iter().map(|it| {
        let lot = it.contract.expect("each built-in one has a contract");
        let (step, least, most) = (lot.lot_step, lot.min_lot, lot.max_lot);
        let (size, currency, margin) = (lot.size, lot.currency, lot.margin_rate);
        format!(
            "{} {size} {currency} {step} {least}..{most} {margin}",
            it.symbol
        )
    });
    expect![[r#"
        EURUSD 100000 USD 0.01 0.01..100 0.0333
        GBPUSD 100000 USD 0.01 0.01..100 0.0333
        USDJPY 100000 JPY 0.01 0.01..100 0.0333
        XAUUSD 100 USD 0.01 0.01..100 0.05
        US30 1 USD 0.1 0.1..1000 0.05
        NAS100 1 USD 0.1 0.1..1000 0.05
        SPX500 1 USD 0.1 0.1..1000 0.05
        NQ 20 USD 1 1..1000 0.1
        MNQ 2 USD 1 1..1000 0.1
        ES 50 USD 1 1..1000 0.1
        MES 5 USD 1 1..1000 0.1"#]]
    .assert_eq(&lots.collect::<Vec<_>>().join("\n"));
    let own = r#"
account = { equity = 5000, currency = "EUR" }
[[instrument]]
symbol = "DAX"
digits = 1
tick_size = 0.1
pip_size = 1
kind = "cfd"
calendar = "index"
spread_default = 1
signals = true
prices = true
"#;
    let own = load(own, &[], &[]).unwrap().config.engine_settings();
    assert_eq!(own.catalog.instruments[0].contract, None);
    let account = (own.account.equity, own.account.currency.as_str());
    assert_eq!(account, (Some(5000.0), "EUR"));
}

proptest! {
    #[test]
    fn any_text_is_settings_or_findings(text in ".{0,200}") {
        read_without_panic(&text, &text);
    }

    #[test]
    fn a_damaged_file_is_settings_or_findings(at in 0..COMMENTED.len(), length in 0_usize..60, put in "[\\PC\n\"\\[\\]{}=,.0-9]{0,12}") {
        let start = COMMENTED.floor_char_boundary(at);
        let end = COMMENTED.floor_char_boundary((at + length).min(COMMENTED.len()));
        read_without_panic(&format!("{}{put}{}", &COMMENTED[..start], &COMMENTED[end..]), &put);
    }
}

/// Reads a text as a file, as a variable and as arguments; findings must be single lines.
fn read_without_panic(file: &str, text: &str) {
    let set = format!("--set={text}");
    let assigned = format!("--set=rules.tp_plan={text}");
    let instrument = format!("--set=instrument={text}");
    let environment = [("ORION__FEED__SIM__RULES", text), (text, text)];
    let found = load(file, &environment, &["serve", &set, &assigned, &instrument]);
    for finding in found.err().into_iter().flatten() {
        let line = finding.to_string();
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

/// Every finding, one a line.
fn check(file: &str, environment: &[(&str, &str)], args: &[&str], expected: Expect) {
    let findings = load(file, environment, args).expect_err("there is something to find");
    expected.assert_eq(&cli::lines(&findings));
}

/// Settings out of the text of a file (none if empty), variables, and arguments after the program's name.
fn load(
    file: &str,
    environment: &[(&str, &str)],
    args: &[&str],
) -> Result<Loaded, Vec<config::Finding>> {
    let Command::Serve(cli::Serve { settings, .. }) = command(args) else {
        panic!("{args:?} serves");
    };
    let file = (!file.is_empty()).then(|| SettingsFile {
        path: "orion.toml".into(),
        text: file.to_owned(),
    });
    let layers = settings.layers(owned(environment))?;
    config::load(&Layers { file, ..layers })
}

fn command(args: &[&str]) -> Command {
    let args = std::iter::once("orion").chain(args.iter().copied());
    Cli::try_parse_from(args)
        .expect("the arguments are right")
        .into_command()
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    variables.iter().map(own).collect()
}

/// Keys of the defaults that the file does not have; those that are absent by default must stand in a comment.
fn find_missing(
    default: &serde_json::Value,
    file: &toml::Value,
    path: &str,
    missing: &mut Vec<String>,
) {
    for (key, default) in default.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        match file.get(key) {
            Some(value) => find_missing(default, value, &path, missing),
            None if default.is_null()
                && COMMENTED.lines().any(|line| {
                    is_absent_setting(line) && line.starts_with(&format!("# {key} = "))
                }) => {}
            None => missing.push(path),
        }
    }
}

/// A line such as `# rate = 50.0`: a setting that is absent by default.
fn is_absent_setting(line: &str) -> bool {
    let setting = line
        .strip_prefix("# ")
        .and_then(|line| line.split_once(" = "));
    setting.is_some_and(|(key, _)| {
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}
