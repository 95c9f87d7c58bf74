//! What the doors of codes share: the operations.

use std::sync::Arc;

use countersign_domain::operations::{
    CheckCode, CodePorts, DeliverMessages, DeliveryPolicy, ReadCodes, RedeemTicket, SendCode, SendPolicy,
    VerifiedContacts,
};

/// The operations on codes and the contacts that they verify.
#[derive(Clone)]
pub struct Codes {
    /// Sends a code.
    pub send_code: Arc<SendCode>,
    /// Checks one.
    pub check_code: Arc<CheckCode>,
    /// Reads how one is doing.
    pub read_codes: Arc<ReadCodes>,
    /// The contacts that were verified.
    pub verified_contacts: Arc<VerifiedContacts>,
    /// Works off the outbox.
    pub deliver_messages: Arc<DeliverMessages>,
    /// What the operator has decided.
    pub policy: Arc<SendPolicy>,
    /// The calling code of numbers that come without one, where the operator names one: `86`.
    pub default_calling_code: Option<Arc<str>>,
}

impl Codes {
    /// All of them over the same ports.
    pub fn new(
        ports: &CodePorts,
        policy: SendPolicy,
        delivery: DeliveryPolicy,
        redeem: Arc<RedeemTicket>,
        default_calling_code: Option<&str>,
    ) -> Self {
        let policy = Arc::new(policy);
        Self {
            send_code: Arc::new(SendCode::new(ports.clone(), Arc::clone(&policy), Some(redeem))),
            check_code: Arc::new(CheckCode::new(ports.clone(), Arc::clone(&policy))),
            read_codes: Arc::new(ReadCodes::new(ports.clone())),
            verified_contacts: Arc::new(VerifiedContacts::new(ports.clone(), Arc::clone(&policy))),
            deliver_messages: Arc::new(DeliverMessages::new(ports.clone(), delivery)),
            policy,
            default_calling_code: default_calling_code.map(Arc::from),
        }
    }
}
