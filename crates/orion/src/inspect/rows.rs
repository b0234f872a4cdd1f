//! Rows on standard output: as CSV, or as a table for people.

use std::io::{self, Write};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Comma separated, fields quoted only where they must be.
    Csv,
    /// Aligned columns.
    Table,
}

/// So many rows of a table are looked at for the width of its columns; a later field that is wider pushes its row aside.
const MEASURED: usize = 256;

/// Writes rows of one kind as they come.
pub(super) struct Rows<'out, W> {
    out: &'out mut W,
    form: Form,
    /// The first rows of a table, its header included, while they are measured.
    waiting: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl<'out, W: Write> Rows<'out, W> {
    /// # Errors
    /// When the header cannot be written.
    pub(super) fn new(out: &'out mut W, form: Form, header: &[&str]) -> io::Result<Self> {
        let mut rows = Self {
            out,
            form,
            waiting: Vec::new(),
            widths: vec![0; header.len()],
        };
        rows.row(header.iter().map(|name| (*name).to_owned()).collect())?;
        Ok(rows)
    }

    /// # Errors
    /// When it cannot be written.
    pub(super) fn row(&mut self, fields: Vec<String>) -> io::Result<()> {
        match self.form {
            Form::Csv => writeln!(self.out, "{}", csv(&fields)),
            Form::Table if self.waiting.len() < MEASURED && !self.is_measured() => {
                self.waiting.push(fields);
                Ok(())
            }
            Form::Table => {
                self.measure()?;
                self.align(&fields)
            }
        }
    }

    /// Writes what is still waiting.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.measure()
    }

    fn is_measured(&self) -> bool {
        self.widths.iter().any(|width| *width > 0)
    }

    fn measure(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        for row in &waiting {
            for (width, field) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(field.chars().count());
            }
        }
        waiting.iter().try_for_each(|row| self.align(row))
    }

    /// Numbers end at the same place, so that their digits stand below each other.
    fn align(&mut self, fields: &[String]) -> io::Result<()> {
        let cells = fields.iter().zip(&self.widths);
        let cells: Vec<String> = cells
            .map(|(field, width)| format!("{field:>width$}"))
            .collect();
        writeln!(self.out, "{}", cells.join("  ").trim_end())
    }
}

fn csv(fields: &[String]) -> String {
    let quoted = |field: &String| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    };
    let fields: Vec<String> = fields.iter().map(quoted).collect();
    fields.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: Form, rows: &[&[&str]], expected: &str) {
        let mut out = Vec::new();
        let mut written = Rows::new(&mut out, form, &["bar", "kind"]).unwrap();
        for row in rows {
            let fields = row.iter().map(|field| (*field).to_owned()).collect();
            written.row(fields).unwrap();
        }
        written.end().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        check(
            Form::Csv,
            &[&["0", "a b"], &["1", "a,b"], &["", "a\"b"]],
            "bar,kind\n0,a b\n1,\"a,b\"\n,\"a\"\"b\"\n",
        );
        check(Form::Csv, &[], "bar,kind\n");
    }

    #[test]
    fn a_table_is_aligned_and_goes_on_when_its_width_is_settled() {
        check(
            Form::Table,
            &[&["0", "swing"], &["100", "fvg"], &["1", ""]],
            "bar   kind\n  0  swing\n100    fvg\n  1\n",
        );
        let many: Vec<&[&str]> = vec![&["1", "x"]; MEASURED];
        let mut expected = "bar  kind\n".to_owned();
        for _ in 0..MEASURED {
            expected.push_str("  1     x\n");
        }
        expected.push_str("12345  long\n");
        let rows: Vec<&[&str]> = many.into_iter().chain([&["12345", "long"][..]]).collect();
        check(Form::Table, &rows, &expected);
    }
}
