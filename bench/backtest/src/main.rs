//! What `orion backtest` takes: a thousand sets of parameters over a year of minutes of a simulated symbol, and, where the
//! recordings are there (`ORION_TEST_DATA`), ten years of hours of seven symbols and a week of gold's ticks. Reads `/proc`,
//! and so runs on Linux only.
//!
//! `bench-backtest ORION [DAYS] [YEAR]` runs the binary ORION over a year of so many days [365]; the year is also kept in the
//! folder YEAR, if one is named.

mod year;

use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Clock ticks of a second in `/proc`, on every Linux.
const TICKS: f64 = 100.0;
/// The sets of the sweep: each with each.
const SWEEP: [&str; 5] = [
    "rules.min_rr=1.0,1.25,1.5,1.75,2.0",
    "rules.stop_buffer_atr=0.0,0.05,0.1,0.15,0.2",
    "rules.confirm_atr=0.0,0.05,0.1,0.15,0.2",
    "rules.swing_left=3,5,8,13",
    "rules.disp_body_atr=1.0,1.2",
];
const HOURS: [&str; 7] = [
    "EURUSD_1h_oanda_2007-2018.zip",
    "GBPUSD_1h_mt_points_2012-2022.csv.gz",
    "USDJPY_1h_mt_points_2012-2022.csv.gz",
    "XAUUSD_1h_oanda_2006-2019.zip",
    "US30_1h_dukascopy_2013-2023.csv.gz",
    "NAS100_1h_dukascopy_2013-2023.csv.gz",
    "SPX500_1h_dukascopy_2013-2023.csv.gz",
];
const GOLD: [&str; 6] = ["04", "05", "06", "07", "08", "09"];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let orion = arguments
        .next()
        .context("say which binary: bench-backtest ORION [DAYS] [YEAR]")?;
    let orion = PathBuf::from(orion);
    let days = arguments.next().map_or(Ok(365), |text| text.parse());
    let days: i64 = days.context("DAYS must be a whole number")?;
    let folder = tempfile::tempdir().context("make a folder")?;
    let kept = arguments.next().map(PathBuf::from);
    let year = kept.unwrap_or_else(|| folder.path().join("year"));
    let (year, bars) = year::make(&year, days)?;
    println!(
        "{:<44} {:>9} {:>9} {:>10} {:>8}",
        "", "CPU s", "wall s", "peak KiB", "target"
    );
    let report = folder.path().join("report.html");
    let report = report.to_string_lossy().into_owned();
    if let Some(data) = data() {
        let hours = HOURS.map(|name| data.join("bars").join(name));
        let run = measure(&orion, &hours, &["--report", &report])?;
        run.show("seven symbols, ten years and more of hours", 5.0);
        let gold = GOLD.map(|day| format!("XAUUSD_tick_oanda_201405{day}.zip"));
        let gold = gold.map(|name| data.join("ticks").join(name));
        let run = measure(&orion, &gold, &["--report", &report])?;
        run.show("a week of gold's ticks", 2.0);
    } else {
        println!("the recordings are not there: ORION_TEST_DATA names no folder with them");
    }
    let one = measure(&orion, &year, &["--no-control"])?;
    one.show(&format!("{bars} minutes, one set"), f64::INFINITY);
    let sweep: Vec<&str> = SWEEP.iter().flat_map(|axis| ["--sweep", axis]).collect();
    let run = measure(&orion, &year, &sweep)?;
    run.show(&format!("{bars} minutes, 1,000 sets"), 240.0);
    let each = run.cpu / 1000.0;
    println!(
        "each set {:.3} s, {:.0} bars a CPU second; on two cores the sweep takes {:.0} s of the 120 it may",
        each,
        bars as f64 / each,
        run.cpu / 2.0
    );
    Ok(())
}

/// The folder of recordings, where there is one.
fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("ORION_TEST_DATA")?).join("data");
    folder.is_dir().then_some(folder)
}

/// What a run took.
struct Run {
    cpu: f64,
    wall: f64,
    peak_kib: u64,
}

impl Run {
    /// `target` is of CPU seconds.
    fn show(&self, name: &str, target: f64) {
        let target = if target.is_finite() {
            format!("{target:.0} s")
        } else {
            String::new()
        };
        println!(
            "{name:<44} {:>9.2} {:>9.2} {:>10} {target:>8}",
            self.cpu, self.wall, self.peak_kib
        );
    }
}

fn measure(orion: &Path, inputs: &[PathBuf], options: &[&str]) -> Result<Run> {
    let before = cpu_of_children()?;
    let began = Instant::now();
    let mut child = Command::new(orion)
        .arg("backtest")
        .args(inputs)
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("start {}", orion.display()))?;
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_kib = peak_of(child.id()).unwrap_or(peak_kib);
        sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "orion backtest ended with {status}");
    Ok(Run {
        cpu: cpu_of_children()? - before,
        wall: began.elapsed().as_secs_f64(),
        peak_kib,
    })
}

/// Seconds of CPU of all children that have ended: fields 16 and 17 of proc_pid_stat(5).
fn cpu_of_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("read /proc/self/stat")?;
    // The name before may have spaces in it.
    let (_, rest) = stat.rsplit_once(") ").context("a name in parentheses")?;
    let fields: Vec<f64> = rest
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    Ok(fields.iter().sum::<f64>() / TICKS)
}

/// The most memory that it has held.
fn peak_of(child: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
