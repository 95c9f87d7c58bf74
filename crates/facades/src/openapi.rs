//! The native API's description, `GET /openapi.json`: OpenAPI 3.1, written by hand.
//!
//! By hand, because what a caller needs to read (which refusals spend something, what to do about each) stands in no type;
//! that it is true is what the tests here are for: paths, statuses and problem types of the code and of the document are
//! compared in both directions, and `tests/openapi` calls a running server by it.

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};

use crate::Context;
use crate::door::{Facade, Refusal, Request, Response};
use crate::problem::{Language, Problem};

const DOCUMENT: &str = include_str!("openapi.json");

/// The façade.
pub(crate) struct OpenApi;

impl OpenApi {
    pub(crate) fn new(_: &Context) -> Self {
        Self
    }
}

#[async_trait]
impl Facade for OpenApi {
    fn name(&self) -> &'static str {
        "openapi"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/openapi.json"]
    }

    async fn answer(&self, request: Request) -> Response {
        if matches!(request.method, Method::GET | Method::HEAD) {
            return Response::new(StatusCode::OK, "application/json", DOCUMENT);
        }
        Problem::MethodNotAllowed("GET").response(Language::of(&request.headers))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(Language::of(headers))
    }
}

#[cfg(test)]
mod tests;
