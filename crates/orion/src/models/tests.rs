use super::*;
use crate::config::{self, Layers};
use market::{Time, Uuid};
use model::Fault;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use tempfile::TempDir;

/// Manifests of models that are made here, and one that is wrong.
fn config(timeout_ms: u32) -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for name in ["well", "glass", "deep", "wrong"] {
        let path = folder.path().join(format!("{name}.toml"));
        let head = include_str!("../../../model/tests/fixtures/logistic.toml")
            .replace("\"logistic\"", &format!("{name:?}"))
            .replace("\"f0\", \"f1\", \"f2\", \"f3\", \"f4\", \"f5\"", "\"hour_sin\", \"hour_cos\", \"weekday\", \"spread_atr\", \"5m.rsi14\", \"1h.trend\"");
        let text = if name == "wrong" {
            head.replace("hour_sin", "hour_sinus")
        } else {
            head
        };
        std::fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let layers = Layers {
        file: None,
        environment: Vec::new(),
        sets: vec![
            format!("models.manifests={paths:?}"),
            format!("models.timeout_ms={timeout_ms}"),
        ],
        flags: Vec::new(),
    };
    (folder, config::load(&layers).unwrap().config)
}

/// Does what its name says.
struct Made {
    name: String,
    hang: Receiver<()>,
}

impl Model for Made {
    fn ask(&mut self, features: &[f32]) -> Result<f64, Fault> {
        match self.name.as_str() {
            "glass" => panic!("I am made of glass"),
            "deep" => self.hang.recv().map_or(Ok(0.5), |()| Ok(0.5)),
            _ => Ok(f64::from(features[0])),
        }
    }
}

fn models(config: &Config) -> (Models, Mutex<Vec<Sender<()>>>) {
    let free = Mutex::new(Vec::new());
    let models = Models::with(config, |manifest| {
        let (held, hang) = channel();
        free.lock().unwrap().push(held);
        let name = manifest.name.clone();
        Ok(Box::new(Made { name, hang }))
    });
    (models, free)
}

fn question(id: u128, model: &str, first: f32) -> Question {
    Question {
        id: Uuid::from_u128(id),
        model: model.to_owned(),
        features: vec![first, 0.0],
        until: Time::MAX,
    }
}

async fn hear(models: &mut Models) -> (u128, Option<String>) {
    models.wait().await;
    let opinion = models.next_opinion().unwrap();
    let answer = opinion.answer.map(|answer| answer.to_string());
    (opinion.question.as_u128(), answer)
}

#[tokio::test]
async fn answers_come_to_the_loop_and_who_fails_holds_up_nobody() {
    let (_folder, config) = config(1500);
    let (mut models, _free) = models(&config);
    let asked: Vec<_> = models
        .rules(&config)
        .models
        .into_iter()
        .map(|rule| rule.name)
        .collect();
    assert_eq!(asked, ["well", "glass", "deep"]);
    models.ask(vec![question(1, "deep", 0.1), question(2, "glass", 0.2)]);
    models.ask(vec![question(3, "well", 0.3), question(4, "nobody", 0.4)]);
    let mut heard = [
        hear(&mut models).await,
        hear(&mut models).await,
        hear(&mut models).await,
    ];
    heard.sort();
    assert_eq!(heard, [(1, None), (2, None), (3, Some("0.3".to_owned()))]);

    let off: Vec<_> = models
        .seats()
        .iter()
        .map(|seat| seat.off().unwrap_or("on").to_owned())
        .collect();
    assert_eq!(
        off[..3],
        [
            "on",
            "it panicked: I am made of glass",
            "it gave no answer within 1500 ms"
        ]
    );
    assert!(
        off[3].contains("wrong.toml: features[0] = \"hour_sinus\": `hour_sinus` is no feature"),
        "{}",
        off[3]
    );
    let asked: Vec<_> = models
        .rules(&config)
        .models
        .into_iter()
        .map(|rule| rule.name)
        .collect();
    assert_eq!(asked, ["well"]);

    // Those that are off are silent at once, and the one that is on goes on.
    models.ask(vec![question(5, "deep", 0.1), question(6, "well", 0.6)]);
    let mut heard = [hear(&mut models).await, hear(&mut models).await];
    heard.sort();
    assert_eq!(heard, [(5, None), (6, Some("0.6".to_owned()))]);
    let counts: Vec<_> = models.seats().iter().map(|seat| seat.counts()).collect();
    assert_eq!(counts, [(2, 0), (0, 1), (0, 2), (0, 0)]);
}

#[test]
fn without_a_library_every_model_is_off_and_says_how_to_get_one() {
    let (_folder, config) = config(1500);
    let models = Models::open(&config);
    assert!(models.rules(&config).is_empty());
    let reasons: Vec<_> = models
        .seats()
        .iter()
        .map(|seat| seat.off().unwrap().to_owned())
        .collect();
    assert!(
        reasons[0].starts_with(
            "models.library: it is not set, and the program came without one; set it to the path of"
        ),
        "{}",
        reasons[0]
    );
    let lines = lines(&config);
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].starts_with("model        well 1: off: models.library: it is not set"),
        "{}",
        lines[0]
    );
    // What is asked is known without it.
    assert_eq!(config.engine_settings().models.models.len(), 3);
}

#[test]
fn a_library_that_came_with_the_program_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bin/orion");
    let system = folder.path().join("lib/orion");
    std::fs::create_dir_all(folder.path().join("bin")).unwrap();
    std::fs::create_dir_all(&system).unwrap();
    assert_eq!(packaged(&program), None);
    std::fs::write(system.join("libonnxruntime.so"), "").unwrap();
    let found = packaged(&program).unwrap().canonicalize().unwrap();
    let expected = system.join("libonnxruntime.so").canonicalize().unwrap();
    assert_eq!(found, expected);
    let beside = folder.path().join("bin/libonnxruntime.so");
    std::fs::write(&beside, "").unwrap();
    assert_eq!(packaged(&program), Some(beside), "the nearest");
}

#[test]
fn of_two_models_with_one_name_the_second_is_off() {
    let (folder, _) = config(1500);
    let path = folder.path().join("well.toml");
    let layers = Layers {
        file: None,
        environment: Vec::new(),
        sets: vec![format!("models.manifests={:?}", [&path, &path])],
        flags: Vec::new(),
    };
    let config = config::load(&layers).unwrap().config;
    let second = config.models.manifests()[1].said.as_ref().unwrap_err();
    assert_eq!(
        (second.field.as_str(), second.value.as_str()),
        ("name", "\"well\"")
    );
}

#[test]
fn the_page_shows_a_manifest_and_settings_that_can_be_read() {
    let page = include_str!("../../../../docs/models.md");
    let blocks: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let [settings, manifest] = blocks[..] else {
        panic!("{} blocks", blocks.len())
    };
    let read: Config = toml::from_str(settings).unwrap();
    assert_eq!(read.models.timeout_ms, 250);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.toml");
    let (_, row) = manifest.split_once("[[selftest]]").unwrap();
    let seven = format!("[[selftest]]{row}\n").repeat(7);
    std::fs::write(&path, format!("{manifest}\n{seven}")).unwrap();
    let said = config::read_manifest(&path).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(said.1.counts_from.to_string(), "2026-10-01T08:00:00.000Z");
}
