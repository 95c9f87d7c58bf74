//! Tencent's older CAPTCHA, API 2.0: `GET` or `POST` to `/v2/index.php`, the operation named by `Action`, and the script that
//! it gives the address of, `/template/TCapIframeApi.js`.
//!
//! Quirks, from the vendor's pages and from what its SDKs send and read:
//! * Every answer is HTTP 200 with an integer `code`: SDKs take another status for a broken network, and one loses the body.
//! * `is_right` is 0 although all is well, so `code` alone counts.
//! * The table calls `accountType` required; the vendor's own samples never send it. Its first edition calls an app's client 3.
//! * A ticket passes twice: the vendor's tolerance for answers that are lost on the way.
//! * Pages append parameters to the script's address. Common parameters begin with a capital; `secretId` is none of them.
//!
//! Choices, where the vendor's pages are silent: the second check counts for the same key, address and user within a minute
//! of the first; a ticket counts for the key that ordered its page; `disturbLevel` 2 and 3 ask for our levels 4 and 5 at
//! least, and 1 for none; all operations want the permission to redeem tickets, because an address that nobody could check
//! the tickets of would be worth nothing. Messages are in Chinese, as the vendor's, with the same in English behind them:
//! there is nothing in a call that says which.

mod call;
mod complaint;
pub(crate) mod order;
mod script;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::captcha_app::CaptchaAppId;
use countersign_domain::operations::{Expected, RedeemTicketError, Redemption, SignedCalls};
use countersign_domain::ports::{Clock, Directory, Owner};
use countersign_domain::usage::Step;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::door::{self, Facade, Refusal, Request, Response};
use crate::tencent::{TENCENT_CAPTCHA, Tencent};
use crate::{Context, Usages};
use call::Call;
use complaint::Complaint;
use order::{CAPTCHA_TYPES, Order, Parameters, Said};
use script::Asked;

const PATH: &str = "/v2/index.php";
const SCRIPT: &str = "/template/TCapIframeApi.js";

/// The façade.
pub(crate) struct TencentCaptcha {
    tencent: Tencent,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    usages: Usages,
}

impl TencentCaptcha {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { tencent, signed_calls, directory, clock, usages, .. } = context.clone();
        Self { tencent, signed_calls, directory, clock, usages }
    }
}

#[async_trait]
impl Facade for TencentCaptcha {
    fn name(&self) -> &'static str {
        "tencent_captcha"
    }

    fn paths(&self) -> &'static [&'static str] {
        &[PATH, SCRIPT]
    }

    async fn answer(&self, request: Request) -> Response {
        if request.path == SCRIPT {
            return self.script(&request).await;
        }
        match self.call(&request).await {
            Ok(response) => response,
            Err(complaint) => complaint.response(),
        }
    }

    fn refuse(&self, refusal: Refusal, _: &HeaderMap) -> Response {
        Complaint::from(refusal).response()
    }
}

/// The address of a script, as a site with this key is given it: for the page of `--dev`, whose server side is this one.
pub fn tencent_script(context: &Context, key: &AccessKey) -> Option<String> {
    let https = context.tencent.is_https();
    TencentCaptcha::new(context).script_address(key, Order::plain(https)).ok()
}

/// What a check of a ticket says about it.
struct Checked<'a> {
    ticket: &'a str,
    user_ip: &'a str,
    uid: Option<&'a str>,
}

impl Checked<'_> {
    /// Who may check again: the same key, for the same person. Nobody else knows the id, so nobody can guess at the rest.
    fn owner(&self, key: &AccessKey) -> Owner {
        let mut hash = Sha256::new();
        for part in [key.row.id.as_str(), self.user_ip, self.uid.unwrap_or_default()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let mut owner = [0; 16];
        owner.copy_from_slice(&hash[..16]);
        owner
    }
}

impl TencentCaptcha {
    async fn call(&self, request: &Request) -> Result<Response, Complaint> {
        let form = call::shape(request)?;
        let call = Call::read(request, &form)?;
        let key = call.admit(&self.tencent, &self.signed_calls).await?;
        if !key.row.permissions.allow(Permission::RedeemTickets) {
            return Err(Complaint::NoPermission);
        }
        let parameters = Parameters::of(&form);
        // SDKs make the first letter a capital; one has a module that makes it a small one.
        match call.action {
            "CaptchaIframeQuery" | "captchaIframeQuery" => self.iframe_query(&key, &parameters),
            "CaptchaCheck" | "captchaCheck" => self.check(&key, &parameters).await,
            "CaptchaQuery" | "captchaQuery" => self.query(&key, &parameters).await,
            _ => Err(Complaint::ActionUnknown),
        }
    }

