//! What tells others how to ask: the OpenAPI document, the schema of the WebSocket's messages, and the document as a page. They
//! are the same for everybody, and hold nothing of the market.

use super::Api;
use super::answer::respond;
use super::asked::Asked;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Written by hand; a test holds it against what is served.
pub(super) const OPENAPI: &str = include_str!("openapi.json");
const STYLE: &str = include_str!("docs.css");
/// It runs nothing and asks nobody.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::from_str(OPENAPI).expect("a test reads it");
    page(&document)
});

pub(super) fn openapi() -> MethodRouter<Api> {
    file("application/json", || OPENAPI)
}

pub(super) fn schema() -> MethodRouter<Api> {
    file("application/json", || wire::SCHEMA)
}

pub(super) fn docs() -> MethodRouter<Api> {
    file("text/html; charset=utf-8", || &PAGE)
}

pub(super) fn style() -> MethodRouter<Api> {
    file("text/css; charset=utf-8", || STYLE)
}

fn file(kind: &'static str, text: fn() -> &'static str) -> MethodRouter<Api> {
    get(async move |asked: Asked| served(kind, text(), &asked))
}

fn served(kind: &'static str, text: &str, asked: &Asked) -> Response {
    let mut response = respond(Ok(text.to_owned()), asked.headers());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

/// The document for people: each route with what it is asked and what it answers.
fn page(document: &Value) -> String {
    let info = &document["info"];
    let mut text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} over HTTP</title><link rel=\"stylesheet\" href=\"docs.css\"><main><h1>{title} over HTTP</h1><p>{about}</p>\
         <p>The same for programs: <a href=\"openapi.json\">openapi.json</a>; the messages of the WebSocket: \
         <a href=\"schema.json\">schema.json</a>.</p>",
        title = safe(&info["title"]),
        about = safe(&info["description"]),
    );
    for (path, methods) in fields(&document["paths"]) {
        for (method, route) in fields(methods) {
            add_route(&mut text, document, method, path, route);
        }
    }
    text.push_str("</main></html>\n");
    text
}

fn add_route(text: &mut String, document: &Value, method: &str, path: &str, route: &Value) {
    let shown = method.to_uppercase();
    let name = match (method, path.contains('{')) {
        ("get", false) => format!("<a href=\"{path}\">{path}</a>"),
        _ => path.to_owned(),
    };
    let _ = write!(
        text,
        "<section><h2><b>{shown}</b> {name}</h2><p>{}. {}</p>",
        safe(&route["summary"]),
        safe(&route["description"]),
    );
    if let Some(parameters) = route["parameters"].as_array() {
        text.push_str("<table><tr><th>parameter<th>what<th>may be");
        for one in parameters {
            let _ = write!(
                text,
                "<tr><td><code>{}</code><td>{}<td>{}",
                safe(&one["name"]),
                safe(&one["description"]),
                kind(document, &one["schema"]),
            );
        }
        text.push_str("</table>");
    }
    let body = &route["requestBody"]["content"]["application/json"]["schema"];
    let answer = &route["responses"]["200"]["content"]["application/json"]["schema"];
    for (title, schema) in [("Body", body), ("Answer", answer)] {
        if !schema.is_null() && !resolved(document, schema)["properties"].is_null() {
            let _ = write!(text, "<details><summary>{title}</summary>");
            add_fields(text, document, schema);
            text.push_str("</details>");
        }
    }
    text.push_str("<p class=\"codes\">");
    for (code, response) in fields(&route["responses"]) {
        let about = safe(&response["description"]);
        let _ = write!(text, "<span><b>{code}</b> {about}</span> ");
    }
    text.push_str("</p></section>");
}

/// The fields of an object, each with what it may be, and those of the objects in it.
fn add_fields(text: &mut String, document: &Value, schema: &Value) {
    text.push_str("<ul>");
    for (name, field) in fields(&resolved(document, schema)["properties"]) {
        let about = safe(&resolved(document, field)["description"]);
        let _ = write!(
            text,
            "<li><code>{name}</code> {} {about}",
            kind(document, field)
        );
        let inner = inside(document, field);
        if !inner["properties"].is_null() {
            add_fields(text, document, inner);
        }
    }
    text.push_str("</ul>");
}

/// The object of a field, of a list of them, or of one that may be null.
fn inside<'a>(document: &'a Value, field: &'a Value) -> &'a Value {
    let field = resolved(document, field);
    let field = match field["anyOf"].get(0) {
        Some(first) => resolved(document, first),
        None => field,
    };
    let items = &field["items"];
    if items.is_null() {
        field
    } else {
        resolved(document, items)
    }
}

/// What a value may be, in a few words.
fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let words = |value: &Value| {
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| value.to_string())
    };
    let list = |values: &Value| {
        let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
        values.iter().map(words).collect::<Vec<_>>().join(", ")
    };
    let plain = if schema["enum"].is_array() {
        list(&schema["enum"])
    } else if let Some(one) = schema.get("const") {
        words(one)
    } else if let Some(several) = schema["anyOf"].as_array() {
        let several = several.iter().map(|one| kind(document, one));
        return several.collect::<Vec<_>>().join(" or ");
    } else if schema["type"].is_array() {
        list(&schema["type"])
    } else {
        words(&schema["type"]).replace("null", "anything")
    };
    let bounds = [
        ("minimum", "from"),
        ("maximum", "to"),
        ("default", "usually"),
    ];
    let bounds = bounds.iter().filter_map(|(name, word)| {
        let bound = schema.get(*name)?;
        Some(format!(" {word} {bound}"))
    });
    let text = format!("{plain}{}", bounds.collect::<String>());
    format!("<i>{}</i>", safe(&Value::String(text)))
}

/// Behind a reference stands what it refers to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(place) => document
            .pointer(place.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => schema,
    }
}

fn fields(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let object = object.as_object().into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value))
}

/// Text that is never markup.
fn safe(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_page_has_every_route_and_no_script() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        for (path, methods) in fields(&document["paths"]) {
            assert!(PAGE.contains(path), "{path}");
            for (_, route) in fields(methods) {
                assert!(PAGE.contains(&safe(&route["summary"])), "{path}");
            }
        }
        assert!(!PAGE.contains("<script") && !PAGE.contains("style=\"") && !PAGE.contains("http"));
        assert!(
            PAGE.contains("<code>take_profits</code>"),
            "fields of lists are told"
        );
        assert!(!PAGE.contains("<i></i>"), "each field says what it may be");
    }

    #[test]
    fn text_of_the_document_is_never_markup() {
        let document = json!({"info": {"title": "<b>\"&"}, "paths": {}});
        assert!(page(&document).contains("<h1>&lt;b&gt;&quot;&amp; over HTTP"));
    }
}
