//! Real models, run by the real library: `ORION_TEST_ONNXRUNTIME` is the path of libonnxruntime.so, which `./check` installs.
//! `fixtures/make.py` made the models, and the answers of Python's onnxruntime beside them.

use model::{Fault, Library, Manifest, Model as _, Onnx, Refused};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The library; without its path the test is skipped on a person's machine and fails in CI.
fn library(test: &str) -> Option<Library> {
    let Some(path) = std::env::var_os("ORION_TEST_ONNXRUNTIME") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI without ORION_TEST_ONNXRUNTIME: ./check sets it"
        );
        eprintln!(
            "skipped: {test} (ORION_TEST_ONNXRUNTIME names no library; ./check installs one)"
        );
        return None;
    };
    Some(Library::open(Path::new(&path)).unwrap_or_else(|refused| panic!("{refused}")))
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn load(library: &Library, manifest: &Path) -> Result<Onnx, Refused> {
    let manifest = Manifest::read(manifest, &|_| Ok(()))?;
    Onnx::load(library, &manifest)
}

/// Rows of features with the numbers that Python's onnxruntime gave for them.
fn rows(name: &str, columns: usize) -> Vec<(Vec<f32>, Vec<f64>)> {
    let text = fs::read_to_string(fixture(&format!("{name}.csv"))).expect("a fixture");
    let row = |line: &str| {
        let numbers: Vec<f64> = line
            .split(',')
            .map(|number| number.parse().expect("a fixture"))
            .collect();
        let (x, y) = numbers.split_at(columns);
        (x.iter().map(|value| *value as f32).collect(), y.to_vec())
    };
    text.lines().map(row).collect()
}

#[test]
fn answers_are_those_of_python() {
    let Some(library) = library("answers_are_those_of_python") else {
        return;
    };
    for (name, columns) in [("lightgbm", 10), ("network", 10), ("logistic", 6)] {
        let mut onnx = load(&library, &fixture(&format!("{name}.toml"))).unwrap();
        let rows = rows(name, columns);
        assert_eq!(rows.len(), 64);
        for (x, y) in rows {
            let given = onnx.raw(&x).unwrap();
            assert_eq!(given.len(), y.len());
            let off = given
                .iter()
                .zip(&y)
                .map(|(given, told)| (given - told).abs());
            assert!(
                off.fold(0.0, f64::max) <= 1e-5,
                "{name}: {given:?} and {y:?}"
            );
        }
    }
}

#[test]
fn answers_are_read_as_the_manifest_means_them() {
    let Some(library) = library("answers_are_read_as_the_manifest_means_them") else {
        return;
    };
    // By their role: the likelihood itself, the likelier side with its sign, and the logistic function of a score.
    type Means = fn(&[f64]) -> f64;
    let means: [(&str, usize, Means); 3] = [
        ("lightgbm", 10, |y| y[0]),
        ("network", 10, |y| if y[0] >= y[1] { y[0] } else { -y[1] }),
        ("logistic", 6, |y| {
            let up = 1.0 / (1.0 + (-y[0]).exp());
            if up >= 0.5 { up } else { up - 1.0 }
        }),
    ];
    for (name, columns, meant) in means {
        let mut onnx = load(&library, &fixture(&format!("{name}.toml"))).unwrap();
        let (mut long, mut short) = (0, 0);
        for (x, y) in rows(name, columns) {
            let answer = onnx.ask(&x).unwrap();
            assert!(
                (answer - meant(&y)).abs() <= 1e-5,
                "{name}: {answer} of {y:?}"
            );
            *if answer > 0.0 { &mut long } else { &mut short } += 1;
        }
        assert!(
            long > 10 && (name == "lightgbm" || short > 10),
            "{name}: {long}, {short}"
        );
    }
}

/// A fixture's manifest and model in a folder of their own, with a part of the manifest changed.
fn changed(name: &str, from: &str, to: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a fixture");
    let text = fs::read_to_string(fixture(&format!("{name}.toml"))).expect("a fixture");
    assert!(text.contains(from), "{from}");
    let path = folder.path().join("model.toml");
    fs::write(&path, text.replacen(from, to, 1)).expect("a fixture");
    let file = format!("{name}.onnx");
    fs::copy(fixture(&file), folder.path().join(&file)).expect("a fixture");
    (folder, path)
}

