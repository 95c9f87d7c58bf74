//! The native API's server side: a ticket is redeemed, once.
//!
//! `POST /v1/tickets/redeem` `{ticket, action?, client_ip?}` with an access key as Basic credentials → 200 `{valid: true, …}`, or 200
//! `{valid: false, reason}`. A ticket that is refused for its app, action or address is not spent.
//!
//! `client_ip` is where the app saw the person who brought the ticket. It counts only where `tickets.bind_address` is on, and
//! only for this ticket: no limit is ever counted under an address that a caller writes into a body.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::Permission;
use countersign_domain::app::Action;
use countersign_domain::operations::{Expected, RedeemTicket, RedeemTicketError, Redemption, TicketRefusal};
use countersign_domain::ports::{Directory, Entropy};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::basic::authenticate;
use crate::door::{Facade, NATIVE, Refusal, Request, Response, json};
use crate::native_challenges::action;
use crate::problem::{Problem, language_of};
use crate::views::rfc3339;

/// The façade.
pub(crate) struct NativeTickets {
    redeem_ticket: Arc<RedeemTicket>,
    directory: Arc<dyn Directory>,
    entropy: Arc<dyn Entropy>,
}

impl NativeTickets {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { redeem_ticket, directory, entropy, .. } = context.clone();
        Self { redeem_ticket, directory, entropy }
    }

    async fn redeem(&self, request: &Request) -> Result<Response, Problem> {
        if request.method != Method::POST {
            return Err(Problem::MethodNotAllowed("POST"));
        }
        let key = authenticate(request, &*self.directory, Permission::RedeemTickets)?;
        let body: RedeemBody = serde_json::from_slice(&request.body)?;
        let action = body.action.as_deref().map(action).transpose()?;
        let client = body.client_ip.as_deref().map(client_ip).transpose()?;
        let expected =
            Expected { door: &NATIVE, app: &key.row.app, action: action.as_ref(), contact: None, client, person: None };
        match self.redeem_ticket.run(&body.ticket, expected, self.entropy.array()).await {
            Ok(redemption) => Ok(Response::new(StatusCode::OK, "application/json", redemption_json(&redemption))),
            Err(RedeemTicketError::Limited(limited)) => Err(Problem::TooManyRequests(limited)),
            Err(RedeemTicketError::Busy(_)) => Err(Problem::Busy),
        }
    }
}

/// Reads where an app saw a person.
pub(crate) fn client_ip(text: &str) -> Result<IpAddr, Problem> {
    text.parse()
        .map_err(|_| Problem::malformed("`client_ip` is no IPv4 or IPv6 address", "`client_ip` 不是 IPv4 或 IPv6 地址"))
}

