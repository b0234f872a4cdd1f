//! Models in a whole server, and the commands that look at them. `ORION_TEST_ONNXRUNTIME` is the path of libonnxruntime.so.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{Server, serve, tool};
use tempfile::TempDir;

/// A model that proposes at each closed minute: a manifest with features that ORION has.
fn model(folder: &TempDir) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/fixtures");
    let text = std::fs::read_to_string(fixtures.join("logistic.toml")).expect("the fixture");
    let names = "\"hour_sin\", \"hour_cos\", \"weekday\", \"spread_atr\", \"killzone_minutes\", \"1m.return1_atr\"";
    let text = text
        .replace("\"f0\", \"f1\", \"f2\", \"f3\", \"f4\", \"f5\"", names)
        .replace("\"5m\"", "\"1m\"");
    let path = folder.path().join("model.toml");
    std::fs::write(&path, text).expect("write the manifest");
    std::fs::copy(
        fixtures.join("logistic.onnx"),
        folder.path().join("logistic.onnx"),
    )
    .expect("copy the model");
    path
}

fn orion(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.args(arguments).output().expect("run orion")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn manifests(path: &Path) -> String {
    format!("models.manifests=[{:?}]", path.display().to_string())
}

/// What `/health` says of the only model.
fn health(server: &Server) -> Value {
    let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    health["models"][0].clone()
}

#[test]
fn a_server_without_the_library_serves_and_says_that_models_are_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = model(&folder);
    let library = folder.path().join("libonnxruntime.so");
    let library = format!("models.library={}", library.display());
    let arguments = ["--set", &manifests(&path), "--set", &library];
    let server = Server::start(serve(folder.path(), &arguments));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let model = health(&server);
    assert_eq!(
        (model["name"].as_str(), model["state"].as_str()),
        (Some("logistic"), Some("off"))
    );
    let reason = model["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("libonnxruntime.so: there is no such file; install ONNX Runtime"),
        "{reason}"
    );
    assert!(
        server
            .get("/metrics")
            .contains("orion_model_on{model=\"logistic\"} 0.0")
    );
    let mut client = server.subscribe();
    assert!(client.next().is_some(), "clients are served");

    let checked = text(&orion(&[
        "check",
        "--set",
        &manifests(&path),
        "--set",
        &library,
    ]));
    assert!(
        checked.contains("\nmodel        logistic 1: off: "),
        "{checked}"
    );
}

#[test]
fn a_model_is_checked_listed_and_asked() {
    let Some(library) = tool("ORION_TEST_ONNXRUNTIME") else {
        return;
    };
    let library = library.to_string_lossy().into_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let path = model(&folder);
    let file = path.display().to_string();
    let checked = orion(&["model", "check", &file, "--library", &library]);
    let said = text(&checked);
    assert!(checked.status.success(), "{said}");
    for part in [
        "model        logistic 1\n",
        "role         proposes signals, from a likelihood of 0.5498",
        "reads        a score from column 1 of probabilities",
        "features     6: hour_sin, hour_cos,",
        "trained      until 2026-10-01T00:00:00.000Z; what it says counts from 2026-10-01T08:00:00.000Z",
        "self-tests   8 rows, all within 0.00001",
        "takes        p50 ",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let setting = format!("models.library={library}");
    let arguments = ["--set", &manifests(&path), "--set", &setting];
    let listed = orion(&[&["model", "list"], &arguments[..]].concat());
    assert!(listed.status.success());
    assert!(
        text(&listed).starts_with("model        logistic 1: proposes signals"),
        "{}",
        text(&listed)
    );

    let server = Server::start(serve(folder.path(), &arguments));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    assert_eq!(health(&server)["state"], "on");
    assert!(
        server
            .get("/metrics")
            .contains("orion_model_on{model=\"logistic\"} 1.0")
    );

    // What is not true any more is refused.
    std::fs::write(folder.path().join("logistic.onnx"), b"something else").expect("write");
    let checked = orion(&["model", "check", &file, "--library", &library]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        text(&checked).starts_with("refused      ")
            && text(&checked).contains("model.toml: sha256 = "),
        "{}",
        text(&checked)
    );
    let listed = orion(&[&["model", "list"], &arguments[..]].concat());
    assert_eq!(listed.status.code(), Some(1));
}
