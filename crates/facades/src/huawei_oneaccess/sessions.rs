//! What is done with a session afterwards.
//!
//! The vendor's clients send the session's token as `X-signature`: with the server's time and a nonce, encrypted with the server's
//! RSA key (OAEP, SHA-256 for the hash and for MGF1). It keeps the token, and the call's repetition, from whoever reads HTTP, as TLS
//! does for all calls; it proves nothing about who encrypted. `X-session-token` is ours: the token as it is, for clients with TLS.

use countersign_domain::operations::ShownSession;
use http::StatusCode;
use serde::Serialize;

use super::complaint::Complaint;
use super::{BY, CONTENT_TYPE, HuaweiOneAccess};
use crate::door::{Request, Response, json};

#[derive(Serialize)]
struct IdTokenJson<'a> {
    id_token: &'a str,
}

#[derive(Serialize)]
struct PublicKeyJson {
    public_key: String,
}

#[derive(Serialize)]
struct ServerDateJson {
    timestamp: String,
}

impl HuaweiOneAccess {
    /// The documented client strips the markers and any newline, so there is none.
    pub(super) async fn public_key(&self, request: &Request) -> Result<Response, Complaint> {
        self.client(request)?;
        let key = self.people.signatures.public_key().await.map_err(|_| Complaint::Busy)?;
        let body = PublicKeyJson { public_key: format!("-----BEGIN PUBLIC KEY-----{key}-----END PUBLIC KEY-----") };
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }

    pub(super) fn server_date(&self, request: &Request) -> Result<Response, Complaint> {
        self.client(request)?;
        let body = ServerDateJson { timestamp: self.clock.now().milliseconds().to_string() };
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }

    pub(super) async fn refresh_id_token(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let made = self.people.attend_session.id_token(&app.id, shown(request)?, request.client).await;
        let id_token = made.map_err(|error| Complaint::of_session(&error))?;
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&IdTokenJson { id_token: id_token.expose() })))
    }

    pub(super) async fn logout(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let ended = self.people.attend_session.end(&app.id, shown(request)?, request.client, BY).await;
        ended.map_err(|error| Complaint::of_session(&error))?;
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, Vec::new()))
    }
}

/// Where both are sent, the signature decides.
fn shown(request: &Request) -> Result<ShownSession<'_>, Complaint> {
    let signature = request.header("x-signature").map(ShownSession::Signature);
    let shown = signature.or_else(|| request.header("x-session-token").map(ShownSession::Token));
    shown.ok_or(Complaint::ParameterBlank("X-signature"))
}
