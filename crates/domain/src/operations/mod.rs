//! The use-cases, one file each. A façade reads a vendor's words, makes one call here, and writes the answer in its words.

mod attach_resource;
mod attend_agent;
mod attend_session;
mod check_code;
mod codes;
mod deliver_messages;
mod embed_challenge;
mod enrol_agent;
mod escalation;
mod issue_challenge;
mod issue_install_code;
mod judge_answer;
mod keep_outbox;
mod let_in;
mod machines;
mod manage_agents;
mod manage_directory;
mod manage_groups;
mod note_usage;
mod owners;
mod people;
mod read_codes;
mod read_install_codes;
mod read_usage;
mod redeem_ticket;
mod revoke_install_code;
mod send_code;
mod send_owner_code;
mod sign_in;
mod signed_calls;
mod verified_contacts;
mod verify_resource;

pub use attach_resource::AttachResource;
pub use attend_agent::{AttendAgent, AttendAgentError, Attended};
pub use attend_session::{AttendSession, AttendSessionError, SIGNATURE_WINDOW, ShownSession};
pub use check_code::{CheckCode, CheckCodeError, CodeVerdict};
pub use codes::{Blocked, CodePorts, Enforcement, PurposePolicy, SendPolicy, TicketDemand};
pub use deliver_messages::{DeliverMessages, DeliveryPolicy, KeepDeliveryError};
pub use embed_challenge::{
    DrawChallengeError, EmbedChallenge, EmbedPolicy, LoadScriptError, LoadedScript, Page, PageRefusal,
};
pub use enrol_agent::{Attempt, EnrolAgent, EnrolAgentError, EnrolPolicy, Enrolled};
pub use escalation::Escalation;
pub use issue_challenge::{ChallengeRequest, IssueChallenge, IssueChallengeError, IssuedChallenge};
pub use issue_install_code::{CodePolicy, IssueInstallCode, IssueInstallCodeError, IssuedInstallCode, NewInstallCode};
pub use judge_answer::{ChallengeRefusal, IssuedTicket, JudgeAnswer, JudgeAnswerError, Judgement, OpenChallenge};
pub use keep_outbox::{Keep, KeepOutbox};
pub use let_in::{
    CodeTyped, Entered, LetIn, LetInError, Newcomers, PasswordTyped, STATE_LIFETIME, StateRefusal, Welcome, Who,
};
pub use machines::{Actor, MachinePorts};
pub use manage_agents::{AgentState, ManageAgents, ManageAgentsError};
pub use manage_directory::{ManageDirectory, ManageDirectoryError, NewAccount, NewResource, NewRows};
pub use manage_groups::{ManageGroups, ManageGroupsError};
pub use note_usage::NoteUsage;
pub use owners::{Claim, ClaimError, OwnerPorts};
pub use people::{PeoplePolicy, PeoplePorts};
pub use read_codes::{CodeStatus, ReadCodes, ReadCodesError};
pub use read_install_codes::{ReadInstallCode, ReadInstallCodes, ReadInstallCodesError};
pub use read_usage::{OpenUsage, ReadUsage, ReadUsageError, UsageFilter};
pub use redeem_ticket::{Expected, RedeemTicket, RedeemTicketError, Redemption, Repeats, TicketRefusal};
pub use revoke_install_code::{RevokeInstallCode, RevokeInstallCodeError};
pub use send_code::{Consent, DoorRules, Idempotency, NewCode, Payment, PaysFor, SendCode, SendCodeError, SentCode};
pub use send_owner_code::{NewOwnerCode, SendOwnerCode, SendOwnerCodeError};
pub use sign_in::{Credentials, SignIn, SignInError, SignedIn, TOKEN_LIFETIME, TokenRefusal};
pub use signed_calls::{AdmissionError, NonceError, SignedCalls, SignerRefusal, Untimely};
pub use verified_contacts::{ContactsFilter, OpenContact, VerifiedContacts, VerifiedContactsError};
pub use verify_resource::{Verified, VerifyResource};

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{Busy, Clock, Directory, Entropy, Event, LocalThrottle, MarkId, Marks, MarksError, Puzzles, Tally};
use crate::rates::{Limit, Limited, Rates};

/// How long things live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From showing a challenge to its answer.
    pub challenge: Duration,
    /// From the right answer to redeeming the ticket.
    pub ticket: Duration,
    /// How far the clocks of two nodes may lie apart. A mark outlives its token by this much, so that a node whose clock is
    /// behind cannot spend a token again.
    pub clock_skew: Duration,
}

/// What the operator has decided.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How often clients and apps may call.
    pub rates: Rates,
    /// Whether a ticket counts only at the address where it was earned.
    pub bind_address: bool,
}

/// What the operations on challenges and tickets need.
#[derive(Clone)]
pub struct Ports {
    /// Apps and keys.
    pub directory: Arc<dyn Directory>,
    /// Single use, and the limits that are exact.
    pub marks: Arc<dyn Marks>,
    /// The limits of this node alone.
    pub local_throttle: Arc<dyn LocalThrottle>,
    /// Pictures.
    pub puzzles: Arc<dyn Puzzles>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Counters.
    pub tally: Arc<dyn Tally>,
}

/// Why a call was not admitted.
enum Refused {
    Limited(Limited),
    Busy(Busy),
}

impl Ports {
    /// Counts a call against an exact limit, if it is on.
    async fn admit(&self, rates: &Rates, limit: Limit, key: MarkId) -> Result<(), Refused> {
        let Some(rule) = rates.rule(limit) else { return Ok(()) };
        let decision = self.marks.throttle(key, rule, 1).await.map_err(|error| match error {
            MarksError::Full | MarksError::Unavailable => Refused::Busy(Busy),
        })?;
        limit.allows(decision).inspect_err(|_| self.throttled(limit)).map_err(Refused::Limited)
    }

    fn throttled(&self, limit: Limit) {
        self.tally.count(Event::Throttled(limit));
    }
}

#[cfg(test)]
mod tests;
