//! The fields of a table, taken one by one: what is left at the end is unknown.

use super::{LIST_MAX, number, quoted};
use crate::fault::Refused;
use std::fmt::Display;
use std::path::Path;
use toml::{Table, Value};

pub(super) struct Fields<'a> {
    path: &'a Path,
    /// What stands before the names of fields.
    prefix: String,
    table: Table,
    /// The names that were asked for.
    known: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(path: &'a Path, table: Table) -> Self {
        Self {
            path,
            prefix: String::new(),
            table,
            known: Vec::new(),
        }
    }

    /// The fields of a table inside this one.
    pub(super) fn inner(&self, name: &str, table: Table) -> Self {
        Self {
            prefix: format!("{name}."),
            ..Self::new(self.path, table)
        }
    }

    pub(super) fn refuse(
        &self,
        field: &str,
        value: impl Display,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Refused {
        Refused::new(self.path, reason, remedy).field(format!("{}{field}", self.prefix), value)
    }

    pub(super) fn optional(&mut self, field: &str) -> Option<Value> {
        self.known.push(field.to_owned());
        self.table.remove(field)
    }

    pub(super) fn take(&mut self, field: &str) -> Result<Value, Refused> {
        self.optional(field).ok_or_else(|| {
            self.refuse(
                field,
                "",
                "it is missing",
                "docs/models.md shows a whole manifest",
            )
        })
    }

    /// A field that has no place here.
    pub(super) fn absent(&mut self, field: &str, why: &str) -> Result<(), Refused> {
        match self.optional(field) {
            None => Ok(()),
            Some(value) => Err(self.refuse(field, value, why, "leave it out")),
        }
    }

    pub(super) fn text(&mut self, field: &str) -> Result<String, Refused> {
        let given = self.take(field)?;
        match given.as_str().filter(|text| !text.trim().is_empty()) {
            Some(text) => Ok(text.to_owned()),
            None => {
                let reason = "it is not a text with something in it";
                Err(self.refuse(field, given, reason, "write it in quotes"))
            }
        }
    }

    pub(super) fn texts(&mut self, field: &str) -> Result<Vec<String>, Refused> {
        let list = self.take(field)?;
        self.list_of_texts(field, &list)
    }

    pub(super) fn list_of_texts(&self, field: &str, list: &Value) -> Result<Vec<String>, Refused> {
        let entries = list.as_array().map_or(&[][..], Vec::as_slice);
        let texts: Vec<String> = entries
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if !list.is_array() || texts.len() != entries.len() || texts.len() > LIST_MAX {
            let (reason, remedy) = (
                "it is not a list of texts",
                "write it as [\"one\", \"two\"]",
            );
            return Err(self.refuse(field, list, reason, remedy));
        }
        Ok(texts)
    }

    pub(super) fn one_of<T: Clone>(
        &mut self,
        field: &str,
        words: &[(&str, T)],
    ) -> Result<T, Refused> {
        let given = self.text(field)?;
        match words.iter().find(|(word, _)| *word == given) {
            Some((_, meant)) => Ok(meant.clone()),
            None => {
                let known: Vec<_> = words.iter().map(|(word, _)| quoted(word)).collect();
                let remedy = format!("write {}", known.join(" or "));
                Err(self.refuse(field, quoted(&given), "it is not known", remedy))
            }
        }
    }

    /// So many finite numbers, as a list; one alone may stand without it.
    pub(super) fn numbers(&mut self, field: &str, count: usize) -> Result<Vec<f64>, Refused> {
        let given = self.take(field)?;
        let list = given
            .as_array()
            .map_or(std::slice::from_ref(&given), Vec::as_slice);
        let numbers: Vec<f64> = list
            .iter()
            .filter_map(number)
            .filter(|value| value.is_finite())
            .collect();
        if numbers.len() != list.len() || numbers.len() != count {
            let reason = format!(
                "it is not {count} finite numbers but {} of {}",
                numbers.len(),
                list.len()
            );
            return Err(self.refuse(
                field,
                "",
                reason,
                "x has a number for each feature, y one for each column that is read",
            ));
        }
        Ok(numbers)
    }

    /// Everything has been taken.
    pub(super) fn end(&self) -> Result<(), Refused> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((field, value)) => {
                let known = self.known.join(", ");
                let value = if value.is_table() || value.is_array() {
                    String::new()
                } else {
                    value.to_string()
                };
                Err(self.refuse(
                    field,
                    value,
                    "there is no such field",
                    format!("the fields are {known}"),
                ))
            }
        }
    }
}
