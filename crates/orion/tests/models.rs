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
            .contains("orion_engine_model_on{model=\"logistic\"} 0.0")
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
            .contains("orion_engine_model_on{model=\"logistic\"} 1.0")
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

/// A model that re-scores every signal, trained until then, and a recording under rules of many signals.
fn rescorer(folder: &Path, trained_until: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/fixtures");
    let text = std::fs::read_to_string(fixtures.join("lightgbm.toml")).expect("the fixture");
    let old: Vec<String> = (0..10).map(|place| format!("\"f{place}\"")).collect();
    let names = "\"hour_sin\", \"hour_cos\", \"weekday\", \"spread_atr\", \"killzone_minutes\", \"1m.return1_atr\", \
                 \"signal_direction\", \"signal_risk_atr\", \"1m.return3_atr\", \"1m.rsi14\"";
    assert!(text.contains(&old.join(", ")), "the fixture's features");
    let text = text
        .replace(&old.join(", "), names)
        .replace("[\"EURUSD\"]", "[]")
        .replace("\"5m\"", "\"1m\"")
        .replace("2026-10-01T00:00:00Z", trained_until);
    let path = folder.join("rescorer.toml");
    std::fs::write(&path, text).expect("write the manifest");
    std::fs::copy(fixtures.join("lightgbm.onnx"), folder.join("lightgbm.onnx")).expect("copy");
    path
}

fn backtest(files: &[PathBuf], more: &[&str]) -> Output {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut arguments = vec!["backtest", "--json"];
    arguments.extend(files.iter().map(String::as_str));
    for rule in support::recording::RULES {
        arguments.extend(["--set", rule]);
    }
    arguments.extend(more);
    orion(&arguments)
}

#[test]
fn a_backtest_with_models_is_refused_where_they_cannot_be_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = support::recording::make(folder.path(), market::Span::from_minutes(5));
    let path = rescorer(folder.path(), "2026-01-01T00:00:00Z");
    let said = |more: &[&str]| {
        let output = backtest(&files, more);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let without = "to run without models write --set models.manifests=[]";
    let none = said(&["--set", &manifests(&path)]);
    for part in [
        without,
        "models.library: it is not set, and the program came without one; set it to the path of",
    ] {
        assert!(none.contains(part), "{part} is not in\n{none}");
    }
    let sweep = [
        "--set",
        &manifests(&path),
        "--sweep",
        "rules.min_rr=1.0,2.0",
    ];
    assert!(said(&sweep).contains(without));
    let gone = format!(
        "models.library={}",
        folder.path().join("libonnxruntime.so").display()
    );
    let gone = said(&["--set", &manifests(&path), "--set", &gone]);
    assert!(
        gone.contains("there is no such file; install ONNX Runtime"),
        "{gone}"
    );
    // And so it runs.
    let output = backtest(
        &files,
        &["--set", &manifests(&path), "--set", "models.manifests=[]"],
    );
    assert!(output.status.success());
}

