use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::account::AccountId;
use crate::app::{Action, App, AppId};
use crate::audit::AuditEntry;
use crate::calling_code::CallingCode;
use crate::code::{Binding, Code, CodeId, CodePurpose, Digits, LONGEST, Requester, Resend, Resource};
use crate::contact::{Channel, Contact};
use crate::gate::{Charge, CodeLimit, Over, Sending};
use crate::language::Language;
use crate::message::{MessageId, Subject};
use crate::network::Network;
use crate::operations::{
    Actor, CodePorts, Enforcement, Expected, PurposePolicy, RedeemTicket, RedeemTicketError, Redemption, SendPolicy,
    TicketDemand, TicketRefusal,
};
use crate::ports::{Accepted, CodeSend, Event, RecordsError, Repeatable, TemplateError};
use crate::pumping::TextAccount;
use crate::sealing::NotOurs;
use crate::segments::Segments;
use crate::ticket::{Door, Stamp};
use crate::time::Timestamp;

/// Sends a code to a contact: accepts it, once it has passed the gate, and puts its message into the outbox.
pub struct SendCode {
    ports: CodePorts,
    policy: Arc<SendPolicy>,
    redeem: Option<Arc<RedeemTicket>>,
}

/// What a door's documents fix for its codes, whatever the operator decides for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorRules {
    /// How many digits.
    pub digits: usize,
    /// How long a code holds.
    pub lifetime: Duration,
    /// How soon one may be sent again.
    pub interval: Option<Duration>,
    /// What happens to the live one then; `None` where the operator decides.
    pub resend: Option<Resend>,
}

/// What the ticket must say that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaysFor {
    /// The code's purpose, as its action.
    Purpose,
    /// Whatever it says: at this door challenges go out before anybody says what for, and no call comes without one.
    Anything,
    /// Whatever it says, and to whomever: at this door nobody ever says where to. It is spent all the same, for one code.
    AnythingToAnybody,
}

/// A ticket that pays for a send.
#[derive(Clone, Copy)]
pub struct Payment<'a> {
    /// The ticket.
    pub ticket: &'a str,
    /// The door by which its challenge went out.
    pub door: &'a Door,
    /// Where the app saw the person, for tickets that are bound to addresses.
    pub client: Option<IpAddr>,
    /// What it must say that it is for.
    pub pays_for: PaysFor,
}

/// A call that may come again: under one key it is the same.
#[derive(Clone, Copy)]
pub struct Idempotency<'a> {
    /// What the caller calls it: at most 255 bytes.
    pub key: &'a str,
    /// All that the call asks for.
    pub asks: &'a [u8],
}

/// A code that somebody wants sent.
pub struct NewCode<'a> {
    /// Whose.
    pub app: &'a App,
    /// To whom: a number in its international form, or an address.
    pub to: &'a Contact,
    /// What for.
    pub purpose: CodePurpose,
    /// What it gives access to, if it is for one thing only.
    pub resource: Option<Resource>,
    /// The account whose consent it asks for, if it does; and who asks.
    pub consent: Option<Consent>,
    /// The language of its words.
    pub language: Language,
    /// What pays for it.
    pub payment: Option<Payment<'a>>,
    /// The address of the person's own device, at doors that it calls itself. An app's server is no person: what it says about
    /// addresses counts nowhere.
    pub person: Option<IpAddr>,
    /// What the door's documents fix.
    pub rules: Option<DoorRules>,
    /// What makes the call repeatable.
    pub idempotency: Option<Idempotency<'a>>,
    /// Who asks.
    pub by: Actor<'a>,
}

/// What a code asks its receiver for, where that is somebody else than who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Whose consent.
    pub account: AccountId,
    /// Who asks.
    pub requester: Option<Requester>,
}

/// A code on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentCode {
    /// Names it.
    pub id: CodeId,
    /// From then on it is none.
    pub expires_at: Timestamp,
    /// When it may be sent again, if the limits of days allow it.
    pub resend_after: Timestamp,
}

