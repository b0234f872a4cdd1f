//! The page as a whole: whole markup, true figures, nothing from outside obeyed, nothing fetched.

use super::testing::report;
use super::text::{both_clocks, count, percent, percents, points, r};
use super::{PARTS, SCRIPT, STYLE, page, write};
use lab::backtest::Report;
use serde_json::Value;

/// What a browser does not expect an end of.
const VOID: [&str; 4] = ["meta", "link", "br", "!doctype"];

/// The names and attributes of all tags, which must be balanced; scripts and styles are left out.
fn tags(page: &str) -> Vec<String> {
    let (mut open, mut tags, mut rest) = (Vec::new(), Vec::new(), page);
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(
                open.pop(),
                Some(name.to_owned()),
                "</{name}> ends something else"
            );
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        tags.push(tag.to_owned());
        if VOID.contains(&name) || tag.ends_with('/') {
            continue;
        }
        if ["script", "style"].contains(&name) {
            let (_, after) = rest.split_once(&format!("</{name}>")).expect("its end");
            rest = after;
            continue;
        }
        open.push(name.to_owned());
    }
    assert_eq!(open, [""; 0], "not closed");
    tags
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

/// What the script draws from.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("the data");
    let (json, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn the_page_is_whole_with_any_number_of_trades() {
    for trades in [0, 1, 2, 49, 50, 700] {
        let page = page(&report(trades));
        let tags = tags(&page);
        let mut ids: Vec<&str> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "an id twice");
        for (part, _) in PARTS {
            assert!(ids.contains(&part), "no {part}");
        }
        // The page's own policy would forbid them.
        for tag in &tags {
            let is_forbidden = |part: &str| {
                let handler = part.starts_with("on") && part.contains('=');
                part.starts_with("style=") || handler
            };
            assert!(!tag.split(' ').any(is_forbidden), "{tag}");
        }
        for not_a_number in ["NaN", "inf<", "inf\""] {
            let (markup, _) = page.split_once("<script").expect("a script");
            assert!(
                !markup.contains(not_a_number),
                "{not_a_number} with {trades} trades"
            );
        }
    }
}

#[test]
fn equal_reports_give_equal_bytes() {
    assert_eq!(page(&report(120)), page(&report(120)));
}

#[test]
fn figures_are_those_of_the_report() {
    let report = report(480);
    let page = page(&report);
    let all = &report.all;
    let enough = report.groups.iter().filter(|group| group.enough);
    for group in enough.chain([all]) {
        let row = format!(
            "<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
            count(group.n),
            count(group.hits),
            percent(group.rate),
            percents(group.low, group.high),
            percent(group.chance.expect("chance")),
        );
        assert!(page.contains(&row), "{row}");
        assert!(page.contains(&format!(">{}</td>", points(group.edge.expect("edge")))));
        assert!(page.contains(&format!(">{}</td>", r(group.r.sum))));
    }
    let few = report.groups.iter().filter(|group| !group.enough);
    let few: Vec<_> = few.collect();
    assert!(!few.is_empty());
    let shown = page.matches("not enough data: ").count();
    assert!(shown >= few.len(), "{shown} for {}", few.len());
    for month in &report.months {
        assert!(page.contains(&r(month.r)));
    }
    for bin in &report.reliability {
        assert!(page.contains(&format!(
            "told {}, came {} {}",
            percent(bin.confidence),
            percent(bin.rate),
            percents(bin.low, bin.high)
        )));
    }
    for counted in report.refused.iter().chain(&report.invalidated) {
        assert!(page.contains(&format!("<td>{}</td>", count(counted.n))));
    }
    for span in &report.run.symbols {
        assert!(page.contains(&both_clocks(&span.first)));
    }
    assert!(page.contains("--set rules.min_rr=2.0 --report out.html</pre>"));
}

#[test]
fn the_script_gets_the_trades_and_days_of_the_report() {
    let report = report(480);
    let data = data(&page(&report));
    let trades = data["trades"].as_array().expect("trades");
    assert_eq!(trades.len(), 480);
    for (told, trade) in trades.iter().zip(&report.trades) {
        assert_eq!(told["id"], trade.signal.id.as_str());
        assert_eq!(told["entry"], trade.signal.entry);
        assert_eq!(told["hit"], trade.hit);
        let net = told["net"].as_f64().expect("a number");
        assert!((net - trade.r_net).abs() < 1e-4);
        assert_eq!(
            told["steps"].as_array().map(Vec::len),
            Some(trade.steps.len())
        );
        assert!(
            told["bars"]
                .as_str()
                .is_some_and(|bars| bars.len() > 5 * trade.window.len())
        );
    }
    let days = data["days"].as_array().expect("days");
    assert_eq!(days.len(), report.days.len());
    let last = days.last().expect("a day")["net"]
        .as_f64()
        .expect("a number");
    assert!((last - report.all.r.sum).abs() < 1e-3);
}

