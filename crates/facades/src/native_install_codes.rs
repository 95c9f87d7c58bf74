//! The native API's server side for install codes and groups: they are made, listed and ended with an access key.
//!
//! `POST|GET /v1/install-codes`, `GET|DELETE /v1/install-codes/{id}`, `POST|GET /v1/groups`, `PATCH|DELETE /v1/groups/{id}`. A
//! code that is made without a wish is a long one, for one machine, for a week; its text is in that one answer and never
//! again. Fields that this version does not know are refused: a mistyped `networks` must not open a code to the world.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::agent::OperatingSystem;
use countersign_domain::group::{GroupId, GroupName};
use countersign_domain::install_code::{BadRoute, Form, InstallCodeId, Route};
use countersign_domain::network::Network;
use countersign_domain::operations::{
    IssueInstallCodeError, ManageGroupsError, NewInstallCode, ReadInstallCodesError, RevokeInstallCodeError,
    SignedCalls,
};
use countersign_domain::ports::{Clock, Directory};
use countersign_domain::time::Timestamp;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::basic::admit;
use crate::door::{Facade, Refusal, Request, Response, json};
use crate::machines::{CodeAndUsesJson, CodeJson, GroupJson, Invitation, Machines, by};
use crate::problem::{Problem, language_of};

const CODES: &str = "/v1/install-codes";
const GROUPS: &str = "/v1/groups";

/// The façade.
pub(crate) struct NativeInstallCodes {
    machines: Machines,
    invitation: Arc<dyn Invitation>,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
}

impl NativeInstallCodes {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { machines, invitation, signed_calls, directory, clock, .. } = context.clone();
        Self { machines, invitation, signed_calls, directory, clock }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        let below = |root: &str| request.path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'));
        match (&request.method, request.path.as_str()) {
            (&Method::POST, CODES) => self.create_code(request).await,
            (&Method::GET, CODES) => self.list_codes(request).await,
            (&Method::POST, GROUPS) => self.create_group(request).await,
            (&Method::GET, GROUPS) => self.list_groups(request).await,
            (_, CODES | GROUPS) => Err(Problem::MethodNotAllowed("GET, POST")),
            (method, _) => match (below(CODES), below(GROUPS)) {
                (Some(id), _) if method == Method::GET => self.show_code(request, id).await,
                (Some(id), _) if method == Method::DELETE => self.revoke_code(request, id).await,
                (Some(_), _) => Err(Problem::MethodNotAllowed("DELETE, GET")),
                (_, Some(id)) if method == Method::PATCH => self.rename_group(request, id).await,
                (_, Some(id)) if method == Method::DELETE => self.remove_group(request, id).await,
                (_, Some(_)) => Err(Problem::MethodNotAllowed("DELETE, PATCH")),
                (None, None) => Err(Problem::NotFound),
            },
        }
    }

    async fn key(&self, request: &Request, permission: Permission) -> Result<Arc<AccessKey>, Problem> {
        admit(request, &*self.directory, &self.signed_calls, permission).await
    }

    async fn create_code(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::CreateInstallCodes).await?;
        let body: CreateBody = serde_json::from_slice(&request.body)?;
        let wanted = body.read(self.clock.now())?;
        let from = came_from(request);
        let issued = self.machines.issue_install_code.add(&key.row.app, wanted, by(&key, &from)).await?;
        let shown = CodeJson::new(&issued.code, Some(&issued.text), &issued.group, self.clock.now(), &*self.invitation);
        Ok(Response::new(StatusCode::CREATED, "application/json", json(&shown)))
    }

    async fn list_codes(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadInstallCodes).await?;
        let all = match request.query.as_deref() {
            None | Some("" | "all=false") => false,
            Some("all=true") => true,
            Some(_) => {
                return Err(Problem::malformed(
                    "the query takes all=true or all=false",
                    "查询参数只支持 all=true 或 all=false",
                ));
            }
        };
        let from = came_from(request);
        let codes = self.machines.read_install_codes.list(&key.row.app, all, by(&key, &from)).await?;
        let now = self.clock.now();
        let shown = codes
            .iter()
            .map(|read| CodeJson::new(&read.code, read.text.as_ref(), &read.group, now, &*self.invitation))
            .collect();
        Ok(ok(&CodesJson { install_codes: shown }))
    }

    async fn show_code(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadInstallCodes).await?;
        let id = InstallCodeId::parse(id).ok_or(Problem::NoSuchThing)?;
        let from = came_from(request);
        let (read, uses) = self.machines.read_install_codes.find(&key.row.app, id, by(&key, &from)).await?;
        let code = CodeJson::new(&read.code, read.text.as_ref(), &read.group, self.clock.now(), &*self.invitation);
        Ok(ok(&CodeAndUsesJson::new(code, &uses)))
    }

    async fn revoke_code(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::RevokeInstallCodes).await?;
        let id = InstallCodeId::parse(id).ok_or(Problem::NoSuchThing)?;
        let from = came_from(request);
        match self.machines.revoke_install_code.by_id(&key.row.app, id, by(&key, &from)).await {
            Ok(_) => Ok(done()),
            Err(RevokeInstallCodeError::Unknown) => Err(Problem::NoSuchThing),
            Err(RevokeInstallCodeError::Records(error)) => Err(Problem::of_records(&error)),
        }
    }

    async fn create_group(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageGroups).await?;
        let name = group_name(request)?;
        let from = came_from(request);
        let group = self.machines.manage_groups.create(&key.row.app, name, by(&key, &from)).await?;
        Ok(Response::new(StatusCode::CREATED, "application/json", json(&GroupJson::from(&group))))
    }

    async fn list_groups(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageGroups).await?;
        let from = came_from(request);
        let groups = self.machines.manage_groups.list(&key.row.app, by(&key, &from)).await?;
        Ok(ok(&GroupsJson { groups: groups.iter().map(GroupJson::from).collect() }))
    }

    async fn rename_group(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageGroups).await?;
        let (id, name) = (group_id(id)?, group_name(request)?);
        let from = came_from(request);
        self.machines.manage_groups.rename(&key.row.app, id, name, by(&key, &from)).await?;
        Ok(done())
    }

    async fn remove_group(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageGroups).await?;
        let id = group_id(id)?;
        let from = came_from(request);
        self.machines.manage_groups.remove(&key.row.app, id, by(&key, &from)).await?;
        Ok(done())
    }
}

