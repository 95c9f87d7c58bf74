use std::time::Duration;

use crate::agent::{Agent, AgentId, Ended};
use crate::app::AppId;
use crate::operations::{Actor, MachinePorts};
use crate::ports::{AgentsWanted, RecordsError};
use crate::time::Timestamp;

/// A machine that joined and was not heard of for this long has failed to start.
const START: Duration = Duration::from_mins(10);
/// Agents that one answer lists at most.
const MOST: u32 = 1_000;

/// Lists an app's agents and sends them away.
pub struct ManageAgents {
    ports: MachinePorts,
}

/// How an agent is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentState {
    /// It has joined a moment ago, and was not heard of yet.
    Joining,
    /// It was heard of over its certificate.
    Active,
    /// It has joined a while ago, and was never heard of.
    Silent,
    /// It was sent away.
    Revoked,
    /// It left.
    Left,
}

impl AgentState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Joining, Self::Active, Self::Silent, Self::Revoked, Self::Left];

    /// The state of `agent` at `now`.
    pub fn of(agent: &Agent, now: Timestamp) -> Self {
        match (agent.ended, agent.seen_at) {
            (Some((_, Ended::Revoked)), _) => Self::Revoked,
            (Some((_, Ended::Left)), _) => Self::Left,
            (None, Some(_)) => Self::Active,
            (None, None) if now.since(agent.joined_at) < START => Self::Joining,
            (None, None) => Self::Silent,
        }
    }

    /// The word for it in the native API and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Active => "active",
            Self::Silent => "silent",
            Self::Revoked => "revoked",
            Self::Left => "left",
        }
    }
}

/// Why an agent was not found or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManageAgentsError {
    /// The app has no such agent.
    #[error("there is no such agent")]
    Unknown,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for ManageAgentsError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Missing => Self::Unknown,
            error => Self::Records(error),
        }
    }
}

impl ManageAgents {
    /// The operation over these ports.
    pub fn new(ports: MachinePorts) -> Self {
        Self { ports }
    }

    /// The app's agents with their states, newest first, at most `limit` (of 1,000), those before `after` in this order left out.
    ///
    /// # Errors
    /// [`ManageAgentsError::Records`].
    pub async fn list(
        &self,
        app: &AppId,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<Vec<(Agent, AgentState)>, ManageAgentsError> {
        self.wanted(AgentsWanted { app: Some(app.clone()), ids: Vec::new(), after, limit: limit.min(MOST) }).await
    }

    /// Those of `ids` that are the app's.
    ///
    /// # Errors
    /// [`ManageAgentsError::Records`].
    pub async fn some(&self, app: &AppId, ids: Vec<AgentId>) -> Result<Vec<(Agent, AgentState)>, ManageAgentsError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.wanted(AgentsWanted { app: Some(app.clone()), ids, after: None, limit: MOST }).await
    }

    /// One of the app's agents.
    ///
    /// # Errors
    /// [`ManageAgentsError`].
    pub async fn find(&self, app: &AppId, id: AgentId) -> Result<(Agent, AgentState), ManageAgentsError> {
        self.some(app, vec![id]).await?.pop().ok_or(ManageAgentsError::Unknown)
    }

    /// Sends an agent away: from now on its certificate is refused. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`ManageAgentsError`].
    pub async fn revoke(&self, app: &AppId, id: AgentId, by: Actor<'_>) -> Result<(), ManageAgentsError> {
        let audit = self.ports.audit(by, "agent.revoked", &id.to_string());
        let now = self.ports.clock.now();
        Ok(self.ports.records.end_agent(Some(app.clone()), id, now, Ended::Revoked, audit).await?)
    }

    async fn wanted(&self, wanted: AgentsWanted) -> Result<Vec<(Agent, AgentState)>, ManageAgentsError> {
        let now = self.ports.clock.now();
        let agents = self.ports.records.agents(wanted).await?;
        Ok(agents
            .into_iter()
            .map(|agent| {
                let state = AgentState::of(&agent, now);
                (agent, state)
            })
            .collect())
    }
}
