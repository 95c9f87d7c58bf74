//! Answers: the envelope around what an operation says, and around a complaint, in JSON or XML.

use countersign_domain::ports::Entropy;
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, StatusCode};

use super::complaint::Complaint;
use super::tree::{Tree, xml};
use crate::door::{Request, Response, json};
use crate::signing::form::{Form, encode};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");
/// In milliseconds, as the SDKs wait.
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-acs-retry-after");

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    /// As the parameter `Format` says; without it, as `accept` does, where clients of the newer scheme say it.
    pub(super) fn of(request: &Request, form: &Form) -> Result<Self, Complaint> {
        match form.get("Format").filter(|format| !format.is_empty()) {
            Some(format) if format.eq_ignore_ascii_case("json") => Ok(Self::Json),
            Some(format) if format.eq_ignore_ascii_case("xml") => Ok(Self::Xml),
            Some(_) => Err(Complaint::FormatUnknown),
            None => {
                let accept = request.header(ACCEPT.as_str()).unwrap_or_default();
                let is_xml = ["application/xml", "text/xml"].contains(&accept);
                Ok(if is_xml { Self::Xml } else { Self::Json })
            }
        }
    }
}

/// An answer on its way.
pub(super) struct Reply<'a> {
    request_id: String,
    host_id: &'a str,
    product: &'static str,
}

impl<'a> Reply<'a> {
    /// An answer with an id of its own.
    pub(super) fn new(entropy: &dyn Entropy, host_id: &'a str) -> Self {
        Self { request_id: request_id(entropy), host_id, product: "" }
    }

    /// The same, about this product.
    pub(super) fn about(self, product: &'static str) -> Self {
        Self { product, ..self }
    }

    /// What the operation `action` answers.
    pub(super) fn success(self, action: &str, tree: Tree, format: Format) -> Response {
        let mut fields = vec![("RequestId", Tree::Text(self.request_id.clone()))];
        match tree {
            Tree::Object(rest) => fields.extend(rest),
            // Only objects have room for the id; an operation answers with nothing else.
            other => fields.push(("Data", other)),
        }
        self.written(StatusCode::OK, &format!("{action}Response"), &Tree::Object(fields), format)
    }

    /// A complaint. SDKs find it by its status, which is never 2xx, and its `Code`.
    pub(super) fn complaint(self, complaint: &Complaint, format: Format) -> Response {
        let (status, code, message) = complaint.words();
        let recommend = self.recommend(&code);
        let fields = Tree::Object(vec![
            ("RequestId", Tree::Text(self.request_id.clone())),
            ("HostId", Tree::Text(self.host_id.to_owned())),
            ("Code", Tree::Text(code)),
            ("Message", Tree::Text(message)),
            ("Recommend", Tree::Text(recommend)),
        ]);
        let response = self.written(status, "Error", &fields, format);
        let retry_after = match complaint {
            Complaint::Throttled(limited) => Some(limited.retry_after),
            Complaint::TooManyCodes(retry_after) => Some(*retry_after),
            _ => None,
        };
        let Some(retry_after) = retry_after else { return response };
        let wait = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).max(1);
        response.with_value(RETRY_AFTER, HeaderValue::from(wait))
    }

    /// The vendor's page about a code, in the vendor's form: the codes are its own, and so is what it says of them. The one
    /// address in an answer that is not ours; nothing here follows it.
    fn recommend(&self, code: &str) -> String {
        let mut url = "https://api.aliyun.com/troubleshoot?q=".to_owned();
        encode(code, &mut url);
        url.extend(["&product=", self.product, "&requestId=", &self.request_id]);
        url
    }

    fn written(&self, status: StatusCode, root: &str, tree: &Tree, format: Format) -> Response {
        let response = match format {
            Format::Json => Response::new(status, "application/json;charset=utf-8", json(tree)),
            // One SDK reads errors only if the type is written exactly like this.
            Format::Xml => Response::new(status, "text/xml;charset=utf-8", xml(root, tree)),
        };
        match HeaderValue::from_str(&self.request_id) {
            Ok(request_id) => response.with_value(REQUEST_ID, request_id),
            Err(_) => response, // never: it is hexadecimal
        }
    }
}

/// A random UUID in upper case.
fn request_id(entropy: &dyn Entropy) -> String {
    use std::fmt::Write as _;

    let mut bytes: [u8; 16] = entropy.array();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        let _infallible = write!(text, "{byte:02X}");
    }
    text
}
