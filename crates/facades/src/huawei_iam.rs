//! Huawei Cloud's Identity and Access Management, as far as other services' clients need it: `POST /v3/auth/tokens`,
//! `GET /v3/auth/domains` and `GET /v5/caller-identity`.
//!
//! Quirks, from the vendor's pages, its SDKs and Keystone's v3 API, of which this is one:
//! * The token is in the header `X-Subject-Token`; the body only tells about it.
//! * Errors are `{"error":{"code","message","title"}}`, with the status once more as the code. What the gateway refuses, a wrong
//!   signature for one, is in the gateway's words ([`huawei`](crate::huawei)).
//! * The content type is sent as `application/json;charset=utf8`, which no parser of media types likes: it is not looked at.
//! * SDKs whose owner did not tell them the account's id ask for `/v3/auth/domains`, and take the first.
//!
//! Choices: an account, or domain, is an app, and has one project, which answers to any name (clients have regions' names
//! there); a scope that is another's is 401, after the password. Without a scope the token is for the domain. Roles say which
//! permissions the user has; nothing reads them from a token.

mod complaint;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::app::AppId;
use countersign_domain::iam_user::{IamUser, domain_id, project_id};
use countersign_domain::operations::{Credentials, SignIn, SignInError, SignedIn};
use countersign_domain::ports::{Directory, Entropy};
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Context;
use crate::door::{Facade, Refusal, Request, Response, json};
use crate::huawei::{CONTENT_TYPE, Gate, Query, named, request_id};
use complaint::Complaint;

const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// The façade.
pub(crate) struct HuaweiIam {
    gate: Gate,
    sign_in: Arc<SignIn>,
    directory: Arc<dyn Directory>,
    entropy: Arc<dyn Entropy>,
}

impl HuaweiIam {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { signed_calls, sign_in, directory, entropy, .. } = context.clone();
        Self { gate: Gate::new(signed_calls, Arc::clone(&sign_in)), sign_in, directory, entropy }
    }
}

