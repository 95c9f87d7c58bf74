use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::contact::ContactKeys;
use countersign_domain::message::{Message, MessageId, SenderName};
use countersign_domain::operations::{DeliverMessages, KeepDeliveryError};
use countersign_domain::ports::{Delivery, DeliveryAddress, ReportError, Reports, Sender};
use countersign_facades::{Facade, Problem, Refusal, Request, Response, language_of};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};

use super::Senders;

const PATH: &str = "/v1/deliveries/";

/// Where the gateway of one sender tells of deliveries: `/v1/deliveries/{message}.{attempt}.{sender}.{proof}`.
pub(crate) struct ReportAddress {
    keys: Arc<ContactKeys>,
    public_url: String,
    sender: SenderName,
}

impl ReportAddress {
    pub(crate) fn new(keys: Arc<ContactKeys>, public_url: &str, sender: SenderName) -> Self {
        Self { keys, public_url: public_url.to_owned(), sender }
    }
}

impl DeliveryAddress for ReportAddress {
    fn of(&self, message: &Message) -> String {
        let Message { id, attempt, .. } = message;
        let proof = u128::from_be_bytes(self.keys.delivery_proof(*id, *attempt, &self.sender));
        format!("{}{PATH}{id}.{attempt}.{}.{proof:032x}", self.public_url, self.sender)
    }
}

/// Keeps what one sender hears of deliveries.
pub(crate) struct KeptReports {
    lane: SenderName,
    deliver: Arc<DeliverMessages>,
}

impl KeptReports {
    pub(crate) fn new(lane: SenderName, deliver: Arc<DeliverMessages>) -> Self {
        Self { lane, deliver }
    }
}

#[async_trait]
impl Reports for KeptReports {
    async fn keep(&self, gateway_id: &str, delivery: Delivery) -> Result<(), ReportError> {
        match self.deliver.keep_report(&self.lane, gateway_id, delivery).await {
            Ok(()) => Ok(()),
            Err(KeepDeliveryError::Unknown | KeepDeliveryError::TooSoon) => Err(ReportError::Unknown),
            Err(KeepDeliveryError::Records(error)) => {
                tracing::error!(sender = %self.lane, %error, "could not keep what a gateway says of a delivery");
                Err(ReportError::Unavailable)
            }
        }
    }
}

/// The door at which gateways tell what became of a message. Whoever has the address was given the message by that sender: there
/// is no other key. What it says is for one message only, and as that sender's gateway says things.
pub(crate) struct ReportsDoor {
    keys: Arc<ContactKeys>,
    deliver: Arc<DeliverMessages>,
    senders: BTreeMap<SenderName, Arc<dyn Sender>>,
}

impl ReportsDoor {
    pub(crate) fn new(keys: Arc<ContactKeys>, deliver: Arc<DeliverMessages>, senders: &Senders) -> Self {
        let senders = senders.iter().map(|(name, running)| (name.clone(), Arc::clone(&running.sender))).collect();
        Self { keys, deliver, senders }
    }

    /// The message, the try and the sender whose address this is.
    fn addressed(&self, path: &str) -> Option<(MessageId, u32, SenderName)> {
        let mut parts = path.strip_prefix(PATH)?.splitn(4, '.');
        let (id, attempt) = (MessageId::parse(parts.next()?)?, parts.next()?.parse().ok()?);
        let (sender, proof) = (SenderName::parse(parts.next()?)?, MessageId::parse(parts.next()?)?);
        self.keys.is_delivery_proof(id, attempt, &sender, &proof.0).then_some((id, attempt, sender))
    }

    async fn keep(&self, request: &Request) -> Result<Response, Problem> {
        let (id, attempt, lane) = self.addressed(&request.path).ok_or(Problem::NotFound)?;
        if ![Method::GET, Method::POST].contains(&request.method) {
            return Err(Problem::MethodNotAllowed("GET, POST"));
        }
        let query = request.query.as_deref().unwrap_or_default();
        let said = self.senders.get(&lane).and_then(|sender| sender.delivery(query, &request.body));
        let kept = match said {
            // An intermediate state, or a sender that is no more: heard, and nothing to keep.
            None => Ok(()),
            Some(delivery) => self.deliver.keep_delivery(id, &lane, attempt, delivery).await,
        };
        match kept {
            Ok(()) => Ok(Response::new(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")),
            Err(KeepDeliveryError::Unknown) => Err(Problem::NotFound),
            Err(KeepDeliveryError::TooSoon) => {
                let later = Response::new(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", "too soon\n");
                Ok(later.with_header(RETRY_AFTER, "1"))
            }
            Err(KeepDeliveryError::Records(error)) => {
                tracing::error!(%error, "could not keep what a gateway says of a delivery");
                Err(Problem::Busy)
            }
        }
    }
}

#[async_trait]
impl Facade for ReportsDoor {
    fn name(&self) -> &'static str {
        "deliveries"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/deliveries/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        self.keep(&request).await.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}
