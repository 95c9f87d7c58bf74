//! From bytes to a door and back: the request's id, its client's address, its body within limits, the deadline, metrics, one line of log.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_domain::agent::AgentCertificate;
use countersign_domain::ports::{Clock, Entropy};
use countersign_facades::{BODY_LIMIT, Facade, Head, Problem, Refusal, Request, Response, language_of};
use http_body_util::{BodyExt as _, Full};
use hyper::Version;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use tokio::time::timeout;

use crate::client_address::TrustedProxies;
use crate::metrics::Metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How much of a path is logged, in bytes: clients choose it.
const PATH_IN_LOG: usize = 200;
/// What follows is a message's id and, behind it, what only the message's gateway knows.
const DELIVERIES: &str = "/v1/deliveries/";
/// A body over the limit is read on up to here, so that its sender comes to read the refusal.
const DRAIN_LIMIT: usize = 4 * 1024 * 1024;

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) peer: IpAddr,
    /// The certificate that the handshake proved.
    pub(crate) agent: Option<AgentCertificate>,
}

/// Takes requests to their doors.
pub(crate) struct Dispatcher {
    /// Several, where vendors share a path; in the order of the doors.
    exact: HashMap<&'static str, Vec<Arc<dyn Facade>>>,
    /// Longest first.
    prefixes: Vec<(&'static str, Arc<dyn Facade>)>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    proxies: TrustedProxies,
    /// Whether the operator has been told of a proxy that nobody listed.
    told: AtomicBool,
    body_patience: Duration,
    deadline: Duration,
}

/// Why a request has no body that can be used.
enum BodyError {
    TooLarge,
    Incomplete,
}

impl Dispatcher {
    pub(crate) fn new(
        doors: &[Arc<dyn Facade>],
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        proxies: TrustedProxies,
        body_patience: Duration,
        deadline: Duration,
    ) -> Self {
        let mut exact: HashMap<_, Vec<_>> = HashMap::new();
        let mut prefixes = Vec::new();
        for door in doors {
            for path in door.paths() {
                match path.strip_suffix('*') {
                    Some(prefix) => prefixes.push((prefix, Arc::clone(door))),
                    None => exact.entry(*path).or_default().push(Arc::clone(door)),
                }
            }
        }
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self {
            exact,
            prefixes,
            metrics,
            clock,
            entropy,
            proxies,
            told: AtomicBool::new(false),
            body_patience,
            deadline,
        }
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The door that takes a call with this head; an exact path goes before a prefix.
    fn door(&self, head: &Head<'_>) -> Option<&Arc<dyn Facade>> {
        let exact = self.exact.get(head.path).into_iter().flatten();
        let prefixes = self.prefixes.iter().filter(|(prefix, _)| head.path.starts_with(prefix)).map(|(_, door)| door);
        exact.chain(prefixes).find(|door| door.takes(head))
    }

    /// Answers a request of `caller`. Never fails.
    pub(crate) async fn serve(
        self: Arc<Self>,
        Caller { peer, agent }: Caller,
        mut request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        name_host(&mut request);
        let start = self.clock.monotonic();
        let request_id = self.entropy.text(b"0123456789abcdef", 16);
        let client = self.proxies.client(peer, request.headers());
        if self.proxies.overlooks(peer, request.headers()) && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, "not in trusted_proxies, but it asks for others: if it is your proxy, all its clients count as one");
        }
        let method = request.method().clone();
        let version = request.version();
        let path = request.uri().path().to_owned();
        let head = Head { method: &method, path: &path, query: request.uri().query(), headers: request.headers() };
        let door = self.door(&head).cloned();
        let name = door.as_ref().map_or("none", |door| door.name());
        let (response, whole) = match door {
            Some(door) => self.at_door(door, request, (client, agent), &request_id).await,
            None => (Problem::NotFound.response(language_of(request.headers())), request.body().is_end_stream()),
        };
        let request_id = name_of(&response).map_or(request_id, str::to_owned);
        let took = self.clock.monotonic().saturating_sub(start);
        let status = response.status.as_u16();
        self.metrics.request(name, status, took);
        let path = in_log(&path);
        tracing::info!(%client, %method, path, door = name, status, took_us = took.as_micros(), request_id, "request");
        // A connection whose request was not read to its end is of no more use, but for HTTP/2, which ends the one call.
        let close = !whole && version < Version::HTTP_2;
        Ok(finished(response, &request_id, close))
    }

