use std::sync::Arc;

use crate::agent::{Agent, AgentCertificate, Ended, IssuedCertificate};
use crate::operations::{Actor, EnrolPolicy, MachinePorts, Ports, Refused};
use crate::ports::{Authority, AuthorityFailure, Busy, RecordsError, RequestRefusal};
use crate::rates::{Limit, Limited};
use crate::time::Timestamp;

/// Attends to agents that show their certificate: hears of them, renews the certificate, lets them go.
pub struct AttendAgent {
    ports: Ports,
    machines: MachinePorts,
    authority: Arc<dyn Authority>,
    policy: EnrolPolicy,
}

/// What an agent hears.
#[derive(Clone, Debug)]
pub struct Attended {
    /// It, as it is kept.
    pub agent: Agent,
    /// Whether it is time for a new certificate.
    pub renew: bool,
    /// The authority's certificate, in PEM.
    pub ca: String,
}

/// Why an agent is not attended to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttendAgentError {
    /// It was sent away, or has left, or is not known here at all: it has to join again.
    #[error("the agent does not belong here any more")]
    Gone,
    /// Its app is switched off.
    #[error("the agent's app is disabled")]
    AppDisabled,
    /// Another has renewed since this certificate was issued: it is a copy, or the other is.
    #[error("the agent has a newer certificate")]
    Superseded,
    /// Too many calls.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The certificate signing request is refused.
    #[error(transparent)]
    Request(#[from] RequestRefusal),
    /// The authority has a defect.
    #[error(transparent)]
    Authority(#[from] AuthorityFailure),
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for AttendAgentError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Missing => Self::Gone,
            RecordsError::Changed => Self::Superseded,
            error => Self::Records(error),
        }
    }
}

impl From<Refused> for AttendAgentError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl AttendAgent {
    /// The operation over these ports.
    pub fn new(ports: Ports, machines: MachinePorts, authority: Arc<dyn Authority>, policy: EnrolPolicy) -> Self {
        Self { ports, machines, authority, policy }
    }

    /// The agent is there.
    ///
    /// # Errors
    /// [`AttendAgentError`].
    pub async fn hear(&self, shown: AgentCertificate) -> Result<Attended, AttendAgentError> {
        let now = self.machines.clock.now();
        let agent = self.seen(shown, now).await?;
        Ok(self.attended(agent, now))
    }

    /// The agent, if it is welcome; it is heard of now.
    async fn seen(&self, shown: AgentCertificate, now: Timestamp) -> Result<Agent, AttendAgentError> {
        let id = shown.agent;
        let limit = Limit::CallsPerAgent;
        self.ports.admit(&self.policy.rates, limit, limit.key_of_agent(id)).await?;
        let agent = self.machines.records.see_agent(id, shown.serial, now).await?;
        if agent.ended.is_some() {
            return Err(AttendAgentError::Gone);
        }
        // Not gone: its app may be switched on again.
        self.ports.directory.usable_app(&agent.app).map_err(|_| AttendAgentError::AppDisabled)?;
        Ok(agent)
    }

    /// A fresh certificate, also for a fresh key, for who showed `shown`. The same request again gets the same answer for as
    /// long as an attempt to join does.
    ///
    /// # Errors
    /// [`AttendAgentError`]; then the one before goes on holding.
    pub async fn renew(&self, shown: AgentCertificate, request: &str) -> Result<Attended, AttendAgentError> {
        let (id, now) = (shown.agent, self.machines.clock.now());
        let agent = self.seen(shown, now).await?;
        let request = self.authority.read(request)?;
        let is_repeated = agent.certificate.request == request.fingerprint;
        if is_repeated && now.since(agent.certificate.issued_at) < super::enrol_agent::REPEAT {
            return Ok(self.attended(agent, now));
        }
        let expires_at = now.plus(self.policy.certificate);
        let certified = self.authority.certify(&request, id, now.minus(super::enrol_agent::SLACK), expires_at)?;
        let certificate = IssuedCertificate {
            certificate: certified.certificate,
            serial: certified.serial,
            request: request.fingerprint,
            issued_at: now,
            expires_at,
        };
        let name = id.to_string();
        let audit = self.machines.audit(Actor { name: &name, detail: "" }, "agent.renewed", &name);
        let agent = self.machines.records.renew_agent(id, shown.serial, certificate, audit).await?;
        Ok(self.attended(agent, now))
    }

    /// The agent leaves.
    ///
    /// # Errors
    /// [`AttendAgentError`].
    pub async fn leave(&self, shown: AgentCertificate) -> Result<(), AttendAgentError> {
        let (id, now) = (shown.agent, self.machines.clock.now());
        self.seen(shown, now).await?;
        let name = id.to_string();
        let audit = self.machines.audit(Actor { name: &name, detail: "" }, "agent.left", &name);
        Ok(self.machines.records.end_agent(None, id, now, Ended::Left, audit).await?)
    }

    fn attended(&self, agent: Agent, now: Timestamp) -> Attended {
        let IssuedCertificate { issued_at, expires_at, .. } = agent.certificate;
        // After a third of its life, so that a machine may be off for the other two.
        let renew = now >= issued_at.plus(expires_at.since(issued_at) / 3);
        Attended { agent, renew, ca: self.authority.certificate().to_owned() }
    }
}
