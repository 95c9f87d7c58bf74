//! Tencent Cloud's API 3.0, as far as the newer CAPTCHA needs it: `DescribeCaptchaResult` of 2019-07-22, by `GET` or `POST` to
//! `/`, which other vendors share.
//!
//! Quirks, from the vendor's pages and from what its SDKs send and read:
//! * Two signatures are in use: [`tc3`](crate::signing::tc3), whose common parameters stand in headers, and
//!   [`tencent_v1`](crate::signing::tencent_v1), whose stand among the others. `Randstr` begins with `@`, and is signed here.
//! * Every answer is HTTP 200, and its type exactly `application/json`: with a charset an SDK finds no error in it. An error
//!   without a `RequestId` is one that the same SDK cannot read.
//! * What a ticket is worth is no error: it stands in `CaptchaCode`, and a caller has to look.
//! * A browser that could not reach the vendor makes a ticket itself, `terror_…` or `trerror_…`: it is 21, never 1.
//!
//! Choices: a nonce that comes again is `AuthFailure.SignatureExpire`, for which the vendor has no word; any region is taken;
//! a ticket that is bound to an address and comes from another is 21. Whoever shows a wrong secret or `Randstr` spends nothing.

mod call;
mod complaint;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::captcha_app::CaptchaAppId;
use countersign_domain::language::Language;
use countersign_domain::operations::{Expected, RedeemTicketError, Redemption, SignedCalls, TicketRefusal};
use countersign_domain::ports::{Directory, Entropy};
use countersign_domain::ticket::Stamp;
use countersign_domain::usage::{Group, Person, Usage};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::door::{self, Facade, Head, Refusal, Request, Response};
use crate::root::{Addressee, addressee};
use crate::tencent::{TENCENT_CAPTCHA_3, Tencent, is_randstr};
use crate::{Context, Usages};
use call::{Call, Parameters};
use complaint::{Complaint, Verdict};

const VERSION: &str = "2019-07-22";
/// The one type that the vendor documents.
const CAPTCHA_TYPE: u64 = 9;
/// How tickets begin that a browser made because nothing answered it.
const DISASTERS: [&str; 2] = ["terror_", "trerror_"];

/// The façade.
pub(crate) struct TencentCloud {
    tencent: Tencent,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
    entropy: Arc<dyn Entropy>,
    usages: Usages,
}

impl TencentCloud {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { tencent, signed_calls, directory, entropy, usages, .. } = context.clone();
        Self { tencent, signed_calls, directory, entropy, usages }
    }
}

#[async_trait]
impl Facade for TencentCloud {
    fn name(&self) -> &'static str {
        "tencent_cloud"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/"]
    }

    fn takes(&self, head: &Head<'_>) -> bool {
        addressee(head) == Addressee::Tencent
    }

    async fn answer(&self, request: Request) -> Response {
        let language = call::language(&request);
        let answered = match Call::shape(&request) {
            Ok(parameters) => self.call(&request, &parameters).await,
            Err(complaint) => Err(complaint),
        };
        self.envelope(answered.unwrap_or_else(|complaint| complaint.members(language)))
    }

    fn refuse(&self, refusal: Refusal, _: &HeaderMap) -> Response {
        self.envelope(Complaint::from(refusal).members(Language::Chinese))
    }
}

/// What a call wants to know.
struct Asked {
    ticket: String,
    randstr: String,
    user_ip: String,
    app: u64,
    secret: String,
    needs_time: bool,
    group: Group,
    person: Person,
}

impl Asked {
    fn read(parameters: &Parameters) -> Result<Self, Complaint> {
        let captcha_type = parameters.number("CaptchaType")?;
        let ticket = parameters.required("Ticket")?;
        let user_ip = parameters.required("UserIp")?;
        let randstr = parameters.required("Randstr")?;
        let app = parameters.number("CaptchaAppId")?;
        let secret = parameters.required("AppSecretKey")?;
        if captcha_type != CAPTCHA_TYPE {
            return Err(Complaint::Invalid("CaptchaType"));
        }
        let needs_time = parameters.text("NeedGetCaptchaTime")?.is_some_and(|text| text == "1");
        let number = |name| {
            let text = parameters.text(name)?;
            text.map(|text| text.parse().map_err(|_| Complaint::Invalid(name))).transpose()
        };
        let group = Group { business: number("BusinessId")?, scene: number("SceneId")?, ..Group::default() };
        let person = Person {
            address: Some(user_ip.clone()),
            mac_address: parameters.text("MacAddress")?.map(Cow::into_owned),
            imei: parameters.text("Imei")?.map(Cow::into_owned),
            ..Person::default()
        };
        Ok(Self { ticket, randstr, user_ip, app, secret, needs_time, group, person })
    }

