//! What libraries say of a value or a file, in the words of people who never saw Rust.

use std::io;
use toml::Value;

/// The reason why a value does not fit; reasons that are ours already stay.
pub(super) fn misfit(message: &str, value: &Value) -> String {
    let message = message.lines().next().unwrap_or_default();
    if let Some(variants) = message.strip_prefix("unknown variant ") {
        let wanted = variants
            .split_once("expected ")
            .map_or("", |(_, wanted)| wanted);
        return format!("it must be {}", wanted.replace('`', ""));
    }
    let expected = message
        .split_once(", expected ")
        .map(|(_, expected)| expected);
    let Some(expected) = expected.filter(|_| message.starts_with("invalid ")) else {
        return message.to_owned();
    };
    let wanted = match expected {
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        number if number.starts_with('u') && is_number(value) => {
            return format!("a whole number from 0 to {} is wanted", largest(number));
        }
        number if largest(number) > 0 => "a whole number",
        other => other,
    };
    format!("{wanted} is wanted, not {}", kind_of(value))
}

/// The largest number that TOML can hold of one of Rust's types; 0 where it is none of those that settings have.
fn largest(rust_type: &str) -> i64 {
    match rust_type {
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        "u64" | "usize" => i64::MAX,
        _ => 0,
    }
}

/// A number of any kind; also the digits of one that does not fit 64 bits, which are kept as a text.
fn is_number(value: &Value) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    value.is_integer() || value.is_float() || value.as_str().is_some_and(digits)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// Why a file cannot be read, in the same words on every system.
pub(super) fn unreadable(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "it may not be read".to_owned()
    } else {
        error.to_string()
    }
}
