//! The console: pages for people, in the binary. What is served here says itself where it may reach, which is this server.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Written by `console/build`, with the hash of its content in the name of each but the document.
const ASSETS: &[Asset] = include!("../console/list.rs");
const DOCUMENT: &str = "index.html";
/// Where the document is shown; which page it draws is its own affair.
const PAGES: [&str; 9] = [
    "/",
    "/chart",
    "/chart/{symbol}",
    "/chart/{symbol}/{timeframe}",
    "/signals/{id}",
    "/track-record",
    "/operations",
    "/login",
    "/console",
];
/// Nothing but our own files and our own server; no inline script or style, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A name never means other bytes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// The document names the others, so it is asked for each time, and mostly answered with 304.
const ASK_FIRST: &str = "no-cache";

struct Asset {
    name: &'static str,
    kind: &'static str,
    tag: &'static str,
    bytes: &'static [u8],
    brotli: &'static [u8],
}

pub(crate) fn router() -> Router {
    let pages = PAGES.into_iter().fold(Router::new(), |router, page| {
        router.route(page, get(document))
    });
    pages.route("/console/{name}", get(asset))
}

async fn document(headers: HeaderMap) -> Response {
    tell(DOCUMENT, ASK_FIRST, &headers)
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    tell(&name, FOREVER, &headers)
}

fn tell(name: &str, caching: &'static str, headers: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = if has(headers, &header::IF_NONE_MATCH, asset.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if has(headers, &header::ACCEPT_ENCODING, "br") {
        ([(header::CONTENT_ENCODING, "br")], asset.brotli).into_response()
    } else {
        asset.bytes.into_response()
    };
    let headers = response.headers_mut();
    let mut say = |name, value| headers.insert(name, HeaderValue::from_static(value));
    say(header::CONTENT_TYPE, asset.kind);
    say(header::ETAG, asset.tag);
    say(header::CACHE_CONTROL, caching);
    say(header::VARY, "Accept-Encoding");
    say(header::CONTENT_SECURITY_POLICY, POLICY);
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::REFERRER_POLICY, "no-referrer");
    response
}

/// Whether a header that lists things has this one, refused ones (`q=0`) and the strength of tags aside.
fn has(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_it = parts
            .next()
            .is_some_and(|part| part.trim_start_matches("W/") == wanted);
        let refuses = |part: &str| {
            part.strip_prefix("q=")
                .and_then(|weight| weight.parse::<f32>().ok())
                .is_some_and(|weight| weight <= 0.0)
        };
        is_it && !parts.any(refuses)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    /// All that a browser may have to fetch, compressed.
    const BUDGET: usize = 150 * 1024;

    async fn ask(path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = router().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        (head.status, head.headers, body.to_vec())
    }

    fn named(end: &str) -> &'static Asset {
        let is_it =
            |asset: &&Asset| asset.name.starts_with("console-") && asset.name.ends_with(end);
        ASSETS.iter().find(is_it).expect("an asset")
    }

    #[test]
    fn all_assets_fit_the_budget_and_no_document_needs_more_than_them() {
        let all: usize = ASSETS.iter().map(|asset| asset.brotli.len()).sum();
        assert!(all < BUDGET, "{all} bytes of {BUDGET}");
        let document = ASSETS.iter().find(|asset| asset.name == DOCUMENT);
        let document = std::str::from_utf8(document.expect("the document").bytes).expect("text");
        for named in document
            .split('"')
            .filter_map(|part| part.strip_prefix("/console/"))
        {
            assert!(ASSETS.iter().any(|asset| asset.name == named), "{named}");
        }
        for outside in ["://", "<style", "onload", "{{"] {
            assert!(!document.contains(outside), "the document has {outside}");
        }
    }

    #[tokio::test]
    async fn every_page_is_the_document_under_a_strict_policy() {
        let (_, _, first) = ask("/", &[]).await;
        for path in [
            "/chart/EURUSD/5m",
            "/signals/7c0e",
            "/track-record",
            "/operations",
            "/login",
        ] {
            let (status, headers, body) = ask(path, &[]).await;
            assert_eq!((status, &body), (StatusCode::OK, &first), "{path}");
            assert_eq!(headers[header::CACHE_CONTROL], ASK_FIRST);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
            let policy = headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .expect("text");
            assert!(policy.starts_with("default-src 'none'"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
        assert_eq!(ask("/console/none.js", &[]).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn an_asset_comes_compressed_to_who_takes_it_and_once() {
        let script = named(".js");
        let path = format!("/console/{}", script.name);
        let (_, headers, body) =
            ask(&path, &[(header::ACCEPT_ENCODING, "gzip, deflate, br")]).await;
        assert_eq!(headers[header::CONTENT_ENCODING], "br");
        assert_eq!(headers[header::CACHE_CONTROL], FOREVER);
        assert_eq!(body, script.brotli);
        for plain in ["gzip", "br;q=0", "identity"] {
            let (_, headers, body) = ask(&path, &[(header::ACCEPT_ENCODING, plain)]).await;
            assert!(!headers.contains_key(header::CONTENT_ENCODING), "{plain}");
            assert_eq!(body, script.bytes);
        }
        let tag = headers[header::ETAG].to_str().expect("text");
        for known in [tag.to_owned(), format!("\"other\", W/{tag}")] {
            let (status, _, body) = ask(&path, &[(header::IF_NONE_MATCH, &known)]).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        }
    }
}
