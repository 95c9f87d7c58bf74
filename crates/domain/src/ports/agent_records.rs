use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::agent::{Agent, AgentId, Ended, HostFacts, IssuedCertificate};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::group::GroupName;
use crate::install_code::{CodeRefusal, Form, InstallCode, InstallCodeId, Lookup};
use crate::ports::{GroupRecords, InstallCodeRecords, RecordsError};
use crate::time::Timestamp;

/// A machine that asks to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The form of its code.
    pub form: Form,
    /// By what its code is found.
    pub lookup: Lookup,
    /// Who it will be.
    pub agent: AgentId,
    /// What it says of itself.
    pub host: HostFacts,
    /// Its certificate, made before it is known whether it may have it: then the store decides in one go.
    pub certificate: IssuedCertificate,
    /// Where it calls from.
    pub client: IpAddr,
    /// Whether it was installed from an image and starts for the first time.
    pub staged: bool,
    /// When.
    pub now: Timestamp,
    /// The same request with the same code gets the same answer for this long.
    pub repeat: Duration,
}

/// What became of an [`Admission`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It has joined, and one use of the code is counted.
    Joined(Box<Agent>),
    /// It had joined with this very request a moment ago.
    Repeated(Box<Agent>),
    /// Its code exists, and does not admit it.
    Refused(InstallCodeId, CodeRefusal),
    /// No code of this text can admit anybody: there is none, or none that this caller may be compared with.
    Unknown,
    /// Its short code was not looked up: the budget for guesses is spent for this long.
    Paused(Duration),
}

impl Admission {
    /// What the audit trail says of it; nothing of a repetition.
    pub fn told(&self, outcome: &Admitted) -> Option<AuditEntry> {
        let host = self.host.hostname();
        let entry = |event, subject: &str, detail: String| {
            AuditEntry::new(self.now, &self.client.to_string(), event, subject).with_detail(detail)
        };
        match outcome {
            Admitted::Joined(agent) => {
                let detail = format!("code {}, host {host:?}", agent.code.as_str());
                Some(entry("agent.joined", &agent.id.to_string(), detail))
            }
            Admitted::Repeated(_) => None,
            Admitted::Refused(code, refusal) => {
                Some(entry("agent.refused", code.as_str(), format!("{}, host {host:?}", refusal.word())))
            }
            Admitted::Unknown => Some(entry("agent.refused", "", format!("unknown code, host {host:?}"))),
            Admitted::Paused(_) => Some(entry("agent.refused", "", format!("guesses are paused, host {host:?}"))),
        }
    }

    /// The alarm that guesses at short codes are paused.
    pub fn alarm(&self, live: u32) -> AuditEntry {
        let detail = format!("{live} short codes are live; short codes pause, long ones go on");
        AuditEntry::new(self.now, "server", "install_code.guesses_paused", "").with_detail(detail)
    }

    /// The agent that joins with the code `code` of the group `group_name`.
    pub fn agent(&self, code: &InstallCode, group_name: GroupName) -> Agent {
        Agent {
            id: self.agent,
            app: code.app.clone(),
            group: code.terms.group,
            group_name,
            code: code.id.clone(),
            route: code.terms.route.clone(),
            host: self.host.clone(),
            certificate: self.certificate.clone(),
            joined_with: self.certificate.request,
            address: self.client,
            joined_at: self.now,
            seen_at: None,
            ended: None,
        }
    }

    /// Whether `agent` is what this very request was answered with a moment ago.
    pub fn repeats(&self, agent: &Agent) -> bool {
        agent.joined_with == self.certificate.request
            && agent.ended.is_none()
            && self.now.since(agent.joined_at) < self.repeat
    }
}

/// Which agents are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentsWanted {
    /// Of this app only.
    pub app: Option<AppId>,
    /// These only, where any are named.
    pub ids: Vec<AgentId>,
    /// Those who came before this one, in the order of the answer.
    pub after: Option<AgentId>,
    /// At most so many.
    pub limit: u32,
}

/// Verbs about agents.
#[async_trait]
pub trait AgentRecords: Send + Sync {
    /// Decides whether a machine may join, and keeps it if so, with an audit entry of either. One transaction:
    ///
    /// 1. A short code is charged to the [guess budget](crate::guess_budget) with as many units as there are
    ///    [told](crate::install_code::InstallCode::is_told) short codes; where the common account is spent, to the reserve,
    ///    with those whose networks hold the caller, and only those are looked at. Where that is spent, too, or there are
    ///    none: [`Admitted::Paused`], and an alarm in the audit trail once an hour.
    /// 2. The code is looked up; one that is not told is none. Where there is one, the units are given back.
    /// 3. The same request with the same code within `repeat`: [`Admitted::Repeated`], unless that agent has ended.
    /// 4. [`InstallCode::refuses`](crate::install_code::InstallCode::refuses), or its app is switched off.
    /// 5. One use is counted and the agent is kept.
    ///
    /// Refusals are told in the audit trail as often as [`REFUSALS_TOLD`](crate::guess_budget::REFUSALS_TOLD) says.
    async fn admit_agent(&self, admission: Admission) -> Result<Admitted, RecordsError>;

    /// An agent was heard of over the certificate with the serial number `shown`. Returns it as it is now; one that has ended
    /// is not seen any more. [`RecordsError::Changed`] as by [`renew_agent`](Self::renew_agent).
    /// [`RecordsError::Missing`] if there is none.
    async fn see_agent(&self, id: AgentId, shown: [u8; 16], now: Timestamp) -> Result<Agent, RecordsError>;

    /// Puts a fresh certificate in the place of an agent's, who showed the one with the serial number `shown`.
    /// [`RecordsError::Missing`] if there is no such agent, or it has ended; [`RecordsError::Changed`] if `shown` is neither
    /// its newest nor the one before, which is kept because the answer may have been lost: whoever shows an older one has it
    /// from a copy.
    async fn renew_agent(
        &self,
        id: AgentId,
        shown: [u8; 16],
        certificate: IssuedCertificate,
        audit: AuditEntry,
    ) -> Result<Agent, RecordsError>;

    /// Ends an agent, of `app` where that is given. [`RecordsError::Missing`] if there is none; of one that has ended before, the
    /// first end stays, and nothing is noted.
    async fn end_agent(
        &self,
        app: Option<AppId>,
        id: AgentId,
        at: Timestamp,
        ended: Ended,
        audit: AuditEntry,
    ) -> Result<(), RecordsError>;

    /// Agents, newest first.
    async fn agents(&self, wanted: AgentsWanted) -> Result<Vec<Agent>, RecordsError>;
}

/// The records of machines, whole.
pub trait MachineRecords: GroupRecords + InstallCodeRecords + AgentRecords {}

impl<T: GroupRecords + InstallCodeRecords + AgentRecords> MachineRecords for T {}
