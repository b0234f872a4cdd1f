//! The terminal while the table is on it: the other screen, without a cursor and without echo. What was there comes back
//! however this ends.

use super::board::Board;
use super::style::Colour;
use super::view::{self, Size};
use crate::fault;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, queue, style, terminal};
use std::io::{self, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Whether the terminal is as we made it.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// What somebody at the keyboard wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    /// The terminal has another size.
    Resized,
}

#[derive(Debug)]
pub(super) struct Screen {
    colour: Colour,
    keys: mpsc::Receiver<Key>,
    /// What stands there, so that only what changed is written.
    shown: Vec<String>,
    size: Size,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open(colour: Colour) -> io::Result<Self> {
        // A panic is told where it can be read.
        HOOK.call_once(|| {
            let told = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                told(panic);
            }));
        });
        terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let screen = Self {
            colour,
            keys: keys(),
            shown: Vec::new(),
            size: size(),
        };
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// The next key that means something. May be dropped and called again.
    pub(super) async fn key(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            // Without a keyboard there is Ctrl-C still, as a signal.
            None => std::future::pending().await,
        }
    }

    /// Begins anew: the size may be another one, and anything may stand there.
    pub(super) fn resized(&mut self) -> io::Result<()> {
        self.size = size();
        self.shown.clear();
        execute!(io::stdout(), terminal::Clear(terminal::ClearType::All))
    }

    pub(super) fn draw(&mut self, board: &Board, now: Instant) -> io::Result<()> {
        fault::point("draw");
        let lines = view::lines(board, self.size, now);
        let lines = lines
            .iter()
            .map(|line| line.show(self.size.columns, self.colour));
        let lines: Vec<String> = lines.collect();
        let mut out = io::stdout().lock();
        queue!(out, terminal::BeginSynchronizedUpdate)?;
        for row in 0..lines.len().max(self.shown.len()) {
            let text = lines.get(row).map_or("", String::as_str);
            if self.shown.get(row).is_some_and(|shown| shown == text) {
                continue;
            }
            let place = cursor::MoveTo(0, u16::try_from(row).unwrap_or(u16::MAX));
            // Cleared first: a line that fills its row leaves the cursor on its last letter.
            let clear = terminal::Clear(terminal::ClearType::CurrentLine);
            queue!(out, place, clear, style::Print(text))?;
        }
        queue!(out, terminal::EndSynchronizedUpdate)?;
        out.flush()?;
        self.shown = lines;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was, once.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Where it is gone, there is nothing to give back.
        let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// A terminal that does not know its size has the usual one.
fn size() -> Size {
    let (columns, rows) = match terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns, rows),
        Ok(_) | Err(_) => (80, 24),
    };
    Size {
        columns: columns.into(),
        rows: rows.into(),
    }
}

/// Keys are read by a thread of their own, which ends with the process.
fn keys() -> mpsc::Receiver<Key> {
    let (tell, told) = mpsc::channel(16);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if let Some(key) = meaning(&event)
                && tell.blocking_send(key).is_err()
            {
                return;
            }
        }
    });
    told
}

fn meaning(event: &Event) -> Option<Key> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let is_control_c =
                key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            let is_quit = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
            (is_control_c || is_quit).then_some(Key::Quit)
        }
        Event::Resize(..) => Some(Key::Resized),
        Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}
