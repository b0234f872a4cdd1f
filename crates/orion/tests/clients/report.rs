//! The backtest's report in a real browser: from disk, on desks and phones, in light and in dark.

#[path = "../../src/backtest/report/testing.rs"]
mod testing;

use crate::page::{Browser, pictures};
use lab::backtest::Report;
use orion::backtest::report;

/// Writes a report into the browser's folder and opens it.
async fn open(browser: &mut Browser, report: &Report) {
    let file = browser.folder().join("report.html");
    report::write(report, &file).expect("write the report");
    browser.open(&format!("file://{}", file.display())).await;
}

async fn texts(browser: &mut Browser, selector: &str) -> Vec<String> {
    let all = format!("[...document.querySelectorAll('{selector}')].map((part) => part.innerText)");
    serde_json::from_value(browser.evaluate(&all).await).expect("texts")
}

/// The line that names the trade that is shown.
async fn shown(browser: &mut Browser) -> String {
    texts(browser, "#detail > p:last-child").await.concat()
}

async fn press(browser: &mut Browser, selector: &str, key: &str) {
    let press = format!(
        "document.querySelector('{selector}').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true }}))"
    );
    browser.evaluate(&press).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_looked_at_on_desks_and_phones() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let made = testing::report(480);
    let pictures = pictures(&browser);
    for (width, height) in [(1440, 1000), (390, 844)] {
        for scheme in ["dark", "light"] {
            browser.resize(width, height).await;
            browser.prefer(scheme).await;
            open(&mut browser, &made).await;
            assert_eq!(texts(&mut browser, "h1").await, ["No edge."]);
            browser
                .evaluate("document.querySelector('.row').click()")
                .await;
            let candles = browser
                .evaluate("document.querySelectorAll('#chart rect.candle').length")
                .await;
            assert_eq!(candles, made.trades[0].window.len());
            let hidden =
                "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(
                browser.evaluate(hidden).await,
                0,
                "{width} pixels are too few"
            );
            let file = pictures.join(format!("report-{width}-{scheme}.png"));
            browser.picture(&file).await;
            assert!(std::fs::metadata(&file).expect("a picture").len() > 10_000);
        }
    }
    let fetched = browser
        .evaluate("performance.getEntriesByType('resource').length")
        .await;
    assert_eq!(fetched, 0);
    assert_eq!(browser.errors, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_are_sifted_and_walked_through_by_keys() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let made = testing::report(480);
    open(&mut browser, &made).await;
    // Nothing is drawn before it is asked for.
    assert_eq!(
        browser
            .evaluate("document.querySelectorAll('#chart').length")
            .await,
        0
    );
    for (key, place) in [
        ("ArrowRight", 0),
        ("j", 1),
        ("ArrowDown", 2),
        ("k", 1),
        ("End", 479),
        ("j", 479),
        ("Home", 0),
    ] {
        press(&mut browser, "#list", key).await;
        let id = &made.trades[place].signal.id;
        assert_eq!(shown(&mut browser).await, format!("Signal {id}."), "{key}");
    }
    // Of 480 rows, those in sight are there.
    let rows = browser
        .evaluate("document.querySelectorAll('.row').length")
        .await;
    assert!(
        rows.as_u64().is_some_and(|rows| (5..40).contains(&rows)),
        "{rows}"
    );

    let choose = "(() => { const filter = document.querySelector('[name=symbol]'); filter.value = 'XAUUSD'; filter.dispatchEvent(new Event('change')); })()";
    browser.evaluate(choose).await;
    let gold: Vec<_> = made
        .trades
        .iter()
        .filter(|trade| trade.signal.symbol == "XAUUSD")
        .collect();
    let said = texts(&mut browser, "#counted").await.concat();
    assert!(
        said.starts_with(&format!("{} of 480 trades, hits ", gold.len())),
        "{said}"
    );
    assert!(said.ends_with("one more trial."), "{said}");
    press(&mut browser, "#list", "End").await;
    let last = gold.last().expect("one");
    assert_eq!(
        shown(&mut browser).await,
        format!("Signal {}.", last.signal.id)
    );
    let path = browser
        .evaluate("document.querySelectorAll('#chart line.target').length")
        .await;
    assert_eq!(path, last.signal.targets.len());

    // What pictures tell on touch, they tell by keys.
    press(&mut browser, "#equity-plot", "Home").await;
    let told = browser
        .evaluate("document.querySelector('#tip').textContent")
        .await;
    let first = &made.days[0].day;
    assert!(
        told.as_str()
            .is_some_and(|told| told.starts_with(first.as_str())),
        "{told}"
    );
    press(&mut browser, "svg.walk", "ArrowRight").await;
    let told = browser
        .evaluate("document.querySelector('#tip').textContent")
        .await;
    assert!(
        told.as_str()
            .is_some_and(|told| told.contains(first.as_str())),
        "{told}"
    );
    assert_eq!(browser.errors, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_wrote_is_text_in_a_browser_too() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let evil = "</script><img src=x onerror='globalThis.obeyed = true'>";
    let mut made = testing::report(60);
    made.run.command = evil.to_owned();
    made.notes = vec![evil.to_owned()];
    for trade in &mut made.trades {
        trade.signal.reason = evil.to_owned();
        trade.signal.setup = evil.to_owned();
        trade.signal.conditions = vec![evil.to_owned()];
    }
    open(&mut browser, &made).await;
    press(&mut browser, "#list", "Home").await;
    let seen = texts(&mut browser, "#detail .title").await.concat();
    assert!(seen.contains(evil), "{seen}");
    assert_eq!(
        browser
            .evaluate("document.querySelectorAll('img').length")
            .await,
        0
    );
    assert_eq!(
        browser.evaluate("globalThis.obeyed === undefined").await,
        true
    );
    assert_eq!(browser.errors, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_of_nothing_and_of_much_open_alike() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    for (trades, verdict) in [
        (0, "No trades."),
        (1, "Not enough data."),
        (5000, "No edge."),
    ] {
        open(&mut browser, &testing::report(trades)).await;
        assert_eq!(texts(&mut browser, "h1").await, [verdict]);
        let hidden = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(hidden).await, 0);
        let rows = browser
            .evaluate("document.querySelectorAll('.row').length")
            .await;
        assert_eq!(rows.as_u64().is_some_and(|rows| rows > 0), trades > 0);
    }
    assert_eq!(browser.errors, [""; 0]);
}
