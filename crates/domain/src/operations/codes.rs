use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::calling_code;
use crate::code::{CodePurpose, Resend};
use crate::contact::{self, Channel, Contact, ContactKeys};
use crate::gate::CodeRates;
use crate::ports::{Clock, Directory, Entropy, PostRecords, Tally, Templates};
use crate::routes::Routes;

/// What the operations on codes and contacts need.
#[derive(Clone)]
pub struct CodePorts {
    /// Codes, messages, verified contacts.
    pub records: Arc<dyn PostRecords>,
    /// The installation's keys for contacts and digits.
    pub keys: Arc<ContactKeys>,
    /// The words of messages.
    pub templates: Arc<dyn Templates>,
    /// Which senders there are.
    pub routes: Arc<Routes>,
    /// Apps and keys.
    pub directory: Arc<dyn Directory>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Counters.
    pub tally: Arc<dyn Tally>,
}

/// When a send must be paid for with a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketDemand {
    /// Never. One that comes is spent all the same.
    Never,
    /// Where a limit is reached that stands for "this may be a machine"; the ticket lifts it.
    OverLimits,
    /// Always.
    Always,
}

/// Whether a limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// It records what it would have refused.
    Monitor,
    /// It refuses.
    Enforce,
}

/// What the operator has decided about the codes of one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurposePolicy {
    /// How many digits, one of [`DIGITS`](crate::code::DIGITS).
    pub digits: usize,
    /// How long a code holds, at most [`LONGEST`](crate::code::LONGEST).
    pub lifetime: Duration,
    /// How soon a code may be sent again; `None` for at once.
    pub interval: Option<Duration>,
    /// What happens to the live one then.
    pub resend: Resend,
    /// What a send costs.
    pub ticket: TicketDemand,
}

impl PurposePolicy {
    /// Six digits for five minutes, at once and again as often as limits allow, the live code kept, no ticket.
    pub const DEFAULT: Self = Self {
        digits: 6,
        lifetime: Duration::from_mins(5),
        interval: None,
        resend: Resend::Keep,
        ticket: TicketDemand::Never,
    };
}

/// Whom nothing is sent to, as the operator writes it: the beginning of a number (`+86170`), an address, or a host with its `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked(String);

impl Blocked {
    /// `None` for text that is none of these. It gets the form that contacts have, so that no spelling of theirs passes it, and
    /// none of its own lets them.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(domain) = text.strip_prefix('@') {
            return contact::host(domain).map(|host| Self(format!("@{host}")));
        }
        if text.contains('@') {
            return Contact::address(text).ok().map(|contact| Self(contact.normalised().to_owned()));
        }
        let digits = text.strip_prefix('+')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| calling_code::without_trunk_zero(digits))?.map(|digits| Self(format!("+{digits}")))
    }

    fn holds(&self, contact: &Contact) -> bool {
        let text = contact.normalised();
        match contact.channel() {
            Channel::Sms => text.starts_with(&self.0),
            Channel::Email if self.0.starts_with('@') => text.ends_with(&self.0),
            Channel::Email => text == self.0,
        }
    }
}

/// What the operator has decided about codes.
#[derive(Clone, Debug)]
pub struct SendPolicy {
    /// For every purpose that has no policy of its own.
    pub default: PurposePolicy,
    /// By purpose.
    pub purposes: BTreeMap<String, PurposePolicy>,
    /// How many codes.
    pub rates: CodeRates,
    /// Whether the limits only record what they would have refused. A door's documented interval holds in any case.
    pub monitor: bool,
    /// Whether the limits on texts that nobody answers refuse, or only record.
    pub pumping: Enforcement,
    /// The calling codes that texts may go to; empty for all.
    pub countries: Vec<u16>,
    /// Whom nothing is sent to.
    pub blocked: Vec<Blocked>,
    /// What one segment of a text costs, by how the number begins (`+86`); the longest that fits counts. In the operator's unit.
    pub prices: Vec<(String, u32)>,
    /// What it costs elsewhere.
    pub price: u32,
    /// How long a contact counts as verified.
    pub verified_for: Duration,
}

impl SendPolicy {
    pub(super) fn of(&self, purpose: &CodePurpose) -> PurposePolicy {
        self.purposes.get(purpose.as_str()).copied().unwrap_or(self.default)
    }

    pub(super) fn blocks(&self, contact: &Contact) -> bool {
        self.blocked.iter().any(|blocked| blocked.holds(contact))
    }

    /// What one segment to this contact costs; e-mail costs nothing.
    pub(super) fn price_of(&self, contact: &Contact) -> u32 {
        match contact.channel() {
            Channel::Email => 0,
            Channel::Sms => {
                let fits = self.prices.iter().filter(|(prefix, _)| contact.normalised().starts_with(prefix.as_str()));
                fits.max_by_key(|(prefix, _)| prefix.len()).map_or(self.price, |(_, price)| *price)
            }
        }
    }
}