#[test]
fn a_backtest_says_what_a_model_would_have_been_worth() {
    let Some(library) = tool("ORION_TEST_ONNXRUNTIME") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let files = support::recording::make(folder.path(), market::Span::from_hours(5));
    let path = rescorer(folder.path(), "2026-01-01T00:00:00Z");
    let library = format!("models.library={}", library.display());
    let arguments = ["--set", &manifests(&path), "--set", &library];
    let report = |more: &[&str]| -> Value {
        let output = backtest(&files, &[&arguments[..], more].concat());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    };
    let trades = folder.path().join("trades.csv").display().to_string();
    let first = report(&["--trades", &trades]);
    let again = report(&[]);
    for field in ["all", "trades", "signals", "scores"] {
        assert_eq!(first[field], again[field], "the same every time: {field}");
    }
    let model = &first["run"]["models"][0];
    assert_eq!(
        (&model["name"], &model["role"]),
        (&"lightgbm".into(), &"rescore".into())
    );
    let asked = model["asked"].as_u64().expect("a count");
    assert!(asked > 20 && model["answered"] == asked, "{model}");
    assert_eq!(first["training"], Value::Null);
    let listed = first["trades"].as_array().expect("trades");
    let scored = listed.iter().filter(|trade| {
        let model = trade["signal"]["model"].as_str();
        model.is_some_and(|model| model.starts_with("lightgbm 1: 0."))
    });
    let scored = scored.count();
    // A feature that is not known yet leaves the first ones without.
    assert!(
        scored > 10 && scored + 10 > listed.len(),
        "{scored} of {}",
        listed.len()
    );
    let rows = std::fs::read_to_string(&trades).expect("the trades");
    assert_eq!(rows.lines().count(), listed.len() + 1);
    assert_eq!(rows.matches(",lightgbm 1: 0.").count(), scored);

    // Trained on what comes after all of it: nothing is left that counts.
    rescorer(folder.path(), "2026-06-01T00:00:00Z");
    let trained = report(&[]);
    let ended = trained["training"]["n"].as_u64().expect("a count");
    assert_eq!(ended as usize, scored);
    assert_eq!(
        trained["all"]["n"].as_u64().map(|n| n + ended),
        first["all"]["n"].as_u64()
    );

    // A sweep asks as well, and does not take what another model said.
    let kept = folder.path().join("kept.jsonl").display().to_string();
    let sweep = ["--sweep", "rules.min_rr=1.0,1.5", "--resume", &kept];
    let swept = report(&sweep);
    let set = swept["results"]
        .as_array()
        .expect("results")
        .iter()
        .find(|one| one["number"] == 1);
    assert_eq!(set.expect("it")["n"], trained["all"]["n"]);
    let output = backtest(&files, &sweep);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("they were made with other"), "{said}");
}

/// A manifest of the fixture `root`: the square root of the sum of two features.
fn root(folder: &Path) -> PathBuf {
    use std::fmt::Write as _;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/fixtures");
    std::fs::copy(fixtures.join("root.onnx"), folder.join("root.onnx")).expect("copy");
    let sum = Command::new("sha256sum")
        .arg(folder.join("root.onnx"))
        .output()
        .expect("sha256sum");
    let sum = text(&sum);
    let sum = sum.split(' ').next().expect("a sum");
    // Of some symbol the price has fallen in any minute: its root is no number.
    let mut manifest = format!(
        "name = \"root\"\nversion = \"1\"\nfile = \"root.onnx\"\nsha256 = \"{sum}\"\nrole = \"propose\"\ninput = \"x\"\n\
         features = [\"1m.return1_atr\", \"1m.return3_atr\"]\ndtype = \"f32\"\nshape = [1, 2]\noutput = \"root\"\noutput_index = 0\nkind = \"score\"\n\
         direction = \"signed\"\nthreshold = 0.001\nsymbols = []\ntimeframe = \"1m\"\ntrained_until = 2026-01-01T00:00:00Z\nhorizon = \"8h\"\n"
    );
    for place in 0..8 {
        writeln!(
            manifest,
            "[[selftest]]\nx = [{}, 0]\ny = {place}",
            place * place
        )
        .expect("write");
    }
    let path = folder.join("root.toml");
    std::fs::write(&path, manifest).expect("write the manifest");
    path
}

