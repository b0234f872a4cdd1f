//! How long a model of 100 features takes for an answer, alone and through its threads:
//! `ORION_TEST_ONNXRUNTIME=libonnxruntime.so cargo run --release --manifest-path bench/model/Cargo.toml [QUESTIONS]` (default
//! 100,000, at least 100). Without the library there is nothing to measure.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine, so it reads its clock"
)]

use market::Uuid;
use model::{Library, Manifest, Model as _, Onnx, Runner};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const MODEL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/model/tests/fixtures/wide.toml"
);
/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = match std::env::args().nth(1) {
        Some(text) => text.parse::<usize>()?.max(100),
        None => 100_000,
    };
    let Some(library) = std::env::var_os("ORION_TEST_ONNXRUNTIME") else {
        println!("nothing is measured: ORION_TEST_ONNXRUNTIME names no ONNX Runtime");
        return Ok(());
    };
    let library = Library::open(Path::new(&library))?;
    let manifest = Manifest::read(Path::new(MODEL), &|_| Ok(()))?;
    let rows: Vec<Vec<f32>> = manifest
        .self_tests
        .iter()
        .map(|test| test.x.clone())
        .collect();
    println!("{} features, {count} questions", manifest.features.len());

    let mut onnx = Onnx::load(&library, &manifest)?;
    let mut took = Vec::with_capacity(count);
    for row in rows.iter().cycle().take(count) {
        let begun = Instant::now();
        onnx.ask(row)?;
        took.push(begun.elapsed());
    }
    show("an inference", &mut took);

    let (told, replies) = channel();
    let tell = move |reply| drop(told.send(reply));
    let runner = Runner::start("wide", Box::new(onnx), LIMIT, tell)?;
    let mut took = Vec::with_capacity(count);
    for (id, row) in (0..).zip(rows.iter().cycle().take(count)) {
        let begun = Instant::now();
        runner.ask(Uuid::from_u128(id), row.clone());
        replies
            .recv()?
            .answer
            .map_err(|silence| format!("{silence:?}"))?;
        took.push(begun.elapsed());
    }
    show("through its threads", &mut took);
    Ok(())
}

fn show(what: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let at = |part: usize| took[(took.len() * part / 1000).min(took.len() - 1)].as_micros();
    println!(
        "{what:<20} p50 {} us, p99 {} us, p99.9 {} us",
        at(500),
        at(990),
        at(999)
    );
}
