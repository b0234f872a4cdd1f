//! Paths that lead elsewhere when sources or settings change while the server runs.

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use tower::{ServiceExt as _, service_fn};

/// Where the paths of sources and posts lead now.
#[derive(Clone, Default)]
pub(super) struct Doorway(Arc<RwLock<Router>>);

impl Doorway {
    /// Whatever is asked for on no other path goes where the doorway leads at that moment; to begin with, to `router`.
    pub(super) fn open(&self, router: Router) -> Router {
        self.lead_to(router);
        let doorway = self.clone();
        // As a service: what is laid around a handler is made anew for each request, and Socket.IO would forget its sessions.
        Router::new().fallback_service(service_fn(move |request: Request| {
            doorway.now().oneshot(request)
        }))
    }

    /// Leads to other rooms from now on. Who is in one already stays there to the end of his request.
    pub(super) fn lead_to(&self, router: Router) {
        let router = router.fallback(nothing_there);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    fn now(&self) -> Router {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Whoever tries a path by hand is told where the others are.
async fn nothing_there(path: Uri) -> (StatusCode, String) {
    let text = format!(
        "there is nothing at {}: dashboards connect to /ws/signals, the pages begin at /, and what can be asked stands at \
         /api/v1/docs\n",
        path.path()
    );
    (StatusCode::NOT_FOUND, text)
}

impl fmt::Debug for Doorway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doorway")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::routing::get;

    #[tokio::test]
    async fn paths_come_and_go_and_the_others_stay() {
        let doorway = Doorway::default();
        let to = |path: &str, words: &'static str| {
            Router::new().route(path, get(move || async move { words }))
        };
        let house = to("/health", "well").merge(doorway.open(to("/a", "a")));
        let answer = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            house.clone().oneshot(request).await.unwrap()
        };
        let ask = async |path: &str| answer(path).await.status();
        assert_eq!(ask("/a").await, StatusCode::OK);
        assert_eq!(ask("/b").await, StatusCode::NOT_FOUND);
        doorway.lead_to(to("/b", "b"));
        assert_eq!(ask("/a").await, StatusCode::NOT_FOUND);
        assert_eq!(ask("/b").await, StatusCode::OK);
        assert_eq!(ask("/health").await, StatusCode::OK);
        let told = to_bytes(answer("/ws?key=k").await.into_body(), 1000).await;
        let told = String::from_utf8(told.unwrap().to_vec()).unwrap();
        assert!(told.starts_with("there is nothing at /ws: "), "{told}");
    }
}