    /// The door's answer, and whether the request was read to its end.
    async fn at_door(
        &self,
        door: Arc<dyn Facade>,
        request: hyper::Request<Incoming>,
        (client, agent): (IpAddr, Option<AgentCertificate>),
        request_id: &str,
    ) -> (Response, bool) {
        let (head, body) = request.into_parts();
        let patient = head.headers.contains_key(EXPECT);
        let body = match timeout(self.body_patience, collect(body, patient)).await {
            Ok(Ok(body)) => body,
            Ok(Err(BodyError::TooLarge)) => return (door.refuse(Refusal::BodyTooLarge, &head.headers), false),
            Ok(Err(BodyError::Incomplete)) | Err(_) => {
                return (door.refuse(Refusal::BodyIncomplete, &head.headers), false);
            }
        };
        let request = Request {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            body,
            client,
            // A connection may outlive the certificate that it began with. TLS counts the last second in, and the records do
            // not: then it is none in either.
            agent: agent.filter(|agent| self.clock.now() < agent.not_after),
        };
        // A task of its own: what is begun is finished though the client goes away, and a panic ends nothing else.
        let answering = Arc::clone(&door);
        let answer = tokio::spawn(async move { answering.answer(request).await });
        let response = match timeout(self.deadline, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let refused = door.refuse(Refusal::Failed, &head.headers);
                let request_id = name_of(&refused).unwrap_or(request_id);
                tracing::error!(%error, request_id, "a door has failed");
                refused
            }
            Err(_) => door.refuse(Refusal::DeadlineExceeded, &head.headers),
        };
        (response, true)
    }
}

/// Puts the host that a request names in its target (`:authority` over HTTP/2, or an absolute target) into the header where
/// façades look for it. The target wins over the header (RFC 9112, 3.2.2; RFC 9113, 8.3.1).
fn name_host(request: &mut hyper::Request<Incoming>) {
    let named = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(named) = named {
        request.headers_mut().insert(HOST, named);
    }
}

/// A path as it is logged: the beginning of a long one, and of an address of deliveries no more than the message's id. It is
/// looked for anywhere, because gateways and proxies put slashes and folders in front.
fn in_log(path: &str) -> String {
    if let Some((before, behind)) = path.split_once(DELIVERIES) {
        let id: String = behind.chars().take_while(char::is_ascii_hexdigit).take(32).collect();
        let before = before.get(..PATH_IN_LOG).unwrap_or(before);
        return format!("{before}{DELIVERIES}{id}…");
    }
    path.get(..PATH_IN_LOG).unwrap_or(path).to_owned()
}

/// The body, if it is within the limit. `patient` clients (`Expect: 100-continue`) have not sent theirs yet, so there is
/// nothing to read on.
async fn collect(mut body: Incoming, patient: bool) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().lower();
    if patient && announced > BODY_LIMIT as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut collected = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
        length += data.len();
        if length <= BODY_LIMIT {
            collected.extend_from_slice(&data);
        } else if length > DRAIN_LIMIT {
            break;
        }
    }
    if length > BODY_LIMIT { Err(BodyError::TooLarge) } else { Ok(collected.freeze()) }
}

/// What the door itself calls the request: vendors' clients read it in more than one place, so it is the door's to draw.
fn name_of(response: &Response) -> Option<&str> {
    response.headers.get(REQUEST_ID)?.to_str().ok()
}

fn finished(response: Response, request_id: &str, close: bool) -> hyper::Response<Full<Bytes>> {
    let mut answer = hyper::Response::new(Full::new(response.body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proof_of_a_delivery_is_logged() {
        let (id, proof) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210");
        for path in [
            format!("/v1/deliveries/{id}.{proof}"),
            format!("/v1/deliveries/{id}.gateway.{proof}"),
            format!("/v1/deliveries/{id}.{proof}."),
            format!("/v1/deliveries/{id}%2e{proof}"),
            format!("/v1/deliveries/{id}{proof}"),
            format!("/v1/deliveries/{id}/{proof}"),
        ] {
            assert_eq!(in_log(&path), format!("/v1/deliveries/{id}…"), "{path}");
        }
        assert_eq!(in_log(&format!("//v1/deliveries/.{proof}")), "//v1/deliveries/…");
        assert_eq!(in_log(&format!("/folder/v1/deliveries/{id}.{proof}")), format!("/folder/v1/deliveries/{id}…"));
    }

    #[test]
    fn other_paths_are_logged_as_they_are_up_to_a_length() {
        assert_eq!(in_log("/v1/codes"), "/v1/codes");
        assert_eq!(in_log("/v1/deliveries"), "/v1/deliveries");
        assert_eq!(in_log(&format!("/{}", "a".repeat(300))).len(), PATH_IN_LOG);
    }
}