/// What the audit trail says about where a call came from.
pub(crate) fn came_from(request: &Request) -> String {
    format!("from {}", request.client)
}

pub(crate) fn ok(body: &impl Serialize) -> Response {
    Response::new(StatusCode::OK, "application/json", json(body))
}

pub(crate) fn done() -> Response {
    Response::new(StatusCode::NO_CONTENT, "application/json", Vec::new())
}

fn group_id(text: &str) -> Result<GroupId, Problem> {
    text.parse().map(GroupId).map_err(|_| Problem::NoSuchThing)
}

fn group_name(request: &Request) -> Result<GroupName, Problem> {
    let body: GroupBody = serde_json::from_slice(&request.body)?;
    GroupName::parse(&body.name).ok_or_else(|| {
        Problem::malformed(
            "`name` takes 1 to 64 characters, without spaces at its ends",
            "`name` 应为 1 到 64 个字符，首尾不能有空格",
        )
    })
}

impl From<IssueInstallCodeError> for Problem {
    fn from(error: IssueInstallCodeError) -> Self {
        match error {
            IssueInstallCodeError::DeadlinePast => Self::malformed("the deadline is over already", "截止时间已过"),
            IssueInstallCodeError::DeadlineTooFar => {
                Self::malformed("the deadline is more than ten years away", "截止时间距今超过十年")
            }
            IssueInstallCodeError::UnknownGroup => Self::malformed("there is no such group", "没有该分组"),
            IssueInstallCodeError::NoUses => Self::malformed("`max_uses` is at least 1", "`max_uses` 至少为 1"),
            IssueInstallCodeError::TooManyNetworks => {
                Self::malformed("`networks` takes at most 64 networks", "`networks` 最多 64 个网段")
            }
            IssueInstallCodeError::TooManyLive => Self::TooManyInstallCodes,
            IssueInstallCodeError::Records(error) => Self::of_records(&error),
        }
    }
}

