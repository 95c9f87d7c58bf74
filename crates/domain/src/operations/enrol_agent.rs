use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::{Agent, AgentId, HostFacts, IssuedCertificate};
use crate::install_code::{CodeRefusal, CodeText, NotACode};
use crate::operations::{MachinePorts, Ports, Refused};
use crate::ports::{
    Admission, Admitted, Authority, AuthorityFailure, Busy, Enrolment, Event, RecordsError, RequestRefusal,
};
use crate::rates::{Limit, Limited, Rates};

/// The same request gets the same answer for this long, so that a lost reply costs a machine nothing.
pub(super) const REPEAT: Duration = Duration::from_mins(10);
/// How far before now a certificate begins: machines' clocks go wrong, and one that is refused its own certificate is lost.
pub(super) const SLACK: Duration = Duration::from_hours(24);

/// Lets a machine join.
pub struct EnrolAgent {
    ports: Ports,
    machines: MachinePorts,
    authority: Arc<dyn Authority>,
    policy: EnrolPolicy,
}

/// What the operator has decided about machines.
#[derive(Clone, Copy, Debug)]
pub struct EnrolPolicy {
    /// How often one address may try to join, and one agent may call.
    pub rates: Rates,
    /// How long a certificate holds.
    pub certificate: Duration,
}

/// A machine that wants to join.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// Its install code, as it was given.
    pub code: &'a str,
    /// Its certificate signing request, in PEM.
    pub request: &'a str,
    /// What it says of itself.
    pub host: HostFacts,
    /// Whether it was installed from an image and starts for the first time.
    pub staged: bool,
    /// Where it calls from.
    pub client: IpAddr,
}

/// A machine that has joined.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Who it is, with its certificate.
    pub agent: Agent,
    /// The authority's certificate, in PEM: what it trusts from now on.
    pub ca: String,
}

/// Why a machine has not joined. Nothing was spent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolAgentError {
    /// Too many calls.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// No install code can look like this.
    #[error(transparent)]
    NotACode(#[from] NotACode),
    /// The certificate signing request is refused.
    #[error(transparent)]
    Request(#[from] RequestRefusal),
    /// There is no such code.
    #[error("there is no such install code")]
    Unknown,
    /// Short codes are not looked at for a while: somebody is guessing.
    #[error("short install codes are paused")]
    Paused(Duration),
    /// The code is there, and does not admit this machine.
    #[error("the install code does not admit this machine: {}", .0.word())]
    Refused(CodeRefusal),
    /// The authority has a defect.
    #[error(transparent)]
    Authority(#[from] AuthorityFailure),
    /// The records are at fault.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl From<Refused> for EnrolAgentError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl EnrolAgent {
    /// The operation over these ports.
    pub fn new(ports: Ports, machines: MachinePorts, authority: Arc<dyn Authority>, policy: EnrolPolicy) -> Self {
        Self { ports, machines, authority, policy }
    }

    /// Decides whether the machine may join, and gives it its identity.
    ///
    /// # Errors
    /// [`EnrolAgentError`].
    pub async fn run(&self, attempt: Attempt<'_>) -> Result<Enrolled, EnrolAgentError> {
        let key = Limit::EnrolPerAddress.key_of_address(attempt.client);
        self.ports.admit(&self.policy.rates, Limit::EnrolPerAddress, key).await?;
        let code = CodeText::read(attempt.code)?;
        let request = self.authority.read(attempt.request)?;
        let now = self.machines.clock.now();
        // Before the code is looked at: so every code costs the same time, and the store decides in one transaction.
        let agent = AgentId::draw(&*self.machines.entropy);
        let expires_at = now.plus(self.policy.certificate);
        let certified = self.authority.certify(&request, agent, now.minus(SLACK), expires_at)?;
        let certificate = IssuedCertificate {
            certificate: certified.certificate,
            serial: certified.serial,
            request: request.fingerprint,
            issued_at: now,
            expires_at,
        };
        let admission = Admission {
            form: code.form(),
            lookup: self.machines.keys.lookup(&code),
            agent,
            host: attempt.host,
            certificate,
            client: attempt.client,
            staged: attempt.staged,
            now,
            repeat: REPEAT,
        };
        let (outcome, answer) = match self.machines.records.admit_agent(admission).await? {
            Admitted::Joined(agent) => (Enrolment::Joined, Ok(*agent)),
            Admitted::Repeated(agent) => (Enrolment::Repeated, Ok(*agent)),
            Admitted::Refused(_, refusal) => (Enrolment::Refused, Err(EnrolAgentError::Refused(refusal))),
            Admitted::Unknown => (Enrolment::Unknown, Err(EnrolAgentError::Unknown)),
            Admitted::Paused(wait) => (Enrolment::Paused, Err(EnrolAgentError::Paused(wait))),
        };
        self.ports.tally.count(Event::AgentEnrolled(outcome));
        Ok(Enrolled { agent: answer?, ca: self.authority.certificate().to_owned() })
    }
}
