//! What a fan-out costs: ORION's gateway beside the least that can be done and beside what others offer, each a process of
//! its own on one core, with the clients on another. Prints a table of each scenario and what ORION must show in it.
//!
//! `bench-fanout FOLDER [--quick | --tiny] [--awake] [--rounds N] [SCENARIO...]`; FOLDER is where `bench/run` prepared what
//! the servers in other languages need. Read `scenario.rs` first, then `measure/`.

mod attack;
mod figure;
mod histogram;
mod load;
mod machine;
mod measure;
mod message;
mod pace;
mod scenario;
mod served;
mod server;
mod sockets;
mod table;
mod tally;

use anyhow::{Context as _, Result, bail, ensure};
use load::Rest;
use machine::Cores;
use scenario::{SCENARIOS, Scenario, Size};
use server::{Program, Rank, Server, Workshop};
use std::path::PathBuf;
use table::{Row, Table};

/// The binary's allocator, for every server of this program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Open files beside a client's.
const FILES_BESIDE: u64 = 100;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let files = machine::raise_files();
    match arguments.as_slice() {
        [serve, name] if serve == "serve" => served::serve(name),
        _ => compare(&Wanted::read(arguments)?, files),
    }
}

/// What the command line asks for.
struct Wanted {
    folder: PathBuf,
    size: Size,
    rest: Rest,
    rounds: Option<usize>,
    scenarios: Vec<&'static Scenario>,
}

impl Wanted {
    fn read(arguments: Vec<String>) -> Result<Self> {
        let mut arguments = arguments.into_iter();
        let folder = arguments.next().context("say which folder is prepared")?;
        let mut wanted = Self {
            folder: folder.into(),
            size: Size::Whole,
            rest: Rest::Asleep,
            rounds: None,
            scenarios: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => wanted.size = Size::Quick,
                "--tiny" => wanted.size = Size::Tiny,
                "--awake" => wanted.rest = Rest::Awake,
                "--rounds" => {
                    let number = arguments.next().and_then(|text| text.parse().ok());
                    wanted.rounds = Some(number.context("--rounds takes a number")?);
                }
                name => wanted.scenarios.push(scenario_named(name)?),
            }
        }
        if wanted.scenarios.is_empty() {
            wanted.scenarios = SCENARIOS.iter().collect();
        }
        Ok(wanted)
    }
}

fn scenario_named(name: &str) -> Result<&'static Scenario> {
    let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
    found.with_context(|| {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        format!("there is no scenario `{name}`, only: {}", names.join(" "))
    })
}

fn compare(wanted: &Wanted, files: u64) -> Result<()> {
    println!("{}", machine::describe());
    let cores = Cores::find()?;
    if cores.is_none() {
        println!("there is only one core: server and load share it, and the figures mean little");
    }
    let workshop = Workshop::new(wanted.folder.clone(), cores);
    let mut tables = Vec::new();
    for scenario in &wanted.scenarios {
        let table = measure_all(&workshop, wanted, scenario, files)?;
        print!("\n{table}");
        tables.push(table);
    }
    if wanted.size != Size::Tiny {
        print!("\n{}", table::Verdicts(&tables));
    }
    Ok(())
}

fn measure_all(
    workshop: &Workshop,
    wanted: &Wanted,
    scenario: &'static Scenario,
    files: u64,
) -> Result<Table> {
    let mut table = Table::new(scenario);
    if let Some(why) = cannot(wanted, scenario, files) {
        table.note(why);
        return Ok(table);
    }
    let rounds = wanted.rounds.unwrap_or(wanted.size.rounds(scenario));
    let servers = servers(wanted.size, scenario);
    table.rows = servers.iter().map(|&server| Row::new(server)).collect();
    for round in 0..rounds {
        for turn in 0..servers.len() {
            // Another one begins each round.
            let place = (turn + round) % servers.len();
            let (server, row) = (servers[place], &mut table.rows[place]);
            if row.why_not.is_some() || round > 0 && server.rank == Rank::Other {
                continue;
            }
            eprintln!(
                "{}, round {} of {rounds}: {}",
                scenario.name,
                round + 1,
                server.name
            );
            row.add(measure_one(workshop, wanted, scenario, server));
        }
    }
    if wanted.size == Size::Tiny {
        ensure_all(&table)?;
    }
    Ok(table)
}

fn measure_one(
    workshop: &Workshop,
    wanted: &Wanted,
    scenario: &Scenario,
    server: Server,
) -> Result<figure::Figures> {
    if let Some(why) = workshop.lacks(server) {
        bail!("not available: {why}");
    }
    measure::run(workshop, server, scenario.kind, wanted.size, wanted.rest).context("failed")
}

/// Why a scenario is left out, if it is.
fn cannot(wanted: &Wanted, scenario: &Scenario, files: u64) -> Option<String> {
    let needed = wanted.size.clients(scenario.kind.clients()) as u64 + FILES_BESIDE;
    if needed > files {
        return Some(format!(
            "not run: it needs {needed} open files, and the limit is {files} (`ulimit -Hn`)"
        ));
    }
    if wanted.size == Size::Quick && scenario.is_slow() {
        return Some("not run: it takes longer than --quick allows".to_owned());
    }
    Some(format!("not run: {}", measure::lacks(scenario.kind)?))
}

fn servers(size: Size, scenario: &Scenario) -> Vec<Server> {
    let is_wanted = |server: &&Server| match size {
        Size::Whole => true,
        Size::Quick => server.rank == Rank::Rival,
        Size::Tiny => server.rank == Rank::Rival && matches!(server.program, Program::Ours(..)),
    };
    scenario.servers.iter().filter(is_wanted).copied().collect()
}

/// Nothing may fail when all that is to be seen is that it runs.
fn ensure_all(table: &Table) -> Result<()> {
    for row in &table.rows {
        let why = row.why_not.as_deref();
        ensure!(
            why.is_none(),
            "{}: {}: {}",
            table.scenario.name,
            row.server.name,
            why.unwrap_or_default()
        );
    }
    Ok(())
}
