//! A call as it came: its parameters, who says to have signed it, and whether that is so.

use std::sync::Arc;

use countersign_domain::access_key::AccessKey;
use countersign_domain::operations::SignedCalls;
use http::Method;
use http::header::CONTENT_TYPE;

use super::complaint::Complaint;
use crate::door::Request;
use crate::signing::form::{Form, FormError};
use crate::signing::multipart;
use crate::signing::tencent_v1::{self, Algorithm, SIGNATURE, Signed};
use crate::tencent::{Refused, Signature, Tencent};

const FORM: &str = "application/x-www-form-urlencoded";
/// Nobody's nonce has more digits.
const LONGEST_NONCE: usize = 20;

/// A call that is read and not yet believed.
pub(super) struct Call<'a> {
    pub(super) action: &'a str,
    request: &'a Request,
    form: &'a Form,
    signature: Vec<u8>,
    signed: Signature<'a>,
}

/// The parameters of a request, from wherever it has them.
pub(super) fn shape(request: &Request) -> Result<Form, Complaint> {
    if !matches!(request.method, Method::GET | Method::POST) {
        return Err(Complaint::MethodUnsupported);
    }
    let query = request.query.as_deref();
    let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let is_form = content_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(FORM));
    let form = match multipart::boundary(content_type) {
        Some(boundary) => {
            multipart::fields(&request.body, boundary).and_then(|fields| Form::with_fields(query, fields))
        }
        None => Form::read(query, is_form.then_some(&request.body)),
    };
    form.map_err(|error| match error {
        FormError::Unreadable => Complaint::Unreadable,
        FormError::TooMany => Complaint::TooManyParameters,
        FormError::Repeated(_) => Complaint::Repeated,
    })
}

impl<'a> Call<'a> {
    /// Reads the common parameters.
    pub(super) fn read(request: &'a Request, form: &'a Form) -> Result<Self, Complaint> {
        let given = |name: &'static str| form.get(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| given(name).ok_or(Complaint::Missing(name));
        let (action, key_id) = (required("Action")?, required("SecretId")?);
        let (timestamp, nonce) = (required("Timestamp")?, required("Nonce")?);
        let signature = tencent_v1::read(required(SIGNATURE)?);
        let seconds = timestamp.parse().map_err(|_| Complaint::Invalid("Timestamp"))?;
        let is_number = nonce.len() <= LONGEST_NONCE && nonce.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(Complaint::Invalid("Nonce"));
        }
        // Temporary keys come with a token; none are issued here.
        if given("Token").is_some() {
            return Err(Complaint::TokenUnsupported);
        }
        let signed = Signature::with_nonce(key_id, seconds, nonce, &signature);
        Ok(Self { action, request, form, signature, signed })
    }

    /// The key that signed the call.
    pub(super) async fn admit(&self, tencent: &Tencent, calls: &SignedCalls) -> Result<Arc<AccessKey>, Complaint> {
        let Self { request, form, signature, signed, .. } = self;
        let hosts = tencent.hosts(request);
        let text = Signed { method: &request.method, hosts: &hosts, path: &request.path, form };
        let algorithm = Algorithm::named(form.get("SignatureMethod"));
        let admitted = tencent.admit(calls, signed, |secret| text.holds(signature, algorithm, secret)).await;
        admitted.map_err(|refused| match refused {
            Refused::Untimely => Complaint::Untimely,
            Refused::KeyUnknown => Complaint::KeyUnknown,
            Refused::KeyInactive => Complaint::KeyInactive,
            Refused::Mismatch => Complaint::Mismatch,
            Refused::NonceUsed => Complaint::NonceUsed,
            Refused::Limited(limited) => Complaint::Throttled(limited),
            Refused::Busy => Complaint::Busy,
        })
    }
}