    /// The address of a script, for one view of one page.
    fn iframe_query(&self, key: &AccessKey, parameters: &Parameters<'_>) -> Result<Response, Complaint> {
        let url = self.script_address(key, Order::read(parameters)?)?;
        Ok(ok(json!({ "url": url })))
    }

    fn script_address(&self, key: &AccessKey, order: Order<'_>) -> Result<String, Complaint> {
        let asig = self.script_token(key, &order)?;
        let app = self.directory.captcha_app_of(&key.row.app).map_or(0, CaptchaAppId::number);
        let script = self.tencent.address(order.https, SCRIPT);
        self.usages.note_usage.note(order.said.at(Step::Asked, &key.row.app));
        Ok(format!("{script}?appid={app}&clientype={}&lang=2052&asig={asig}**", order.client_type))
    }

    /// The script itself, or its text in JSON: the operation's first edition.
    async fn query(&self, key: &AccessKey, parameters: &Parameters<'_>) -> Result<Response, Complaint> {
        let https = self.tencent.is_https();
        let order = Order::of_query(parameters, https)?;
        let wants_script = parameters.number("script")?.unwrap_or(0);
        if wants_script > 1 {
            return Err(Complaint::Invalid("script"));
        }
        let token = self.script_token(key, &order)?;
        self.usages.note_usage.note(order.said.at(Step::Asked, &key.row.app));
        let script = self.load(&token, Asked::default()).await;
        if wants_script == 0 {
            let script = script.map_err(script::ScriptRefusal::complaint)?;
            return Ok(ok(json!({ "script": script })));
        }
        Ok(script::response(script, parameters.text("callBack").filter(|name| script::is_function(name))))
    }

    /// Whether a ticket counts.
    async fn check(&self, key: &AccessKey, parameters: &Parameters<'_>) -> Result<Response, Complaint> {
        let ticket = parameters.required("ticket")?;
        parameters.required_in("captchaType", CAPTCHA_TYPES)?;
        let user_ip = parameters.required("userIp")?;
        let said = Said::read(parameters)?;
        let checked = Checked { ticket, user_ip, uid: parameters.text("uid") };
        let taken = self.take(key, &checked).await;
        let step = match taken {
            Ok(()) => Some(Step::Passed),
            Err(Complaint::TicketRefused) => Some(Step::Refused),
            Err(_) => None,
        };
        if let Some(step) = step {
            self.usages.note_usage.note(said.at(step, &key.row.app));
        }
        taken?;
        let now = self.clock.now().milliseconds() / 1_000;
        Ok(ok(json!({ "is_right": 0, "level": 0, "ticketTimestamp": now })))
    }

    async fn take(&self, key: &AccessKey, checked: &Checked<'_>) -> Result<(), Complaint> {
        let redeem = &self.tencent.redeem_ticket;
        // Before it is spent: a mistake of one page costs no other its ticket.
        let stamp = redeem.read(checked.ticket).ok_or(Complaint::TicketRefused)?;
        let is_of_other_key = stamp.key.as_ref().is_some_and(|ordered| *ordered != key.row.id);
        if is_of_other_key || !redeem.is_for(&stamp, checked.uid) {
            return Err(Complaint::TicketRefused);
        }
        let client = checked.user_ip.parse().ok();
        let expected =
            Expected { door: &TENCENT_CAPTCHA, app: &key.row.app, action: None, contact: None, client, person: None };
        let repeats = self.tencent.settings.repeats;
        match redeem.run_repeatedly(checked.ticket, expected, checked.owner(key), repeats).await {
            Ok(Redemption::Valid(_)) => Ok(()),
            Ok(Redemption::Refused(_)) => Err(Complaint::TicketRefused),
            Err(RedeemTicketError::Limited(limited)) => Err(Complaint::Throttled(limited)),
            Err(RedeemTicketError::Busy(_)) => Err(Complaint::Busy),
        }
    }

    /// What stands in the script's address.
    fn script_token(&self, key: &AccessKey, order: &Order<'_>) -> Result<String, Complaint> {
        let wishes = order.wishes(|uid| self.tencent.embed_challenge.user(uid));
        self.tencent.embed_challenge.order(key, wishes).map_err(|_| Complaint::Busy)
    }
}

/// A success with these members more.
fn ok(members: Value) -> Response {
    let mut answer = json!({ "code": 0, "message": "No Error", "codeDesc": "Success" });
    if let (Some(answer), Value::Object(members)) = (answer.as_object_mut(), members) {
        answer.extend(members);
    }
    Response::new(StatusCode::OK, "application/json", door::json(&answer))
}
