//! Signatures: a captured request verified whole, from its bytes to the comparison, beside one HMAC-SHA256.

use anyhow::Context as _;
use bytes::Bytes;
use countersign_domain::secret::Secret;
use countersign_facades::{Request, signature_holds};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::Sha256;

/// How many are done a turn: one takes less than it takes to ask the clock.
pub(super) const BATCH: u32 = 64;

/// About as much as a scheme without a canonical form would have to hash.
const REFERENCE: [u8; 200] = [b'x'; 200];

/// A POST to `/` with an empty body, as one vendor's SDK sent it.
struct Captured {
    scheme: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

/// Alibaba's Python SDK (tea-openapi 0.4.6) calls `SendVerifyCode`, once for each signature that it knows.
const CAPTURED: [Captured; 2] = [
    Captured {
        scheme: "rpc_v1",
        query: "Action=SendVerifyCode&Format=json&Version=2020-09-30&Timestamp=2026-01-02T03%3A04%3A05Z&SignatureNonce=d410180a5abf7fe235dd9b74aca91fc0&ExtraInfo=%7B%22cenOwnerId%22%3A+1234567890123456%2C%22cenId%22%3A+%22cen-3weq30r6t0s7t4abcd%22%7D&RegionId=cn-hangzhou&VerifyCodeAction=eds_cenID_securityverification&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&AccessKeyId=testAccessKeyId&Signature=S2k8X%2BZ%2BD2XLpiFqk1miThRR2Ak%3D",
        headers: &[
            ("accept-encoding", "identity"),
            ("host", "127.0.0.1:18082"),
            ("x-acs-version", "2020-09-30"),
            ("x-acs-action", "SendVerifyCode"),
            ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
            ("x-acs-credentials-provider", "static_ak"),
            ("content-length", "0"),
        ],
    },
    Captured {
        scheme: "acs3",
        query: "ExtraInfo=%7B%22cenOwnerId%22%3A+1234567890123456%2C%22cenId%22%3A+%22cen-3weq30r6t0s7t4abcd%22%7D&RegionId=cn-hangzhou&VerifyCodeAction=eds_cenID_securityverification",
        headers: &[
            ("accept-encoding", "identity"),
            ("host", "127.0.0.1:18082"),
            ("x-acs-version", "2020-09-30"),
            ("x-acs-action", "SendVerifyCode"),
            ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
            ("x-acs-date", "2026-01-02T03:04:05Z"),
            ("x-acs-signature-nonce", "d410180a5abf7fe235dd9b74aca91fc0"),
            ("accept", "application/json"),
            ("x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("x-acs-credentials-provider", "static_ak"),
            (
                "authorization",
                "ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders=accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=1db5bbe16a684adc8263865753dbdb2cf786e461b20dfac2d39440187c14b695",
            ),
            ("content-length", "0"),
        ],
    },
];

/// Each scheme's name, its request, and the secret that this is signed with.
pub(super) fn captured() -> [(&'static str, Request, Secret<String>); 2] {
    let request = |Captured { scheme, query, headers }| {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let request = Request {
            method: Method::POST,
            path: "/".to_owned(),
            query: Some(query.to_owned()),
            headers: map,
            body: Bytes::new(),
            client: std::net::Ipv4Addr::LOCALHOST.into(),
            agent: None,
        };
        (scheme, request, Secret::new("testAccessKeySecret".to_owned()))
    };
    CAPTURED.map(request)
}

/// Verifies a request; returns how many bytes of it were looked at.
pub(super) fn verify(request: &Request, secret: &Secret<String>) -> anyhow::Result<usize> {
    anyhow::ensure!(std::hint::black_box(signature_holds(request, secret)), "a captured request does not hold");
    let query = request.query.as_ref().map_or(0, String::len);
    let headers = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    Ok(query + headers.sum::<usize>())
}

/// One HMAC-SHA256.
pub(super) fn yardstick() -> anyhow::Result<usize> {
    let mac = Hmac::<Sha256>::new_from_slice(b"testAccessKeySecret").context("a key of any length is taken")?;
    std::hint::black_box(mac.chain_update(std::hint::black_box(&REFERENCE)).finalize());
    Ok(REFERENCE.len())
}
