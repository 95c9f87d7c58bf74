//! A call as it came: its shape, who says to have signed it, and whether that is so.

use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::complaint::Complaint;
use crate::door::Request;
use crate::signing::acs3::{Authorization, AuthorizationError};
use crate::signing::form::{Form, FormError};
use crate::signing::rpc_v1;

const FORM: &str = "application/x-www-form-urlencoded";

/// Headers that only requests of the newer scheme carry: without an authorization such a request is one that lost it, not
/// one of the older scheme.
const ACS3_HEADERS: [&str; 3] = ["x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"];

/// A call that is read and not yet believed.
pub(super) struct Signed<'a> {
    pub(super) action: &'a str,
    pub(super) version: &'a str,
    pub(super) key_id: &'a str,
    pub(super) nonce: &'a str,
    /// When it was signed, as it says.
    pub(super) at: Timestamp,
    request: &'a Request,
    form: &'a Form,
    scheme: Scheme<'a>,
}

enum Scheme<'a> {
    RpcV1 {
        signature: &'a str,
    },
    Acs3 {
        authorization: Authorization<'a>,
        /// The hash of the body, as the client says.
        payload: &'a str,
    },
}

/// The parameters of a request that this gateway can take at all.
pub(super) fn shape(request: &Request) -> Result<Form, Complaint> {
    if !matches!(request.method, Method::GET | Method::POST) {
        return Err(Complaint::MethodUnsupported);
    }
    // One SDK announces an empty body as `application/octet-stream`; whatever is no form holds no parameters.
    let is_form = request.header(CONTENT_TYPE.as_str()).is_some_and(|content_type| {
        content_type.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(FORM))
    });
    Form::read(request.query.as_deref(), is_form.then_some(&request.body)).map_err(|error| match error {
        FormError::Unreadable => Complaint::Unreadable,
        FormError::TooMany => Complaint::TooManyParameters,
        FormError::Repeated(name) => Complaint::Repeated(name),
    })
}

impl<'a> Signed<'a> {
    /// Reads the common parameters, from where the request's scheme has them.
    pub(super) fn read(request: &'a Request, form: &'a Form) -> Result<Self, Complaint> {
        match request.header(AUTHORIZATION.as_str()).and_then(Authorization::read) {
            Some(Ok(authorization)) => Self::acs3(request, form, authorization),
            Some(Err(AuthorizationError::OtherAlgorithm)) => Err(Complaint::SignatureMethod),
            Some(Err(AuthorizationError::Malformed)) => Err(Complaint::SignatureIncomplete),
            None if request.header("x-acs-bearer-token").is_some() => Err(Complaint::SignatureMethod),
            None if is_torn(request, form) => Err(Complaint::SignatureIncomplete),
            None => Self::rpc_v1(request, form),
        }
    }

    fn rpc_v1(request: &'a Request, form: &'a Form) -> Result<Self, Complaint> {
        let given = |name: &'static str| form.get(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| given(name).ok_or(Complaint::Missing(name));
        let (action, version, key_id) = (required("Action")?, required("Version")?, required("AccessKeyId")?);
        if required("SignatureMethod")? != "HMAC-SHA1" || given("SignatureType").is_some() {
            return Err(Complaint::SignatureMethod);
        }
        if required("SignatureVersion")? != "1.0" {
            return Err(Complaint::Invalid("SignatureVersion"));
        }
        let (nonce, timestamp) = (required("SignatureNonce")?, required("Timestamp")?);
        let signature = required(rpc_v1::SIGNATURE)?;
        if given("SecurityToken").is_some() {
            return Err(Complaint::SecurityToken);
        }
        let at = time(timestamp)?;
        let scheme = Scheme::RpcV1 { signature };
        Ok(Self { action, version, key_id, nonce, at, request, form, scheme })
    }

    fn acs3(request: &'a Request, form: &'a Form, authorization: Authorization<'a>) -> Result<Self, Complaint> {
        // A header that came twice has no one value, and one that is not signed could be anybody's.
        let is_ours = |name: &str| name.starts_with("x-acs-") || name == "host";
        let looked_at = |name: &str| is_ours(name) || authorization.signs(name);
        for name in request.headers.keys().map(http::HeaderName::as_str).filter(|name| looked_at(name)) {
            let once = request.headers.get_all(name).iter().nth(1).is_none();
            if !once || !authorization.signs(name) {
                return Err(Complaint::SignatureIncomplete);
            }
        }
        let required = |header: &str, name| request.header(header).ok_or(Complaint::Missing(name));
        let action = required("x-acs-action", "Action")?;
        let version = required("x-acs-version", "Version")?;
        let nonce = required("x-acs-signature-nonce", "SignatureNonce")?;
        let timestamp = required("x-acs-date", "Timestamp")?;
        let payload = request.header("x-acs-content-sha256").ok_or(Complaint::SignatureIncomplete)?;
        // Whether a body is parameters hangs on its type: where there is one, nobody in between may have set it.
        let has_loose_type =
            request.header(CONTENT_TYPE.as_str()).is_some() && !authorization.signs(CONTENT_TYPE.as_str());
        if !request.body.is_empty() && has_loose_type {
            return Err(Complaint::SignatureIncomplete);
        }
        if !authorization.signs("host") {
            return Err(Complaint::SignatureIncomplete);
        }
        if request.header("x-acs-security-token").is_some() {
            return Err(Complaint::SecurityToken);
        }
        let at = time(timestamp)?;
        let key_id = authorization.credential;
        let scheme = Scheme::Acs3 { authorization, payload };
        Ok(Self { action, version, key_id, nonce, at, request, form, scheme })
    }

    /// Whether it was signed with `secret`. If not, the complaint says what should have been signed, for the client to
    /// compare: nothing that the client did not send itself.
    pub(super) fn verify(&self, secret: &Secret<String>) -> Result<(), Complaint> {
        let Self { request, form, .. } = self;
        match &self.scheme {
            Scheme::RpcV1 { signature } => {
                let string_to_sign = rpc_v1::string_to_sign(&request.method, form);
                let holds = rpc_v1::holds(&string_to_sign, signature, secret);
                if holds { Ok(()) } else { Err(Complaint::MismatchRpcV1(string_to_sign)) }
            }
            Scheme::Acs3 { authorization, payload } => {
                let signed = authorization.signed(&request.method, form, &request.headers, &request.body);
                if signed.has_payload(payload) && authorization.holds(&signed, secret) {
                    return Ok(());
                }
                let canonical_request = signed.canonical_request_shown();
                Err(Complaint::MismatchAcs3 { string_to_sign: signed.string_to_sign_shown(), canonical_request })
            }
        }
    }
}

fn is_torn(request: &Request, form: &Form) -> bool {
    form.get(rpc_v1::SIGNATURE).is_none() && ACS3_HEADERS.iter().any(|name| request.headers.contains_key(*name))
}

/// Reads `2026-01-02T03:04:05Z`, and nothing that merely looks like it.
fn time(text: &str) -> Result<Timestamp, Complaint> {
    let shaped = text.len() == 20
        && text.bytes().zip(b"0000-00-00T00:00:00Z").all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            like => byte == *like,
        });
    let parsed = shaped.then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
    parsed.map(|time| Timestamp::from_milliseconds(time.as_millisecond())).ok_or(Complaint::TimestampFormat)
}
