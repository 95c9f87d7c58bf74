//! The native API's description, `GET /openapi.json`: OpenAPI 3.1, written by hand.
//!
//! By hand, because what a caller needs to read (which refusals spend something, what to do about each) stands in no type;
//! that it is true is what the tests here are for: paths, statuses and problem types of the code and of the document are
//! compared in both directions, and `tests/openapi` calls a running server by it.
//!
//! It is written in parts, one for each tag, beside what they share; each is a piece of one document, with its own paths and
//! its own components.

use std::sync::LazyLock;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use crate::Context;
use crate::door::{Facade, Refusal, Request, Response};
use crate::problem::{Problem, language_of};

/// The parts. A test holds them against their folder, and against each other: nothing is said twice.
const PARTS: [&str; 13] = [
    include_str!("openapi/root.json"),
    include_str!("openapi/problems.json"),
    include_str!("openapi/challenges.json"),
    include_str!("openapi/tickets.json"),
    include_str!("openapi/codes.json"),
    include_str!("openapi/contacts.json"),
    include_str!("openapi/decisions.json"),
    include_str!("openapi/directory.json"),
    include_str!("openapi/usage.json"),
    include_str!("openapi/install_codes.json"),
    include_str!("openapi/groups.json"),
    include_str!("openapi/agents.json"),
    include_str!("openapi/machine.json"),
];

/// The whole document, put together when it is first asked for.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document = Value::Null;
    for part in PARTS {
        // Each is JSON: a test reads them.
        merge(&mut document, serde_json::from_str(part).unwrap_or_default());
    }
    document.to_string()
});

/// Adds `part` to `whole`, object by object. What both have and is no object stays as it was in `whole`.
fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                merge(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (whole @ Value::Null, part) => *whole = part,
        _ => {}
    }
}

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
            return Response::new(StatusCode::OK, "application/json", DOCUMENT.as_str());
        }
        Problem::MethodNotAllowed("GET").response(language_of(&request.headers))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[cfg(test)]
mod tests;
