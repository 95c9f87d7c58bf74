//! The native API for machines: they join, are heard of, renew their certificate and leave; and their owner lists them and
//! sends them away.
//!
//! `POST /v1/agents/enrol` takes an install code, a certificate signing request and facts about the machine. The three other
//! calls of a machine want its certificate, shown in the handshake of TLS. `GET /v1/agents`, `GET|DELETE /v1/agents/{id}`
//! want an access key.
//!
//! That no code exists is said in one way, whatever the reason. Why a code that exists admits this machine not is said: who
//! hears it has the code.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::agent::{AgentCertificate, AgentId, BadFact, HostFacts, OperatingSystem};
use countersign_domain::install_code::NotACode;
use countersign_domain::operations::{
    Attempt, AttendAgentError, Attended, EnrolAgentError, ManageAgentsError, SignedCalls,
};
use countersign_domain::ports::{Directory, RequestRefusal};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::basic::admit;
use crate::door::{Facade, Refusal, Request, Response, json};
use crate::machines::{AgentJson, Invitation, Machines, by};
use crate::native_install_codes::{came_from, done, ok};
use crate::problem::{Problem, language_of};
use crate::views::rfc3339;

const ENROL: &str = "/v1/agents/enrol";
const HEARTBEAT: &str = "/v1/agents/heartbeat";
const RENEW: &str = "/v1/agents/renew";
const LEAVE: &str = "/v1/agents/leave";
const AGENTS: &str = "/v1/agents";
/// Agents in one answer.
const PAGE: u32 = 100;

/// The façade.
pub(crate) struct NativeAgents {
    machines: Machines,
    invitation: Arc<dyn Invitation>,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
}

