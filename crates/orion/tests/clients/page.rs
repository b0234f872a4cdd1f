//! The page at `/` and the specification's browser sample, in a real browser.

mod chromium;

use crate::support::{Server, recording, serve_at};
use crate::{SYMBOLS, simulated, start};
pub(crate) use chromium::Browser;
use market::Span;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for what a page shows.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the sample hands a message to, and a promise to wait with: `seen.until((seen) => ...)`.
const HANDLERS: &str = r"
    globalThis.seen = {
        signals: [], prices: [], look: () => {},
        until(holds) {
            return new Promise((done) => { this.look = () => { if (holds(this)) done(true); }; this.look(); });
        },
    };
    globalThis.showSignal = (signal) => { seen.signals.push(signal); seen.look(); };
    globalThis.showPrice = (price) => { seen.prices.push(price); seen.look(); };
";

/// The specification's client code, as docs/protocol.md has it, with this address.
fn sample(address: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
    let document = std::fs::read_to_string(path).expect("docs/protocol.md");
    let (_, rest) = document.split_once("```js\n").expect("the sample");
    let (sample, _) = rest.split_once("```").expect("its end");
    assert!(sample.contains("127.0.0.1:8080"), "{sample}");
    sample.replace("127.0.0.1:8080", address)
}

/// Runs the sample in the browser's tab.
pub(crate) async fn run_sample(browser: &mut Browser, address: &str) {
    browser.evaluate(HANDLERS).await;
    browser.evaluate(&sample(address)).await;
}

/// Waits until what the sample has seen is as is waited for.
pub(crate) async fn until_seen(browser: &mut Browser, holds: &str, patience: Duration) {
    let promise = format!("seen.until((seen) => {holds})");
    let came = tokio::time::timeout(patience, browser.evaluate(&promise))
        .await
        .is_ok();
    assert!(came, "not within {patience:?}: {holds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_sample_sees_both_types() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    run_sample(&mut browser, &server.address).await;
    let all = format!(
        "{SYMBOLS:?}.every((symbol) => seen.prices.some((price) => price.symbol === symbol))"
    );
    until_seen(
        &mut browser,
        &format!("seen.signals.length && {all}"),
        PATIENCE,
    )
    .await;
    let signals = browser.evaluate("seen.signals").await;
    for signal in signals.as_array().expect("a list") {
        assert_eq!(
            signal.as_object().map(serde_json::Map::len),
            Some(13),
            "{signal}"
        );
        assert!(
            signal["entry_price"].is_number() && signal["take_profits"].is_array(),
            "{signal}"
        );
    }
    assert_eq!(browser.errors, [""; 0]);
}

/// Where pictures go: a folder of one's own choice, or one that ends with the browser.
pub(crate) fn pictures(browser: &Browser) -> PathBuf {
    std::env::var_os("ORION_TEST_SCREENSHOTS")
        .map_or_else(|| browser.folder().to_owned(), PathBuf::from)
}

/// The page with prices and signals on it.
const FILLED: &str = "document.querySelectorAll('.price').length >= 7 && document.querySelectorAll('.signal').length > 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_the_market_on_desks_and_phones() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    browser.resize(1280, 900).await;
    browser.open(&format!("http://{}/", server.address)).await;
    browser.until(FILLED, PATIENCE).await;
    check_content(&mut browser).await;
    let pictures = pictures(&browser);
    for (width, height) in [(1280, 900), (390, 844)] {
        browser.resize(width, height).await;
        let hidden = browser
            .evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            .await;
        assert_eq!(hidden, 0, "{width} pixels are too few");
        let file = pictures.join(format!("page-{width}x{height}.png"));
        browser.picture(&file).await;
        assert!(std::fs::metadata(&file).expect("a picture").len() > 10_000);
    }
    assert_eq!(browser.errors, [""; 0]);
}

