//! OANDA's own Python client and the most used one, against the stand-in: it is known to be faithful where they get what
//! they expect. Set `ORION_TEST_PYTHON` to an interpreter that has both.

use crate::rig::{ACCOUNT, NOW, TOKEN, at, quote};
use standin::oanda::{Candle, Oanda, Options};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

#[tokio::test]
async fn vendors_clients_accept_the_stand_in() {
    let Some(python) = std::env::var_os("ORION_TEST_PYTHON") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI runs this: set ORION_TEST_PYTHON"
        );
        eprintln!("skipped: OANDA's clients: no ORION_TEST_PYTHON");
        return;
    };
    let options = Options {
        heartbeat: Duration::from_millis(100),
        ..Options::default()
    };
    let vendor = Oanda::start(options).await.unwrap();
    vendor.set_clock(at(NOW));
    vendor.play(&[
        quote("EUR_USD", 0, "1.14273", "1.14277"),
        quote("XAU_USD", 0, "4123.95", "4124.31"),
    ]);
    vendor.set_candles("EUR_USD", "M1", candles());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/oanda.py");
    let mut run = Command::new(python);
    run.arg(script)
        .args([&vendor.address().to_string(), TOKEN, ACCOUNT])
        .stdin(Stdio::null());
    // It ends by itself: it gives itself two minutes.
    let run = tokio::task::spawn_blocking(move || run.output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = run.unwrap().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{stdout}\n{stderr}");
    for client in ["v20: ok", "oandapyV20: ok"] {
        assert!(stdout.contains(client), "{stdout}\n{stderr}");
    }
}

fn candles() -> Vec<Candle> {
    let candle = |minute: i64| Candle {
        nanos: at("2026-07-13T11:57:00Z") + minute * 60_000_000_000,
        bid: ["1.1", "1.3", "1.0", "1.2"].map(str::to_owned),
        ask: ["1.1002", "1.3002", "1.0002", "1.2002"].map(str::to_owned),
        is_complete: minute < 3,
    };
    (0..4).map(candle).collect()
}