impl From<BadRoute> for Problem {
    fn from(bad: BadRoute) -> Self {
        match bad {
            BadRoute::Vendor => Self::malformed("`vendor` takes 1 to 32 characters", "`vendor` 应为 1 到 32 个字符"),
            BadRoute::ProxyCluster => {
                Self::malformed("`proxy_cluster` takes 1 to 64 characters", "`proxy_cluster` 应为 1 到 64 个字符")
            }
        }
    }
}

impl From<ReadInstallCodesError> for Problem {
    fn from(error: ReadInstallCodesError) -> Self {
        match error {
            ReadInstallCodesError::UnknownCode | ReadInstallCodesError::UnknownAgent => Self::NoSuchThing,
            ReadInstallCodesError::Records(error) => Self::of_records(&error),
        }
    }
}

impl From<ManageGroupsError> for Problem {
    fn from(error: ManageGroupsError) -> Self {
        match error {
            ManageGroupsError::Exists => Self::GroupExists,
            ManageGroupsError::Unknown => Self::NoSuchThing,
            ManageGroupsError::InUse => Self::GroupInUse,
            ManageGroupsError::Records(error) => Self::of_records(&error),
        }
    }
}

#[async_trait]
impl Facade for NativeInstallCodes {
    fn name(&self) -> &'static str {
        "native_install_codes"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/install-codes", "/v1/install-codes/*", "/v1/groups", "/v1/groups/*"]
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
#[serde(deny_unknown_fields)]
struct GroupBody {
    name: String,
}

/// A code that is wished for. Without a word about it, `max_uses` is 1; `null` is any number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    form: Option<String>,
    deadline: Option<String>,
    lifetime_seconds: Option<u32>,
    group_id: Option<i64>,
    os: Option<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default = "one")]
    max_uses: Option<u32>,
    #[serde(default)]
    only_image: bool,
    vendor: Option<String>,
    proxy_cluster: Option<String>,
    private_link: Option<i64>,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field that may be null")]
fn one() -> Option<u32> {
    Some(1)
}

impl CreateBody {
    fn read(self, now: Timestamp) -> Result<NewInstallCode, Problem> {
        let form = match self.form.as_deref() {
            None => Form::Long,
            Some(word) => Form::from_word(word)
                .ok_or_else(|| Problem::malformed("`form` is `long` or `short`", "`form` 应为 `long` 或 `short`"))?,
        };
        let deadline = match (self.deadline, self.lifetime_seconds) {
            (None, None) => None,
            (None, Some(seconds)) => Some(now.plus(Duration::from_secs(u64::from(seconds)))),
            (Some(text), None) => Some(time(&text)?),
            (Some(_), Some(_)) => {
                let (english, chinese) = (
                    "give `deadline` or `lifetime_seconds`, not both",
                    "`deadline` 与 `lifetime_seconds` 只能给出一个",
                );
                return Err(Problem::malformed(english, chinese));
            }
        };
        let os = match self.os.as_deref() {
            None => None,
            Some(word) => Some(OperatingSystem::from_word(word).ok_or_else(|| {
                Problem::malformed("`os` is `linux`, `macos` or `windows`", "`os` 应为 `linux`、`macos` 或 `windows`")
            })?),
        };
        let networks = self.networks.into_iter().map(|text| {
            Network::try_from(text).map_err(|error| {
                Problem::malformed(&format!("`networks`: {error}"), &format!("`networks` 有误：{error}"))
            })
        });
        Ok(NewInstallCode {
            form,
            deadline,
            group: self.group_id.map(GroupId),
            os,
            networks: networks.collect::<Result<_, _>>()?,
            max_uses: self.max_uses,
            only_image: self.only_image,
            route: Route::new(self.vendor, self.proxy_cluster, self.private_link)?,
        })
    }
}

fn time(text: &str) -> Result<Timestamp, Problem> {
    let read: Result<jiff::Timestamp, _> = text.parse();
    read.map(|time| Timestamp::from_milliseconds(time.as_millisecond())).map_err(|_| {
        Problem::malformed(
            "`deadline` is a time with its zone, such as 2026-12-31T23:59:59Z",
            "`deadline` 应为带时区的时间，例如 2026-12-31T23:59:59Z",
        )
    })
}

#[derive(Serialize)]
struct CodesJson {
    install_codes: Vec<CodeJson>,
}

#[derive(Serialize)]
struct GroupsJson {
    groups: Vec<GroupJson>,
}

#[cfg(test)]
mod tests;
