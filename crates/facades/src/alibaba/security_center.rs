//! Security Center (SAS, 2018-12-03): install codes, and the machines that used one.
//!
//! Choices, where the vendor's pages are silent:
//! * `Deadline` stands in the zone of the setting `alibaba.time_zone`. Without one, `DescribeInstallCaptcha` gives the app's
//!   present code, and makes one where none is left; with one, the code that holds until exactly then.
//! * A code for any system is listed as one for `linux`, for the list has no word for "any", and there it holds.
//! * `DescribeInstallCode` says that it worked, which is all that its documented answer holds.
//! * `CaptchaCode` of a machine that joined with a long code is that code's id: its text is kept nowhere.
//! * `DescribeAgentInstallStatus` knows machines of any age. A machine that has joined and was never heard of is installing for
//!   ten minutes, and has failed after them. `ResuleCode` repeats `Result`.
//! * `Lang` is the language of a status, and of what is wrong with a deadline.
//! * `SourceIp` goes to the audit trail and nowhere else.

use std::future::ready;

use countersign_domain::access_key::Permission;
use countersign_domain::agent::{AgentId, OperatingSystem};
use countersign_domain::group::{GroupId, GroupName};
use countersign_domain::install_code::{CodeText, Form, InstallCode, Route};
use countersign_domain::operations::{
    AgentState, IssueInstallCodeError, IssuedInstallCode, ManageAgentsError, NewInstallCode, ReadInstallCodesError,
    RevokeInstallCodeError,
};
use countersign_domain::time::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::complaint::Complaint;
use super::products::{Call, Operation};
use super::tree::Tree;
use crate::machines::by;
use countersign_domain::language::Language;

/// Every operation. Sorted by name.
pub(super) const OPERATIONS: &[Operation] = &[
    ("AddInstallCode", Permission::CreateInstallCodes, |call| Box::pin(add_install_code(call))),
    ("DeleteInstallCode", Permission::RevokeInstallCodes, |call| Box::pin(delete_install_code(call))),
    ("DescribeAgentInstallStatus", Permission::ReadAgents, |call| Box::pin(describe_agent_install_status(call))),
    ("DescribeInstallCaptcha", Permission::ReadInstallCodes, |call| Box::pin(describe_install_captcha(call))),
    ("DescribeInstallCode", Permission::ReadInstallCodes, |_| Box::pin(ready(Ok(describe_install_code())))),
    ("DescribeInstallCodes", Permission::ReadInstallCodes, |call| Box::pin(describe_install_codes(call))),
    ("GetInstallCodeForUuid", Permission::ReadInstallCodes, |call| Box::pin(get_install_code_for_uuid(call))),
    ("SasInstallCode", Permission::ReadInstallCodes, |call| Box::pin(sas_install_code(call))),
];

/// The form of `Deadline`.
const DEADLINE: &str = "%Y-%m-%d %H:%M:%S";
/// Machines that one call may ask about.
const UUIDS: usize = 100;
/// Characters of a caller's word about itself that are recorded.
const RECORDED: usize = 64;

async fn describe_install_captcha(call: Call<'_>) -> Result<Tree, Complaint> {
    let zone = call.settings.time_zone;
    let deadline = call.parameters.text("Deadline").map(|text| read_deadline(text, zone)).transpose()?;
    let issued = present(&call, deadline).await?;
    Ok(Tree::Object(vec![
        ("CaptchaCode", text(issued.text.expose())),
        ("Deadline", Tree::Text(shown_deadline(issued.code.terms.deadline, zone))),
    ]))
}

async fn sas_install_code(call: Call<'_>) -> Result<Tree, Complaint> {
    let issued = present(&call, None).await?;
    Ok(Tree::Object(vec![("data", text(issued.text.expose()))]))
}

/// The app's present code. Whoever reads it may cause one to be made, so the key must be allowed to do both.
async fn present(call: &Call<'_>, deadline: Option<Timestamp>) -> Result<IssuedInstallCode, Complaint> {
    if !call.key.row.permissions.allow(Permission::CreateInstallCodes) {
        return Err(Complaint::NoPermission);
    }
    let language = language(call)?;
    let detail = detail(call);
    let issued = call.machines.issue_install_code.present(&call.key.row.app, deadline, by(call.key, &detail)).await;
    issued.map_err(|error| not_issued(&error, "Deadline", language))
}

