//! The operator is told: a real server, and a webhook that is played.

use crate::support::{PATIENCE, Server, serve};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

/// Listens as a webhook does; gives back its address, and each request's head and body.
fn webhook() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let mut request = Vec::new();
            let mut part = [0; 4096];
            loop {
                let read = stream.read(&mut part).unwrap_or(0);
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                if let Ok(body) = serde_json::from_str(body) {
                    let _ =
                        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
                    let _ = tell.send((head.to_ascii_lowercase(), body));
                    break;
                }
                if read == 0 {
                    break;
                }
            }
        }
    });
    (format!("http://{address}/orion"), told)
}

#[test]
fn a_start_and_a_disk_without_room_are_told_with_the_key() {
    let (url, told) = webhook();
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("operator.webhook={url}");
    let settings = [
        "--set",
        &url,
        "--set",
        "operator.starts=true",
        // No disk is all free.
        "--set",
        "operator.disk_free_percent=100",
    ];
    let mut command = serve(folder.path(), &settings);
    command.env("ORION_KEY_WEBHOOK", "s3cret");
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let (head, start) = told.recv_timeout(PATIENCE).expect("a message");
    assert!(head.contains("authorization: bearer s3cret"), "{head}");
    assert_eq!(
        (&start["event"], &start["state"]),
        (&"start".into(), &"once".into())
    );
    let (_, disk) = told.recv_timeout(PATIENCE).expect("a message");
    assert_eq!(disk["event"], "disk_nearly_full");
    assert!(
        disk["text"]
            .as_str()
            .expect("words")
            .contains("is nearly full"),
        "{disk}"
    );
    let until = tokio::time::Instant::now() + PATIENCE;
    while !server
        .get("/metrics")
        .contains("orion_outbox_sent_total{channel=\"webhook\"} 2\n")
    {
        assert!(tokio::time::Instant::now() < until, "two were not counted");
        std::thread::yield_now();
    }
}
