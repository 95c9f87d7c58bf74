//! The native API's browser side: a challenge is asked for by site key, and answered.
//!
//! `POST /v1/challenges` `{site_key, type?, action?, contact?, locale?}` → 201 `{token, type, expires_at, expires_in_ms, view}`
//! `POST /v1/challenges/answer` `{token, answer, trail?}`, `{x, y}` for a slider of two axes → 200 `{ticket, expires_at, expires_in_ms}`, or 422 when it was wrong
//!
//! `expires_in_ms` stands beside `expires_at` because a browser's clock may be wrong by hours.
//!
//! Both are for pages of any origin: a site key is no secret, and no cookie or credential counts here, so there is nothing
//! that another site could misuse. The server side of the native API sends no CORS.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::app::{Action, AppId};
use countersign_domain::challenge::Kind;
use countersign_domain::operations::{ChallengeRequest, IssueChallenge, JudgeAnswer, Judgement};
use countersign_domain::ticket::Note;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::browser::{self, AnswerBody, STYLE, for_any_page, issue_problem, judge_problem, language, milliseconds};
use crate::door::{Facade, NATIVE, Refusal, Request, Response, json};
use crate::problem::{Problem, language_of};
use crate::views::rfc3339;
use crate::{Codes, Context};

const ISSUE: &str = "/v1/challenges";
const ANSWER: &str = "/v1/challenges/answer";

/// The façade.
pub(crate) struct NativeChallenges {
    issue_challenge: Arc<IssueChallenge>,
    judge_answer: Arc<JudgeAnswer>,
    /// For how a contact is read: as it is when a code is sent there.
    codes: Codes,
}

impl NativeChallenges {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { issue_challenge, judge_answer, codes, .. } = context.clone();
        Self { issue_challenge, judge_answer, codes }
    }
}

#[async_trait]
impl Facade for NativeChallenges {
    fn name(&self) -> &'static str {
        "native_challenges"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[ISSUE, ANSWER]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = match (&request.method, request.path.as_str()) {
            (&Method::OPTIONS, _) => Ok(browser::preflight()),
            (&Method::POST, ISSUE) => self.issue(&request).await,
            (&Method::POST, _) => self.judge(&request).await,
            _ => Err(Problem::MethodNotAllowed("POST")),
        };
        for_any_page(answered.unwrap_or_else(|problem| problem.response(language(&request))))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        for_any_page(Problem::from(refusal).response(language_of(headers)))
    }
}

#[derive(Deserialize)]
struct IssueBody {
    site_key: String,
    r#type: Option<String>,
    action: Option<String>,
    contact: Option<String>,
    /// Read by [`language`]; here only so that what is no text is refused.
    #[serde(rename = "locale")]
    _locale: Option<String>,
}

#[derive(Serialize)]
struct TicketJson<'a> {
    ticket: &'a str,
    expires_at: String,
    expires_in_ms: u64,
}

/// Reads an app's word for what a ticket is for.
pub(crate) fn action(text: &str) -> Result<Action, Problem> {
    Action::parse(text).ok_or_else(|| {
        Problem::malformed(
            "`action` takes 1 to 64 characters of A-Z a-z 0-9 _ . : / -",
            "`action` 由 1 至 64 个 A-Z a-z 0-9 _ . : / - 字符组成",
        )
    })
}

