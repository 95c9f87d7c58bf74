//! What operators look at: is it alive, is it ready, what does it count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use countersign_domain::ports::{Clock, Marks, Records};
use countersign_facades::{Facade, Problem, Refusal, Request, Response, language_of};
use http::{HeaderMap, Method, StatusCode};

use crate::metrics::Metrics;

/// `/healthz`, `/readyz`, `/metrics`.
pub(crate) struct OperationsDoor {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) marks: Arc<dyn Marks>,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Set while stopping, so that a load balancer sends no more.
    pub(crate) stopping: Arc<AtomicBool>,
}

#[async_trait]
impl Facade for OperationsDoor {
    fn name(&self) -> &'static str {
        "operations"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/healthz", "/metrics", "/readyz"]
    }

    async fn answer(&self, request: Request) -> Response {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Problem::MethodNotAllowed("GET").response(language_of(&request.headers));
        }
        match request.path.as_str() {
            "/healthz" => status(StatusCode::OK, "ok"),
            "/readyz" => self.ready().await,
            _ => self.counted().await,
        }
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

impl OperationsDoor {
    async fn ready(&self) -> Response {
        if self.stopping.load(Ordering::Relaxed) {
            return status(StatusCode::SERVICE_UNAVAILABLE, "stopping");
        }
        match self.records.revision().await {
            Ok(_) => status(StatusCode::OK, "ready"),
            Err(error) => {
                tracing::error!(%error, "not ready");
                status(StatusCode::SERVICE_UNAVAILABLE, "records unavailable")
            }
        }
    }

    async fn counted(&self) -> Response {
        // A scrape does without what cannot be read: the rest is what explains why.
        let guessing = self.records.guessing(self.clock.now()).await;
        let guessing = guessing.inspect_err(|error| tracing::error!(%error, "could not count the short codes")).ok();
        let text = self.metrics.text(self.marks.held(), guessing);
        Response::new(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    }
}

fn status(code: StatusCode, word: &str) -> Response {
    Response::new(code, "application/json", format!("{{\"status\":\"{word}\"}}"))
}
