use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::AccessKeyId;
use countersign_domain::app::AppId;
use countersign_domain::challenge::{Answer, Axes, Kind, PictureFormat, Solution, Style};
use countersign_domain::operations::{
    ChallengeRequest, Expected, IssueChallengeError, JudgeAnswer, JudgeAnswerError, Judgement, RedeemTicketError,
};
use countersign_domain::sealing::Purpose;
use countersign_domain::ticket::{ChallengeRecord, Door, Note};
use countersign_facades::{
    Context, Facade, NATIVE, Problem, Refusal, Request, Response, TENCENT_CAPTCHA, TENCENT_CAPTCHA_3, json,
    language_of, randstr, redemption_json, tencent_script,
};
use countersign_senders::Inbox;
use http::header::HOST;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::{codes, legibility};
use crate::delivery::Inboxes;

/// Headers by which a proxy says for whom it asks. With one of them the call is not from this machine.
const FORWARDING: [&str; 7] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-client-ip"];

/// The y that vendors' doors want, which ask for one axis only.
const VENDORS_Y: u16 = 5;

/// `/dev/*`: what tests and the demo page may know, and nobody else. It wants a loopback `Host` (so that no page of another
/// site reaches it by renaming itself) and sends no CORS.
pub(crate) struct DevDoor {
    pub(crate) context: Context,
    pub(crate) app: AppId,
    pub(crate) key: AccessKeyId,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) inboxes: Inboxes,
}