impl NativeChallenges {
    async fn issue(&self, request: &Request) -> Result<Response, Problem> {
        let body: IssueBody = serde_json::from_slice(&request.body)?;
        let kind = match body.r#type.as_deref() {
            None => Kind::Slider,
            Some(word) => Kind::from_word(word).ok_or_else(|| {
                Problem::malformed(
                    "`type` is no kind of challenge: use slider",
                    "`type` 不是已知的验证类型：请使用 slider",
                )
            })?,
        };
        let action = body.action.as_deref().map(action).transpose()?;
        let contact = body.contact.as_deref().map(|text| self.codes.contact(text)).transpose().map_err(|_| {
            Problem::malformed(
                "`contact` is neither a phone number nor an e-mail address",
                "`contact` 既不是手机号也不是邮箱地址",
            )
        })?;
        let issued = self
            .issue_challenge
            .run(ChallengeRequest {
                door: NATIVE,
                app: &AppId::parse(&body.site_key).ok_or(Problem::UnknownSiteKey)?,
                key: None,
                client: request.client,
                kind,
                level: None,
                style: STYLE,
                action,
                contact: contact.as_ref(),
                user: None,
                note: Note::default(),
            })
            .await
            .map_err(issue_problem)?;
        Ok(browser::issued(&issued))
    }

    async fn judge(&self, request: &Request) -> Result<Response, Problem> {
        let body: AnswerBody = serde_json::from_slice(&request.body)?;
        let challenge = self.judge_answer.open(&body.token, &NATIVE, None).map_err(judge_problem)?;
        let challenge = challenge.with_trail(body.trail());
        let answer = body.answer(challenge.wants())?;
        match self.judge_answer.run(challenge, &answer, None, request.client).await.map_err(judge_problem)? {
            Judgement::Failed => Err(Problem::WrongAnswer),
            Judgement::Passed(ticket) => {
                let answer = TicketJson {
                    ticket: &ticket.ticket,
                    expires_at: rfc3339(ticket.expires_at),
                    expires_in_ms: milliseconds(ticket.expires_at.since(ticket.issued_at)),
                };
                Ok(Response::new(StatusCode::OK, "application/json", json(&answer)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::challenge::Axes;
    use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;

    use super::*;
    use crate::testing::{House, ask, shown};

    fn call(house: &House, path: &str, body: &str) -> Response {
        ask(&NativeChallenges::new(&house.context), "POST", path, &[], body)
    }

    fn token(house: &House) -> String {
        let issued = call(house, ISSUE, r#"{"site_key":"one"}"#);
        let body: serde_json::Value = serde_json::from_slice(&issued.body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    fn answer(house: &House, token: &str, answer: &str) -> Response {
        call(house, ANSWER, &format!(r#"{{"token":"{token}","answer":{answer}}}"#))
    }

    #[test]
    fn a_challenge_is_shown_and_a_right_answer_earns_a_ticket() {
        let house = House::new();
        let issued = call(&house, ISSUE, r#"{"site_key":"one","type":"slider","action":"signup","locale":"zh"}"#);
        insta::assert_snapshot!("issued", shown(&issued));
        insta::assert_snapshot!("passed", shown(&answer(&house, &token(&house), r#"{"x":100.4,"y":48}"#)));
    }

    #[test]
    fn a_wrong_answer_spends_the_challenge_and_an_unreadable_one_does_not() {
        let house = House::new();
        let token = token(&house);
        for unreadable in [
            r#"{"x":"100","y":50}"#,
            r#"{"x":100}"#,
            "{}",
            "100",
            "null",
            r#"{"x":100,"y":1e999}"#,
            r#"{"x":NaN,"y":50}"#,
        ] {
            assert_eq!(answer(&house, &token, unreadable).status, StatusCode::BAD_REQUEST, "{unreadable}");
        }
        insta::assert_snapshot!("wrong", shown(&answer(&house, &token, r#"{"x":-5000,"y":50}"#)));
        insta::assert_snapshot!("used", shown(&answer(&house, &token, r#"{"x":100,"y":50}"#)));
    }

    #[test]
    fn two_axes_want_both_numbers_and_one_does_not_look_at_the_other() {
        let house = House::new();
        let token = house.challenge("one", None, Axes::Two);
        for unreadable in
            [r#"{"x":100}"#, r#"{"x":100,"y":null}"#, r#"{"x":100,"y":"50"}"#, r#"{"y":50}"#, "{}", "null"]
        {
            insta::assert_snapshot!("both_numbers", shown(&answer(&house, &token, unreadable)));
        }
        assert_eq!(answer(&house, &token, r#"{"x":103.5,"y":46.5}"#).status, StatusCode::OK);
        for wrong in [r#"{"x":100,"y":54.5}"#, r#"{"x":104.5,"y":50}"#, r#"{"x":100,"y":-1e300}"#] {
            let token = house.challenge("one", None, Axes::Two);
            insta::assert_snapshot!("wrong", shown(&answer(&house, &token, wrong)));
            insta::assert_snapshot!("used", shown(&answer(&house, &token, r#"{"x":100,"y":50}"#)));
        }
        for ignored in ["-7", "null", r#""50""#] {
            let token = house.challenge("one", None, Axes::One);
            let body = format!(r#"{{"x":100,"y":{ignored}}}"#);
            assert_eq!(answer(&house, &token, &body).status, StatusCode::OK, "{ignored}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_call_is_said() {
        let house = House::new();
        for (name, path, body) in [
            ("no_json", ISSUE, "{"),
            ("no_site_key", ISSUE, "{}"),
            ("wrong_type", ISSUE, r#"{"site_key":7}"#),
            ("unknown_site_key", ISSUE, r#"{"site_key":"nobody"}"#),
            ("disabled_app", ISSUE, r#"{"site_key":"disabled"}"#),
            ("unknown_kind", ISSUE, r#"{"site_key":"one","type":"riddle"}"#),
            ("bad_action", ISSUE, r#"{"site_key":"one","action":"sign up"}"#),
            ("bad_contact", ISSUE, r#"{"site_key":"one","contact":"nobody"}"#),
            ("unknown_token", ANSWER, r#"{"token":"AAAA","answer":{"x":1},"locale":"zh"}"#),
        ] {
            insta::assert_snapshot!(name, shown(&call(&house, path, body)));
        }
        let get = ask(&NativeChallenges::new(&house.context), "GET", ISSUE, &[], "");
        insta::assert_snapshot!("get", shown(&get));
    }

    #[test]
    fn a_page_of_any_origin_may_call_and_reads_refusals_too() {
        let house = House::new();
        let facade = NativeChallenges::new(&house.context);
        for path in [ISSUE, ANSWER] {
            let headers = [("origin", "https://shop.example"), ("access-control-request-method", "POST")];
            insta::assert_snapshot!("preflight", shown(&ask(&facade, "OPTIONS", path, &headers, "")));
        }
        let refused = facade.refuse(Refusal::Busy, &HeaderMap::new());
        assert_eq!(refused.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!refused.headers.contains_key("access-control-allow-credentials"));
    }

    #[test]
    fn an_expired_challenge_says_so() {
        let house = House::new();
        let token = token(&house);
        house.clock.advance(std::time::Duration::from_mins(2));
        insta::assert_snapshot!("expired", shown(&answer(&house, &token, r#"{"x":100,"y":50}"#)));
    }

    #[test]
    fn a_call_over_a_limit_is_told_how_long_to_wait_and_spends_nothing() {
        let house = House::limited();
        let (first, wait) = (token(&house), std::time::Duration::from_millis(2_500));
        insta::assert_snapshot!("issued_too_often", shown(&call(&house, ISSUE, r#"{"site_key":"one"}"#)));
        house.clock.advance(wait);
        let second = token(&house);
        assert_eq!(answer(&house, &first, r#"{"x":100,"y":50}"#).status, StatusCode::OK);
        let body = format!(r#"{{"token":"{second}","answer":{{"x":100,"y":50}},"locale":"zh"}}"#);
        insta::assert_snapshot!("answered_too_often", shown(&call(&house, ANSWER, &body)));
        house.clock.advance(wait);
        assert_eq!(answer(&house, &second, r#"{"x":100,"y":50}"#).status, StatusCode::OK);
    }
}
