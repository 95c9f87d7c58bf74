//! What is done with a session afterwards.
//!
//! The vendor's clients send the session's token as `X-signature`, encrypted with an RSA key of the server's that they fetch
//! before: protection against whoever reads HTTP, which TLS gives to all calls. That form is not spoken here; the token comes as
//! `X-session-token`, as it is.

use http::StatusCode;
use serde::Serialize;

use super::complaint::Complaint;
use super::{BY, CONTENT_TYPE, HuaweiOneAccess};
use crate::door::{Request, Response, json};

#[derive(Serialize)]
struct IdTokenJson<'a> {
    id_token: &'a str,
}

impl HuaweiOneAccess {
    pub(super) async fn refresh_id_token(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let made = self.people.attend_session.id_token(&app.id, session_token(request)?, request.client).await;
        let id_token = made.map_err(|error| Complaint::of_session(&error))?;
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&IdTokenJson { id_token: id_token.expose() })))
    }

    pub(super) async fn logout(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let ended = self.people.attend_session.end(&app.id, session_token(request)?, request.client, BY).await;
        ended.map_err(|error| Complaint::of_session(&error))?;
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, Vec::new()))
    }
}

fn session_token(request: &Request) -> Result<&str, Complaint> {
    request.header("x-session-token").ok_or(Complaint::ParameterBlank("X-session-token"))
}
