use std::sync::Arc;
use std::time::Duration;

use crate::agent::{Agent, AgentId, Ended, IssuedCertificate};
use crate::operations::{Actor, MachinePorts};
use crate::ports::{Authority, AuthorityFailure, RecordsError, RequestRefusal};
use crate::time::Timestamp;

/// Attends to agents that show their certificate: hears of them, renews the certificate, lets them go.
pub struct AttendAgent {
    machines: MachinePorts,
    authority: Arc<dyn Authority>,
    certificate: Duration,
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
            error => Self::Records(error),
        }
    }
}

impl AttendAgent {
    /// The operation over these ports; certificates hold for `certificate`.
    pub fn new(machines: MachinePorts, authority: Arc<dyn Authority>, certificate: Duration) -> Self {
        Self { machines, authority, certificate }
    }

    /// The agent is there.
    ///
    /// # Errors
    /// [`AttendAgentError`].
    pub async fn hear(&self, id: AgentId) -> Result<Attended, AttendAgentError> {
        let now = self.machines.clock.now();
        let agent = self.machines.records.see_agent(id, now).await?;
        if agent.ended.is_some() {
            return Err(AttendAgentError::Gone);
        }
        Ok(self.attended(agent, now))
    }

    /// A fresh certificate, also for a fresh key.
    ///
    /// # Errors
    /// [`AttendAgentError`]; then the one before goes on holding.
    pub async fn renew(&self, id: AgentId, request: &str) -> Result<Attended, AttendAgentError> {
        let request = self.authority.read(request)?;
        let now = self.machines.clock.now();
        let expires_at = now.plus(self.certificate);
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
        let agent = self.machines.records.renew_agent(id, certificate, audit).await?;
        Ok(self.attended(agent, now))
    }

    /// The agent leaves.
    ///
    /// # Errors
    /// [`AttendAgentError`].
    pub async fn leave(&self, id: AgentId) -> Result<(), AttendAgentError> {
        let name = id.to_string();
        let audit = self.machines.audit(Actor { name: &name, detail: "" }, "agent.left", &name);
        Ok(self.machines.records.end_agent(None, id, self.machines.clock.now(), Ended::Left, audit).await?)
    }

    fn attended(&self, agent: Agent, now: Timestamp) -> Attended {
        let IssuedCertificate { issued_at, expires_at, .. } = agent.certificate;
        // After a third of its life, so that a machine may be off for the other two.
        let renew = now >= issued_at.plus(expires_at.since(issued_at) / 3);
        Attended { agent, renew, ca: self.authority.certificate().to_owned() }
    }
}