async fn add_install_code(call: Call<'_>) -> Result<Tree, Complaint> {
    let parameters = call.parameters;
    let os = match parameters.text("Os") {
        None | Some("linux") => OperatingSystem::Linux,
        Some("windows") => OperatingSystem::Windows,
        Some(_) => return Err(Complaint::Invalid("Os")),
    };
    let named = |name: &'static str, most: usize| match parameters.text(name) {
        Some(text) if text.chars().count() > most || text.chars().any(char::is_control) => {
            Err(Complaint::Invalid(name))
        }
        text => Ok(text.map(str::to_owned)),
    };
    let wanted = NewInstallCode {
        form: Form::Short,
        deadline: parameters.integer("ExpiredDate")?.map(Timestamp::from_milliseconds),
        group: parameters.integer("GroupId")?.map(GroupId),
        os: Some(os),
        networks: Vec::new(),
        max_uses: None,
        only_image: parameters.boolean("OnlyImage")?.unwrap_or(false),
        route: Route {
            vendor: named("VendorName", 32)?.unwrap_or_else(|| Route::default().vendor),
            proxy_cluster: named("ProxyCluster", 64)?,
            private_link: parameters.integer("PrivateLinkId")?,
        },
    };
    let detail = detail(&call);
    let added = call.machines.issue_install_code.add(&call.key.row.app, wanted, by(call.key, &detail)).await;
    // Not the code: who may make codes may not be allowed to read them.
    added.map(|_| Tree::nothing()).map_err(|error| not_issued(&error, "ExpiredDate", Language::English))
}

async fn describe_install_codes(call: Call<'_>) -> Result<Tree, Complaint> {
    let detail = detail(&call);
    let codes = call.machines.read_install_codes.list(&call.key.row.app, false, by(call.key, &detail)).await;
    let codes = codes.map_err(|error| not_read(&error))?;
    let shown = codes.iter().filter_map(|read| {
        let mut fields = describe(&read.code, read.text.as_ref()?.expose(), &read.group);
        let Route { proxy_cluster, private_link, .. } = &read.code.terms.route;
        fields.push(("OnlyImage", Tree::Boolean(read.code.terms.only_image)));
        fields.extend(proxy_cluster.as_deref().map(|cluster| ("ProxyCluster", text(cluster))));
        fields.extend(private_link.map(|link| ("PrivateLinkEndpointId", Tree::Integer(link))));
        Some(Tree::Object(fields))
    });
    Ok(Tree::Object(vec![("InstallCodes", Tree::List(shown.collect()))]))
}

fn describe_install_code() -> Tree {
    // One SDK throws at any other code.
    Tree::Object(vec![("Code", text("200"))])
}

async fn delete_install_code(call: Call<'_>) -> Result<Tree, Complaint> {
    let code = call.parameters.required("CaptchaCode")?;
    let detail = detail(&call);
    match call.machines.revoke_install_code.by_text(&call.key.row.app, code, by(call.key, &detail)).await {
        Ok(_) => Ok(Tree::nothing()),
        Err(RevokeInstallCodeError::Unknown) => Err(Complaint::IllegalParameter),
        Err(RevokeInstallCodeError::Records(error)) => Err(Complaint::of_records(&error)),
    }
}

async fn get_install_code_for_uuid(call: Call<'_>) -> Result<Tree, Complaint> {
    let agent = AgentId::parse(call.parameters.required("Uuid")?).ok_or(Complaint::IllegalParameter)?;
    let detail = detail(&call);
    let read = call.machines.read_install_codes.of_agent(&call.key.row.app, agent, by(call.key, &detail)).await;
    let read = read.map_err(|error| not_read(&error))?;
    let code = read.text.as_ref().map_or(read.code.id.as_str(), CodeText::expose);
    Ok(Tree::Object(vec![
        ("Code", Tree::Integer(200)),
        ("HttpStatusCode", Tree::Integer(200)),
        ("Message", text("successful")),
        ("Success", Tree::Boolean(true)),
        ("InstallCode", Tree::Object(describe(&read.code, code, &read.group))),
    ]))
}

