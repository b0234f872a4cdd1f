//! `orion bench`, small: what it says adds up, and a soak sees that nothing grows.

use serde_json::Value;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .arg("bench")
        .args(arguments)
        .output()
        .expect("start orion bench")
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn number(from: &Value, name: &str) -> f64 {
    from[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name} of {from}"))
}

#[test]
#[cfg(target_os = "linux")]
fn it_measures_a_real_server_and_shows_its_arithmetic() {
    let output = bench(&[
        "--clients",
        "40",
        "--seconds",
        "4",
        "--line",
        "10",
        "--json",
    ]);
    let said = json(&output);
    assert!(output.status.success(), "{said}");
    assert_eq!(said["clients"], 40);
    // Seven symbols, each of them about once a second.
    let rate = number(&said, "deliveries_per_second");
    assert!((3.0..20.0).contains(&rate), "{said}");
    let heard = number(&said, "deliveries");
    let expected = rate * 40.0 * number(&said, "seconds");
    assert!((heard - expected).abs() <= expected * 0.2, "{said}");
    let bytes = number(&said, "line_bytes_per_second");
    assert!(bytes > rate * 150.0, "a price has more than that: {said}");
    let line = number(&said["holds"], "line");
    assert!((line - 10e6 / 8.0 / bytes).abs() <= 1.0, "{said}");
    assert!(number(&said, "alone_bytes") > 1e6, "{said}");
    assert!(
        number(&said["holds"], "all") <= number(&said["holds"], "line"),
        "{said}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_soak_says_that_nothing_grows() {
    let output = bench(&["--clients", "30", "--soak", "6s", "--json"]);
    let said = json(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said["flat"], true);
    assert_eq!(said["lost"], 0);
    let came = number(&said, "came");
    assert!(came > 30.0, "some went and others came: {said}");
    let descriptors = &said["rows"][1];
    assert_eq!(descriptors["name"], "descriptors");
    assert!(number(descriptors, "last_quarter") >= 30.0, "{said}");
}

#[test]
fn what_cannot_be_is_said() {
    let output = bench(&["--soak", "1d"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("such as 30s, 10m or 1h"), "{said}");
    let output = bench(&["--program", "no-such-program"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("start no-such-program"), "{said}");
}