#[test]
fn what_is_written_by_others_is_shown_and_never_obeyed() {
    const EVIL: &str = "</script><img onerror=alert(1) src=x>\"'<!--<script>&";
    let mut report = report(60);
    let evil = || EVIL.to_owned();
    report.run.command = evil();
    report.run.inputs = vec![evil()];
    report.run.settings_hash = evil();
    report.run.from = Some(evil());
    report.notes = vec![evil()];
    report.headline = format!("{EVIL}: {EVIL}");
    report.refused[0].name = evil();
    report.folds[0].fold = evil();
    report.run.rules[0].value = evil();
    report.run.rules[0].name = evil();
    report.run.symbols[0].symbol = evil();
    report.run.symbols[0].first = evil();
    report.days[0].day = evil();
    report.months[0].month = evil();
    report.drawdown.from = Some(evil());
    for group in &mut report.groups {
        group.setup = group.setup.as_ref().map(|_| evil());
    }
    for trade in &mut report.trades {
        let signal = &mut trade.signal;
        (signal.id, signal.symbol, signal.setup, signal.reason) = (evil(), evil(), evil(), evil());
        signal.entry_time = evil();
        signal.conditions = vec![evil()];
        signal.risk_gate = Some(evil());
        trade.steps[0].kind = evil();
    }
    let page = page(&report);
    let tags = tags(&page);
    assert!(tags.iter().all(|tag| !tag.starts_with("img")));
    // The data and the script, and none besides.
    assert_eq!(
        page.matches("<script").count(),
        2 + SCRIPT.matches("<script").count()
    );
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--"));
    assert_eq!(data(&page)["trades"][0]["reason"], EVIL);
}

#[test]
fn nothing_is_fetched_and_no_other_code_runs() {
    let page = page(&report(60));
    let policy = "default-src 'none'; img-src data:; script-src 'sha256-";
    assert!(page.contains(policy));
    assert!(!page.contains("unsafe-inline"));
    for outside in [
        "src=\"",
        "href=\"http",
        "url(",
        "@import",
        "//cdn",
        "fetch(",
        "XMLHttp",
        "innerHTML",
    ] {
        assert!(!page.contains(outside), "the page needs {outside}");
    }
    assert!(SCRIPT.len() < 30 * 1024, "{} bytes", SCRIPT.len());
}

#[test]
fn a_large_report_is_a_small_file() {
    let bytes = page(&report(2000)).len();
    assert!(bytes < 5_000_000, "{bytes} bytes");
    // Eighteen years of days, and so many trades on them that only some are drawn, as a run keeps them.
    let mut all = report(9000);
    let mut trades: Vec<_> = all.trades.iter().cycle().take(24_000).cloned().collect();
    trades.sort_by(|one, other| one.signal.entry_time.cmp(&other.signal.entry_time));
    all.trades = trades;
    for (place, trade) in all.trades.iter_mut().enumerate() {
        if !place.is_multiple_of(128) {
            trade.window = Vec::new();
        }
    }
    let many = page(&all);
    assert!(many.len() < 4_000_000, "{} bytes", many.len());
    assert!(many.contains("188 of 24,000 trades can be drawn, evenly chosen"));
    let data = data(&many);
    let listed = data["trades"].as_array().expect("trades");
    assert!((1800..=2000).contains(&listed.len()), "{}", listed.len());
    let said = format!("The list has {} of them", count(listed.len() as u64));
    assert!(many.contains(&said) && many.contains("<code>--trades FILE</code>"));
    assert_eq!(data["all"], 24_000);
    let drawn = listed.iter().filter(|trade| trade["bars"].is_string());
    assert_eq!(drawn.count(), 188);
    let entered: Vec<i64> = listed
        .iter()
        .filter_map(|one| one["entered"].as_i64())
        .collect();
    assert!(entered.is_sorted(), "by time");
}

