//! A real server in a process of its own, and clients on real sockets.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod deploy;
pub(crate) mod recording;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// Nothing here may hang a run for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running `orion serve`. Killed, as `kill -9` does, when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// The lines of its log; both outputs are read to their ends, so that the server never waits for a reader.
    log: mpsc::Receiver<String>,
}

/// What `orion serve` needs to start on a free port with its data in `data`.
pub(crate) fn serve(data: &Path, arguments: &[&str]) -> Command {
    serve_at("127.0.0.1:0", data, arguments)
}

/// The same at an address, such as that of a server before it.
pub(crate) fn serve_at(address: &str, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command
        .args(["serve", "--listen", address, "--data"])
        .arg(data)
        .args(arguments);
    command
        .env_remove("ORION_TEST_CRASH")
        .env_remove("ORION_TEST_HANG")
        .env_remove("ORION_TEST_DISK")
        // Tests read its log as people do, though it is no terminal.
        .env("ORION__LOG__FORMAT", "pretty")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts it and waits until it lets clients in.
    ///
    /// Gives the exit code and the log instead when it ends before that.
    pub(crate) fn start(command: Command) -> Result<Self, (Option<i32>, String)> {
        let (mut server, told) = Self::spawn(command);
        while let Ok(line) = told.recv_timeout(PATIENCE) {
            if let Some(address) = line.trim().strip_prefix("open ") {
                server.address = address
                    .trim()
                    .trim_start_matches("http://")
                    .trim_end_matches('/')
                    .to_owned();
                return Ok(server);
            }
        }
        let code = server.child.wait().expect("wait for the server").code();
        Err((code, server.log.iter().collect::<Vec<_>>().join("\n")))
    }

    /// Starts it and waits for these words in its log, when it may not let clients in yet: its address is not known.
    pub(crate) fn begin(command: Command, words: &str) -> Self {
        let (server, _told) = Self::spawn(command);
        assert!(server.logs(words), "it ended without {words:?}");
        server
    }

    /// The server, and the lines of its standard output.
    fn spawn(mut command: Command) -> (Self, mpsc::Receiver<String>) {
        let mut child = command.spawn().expect("start the server");
        let told = lines(child.stdout.take().expect("standard output"));
        // Who gave it another standard error reads it himself.
        let log = child.stderr.take().map_or_else(|| mpsc::channel().1, lines);
        let server = Self {
            child,
            address: String::new(),
            log,
        };
        (server, told)
    }

    /// Waits until a line of the log has these words; `false` when the server ends without.
    pub(crate) fn logs(&self, words: &str) -> bool {
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return true;
            }
        }
        false
    }

    /// What it logs until it ends.
    pub(crate) fn rest_of_log(&self) -> String {
        self.log.iter().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Waits for the process to end by itself; its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("wait for the server").code()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        signal(self.pid(), "TERM");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client that has said nothing yet.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.address).expect("connect")
    }

    /// A client that has subscribed to both channels.
    pub(crate) fn subscribe(&self) -> Client {
        self.try_subscribe().expect("connect and subscribe")
    }

    /// The same; `None` where the server is over before the client is in.
    pub(crate) fn try_subscribe(&self) -> Option<Client> {
        let mut client = Client::connect(&self.address).ok()?;
        let subscribe = r#"{"type":"subscribe","channels":["signals","prices"],"timestamp":"2026-01-01T00:00:00.000Z"}"#;
        client.0.send(Message::text(subscribe)).ok()?;
        Some(client)
    }

    /// A client that has subscribed to these channels.
    pub(crate) fn subscribe_to(&self, channels: &[&str]) -> Client {
        let mut client = Client::connect(&self.address).expect("connect");
        let subscribe = serde_json::json!({"type": "subscribe", "channels": channels});
        client
            .0
            .send(Message::text(subscribe.to_string()))
            .expect("subscribe");
        client
    }

    /// Memory that is resident, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident(&self) -> u64 {
        let resident = self.status("VmRSS:").expect("VmRSS");
        let kib: u64 = resident.trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// What the system says of it behind this name.
    #[cfg(target_os = "linux")]
    pub(crate) fn status(&self, name: &str) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim().to_owned())
    }

    /// Waits for a line of the log with these words, and gives back what stands behind them.
    pub(crate) fn log_after(&self, words: &str) -> Option<String> {
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if let Some((_, rest)) = line.split_once(words) {
                return Some(rest.trim().to_owned());
            }
        }
        None
    }

    /// The body of a GET request.
    pub(crate) fn get(&self, path: &str) -> String {
        let (status, body) = get(&self.address, path, "").expect("an answer");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A POST request: the status and the body's JSON.
    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> std::io::Result<(u16, serde_json::Value)> {
        post(&self.address, path, headers, body)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A GET request with these header lines, each with its end: the status and the body.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> std::io::Result<(u16, String)> {
    use std::io::{Read as _, Write as _};
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: any.example\r\n{headers}Connection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status");
    Ok((status.parse().expect("a number"), body.to_owned()))
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .expect("send a signal");
    assert!(sent.success(), "SIG{name} to {pid}");
}

/// A POST request on a connection of its own: the status and the body's JSON.
pub(crate) fn post(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<(u16, serde_json::Value)> {
    use std::io::{Error, Read as _, Write as _};
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| Error::other("the answer was cut"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let json = serde_json::from_str(body).unwrap_or(serde_json::Value::Null);
    Ok((status.ok_or_else(|| Error::other("no status"))?, json))
}

/// Makes a key in a data folder, as `orion key add` prints it.
pub(crate) fn key(data: &Path, name: &str, purpose: &str) -> String {
    key_with(data, name, &["--for", purpose])
}

/// The same, with these options.
pub(crate) fn key_with(data: &Path, name: &str, options: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["key", "add", name])
        .args(options)
        .arg("--data")
        .arg(data)
        .output()
        .expect("run orion key add");
    key_of(&String::from_utf8(output.stdout).expect("text"))
}

/// The key in what `orion key add` printed.
pub(crate) fn key_of(text: &str) -> String {
    let begin = text
        .find("orion_")
        .unwrap_or_else(|| panic!("no key in {text}"));
    let end = text[begin..]
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .map_or(text.len(), |end| begin + end);
    text[begin..end].to_owned()
}

/// The lines of a stream, read by a thread of its own.
pub(crate) fn lines(stream: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    told
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A WebSocket client.
pub(crate) struct Client(WebSocket<TcpStream>);

impl Client {
    pub(crate) fn connect(address: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (socket, _) = client(format!("ws://{address}/ws/signals"), stream)?;
        Ok(Self(socket))
    }

    /// Sends one message.
    pub(crate) fn say(&mut self, message: &serde_json::Value) {
        self.0
            .send(Message::text(message.to_string()))
            .expect("send");
    }

    /// The next message; `None` when the connection is over or no message comes for too long, pings or not.
    pub(crate) fn next(&mut self) -> Option<serde_json::Value> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Message::Text(text) = self.0.read().ok()? {
                return Some(serde_json::from_str(text.as_str()).expect("JSON"));
            }
        }
        None
    }

    /// The code of the server's Close frame, after whatever comes before it.
    pub(crate) fn closed(&mut self) -> Option<u16> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match self.0.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(Error::ConnectionClosed) => return None,
                Err(error) => panic!("no close frame: {error}"),
            }
        }
        panic!("no close frame, and the connection goes on");
    }
}