async fn describe_agent_install_status(call: Call<'_>) -> Result<Tree, Complaint> {
    let language = language(&call)?;
    let mut uuids: Vec<&str> = Vec::new();
    for uuid in call.parameters.required("Uuids")?.split(',').map(str::trim).filter(|uuid| !uuid.is_empty()) {
        if !uuids.contains(&uuid) {
            uuids.push(uuid);
        }
        if uuids.len() > UUIDS {
            return Err(Complaint::Invalid("Uuids"));
        }
    }
    let ids = uuids.iter().copied().filter_map(AgentId::parse).collect();
    let agents = call.machines.manage_agents.some(&call.key.row.app, ids).await.map_err(|error| match error {
        ManageAgentsError::Unknown => Complaint::IllegalParameter,
        ManageAgentsError::Records(error) => Complaint::of_records(&error),
    })?;
    let shown = uuids.into_iter().map(|uuid| {
        let id = AgentId::parse(uuid);
        let state = agents.iter().find(|(agent, _)| Some(agent.id) == id).map(|(_, state)| *state);
        let (result, english, chinese) = match state {
            None | Some(AgentState::Revoked | AgentState::Left) => (-1, "uninstalled", "未安装"),
            Some(AgentState::Joining) => (0, "installing", "安装中"),
            Some(AgentState::Active) => (1, "installed", "已安装"),
            Some(AgentState::Silent) => (2, "failed", "安装失败"),
        };
        Tree::Object(vec![
            ("Uuid", text(uuid)),
            ("Message", text(language.pick(english, chinese))),
            ("Result", Tree::Integer(result)),
            ("ResuleCode", Tree::Text(result.to_string())),
        ])
    });
    Ok(Tree::Object(vec![("AegisClientInvokeStatusResponseList", Tree::List(shown.collect()))]))
}

/// What every answer says of a code.
fn describe(code: &InstallCode, shown: &str, group: &GroupName) -> Vec<(&'static str, Tree)> {
    let terms = &code.terms;
    vec![
        ("CaptchaCode", text(shown)),
        ("ExpiredDate", Tree::Integer(terms.deadline.milliseconds())),
        ("GroupId", Tree::Integer(terms.group.0)),
        ("GroupName", text(group.as_str())),
        ("Os", text(terms.os.unwrap_or(OperatingSystem::Linux).word())),
        ("VendorName", text(&terms.route.vendor)),
    ]
}

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

fn not_issued(error: &IssueInstallCodeError, deadline: &'static str, language: Language) -> Complaint {
    let senseless = |english: &str, chinese: &str| {
        let said = language.pick(english, chinese).to_owned();
        Complaint::Senseless(deadline, said)
    };
    match error {
        IssueInstallCodeError::DeadlinePast => senseless("It is over already.", "截止时间已过。"),
        IssueInstallCodeError::DeadlineTooFar => senseless("It is more than ten years away.", "截止时间距今超过十年。"),
        IssueInstallCodeError::UnknownGroup => Complaint::Invalid("GroupId"),
        IssueInstallCodeError::TooManyLive => Complaint::TooManyInstallCodes,
        // This door sets neither.
        IssueInstallCodeError::NoUses | IssueInstallCodeError::TooManyNetworks => Complaint::IllegalParameter,
        IssueInstallCodeError::Records(error) => Complaint::of_records(error),
    }
}

fn not_read(error: &ReadInstallCodesError) -> Complaint {
    match error {
        ReadInstallCodesError::UnknownCode | ReadInstallCodesError::UnknownAgent => Complaint::IllegalParameter,
        ReadInstallCodesError::Records(error) => Complaint::of_records(error),
    }
}

fn language(call: &Call<'_>) -> Result<Language, Complaint> {
    match call.parameters.text("Lang") {
        None => Ok(Language::Chinese),
        Some(tag) if tag.eq_ignore_ascii_case("zh") => Ok(Language::Chinese),
        Some(tag) if tag.eq_ignore_ascii_case("en") => Ok(Language::English),
        Some(_) => Err(Complaint::Invalid("Lang")),
    }
}

/// What the audit trail says about where a call came from, and what its caller says of that.
fn detail(call: &Call<'_>) -> String {
    let from = format!("from {}", call.client);
    match call.parameters.text("SourceIp") {
        None => from,
        Some(said) => format!("{from}, SourceIp {:?}", said.chars().take(RECORDED).collect::<String>()),
    }
}

/// Reads `2026-12-11 16:26:22`, and nothing that merely looks like it.
fn read_deadline(text: &str, zone: Offset) -> Result<Timestamp, Complaint> {
    let read = || {
        let time = DateTime::strptime(DEADLINE, text).ok()?;
        let timestamp = zone.to_timestamp(time).ok()?;
        (time.strftime(DEADLINE).to_string() == text).then(|| Timestamp::from_milliseconds(timestamp.as_millisecond()))
    };
    read().ok_or(Complaint::Invalid("Deadline"))
}

fn shown_deadline(deadline: Timestamp, zone: Offset) -> String {
    let time = jiff::Timestamp::from_millisecond(deadline.milliseconds()).unwrap_or(jiff::Timestamp::MAX);
    zone.to_datetime(time).strftime(DEADLINE).to_string()
}

#[cfg(test)]
mod tests;
