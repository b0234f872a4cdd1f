use super::*;

const PROPOSES: &str = r#"
name = "gaps-1"
version = "2026-11-01"
file = "gaps.onnx"
sha256 = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
role = "propose"
input = "features"
features = ["a", "b"]
dtype = "f32"
shape = [1, 2]
output = "probabilities"
output_index = [1, 0]
kind = "probability"
direction = "by_output"
threshold = 0.6
symbols = ["EURUSD", "XAUUSD"]
timeframe = "5m"
trained_until = "2026-10-01T00:00:00Z"
horizon = "8h"
"#;

fn whole(head: &str) -> String {
    let row = |place: usize| format!("[[selftest]]\nx = [{place}, 0.5]\ny = [0.25, 0.75]\n");
    head.to_owned() + &(0..SELF_TESTS_MIN).map(row).collect::<String>()
}

fn read(text: &str) -> Result<Manifest, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.toml");
    std::fs::write(&path, text).unwrap();
    let known = |name: &str| match name {
        "a" | "b" => Ok(()),
        other => Err(format!("there is no feature {other}; did you mean `a`?")),
    };
    let shown = format!("{}/", folder.path().display());
    let manifest = Manifest::read(&path, &known);
    manifest.map_err(|refused| refused.to_string().replace(&shown, ""))
}

#[test]
fn a_manifest_that_proposes() {
    let manifest = read(&whole(PROPOSES)).unwrap();
    assert_eq!(manifest.role, Role::Propose { threshold: 0.6 });
    assert_eq!(manifest.columns, Columns::Sides { long: 1, short: 0 });
    assert_eq!(manifest.horizon, Span::from_hours(8));
    assert_eq!(
        manifest.trained_until.to_string(),
        "2026-10-01T00:00:00.000Z"
    );
    assert_eq!(
        manifest.sha256,
        "00112233445566778899aabbccddeeff".repeat(2)
    );
    assert_eq!(manifest.file.file_name().unwrap(), "gaps.onnx");
    assert_eq!(
        manifest.self_tests[3],
        SelfTest {
            x: vec![3.0, 0.5],
            y: vec![0.25, 0.75]
        }
    );
}

#[test]
fn a_manifest_that_rescores() {
    let head = PROPOSES
        .replace("\"propose\"", "\"rescore\"\nsetups = [\"mss_fvg\"]")
        .replace("direction = \"by_output\"\nthreshold = 0.6\n", "")
        .replace("[1, 0]", "1")
        .replace("\"2026-10-01T00:00:00Z\"", "2026-10-01T02:00:00+02:00");
    let text = whole(&head).replace("[0.25, 0.75]", "0.25");
    let manifest = read(&text).unwrap();
    assert_eq!(
        manifest.role,
        Role::Rescore {
            setups: vec!["mss_fvg".to_owned()]
        }
    );
    assert_eq!(manifest.columns, Columns::One(1));
    assert_eq!(manifest.self_tests[0].y, [0.25]);
    assert_eq!(
        manifest.trained_until.to_string(),
        "2026-10-01T00:00:00.000Z"
    );
}

#[test]
fn of_scores_and_logits_the_threshold_is_given_as_they_are() {
    let head = PROPOSES
        .replace("\"probability\"", "\"logits\"")
        .replace("0.6", "0");
    assert_eq!(
        read(&whole(&head)).unwrap().role,
        Role::Propose { threshold: 0.5 }
    );
}

/// What one changed line makes of it.
fn check(line: &str, changed: &str, expected: &str) {
    assert!(PROPOSES.contains(line), "{line}");
    let refused = read(&whole(&PROPOSES.replace(line, changed))).unwrap_err();
    assert_eq!(refused, expected);
}

