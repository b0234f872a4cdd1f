//! The Autobahn suite against an echo server on ORION's own codec: groups 1 to 7, 10, 12 and 13. Needs Python and `kosoku`
//! (tests-requirements.txt); `ORION_TEST_PYTHON` names the interpreter.
//!
//! Of the groups of compression, three lengths of each kind are run. `ORION_TEST_AUTOBAHN=every cargo test -p gateway --test
//! conformance` runs all 216 cases, which send some ten gigabytes and take most of ten minutes.

mod echo;

use std::net::SocketAddr;
use std::process::Command;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const BEFORE_COMPRESSION: [&str; 8] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];
/// Group 12 has five kinds of text, 13 seven kinds of offer, and each kind has eighteen cases of a thousand messages.
const COMPRESSION: [(usize, usize); 2] = [(12, 5), (13, 7)];
const EVERY: [usize; 18] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
];
/// Messages of 16 bytes, of 1 KiB, and of 8 KiB in fragments of 256 bytes.
const QUICK: [usize; 3] = [1, 4, 11];

/// Cases whose outcome no standard fixes: what is sent right before a Close, and close codes that nobody has defined.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

#[test]
fn every_case_before_compression_is_ok() {
    check(&BEFORE_COMPRESSION.map(str::to_owned), 247);
}

#[test]
fn cases_of_compression_are_ok() {
    let are_all = std::env::var("ORION_TEST_AUTOBAHN").is_ok_and(|which| which == "every");
    let lengths = if are_all { &EVERY[..] } else { &QUICK };
    let of_kind = |kind: String| lengths.iter().map(move |length| format!("{kind}.{length}"));
    let of_group = |(group, kinds)| (1..=kinds).map(move |kind| format!("{group}.{kind}"));
    let cases: Vec<String> = COMPRESSION
        .into_iter()
        .flat_map(of_group)
        .flat_map(of_kind)
        .collect();
    check(&cases, 12 * lengths.len());
}

fn check(cases: &[String], count: usize) {
    let Some(python) = python() else { return };
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("its address");
    runtime.spawn(echo::serve(listener));
    let verdicts = run(&python, address, cases);
    let bad: Vec<&String> = verdicts.iter().filter(|line| !is_expected(line)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(verdicts.len(), count, "cases were run");
}

/// A line of each case: its number, the verdict on what was exchanged, that on how it ended, and why.
fn run(python: &str, address: SocketAddr, cases: &[String]) -> Vec<String> {
    let output = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/conformance/suite.py"
        ))
        .arg(address.to_string())
        .args(cases)
        .output()
        .expect("start Python");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let said = String::from_utf8(output.stdout).expect("text");
    said.lines().map(str::to_owned).collect()
}

fn is_expected(line: &str) -> bool {
    let words: Vec<&str> = line.split('\t').take(3).collect();
    let [case, behavior, close] = words[..] else {
        return false;
    };
    let good = if INFORMATIONAL.contains(&case) {
        "INFORMATIONAL"
    } else {
        "OK"
    };
    behavior == good && close == good
}

/// An interpreter that has `kosoku`. Without it this is skipped, but not in CI.
fn python() -> Option<String> {
    let python = std::env::var("ORION_TEST_PYTHON").ok();
    if python.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI without ORION_TEST_PYTHON: ./check makes it"
        );
        eprintln!(
            "skipped the Autobahn suite: ORION_TEST_PYTHON names no interpreter; ./check makes one"
        );
    }
    python
}