/// What a client has seen of signals: the latest status by id. Panics when a status goes back.
#[derive(Debug, Default)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, String>);

impl Seen {
    pub(crate) fn take(&mut self, message: &serde_json::Value) {
        if message["type"] != "signal" {
            return;
        }
        let text = |key: &str| message["payload"][key].as_str().expect("a text").to_owned();
        let (id, status) = (text("id"), text("status"));
        if let Some(before) = self.0.insert(id.clone(), status.clone()) {
            assert!(
                before == status || before == "pending",
                "{id} went from {before} to {status}"
            );
        }
    }
}

/// How many messages a client waits for before the next end, at most `most`: seeded, so that a failure can be had again.
pub(crate) fn waits(seed: u64, most: usize) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        // Knuth's MMIX generator; its high bits are good enough for a length.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        1 + (state >> 33) as usize % most
    })
}

/// The folder of recorded data, or a line that says it is not there.
pub(crate) fn recorded(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = folder.join("data").join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "skipped: {} is not there (set ORION_TEST_DATA)",
        path.display()
    );
    None
}

/// Whether slow tests run: `./check` asks for them.
pub(crate) fn slow(name: &str) -> bool {
    let asked = std::env::var_os("ORION_TEST_SLOW").is_some();
    if !asked {
        eprintln!("skipped: {name} is slow (set ORION_TEST_SLOW)");
    }
    asked
}

/// A program that `./check` installs and names in an environment variable. Where it is missing: a line that says so, and
/// in CI a failure.
pub(crate) fn tool(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.exists());
    if path.is_none() {
        let missing =
            format!("{variable} names no program that is there (./check installs it and sets it)");
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
            "{missing}"
        );
        eprintln!("skipped: {missing}");
    }
    path
}
