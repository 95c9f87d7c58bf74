//! The schemes against what the vendors' SDKs have sent and what their documents publish.

use http::Method;

use super::acs3::{Authorization, AuthorizationError};
use super::form::{Form, encode};
use super::rpc_v1;
use crate::door::Request;
use crate::testing::{Vector, vectors};

const ALIBABA: &str = include_str!("../../vectors/alibaba.json");

fn form(request: &Request) -> Form {
    let content_type = request.header("content-type").unwrap_or_default();
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    Form::read(request.query.as_deref(), is_form.then_some(&request.body)).unwrap()
}

/// What a request's scheme makes of it: the text that is signed, and whether its signature holds.
fn judged(Vector { id, request, secret, json }: &Vector) -> (String, bool) {
    let Some(request) = request else {
        let mut query = String::new();
        for (name, value) in json["signed_params"].as_object().unwrap() {
            encode(name, &mut query);
            query.push('=');
            encode(value.as_str().unwrap(), &mut query);
            query.push('&');
        }
        let method: Method = json["method"].as_str().unwrap().parse().unwrap();
        let text = rpc_v1::string_to_sign(&method, &Form::read(Some(&query), None).unwrap());
        let holds = rpc_v1::holds(&text, json["signature"].as_str().unwrap(), secret);
        return (text, holds);
    };
    let form = form(request);
    let Some(authorization) = request.header("authorization") else {
        let text = rpc_v1::string_to_sign(&request.method, &form);
        let holds = rpc_v1::holds(&text, form.get("Signature").unwrap(), secret);
        return (text, holds);
    };
    let authorization = Authorization::read(authorization).unwrap().unwrap();
    let signed = authorization.signed(&request.method, &form, &request.headers, &request.body);
    if let Some(canonical_request) = json["canonical_request"].as_str() {
        assert_eq!(signed.canonical_request_shown(), canonical_request, "{id}");
    }
    let holds = authorization.holds(&signed, secret);
    (signed.string_to_sign(), holds)
}

#[test]
fn what_sdks_send_and_documents_publish_holds() {
    let vectors = vectors(ALIBABA, "vectors");
    assert!(vectors.len() > 40);
    for vector in vectors {
        let (text, holds) = judged(&vector);
        assert_eq!(text, vector.json["string_to_sign"].as_str().unwrap(), "{}", vector.id);
        assert!(holds, "{}", vector.id);
    }
}

#[test]
fn another_secret_does_not_hold() {
    for mut vector in vectors(ALIBABA, "vectors") {
        let other = format!("{}&", vector.secret.expose());
        vector.secret = countersign_domain::secret::Secret::new(other);
        assert!(!judged(&vector).1, "{}", vector.id);
    }
}

#[test]
fn an_authorization_is_read_whole_or_not_at_all() {
    let signature = "0123456789abcdef".repeat(4);
    let whole = format!("ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date,Signature={signature}");
    let read = Authorization::read(&whole).unwrap().unwrap();
    assert_eq!(read.credential, "AK");
    assert_eq!(read.signed_headers().collect::<Vec<_>>(), ["host", "x-acs-date"]);
    assert!(read.signs("host") && !read.signs("hos") && !read.signs("Host") && !read.signs(""));

    for other in ["", "Basic Zm9vOmJhcg==", "garbage", "TC3-HMAC-SHA256 Credential=a", "acs3-hmac-sha256"] {
        assert_eq!(Authorization::read(other), None, "{other}");
    }
    for algorithm in ["ACS3-HMAC-SM3", "ACS3-RSA-SHA256", "ACS3-"] {
        let other = whole.replace("ACS3-HMAC-SHA256", algorithm);
        assert_eq!(Authorization::read(&other), Some(Err(AuthorizationError::OtherAlgorithm)), "{other}");
    }
    for (from, to) in [
        ("Credential=AK", "Credential="),
        ("Credential=AK,", ""),
        ("SignedHeaders=host;x-acs-date", "SignedHeaders="),
        ("Signature=0", "Signature="),
        ("Signature=0", "Signature=A"),
        ("Signature=0", "Signature=中"),
        ("Signature=0", "Signature=00"),
        ("def", "def,"),
        (" Credential", " credential"),
    ] {
        let malformed = whole.replacen(from, to, 1);
        assert_eq!(Authorization::read(&malformed), Some(Err(AuthorizationError::Malformed)), "{malformed}");
    }
    assert_eq!(Authorization::read("ACS3-HMAC-SHA256"), Some(Err(AuthorizationError::Malformed)));
}
