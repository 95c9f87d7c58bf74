//! What pages with Tencent's scripts call: our own widget draws there, and gets its challenges here.
//!
//! `POST /tencent/challenges` `{session}` (the older product) or `{app_id, biz_state?}` (the newer one), `locale?`
//! → 201, as `POST /v1/challenges`
//! `POST /tencent/challenges/answer` `{token, answer, locale?}` → 200 `{ticket, randstr, expires_at, expires_in_ms}`, or 422
//!
//! Like the native ones for pages of any origin. A session knows its site all the same: browsers say in `Origin` for whom a
//! script of another origin calls, and no page can say otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::captcha_app::CaptchaAppId;
use countersign_domain::challenge::Kind;
use countersign_domain::operations::{
    ChallengeRefusal, ChallengeRequest, DrawChallengeError, IssueChallenge, IssuedChallenge, JudgeAnswerError,
    Judgement, Page,
};
use countersign_domain::ports::Directory;
use countersign_domain::ticket::Note;
use countersign_domain::usage::{Person, Step, Usage};
use http::header::ORIGIN;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::browser::{self, AnswerBody, STYLE, for_any_page, issue_problem, judge_problem, language, milliseconds};
use crate::door::{Facade, Refusal, Request, Response, json};
use crate::problem::{Problem, language_of};
use crate::tencent::{TENCENT_CAPTCHA, TENCENT_CAPTCHA_3, Tencent, randstr};
use crate::tencent_captcha::order::Remembered;
use crate::views::rfc3339;
use crate::{Context, Usages};

const ISSUE: &str = "/tencent/challenges";
const ANSWER: &str = "/tencent/challenges/answer";

/// The façade.
pub(crate) struct TencentWidget {
    tencent: Tencent,
    issue_challenge: Arc<IssueChallenge>,
    directory: Arc<dyn Directory>,
    usages: Usages,
}

impl TencentWidget {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { tencent, issue_challenge, directory, usages, .. } = context.clone();
        Self { tencent, issue_challenge, directory, usages }
    }
}

#[async_trait]
impl Facade for TencentWidget {
    fn name(&self) -> &'static str {
        "tencent_widget"
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

/// Of which product a page is.
enum For {
    Session(String),
    App(u64),
}

#[derive(Deserialize)]
struct IssueBody {
    session: Option<String>,
    app_id: Option<u64>,
    /// Read by [`language`]; here only so that what is no text is refused.
    #[serde(rename = "locale")]
    _locale: Option<String>,
}

impl IssueBody {
    fn whom(self) -> Result<For, Problem> {
        match (self.session, self.app_id) {
            (Some(session), None) => Ok(For::Session(session)),
            (None, Some(app)) => Ok(For::App(app)),
            _ => Err(Problem::malformed("give either `session` or `app_id`", "请给出 `session` 或 `app_id` 之一")),
        }
    }
}

#[derive(Serialize)]
struct TicketJson<'a> {
    ticket: &'a str,
    randstr: String,
    expires_at: String,
    expires_in_ms: u64,
}

impl TencentWidget {
    async fn issue(&self, request: &Request) -> Result<Response, Problem> {
        let body: IssueBody = serde_json::from_slice(&request.body)?;
        let issued = match body.whom()? {
            For::Session(session) => {
                let site = request.header(ORIGIN.as_str()).unwrap_or_default();
                let page = Page { session: &session, site, client: request.client };
                let drawn = self.tencent.embed_challenge.draw(page, &TENCENT_CAPTCHA, STYLE).await;
                drawn.map_err(|error| match error {
                    DrawChallengeError::Page(refusal) => Problem::PageRefused(refusal),
                    DrawChallengeError::Issue(error) => issue_problem(error),
                    DrawChallengeError::Busy(_) => Problem::Busy,
                })?
            }
            For::App(number) => self.draw(number, request).await?,
        };
        Ok(browser::issued(&issued))
    }