#[test]
fn in_a_live_market_one_model_proposes_and_others_are_switched_off() {
    let Some(library) = tool("ORION_TEST_ONNXRUNTIME") else {
        return;
    };
    if !support::slow("in_a_live_market_one_model_proposes_and_others_are_switched_off") {
        return;
    }
    let [folder, other, data] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let well = model(&folder);
    let manifest = std::fs::read_to_string(&well).expect("the manifest");
    let changed = manifest
        .replace("threshold = 0.2", "threshold = -9.0")
        .replace("[\"EURUSD\"]", "[]");
    assert_ne!(manifest, changed);
    std::fs::write(&well, changed).expect("write");
    let wrong = model(&other);
    let named = manifest.replace("\"logistic\"", "\"wrong\"");
    std::fs::write(&wrong, named).expect("write");
    std::fs::write(other.path().join("logistic.onnx"), b"something else").expect("write");
    let paths = [&well, &wrong, &root(folder.path())].map(|path| path.display().to_string());
    let named = format!("models.manifests={paths:?}");
    let library = format!("models.library={}", library.display());
    let mut command = serve(data.path(), &["--set", &named, "--set", &library]);
    for rule in support::recording::RULES {
        command.args(["--set", rule]);
    }
    let server = Server::start(command);
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let mut client = server.subscribe();
    // At the next closed minute all that can be asked is asked.
    let began = tokio::time::Instant::now();
    let proposed = loop {
        let message = client.next().expect("a message");
        let reason = message["payload"]["reason"].as_str().unwrap_or_default();
        if reason.starts_with("Model logistic") {
            break message;
        }
        assert!(began.elapsed() < 3 * support::PATIENCE, "no proposal came");
    };
    let said = proposed.to_string();
    assert!(
        said.contains("\"logistic\"") && said.contains("SIMULATED"),
        "{said}"
    );
    let models = || -> Value {
        let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
        health["models"].clone()
    };
    let state = |place: usize| models()[place]["state"].as_str().map(str::to_owned);
    assert_eq!(state(0).as_deref(), Some("on"));
    let reason = models()[1]["reason"].to_string();
    assert!(reason.contains("sha256"), "{reason}");
    while state(2).as_deref() == Some("on") {
        assert!(client.next().is_some(), "prices go on");
        assert!(
            began.elapsed() < 4 * support::PATIENCE,
            "the root was never asked of a fall"
        );
    }
    let reason = models()[2]["reason"].to_string();
    assert!(
        reason.contains("it answered NaN, which is no number"),
        "{reason}"
    );
}

#[test]
fn the_example_goes_from_data_to_a_backtest_out_of_sample() {
    const NAME: &str = "the_example_goes_from_data_to_a_backtest_out_of_sample";
    if !support::slow(NAME) {
        return;
    }
    let (Some(library), Some(python)) = (
        tool("ORION_TEST_ONNXRUNTIME"),
        tool("ORION_TEST_MODEL_PYTHON"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let files = support::recording::make(folder.path(), market::Span::from_hours(30));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut arguments = vec!["features".to_owned(), "export".to_owned()];
    arguments.extend(files.iter().map(|file| file.display().to_string()));
    arguments.extend(["--out".to_owned(), path("train.parquet")]);
    let rules = support::recording::RULES;
    for rule in rules.iter().chain(&["rules.outcome_horizon_h=1"]) {
        arguments.extend(["--set".to_owned(), (*rule).to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let exported = orion(&arguments);
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/model/train.py");
    let mut train = Command::new(python);
    train.arg(script).args([
        &path("train.parquet"),
        "--out",
        &path("models"),
        "--horizon",
        "1h",
    ]);
    let trained = train.output().expect("run Python");
    assert!(
        trained.status.success(),
        "{}",
        String::from_utf8_lossy(&trained.stderr)
    );
    let library = library.to_string_lossy().into_owned();
    let setting = format!("models.library={library}");
    for name in ["boosting", "network"] {
        let manifest = folder.path().join("models").join(name).join("model.toml");
        let checked = orion(&[
            "model",
            "check",
            &manifest.display().to_string(),
            "--library",
            &library,
        ]);
        assert!(checked.status.success(), "{}", text(&checked));
        let named = manifests(&manifest);
        let more = [
            "--set",
            "rules.outcome_horizon_h=1",
            "--set",
            &named,
            "--set",
            &setting,
        ];
        let tested = backtest(&files, &more);
        assert!(
            tested.status.success(),
            "{}",
            String::from_utf8_lossy(&tested.stderr)
        );
        let report: Value = serde_json::from_slice(&tested.stdout).expect("one JSON object");
        let model = &report["run"]["models"][0];
        assert_eq!(
            (&model["name"], &model["asked"]),
            (&name.into(), &model["answered"])
        );
        // Three quarters were trained on; of the rest is what counts.
        let counted = |of: &Value| of["n"].as_u64().expect("a count");
        let (training, left) = (counted(&report["training"]), counted(&report["all"]));
        assert!(left > 5 && training > 2 * left, "{training} and {left}");
    }
}
