//! The same table as Parquet, as CSV or as lines of JSON, whichever is asked for.

use super::lines::Lines;
use super::schema::{Cell, Column};
use super::writer::Writer;
use crate::Error;
use crate::disk::Target;
use std::path::Path;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Parquet,
    Csv,
    /// An object a line.
    Json,
}

impl Form {
    /// What the name of a file asks for; `None` for another ending than `.parquet`, `.csv`, `.json`, `.jsonl` or `.ndjson`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_ascii_lowercase();
        match end.to_str()? {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A table that is being written in any form. Dropped before [`Sheet::finish`], it leaves nothing behind.
#[derive(Debug)]
pub enum Sheet {
    Parquet(Box<Writer>),
    Lines(Box<Lines>),
}

impl Sheet {
    /// As [`Writer::begin`]; lines have no place for what is told of the table.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder or the file cannot be made.
    pub fn create(
        form: Form,
        target: Target,
        columns: &[Column],
        about: &[(&str, String)],
    ) -> Result<Self, Error> {
        Ok(match form {
            Form::Parquet => Self::Parquet(Box::new(Writer::begin(target, columns, about)?)),
            Form::Csv => Self::Lines(Box::new(Lines::csv(target, columns)?)),
            Form::Json => Self::Lines(Box::new(Lines::json(target, columns)?)),
        })
    }

    /// As [`Writer::row`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        match self {
            Self::Parquet(table) => table.row(cells),
            Self::Lines(lines) => lines.row(cells),
        }
    }

    /// Writes the rest, waits until all is on disk and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails; what was at the place before is unharmed.
    pub fn finish(self) -> Result<(), Error> {
        match self {
            Self::Parquet(table) => table.finish().map(drop),
            Self::Lines(lines) => lines.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Price;
    use std::fs;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    fn columns() -> [Column; 6] {
        [
            Column::text("reason").optional(),
            Column::decimal("bid", 2),
            Column::decimal("ask", 9),
            Column::flag("last"),
            Column::float("score").optional(),
            Column::text("about").optional(),
        ]
    }

    fn fill(sheet: &mut Sheet) {
        let ask = Cell::Exact(Price::from_units(1_500_000_000), 3);
        let words = Cell::Text("swept, and \"turned\"");
        let about = Cell::Json(r#"{"a":[1]}"#);
        sheet
            .row(&[
                words,
                Cell::Units(150),
                ask,
                Cell::Flag(true),
                Cell::Float(0.1),
                about,
            ])
            .unwrap();
        let rest = [Cell::Flag(false), Cell::None, Cell::None];
        let cells = [&[Cell::None, Cell::Units(-1), ask][..], &rest].concat();
        sheet.row(&cells).unwrap();
    }

    const CSV: &str = "reason,bid,ask,last,score,about\n\
        \"swept, and \"\"turned\"\"\",1.50,1.500,true,0.1,\"{\"\"a\"\":[1]}\"\n,-0.01,1.500,false,,\n";
    const JSON: &str = r#"{"reason":"swept, and \"turned\"","bid":1.50,"ask":1.500,"last":true,"score":0.1,"about":{"a":[1]}}
{"reason":null,"bid":-0.01,"ask":1.500,"last":false,"score":null,"about":null}
"#;

    #[test]
    fn every_form_is_written_by_the_files_name_whole_or_not_at_all() {
        let dir = tempfile::TempDir::new().unwrap();
        for (name, expected) in [("out/a.csv", CSV), ("out/a.json", JSON)] {
            let path = dir.path().join(name);
            let begin = || {
                let form = Form::of(&path).unwrap();
                let target = Target::File(path.clone());
                let mut sheet = Sheet::create(form, target, &columns(), &[]).unwrap();
                fill(&mut sheet);
                sheet
            };
            drop(begin());
            let names = || fs::read_dir(dir.path().join("out")).unwrap().count();
            let before = names();
            let sheet = begin();
            assert!(!path.exists(), "it is not finished");
            assert_eq!(names(), before + 1, "it grows beside its place");
            sheet.finish().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
            assert_eq!(names(), before + 1);
        }
        let path = dir.path().join("a.Parquet");
        let form = Form::of(&path).unwrap();
        let mut sheet = Sheet::create(form, Target::File(path.clone()), &columns(), &[]).unwrap();
        fill(&mut sheet);
        sheet.finish().unwrap();
        assert_eq!(crate::table::Reader::open(&path).unwrap().rows(), 2);
        assert_eq!(Form::of(Path::new("a.txt")), None);
        assert_eq!(Form::of(Path::new("parquet")), None);
    }

    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_has_the_bytes_of_a_file() {
        let dir = tempfile::TempDir::new().unwrap();
        for form in [Form::Parquet, Form::Csv, Form::Json] {
            let pipe = Pipe::default();
            let path = dir.path().join("a");
            let targets = [
                Target::Stream(Box::new(pipe.clone())),
                Target::File(path.clone()),
            ];
            for target in targets {
                let mut sheet = Sheet::create(form, target, &columns(), &[]).unwrap();
                fill(&mut sheet);
                sheet.finish().unwrap();
            }
            let told = pipe.0.lock().unwrap().clone();
            assert!(
                !told.is_empty() && told == fs::read(&path).unwrap(),
                "{form:?}"
            );
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_gone_is_known_by_the_kind_of_the_error() {
        for form in [Form::Parquet, Form::Csv, Form::Json] {
            let write = || {
                let target = Target::Stream(Box::new(Gone));
                let mut sheet = Sheet::create(form, target, &columns(), &[])?;
                for _ in 0..10_000 {
                    let rest = [Cell::Flag(false), Cell::None, Cell::None];
                    sheet.row(
                        &[&[Cell::None, Cell::Units(1), Cell::Units(1)][..], &rest].concat(),
                    )?;
                }
                sheet.finish()
            };
            let error = write().unwrap_err();
            let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| {
                error.source()
            });
            let mut kinds = causes
                .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
                .map(std::io::Error::kind);
            assert!(
                kinds.any(|kind| kind == std::io::ErrorKind::BrokenPipe),
                "{form:?}: {error:?}"
            );
        }
    }
}