#[test]
fn what_is_wrong_is_told_with_its_field_and_a_remedy() {
    check(
        "name = \"gaps-1\"",
        "name = \"Gaps 1\"",
        "model.toml: name = \"Gaps 1\": a name has at most 32 of the signs a-z, 0-9, `-`, `_` and `.`; choose another name",
    );
    check(
        "version = \"2026-11-01\"",
        "",
        "model.toml: version: it is missing; docs/models.md shows a whole manifest",
    );
    check(
        "version = \"2026-11-01\"",
        "version = 3",
        "model.toml: version = 3: it is not a text with something in it; write it in quotes",
    );
    check(
        "00112233",
        "x",
        "model.toml: sha256 = \"x445566778899AABBCCDDEEFFx445566778899aabbccddeeff\": it is not 64 hexadecimal digits; write what sha256sum says of the ONNX file",
    );
    check(
        "[\"a\", \"b\"]",
        "[\"a\", \"c\"]",
        "model.toml: features[1] = \"c\": there is no feature c; did you mean `a`?; docs/features.md lists the features there are",
    );
    check(
        "[\"a\", \"b\"]",
        "[\"a\", \"a\"]",
        "model.toml: features[1] = \"a\": it is named twice; name each feature once, in the order of the input's columns",
    );
    check(
        "\"f32\"",
        "\"f64\"",
        "model.toml: dtype = \"f64\": it is not known; write \"f32\"",
    );
    check(
        "[1, 2]",
        "[2, 1]",
        "model.toml: shape = [2, 1]: 2 features make the shape [1, 2]; name as many features as the input has columns, and write that shape",
    );
    check(
        "\"propose\"",
        "\"guess\"",
        "model.toml: role = \"guess\": it is not known; write \"propose\" or \"rescore\"",
    );
    check(
        "[1, 0]",
        "[1, 1]",
        "model.toml: output_index = [1, 1]: it is not two different columns; with direction = \"by_output\" write [column of long, column of short]",
    );
    check(
        "[1, 0]",
        "1",
        "model.toml: output_index = 1: it is not two different columns; with direction = \"by_output\" write [column of long, column of short]",
    );
    check(
        "\"by_output\"",
        "\"signed\"",
        "model.toml: output_index = [1, 0]: it is not the number of a column, counted from 0; write for example 1",
    );
    check(
        "threshold = 0.6",
        "threshold = 1.5",
        "model.toml: threshold = 1.5: it is not a number that an answer can reach; of a probability write one from 0 to below 1; of a score or of logits, any number",
    );
    check(
        "\"XAUUSD\"",
        "\"gold!\"",
        "model.toml: symbols = \"gold!\": `gold!` is not a symbol: 1 to 12 letters, digits, `.`, `_` or `-`; write symbols as the settings name them",
    );
    check(
        "\"5m\"",
        "\"7m\"",
        "model.toml: timeframe = \"7m\": `7m` is not a timeframe: 1m, 5m, 15m, 1h, 4h or 1d; write one of 1m, 5m, 15m, 1h, 4h, 1d",
    );
    check(
        "\"2026-10-01T00:00:00Z\"",
        "2026-10-01",
        "model.toml: trained_until = 2026-10-01: `2026-10-01` is not an RFC 3339 time such as 2026-11-23T14:05:00.000Z; write the moment of the newest row of the training, with its offset",
    );
    check(
        "\"8h\"",
        "\"8 hours\"",
        "model.toml: horizon = \"8 hours\": it is not a whole number of minutes, hours or days; write for example 90m, 8h or 2d",
    );
    check(
        "threshold = 0.6",
        "threshold = 0.6\nsetups = [\"sweep\"]",
        "model.toml: setups = [\"sweep\"]: a model that proposes belongs to no setup; leave it out",
    );
    let refused = read(&whole(&PROPOSES.replace("version", "epochs = 3\nversion"))).unwrap_err();
    assert!(
        refused.starts_with(
            "model.toml: epochs = 3: there is no such field; the fields are name, version, file,"
        ),
        "{refused}"
    );
}

#[test]
fn self_tests_are_whole_and_enough() {
    let refused = |text: &str| read(text).unwrap_err();
    let few = whole(PROPOSES).replacen("[[selftest]]\nx = [0, 0.5]\ny = [0.25, 0.75]\n", "", 1);
    assert_eq!(
        refused(&few),
        "model.toml: selftest: there are 7 rows, and it takes at least 8; write a [[selftest]] with x and y for rows of your own data"
    );
    for (row, expected) in [
        (
            "x = [0]",
            "selftest[0].x: it is not 2 finite numbers but 1 of 1",
        ),
        (
            "x = [0, nan]",
            "selftest[0].x: it is not 2 finite numbers but 1 of 2",
        ),
        (
            "x = [0, 1e39]",
            "selftest[0].x: a number of it does not fit 32 bits",
        ),
        (
            "z = 1\nx = [0, 0.5]",
            "selftest[0].z = 1: there is no such field",
        ),
    ] {
        let told = refused(&whole(PROPOSES).replacen("x = [0, 0.5]", row, 1));
        assert!(
            told.starts_with(&format!("model.toml: {expected}")),
            "{told}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let told = refused_at("no/such/model.toml");
    assert!(
        told.starts_with("no/such/model.toml: it cannot be read ("),
        "{told}"
    );
    assert_eq!(
        read("a\nb = ").unwrap_err().split(':').nth(1),
        Some(" line 1 is not TOML")
    );
}

fn refused_at(path: &str) -> String {
    Manifest::read(Path::new(path), &|_| Ok(()))
        .unwrap_err()
        .to_string()
}
