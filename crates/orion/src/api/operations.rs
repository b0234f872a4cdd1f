//! For who keeps the server: `GET /api/v1/operations`, how it does, and `/api/v1/log`, what it logged last.

use super::Api;
use super::answer::{Object, Problem, Told};
use super::asked::{Asked, with_options};
use super::readers::{Sight, Wants};
use crate::capacity;
use crate::logs::{self, Line};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use journal::tape;
use std::fs;
use std::path::Path;
use tracing::Level;

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// Lines of an answer, where none says otherwise, and at most.
const LINES: usize = 200;
const LINES_MAX: usize = 1000;

pub(super) fn route() -> MethodRouter<Api> {
    with_options(get(operations))
}

async fn operations(State(api): State<Api>, asked: Asked) -> Response {
    let may = asked.sight(&api, Wants::Server).and(asked.query(&[]));
    let told = match may {
        Err(problem) => Err(problem),
        Ok(_) => {
            let api = api.clone();
            // Folders are looked at.
            let told = tokio::task::spawn_blocking(move || look(&api)).await;
            told.map_err(|error| Problem::unreadable("data folder", &error))
        }
    };
    asked.answer(told)
}

fn look(api: &Api) -> String {
    let status = &api.0.status;
    let object = api.object().with("now", api.0.clock.now().to_string());
    let object = status
        .look()
        .into_iter()
        .fold(object, |object, (name, part)| object.raw(name, part));
    object
        .raw("store", store(&api.0.dir))
        .raw("process", process())
        .end()
}

/// What lies on the disk; nothing of what cannot be looked at.
fn store(dir: &Path) -> String {
    let bytes = |name: &str| fs::metadata(dir.join(name)).map(|file| file.len()).ok();
    let segments = tape::segments(&dir.join("tape")).unwrap_or_default();
    Object::new()
        .with("journal_bytes", bytes("journal.sqlite"))
        .with("journal_wal_bytes", bytes("journal.sqlite-wal"))
        .with("tape_segments", segments.len())
        .with(
            "tape_bytes",
            segments.iter().map(|segment| segment.bytes).sum::<u64>(),
        )
        .end()
}

/// What the system says of this process; nothing where it does not.
fn process() -> String {
    let means = capacity::Used::look();
    Object::new()
        .with("resident_bytes", means.resident)
        .with("descriptors", means.descriptors)
        .with("descriptors_max", means.descriptors_max)
        .with("threads", means.threads)
        .end()
}

pub(super) fn log(api: &Api, asked: &Asked, _: &Sight) -> Told {
    let query = asked.query(&["level", "after", "limit"])?;
    let level = query.word("level", &LEVELS)?.unwrap_or("trace");
    let level: Level = level.parse().unwrap_or(Level::TRACE);
    let after = query.number("after", 0, (0, usize::MAX))? as u64;
    let limit = query.number("limit", LINES, (1, LINES_MAX))?;
    let lines = logs::newest();
    let last = lines.last().map_or(0, |line| line.n);
    let wanted = |line: &&Line| line.n > after && line.level <= level;
    let mut found: Vec<&Line> = lines.iter().filter(wanted).collect();
    // Who follows hears what comes next; who begins, what came last.
    if query.text("after").is_some() {
        found.truncate(limit);
    } else {
        found.drain(..found.len().saturating_sub(limit));
    }
    let items = found.into_iter().map(line);
    Ok(api
        .object()
        .with("first", lines.first().map_or(0, |line| line.n))
        .with("last", last)
        .list("items", &items.collect::<Vec<_>>())
        .end())
}

fn line(line: &Line) -> String {
    let fields = line.fields.iter();
    let fields = fields.fold(Object::new(), |object, (name, text)| {
        object.with(name, text)
    });
    Object::new()
        .with("n", line.n)
        .with("at", line.at.to_string())
        .with("level", line.level.as_str().to_lowercase())
        .with("target", &line.target)
        .with("message", &line.message)
        .raw("fields", fields.end())
        .end()
}
