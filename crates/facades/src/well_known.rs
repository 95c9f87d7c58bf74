//! `GET /.well-known/jwks.json`: the public keys with which an app's server checks id tokens (RFC 7517).

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::ports::IdTokens;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Method, StatusCode};

use crate::Context;
use crate::door::{Facade, Refusal, Request, Response};
use crate::problem::{Problem, language_of};

/// How long anybody may keep the keys. A fresh one is shown for longer than that before it signs.
const KEEP: &str = "public, max-age=60";

/// The façade.
pub(crate) struct WellKnown {
    id_tokens: Arc<dyn IdTokens>,
}

impl WellKnown {
    pub(crate) fn new(context: &Context) -> Self {
        Self { id_tokens: Arc::clone(&context.people.id_tokens) }
    }
}

#[async_trait]
impl Facade for WellKnown {
    fn name(&self) -> &'static str {
        "well_known"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/.well-known/jwks.json"]
    }

    async fn answer(&self, request: Request) -> Response {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Problem::MethodNotAllowed("GET").response(language_of(&request.headers));
        }
        Response::new(StatusCode::OK, "application/jwk-set+json", self.id_tokens.key_set())
            .with_header(CACHE_CONTROL, KEEP)
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{House, ask, shown};

    #[test]
    fn the_key_set_is_public_and_is_read_only() {
        let house = House::new();
        let door = WellKnown::new(&house.context);
        insta::assert_snapshot!("key_set", shown(&ask(&door, "GET", "/.well-known/jwks.json", &[], "")));
        insta::assert_snapshot!("method", shown(&ask(&door, "POST", "/.well-known/jwks.json", &[], "")));
    }
}