/// What is told of a changed manifest, without the folder's name.
fn refused(library: &Library, name: &str, from: &str, to: &str) -> String {
    let (folder, path) = changed(name, from, to);
    let told = load(library, &path).expect_err("it is refused").to_string();
    told.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_manifest_that_is_not_true_is_refused() {
    let Some(library) = library("a_manifest_that_is_not_true_is_refused") else {
        return;
    };
    let check = |name: &str, from: &str, to: &str, expected: &str| {
        let told = refused(&library, name, from, to);
        assert!(
            told.starts_with(&format!("model.toml: {expected}")),
            "{told}"
        );
    };
    check(
        "logistic",
        "sha256 = \"4",
        "sha256 = \"5",
        "sha256 = 5626cd8466a1fba3836844ec82590f6b3a6298493e41833045fe24fb57f01b28: logistic.onnx has the sum 4626cd8466a1fba3836844ec82590f6b3a6298493e41833045fe24fb57f01b28; the manifest was made for another file",
    );
    check(
        "logistic",
        "logistic.onnx",
        "other.onnx",
        "file: other.onnx cannot be read (",
    );
    check(
        "logistic",
        "\"features\"",
        "\"x\"",
        "input = \"x\": the graph has no such input; it has features",
    );
    check(
        "logistic",
        "\"probabilities\"",
        "\"odds\"",
        "output = \"odds\": the graph has no such output; it has label, probabilities",
    );
    check(
        "logistic",
        "\"probabilities\"",
        "\"label\"",
        "output = \"label\": the graph gives ",
    );
    check(
        "logistic",
        "output_index = 1",
        "output_index = 7",
        "selftest[0].y = [",
    );
    // The first row, a little off.
    check(
        "logistic",
        "y = [-0.0369",
        "y = [-0.0368",
        "selftest[0].y = [-0.0368",
    );
    check(
        "logistic",
        "kind = \"score\"",
        "kind = \"probability\"",
        "selftest[0].y = [-0.0369",
    );
}

#[test]
fn a_graph_of_another_shape_is_refused() {
    let Some(library) = library("a_graph_of_another_shape_is_refused") else {
        return;
    };
    // A manifest of five features for a graph of six: its self-tests lose their first numbers too.
    let (folder, path) = changed("logistic", "\"f0\", ", "");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("[1, 6]", "[1, 5]");
    let shorter = |line: &str| match line.strip_prefix("x = [") {
        Some(row) => format!("x = [{}", row.split_once(", ").unwrap().1),
        None => line.to_owned(),
    };
    fs::write(
        &path,
        text.lines().map(shorter).collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    let told = load(&library, &path).unwrap_err().to_string();
    let told = told.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(
        told,
        "model.toml: shape = [1, 5]: the graph's input has the shape [1, 6]; a model has one input: 32-bit floats of the shape [1, number of features]"
    );
    let mut onnx = load(&library, &fixture("logistic.toml")).unwrap();
    assert_eq!(
        onnx.ask(&[0.0; 5]),
        Err(Fault::Shape {
            given: 5,
            wanted: 6
        })
    );
}

/// The square root of the sum of two features.
fn root(output: &str, rows: impl Fn(usize) -> (f64, f64)) -> (TempDir, PathBuf) {
    use std::fmt::Write as _;
    let folder = tempfile::tempdir().expect("a fixture");
    let bytes = fs::read(fixture("root.onnx")).expect("a fixture");
    fs::write(folder.path().join("root.onnx"), &bytes).expect("a fixture");
    let sum = sha256(&bytes);
    let mut text = format!(
        "name = \"root\"\nversion = \"1\"\nfile = \"root.onnx\"\nsha256 = \"{sum}\"\nrole = \"rescore\"\ninput = \"x\"\n\
         features = [\"a\", \"b\"]\ndtype = \"f32\"\nshape = [1, 2]\noutput = \"{output}\"\noutput_index = 0\nkind = \"score\"\n\
         symbols = []\ntimeframe = \"5m\"\ntrained_until = 2026-10-01T00:00:00Z\nhorizon = \"8h\"\n"
    );
    for place in 0..8 {
        let (x, y) = rows(place);
        write!(text, "[[selftest]]\nx = [{x}, 0]\ny = {y}\n").expect("a fixture");
    }
    let path = folder.path().join("model.toml");
    fs::write(&path, text).expect("a fixture");
    (folder, path)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn what_is_no_number_is_neither_taken_nor_given() {
    let Some(library) = library("what_is_no_number_is_neither_taken_nor_given") else {
        return;
    };
    let square = |place: usize| ((place * place) as f64, place as f64);
    let (_folder, path) = root("root", square);
    let mut onnx = load(&library, &path).unwrap();
    assert_eq!(onnx.raw(&[9.0, 16.0]), Ok(vec![5.0]));
    assert_eq!(
        onnx.ask(&[f32::NAN, 1.0]),
        Err(Fault::NotFinite { place: 0 })
    );
    assert_eq!(
        onnx.ask(&[1.0, f32::INFINITY]),
        Err(Fault::NotFinite { place: 1 })
    );
    let fault = onnx.ask(&[-2.0, 1.0]).unwrap_err();
    assert_eq!(fault, Fault::Answer("NaN, which is no number".to_owned()));

    // A self-test with such an answer, and an output that is no 32-bit float.
    let (_folder, path) = root("root", |place| {
        if place == 5 {
            (-1.0, 0.0)
        } else {
            square(place)
        }
    });
    let told = load(&library, &path).unwrap_err();
    assert_eq!(
        (told.field.as_str(), told.reason.as_str()),
        ("selftest[5].y", "it answered NaN, which is no number")
    );
    let (_folder, path) = root("whole", square);
    assert_eq!(load(&library, &path).unwrap_err().field, "output");
}

#[test]
fn what_is_no_library_is_told_and_no_model_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    let absent = Library::open(&path).unwrap_err().to_string();
    // Where another test has loaded the real one, a process has no second one.
    let of_absent =
        absent.contains("there is no such file") || absent.contains("the process has loaded");
    assert!(
        of_absent && absent.contains("libonnxruntime.so"),
        "{absent}"
    );
    fs::write(&path, b"no library").unwrap();
    let other = Library::open(&path).unwrap_err().to_string();
    assert!(other.contains("libonnxruntime.so: "), "{other}");
}
