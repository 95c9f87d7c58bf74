//! What the doors of machines share: the operations, what the server says about itself, and how codes, groups and agents
//! are shown as JSON.

use std::sync::Arc;

use countersign_domain::access_key::AccessKey;
use countersign_domain::agent::{Agent, OperatingSystem};
use countersign_domain::group::{Group, GroupName};
use countersign_domain::install_code::{CodeText, InstallCode, Route};
use countersign_domain::operations::{
    Actor, AgentState, AttendAgent, CodePolicy, EnrolAgent, EnrolPolicy, IssueInstallCode, MachinePorts, ManageAgents,
    ManageGroups, Ports, ReadInstallCodes, RevokeInstallCode,
};
use countersign_domain::ports::{Authority, Use};
use countersign_domain::time::Timestamp;
use serde::Serialize;

use crate::views::rfc3339;

/// The operations on groups, install codes and agents.
#[derive(Clone)]
pub struct Machines {
    /// Makes install codes.
    pub issue_install_code: Arc<IssueInstallCode>,
    /// Reads them again.
    pub read_install_codes: Arc<ReadInstallCodes>,
    /// Revokes them.
    pub revoke_install_code: Arc<RevokeInstallCode>,
    /// Groups.
    pub manage_groups: Arc<ManageGroups>,
    /// Agents, from their owner's side.
    pub manage_agents: Arc<ManageAgents>,
    /// Lets a machine join.
    pub enrol_agent: Arc<EnrolAgent>,
    /// Attends to those that have.
    pub attend_agent: Arc<AttendAgent>,
}

impl Machines {
    /// All of them over the same ports.
    pub fn new(
        ports: Ports,
        machines: &MachinePorts,
        authority: &Arc<dyn Authority>,
        codes: CodePolicy,
        enrol: EnrolPolicy,
    ) -> Self {
        let attend = AttendAgent::new(ports.clone(), machines.clone(), Arc::clone(authority), enrol);
        Self {
            issue_install_code: Arc::new(IssueInstallCode::new(machines.clone(), codes)),
            read_install_codes: Arc::new(ReadInstallCodes::new(machines.clone())),
            revoke_install_code: Arc::new(RevokeInstallCode::new(machines.clone())),
            manage_groups: Arc::new(ManageGroups::new(machines.clone())),
            manage_agents: Arc::new(ManageAgents::new(machines.clone())),
            enrol_agent: Arc::new(EnrolAgent::new(ports, machines.clone(), Arc::clone(authority), enrol)),
            attend_agent: Arc::new(attend),
        }
    }
}

/// The access key, for the audit trail.
pub(crate) fn by<'a>(key: &'a AccessKey, detail: &'a str) -> Actor<'a> {
    Actor { name: key.row.id.as_str(), detail }
}

/// What the server knows about how machines come to it.
pub trait Invitation: Send + Sync {
    /// Whether machines may join the way this server is reached: over HTTPS, or over plain HTTP where the operator allows it.
    fn is_open(&self) -> bool;

    /// The line to paste on a machine with this system. It holds the code, which whoever runs it must have anyway.
    fn line(&self, code: &CodeText, os: Option<OperatingSystem>) -> String;

    /// Where machines that joined by this route reach the server: an address without a slash at its end.
    fn endpoint(&self, route: &Route) -> String;

    /// How long an agent waits between two calls, in seconds.
    fn heartbeat_seconds(&self) -> u32;
}

/// An install code as the native API shows it. `code` and `command` are there when it is made, and later for short ones.
#[derive(Serialize)]
pub struct CodeJson {
    id: String,
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    state: &'static str,
    deadline: String,
    group_id: i64,
    group: String,
    os: Option<&'static str>,
    networks: Vec<String>,
    max_uses: Option<u32>,
    uses: u32,
    only_image: bool,
    vendor: String,
    proxy_cluster: Option<String>,
    private_link: Option<i64>,
    created_at: String,
    created_by: String,
    revoked_at: Option<String>,
}