/// Why no code was sent. Nothing was charged. No ticket was spent either, but for [`SendCodeError::Limited`] of two calls at once, and
/// for [`SendCodeError::Records`] where the records fail behind the ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendCodeError {
    /// A number without its calling code, or that nobody can have.
    #[error("not a number that can be dialled from everywhere")]
    ImpossibleNumber,
    /// The operator blocks this contact.
    #[error("nothing is sent to this contact")]
    Blocked,
    /// The operator sends no texts to this country.
    #[error("no texts are sent to this country")]
    CountryNotAllowed,
    /// No sender serves this contact.
    #[error("no sender is configured for {}", .0.word())]
    NoSender(Channel),
    /// An account is full.
    #[error("over the limit {}", .over.limit.name())]
    Limited {
        /// Which one, and how long to wait.
        over: Over,
        /// Whether a ticket would lift it.
        ticket_lifts: bool,
    },
    /// The send must be paid for with a ticket.
    #[error("a ticket is needed")]
    TicketRequired,
    /// The ticket does not count.
    #[error("the ticket is refused")]
    TicketRefused(TicketRefusal),
    /// The same key came with another call before.
    #[error("the idempotency key belongs to another call")]
    OtherCall,
    /// The ticket was not looked at.
    #[error(transparent)]
    Redeem(#[from] RedeemTicketError),
    /// The words are at fault: the operator's template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Sealing is at fault.
    #[error(transparent)]
    Seal(#[from] NotOurs),
    /// The records are at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// A send without its charges, and what its text costs.
struct Prepared {
    send: CodeSend,
    price: u32,
}

/// What a send needs of the ticket that pays for it.
struct Paid {
    stamp: Stamp,
    action: Option<Action>,
}

impl SendCode {
    /// The operation over these ports. Without `redeem` no ticket counts: a command beside the server has no marks.
    pub fn new(ports: CodePorts, policy: Arc<SendPolicy>, redeem: Option<Arc<RedeemTicket>>) -> Self {
        Self { ports, policy, redeem }
    }

    /// Sends a code. It is durable when this returns; whether it arrives, its status says.
    ///
    /// # Errors
    /// [`SendCodeError`].
    pub async fn run(&self, new: NewCode<'_>) -> Result<SentCode, SendCodeError> {
        let outcome = self.accept(&new).await;
        self.ports.tally.count(match &outcome {
            Ok(_) => Event::CodeSent(new.to.channel()),
            Err(error) => Event::CodeRefused(new.to.channel(), error.word()),
        });
        outcome
    }

    async fn accept(&self, new: &NewCode<'_>) -> Result<SentCode, SendCodeError> {
        let country = self.admissible(new.to)?;
        let policy = self.policy_for(new);
        let Prepared { mut send, price } = self.prepare(new, &policy)?;
        // First of all: what was accepted once is answered again, whatever became of its ticket and of the limits since.
        if send.repeatable.is_some()
            && let Some(answer) = self.ports.records.would_refuse(send.clone()).await?
        {
            return self.answer(answer, &policy);
        }
        let paid = new.payment.map(|payment| self.look_at(&payment, new)).transpose()?;
        (send.charges, send.texts) = self.charges(new, &policy, &send.code.binding, (country, price), paid.as_ref());
        let mut detail = new.by.detail.to_owned();
        if paid.is_none() && policy.ticket == TicketDemand::Always {
            if !self.policy.monitor {
                return Err(SendCodeError::TicketRequired);
            }
            self.ports.tally.count(Event::CodeWouldBeRefused("ticket"));
            detail.insert_str(0, if detail.is_empty() { "would-refuse ticket" } else { "would-refuse ticket " });
        }
        if let (Some(payment), Some(paid), Some(redeem)) = (new.payment, &paid, &self.redeem) {
            // Before the ticket is spent: a call that is refused costs none.
            if let Some(refused) = self.ports.records.would_refuse(send.clone()).await? {
                return self.answer(refused, &policy);
            }
            let expected = expected(&payment, new, paid.action.as_ref());
            let owner = owner(&send);
            if let Redemption::Refused(refusal) = redeem.run(payment.ticket, expected, owner).await? {
                return Err(SendCodeError::TicketRefused(refusal));
            }
        }
        let audit = AuditEntry::new(send.code.created_at, new.by.name, "code.sent", "").with_detail(detail);
        let accepted = self.ports.records.accept_send(send, audit).await?;
        if let Accepted::Queued(_, would_refuse) = &accepted {
            for limit in would_refuse {
                self.ports.tally.count(Event::CodeWouldBeRefused(limit.name()));
            }
        }
        self.answer(accepted, &policy)
    }

    /// Whether anything may be sent to this contact at all; and the country of a number.
    fn admissible(&self, to: &Contact) -> Result<Option<&'static CallingCode>, SendCodeError> {
        let country = match to.channel() {
            Channel::Email => None,
            Channel::Sms => {
                Some(to.calling_code().filter(|_| to.is_possible()).ok_or(SendCodeError::ImpossibleNumber)?)
            }
        };
        let allowed = |country: &CallingCode| {
            let countries = &self.policy.countries;
            countries.is_empty() || countries.contains(&country.number())
        };
        if country.is_some_and(|country| !allowed(country)) {
            return Err(SendCodeError::CountryNotAllowed);
        }
        if self.policy.blocks(to) { Err(SendCodeError::Blocked) } else { Ok(country) }
    }

    fn policy_for(&self, new: &NewCode<'_>) -> PurposePolicy {
        let policy = self.policy.of(&new.purpose);
        // Who asks an owner is a program with a key, and solves no challenge; the account's own quota holds it.
        let ticket = if new.consent.is_some() { TicketDemand::Never } else { policy.ticket };
        let policy = PurposePolicy { ticket, ..policy };
        match new.rules {
            None => policy,
            Some(DoorRules { digits, lifetime, interval, resend }) => {
                PurposePolicy { digits, lifetime, interval, resend: resend.unwrap_or(policy.resend), ..policy }
            }
        }
    }

    fn look_at(&self, payment: &Payment<'_>, new: &NewCode<'_>) -> Result<Paid, SendCodeError> {
        let refused = |refusal| SendCodeError::TicketRefused(refusal);
        let action = match payment.pays_for {
            PaysFor::Purpose => Some(Action::parse(new.purpose.as_str()).ok_or(refused(TicketRefusal::OtherAction))?),
            PaysFor::Anything | PaysFor::AnythingToAnybody => None,
        };
        let redeem = self.redeem.as_ref().ok_or(refused(TicketRefusal::Unknown))?;
        let stamp = redeem.look(payment.ticket, &expected(payment, new, action.as_ref())).map_err(refused)?;
        Ok(Paid { stamp, action })
    }

    /// The code and its message, without what they cost.
    fn prepare(&self, new: &NewCode<'_>, policy: &PurposePolicy) -> Result<Prepared, SendCodeError> {
        let ports = &self.ports;
        let (now, keys) = (ports.clock.now(), &ports.keys);
        let lane = ports.routes.to(new.to).next().ok_or(SendCodeError::NoSender(new.to.channel()))?.clone();
        let lifetime = policy.lifetime.min(LONGEST);
        let binding = Binding {
            app: new.app.id.clone(),
            purpose: new.purpose.clone(),
            contact: keys.key(new.to),
            resource: new.resource.clone(),
        };
        let digits = Digits::draw(policy.digits, &*ports.entropy);
        let id = CodeId::draw(&*ports.entropy);
        let requester = new.consent.as_ref().and_then(|consent| consent.requester.clone());
        let code = Code {
            id,
            consent: new.consent.as_ref().map(|consent| consent.account),
            requester: requester.clone(),
            channel: new.to.channel(),
            sealed_contact: keys.seal_contact(new.to, &*ports.entropy)?,
            hash: ports.directory.keyring().code_hash(id, &digits, now),
            sealed_digits: Some(keys.seal_digits(id, &digits, &*ports.entropy)?),
            texts: Vec::new(),
            tries: 0,
            created_at: now,
            expires_at: now.plus(lifetime),
            ended: None,
            binding,
        };
        let about = Subject {
            app: new.app.id.clone(),
            app_name: new.app.name.clone(),
            purpose: new.purpose.clone(),
            resource: new.resource.clone(),
            requester,
            digits,
            minutes: whole_minutes(lifetime),
            channel: new.to.channel(),
            language: new.language,
        };
        // Rendered here too: a template that fails refuses the send, instead of losing the message later; and the price of a
        // text is what it takes in segments.
        let text = ports.templates.text(&about)?;
        let segments = u32::try_from(Segments::of(text.body.expose()).count).unwrap_or(u32::MAX);
        let price = self.policy.price_of(new.to).saturating_mul(segments);
        let send = CodeSend {
            code,
            message: MessageId(ports.entropy.array()),
            lane,
            language: new.language,
            resend: policy.resend,
            repeatable: new.idempotency.map(|idempotency| repeatable(&new.app.id, idempotency)),
            charges: Vec::new(),
            texts: Vec::new(),
        };
        Ok(Prepared { send, price })
    }

    /// What the send costs and what its text is counted under, and which of that is enforced.
    fn charges(
        &self,
        new: &NewCode<'_>,
        policy: &PurposePolicy,
        binding: &Binding,
        (country, price): (Option<&CallingCode>, u32),
        paid: Option<&Paid>,
    ) -> (Vec<Charge>, Vec<TextAccount>) {
        let network = paid.and_then(|paid| paid.stamp.network).or(new.person.map(Network::around));
        let network = network.map(|network| self.ports.keys.network(network).to_string());
        let country = country.map(CallingCode::number);
        let account = new.consent.as_ref().map(|consent| consent.account);
        let prefix = (new.to.channel() == Channel::Sms).then(|| new.to.normalised());
        let prefix = prefix.and_then(|number| number.get(..number.len().saturating_sub(4)));
        let prefix = prefix.map(|prefix| self.ports.keys.prefix(prefix).to_string());
        let sending = Sending { binding, interval: policy.interval, account, network, country, prefix, price };
        // Where a door takes no call without a ticket, as it goes with the door, it lifts nothing: no limit would be left.
        let is_optional = new.payment.is_some_and(|payment| match payment.pays_for {
            PaysFor::Purpose | PaysFor::AnythingToAnybody => true,
            PaysFor::Anything => false,
        });
        let lifted = paid.is_some() && is_optional && policy.ticket == TicketDemand::OverLimits;
        let enforced = |limit: CodeLimit| {
            let documented = limit == CodeLimit::Resend && new.rules.is_some();
            let watched = self.policy.monitor
                || limit.is_about_pumping() && self.policy.pumping == Enforcement::Monitor
                || lifted && limit.is_lifted_by_a_ticket();
            documented || !watched
        };
        let charges = self.policy.rates.of_send(&sending).into_iter();
        let texts = self.policy.rates.of_text(&sending).into_iter();
        (
            charges.map(|charge| Charge { enforced: enforced(charge.limit), ..charge }).collect(),
            texts.map(|account| TextAccount { enforced: enforced(account.limit), ..account }).collect(),
        )
    }

    fn answer(&self, accepted: Accepted, policy: &PurposePolicy) -> Result<SentCode, SendCodeError> {
        match accepted {
            Accepted::Queued(code, _) | Accepted::Repeated(code) => {
                let now = self.ports.clock.now();
                let resend_after = now.plus(policy.interval.unwrap_or_default());
                Ok(SentCode { id: code.id, expires_at: code.expires_at, resend_after })
            }
            Accepted::OtherCall => Err(SendCodeError::OtherCall),
            Accepted::Refused(over) => {
                let ticket_lifts = policy.ticket == TicketDemand::OverLimits && over.limit.is_lifted_by_a_ticket();
                Err(SendCodeError::Limited { over, ticket_lifts })
            }
        }
    }
}

impl SendCodeError {
    /// A stable word for what refused the send, for metrics: a limit's name, or the reason.
    pub fn word(&self) -> &'static str {
        match self {
            Self::ImpossibleNumber => "impossible-number",
            Self::Blocked => "blocked",
            Self::CountryNotAllowed => "country",
            Self::NoSender(_) => "no-sender",
            Self::Limited { over, .. } => over.limit.name(),
            Self::TicketRequired => "ticket-required",
            Self::TicketRefused(_) => "ticket-refused",
            Self::OtherCall => "other-call",
            Self::Redeem(_) => "ticket-not-looked-at",
            Self::Template(_) => "template",
            Self::Seal(_) | Self::Records(_) => "records",
        }
    }
}

