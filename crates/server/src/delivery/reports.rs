use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::contact::ContactKeys;
use countersign_domain::message::{MessageId, SenderName};
use countersign_domain::operations::{DeliverMessages, KeepDeliveryError};
use countersign_domain::ports::{DeliveryAddress, OutboxRecords, RecordsError, Sender};
use countersign_facades::{Facade, Problem, Refusal, Request, Response, language_of};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};

use super::Senders;

const PATH: &str = "/v1/deliveries/";

/// Where gateways tell of deliveries: `/v1/deliveries/{message}.{proof}`.
pub(crate) struct ReportAddress {
    keys: Arc<ContactKeys>,
    public_url: String,
}

impl ReportAddress {
    pub(crate) fn new(keys: Arc<ContactKeys>, public_url: &str) -> Self {
        Self { keys, public_url: public_url.to_owned() }
    }
}

impl DeliveryAddress for ReportAddress {
    fn of(&self, id: MessageId) -> String {
        let proof = u128::from_be_bytes(self.keys.delivery_proof(id));
        format!("{}{PATH}{id}.{proof:032x}", self.public_url)
    }
}

/// The door at which gateways tell what became of a message. Whoever has the address was given the message: there is no other
/// key. What it says is for one message only, and read by that message's own sender.
pub(crate) struct ReportsDoor {
    keys: Arc<ContactKeys>,
    records: Arc<dyn OutboxRecords>,
    deliver: Arc<DeliverMessages>,
    senders: BTreeMap<SenderName, Arc<dyn Sender>>,
}

impl ReportsDoor {
    pub(crate) fn new(
        keys: Arc<ContactKeys>,
        records: Arc<dyn OutboxRecords>,
        deliver: Arc<DeliverMessages>,
        senders: &Senders,
    ) -> Self {
        let senders = senders.iter().map(|(name, running)| (name.clone(), Arc::clone(&running.sender))).collect();
        Self { keys, records, deliver, senders }
    }

    /// The message whose address this is.
    fn message(&self, path: &str) -> Option<MessageId> {
        let (id, proof) = path.strip_prefix(PATH)?.split_once('.')?;
        let (id, proof) = (MessageId::parse(id)?, MessageId::parse(proof)?);
        self.keys.is_delivery_proof(id, &proof.0).then_some(id)
    }

    async fn keep(&self, request: &Request) -> Result<Response, Problem> {
        let id = self.message(&request.path).ok_or(Problem::NotFound)?;
        if ![Method::GET, Method::POST].contains(&request.method) {
            return Err(Problem::MethodNotAllowed("GET, POST"));
        }
        let (row, _) = self.records.message(id).await.map_err(|error| match error {
            RecordsError::Missing => Problem::NotFound,
            _ => Problem::Busy,
        })?;
        let query = request.query.as_deref().unwrap_or_default();
        let said = self.senders.get(&row.lane).and_then(|sender| sender.delivery(query, &request.body));
        let kept = match said {
            // An intermediate state, or a sender that is no more: heard, and nothing to keep.
            None => Ok(()),
            Some(delivery) => self.deliver.keep_delivery(id, delivery).await,
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