#[async_trait]
impl Facade for HuaweiIam {
    fn name(&self) -> &'static str {
        "huawei_iam"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v3/auth/*", "/v5/caller-identity", "/v5/caller-identity/"]
    }

    async fn answer(&self, request: Request) -> Response {
        let request_id = request_id(&*self.entropy);
        let answered = match (&request.method, request.path.trim_end_matches('/')) {
            (&Method::POST, "/v3/auth/tokens") => self.tokens(&request).await,
            (&Method::GET, "/v3/auth/domains") => self.domains(&request).await,
            (&Method::GET, "/v5/caller-identity") => self.caller_identity(&request).await,
            _ => Err(Complaint::Gate(crate::huawei::Complaint::NotFound)),
        };
        match answered {
            Ok(response) => named(response, &request_id),
            Err(complaint) => complaint.response(&request_id),
        }
    }

    fn refuse(&self, refusal: Refusal, _: &HeaderMap) -> Response {
        Complaint::Gate(refusal.into()).response(&request_id(&*self.entropy))
    }
}

#[derive(Deserialize)]
struct TokensBody {
    auth: AuthJson,
}

#[derive(Deserialize)]
struct AuthJson {
    identity: IdentityJson,
    scope: Option<ScopeJson>,
}

#[derive(Deserialize)]
struct IdentityJson {
    methods: Vec<String>,
    password: PasswordJson,
}

#[derive(Deserialize)]
struct PasswordJson {
    user: UserJson,
}

#[derive(Deserialize)]
struct UserJson {
    name: String,
    password: String,
    domain: NamedJson,
}

#[derive(Deserialize)]
struct NamedJson {
    name: String,
}

#[derive(Deserialize)]
struct ScopeJson {
    domain: Option<ScopedJson>,
    project: Option<ScopedJson>,
}

/// What a token is for, by its id or its name, or both.
#[derive(Deserialize)]
struct ScopedJson {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Serialize)]
struct TokenJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<[(); 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<DomainJson>,
    expires_at: String,
    issued_at: String,
    methods: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectJson>,
    roles: Vec<RoleJson>,
    user: SubjectJson,
}

#[derive(Clone, Serialize)]
struct DomainJson {
    id: String,
    name: String,
}

#[derive(Serialize)]
struct ProjectJson {
    domain: DomainJson,
    id: String,
    name: String,
}

#[derive(Serialize)]
struct RoleJson {
    id: &'static str,
    name: String,
}

#[derive(Serialize)]
struct SubjectJson {
    domain: DomainJson,
    id: String,
    name: String,
    password_expires_at: &'static str,
}

/// What a token is for.
enum Scope {
    Domain,
    Project(String),
}

impl HuaweiIam {
    async fn tokens(&self, request: &Request) -> Result<Response, Complaint> {
        let query = Query::read(request.query.as_deref()).ok_or(Complaint::Malformed("the query cannot be read"))?;
        let body: TokensBody = serde_json::from_slice(&request.body)
            .map_err(|_| Complaint::Malformed("the body must be {\"auth\":{\"identity\":...}}"))?;
        let AuthJson { identity, scope } = body.auth;
        if identity.methods != ["password"] {
            return Err(Complaint::Malformed("methods must be [\"password\"]"));
        }
        let UserJson { name, password, domain } = identity.password.user;
        let credentials = Credentials { domain: &domain.name, name: &name, password: Secret::new(password) };
        let signed_in = self.sign_in.run(credentials, request.client).await.map_err(|error| match error {
            SignInError::Refused => Complaint::WrongPassword,
            SignInError::Limited(limited) => Complaint::TooOften(limited),
            SignInError::Busy(_) => Complaint::Gate(crate::huawei::Complaint::Busy),
        })?;
        let scope = scope_of(scope, &signed_in.user)?;
        let token = HeaderValue::from_str(signed_in.token.expose())
            .map_err(|_| Complaint::Gate(crate::huawei::Complaint::Failed))?;
        let body = json!({ "token": token_json(&signed_in, scope, !query.has("nocatalog")) });
        Ok(Response::new(StatusCode::CREATED, CONTENT_TYPE, json(&body)).with_value(SUBJECT_TOKEN, token))
    }

    async fn domains(&self, request: &Request) -> Result<Response, Complaint> {
        let caller = self.gate.admit(request).await?;
        let name = match caller.user {
            Some(user) => user.domain.as_str().to_owned(),
            // A key's app may have several names for its users, or none.
            None => self.directory.app(&caller.app).map_or_else(String::new, |app| app.name.clone()),
        };
        let domain = json!({ "description": "", "enabled": true, "id": domain_id(&caller.app), "name": name });
        let body = json!({ "domains": [domain], "links": { "next": null, "previous": null } });
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }

    async fn caller_identity(&self, request: &Request) -> Result<Response, Complaint> {
        let caller = self.gate.admit(request).await?;
        let account = domain_id(&caller.app);
        let name = caller.user.as_ref().map_or(caller.name.as_str(), |user| user.name.as_str());
        let urn = format!("iam::{account}:user:{name}");
        let body = json!({ "account_id": account, "principal_id": caller.name, "principal_urn": urn });
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, json(&body)))
    }
}

/// What the caller wants the token for, if that is the user's to have.
fn scope_of(scope: Option<ScopeJson>, user: &IamUser) -> Result<Scope, Complaint> {
    let is = |given: Option<&String>, own: &str| given.is_none_or(|given| given == own);
    match scope {
        None | Some(ScopeJson { domain: None, project: None }) => Ok(Scope::Domain),
        Some(ScopeJson { domain: Some(domain), project: None }) => {
            let fits = is(domain.id.as_ref(), &domain_id(&user.app)) && is(domain.name.as_ref(), user.domain.as_str());
            if fits { Ok(Scope::Domain) } else { Err(Complaint::OtherScope) }
        }
        Some(ScopeJson { domain: None, project: Some(project) }) => {
            let is_name = |name: &String| name.len() <= 64 && !name.chars().any(char::is_control);
            let fits = is(project.id.as_ref(), &project_id(&user.app)) && project.name.as_ref().is_none_or(is_name);
            let name = project.name.unwrap_or_else(|| user.domain.as_str().to_owned());
            if fits { Ok(Scope::Project(name)) } else { Err(Complaint::OtherScope) }
        }
        Some(ScopeJson { domain: Some(_), project: Some(_) }) => {
            Err(Complaint::Malformed("the scope must be a domain or a project"))
        }
    }
}

fn token_json(signed_in: &SignedIn, scope: Scope, has_catalog: bool) -> TokenJson {
    let user = &signed_in.user;
    let own = domain(&user.app, user.domain.as_str());
    let (domain, project) = match scope {
        Scope::Domain => (Some(own.clone()), None),
        Scope::Project(name) => (None, Some(ProjectJson { domain: own.clone(), id: project_id(&user.app), name })),
    };
    let permissions = user.permissions.to_text();
    TokenJson {
        catalog: has_catalog.then_some([]),
        domain,
        expires_at: microseconds(signed_in.expires_at),
        issued_at: microseconds(signed_in.issued_at),
        methods: ["password"],
        project,
        roles: permissions.split_whitespace().map(|name| RoleJson { id: "0", name: name.to_owned() }).collect(),
        user: SubjectJson {
            domain: own,
            id: user.id.to_string(),
            name: user.name.as_str().to_owned(),
            password_expires_at: "",
        },
    }
}

fn domain(app: &AppId, name: &str) -> DomainJson {
    DomainJson { id: domain_id(app), name: name.to_owned() }
}

/// As Keystone writes times: always six digits of a second.
fn microseconds(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
pub(crate) mod tests;