impl CodeJson {
    /// As it is shown at `now`, with its text where that may be shown.
    pub fn new(
        code: &InstallCode,
        text: Option<&CodeText>,
        group: &GroupName,
        now: Timestamp,
        invitation: &dyn Invitation,
    ) -> Self {
        let terms = &code.terms;
        let live = code.is_live(now);
        Self {
            id: code.id.as_str().to_owned(),
            form: code.form.word(),
            code: text.map(|text| text.expose().to_owned()),
            command: text.filter(|_| live).map(|text| invitation.line(text, terms.os)),
            state: state(code, now),
            deadline: rfc3339(terms.deadline),
            group_id: terms.group.0,
            group: group.as_str().to_owned(),
            os: terms.os.map(OperatingSystem::word),
            networks: terms.networks.iter().map(ToString::to_string).collect(),
            max_uses: terms.max_uses,
            uses: code.uses,
            only_image: terms.only_image,
            vendor: terms.route.vendor.clone(),
            proxy_cluster: terms.route.proxy_cluster.clone(),
            private_link: terms.route.private_link,
            created_at: rfc3339(code.created_at),
            created_by: code.created_by.clone(),
            revoked_at: code.revoked_at.map(rfc3339),
        }
    }
}

/// An install code and the machines that joined with it, as the native API shows them.
#[derive(Serialize)]
pub struct CodeAndUsesJson {
    #[serde(flatten)]
    code: CodeJson,
    used_by: Vec<UseJson>,
}

#[derive(Serialize)]
struct UseJson {
    agent_id: String,
    hostname: String,
    address: String,
    at: String,
}

impl CodeAndUsesJson {
    /// A code with its uses, newest first.
    pub fn new(code: CodeJson, uses: &[Use]) -> Self {
        let used_by = uses.iter().map(|one| UseJson {
            agent_id: one.agent.to_string(),
            hostname: one.hostname.clone(),
            address: one.address.to_string(),
            at: rfc3339(one.at),
        });
        Self { code, used_by: used_by.collect() }
    }
}

/// The word for how a code is doing.
pub fn state(code: &InstallCode, now: Timestamp) -> &'static str {
    match code {
        _ if code.is_live(now) => "live",
        _ if code.revoked_at.is_some() => "revoked",
        _ if now >= code.terms.deadline => "expired",
        _ => "exhausted",
    }
}

/// A group as the native API shows it.
#[derive(Serialize)]
pub struct GroupJson {
    id: i64,
    name: String,
    is_default: bool,
    created_at: String,
}

impl From<&Group> for GroupJson {
    fn from(group: &Group) -> Self {
        Self {
            id: group.id.0,
            name: group.name.as_str().to_owned(),
            is_default: group.is_default,
            created_at: rfc3339(group.created_at),
        }
    }
}

/// An agent as the native API shows it to its owner.
#[derive(Serialize)]
pub struct AgentJson {
    agent_id: String,
    state: &'static str,
    group_id: i64,
    group: String,
    install_code_id: String,
    hostname: String,
    os: &'static str,
    architecture: String,
    machine_id: String,
    address: String,
    joined_at: String,
    seen_at: Option<String>,
    ended_at: Option<String>,
    certificate_expires_at: String,
}

impl AgentJson {
    /// As it is shown in this state.
    pub fn new(agent: &Agent, state: AgentState) -> Self {
        Self {
            agent_id: agent.id.to_string(),
            state: state.word(),
            group_id: agent.group.0,
            group: agent.group_name.as_str().to_owned(),
            install_code_id: agent.code.as_str().to_owned(),
            hostname: agent.host.hostname().to_owned(),
            os: agent.host.os().word(),
            architecture: agent.host.architecture().to_owned(),
            machine_id: agent.host.machine_id().to_owned(),
            address: agent.address.to_string(),
            joined_at: rfc3339(agent.joined_at),
            seen_at: agent.seen_at.map(rfc3339),
            ended_at: agent.ended.map(|(at, _)| rfc3339(at)),
            certificate_expires_at: rfc3339(agent.certificate.expires_at),
        }
    }
}
