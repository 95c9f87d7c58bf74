//! The native API's server side for an app's directory: accounts, whose owners are asked for consent, and what they own.
//!
//! `GET /v1/accounts`, `PUT|DELETE /v1/accounts/{id}`, `GET /v1/resources`, `PUT|DELETE /v1/resources/{id}`. Ids are the caller's,
//! so there is `PUT` and no `POST`: the same call again changes nothing. Whoever may change a contact decides who is asked; a key
//! that asks for codes should not be allowed to.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::account::{AccountId, AccountName, MOST_NETWORKS};
use countersign_domain::code::Resource;
use countersign_domain::contact::Contact;
use countersign_domain::language::Language;
use countersign_domain::network::Network;
use countersign_domain::operations::{ManageDirectoryError, NewAccount, NewResource, NewRows, SignedCalls};
use countersign_domain::ports::{Directory, Page, Taken};
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::basic::admit;
use crate::door::{Facade, Refusal, Request, Response};
use crate::machines::by;
use crate::native_contacts::{PAGE, limit, offset};
use crate::native_install_codes::{came_from, done, ok};
use crate::owners::{AccountJson, Owners, ResourceJson};
use crate::problem::{Problem, language_of};
use crate::signing::form::unescaped;

const ACCOUNTS: &str = "/v1/accounts";
const RESOURCES: &str = "/v1/resources";

/// The façade.
pub(crate) struct NativeDirectory {
    owners: Owners,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
}

impl NativeDirectory {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { owners, signed_calls, directory, .. } = context.clone();
        Self { owners, signed_calls, directory }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        let below = |root: &str| request.path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'));
        match (&request.method, request.path.as_str()) {
            (&Method::GET, ACCOUNTS) => self.list_accounts(request).await,
            (&Method::GET, RESOURCES) => self.list_resources(request).await,
            (_, ACCOUNTS | RESOURCES) => Err(Problem::MethodNotAllowed("GET")),
            (method, _) => match (below(ACCOUNTS), below(RESOURCES)) {
                (Some(id), _) if method == Method::PUT => self.keep_account(request, id).await,
                (Some(id), _) if method == Method::DELETE => self.remove_account(request, id).await,
                (_, Some(id)) if method == Method::PUT => self.keep_resource(request, id).await,
                (_, Some(id)) if method == Method::DELETE => self.remove_resource(request, id).await,
                (None, None) => Err(Problem::NotFound),
                _ => Err(Problem::MethodNotAllowed("DELETE, PUT")),
            },
        }
    }

    async fn key(&self, request: &Request, permission: Permission) -> Result<Arc<AccessKey>, Problem> {
        admit(request, &*self.directory, &self.signed_calls, permission).await
    }

    async fn list_accounts(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadDirectory).await?;
        let page = page(request.query.as_deref().unwrap_or_default())?;
        let found = self.owners.manage_directory.accounts(&key.row.app, page).await;
        let (accounts, count) = found.map_err(|error| problem(&error))?;
        let accounts = accounts.iter().map(|(account, masked)| AccountJson::new(account, masked.as_deref())).collect();
        Ok(ok(&AccountsJson { accounts, count }))
    }

    async fn list_resources(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadDirectory).await?;
        let page = page(request.query.as_deref().unwrap_or_default())?;
        let found = self.owners.manage_directory.resources(&key.row.app, page).await;
        let (resources, count) = found.map_err(|error| problem(&error))?;
        Ok(ok(&ResourcesJson { resources: resources.iter().map(ResourceJson::from).collect(), count }))
    }

    async fn keep_account(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageDirectory).await?;
        let id = AccountId::parse(id).ok_or(Problem::NoSuchThing)?;
        let body: AccountBody = serde_json::from_slice(&request.body)?;
        let rows = NewRows { accounts: vec![body.read(id)?], ..NewRows::default() };
        let from = came_from(request);
        let kept = self.owners.manage_directory.keep(&key.row.app, rows, Taken::Replace, by(&key, &from)).await;
        kept.map(|()| done()).map_err(|error| match error {
            ManageDirectoryError::Exists => Problem::OwnAccountExists,
            error => problem(&error),
        })
    }

    async fn keep_resource(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageDirectory).await?;
        let id = resource_id(id)?;
        let body: ResourceBody = serde_json::from_slice(&request.body)?;
        let rows = NewRows { resources: vec![body.read(id)?], ..NewRows::default() };
        let from = came_from(request);
        let kept = self.owners.manage_directory.keep(&key.row.app, rows, Taken::Replace, by(&key, &from)).await;
        kept.map(|()| done()).map_err(|error| match error {
            ManageDirectoryError::Unknown => {
                Problem::malformed("`account` is none of this directory", "`account` 不在本目录中")
            }
            error => problem(&error),
        })
    }

    async fn remove_account(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageDirectory).await?;
        let id = AccountId::parse(id).ok_or(Problem::NoSuchThing)?;
        let from = came_from(request);
        let removed = self.owners.manage_directory.remove_account(&key.row.app, id, by(&key, &from)).await;
        removed.map(|()| done()).map_err(|error| problem(&error))
    }

    async fn remove_resource(&self, request: &Request, id: &str) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ManageDirectory).await?;
        let id = resource_id(id)?;
        let from = came_from(request);
        let removed = self.owners.manage_directory.remove_resource(&key.row.app, id, by(&key, &from)).await;
        removed.map(|()| done()).map_err(|error| problem(&error))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountBody {
    name: String,
    contact: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    is_own: bool,
}