#[async_trait]
impl Facade for NativeTickets {
    fn name(&self) -> &'static str {
        "native_tickets"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/tickets/redeem"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.redeem(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[derive(Deserialize)]
struct RedeemBody {
    ticket: String,
    action: Option<String>,
    client_ip: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RedemptionJson<'a> {
    Valid { valid: bool, r#type: &'static str, action: Option<&'a str>, solved_at: String },
    Refused { valid: bool, reason: &'static str },
}

/// What became of a ticket, as the native API says it.
pub fn redemption_json(redemption: &Redemption) -> Vec<u8> {
    let answer = match redemption {
        Redemption::Valid(stamp) => RedemptionJson::Valid {
            valid: true,
            r#type: stamp.kind.word(),
            action: stamp.action.as_ref().map(Action::as_str),
            solved_at: rfc3339(stamp.issued_at),
        },
        Redemption::Refused(refusal) => RedemptionJson::Refused { valid: false, reason: refusal_word(*refusal) },
    };
    json(&answer)
}

/// The word for why a ticket was refused.
pub(crate) fn refusal_word(refusal: TicketRefusal) -> &'static str {
    match refusal {
        TicketRefusal::Unknown => "unknown",
        TicketRefusal::Expired => "expired",
        TicketRefusal::Used => "used",
        TicketRefusal::OtherAction => "other-action",
        TicketRefusal::OtherContact => "other-contact",
        TicketRefusal::OtherAddress => "other-address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{House, ask, shown};

    const KEY: (&str, &str) = ("authorization", "Basic QUsxOnRoZSBzZWNyZXQ="); // AK1:the secret
    const DENIED: (&str, &str) = ("authorization", "Basic QUsyOnRoZSBzZWNyZXQ="); // AK2:the secret

    fn redeem(house: &House, headers: &[(&str, &str)], body: &str) -> Response {
        ask(&NativeTickets::new(&house.context), "POST", "/v1/tickets/redeem", headers, body)
    }

    #[test]
    fn a_ticket_is_valid_once() {
        let house = House::new();
        let body = format!(r#"{{"ticket":"{}","action":"signup"}}"#, house.ticket("one", Some("signup")));
        insta::assert_snapshot!("valid", shown(&redeem(&house, &[KEY], &body)));
        insta::assert_snapshot!("used", shown(&redeem(&house, &[KEY], &body)));
    }

    #[test]
    fn a_ticket_of_another_app_or_action_is_refused_and_not_spent() {
        let house = House::new();
        let foreign = format!(r#"{{"ticket":"{}"}}"#, house.ticket("two", None));
        insta::assert_snapshot!("foreign", shown(&redeem(&house, &[KEY], &foreign)));
        let ticket = house.ticket("one", Some("signup"));
        let login = format!(r#"{{"ticket":"{ticket}","action":"login"}}"#);
        insta::assert_snapshot!("other_action", shown(&redeem(&house, &[KEY], &login)));
        let signup = format!(r#"{{"ticket":"{ticket}"}}"#);
        assert!(String::from_utf8_lossy(&redeem(&house, &[KEY], &signup).body).contains(r#""valid":true"#));
    }

    #[test]
    fn only_an_access_key_with_the_permission_redeems() {
        let house = House::new();
        let body = format!(r#"{{"ticket":"{}"}}"#, house.ticket("one", None));
        insta::assert_snapshot!("no_key", shown(&redeem(&house, &[], &body)));
        for wrong in
            ["Basic", "Basic !", "Basic QUsxOndyb25n", "Basic QUs5OnRoZSBzZWNyZXQ=", "Bearer QUsxOnRoZSBzZWNyZXQ="]
        {
            let refused = redeem(&house, &[("authorization", wrong)], &body);
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
        }
        insta::assert_snapshot!("denied", shown(&redeem(&house, &[DENIED, ("accept-language", "zh")], &body)));
        assert!(String::from_utf8_lossy(&redeem(&house, &[KEY], &body).body).contains(r#""valid":true"#));
    }

    #[test]
    fn a_redemption_over_the_limit_spends_no_ticket() {
        let house = House::limited();
        let body = format!(r#"{{"ticket":"{}"}}"#, house.ticket("one", None));
        assert_eq!(redeem(&house, &[KEY], r#"{"ticket":"nonsense"}"#).status, StatusCode::OK);
        insta::assert_snapshot!("too_often", shown(&redeem(&house, &[KEY], &body)));
        house.clock.advance(std::time::Duration::from_millis(2_500));
        assert!(String::from_utf8_lossy(&redeem(&house, &[KEY], &body).body).contains(r#""valid":true"#));
    }

    #[test]
    fn a_bound_ticket_wants_the_address_at_which_it_was_earned() {
        let house = House::bound();
        let ticket = house.ticket("one", None);
        let with = |client_ip: &str| format!(r#"{{"ticket":"{ticket}","client_ip":{client_ip}}}"#);
        for elsewhere in ["null", r#""192.0.2.2""#, r#""2001:db8::1""#] {
            insta::assert_snapshot!("other_address", shown(&redeem(&house, &[KEY], &with(elsewhere))));
        }
        insta::assert_snapshot!("bad_client_ip", shown(&redeem(&house, &[KEY], &with(r#""192.0.2""#))));
        let valid = redeem(&house, &[KEY], &with(r#""192.0.2.1""#));
        assert!(String::from_utf8_lossy(&valid.body).contains(r#""valid":true"#));
    }
}
