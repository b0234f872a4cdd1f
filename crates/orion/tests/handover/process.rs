//! A server among other processes: sockets that a service manager made, what it is told, and signals.

use crate::line::{Line, until_price};
use crate::support::{Server, get, serve, serve_at, signal, tool};
use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Passes a socket as a service manager does, but as standard input: a test cannot place descriptors.
pub(crate) fn activate(command: &mut Command, socket: &TcpListener) {
    command
        .env("LISTEN_FDS", "1")
        .env("LISTEN_FDS_FIRST_FD", "0")
        .stdin(OwnedFd::from(socket.try_clone().expect("a descriptor")));
}

#[test]
fn a_socket_of_the_service_manager_is_served_over_kills_and_reloads() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    let server = || {
        // The address that is asked for is not the socket's, which counts.
        let mut command = serve_at("127.0.0.1:1", folder.path(), &[]);
        activate(&mut command, &socket);
        command
    };
    let line = Line::start(folder.path(), server());
    assert_eq!(line.first.address, address);
    until_price(&mut line.first.subscribe());
    signal(line.pid(), "KILL");

    // Nobody serves, and nobody is refused: who connects now is served by the next one.
    let waiting = std::net::TcpStream::connect(&address).expect("a connect while nobody serves");
    drop(line);
    let mut line = Line::start(folder.path(), server());
    drop(waiting);
    let mut client = line.first.subscribe();
    until_price(&mut client);
    line.reload().expect("a reload");
    assert_eq!(client.closed(), Some(1012));
    until_price(&mut line.first.subscribe());
    line.end();
}

#[test]
fn a_socket_that_cannot_be_served_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let connected = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let plain =
        std::net::TcpStream::connect(connected.local_addr().expect("an address")).expect("connect");
    for (input, reason) in [
        (OwnedFd::from(plain), "does not listen"),
        (
            OwnedFd::from(std::os::unix::net::UnixStream::pair().expect("a pair").0),
            "fd 0 is not a valid tcp socket",
        ),
    ] {
        let mut command = serve(folder.path(), &[]);
        command
            .env("LISTEN_FDS", "1")
            .env("LISTEN_FDS_FIRST_FD", "0")
            .stdin(input);
        let (code, log) = Server::start(command).err().expect("no server");
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(reason), "{reason:?} is not in {log}");
    }
}

#[test]
fn the_service_manager_hears_who_serves_and_when_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a time-out");
    let heard = || {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    let mut command = serve(folder.path(), &[]);
    command.env("NOTIFY_SOCKET", &path);
    let mut line = Line::start(folder.path(), command);
    assert_eq!(heard(), "READY=1");
    let pid = line.reload().expect("a reload");
    let mut both = [heard(), heard()];
    both.sort();
    assert_eq!(both, [format!("MAINPID={pid}"), "READY=1".to_owned()]);
    line.end();
    assert_eq!(
        heard(),
        "STOPPING=1",
        "the new one's, and not the old one's"
    );
    manager.set_nonblocking(true).expect("no waiting");
    assert!(manager.recv(&mut [0; 9]).is_err(), "nothing else is told");
}

#[test]
fn sighup_reads_the_settings_and_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("orion.toml");
    fs::write(&file, "").expect("write");
    let data = folder.path().join("data");
    let line = Line::start(
        &data,
        serve(&data, &["--config", &file.display().to_string()]),
    );
    let mut stays = line.first.subscribe();
    until_price(&mut stays);
    let rate = "[gateway]\nmessages_per_s = 1\nmessages_burst = 2\n";
    let both = format!("{rate}[prices]\nrepeat_ms = 4000\n[log]\nlevel = \"debug\"\n");
    let later = both.replace("[gateway]\n", "[gateway]\nrecovery_events = 7\n");
    for (text, told) in [
        ("", &["no setting has changed"][..]),
        (
            &both,
            &[
                "gateway.messages_burst was 20 and is 2 from now on",
                "gateway.messages_per_s was 10 and is 1 from now on",
                "log.level was ",
                "prices.repeat_ms was 5000 and is 4000 from now on",
            ],
        ),
        (
            "[prices]\nrepeat = 4000\n",
            &["the settings cannot run, and stay as they were"],
        ),
        (&both, &["no setting has changed"]),
        // What must wait is told again each time.
        (
            &later,
            &[
                "gateway.recovery_events stays 10000, though the settings say 7: a process begins with it",
            ],
        ),
        (&later, &["gateway.recovery_events stays 10000"]),
    ] {
        fs::write(&file, text).expect("write");
        signal(line.pid(), "HUP");
        for words in told {
            assert!(line.first.logs(words), "{words}");
        }
    }
    // Nobody was closed, and who was there speaks by the new rate.
    until_price(&mut stays);
    for _ in 0..10 {
        stays.say(&serde_json::json!({"type": "ping"}));
    }
    assert_eq!(stays.closed(), Some(4429));
    until_price(&mut line.first.subscribe());
    line.end();
}

#[test]
fn a_changed_file_is_read_without_a_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("orion.toml");
    fs::write(&file, "").expect("write");
    let data = folder.path().join("data");
    let line = Line::start(
        &data,
        serve(&data, &["--config", &file.display().to_string()]),
    );
    fs::write(&file, "[server]\norigins = [\"https://a.example\"]\n").expect("write");
    assert!(
        line.first
            .logs("server.origins was [] and is [\"https://a.example\"] from now on")
    );
    line.end();
}

#[test]
fn the_address_of_metrics_goes_to_the_new_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let free = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let admin = free.local_addr().expect("an address").to_string();
    drop(free);
    let setting = format!("server.admin={admin}");
    let mut line = Line::start(folder.path(), serve(folder.path(), &["--set", &setting]));
    let before = line.started();
    line.reload().expect("a reload");
    let started = || {
        let (_, health) = get(&admin, "/health", "").ok()?;
        let health: serde_json::Value = serde_json::from_str(&health).ok()?;
        Some(health["started"].as_str()?.to_owned())
    };
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    while started().is_none_or(|started| started <= before) {
        assert!(
            tokio::time::Instant::now() < until,
            "the new one does not answer"
        );
        std::thread::yield_now();
    }
    line.end();
}

#[test]
fn a_second_signal_ends_a_drain_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = serve(folder.path(), &["--set", "gateway.close_timeout_ms=60000"]);
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let mut client = server.subscribe();
    until_price(&mut client);
    server.terminate();
    assert!(server.logs("closing every client"), "no drain");
    assert_eq!(client.closed(), Some(1012));
    // It reads no more, and so does not answer its Close, and would be waited for.
    signal(server.pid(), "INT");
    assert_eq!(server.wait(), Some(130));
    let verified = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["history", "verify", "--data"])
        .arg(folder.path())
        .output()
        .expect("run orion history verify");
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn the_units_in_packaging_are_whole() {
    let Some(analyze) = tool("ORION_TEST_SYSTEMD_ANALYZE") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd");
    let mut units = Vec::new();
    for name in ["orion.service", "orion.socket"] {
        let text = fs::read_to_string(packaging.join(name)).expect("a unit");
        // What is verified names the program that is there.
        let text = text.replace("/usr/bin/orion", env!("CARGO_BIN_EXE_orion"));
        let unit = folder.path().join(name);
        fs::write(&unit, text).expect("write");
        units.push(unit);
    }
    let output = Command::new(analyze)
        .args(["verify", "--man=no"])
        .args(&units)
        .output()
        .expect("run systemd-analyze");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.trim().is_empty(), "{told}");
}
