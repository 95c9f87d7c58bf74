//! Access keys as HTTP Basic credentials, RFC 7617: how the native API's server side proves itself.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::access_key::{AccessKey, AccessKeyId, Permission};
use countersign_domain::operations::{AdmissionError, SignedCalls};
use countersign_domain::ports::Directory;
use http::header::AUTHORIZATION;

use crate::door::Request;
use crate::problem::Problem;

/// The access key that a request proves to have.
///
/// # Errors
/// [`Problem::Unauthenticated`] without one, [`Problem::PermissionDenied`] without the permission.
pub(crate) fn authenticate(
    request: &Request,
    directory: &dyn Directory,
    permission: Permission,
) -> Result<Arc<AccessKey>, Problem> {
    let (id, secret) = credentials(request).ok_or(Problem::Unauthenticated)?;
    let key = AccessKeyId::parse(&id).and_then(|id| directory.access_key(&id)).filter(|key| key.row.enabled);
    // That a key exists is no secret; its secret is compared in constant time.
    let key = key.ok_or(Problem::Unauthenticated)?;
    if !key.has_secret(&secret) || directory.usable_app(&key.row.app).is_err() {
        return Err(Problem::Unauthenticated);
    }
    if key.row.permissions.allow(permission) { Ok(key) } else { Err(Problem::PermissionDenied) }
}

/// The same, for calls that are counted against the limit of their key.
///
/// # Errors
/// Those of [`authenticate`], and [`Problem::TooManyRequests`].
pub(crate) async fn admit(
    request: &Request,
    directory: &dyn Directory,
    calls: &SignedCalls,
    permission: Permission,
) -> Result<Arc<AccessKey>, Problem> {
    let key = authenticate(request, directory, permission)?;
    match calls.admit(&key.row.id).await {
        Ok(()) => Ok(key),
        Err(AdmissionError::Limited(limited)) => Err(Problem::TooManyRequests(limited)),
        Err(AdmissionError::Busy(_)) => Err(Problem::Busy),
    }
}

fn credentials(request: &Request) -> Option<(String, String)> {
    let (scheme, encoded) = request.header(AUTHORIZATION.as_str())?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}
