//! Every class of mistake in the settings, with its exact text.

use crate::{check, load};
use expect_test::expect;

#[test]
fn what_is_not_toml_is_named_with_its_line() {
    check(
        "[server\nlisten = 1\n[data]\ndir = \n",
        &[],
        &[],
        expect![[r#"
        orion.toml:1: it is not TOML: unclosed table, expected `]`; config/orion.toml shows the form
        orion.toml:4: it is not TOML: string values must be quoted, expected literal string; config/orion.toml shows the form"#]],
    );
    check(
        "a = 1\na = 2\n",
        &[],
        &[],
        expect!["orion.toml:2: it is not TOML: duplicate key; config/orion.toml shows the form"],
    );
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    let file = r#"
listen = "127.0.0.1:1"
colour = true
"server.listen" = "127.0.0.1:1"
[serve]
listen = "127.0.0.1:1"
[prices]
min_intervall_ms = 5
[feed.sim.rules]
killzone_gat = false
[rules]
completely_unheard_of = 1
[log.level]
deep = 1
"#;
    let environment = [
        ("ORION__PRICE__REPEAT_MS", "5"),
        ("ORION__", "5"),
        ("ORION__log__level", "warn"),
    ];
    let args = [
        "serve",
        "--set",
        "feed.tape.sped=1",
        "--set",
        "rules.tp_plan.0.r=1",
        "--set",
        "gatewy={}",
    ];
    check(
        file,
        &environment,
        &args,
        expect![[r#"
            orion.toml:2: listen = "127.0.0.1:1": there is no such setting; did you mean `server.listen`?
            orion.toml:3: colour = true: there is no such setting; the sections are account, admin, auth, charts, data, features, feed, gateway, history, instrument, log, models, news, operator, portfolio, prices, rules, secrets, server, socketio, tape
            orion.toml:4: "server.listen": in quotes it is one name, and none of ours; write it without quotes
            orion.toml:5: serve: there is no such setting; did you mean `server`?
            orion.toml:8: prices.min_intervall_ms = 5: there is no such setting; did you mean `prices.min_interval_ms`?
            orion.toml:10: feed.sim.rules.killzone_gat = false: there is no such setting; did you mean `feed.sim.rules.killzone_gate`?
            orion.toml:12: rules.completely_unheard_of = 1: there is no such setting; config/orion.toml lists every key
            orion.toml:13: log.level = { deep = 1 }: a text or a number is wanted, not a table; the default is "info"
            environment variable ORION__: there is no such setting; the sections are account, admin, auth, charts, data, features, feed, gateway, history, instrument, log, models, news, operator, portfolio, prices, rules, secrets, server, socketio, tape
            environment variable ORION__PRICE__REPEAT_MS: price.repeat_ms = 5: there is no such setting; did you mean `prices.repeat_ms`?
            --set: feed.tape.sped = 1: there is no such setting; did you mean `feed.tape.speed`?
            --set: rules.tp_plan.0.r = 1: there is no such setting; config/orion.toml lists every key
            --set: gatewy: there is no such setting; did you mean `gateway`?"#]],
    );
}

#[test]
fn wrong_types_are_named_with_what_is_wanted() {
    let file = r#"
rules = 5
instrument = "EURUSD"
[server]
listen = "localhost"
[data]
dir = 5
[prices]
min_interval_ms = "fast"
repeat_ms = -1
[feed]
kind = "simulated"
[feed.sim]
seed = 99999999999999999999
rate = "high"
[feed.sim.rules]
killzone_gate = "no"
setup_tf = "2m"
[feed.tape]
speed = "0"
[log]
level = "loud"
format = "xml"
[gateway]
message_bytes = 1.5
answers_max = 1979-05-27
errors_max = [1]
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
            orion.toml:2: rules: it is a section, not a setting; set a key inside it, as in [rules]
            orion.toml:3: instrument: it is a list of instruments, not one value; write one [[instrument]] for each
            orion.toml:5: server.listen = "localhost": it is no address with a port, such as 127.0.0.1:8080 or [::1]:8080; the default is "127.0.0.1:8080"
            orion.toml:7: data.dir = 5: a text is wanted, not a whole number; the default is "orion-data"
            orion.toml:9: prices.min_interval_ms = "fast": a whole number is wanted, not a text; the default is 1000
            orion.toml:10: prices.repeat_ms = -1: a whole number from 0 to 4294967295 is wanted; the default is 5000
            orion.toml:12: feed.kind = "simulated": `simulated` is no source; there are sim, tape:FILE, metatrader, oanda, massive, massive-indices, alphavantage, bots, kraken, finnhub, twelvedata, and any FILE.toml that describes one; the default is "sim"
            orion.toml:14: feed.sim.seed = "99999999999999999999": a whole number from 0 to 9223372036854775807 is wanted; the default is 1
            orion.toml:15: feed.sim.rate = "high": a number is wanted, not a text; it may be left out
            orion.toml:17: feed.sim.rules.killzone_gate = "no": true or false is wanted, not a text; the default is false
            orion.toml:18: feed.sim.rules.setup_tf = "2m": it must be one of 1m, 5m, 15m, 1h, 4h, 1d; the default is "1m"
            orion.toml:20: feed.tape.speed = "0": a speed is a number above zero, such as 1 or 60, or `max`; the default is "1"
            orion.toml:22: log.level = "loud": a level is error, warn, info, debug or trace, with exceptions behind it as in `info,gateway=debug`; the default is "info"
            orion.toml:23: log.format = "xml": it must be one of auto, pretty, text, json; the default is "auto"
            orion.toml:25: gateway.message_bytes = 1.5: a whole number from 0 to 9223372036854775807 is wanted; the default is 16384
            orion.toml:26: gateway.answers_max = 1979-05-27: a whole number is wanted, not a time; the default is 60
            orion.toml:27: gateway.errors_max = [1]: a whole number is wanted, not a list; the default is 20"#]],
    );
    let environment = [
        ("ORION__PRICES__REPEAT_MS", "soon"),
        ("ORION__RULES__TP_PLAN", "[{r = 1, size = 3}]"),
    ];
    let args = [
        "serve",
        "--listen",
        "8080",
        "--seed",
        "-1",
        "--speed",
        "slow",
        "--set",
        "rules.fvg_body=1",
        "--set",
        "oops",
    ];
    check(
        "",
        &environment,
        &args,
        expect![[r#"
        environment variable ORION__PRICES__REPEAT_MS: prices.repeat_ms = "soon": a whole number is wanted, not a text; the default is 5000
        environment variable ORION__RULES__TP_PLAN: rules.tp_plan = [{ r = 1, size = 3 }]: unknown field `size`, expected `r` or `percent`; the default is [{ percent = 30, r = 1.0 }, { percent = 40, r = 2.0 }, { percent = 30 }]
        --set: "oops" is not KEY=VALUE; write it as in --set prices.repeat_ms=4000
        --set: rules.fvg_body = 1: true or false is wanted, not a whole number; the default is true
        --listen: server.listen = 8080: it is no address with a port, such as 127.0.0.1:8080 or [::1]:8080; the default is "127.0.0.1:8080"
        --speed: feed.tape.speed = "slow": a speed is a number above zero, such as 1 or 60, or `max`; the default is "1"
        --seed: feed.sim.seed = -1: a whole number from 0 to 9223372036854775807 is wanted; the default is 1"#]],
    );
}

#[test]
fn impossible_values_are_named_with_their_limits() {
    let file = r#"
[prices]
min_interval_ms = 6000
repeat_ms = 0
[gateway]
message_bytes = 0
silence_timeout_s = 24
messages_burst = 5
[tape]
batch_ms = 1000
[data]
dir = ""
[feed.sim]
rate = 0.0
[feed.sim.rules]
confirm_timeout_s = 300
[rules]
confirm_tf = "5m"
swing_left = 0
disp_body_ratio = nan
tp_plan = [
    { r = 1.0, percent = 30 },
    { percent = 60 },
]
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
            orion.toml:4: prices.repeat_ms = 0: 0 is not between 1 and 60000; the default is 5000
            orion.toml:4: prices.repeat_ms = 0: 0 is below min_interval_ms = 6000; the default is 5000
            orion.toml:6: gateway.message_bytes = 0: it must lie between 256 and 16777216; the default is 16384
            orion.toml:7: gateway.silence_timeout_s = 24: pings are up to 24 s apart, a fifth more than ping_interval_s; the default is 45
            orion.toml:8: gateway.messages_burst = 5: it is below messages_per_s = 10; the default is 20
            orion.toml:10: tape.batch_ms = 1000: it must lie between 1 and 250; the default is 250
            orion.toml:12: data.dir = "": it is empty; the default is "orion-data"
            orion.toml:14: feed.sim.rate = 0.0: it must lie between 0.01 and 1000000 ticks per second; it may be left out
            orion.toml:16: feed.sim.rules.confirm_timeout_s = 300: 300 is not between 1 and 295; the default is 285
            orion.toml:18: rules.confirm_tf = "5m": 5m is longer than setup_tf = 1m; [feed.sim.rules] lies over [rules]: change one of the two
            orion.toml:19: rules.swing_left = 0: 0 is not between 1 and 500; the default is 5
            orion.toml:20: rules.disp_body_ratio = nan: NaN is not between 0 and 1; the default is 0.6
            orion.toml:21: rules.tp_plan = [{ percent = 30, r = 1.0 }, { percent = 60 }]: the percentages sum to 90; they must be above 0 and sum to 100; the default is [{ percent = 30, r = 1.0 }, { percent = 40, r = 2.0 }, { percent = 30 }]"#]],
    );
}

#[test]
fn of_two_settings_that_exclude_each_other_the_given_one_is_named() {
    check(
        "\n[prices]\nmin_interval_ms = 6000\n",
        &[],
        &[],
        expect![
            "orion.toml:3: prices.repeat_ms = 5000: 5000 is below min_interval_ms = 6000; change prices.min_interval_ms or prices.repeat_ms"
        ],
    );
    check(
        "",
        &[("ORION__GATEWAY__PING_INTERVAL_S", "60")],
        &[],
        expect![
            "environment variable ORION__GATEWAY__PING_INTERVAL_S: gateway.silence_timeout_s = 45: pings are up to 72 s apart, a fifth more than ping_interval_s; change gateway.ping_interval_s or gateway.silence_timeout_s"
        ],
    );
    check(
        "",
        &[],
        &["serve", "--set", "gateway.messages_per_s=50"],
        expect![
            "--set: gateway.messages_burst = 20: it is below messages_per_s = 50; change gateway.messages_per_s or gateway.messages_burst"
        ],
    );
}

#[test]
fn impossible_instruments_are_named_with_their_lines() {
    let file = r#"
[[instrument]]
symbol = "EURUSD"
digits = 10
tick_size = 0
[[instrument]]
symbol = "SPX500"
tick_size = 0.25
spread_default = -0.5
[[instrument]]
symbol = "EURUSD"
pip_size = 0.000001
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
        orion.toml:4: instrument.EURUSD.digits = 10: a price has at most 9 decimals; config/orion.toml shows the built-in ones
        orion.toml:5: instrument.EURUSD.tick_size = 0.0: it must be above 0; config/orion.toml shows the built-in ones
        orion.toml:8: instrument.SPX500.tick_size = 0.25: it has more decimals than digits = 1 can show; config/orion.toml shows the built-in ones
        orion.toml:9: instrument.SPX500.spread_default = -0.5: it must be 0 or more; config/orion.toml shows the built-in ones
        orion.toml:11: instrument.EURUSD.symbol = "EURUSD": it is there twice, first at orion.toml:3; config/orion.toml shows the built-in ones
        orion.toml:12: instrument.EURUSD.pip_size = 0.000001: it is smaller than tick_size = 0.00001; config/orion.toml shows the built-in ones"#]],
    );
    let file = r#"
[[instrument]]
symbol = "EUR/USD"
digts = 5
digits = 300
[[instrument]]
digits = 1
[[instrument]]
symbol = "DAX"
digits = 1
kind = "cdf"
tick_size = 0.0000000001
pip_size = "1e3"
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
            orion.toml:3: instrument.EUR/USD.symbol = "EUR/USD": `EUR/USD` is not a symbol: 1 to 12 letters, digits, `.`, `_` or `-`; config/orion.toml shows the built-in ones
            orion.toml:4: instrument.EUR/USD.digts = 5: there is no such field; did you mean `digits`?
            orion.toml:5: instrument.EUR/USD.digits = 300: a whole number from 0 to 255 is wanted; config/orion.toml shows the built-in ones
            orion.toml:6: instrument number 2: it lacks calendar, kind, pip_size, prices, signals, spread_default, symbol, tick_size; only an instrument that ORION has built in may leave fields out
            orion.toml:11: instrument.DAX.kind = "cdf": it must be one of cash, cfd, future; config/orion.toml shows the built-in ones
            orion.toml:12: instrument.DAX.tick_size = 0.0000000001: it has more than nine decimals; config/orion.toml shows the built-in ones
            orion.toml:13: instrument.DAX.pip_size = "1e3": it is not a plain decimal number such as 1.08505; config/orion.toml shows the built-in ones"#]],
    );
    check(
        "instrument = [5]",
        &[],
        &[],
        expect![
            "orion.toml:1: instrument number 1: it is not a table of an instrument's fields; write [[instrument]], and its fields below it"
        ],
    );
    check(
        "instrument = []",
        &[],
        &[],
        expect!["orion.toml:1: instrument: the list is empty; write at least one [[instrument]]"],
    );
    let args = [
        "serve",
        "--set",
        "instrument.EURUSX.digits=3",
        "--set",
        "instrument.EURUSD.digit=3",
    ];
    check(
        "",
        &[("ORION__INSTRUMENT__GBPUSD__SIGNALS", "maybe")],
        &args,
        expect![[r#"
        environment variable ORION__INSTRUMENT__GBPUSD__SIGNALS: instrument.GBPUSD.signals = "maybe": true or false is wanted, not a text; config/orion.toml shows the built-in ones
        --set: instrument.EURUSX.digits: there is no instrument EURUSX; did you mean `EURUSD`?
        --set: instrument.EURUSD.digit = 3: there is no such field; did you mean `digits`?"#]],
    );
}

#[test]
fn a_tape_that_cannot_be_read_is_named() {
    check(
        "[feed]\nkind = \"tape:nowhere.zip,Cargo.toml,nor/here.csv\"\n",
        &[],
        &[],
        expect![[r#"
        orion.toml:2: feed.kind = "tape:nowhere.zip,Cargo.toml,nor/here.csv": nowhere.zip: there is no such file; name files that exist and may be read; paths start at the current folder
        orion.toml:2: feed.kind = "tape:nowhere.zip,Cargo.toml,nor/here.csv": nor/here.csv: there is no such file; name files that exist and may be read; paths start at the current folder"#]],
    );
}

#[test]
fn what_cannot_be_true_of_recorded_files_is_named() {
    let file = r#"
[feed.tape]
format = "parquet"
symbol = "EURUSX"
timeframe = "7m"
zone = "moon"
side = "left"
base = "yesterday"
columns = "time,bit"
separator = "ab"
price_scale = 0
date_order = "year"
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
        orion.toml:3: feed.tape.format = "parquet": `parquet` is no format: lean, dukascopy, histdata, metatrader or csv; it may be left out
        orion.toml:4: feed.tape.symbol = "EURUSX": there is no such instrument; did you mean `EURUSD`?
        orion.toml:5: feed.tape.timeframe = "7m": it must be one of 1m, 5m, 15m, 1h, 4h, 1d; it may be left out
        orion.toml:6: feed.tape.zone = "moon": `moon` is no time zone known here: utc, a fixed offset such as -05:00, new_york, chicago, eet_eu or eet_us; it may be left out
        orion.toml:7: feed.tape.side = "left": `left` is no side of a quote: mid, bid or ask; it may be left out
        orion.toml:8: feed.tape.base = "yesterday": `yesterday` is no date or time such as 2019-02-04 or 2019-02-04T13:00; it may be left out
        orion.toml:9: feed.tape.columns = "time,bit": `bit` is no column: use time, date, clock, bid, ask, price, open, high, low, close, bid_open .. ask_close, volume, or - for a column to leave out; it may be left out
        orion.toml:10: feed.tape.separator = "ab": a separator is one character, such as `,` or `;`, or `tab`; it may be left out
        orion.toml:11: feed.tape.price_scale = 0: prices cannot be divided by 0; it may be left out
        orion.toml:12: feed.tape.date_order = "year": it must be month_first or day_first; it may be left out"#]],
    );
}

#[test]
fn what_would_let_in_somebody_else_is_named() {
    let file = r#"
[server]
origins = ["app.example.org"]
proxies = ["proxy"]
[auth]
mode = "maybe"
[auth.jwt]
keys = "http://id.example.org/jwks"
leeway_s = 301
"#;
    check(
        file,
        &[],
        &[],
        expect![[r#"
        orion.toml:3: server.origins = ["app.example.org"]: `app.example.org` is no origin: write scheme, host and port, such as https://app.example.org or http://localhost:4173; the default is []
        orion.toml:4: server.proxies = ["proxy"]: `proxy` is neither an address, such as 10.0.0.7, nor a network, such as 10.0.0.0/8; the default is []
        orion.toml:6: auth.mode = "maybe": it must be one of off, optional, required; the default is "off"
        orion.toml:8: auth.jwt.keys = "http://id.example.org/jwks": keys that come over http:// may be anybody's: give an https:// address; it may be left out
        orion.toml:9: auth.jwt.leeway_s = 301: it must lie between 0 and 300; the default is 30"#]],
    );
    let url_keys = "[auth]\nurl_keys = true\njwt.keys = \"Cargo.toml\"\n";
    check(
        url_keys,
        &[],
        &[],
        expect![[r#"
        orion.toml:2: auth.url_keys = true: a key in an address says who reads, and with auth.mode = "off" nobody has to; the default is false
        orion.toml:3: auth.jwt.keys = "Cargo.toml": it is neither PEM (-----BEGIN PUBLIC KEY-----) nor a JWK set ({"keys":[...]}); name a file with the public keys of who signs; paths start at the current folder"#]],
    );
    let args = [
        "serve",
        "--set",
        "auth.mode=required",
        "--set",
        "auth.jwt.keys=nowhere.pem",
    ];
    check(
        url_keys,
        &[],
        &args,
        expect![[r#"
        orion.toml:2: auth.url_keys = true: what stands in an address ends up in other people's logs, so such a key counts only on pages that are known; list the pages in server.origins
        --set: auth.jwt.keys = "nowhere.pem": it cannot be read: No such file or directory (os error 2); name a file with the public keys of who signs; paths start at the current folder"#]],
    );
}

#[test]
fn a_finding_is_one_line_whatever_it_tells() {
    let file = "\"bell\\u0007\\nkey\" = 1\n[feed]\nkind = \"tape:no\\u001b[31m\\nwhere\"\n";
    check(
        file,
        &[("ORION__SERVER\n__\u{9b}", "1")],
        &[],
        expect![[r#"
            orion.toml:1: bell  key = 1: there is no such setting; the sections are account, admin, auth, charts, data, features, feed, gateway, history, instrument, log, models, news, operator, portfolio, prices, rules, secrets, server, socketio, tape
            orion.toml:3: feed.kind = "tape:no\u{1b}[31m\nwhere": no [31m where: there is no such file; name files that exist and may be read; paths start at the current folder
            environment variable ORION__SERVER __ : server .  = 1: there is no such setting; config/orion.toml lists every key"#]],
    );
}

#[test]
fn options_of_the_other_feed_are_refused() {
    check(
        "",
        &[],
        &["serve", "--speed", "60"],
        expect![[
            r#"--speed: feed.tape.speed = "60": only a tape has a speed, and this feed runs in wall-clock time; leave --speed out, or name a tape with --feed tape:FILE"#
        ]],
    );
    check(
        "",
        &[],
        &["serve", "--feed", "tape:Cargo.toml", "--seed", "7"],
        expect![
            "--seed: feed.sim.seed = 7: only the simulated market has a seed, and the feed is another; leave --seed out, or take --feed sim"
        ],
    );
    // The feed itself is wrong: nothing is said about what goes with it.
    check(
        "",
        &[],
        &["serve", "--feed", "tpae:Cargo.toml", "--speed", "60"],
        expect![[
            r#"--feed: feed.kind = "tpae:Cargo.toml": `tpae:Cargo.toml` is no source; there are sim, tape:FILE, metatrader, oanda, massive, massive-indices, alphavantage, bots, kraken, finnhub, twelvedata, and any FILE.toml that describes one; the default is "sim""#
        ]],
    );
    // So is the option's own value: one finding, not two.
    check(
        "",
        &[],
        &["serve", "--speed", "slow"],
        expect![[
            r#"--speed: feed.tape.speed = "slow": a speed is a number above zero, such as 1 or 60, or `max`; the default is "1""#
        ]],
    );
    // In a file, the other feed's settings merely wait for their turn.
    assert!(load("[feed.tape]\nspeed = \"60\"\n", &[], &[]).is_ok());
}

#[test]
fn a_data_folder_that_is_a_file_is_named() {
    check(
        "",
        &[],
        &["serve", "--data", "Cargo.toml/data"],
        expect![[
            r#"--data: data.dir = "Cargo.toml/data": Cargo.toml is a file, not a folder; name another folder, or move the file away"#
        ]],
    );
}

#[test]
fn limits_and_calendars_that_cannot_be() {
    check(
        r#"
[portfolio]
max_open_risk_percent = 101
corr_floor = 2
groups = [["EURUSD", "GBP USD"]]
resumed_at = "noon"
loss_pause_h = 1000
max_spread_mult = 0.5
[news]
file = "no/such/news.csv"
block_min = 2000
"#,
        &[],
        &[],
        expect![[r#"
            orion.toml:3: portfolio.max_open_risk_percent = 101.0: 101 is not between 0 and 100; the default is 2.0
            orion.toml:4: portfolio.corr_floor = 2.0: 2 is not between 0 and 1; the default is 0.5
            orion.toml:5: portfolio.groups = [["EURUSD", "GBP USD"]]: `GBP USD` is not a symbol: 1 to 12 letters, digits, `.`, `_` or `-`; the default is [["EURUSD", "GBPUSD"], ["US30", "NAS100", "SPX500"]]
            orion.toml:6: portfolio.resumed_at = "noon": `noon` is not an RFC 3339 time such as 2026-11-23T14:05:00.000Z; the default is ""
            orion.toml:7: portfolio.loss_pause_h = 1000: 1000 is not between 0 and 720; the default is 4
            orion.toml:8: portfolio.max_spread_mult = 0.5: 0.5 is below 1: every spread would be too wide; the default is 3.0
            orion.toml:10: news.file = "no/such/news.csv": No such file or directory (os error 2); a release is a line such as `2026-12-04T13:30:00Z,USD,Nonfarm payrolls`, under the line `time,currency,title`
            orion.toml:11: news.block_min = 2000: it must lie between 0 and 1440; the default is 5"#]],
    );
}

#[test]
fn accounts_and_lots_that_cannot_be() {
    check(
        r#"
[account]
currency = "usd"
equity = 0
risk_percent = 101
fx_stale_s = 0
[[instrument]]
symbol = "EURUSD"
lot_step = 0
[[instrument]]
symbol = "GBPUSD"
min_lot = 2
max_lot = 1
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
contract_size = 25
margin_rate = 0.05
"#,
        &[],
        &[],
        expect![[r#"
            orion.toml:3: account.currency = "usd": `usd` is not a currency: three capital letters, such as USD; the default is "USD"
            orion.toml:4: account.equity = 0.0: 0 is not between 0.01 and 9000000000; it may be left out
            orion.toml:5: account.risk_percent = 101.0: 101 is not between 0 and 100; the default is 0.5
            orion.toml:6: account.fx_stale_s = 0: 0 is not between 1 and 86400; the default is 60
            orion.toml:9: instrument.EURUSD.lot_step = 0.0: it must lie between 0.000001 and 1000000; config/orion.toml shows the built-in ones
            orion.toml:13: instrument.GBPUSD.max_lot = 1.0: it must lie between 2 and 1000000; config/orion.toml shows the built-in ones
            orion.toml:24: instrument.DAX.contract_size = 25.0: quote_currency, lot_step, min_lot, max_lot must be given too; config/orion.toml shows the built-in ones"#]],
    );
    let notes = load("[account]\nrisk_percent = 1\n", &[], &[])
        .unwrap()
        .notes;
    let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
    expect!["orion.toml:2: account.risk_percent: it has no effect without account.equity: no size is told"].assert_eq(&notes.join("\n"));
    let told = load("[account]\nrisk_percent = 1\nequity = 1\n", &[], &[]).unwrap();
    assert!(told.notes.is_empty());
}
