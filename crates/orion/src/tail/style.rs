//! Text with colours, and what of it fits a terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What a text is, which is what its colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    /// Names of columns and what matters less.
    Faint,
    Strong,
    Good,
    Bad,
    /// Not decided, or not real.
    Open,
}

impl Ink {
    /// Select Graphic Rendition (ECMA-48, 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Faint => "2",
            Self::Strong => "1",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Open => "33",
        }
    }
}

/// Whether colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Shown,
    /// By NO_COLOR (no-color.org), or where no terminal is.
    None,
}

/// A line of pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Ink, String)>);

impl Line {
    pub(super) fn of(ink: Ink, text: impl Into<String>) -> Self {
        Self::default().and(ink, text)
    }

    /// Text may come from anybody: what would steer the terminal is left out.
    pub(super) fn and(mut self, ink: Ink, text: impl Into<String>) -> Self {
        self.0.push((ink, clean(&text.into())));
        self
    }

    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// As it is written to a terminal of so many columns: never wider.
    pub(super) fn show(&self, columns: usize, colour: Colour) -> String {
        let is_cut = self.width() > columns;
        let mut left = if is_cut {
            columns.saturating_sub(1)
        } else {
            columns
        };
        let mut shown = String::new();
        for (ink, text) in &self.0 {
            let part = fitting(text, left);
            left -= part.width();
            shown.push_str(&painted(*ink, part, colour));
            if part.len() < text.len() {
                break;
            }
        }
        if is_cut && columns > 0 {
            shown.push('~');
        }
        shown
    }
}

/// A text without control characters, and without those that turn the direction of others.
pub(crate) fn clean(text: &str) -> String {
    let steers =
        |c: &char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !steers(c)).collect()
}

/// The beginning of a text that is not wider than this.
fn fitting(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += c.width().unwrap_or(0);
        if width > columns {
            return &text[..at];
        }
    }
    text
}

pub(super) fn painted(ink: Ink, text: &str, colour: Colour) -> String {
    match (colour, ink) {
        (Colour::None, _) | (Colour::Shown, Ink::Plain) => text.to_owned(),
        (Colour::Shown, Ink::Faint | Ink::Strong | Ink::Good | Ink::Bad | Ink::Open) => {
            format!("\x1b[{}m{text}\x1b[0m", ink.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        let line = Line::of(Ink::Good, "confirmed").and(Ink::Plain, " 金の信号 EURUSD");
        for columns in 0..40 {
            let shown = line.show(columns, Colour::None);
            assert!(shown.width() <= columns, "{columns}: {shown}");
        }
        assert_eq!(line.show(40, Colour::None), "confirmed 金の信号 EURUSD");
        assert_eq!(line.show(12, Colour::None), "confirmed ~");
        assert_eq!(line.show(5, Colour::Shown), "\x1b[32mconf\x1b[0m~");
    }

    #[test]
    fn text_from_outside_does_not_steer_the_terminal() {
        let line = Line::of(Ink::Plain, "a\x1b]0;title\x07b\u{202e}c\r\nd\u{9b}2J");
        assert_eq!(line.show(80, Colour::None), "a]0;titlebcd2J");
    }
}