impl AccountBody {
    fn read(self, id: AccountId) -> Result<NewAccount, Problem> {
        let name = AccountName::parse(&self.name).ok_or_else(|| {
            Problem::malformed(
                "`name` takes 1 to 64 characters, without spaces at its ends",
                "`name` 应为 1 到 64 个字符，首尾不能有空格",
            )
        })?;
        let contact = Contact::address(&self.contact)
            .map_err(|_| Problem::malformed("`contact` is no e-mail address", "`contact` 不是邮箱地址"))?;
        let language = match self.language.as_deref() {
            None | Some("en") => Language::English,
            Some("zh") => Language::Chinese,
            Some(_) => return Err(Problem::malformed("`language` is en or zh", "`language` 应为 en 或 zh")),
        };
        Ok(NewAccount { id, name, is_own: self.is_own, contact, language })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceBody {
    account: String,
    #[serde(default)]
    networks: Vec<String>,
}

impl ResourceBody {
    fn read(self, id: Resource) -> Result<NewResource, Problem> {
        let account = AccountId::parse(&self.account).ok_or_else(|| {
            Problem::malformed("`account` is a number of 1 to 17 digits", "`account` 应为 1 到 17 位数字")
        })?;
        if self.networks.len() > MOST_NETWORKS {
            return Err(Problem::malformed("`networks` has more than 32 entries", "`networks` 超过 32 项"));
        }
        let networks: Result<Vec<_>, _> = self.networks.into_iter().map(Network::try_from).collect();
        let networks = networks.map_err(|_| {
            Problem::malformed(
                "`networks` are written as 10.0.0.0/8, without bits behind the prefix",
                "`networks` 的写法如 10.0.0.0/8，前缀之后不能有非零位",
            )
        })?;
        Ok(NewResource { id, account, networks })
    }
}

/// The part of a list that the query asks for.
fn page(query: &str) -> Result<Page, Problem> {
    let unknown = || {
        Problem::malformed(
            "the query takes `limit` and `offset`, each once and escaped as in URLs",
            "查询参数只有 `limit`、`offset`，各至多一次，并按 URL 转义",
        )
    };
    let (mut most, mut skipped) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescaped(raw.bytes()).map_err(|_| unknown())?;
        let was_there = match name {
            "limit" => most.replace(limit(&value)?).is_some(),
            "offset" => skipped.replace(offset(&value)?).is_some(),
            _ => return Err(unknown()),
        };
        if was_there {
            return Err(unknown());
        }
    }
    Ok(Page { limit: most.unwrap_or(PAGE), offset: skipped.unwrap_or_default() })
}

/// The id of a resource from a path, where it may be escaped.
fn resource_id(text: &str) -> Result<Resource, Problem> {
    let text = unescaped(text.bytes()).map_err(|_| Problem::NoSuchThing)?;
    Resource::parse(&text).ok_or(Problem::NoSuchThing)
}

fn problem(error: &ManageDirectoryError) -> Problem {
    match error {
        // Said where it can be.
        ManageDirectoryError::Exists | ManageDirectoryError::SiteInUse | ManageDirectoryError::Seal(_) => {
            Problem::Failed
        }
        ManageDirectoryError::Unknown => Problem::NoSuchThing,
        ManageDirectoryError::Records(error) => Problem::of_records(error),
    }
}

#[async_trait]
impl Facade for NativeDirectory {
    fn name(&self) -> &'static str {
        "native_directory"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/accounts", "/v1/accounts/*", "/v1/resources", "/v1/resources/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.run(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[derive(Serialize)]
struct AccountsJson {
    accounts: Vec<AccountJson>,
    count: u32,
}

#[derive(Serialize)]
struct ResourcesJson {
    resources: Vec<ResourceJson>,
    count: u32,
}

#[cfg(test)]
mod tests;
