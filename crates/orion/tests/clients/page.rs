//! The specification's browser sample and a recorded market on the console, in a real browser; the rest of the console has tests
//! of its own (`console/tests`).

mod chromium;

use crate::support::recording;
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
        .until("document.querySelector('#recorded') !== null", PATIENCE)
        .await;
    let is_old = "document.querySelector('#clock').innerText.includes('04 Mar 2026')";
    browser.until(is_old, PATIENCE).await;
    let simulated = "document.querySelector('#simulated') === null";
    assert_eq!(browser.evaluate(simulated).await, true);
    assert_eq!(browser.errors, [""; 0]);
}
