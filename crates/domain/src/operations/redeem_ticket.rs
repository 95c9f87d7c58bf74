use std::net::IpAddr;
use std::time::Duration;

use crate::address::Origin;
use crate::app::{Action, AppId};
use crate::contact::Contact;
use crate::operations::{Policy, Ports, Refused};
use crate::ports::{Busy, Event, MarksError, Owner, Redeemed, Spent};
use crate::rates::{Limit, Limited};
use crate::sealing::Purpose;
use crate::ticket::{Door, Stamp, TicketRecord};

/// Redeems a ticket, once.
pub struct RedeemTicket {
    ports: Ports,
    policy: Policy,
}

/// What a ticket must be for. What does not fit is refused and not spent: a mistake of one app costs no other.
pub struct Expected<'a> {
    /// The door by which the challenge must have gone out.
    pub door: &'a Door,
    /// The app that redeems.
    pub app: &'a AppId,
    /// The action that the ticket must carry, where the app asks for one.
    pub action: Option<&'a Action>,
    /// The contact that the ticket must be bound to, where it pays for reaching one.
    pub contact: Option<&'a Contact>,
    /// Where the app saw the person who brought the ticket. Looked at only where the
    /// [policy](Policy::bind_address) binds tickets to addresses; then a ticket without it is refused.
    pub client: Option<IpAddr>,
    /// The address of the person's own device, at doors that it calls itself. Its calls count for the limit of its address and
    /// not for the app's, which anybody could fill there.
    pub person: Option<IpAddr>,
}

/// What became of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redemption {
    /// It was valid, and is spent now. These are the facts that it carried.
    Valid(Box<Stamp>),
    /// It was refused.
    Refused(TicketRefusal),
}

/// Why a ticket was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketRefusal {
    /// Never issued, issued for another app or door, changed on the way, or from before a restart.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was redeemed before.
    Used,
    /// It is for another action, or for none.
    OtherAction,
    /// It is bound to another contact, or to none.
    OtherContact,
    /// It was earned at another address, or the app does not say at which address it was brought.
    OtherAddress,
}

/// How often one owner may show a ticket: a vendor's tolerance for answers that are lost on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// How often, the first time included.
    pub most: u32,
    /// For how long after the first time.
    pub within: Duration,
}

/// Why a ticket was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemTicketError {
    /// Too many calls; try again later. The ticket is not spent.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment; the ticket is not spent.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<MarksError> for RedeemTicketError {
    fn from(_: MarksError) -> Self {
        Self::Busy(Busy)
    }
}

impl From<Refused> for RedeemTicketError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl Repeats {
    fn refuse(self, count: u32, since_first: Duration) -> bool {
        count > self.most || since_first >= self.within
    }
}

impl RedeemTicket {
    /// The operation over these ports.
    pub fn new(ports: Ports, policy: Policy) -> Self {
        Self { ports, policy }
    }

    /// Whether the ticket would be redeemed now, if nobody redeems it before. Spends nothing, and counts for no limit.
    ///
    /// # Errors
    /// Why not.
    pub fn look(&self, ticket: &str, expected: &Expected<'_>) -> Result<Stamp, TicketRefusal> {
        self.check(ticket, expected)
    }

    /// Checks the ticket and spends it for `owner`. The same owner gets the same answer again: a caller whose reply was lost
    /// may repeat its call, and nobody else can.
    ///
    /// # Errors
    /// [`RedeemTicketError`]; then the ticket is not spent.
    pub async fn run(
        &self,
        ticket: &str,
        expected: Expected<'_>,
        owner: Owner,
    ) -> Result<Redemption, RedeemTicketError> {
        self.spend(ticket, &expected, owner, None).await
    }

    /// As [`run`](Self::run), but the same owner gets the same answer only so often, and for so long.
    ///
    /// # Errors
    /// [`RedeemTicketError`]; then the ticket is not spent.
    pub async fn run_repeatedly(
        &self,
        ticket: &str,
        expected: Expected<'_>,
        owner: Owner,
        repeats: Repeats,
    ) -> Result<Redemption, RedeemTicketError> {
        self.spend(ticket, &expected, owner, Some(repeats)).await
    }