#[test]
fn what_is_of_a_models_training_is_listed_and_counted_nowhere() {
    let mut report = report(120);
    let before = page(&report);
    let mut trained = report.trades[0].clone();
    trained.training = true;
    trained.r_net = 77.0;
    trained.signal.model = Some("gaps 3: 0.61".to_owned());
    report.trades.insert(0, trained);
    report.run.models = vec![lab::backtest::report::ModelUse {
        name: "gaps".to_owned(),
        version: "<3>".to_owned(),
        role: "rescore",
        counts_from: "2024-01-03T00:00:00Z".to_owned(),
        asked: 1234,
        answered: 1233,
    }];
    report.training = Some(lab::backtest::report::Training {
        born: 3,
        confirmed: 2,
        tally: lab::backtest::report::Tally {
            n: 1,
            hits: 1,
            ..lab::backtest::report::Tally::default()
        },
        mean_r: Some(77.0),
    });
    let after = page(&report);
    let figures = |page: &str| {
        let (_, rest) = page
            .split_once("<section id=\"evidence\">")
            .expect("evidence");
        let (figures, _) = rest.split_once("<section id=\"trades\">").expect("trades");
        figures.to_owned()
    };
    assert_eq!(figures(&before), figures(&after));
    for part in [
        "gaps &lt;3&gt;</th><td>re-scores</td><td>1,234</td><td>1,233</td>",
        "may have been trained on: 3 signals, 2 confirmed, 1, 1 hit. They count nowhere else",
    ] {
        let part = part.replace("1, 1 hit", "1 ended, 1 hit");
        assert!(after.contains(&part), "{part}");
    }
    let trades = &data(&after)["trades"];
    assert_eq!(
        (&trades[0]["training"], &trades[1]["training"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(trades[0]["model"], "gaps 3: 0.61");
}

#[test]
fn what_confirmation_was_worth_is_told_with_its_interval() {
    let mut report = report(480);
    let page = page(&report);
    let worth = report.confirmation.clone().expect("it");
    let says = format!(
        "The confirmed hit more often: {} of rates of hits, {}.",
        points(worth.difference),
        percents(worth.difference_low, worth.difference_high)
    );
    assert!(page.contains(&says), "{says}");
    let row = format!(
        "</span> timeout</th><td>90</td><td>25</td><td>{}</td>",
        percent(25.0 / 90.0)
    );
    assert!(page.contains(&row), "{row}");
    assert!(
        page.contains("</span> missed</th><td>33</td><td>33</td><td colspan=\"5\">not enough data")
    );
    let says = |low: f64, high: f64, report: &mut Report| {
        let worth = report.confirmation.as_mut().expect("it");
        (worth.difference_low, worth.difference_high) = (low, high);
        super::page(report)
    };
    assert!(says(-0.1, 0.1, &mut report).contains("It cannot be told from nothing:"));
    assert!(says(-0.2, -0.1, &mut report).contains("The confirmed hit less often:"));
    report.confirmation.as_mut().expect("it").others.tally.n = 49;
    assert!(super::page(&report).contains("Not enough data: fewer than 50 on one side."));
}

#[test]
fn a_made_up_market_is_called_one() {
    let mut report = report(60);
    assert!(!page(&report).contains("SIMULATED</b>"));
    report.run.simulated = true;
    let page = page(&report);
    assert!(page.contains("<b>SIMULATED</b>"));
    assert!(page.contains("<title>SIMULATED, "));
}

#[test]
fn how_many_were_tried_is_beside_every_result() {
    let mut report = report(60);
    report.run.trials = 240;
    let page = page(&report);
    let sections = page.matches("<section ").count();
    assert!(sections > 10);
    assert_eq!(
        page.matches("60 trades, best of 240 trials</small>")
            .count(),
        sections
    );
}

#[test]
fn the_file_is_replaced_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.html");
    std::fs::write(&path, "old").unwrap();
    let report = report(3);
    write(&report, &path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page(&report));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    // A folder cannot be replaced by a file: nothing is left behind.
    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    for path in [folder, dir.path().join("none").join("out.html")] {
        let error = format!("{:#}", write(&report, &path).unwrap_err());
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(
            error.contains("name a file in a folder that is there"),
            "{error}"
        );
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}

/// WCAG 2.2, 1.4.3 and the relative luminance it is defined by.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |color: &str| {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_can_be_read_in_light_and_in_dark() {
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.01, "{found}");
    near(contrast("#000000", "#ffffff"), 21.0);
    near(contrast("#777777", "#ffffff"), 4.48);
    let schemes: Vec<&str> = STYLE
        .match_indices("--ground: ")
        .map(|(at, _)| STYLE[at..].split_once('}').unwrap().0)
        .collect();
    assert_eq!(schemes.len(), 2, "light and dark");
    for scheme in schemes {
        let color = |name: &str| {
            let (_, rest) = scheme.split_once(&format!("--{name}: ")).unwrap();
            rest.split_once(';').unwrap().0
        };
        for ground in ["ground", "card", "raised"] {
            for text in ["text", "quiet", "accent", "good", "bad", "warn"] {
                let found = contrast(color(text), color(ground));
                assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
            }
        }
        assert!(contrast(color("sim"), color("on-sim")) >= 4.5);
    }
}

#[test]
fn an_empty_report_says_that_there_is_nothing() {
    let mut report: Report = report(0);
    report.run.symbols.clear();
    report.run.rules.clear();
    let page = page(&report);
    tags(&page);
    for said in [
        "No trades.",
        "No trade has ended",
        "no data was read",
        "No signal was confirmed and ended.",
    ] {
        assert!(page.contains(said), "{said}");
    }
}
