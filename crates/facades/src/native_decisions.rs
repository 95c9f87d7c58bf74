//! The native API's server side for decisions: what this node decided about challenges lately, and why.
//!
//! `GET /v1/decisions?limit=` → `{decisions}`, the newest first. A sample: the latest with something to say, and a few of the
//! others. Clients are named by their networks, never by their addresses.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::Permission;
use countersign_domain::decision::{Decision, Outcome};
use countersign_domain::operations::{Escalation, SignedCalls};
use countersign_domain::ports::Directory;
use countersign_domain::trail::score::Score;
use http::{HeaderMap, Method};
use serde::Serialize;

use crate::Context;
use crate::basic::admit;
use crate::door::{Facade, Refusal, Request, Response};
use crate::native_install_codes::ok;
use crate::problem::{Problem, language_of};
use crate::views::rfc3339;

const DECISIONS: &str = "/v1/decisions";
/// Decisions in one answer, where the caller does not say.
const PAGE: usize = 100;
/// And at most.
const LONGEST_PAGE: usize = 1_000;

/// The façade.
pub(crate) struct NativeDecisions {
    escalation: Arc<Escalation>,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
}

impl NativeDecisions {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { escalation, signed_calls, directory, .. } = context.clone();
        Self { escalation, signed_calls, directory }
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        if request.method != Method::GET {
            return Err(Problem::MethodNotAllowed("GET"));
        }
        let key = admit(request, &*self.directory, &self.signed_calls, Permission::ReadDecisions).await?;
        let limit = limit(request.query.as_deref().unwrap_or_default())?;
        let decisions = self.escalation.decisions(&key.row.app, limit);
        Ok(ok(&DecisionsJson { decisions: decisions.iter().map(DecisionJson::from).collect() }))
    }
}

fn limit(query: &str) -> Result<usize, Problem> {
    if query.is_empty() {
        return Ok(PAGE);
    }
    // Without a sign, which the standard reader takes.
    let digits = query.strip_prefix("limit=").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let limit = digits.and_then(|text| text.parse().ok()).filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or_else(|| {
        Problem::malformed(
            "the query takes limit, a number from 1 to 1000",
            "查询参数只支持 limit，取值为 1 到 1000 的数字",
        )
    })
}

#[derive(Serialize)]
struct DecisionsJson {
    decisions: Vec<DecisionJson>,
}

#[derive(Serialize)]
struct DecisionJson {
    at: String,
    network: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail_score: Option<u8>,
    /// Why a challenge was harder than others, or what was odd about a trail.
    reasons: Vec<&'static str>,
}

impl From<&Decision> for DecisionJson {
    fn from(decision: &Decision) -> Self {
        let blank = Self {
            at: rfc3339(decision.at),
            network: decision.network.to_string(),
            outcome: "shown",
            level: None,
            wait_ms: None,
            trail_score: None,
            reasons: Vec::new(),
        };
        match &decision.outcome {
            Outcome::Shown { level, reasons } => {
                let reasons = reasons.iter().map(|reason| reason.word()).collect();
                Self { level: Some(level.number()), reasons, ..blank }
            }
            Outcome::Passed { level, trail } => {
                Self { outcome: "passed", level: Some(level.number()), ..blank.with(trail.as_ref()) }
            }
            Outcome::Failed { level, trail } => {
                Self { outcome: "failed", level: Some(level.number()), ..blank.with(trail.as_ref()) }
            }
            Outcome::Waits { wait } => {
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Self { outcome: "waits", wait_ms: Some(wait), reasons: vec!["wrong-answers"], ..blank }
            }
        }
    }
}

impl DecisionJson {
    fn with(self, trail: Option<&Score>) -> Self {
        let Some(Score { points, oddities }) = trail else { return self };
        let reasons = oddities.iter().map(|oddity| oddity.word()).collect();
        Self { trail_score: Some(*points), reasons, ..self }
    }
}

#[async_trait]
impl Facade for NativeDecisions {
    fn name(&self) -> &'static str {
        "native_decisions"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[DECISIONS]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.list(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::native_challenges::NativeChallenges;
    use crate::testing::{House, ask, shown};

    const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret, of app one
    const OTHER: (&str, &str) = ("authorization", "Basic QUs1OnRoZSBzZWNyZXQ="); // AK5:the secret, of app two

    fn list(house: &House, query: &str, key: (&str, &str)) -> Response {
        ask(&NativeDecisions::new(&house.context), "GET", &format!("{DECISIONS}{query}"), &[key], "")
    }

    /// Three wrong answers, with a trail that is none, with one of another challenge, and without.
    fn wrong_answers(house: &House) {
        let door = NativeChallenges::new(&house.context);
        for trail in [r#","trail":"AQ""#, r#","trail":"AaaaaaaaaaaaAAAA""#, ""] {
            let issued = ask(&door, "POST", "/v1/challenges", &[], r#"{"site_key":"one"}"#);
            let issued: serde_json::Value = serde_json::from_slice(&issued.body).unwrap();
            let body = format!(r#"{{"token":{},"answer":{{"x":9,"y":9}}{trail}}}"#, issued["token"]);
            ask(&door, "POST", "/v1/challenges/answer", &[], &body);
            house.clock.advance(Duration::from_millis(1));
        }
    }

    #[test]
    fn decisions_are_told_newest_first_with_their_reasons_and_networks_for_addresses() {
        let house = House::escalating();
        wrong_answers(&house);
        insta::assert_snapshot!("listed", shown(&list(&house, "", KEY)));
        insta::assert_snapshot!("latest", shown(&list(&house, "?limit=1", KEY)));
        insta::assert_snapshot!("of_another_app", shown(&list(&house, "", OTHER)));
    }

    #[test]
    fn a_query_that_is_none_is_said() {
        let house = House::new();
        insta::assert_snapshot!("bad_query", shown(&list(&house, "?limit=0", KEY)));
        for query in ["?limit=+1", "?limit=1001", "?limit=", "?all=true", "?limit=1&limit=2"] {
            assert_eq!(list(&house, query, KEY).status, http::StatusCode::BAD_REQUEST, "{query}");
        }
    }
}
