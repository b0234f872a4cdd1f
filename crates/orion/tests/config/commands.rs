//! The command line: commands, options, and what `orion check` prints.

use crate::{command, owned};
use clap::{CommandFactory, Parser};
use expect_test::{Expect, expect};
use orion::cli::{self, Cli, Command};
use orion::config::{self, FeedKind, Speed};

#[test]
fn a_settings_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, expected: Expect| {
        let path = folder.path().join(name);
        let shown = folder.path().to_string_lossy().into_owned() + std::path::MAIN_SEPARATOR_STR;
        let Command::Check(settings) = command(&["check", "--config", path.to_str().unwrap()])
        else {
            panic!("the command is check");
        };
        let checked = cli::check(&settings, Vec::new());
        assert_eq!(checked.exit_code, 1);
        expected.assert_eq(&checked.text.replace(&shown, ""));
    };
    std::fs::write(folder.path().join("latin1.toml"), b"[server]\n# \xe4\n").unwrap();
    check(
        "absent.toml",
        expect![
            "absent.toml: there is no such file; give --config a settings file that exists and may be read, or leave it out"
        ],
    );
    check(
        "latin1.toml",
        expect!["latin1.toml:2: it is not UTF-8; save the file as UTF-8"],
    );
}

#[test]
fn check_says_what_would_run() {
    let checked = |environment: &[(&str, &str)], args: &[&str]| {
        let Command::Check(settings) = command(args) else {
            panic!("the command is check");
        };
        let checked = cli::check(&settings, owned(environment));
        assert_eq!(checked.exit_code, 0, "{}", checked.text);
        checked.text
    };
    expect![[r#"
        listen       127.0.0.1:8080, dashboards at ws://127.0.0.1:8080/ws/signals
        data         orion-data
        feed         sim: SIMULATED market, seed 1, natural rate
        signals      EURUSD GBPUSD USDJPY XAUUSD US30 NAS100 SPX500
        prices only  NQ MNQ ES MES
        rules        as by default, but killzone_gate = false, max_signals_per_day = 0, setup_tf = "1m", symbol_cooldown_s = 0
        log          info as text on a terminal, else JSON, to standard error"#]].assert_eq(&checked(&[], &["check"]));
    let args = [
        "check",
        "--feed",
        "tape:Cargo.toml",
        "--speed",
        "max",
        "--set",
        "instrument=[{symbol='EURUSD'}]",
    ];
    expect![[r#"
        listen       127.0.0.1:8080, dashboards at ws://127.0.0.1:8080/ws/signals
        data         orion-data
        feed         tape as fast as possible: Cargo.toml
        signals      EURUSD
        prices only  none
        rules        as by default
        log          info as JSON, to standard error
        changed      feed.kind = "tape:Cargo.toml" (--feed)
        changed      feed.tape.speed = "max" (--speed)
        changed      the list of instruments, 1 in it (--set)
        changed      log.format = "json" (environment variable ORION__LOG__FORMAT)"#]]
    .assert_eq(&checked(&[("ORION__LOG__FORMAT", "json")], &args));
    let args = [
        "check",
        "--set",
        "rules.setup_tf=15m",
        "--set",
        "rules.min_rr=2",
        "--set",
        "instrument.XAUUSD.pip_size=0.01",
    ];
    expect![[r#"
        listen       127.0.0.1:8080, dashboards at ws://127.0.0.1:8080/ws/signals
        data         orion-data
        feed         sim: SIMULATED market, seed 1, natural rate
        signals      EURUSD GBPUSD USDJPY XAUUSD US30 NAS100 SPX500
        prices only  NQ MNQ ES MES
        rules        as by default, but killzone_gate = false, max_signals_per_day = 0, min_rr = 2.0, setup_tf = "1m", symbol_cooldown_s = 0
        log          info as text on a terminal, else JSON, to standard error
        changed      rules.min_rr = 2.0 (--set)
        changed      rules.setup_tf = "15m" (--set)
        changed      instrument.XAUUSD.pip_size = 0.01 (--set)
        note         --set: rules.setup_tf = "15m": it has no effect while the market is simulated: [feed.sim.rules] lies over it; set feed.sim.rules.setup_tf, now "1m""#]].assert_eq(&checked(&[], &args));
}

#[test]
fn without_a_command_it_serves() {
    let Command::Serve(cli::Serve { settings, .. }) = command(&[]) else {
        panic!("no arguments are `serve`");
    };
    assert!(
        settings.basis.config.is_none()
            && settings.listen.is_none()
            && settings.basis.set.is_empty()
    );
    assert!(
        matches!(command(&["--seed", "7"]), Command::Serve(serve) if serve.settings.seed.as_deref() == Some("7"))
    );
    assert!(
        matches!(command(&["tail"]), Command::Tail(tail) if tail.url == "ws://127.0.0.1:8080/ws/signals" && !tail.json)
    );
    for wrong in [
        &["--seed", "7", "check"][..],
        &["replay"],
        &["serve", "x"],
        &["dance"],
        &["serve", "--config"],
    ] {
        let error =
            Cli::try_parse_from(std::iter::once("orion").chain(wrong.iter().copied())).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn a_replay_is_a_tape_as_fast_as_possible() {
    let Command::Replay(replay) = command(&[
        "replay",
        "Cargo.toml",
        "src/lib.rs",
        "--json",
        "--set",
        "rules.min_rr=2",
    ]) else {
        panic!("the command is replay");
    };
    let config = config::load(&replay.layers(Vec::new()).unwrap())
        .unwrap()
        .config;
    assert_eq!(
        config.feed.kind,
        FeedKind::Tape(vec!["Cargo.toml".into(), "src/lib.rs".into()])
    );
    assert_eq!(
        (config.feed.tape.speed, config.rules.general.min_rr),
        (Speed::Max, 2.0)
    );
}

#[test]
fn every_option_is_explained_and_every_command_has_examples() {
    let mut orion = Cli::command();
    orion.build();
    for command in std::iter::once(&orion)
        .chain(orion.get_subcommands())
        .filter(|command| command.get_name() != "help")
    {
        let examples = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            examples.contains("Examples:\n  orion"),
            "{}",
            command.get_name()
        );
        for option in command.get_arguments() {
            assert!(
                option.get_help().is_some(),
                "{} {}",
                command.get_name(),
                option.get_id()
            );
        }
    }
}