    /// A challenge of the newer product, whose pages name their app and nothing else.
    async fn draw(&self, number: u64, request: &Request) -> Result<IssuedChallenge, Problem> {
        let app = CaptchaAppId::new(number).and_then(|id| self.directory.captcha_app(id));
        let app = app.ok_or(Problem::UnknownCaptchaApp)?;
        let request = ChallengeRequest {
            door: TENCENT_CAPTCHA_3,
            app: &app.row.app,
            key: None,
            client: request.client,
            kind: Kind::Slider,
            level: None,
            style: STYLE,
            action: None,
            contact: None,
            user: None,
            note: Note::default(),
        };
        self.issue_challenge.run(request).await.map_err(issue_problem)
    }

    async fn judge(&self, request: &Request) -> Result<Response, Problem> {
        let body: AnswerBody = serde_json::from_slice(&request.body)?;
        // Which of the two products it is stands sealed in the token.
        let [older, newer] = &[TENCENT_CAPTCHA, TENCENT_CAPTCHA_3];
        let open = |door| self.tencent.judge(door).open(&body.token, door, None).map(|open| (open, door));
        let opened = match open(older) {
            Err(JudgeAnswerError::Challenge(ChallengeRefusal::Unknown)) => open(newer),
            opened => opened,
        };
        let (challenge, door) = opened.map_err(judge_problem)?;
        let challenge = challenge.with_trail(body.trail());
        let answer = body.answer(challenge.wants())?;
        let judge = self.tencent.judge(door);
        let usage = Usage {
            app: challenge.app().clone(),
            door: door.clone(),
            step: Step::Failed,
            group: Remembered::read(challenge.note()).group,
            registered_at: None,
            person: Person::default(),
        };
        let judgement = judge.run(challenge, &answer, None, request.client).await.map_err(judge_problem)?;
        let step = if judgement == Judgement::Failed { Step::Failed } else { Step::Solved };
        self.usages.note_usage.note(Usage { step, ..usage });
        match judgement {
            Judgement::Failed => Err(Problem::WrongAnswer),
            Judgement::Passed(ticket) => {
                let answer = TicketJson {
                    ticket: &ticket.ticket,
                    randstr: randstr(&ticket.id),
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
    use super::*;
    use crate::testing::{House, ask, shown};

    fn call(house: &House, path: &str, body: &str) -> Response {
        ask(&TencentWidget::new(&house.context), "POST", path, &[], body)
    }

    #[test]
    fn a_page_that_names_its_app_draws_and_earns_a_ticket_of_the_newer_product() {
        let house = House::new();
        let issued = call(&house, ISSUE, r#"{"app_id":190000000,"biz_state":"x"}"#);
        assert_eq!(issued.status, StatusCode::CREATED);
        let issued: serde_json::Value = serde_json::from_slice(&issued.body).unwrap();
        assert_eq!(issued["view"]["axes"], "xy");
        let body = format!(r#"{{"token":{},"answer":{{"x":100,"y":50}}}}"#, issued["token"]);
        insta::assert_snapshot!("passed", shown(&call(&house, ANSWER, &body)));
        insta::assert_snapshot!("used", shown(&call(&house, ANSWER, &body)));
    }

    #[test]
    fn what_is_wrong_with_a_call_is_said() {
        let house = House::new();
        for (name, path, body) in [
            ("neither", ISSUE, r#"{"locale":"zh"}"#),
            ("both", ISSUE, r#"{"session":"AAAA","app_id":190000000}"#),
            ("unknown_app", ISSUE, r#"{"app_id":1}"#),
            ("unknown_session", ISSUE, r#"{"session":"AAAA","locale":"zh"}"#),
            ("native_challenge", ANSWER, &native(&house)),
        ] {
            insta::assert_snapshot!(name, shown(&call(&house, path, body)));
        }
        let get = ask(&TencentWidget::new(&house.context), "GET", ISSUE, &[], "");
        assert_eq!((get.status, get.headers["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    }

    /// An answer to a challenge of the native door.
    fn native(house: &House) -> String {
        let token = house.challenge("one", None, countersign_domain::challenge::Axes::Two);
        format!(r#"{{"token":"{token}","answer":{{"x":100,"y":50}}}}"#)
    }
}
