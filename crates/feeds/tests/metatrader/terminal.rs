//! The advisors' own code as a child process: compiled once from the shipped text with the header that plays the terminal.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tempfile::TempDir;

/// Which advisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advisor {
    Mt4,
    Mt5,
}

impl Advisor {
    const fn file(self) -> &'static str {
        match self {
            Self::Mt4 => "OrionBridge.mq4",
            Self::Mt5 => "OrionBridge.mq5",
        }
    }

    /// The compiled terminal; none, and a line that says so, where there is no C++ compiler.
    pub(crate) fn program(self, test: &str) -> Option<&'static Path> {
        static PROGRAMS: [OnceLock<Option<PathBuf>>; 2] = [OnceLock::new(), OnceLock::new()];
        let program = PROGRAMS[self as usize].get_or_init(|| self.compile());
        if program.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "{test}: there is no C++ compiler (c++)"
            );
            eprintln!("skipped: {test}: there is no C++ compiler (c++)");
        }
        program.as_deref()
    }

    fn compile(self) -> Option<PathBuf> {
        let has_compiler = Command::new("c++").arg("--version").output().is_ok();
        has_compiler.then(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.file());
            fs::create_dir_all(&folder).unwrap();
            for name in [self.file(), "OrionCore.mqh"] {
                let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../integrations/metatrader");
                let text = fs::read_to_string(Path::new(shipped).join(name)).unwrap();
                fs::write(folder.join(name), without_properties(&text)).unwrap();
            }
            let played = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metatrader/mql");
            let program = folder.join("terminal");
            let mut compiler = Command::new("c++");
            compiler
                .args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1"])
                .arg(format!("-DADVISOR=\"{}\"", self.file()))
                .args((self == Self::Mt5).then_some("-DSOCKETS"))
                .arg("-I")
                .arg(&folder)
                .arg("-I")
                .arg(played)
                .arg(Path::new(played).join("terminal.cpp"))
                .arg("-o")
                .arg(&program);
            let output = compiler.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{} does not compile:\n{said}",
                self.file()
            );
            program
        })
    }
}

/// MetaTrader's own directives, which a C++ compiler does not know.
fn without_properties(text: &str) -> String {
    let is_kept = |line: &&str| !line.starts_with("#property");
    text.lines()
        .filter(is_kept)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// What happens on the terminal's market.
#[derive(Clone, Debug, Default)]
pub(crate) struct Market(String);

impl Market {
    /// A symbol, and a tick of it from before the advisor: it must not be sent.
    pub(crate) fn symbol(
        &mut self,
        name: &str,
        digits: u8,
        base: &str,
        profit: &str,
        before: (i64, &str),
    ) {
        let (time, price) = before;
        writeln!(self.0, "symbol {name} {digits} {base} {profit} 0").unwrap();
        writeln!(self.0, "before {name} {time} {price} {price}").unwrap();
    }

    pub(crate) fn tick(&mut self, name: &str, time_msc: i64, bid: &str, ask: &str) {
        writeln!(self.0, "tick {name} {time_msc} {bid} {ask}").unwrap();
    }
}

/// A running terminal.
pub(crate) struct Terminal {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
    _folder: TempDir,
}

impl Terminal {
    /// `options` are `name=value` of `mql/terminal.cpp`.
    pub(crate) fn start(program: &Path, market: &Market, options: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("market.txt");
        fs::File::create(&file)
            .unwrap()
            .write_all(market.0.as_bytes())
            .unwrap();
        let mut child = Command::new(program)
            .arg(&file)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            stdin,
            lines,
            seen: Vec::new(),
            _folder: folder,
        }
    }

    /// Waits for a line that holds `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("`{text}` was not printed: {:#?}", self.seen)
                }
            }
        }
    }

    /// Waits for its end, and gives all that it printed.
    pub(crate) fn finish(mut self) -> Vec<String> {
        drop(self.stdin.take());
        self.wait_for("DONE ");
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