    /// What a ticket says, whomever it is for and whether it was spent or not; `None` for what is no ticket of ours.
    pub fn read(&self, ticket: &str) -> Option<Stamp> {
        let bytes = self.ports.directory.keyring().open(Purpose::Ticket, ticket).ok()?;
        TicketRecord::decode(&bytes).ok().map(|record| record.stamp)
    }

    /// Whether a ticket may be for whom the app says: only where both name somebody can they differ.
    pub fn is_for(&self, stamp: &Stamp, user: Option<&str>) -> bool {
        let keyring = self.ports.directory.keyring();
        stamp.user.is_none_or(|hash| user.is_none_or(|user| keyring.is_user(&hash, user)))
    }

    async fn spend(
        &self,
        ticket: &str,
        expected: &Expected<'_>,
        owner: Owner,
        repeats: Option<Repeats>,
    ) -> Result<Redemption, RedeemTicketError> {
        let ports = &self.ports;
        // Every call counts, whatever its ticket is worth: what the limit protects is the work.
        let (limit, key) = match expected.person {
            Some(address) => (Limit::RedeemPerAddress, Limit::RedeemPerAddress.key_of_address(address)),
            None => (Limit::RedeemPerApp, Limit::RedeemPerApp.key_of_app(expected.app)),
        };
        ports.admit(&self.policy.rates, limit, key).await?;
        let stamp = match self.check(ticket, expected) {
            Ok(stamp) => stamp,
            Err(refusal) => return Ok(self.refused(refusal)),
        };
        let until = stamp.expires_at.plus(self.policy.lifetimes.clock_skew);
        match ports.marks.spend(stamp.id, owner, until).await? {
            Spent::Again { count, since_first }
                if repeats.is_some_and(|repeats| repeats.refuse(count, since_first)) =>
            {
                Ok(self.refused(TicketRefusal::Used))
            }
            Spent::First | Spent::Again { .. } => {
                ports.tally.count(Event::TicketRedeemed(Redeemed::Valid));
                Ok(Redemption::Valid(Box::new(stamp)))
            }
            Spent::Taken => Ok(self.refused(TicketRefusal::Used)),
        }
    }

    fn check(&self, ticket: &str, expected: &Expected<'_>) -> Result<Stamp, TicketRefusal> {
        let ports = &self.ports;
        let keyring = ports.directory.keyring();
        let stamp = self.read(ticket).ok_or(TicketRefusal::Unknown)?;
        let elsewhere = stamp.door != *expected.door || stamp.app != *expected.app;
        if elsewhere || stamp.epoch != ports.marks.epoch() {
            return Err(TicketRefusal::Unknown);
        }
        if ports.clock.now() >= stamp.expires_at {
            return Err(TicketRefusal::Expired);
        }
        if expected.action.is_some() && expected.action != stamp.action.as_ref() {
            return Err(TicketRefusal::OtherAction);
        }
        let fits = expected
            .contact
            .is_none_or(|contact| stamp.contact.as_ref().is_some_and(|hash| keyring.is_contact(hash, contact)));
        if !fits {
            return Err(TicketRefusal::OtherContact);
        }
        if self.policy.bind_address {
            // A ticket from before the setting carries no address; it is refused too, or the setting would not hold yet.
            let client = expected.client.map(Origin::of);
            let fits = client.zip(stamp.origin).is_some_and(|(client, origin)| keyring.is_origin(&origin, client));
            return if fits { Ok(stamp) } else { Err(TicketRefusal::OtherAddress) };
        }
        Ok(stamp)
    }

    fn refused(&self, refusal: TicketRefusal) -> Redemption {
        self.ports.tally.count(Event::TicketRedeemed(Redeemed::Refused));
        Redemption::Refused(refusal)
    }
}