    /// Whether the ticket is one that a browser made itself, and what that is worth.
    fn disaster(&self) -> Option<Verdict> {
        let parts = DISASTERS.iter().find_map(|prefix| self.ticket.strip_prefix(prefix))?;
        let app = parts.split('_').nth(1).and_then(|app| app.parse().ok());
        Some(if app == Some(self.app) { Verdict::Disaster } else { Verdict::OtherApp })
    }
}

impl TencentCloud {
    async fn call(&self, request: &Request, parameters: &Parameters) -> Result<Value, Complaint> {
        let call = Call::read(request, parameters)?;
        let key = call.admit(&self.tencent, &self.signed_calls).await?;
        if call.version != VERSION {
            return Err(Complaint::VersionUnknown);
        }
        match call.action {
            "DescribeCaptchaResult" => self.describe_captcha_result(&key, parameters).await,
            _ => Err(Complaint::ActionUnknown),
        }
    }

    async fn describe_captcha_result(&self, key: &AccessKey, parameters: &Parameters) -> Result<Value, Complaint> {
        if !key.row.permissions.allow(Permission::RedeemTickets) {
            return Err(Complaint::NoPermission);
        }
        let asked = Asked::read(parameters)?;
        let (verdict, stamp) = self.judge(key, &asked).await?;
        let Asked { group, person, needs_time, .. } = asked;
        if let Some(step) = verdict.step() {
            let app = key.row.app.clone();
            let usage = Usage { app, door: TENCENT_CAPTCHA_3, step, group, registered_at: None, person };
            self.usages.note_usage.note(usage);
        }
        let (code, message) = verdict.words();
        let solved_at = stamp.map_or(0, |stamp| stamp.issued_at.milliseconds() / 1_000);
        let got_at = if needs_time { solved_at } else { 0 };
        Ok(json!({
            "CaptchaCode": code,
            "CaptchaMsg": message,
            "EvilLevel": 0,
            "GetCaptchaTime": got_at,
            "EvilBitmap": 0,
            "SubmitCaptchaTime": solved_at,
        }))
    }

    /// What a ticket is worth. It is spent last, once all else holds.
    async fn judge(&self, key: &AccessKey, asked: &Asked) -> Result<(Verdict, Option<Stamp>), Complaint> {
        let app = CaptchaAppId::new(asked.app).and_then(|id| self.directory.captcha_app(id));
        let app = app.filter(|app| app.row.app == key.row.app && app.has_secret(&asked.secret));
        let Some(app) = app else { return Ok((Verdict::WrongSecret, None)) };
        if let Some(disaster) = asked.disaster() {
            return Ok((disaster, None));
        }
        let redeem = &self.tencent.redeem_ticket;
        let Some(stamp) = redeem.read(&asked.ticket) else { return Ok((Verdict::Unreadable, None)) };
        if stamp.app != app.row.app || stamp.door != TENCENT_CAPTCHA_3 {
            return Ok((Verdict::OtherApp, None));
        }
        if !is_randstr(&asked.randstr, &stamp.id) {
            return Ok((Verdict::OtherRandstr, None));
        }
        let expected = Expected {
            door: &TENCENT_CAPTCHA_3,
            app: &app.row.app,
            action: None,
            contact: None,
            client: asked.user_ip.parse().ok(),
            person: None,
        };
        let verdict = match redeem.run(&asked.ticket, expected, self.entropy.array()).await {
            Ok(Redemption::Valid(_)) => Verdict::Passed,
            Ok(Redemption::Refused(refusal)) => match refusal {
                TicketRefusal::Unknown => Verdict::Unreadable,
                TicketRefusal::Expired => Verdict::Expired,
                TicketRefusal::Used => Verdict::Reused,
                TicketRefusal::OtherAddress | TicketRefusal::OtherAction | TicketRefusal::OtherContact => {
                    Verdict::Disaster
                }
            },
            Err(RedeemTicketError::Busy(_)) => Verdict::Busy,
            Err(RedeemTicketError::Limited(_)) => return Err(Complaint::Throttled),
        };
        Ok((verdict, Some(stamp)))
    }

    /// The answer, whatever it says.
    fn envelope(&self, mut members: Value) -> Response {
        members["RequestId"] = request_id(&*self.entropy).into();
        Response::new(StatusCode::OK, "application/json", door::json(&json!({ "Response": members })))
    }
}

/// As the vendor's: a random UUID.
fn request_id(entropy: &dyn Entropy) -> String {
    let digits = entropy.text(b"0123456789abcdef", 32);
    format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}
