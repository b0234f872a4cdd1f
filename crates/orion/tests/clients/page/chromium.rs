//! A headless Chromium, driven over its DevTools protocol.

use crate::support::{lines, tool};
use base64::Engine as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest wait for the browser to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// What keeps it to itself: no sandbox (tests run in containers, as root), no calls home.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one tab; ends when dropped.
pub(crate) struct Browser {
    child: Child,
    profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    calls: u64,
    /// What the console calls an error, and what was thrown and not caught.
    pub(crate) errors: Vec<String>,
}

impl Browser {
    /// Starts it with an empty tab, if Chromium is there.
    pub(crate) async fn start() -> Option<Self> {
        let program = tool("ORION_TEST_CHROMIUM")?;
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(program)
            .args(FLAGS)
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start Chromium");
        let told = lines(child.stderr.take().expect("standard error"));
        let mut log = Vec::new();
        let address = loop {
            let line = told.recv_timeout(STARTS_WITHIN);
            let line =
                line.unwrap_or_else(|_| panic!("Chromium did not start:\n{}", log.join("\n")));
            if let Some(address) = line.trim().strip_prefix("DevTools listening on ") {
                break address.to_owned();
            }
            log.push(line);
        };
        let (socket, _) = tokio_tungstenite::connect_async(address)
            .await
            .expect("connect to Chromium");
        let mut browser = Self {
            child,
            profile,
            socket,
            session: None,
            calls: 0,
            errors: Vec::new(),
        };
        browser.open_tab().await;
        Some(browser)
    }

    async fn open_tab(&mut self) {
        let target = self
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", attach).await;
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.call(domain, json!({})).await;
        }
    }

    /// Calls a method of the DevTools protocol and gives its result.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(call.to_string()))
            .await
            .expect("speak to Chromium");
        loop {
            let told = self.told().await;
            if told["id"] == id {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
        }
    }

    /// The next thing the browser tells.
    async fn told(&mut self) -> Value {
        loop {
            let read = self
                .socket
                .next()
                .await
                .expect("Chromium is there")
                .expect("listen to Chromium");
            let Message::Text(text) = read else { continue };
            let told: Value = serde_json::from_str(&text).expect("JSON");
            self.note(&told);
            return told;
        }
    }

    fn note(&mut self, told: &Value) {
        let params = &told["params"];
        let is_error = match told["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => params["type"] == "error",
            Some("Log.entryAdded") => params["entry"]["level"] == "error",
            _ => false,
        };
        if is_error {
            self.errors.push(params.to_string());
        }
    }

    /// Sets the size of the window, in CSS pixels.
    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Makes pages believe that their reader prefers `dark` or `light`.
    pub(crate) async fn prefer(&mut self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}))
            .await;
    }

    /// Opens an address and waits until it is loaded.
    pub(crate) async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.evaluate("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))").await;
    }

    /// What an expression, or the promise it is, comes to.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params).await;
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Waits until a condition on the page's elements holds: looked at whenever one of them changes.
    pub(crate) async fn until(&mut self, condition: &str, patience: Duration) {
        let promise = format!(
            "new Promise((done) => {{
                const look = () => {{ if ({condition}) {{ watch.disconnect(); done(true); }} }};
                const watch = new MutationObserver(look);
                watch.observe(document, {{ subtree: true, childList: true, characterData: true, attributes: true }});
                look();
            }})"
        );
        let held = timeout(patience, self.evaluate(&promise)).await;
        if held.is_err() {
            // The page still answers: what it shows says more than that it took too long.
            let shown = timeout(patience, self.evaluate("document.body.innerText")).await;
            panic!("not within {patience:?}: {condition}; the page shows {shown:?}");
        }
    }

    /// Writes a picture of the window.
    pub(crate) async fn picture(&mut self, file: &Path) {
        let picture = self
            .call("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let data = picture["data"].as_str().expect("a picture");
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(data)
            .expect("base64");
        std::fs::write(file, bytes).expect("write the picture");
    }

    /// A folder that ends with the browser.
    pub(crate) fn folder(&self) -> &Path {
        self.profile.path()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