impl NativeAgents {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { machines, invitation, signed_calls, directory, .. } = context.clone();
        Self { machines, invitation, signed_calls, directory }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        match (&request.method, request.path.as_str()) {
            (&Method::POST, ENROL) => self.enrol(request).await,
            (&Method::POST, HEARTBEAT) => {
                let shown = shown_agent(request)?;
                Ok(ok(&self.heard(&self.machines.attend_agent.hear(shown).await?)))
            }
            (&Method::POST, RENEW) => {
                let shown = shown_agent(request)?;
                let body: RenewBody = serde_json::from_slice(&request.body)?;
                let attended = self.machines.attend_agent.renew(shown, &body.csr).await?;
                Ok(ok(&RenewedJson::from(&attended)))
            }
            (&Method::POST, LEAVE) => {
                self.machines.attend_agent.leave(shown_agent(request)?).await?;
                Ok(done())
            }
            (_, ENROL | HEARTBEAT | RENEW | LEAVE) => Err(Problem::MethodNotAllowed("POST")),
            (&Method::GET, AGENTS) => self.list(request).await,
            (_, AGENTS) => Err(Problem::MethodNotAllowed("GET")),
            (method, path) => {
                let id = path.strip_prefix(AGENTS).and_then(|rest| rest.strip_prefix('/')).ok_or(Problem::NotFound)?;
                match *method {
                    Method::GET => self.show(request, id).await,
                    Method::DELETE => self.revoke(request, id).await,
                    _ => Err(Problem::MethodNotAllowed("DELETE, GET")),
                }
            }
        }
    }

    async fn enrol(&self, request: &Request) -> Result<Response, Problem> {
        if !self.invitation.is_open() {
            return Err(Problem::HttpsNeeded);
        }
        let body: EnrolBody = serde_json::from_slice(&request.body)?;
        let os = OperatingSystem::from_word(&body.host.os).ok_or_else(|| {
            Problem::malformed(
                "`host.os` is `linux`, `macos` or `windows`",
                "`host.os` 应为 `linux`、`macos` 或 `windows`",
            )
        })?;
        let HostBody { hostname, architecture, machine_id, .. } = &body.host;
        let host = HostFacts::new(hostname, os, architecture, machine_id.as_deref().unwrap_or_default())?;
        let (code, csr) = (body.code.as_str(), body.csr.as_str());
        let attempt = Attempt { code, request: csr, host, staged: body.staged, client: request.client };
        let enrolled = self.machines.enrol_agent.run(attempt).await?;
        let agent = &enrolled.agent;
        let shown = EnrolledJson {
            agent_id: agent.id.to_string(),
            certificate: &agent.certificate.certificate,
            ca: &enrolled.ca,
            group: agent.group_name.as_str(),
            group_id: agent.group.0,
            expires_at: rfc3339(agent.certificate.expires_at),
            endpoint: self.invitation.endpoint(&agent.route),
            heartbeat_seconds: self.invitation.heartbeat_seconds(),
        };
        Ok(Response::new(StatusCode::CREATED, "application/json", json(&shown)))
    }

    fn heard<'a>(&self, attended: &'a Attended) -> HeardJson<'a> {
        HeardJson {
            agent_id: attended.agent.id.to_string(),
            group: attended.agent.group_name.as_str(),
            renew: attended.renew,
            heartbeat_seconds: self.invitation.heartbeat_seconds(),
            endpoint: self.invitation.endpoint(&attended.agent.route),
        }
    }

    async fn key(&self, request: &Request, permission: Permission) -> Result<Arc<AccessKey>, Problem> {
        admit(request, &*self.directory, &self.signed_calls, permission).await
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadAgents).await?;
        let after = match request.query.as_deref().filter(|query| !query.is_empty()) {
            None => None,
            Some(query) => Some(query.strip_prefix("after=").and_then(AgentId::parse).ok_or_else(|| {
                Problem::malformed("the query takes after=<agent id>", "查询参数只支持 after=<Agent ID>")
            })?),
        };
        let agents = self.machines.manage_agents.list(&key.row.app, after, PAGE).await?;
        // A full page may be the last one; then the next is empty.
        let next = agents.last().filter(|_| agents.len() == PAGE as usize).map(|(agent, _)| agent.id.to_string());
        let agents = agents.iter().map(|(agent, state)| AgentJson::new(agent, *state)).collect();
        Ok(ok(&AgentsJson { agents, next }))
    }

    async fn show(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadAgents).await?;
        let id = AgentId::parse(id).ok_or(Problem::NoSuchThing)?;
        let (agent, state) = self.machines.manage_agents.find(&key.row.app, id).await?;
        Ok(ok(&AgentJson::new(&agent, state)))
    }

    async fn revoke(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::RevokeAgents).await?;
        let id = AgentId::parse(id).ok_or(Problem::NoSuchThing)?;
        let from = came_from(request);
        self.machines.manage_agents.revoke(&key.row.app, id, by(&key, &from)).await?;
        Ok(done())
    }
}

/// The certificate that an agent showed on this connection.
fn shown_agent(request: &Request) -> Result<AgentCertificate, Problem> {
    request.agent.ok_or(Problem::CertificateNeeded)
}

impl From<EnrolAgentError> for Problem {
    fn from(error: EnrolAgentError) -> Self {
        match error {
            EnrolAgentError::Limited(limited) => Self::TooManyRequests(limited),
            EnrolAgentError::NotACode(error) => {
                let chinese = match error {
                    NotACode::Shape => "`code` 不是安装码：应为 6 位字母或数字，或以 csi_ 开头的 49 位长码",
                    NotACode::Checksum => "`code` 校验不符：安装码有字符输错或缺失",
                };
                Self::malformed(&format!("`code`: {error}"), chinese)
            }
            EnrolAgentError::Request(refusal) => refusal.into(),
            EnrolAgentError::Unknown => Self::InstallCodeUnknown,
            EnrolAgentError::Paused(wait) => Self::InstallCodesPaused(wait),
            EnrolAgentError::Refused(refusal) => Self::InstallCodeRefused(refusal),
            EnrolAgentError::Authority(failure) => Self::of_failure(&failure),
            EnrolAgentError::Busy(_) => Self::Busy,
            EnrolAgentError::Records(error) => Self::of_records(&error),
        }
    }
}