/// What a newcomer must find.
async fn check_content(browser: &mut Browser) {
    let text = |selector: &str| format!("document.querySelector('{selector}').innerText");
    let banner = browser.evaluate(&text("#simulated")).await;
    assert!(
        banner
            .as_str()
            .is_some_and(|banner| banner.contains("SIMULATED")),
        "{banner}"
    );
    let is_seen = "(() => { const box = document.querySelector('#simulated').getBoundingClientRect();
                            return box.height > 10 && box.top >= 0 && box.bottom < innerHeight; })()";
    assert_eq!(browser.evaluate(is_seen).await, true);
    assert_eq!(browser.evaluate(&text("#state")).await, "connected");

    let prices = browser
        .evaluate("[...document.querySelectorAll('.price')].map((price) => price.innerText)")
        .await;
    let prices: Vec<String> = serde_json::from_value(prices).expect("texts");
    for symbol in SYMBOLS {
        let is_priced = |text: &String| {
            let mut lines = text.lines();
            lines.next() == Some(symbol)
                && lines
                    .next()
                    .is_some_and(|price| price.trim().parse::<f64>().is_ok_and(|price| price > 0.0))
        };
        assert!(prices.iter().any(is_priced), "{symbol}: {prices:?}");
    }
    let columns = browser
        .evaluate(
            "[...document.querySelectorAll('h2')].map((column) => column.innerText.split(' ')[0])",
        )
        .await;
    assert_eq!(
        columns,
        serde_json::json!(["Pending", "Confirmed", "Invalidated"])
    );
    // Around a first start at least one signal is pending, and its countdown runs.
    browser
        .until(
            "[...document.querySelectorAll('#pending .signal')].length > 0",
            PATIENCE,
        )
        .await;
    let countdowns = browser.evaluate("[...document.querySelectorAll('#pending .signal')].every((card) => /[0-4]:[0-5][0-9] left/.test(card.innerText))").await;
    assert_eq!(
        countdowns,
        true,
        "{}",
        browser.evaluate(&text("#pending")).await
    );
    let levels = browser.evaluate(&text("#pending .signal")).await;
    for word in ["Entry", "Stop", " R", "sure", "now", "(SIMULATED)"] {
        assert!(
            levels.as_str().is_some_and(|levels| levels.contains(word)),
            "no {word} in {levels}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_that_it_lost_the_server_and_comes_back() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    let address = server.address.clone();
    browser.open(&format!("http://{address}/")).await;
    browser.until(FILLED, PATIENCE).await;
    browser
        .evaluate("globalThis.before = [...signals.keys()]")
        .await;
    assert_eq!(browser.errors, [""; 0]);

    server.kill();
    browser
        .until(
            "document.querySelector('#state').innerText.startsWith('connection lost')",
            PATIENCE,
        )
        .await;
    let look = "getComputedStyle(document.querySelector('main')).filter";
    assert_eq!(browser.evaluate(look).await, "grayscale(1)");
    let _server: Server = start(serve_at(&address, folder.path(), &[]));
    browser
        .until(
            "document.querySelector('#state').innerText === 'connected'",
            PATIENCE,
        )
        .await;
    // The snapshot has come, and live prices go on.
    let is_back = "lastPrice.at > openedAt && before.some((id) => signals.has(id))";
    browser.until(is_back, PATIENCE).await;
    browser.until(FILLED, PATIENCE).await;
    assert_eq!(browser.evaluate(look).await, "none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_market_is_called_one_and_has_its_own_time() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording::make(folder.path(), Span::from_hours(1));
    let server = start(recording::command(
        &folder.path().join("data"),
        &files,
        "60",
    ));
    browser.open(&format!("http://{}/", server.address)).await;
    browser
        .until("!document.querySelector('#recorded').hidden", PATIENCE)
        .await;
    let is_old = "document.querySelector('#clock').innerText.includes('04 Mar 2026 12:')";
    browser.until(is_old, PATIENCE).await;
    let simulated = "document.querySelector('#simulated').hidden";
    assert_eq!(browser.evaluate(simulated).await, true);
    assert_eq!(browser.errors, [""; 0]);
}