#[async_trait]
impl Facade for DevDoor {
    fn name(&self) -> &'static str {
        "dev"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/dev/*"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = match (&request.method, request.path.as_str()) {
            _ if !is_local(&request.headers) => Err(Problem::NotFound),
            (&Method::GET, "/dev/answers") => self.solution(&request),
            (&Method::GET, "/dev/legibility") => legibility::sample(&self.context, &request).await,
            (&Method::GET, "/dev/messages") => Ok(self.messages(&request).await),
            (&Method::POST, "/dev/tickets") => self.ticket(&request).await,
            (&Method::POST, "/dev/redeem") => self.redeem(&request).await,
            (&Method::POST, "/dev/tencent") => self.tencent_script(),
            (&Method::POST, "/dev/codes") => codes::send(&self.context, &self.app, &request).await,
            (&Method::POST, "/dev/codes/check") => codes::check(&self.context, &self.app, &request).await,
            (_, "/dev/answers" | "/dev/legibility" | "/dev/messages") => Err(Problem::MethodNotAllowed("GET")),
            (_, "/dev/tickets" | "/dev/redeem" | "/dev/tencent" | "/dev/codes" | "/dev/codes/check") => {
                Err(Problem::MethodNotAllowed("POST"))
            }
            _ => Err(Problem::NotFound),
        };
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

fn is_local(headers: &HeaderMap) -> bool {
    if FORWARDING.iter().any(|name| headers.contains_key(*name)) {
        return false;
    }
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[derive(Serialize)]
struct SliderSolution {
    x: u16,
    y: u16,
}

#[derive(Deserialize)]
struct TicketBody {
    kind: String,
}

#[derive(Serialize)]
struct TicketJson {
    ticket: String,
    randstr: String,
}

#[derive(Serialize)]
struct ScriptJson {
    url: String,
    app_id: u32,
}

#[derive(Deserialize)]
struct RedeemBody {
    ticket: String,
}

fn ok(body: Vec<u8>) -> Response {
    Response::new(StatusCode::OK, "application/json", body)
}

impl DevDoor {
    /// What solves the challenge of a token. Asking spends nothing.
    fn solution(&self, request: &Request) -> Result<Response, Problem> {
        let query = request.query.as_deref().unwrap_or_default();
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).ok_or(Problem::ChallengeUnknown)?;
        let keyring = self.context.directory.keyring();
        let bytes = keyring.open(Purpose::Challenge, token).map_err(|_| Problem::ChallengeUnknown)?;
        let record = ChallengeRecord::decode(&bytes).map_err(|_| Problem::ChallengeUnknown)?;
        match record.solution {
            Solution::Slider { x, y, .. } => Ok(ok(json(&SliderSolution { x, y: y.unwrap_or(VENDORS_Y) }))),
        }
    }

    /// What was sent to a contact, newest first. All that was acknowledged before is in it.
    async fn messages(&self, request: &Request) -> Response {
        self.inboxes.look().await;
        let query = form_urlencoded::parse(request.query.as_deref().unwrap_or_default().as_bytes());
        let to = query.into_iter().find_map(|(key, value)| (key == "to").then(|| value.into_owned()));
        ok(json(&self.inbox.list(&to.unwrap_or_default())))
    }

    /// A ticket as after a solved challenge: a challenge is drawn and solved, so it is one.
    async fn ticket(&self, request: &Request) -> Result<Response, Problem> {
        let body: TicketBody = serde_json::from_slice(&request.body)?;
        let (door, judge) = self.judge(&body.kind)?;
        let issued = self.context.issue_challenge.run(ChallengeRequest {
            door: door.clone(),
            app: &self.app,
            key: None,
            client: request.client,
            kind: Kind::Slider,
            level: None,
            style: Style { format: PictureFormat::Jpeg, axes: Axes::Two },
            action: None,
            contact: None,
            user: None,
            note: Note::default(),
        });
        let issued = issued.await.map_err(|error| match error {
            IssueChallengeError::App(_) => Problem::UnknownSiteKey,
            IssueChallengeError::Limited(limited) => Problem::TooManyRequests(limited),
            IssueChallengeError::Busy(_) => Problem::Busy,
        })?;
        let keyring = self.context.directory.keyring();
        let bytes = keyring.open(Purpose::Challenge, &issued.token).map_err(|_| Problem::Failed)?;
        let record = ChallengeRecord::decode(&bytes).map_err(|_| Problem::Failed)?;
        let Solution::Slider { x, y, .. } = record.solution;
        let judged = |error| match error {
            JudgeAnswerError::Busy(_) => Problem::Busy,
            JudgeAnswerError::Limited(limited) => Problem::TooManyRequests(limited),
            JudgeAnswerError::Challenge(_) | JudgeAnswerError::App(_) => Problem::Failed,
        };
        let open = judge.open(&issued.token, &door, Some(&self.app)).map_err(judged)?;
        let answer = Answer::Slider { x: f64::from(x), y: y.map(f64::from) };
        match judge.run(open, &answer, None, request.client).await.map_err(judged)? {
            Judgement::Passed(ticket) => {
                let randstr = if door == NATIVE { String::new() } else { randstr(&ticket.id) };
                Ok(ok(json(&TicketJson { ticket: ticket.ticket, randstr })))
            }
            Judgement::Failed => Err(Problem::Failed),
        }
    }

    /// The door that gives tickets of this kind, and who judges there.
    fn judge(&self, kind: &str) -> Result<(Door, &JudgeAnswer), Problem> {
        let tencent = &self.context.tencent;
        match kind {
            "native" => Ok((NATIVE, &self.context.judge_answer)),
            "tencent-v2" => Ok((TENCENT_CAPTCHA, tencent.judge(&TENCENT_CAPTCHA))),
            "tencent-v3" => Ok((TENCENT_CAPTCHA_3, tencent.judge(&TENCENT_CAPTCHA_3))),
            _ => {
                let english = "`kind` is native, tencent-v2 or tencent-v3: no other door gives tickets yet";
                let chinese = "`kind` 目前只支持 native、tencent-v2 与 tencent-v3";
                Err(Problem::MalformedRequest(english.to_owned(), chinese.to_owned()))
            }
        }
    }

    /// What a site asks for before it shows a page with Tencent's script, for the demo page.
    fn tencent_script(&self) -> Result<Response, Problem> {
        let directory = &self.context.directory;
        let key = directory.access_key(&self.key).ok_or(Problem::Failed)?;
        let app_id = directory.captcha_app_of(&self.app).ok_or(Problem::Failed)?.number();
        let url = tencent_script(&self.context, &key).ok_or(Problem::Busy)?;
        Ok(ok(json(&ScriptJson { url, app_id })))
    }

    /// What an app's server side does with a ticket, for the demo page, which has none.
    async fn redeem(&self, request: &Request) -> Result<Response, Problem> {
        let body: RedeemBody = serde_json::from_slice(&request.body)?;
        let expected = Expected {
            door: &NATIVE,
            app: &self.app,
            action: None,
            contact: None,
            client: Some(request.client),
            person: None,
        };
        let owner = self.context.entropy.array();
        match self.context.redeem_ticket.run(&body.ticket, expected, owner).await {
            Ok(redemption) => Ok(ok(redemption_json(&redemption))),
            Err(RedeemTicketError::Limited(limited)) => Err(Problem::TooManyRequests(limited)),
            Err(RedeemTicketError::Busy(_)) => Err(Problem::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        is_local(&map)
    }

    #[test]
    fn only_this_machine_gets_in() {
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.1.2.3"] {
            assert!(local(&[("host", host)]), "{host}");
        }
        for host in ["example.com", "127.0.0.1.example.com", "10.0.0.1:8080", "", "[::2]", "localhost.example.com"] {
            assert!(!local(&[("host", host)]), "{host}");
        }
        assert!(!local(&[]));
        for header in FORWARDING {
            assert!(!local(&[("host", "127.0.0.1"), (header, "127.0.0.1")]), "{header}");
        }
    }
}
