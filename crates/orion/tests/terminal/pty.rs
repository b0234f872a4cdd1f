//! A terminal that a test holds: a program on it, its keyboard, and what is on its screen.

use crate::support::{PATIENCE, signal};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read as _, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) struct Terminal {
    screen: vt100::Parser,
    /// All that was ever written.
    pub(crate) written: Vec<u8>,
    output: mpsc::Receiver<Vec<u8>>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn parser(columns: u16, rows: u16) -> vt100::Parser {
    let of = |number: u16| number.try_into().expect("not 0");
    vt100::Parser::new(of(rows), of(columns), 0)
}

impl Terminal {
    /// `orion` with these arguments and variables on a terminal of this size.
    pub(crate) fn run(
        (columns, rows): (u16, u16),
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_orion"));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        command.env_remove("ORION_TOKEN");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("run orion");
        // Ours is closed: the output ends with the program.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let (tell, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = reader.read(&mut bytes) {
                if count == 0 || tell.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            screen: parser(columns, rows),
            written: Vec::new(),
            output,
            keyboard: pair.master.take_writer().expect("its keyboard"),
            child,
            master: pair.master,
        }
    }

    /// Waits until the screen is like this, and gives its text.
    pub(crate) fn wait(&mut self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.screen.screen().contents();
            if is(&shown) {
                return shown;
            }
            assert!(Instant::now() < until, "no {what} on the screen:\n{shown}");
            match self.output.recv_timeout(Duration::from_secs(1)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {what}:\n{shown}"),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.written.extend_from_slice(bytes);
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("press keys");
        self.keyboard.flush().expect("press keys");
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.master
            .resize(size(columns, rows))
            .expect("another size");
        let of = |number: u16| number.try_into().expect("not 0");
        self.screen.screen_mut().set_size(of(rows), of(columns));
    }

    pub(crate) fn send(&self, name: &str) {
        signal(self.child.process_id().expect("its id"), name);
    }

    /// Waits for its end; the exit code, and the screen as it is left.
    pub(crate) fn end(mut self) -> (u32, String) {
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.take(&bytes);
        }
        let code = self.child.wait().expect("its end").exit_code();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the other screen was left");
        assert!(!screen.hide_cursor(), "the cursor is back");
        (code, screen.contents())
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        let path = self.master.tty_name().expect("its name");
        let terminal = std::fs::File::open(path).expect("the terminal");
        let modes = std::process::Command::new("stty")
            .arg("-a")
            .stdin(terminal)
            .output();
        let modes = String::from_utf8(modes.expect("run stty").stdout).expect("text");
        modes.split_whitespace().any(|mode| mode == "echo")
    }
}