impl From<RequestRefusal> for Problem {
    fn from(refusal: RequestRefusal) -> Self {
        let chinese = match refusal {
            RequestRefusal::Malformed => "`csr` 不是 PEM 格式的证书签名请求",
            RequestRefusal::BadSignature => "`csr` 的签名无效",
            RequestRefusal::WeakKey => "`csr` 的密钥须为 ECDSA P-256、P-384、Ed25519 或 2048 至 4096 位 RSA",
        };
        Self::malformed(&format!("`csr`: {refusal}"), chinese)
    }
}

impl From<BadFact> for Problem {
    fn from(fact: BadFact) -> Self {
        let chinese = match fact {
            BadFact::Hostname => "`host.hostname` 应为 1 到 253 个字符",
            BadFact::Architecture => "`host.architecture` 应为 1 到 32 个字母、数字或下划线",
            BadFact::MachineId => "`host.machine_id` 最多 64 个字母、数字或连字符",
        };
        Self::malformed(&format!("`host`: {fact}"), chinese)
    }
}

impl From<AttendAgentError> for Problem {
    fn from(error: AttendAgentError) -> Self {
        match error {
            AttendAgentError::Gone | AttendAgentError::Superseded => Self::AgentGone,
            AttendAgentError::AppDisabled => Self::AppDisabled,
            AttendAgentError::Limited(limited) => Self::TooManyRequests(limited),
            AttendAgentError::Request(refusal) => refusal.into(),
            AttendAgentError::Authority(failure) => Self::of_failure(&failure),
            AttendAgentError::Busy(_) => Self::Busy,
            AttendAgentError::Records(error) => Self::of_records(&error),
        }
    }
}

impl From<ManageAgentsError> for Problem {
    fn from(error: ManageAgentsError) -> Self {
        match error {
            ManageAgentsError::Unknown => Self::NoSuchThing,
            ManageAgentsError::Records(error) => Self::of_records(&error),
        }
    }
}

#[async_trait]
impl Facade for NativeAgents {
    fn name(&self) -> &'static str {
        "native_agents"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/agents", "/v1/agents/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.run(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[derive(Deserialize)]
struct EnrolBody {
    code: String,
    csr: String,
    host: HostBody,
    /// The machine was made from an image that holds this code.
    #[serde(default)]
    staged: bool,
}

#[derive(Deserialize)]
struct HostBody {
    hostname: String,
    os: String,
    architecture: String,
    machine_id: Option<String>,
}

#[derive(Deserialize)]
struct RenewBody {
    csr: String,
}

#[derive(Serialize)]
struct EnrolledJson<'a> {
    agent_id: String,
    certificate: &'a str,
    ca: &'a str,
    group: &'a str,
    group_id: i64,
    expires_at: String,
    endpoint: String,
    heartbeat_seconds: u32,
}

#[derive(Serialize)]
struct HeardJson<'a> {
    agent_id: String,
    group: &'a str,
    renew: bool,
    heartbeat_seconds: u32,
    endpoint: String,
}

#[derive(Serialize)]
struct RenewedJson<'a> {
    agent_id: String,
    certificate: &'a str,
    ca: &'a str,
    expires_at: String,
}

impl<'a> From<&'a Attended> for RenewedJson<'a> {
    fn from(attended: &'a Attended) -> Self {
        Self {
            agent_id: attended.agent.id.to_string(),
            certificate: &attended.agent.certificate.certificate,
            ca: &attended.ca,
            expires_at: rfc3339(attended.agent.certificate.expires_at),
        }
    }
}

#[derive(Serialize)]
struct AgentsJson {
    agents: Vec<AgentJson>,
    next: Option<String>,
}

#[cfg(test)]
mod tests;
