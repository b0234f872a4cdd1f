//! The vendors' own, or most used, Python clients against the stand-ins: what they take for the vendor is faithful.

use crate::support::within;
use standin::finnhub::Finnhub;
use standin::kraken::Kraken;
use standin::twelvedata::TwelveData;
use std::future::Future;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Longer than the clients' own deadlines.
const LONG: Duration = Duration::from_secs(90);

/// A client that runs; it is ended with the test.
struct Client {
    child: Child,
    output: JoinHandle<String>,
}

/// Starts `tests/clients/NAME.py`; nothing where there is no Python with the clients.
fn start(name: &str, arguments: &[String]) -> Option<Client> {
    let Ok(python) = std::env::var("ORION_TEST_PYTHON") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "ORION_TEST_PYTHON is not set: ./check makes it"
        );
        eprintln!("skipped: the client of {name} (ORION_TEST_PYTHON is not set; ./check makes it)");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(format!("{name}.py"));
    let mut command = Command::new(python);
    // Without -P the scripts' names would hide the clients'.
    command
        .args(["-P", "-u"])
        .arg(script)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let output = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    Some(Client { child, output })
}

impl Client {
    /// Waits for something that the client makes happen, unless it ends before that.
    async fn until(&mut self, happens: impl Future<Output = ()>) {
        tokio::select! {
            () = within(happens) => {}
            text = &mut self.output => panic!("the client ended early: {}", text.unwrap()),
        }
    }

    /// Waits for its end, which must be a good one.
    async fn done(mut self) {
        let text = tokio::time::timeout(LONG, &mut self.output)
            .await
            .expect("the client takes too long")
            .unwrap();
        let status = self.child.wait().unwrap();
        assert!(
            status.success() && text.ends_with("done\n"),
            "{status}: {text}"
        );
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn krakens_sdk() {
    let kraken = Kraken::start().await.unwrap();
    let Some(mut client) = start("kraken", &[kraken.address()]) else {
        return;
    };
    client.until(kraken.until_heard(2)).await;
    kraken.quote("EUR/USD", "1.1427", "1.1429", "2026-07-13T12:00:00.123456Z");
    client.done().await;
    assert_eq!(kraken.asked(), ["/v2"]);
}

#[tokio::test]
async fn finnhubs_client_and_the_one_of_its_pages() {
    let finnhub = Finnhub::with_heartbeat("good-key", Duration::from_millis(200))
        .await
        .unwrap();
    let Some(mut client) = start("finnhub", &[finnhub.rest_address(), finnhub.address()]) else {
        return;
    };
    client.until(finnhub.until_heard(2)).await;
    finnhub.trades("OANDA:EUR_USD", &[("1.14275", 1_783_944_000_093)]);
    client.done().await;
    assert_eq!(finnhub.asked(), ["/?token=good-key", "/?token=bad-key"]);
}

#[tokio::test]
async fn twelvedatas_client() {
    let vendor = TwelveData::start("good-key").await.unwrap();
    let Some(mut client) = start("twelvedata", &[vendor.rest_address(), vendor.address()]) else {
        return;
    };
    client.until(vendor.until_heard(1)).await;
    vendor.quote("EUR/USD", "1.14273", "1.14277", 1_783_944_000);
    client.done().await;
}
