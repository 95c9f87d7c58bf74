//! A call as it came: its parameters, who says to have signed it, and whether that is so.

use std::borrow::Cow;
use std::sync::Arc;

use countersign_domain::access_key::AccessKey;
use countersign_domain::language::Language;
use countersign_domain::operations::SignedCalls;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value};

use super::complaint::Complaint;
use crate::door::Request;
use crate::signing::form::{Form, FormError};
use crate::signing::tc3::{Authorization, TIMESTAMP};
use crate::signing::tencent_v1::{self, Algorithm, SIGNATURE, Signed};
use crate::tencent::{Refused, Signature, Tencent};

const FORM: &str = "application/x-www-form-urlencoded";

/// The parameters of a call, from wherever it has them.
pub(super) enum Parameters {
    Json(Map<String, Value>),
    Form(Form),
}

impl Parameters {
    /// A text or a whole number, as text; `None` if it is not there, or empty.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, Complaint> {
        let text = match self {
            Self::Form(form) => form.get(name).map(Cow::Borrowed),
            Self::Json(members) => match members.get(name) {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(Cow::Borrowed(text.as_str())),
                Some(Value::Number(number)) if number.is_u64() => Some(Cow::Owned(number.to_string())),
                Some(_) => return Err(Complaint::Invalid(name)),
            },
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub(super) fn required(&self, name: &'static str) -> Result<String, Complaint> {
        self.text(name)?.map(Cow::into_owned).ok_or(Complaint::Missing(name))
    }

    pub(super) fn number(&self, name: &'static str) -> Result<u64, Complaint> {
        self.required(name)?.parse().map_err(|_| Complaint::Invalid(name))
    }
}

/// A call that is read and not yet believed.
pub(super) struct Call<'a> {
    pub(super) action: &'a str,
    pub(super) version: &'a str,
    request: &'a Request,
    signed: Signature<'a>,
    scheme: Scheme<'a>,
}

enum Scheme<'a> {
    Tc3 { authorization: Authorization<'a>, timestamp: &'a str },
    V1 { form: &'a Form, signature: Vec<u8> },
}

/// The language of messages: the vendor's is Chinese unless the caller wants English.
pub(super) fn language(request: &Request) -> Language {
    let in_query = request.query.as_deref().is_some_and(|query| query.split('&').any(|pair| pair == "Language=en-US"));
    let in_header = request.header("x-tc-language") == Some("en-US");
    if in_header || in_query { Language::English } else { Language::Chinese }
}

impl<'a> Call<'a> {
    /// The parameters of a request that this gateway can take at all.
    pub(super) fn shape(request: &Request) -> Result<Parameters, Complaint> {
        if !matches!(request.method, Method::GET | Method::POST) {
            return Err(Complaint::MethodUnsupported);
        }
        let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let is_form = content_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(FORM));
        if request.method == Method::POST && !is_form {
            return serde_json::from_slice(&request.body).map(Parameters::Json).map_err(|_| Complaint::Unreadable);
        }
        let form = Form::read(request.query.as_deref(), is_form.then_some(&request.body));
        form.map(Parameters::Form).map_err(|error| match error {
            FormError::Unreadable | FormError::TooMany => Complaint::Unreadable,
            FormError::Repeated(_) => Complaint::Repeated,
        })
    }

    /// Reads the common parameters, from where the request's scheme has them.
    pub(super) fn read(request: &'a Request, parameters: &'a Parameters) -> Result<Self, Complaint> {
        match (request.header(AUTHORIZATION.as_str()), parameters) {
            (Some(authorization), _) => Self::tc3(request, authorization),
            (None, Parameters::Form(form)) => Self::v1(request, form),
            (None, Parameters::Json(_)) => Err(Complaint::AuthorizationInvalid),
        }
    }

    fn tc3(request: &'a Request, authorization: &'a str) -> Result<Self, Complaint> {
        let authorization = Authorization::read(authorization).ok_or(Complaint::AuthorizationInvalid)?;
        let required = |header, name| request.header(header).ok_or(Complaint::Missing(name));
        let action = required("x-tc-action", "X-TC-Action")?;
        let version = required("x-tc-version", "X-TC-Version")?;
        let timestamp = required(TIMESTAMP, "X-TC-Timestamp")?;
        let seconds = timestamp.parse().map_err(|_| Complaint::Invalid("X-TC-Timestamp"))?;
        if request.header("x-tc-token").is_some() {
            return Err(Complaint::TokenUnsupported);
        }
        let signed = Signature::without_nonce(authorization.key_id, seconds);
        Ok(Self { action, version, request, signed, scheme: Scheme::Tc3 { authorization, timestamp } })
    }

    fn v1(request: &'a Request, form: &'a Form) -> Result<Self, Complaint> {
        let given = |name: &'static str| form.get(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| given(name).ok_or(Complaint::Missing(name));
        let (action, version, key_id) = (required("Action")?, required("Version")?, required("SecretId")?);
        let (timestamp, nonce) = (required("Timestamp")?, required("Nonce")?);
        let signature = tencent_v1::read(required(SIGNATURE)?);
        let seconds = timestamp.parse().map_err(|_| Complaint::Invalid("Timestamp"))?;
        if given("Token").is_some() {
            return Err(Complaint::TokenUnsupported);
        }
        let signed = Signature::with_nonce(key_id, seconds, nonce, &signature);
        Ok(Self { action, version, request, signed, scheme: Scheme::V1 { form, signature } })
    }

    /// The key that signed the call.
    pub(super) async fn admit(&self, tencent: &Tencent, calls: &SignedCalls) -> Result<Arc<AccessKey>, Complaint> {
        let Self { request, signed, scheme, .. } = self;
        let hosts = tencent.hosts(request);
        let admitted = tencent.admit(calls, signed, |secret| match scheme {
            Scheme::Tc3 { authorization, timestamp } => authorization.holds(request, &hosts, timestamp, secret),
            Scheme::V1 { form, signature } => {
                let text = Signed { method: &request.method, hosts: &hosts, path: &request.path, form };
                text.holds(signature, Algorithm::named(form.get("SignatureMethod")), secret)
            }
        });
        admitted.await.map_err(|refused| match refused {
            Refused::Untimely => Complaint::Untimely,
            Refused::KeyUnknown => Complaint::KeyUnknown,
            Refused::KeyInactive => Complaint::KeyInactive,
            Refused::Mismatch => Complaint::Mismatch,
            Refused::NonceUsed => Complaint::NonceUsed,
            Refused::Limited(_) => Complaint::Throttled,
            Refused::Busy => Complaint::Busy,
        })
    }
}
