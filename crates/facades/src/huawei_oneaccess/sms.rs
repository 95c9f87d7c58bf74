use countersign_domain::code::CodePurpose;
use countersign_domain::contact::{Channel, Contact};
use countersign_domain::operations::{NewCode, Payment, PaysFor};
use http::StatusCode;
use serde::Deserialize;

use super::complaint::Complaint;
use super::{BY, CALLING_CODE, CONTENT_TYPE, DOOR, HuaweiOneAccess, filled, language, purpose, read};
use crate::codes::contact_of;
use crate::door::{Request, Response};

#[derive(Deserialize)]
struct SendBody {
    mobile: Option<String>,
    r#type: Option<String>,
    captcha_token: Option<String>,
}

impl HuaweiOneAccess {
    /// Sends a code, whether a user has the number or not: neither the answer nor the time tells, and whoever has the number may
    /// register with it. The device is the person's own, so the limits of its network count.
    pub(super) async fn send_sms(&self, request: &Request) -> Result<Response, Complaint> {
        let app = self.client(request)?;
        let body: SendBody = read(request)?;
        let to = mobile(body.mobile, self.settings.foreign_numbers)?;
        let purpose = purpose_of(&filled(body.r#type).ok_or(Complaint::ParameterBlank("type"))?)?;
        let captcha_token = filled(body.captcha_token).ok_or(Complaint::CaptchaTokenMissing)?;
        let payment =
            Payment { ticket: ticket(&captcha_token), door: &DOOR, client: None, pays_for: PaysFor::Anything };
        let new = NewCode {
            app: &app,
            to: &to,
            purpose,
            resource: None,
            consent: None,
            language: language(&request.headers),
            payment: Some(payment),
            person: Some(request.client),
            rules: None,
            idempotency: None,
            by: BY,
        };
        self.codes.send_code.run(new).await.map_err(|error| Complaint::of_send(&error))?;
        Ok(Response::new(StatusCode::OK, CONTENT_TYPE, Vec::new()))
    }
}

/// Reads a number as the documents want it: eleven digits and nothing else, or where `foreign` ones are taken, one that begins with
/// a plus.
pub(super) fn mobile(text: Option<String>, foreign: bool) -> Result<Contact, Complaint> {
    let text = filled(text).ok_or(Complaint::ParameterBlank("mobile"))?;
    let is_documented = text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_documented {
        Contact::number(CALLING_CODE, &text).ok()
    } else if foreign && text.starts_with('+') {
        contact_of(&text, None).ok()
    } else {
        None
    };
    let can_be_dialled = |number: &Contact| number.channel() == Channel::Sms && number.is_possible();
    number.filter(can_be_dialled).ok_or(Complaint::MobileInvalid)
}

/// What stands in a `captcha_token` before `---` and the point. A ticket may hold hyphens, so it is told by its alphabet.
fn ticket(captcha_token: &str) -> &str {
    let is_of_ticket = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let end = captcha_token.find(|character| !is_of_ticket(character)).unwrap_or(captcha_token.len());
    let head = captcha_token.get(..end).unwrap_or_default();
    head.strip_suffix("---").unwrap_or(head)
}

/// What a code of this type is for: the union of what the vendor and the original maker document. A code of one type is none of
/// another. Those that no call of this door spends, an app's server can check through the native API.
fn purpose_of(word: &str) -> Result<CodePurpose, Complaint> {
    match word {
        "REGISTER_SMS" => purpose("oneaccess.register"),
        "LOGIN_SMS" => purpose("oneaccess.login"),
        "FORGET_PWD_SMS" => purpose("oneaccess.forget-password"),
        "BIND_MOBILE_SMS" => purpose("oneaccess.bind-mobile"),
        "UPDATE_MOBILE_SMS" => purpose("oneaccess.update-mobile"),
        "OTP_REST_SMS" => purpose("oneaccess.reset-otp"),
        "MFA_AUTH_SMS" => purpose("oneaccess.mfa"),
        "CHANGE_PWD_SMS" => purpose("oneaccess.change-password"),
        "UPDATE_PWD_SMS" => purpose("oneaccess.update-password"),
        _ => Err(Complaint::TypeUnknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticket_is_what_stands_before_the_point() {
        for (token, expected) in [
            (r#"abc_-9---{"x":1.0,"y":5.0}"#, "abc_-9"),
            (r#"a---b----{"x":1.0,"y":5.0}"#, "a---b-"),
            ("abc--- {}", "abc"),
            ("abc---", "abc"),
            ("abc", "abc"),
            ("---", ""),
            ("令牌", ""),
        ] {
            assert_eq!(ticket(token), expected, "{token}");
        }
    }
}
