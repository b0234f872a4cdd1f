//! `docs/configuration.md`: the settings as a page, made of `config/orion.toml`, which a test of the settings keeps equal to
//! the built-in defaults. `UPDATE_EXPECT=1 cargo test -p orion --test docs reference` writes it.

use super::root;
use std::fmt::Write as _;

const BEGIN: &str = "# Every setting

<!-- Made of config/orion.toml by `UPDATE_EXPECT=1 cargo test -p orion --test docs reference`: change it there. -->

";
/// The columns of the table of instruments.
const COLUMNS: [&str; 8] = [
    "symbol",
    "digits",
    "tick_size",
    "pip_size",
    "kind",
    "calendar",
    "spread_default",
    "signals",
];

#[test]
fn the_reference_of_settings_is_that_of_the_defaults() {
    let source =
        std::fs::read_to_string(root().join("config/orion.toml")).expect("read the defaults");
    expect_test::expect_file!["../../../../docs/configuration.md"].assert_eq(&page(&source));
}

#[test]
fn a_setting_has_its_path_its_default_and_what_is_said_above_it() {
    let source = "# The head.\n\n\n# Where.\n[server]\n# Address.\nlisten = \"a\"\n# Another. Absent: none.\n# admin = \"b\"\n# Some:\n#   inner = 4\nall = [\n    1,\n]\nnext = 2\n";
    let expected = "The head.\n\n## `[server]`\n\nWhere.\n\n### `server.listen`\n\nDefault: `\"a\"`\n\nAddress.\n\n### `server.admin`\n\nAbsent by default; such as `\"b\"`\n\nAnother. Absent: none.\n\n### `server.all`\n\nDefault: `[1]`\n\nSome:\n\n```text\ninner = 4\n```\n\n### `server.next`\n\nDefault: `2`\n";
    assert_eq!(page(source), format!("{BEGIN}{expected}"));
}

/// The page, as Markdown.
fn page(source: &str) -> String {
    let mut page = Page::default();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        page.take(line, &mut lines);
    }
    page.flush();
    let mut text = page.text;
    if !page.instruments.is_empty() {
        text.push_str(&table(&page.instruments));
    }
    format!("{BEGIN}{}\n", text.trim_end())
}

#[derive(Default)]
struct Page {
    text: String,
    section: String,
    /// The remarks above what comes next, and whether an empty line ends them.
    remarks: Vec<String>,
    has_ended: bool,
    /// Of each instrument, its keys and values.
    instruments: Vec<Vec<(String, String)>>,
}

impl Page {
    fn take<'a>(&mut self, line: &'a str, rest: &mut impl Iterator<Item = &'a str>) {
        if let Some(remark) = line.strip_prefix('#') {
            // What an empty line ended is about nothing below it.
            if std::mem::take(&mut self.has_ended) {
                self.flush();
            }
            let remark = remark.strip_prefix(' ').unwrap_or(remark);
            match setting(remark) {
                Some((key, value)) => self.tell(key, "Absent by default; such as", value),
                None => self.remarks.push(remark.to_owned()),
            }
        } else if line == "[[instrument]]" {
            if self.instruments.is_empty() {
                self.text.push_str("## `[[instrument]]`\n\n");
            }
            self.flush();
            self.instruments.push(Vec::new());
        } else if let Some(section) = line.strip_prefix('[') {
            section.trim_end_matches(']').clone_into(&mut self.section);
            write!(self.text, "## `{line}`\n\n").expect("write to a text");
            self.flush();
        } else if let Some((key, value)) = setting(line) {
            let mut value = value.to_owned();
            if value == "[" {
                let inside: Vec<&str> = rest
                    .take_while(|line| *line != "]")
                    .map(str::trim)
                    .collect();
                value = format!("[{}]", inside.join(" ").trim_end_matches(','));
            }
            match self.instruments.last_mut() {
                Some(instrument) => instrument.push((key.to_owned(), value)),
                None => self.tell(key, "Default:", &value),
            }
        } else {
            self.has_ended = true;
        }
    }

    /// A setting, and what was said of it.
    fn tell(&mut self, key: &str, default: &str, value: &str) {
        let section = &self.section;
        write!(
            self.text,
            "### `{section}.{key}`\n\n{default} `{value}`\n\n"
        )
        .expect("write to a text");
        self.flush();
    }

    /// Remarks as paragraphs; what is set in by more than one space stays as it is.
    fn flush(&mut self) {
        self.has_ended = false;
        let mut was_set_in = false;
        for remark in std::mem::take(&mut self.remarks) {
            let set_in = remark.strip_prefix("  ");
            if set_in.is_some() != was_set_in {
                self.fence(set_in.is_some());
            }
            was_set_in = set_in.is_some();
            let text = set_in.unwrap_or(&remark).trim_end();
            if text.is_empty() {
                self.end_paragraph();
            } else {
                self.text.push_str(text);
                self.text.push('\n');
            }
        }
        if was_set_in {
            self.fence(false);
        }
        self.end_paragraph();
    }

    /// Begins or ends what stays as it is.
    fn fence(&mut self, begins: bool) {
        if begins {
            self.end_paragraph();
            self.text.push_str("```text\n");
        } else {
            self.text.push_str("```\n\n");
        }
    }

    /// One empty line, wherever a text stands.
    fn end_paragraph(&mut self) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        if end > 0 {
            self.text.push_str("\n\n");
        }
    }
}

/// `key = value`, where a line is that.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(" = ")?;
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_key.then_some((key, value))
}

/// The built-in instruments side by side.
fn table(instruments: &[Vec<(String, String)>]) -> String {
    let mut text = format!(
        "Built in:\n\n| {} |\n|{}\n",
        COLUMNS.join(" | "),
        "---|".repeat(COLUMNS.len())
    );
    for instrument in instruments {
        let value = |column: &&str| {
            let found = instrument.iter().find(|(key, _)| key == column);
            found.map_or("", |(_, value)| value.trim_matches('"'))
        };
        let row: Vec<&str> = COLUMNS.iter().map(value).collect();
        writeln!(text, "| {} |", row.join(" | ")).expect("write to a text");
    }
    text
}