/// What the ticket must be for: at most doors this contact, and this purpose as its action.
fn expected<'a>(payment: &Payment<'a>, new: &NewCode<'a>, action: Option<&'a Action>) -> Expected<'a> {
    Expected {
        door: payment.door,
        app: &new.app.id,
        action,
        contact: (payment.pays_for != PaysFor::AnythingToAnybody).then_some(new.to),
        client: payment.client.or(new.person),
        person: new.person,
    }
}

/// For whom the ticket is spent: a repeated call finds its own.
fn owner(send: &CodeSend) -> [u8; 16] {
    let mut owner = send.code.id.bytes();
    if let Some(repeatable) = &send.repeatable {
        owner.copy_from_slice(&repeatable.key[..16]);
    }
    owner
}

fn repeatable(app: &AppId, idempotency: Idempotency<'_>) -> Repeatable {
    use sha2::{Digest as _, Sha256};

    let key = Sha256::new().chain_update(app.as_str()).chain_update([0]).chain_update(idempotency.key);
    let asks = Sha256::digest(idempotency.asks);
    Repeatable { key: key.finalize().into(), asks: asks.into() }
}

/// Whole minutes of a span, at least one: what a message says of its code. To the nearest, because a code for five minutes has
/// four and a bit when it is sent.
pub(super) fn whole_minutes(span: Duration) -> u32 {
    u32::try_from((span.as_secs() + 30) / 60).unwrap_or(u32::MAX).max(1)
}
