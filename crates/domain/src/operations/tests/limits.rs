//! Limits on how often one may call, and tickets that count at one address only.

use std::sync::Arc;

use super::*;
use crate::ports::Tally;
use crate::rates::{Limit, Limited};
use crate::throttle::Rule;

const RULE: Rule = Rule { burst: 2, interval: Duration::from_secs(10) };
const WAIT: Duration = Duration::from_secs(10);

/// Remembers which limits were met.
#[derive(Default)]
#[expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]
struct Met(std::sync::Mutex<Vec<Limit>>);

impl Tally for Met {
    fn count(&self, event: Event) {
        if let Event::Throttled(limit) = event {
            self.0.lock().unwrap().push(limit);
        }
    }
}

impl House {
    fn limited(rates: &Rates) -> (Self, Arc<Met>) {
        let met = Arc::new(Met::default());
        let mut house = Self::new();
        house.policy.rates = *rates;
        house.ports.tally = Arc::<Met>::clone(&met);
        (house, met)
    }

    fn bound() -> Self {
        let mut house = Self::new();
        house.policy.bind_address = true;
        house
    }

    fn from(&mut self, client: &str) -> &Self {
        self.client = client.parse().unwrap();
        self
    }

    fn redeem_for(&self, ticket: &str, client: Option<&str>) -> Result<Redemption, RedeemTicketError> {
        let app = AppId::parse("one").unwrap();
        let client = client.map(|client| client.parse().unwrap());
        let expected = Expected { door: &DOOR, app: &app, action: None, contact: None, client, person: None };
        block_on(RedeemTicket::new(self.ports.clone(), self.policy).run(ticket, expected, self.ports.entropy.array()))
    }
}

fn over(limit: Limit) -> Limited {
    Limited { limit, retry_after: WAIT }
}

#[test]
fn one_address_gets_its_burst_of_challenges_and_then_one_an_interval() {
    let (mut house, met) = House::limited(&Rates { issue_per_address: Some(RULE), ..Rates::default() });
    for _ in 0..2 {
        house.issue("one", None).unwrap();
    }
    let refused = Some(IssueChallengeError::Limited(over(Limit::IssuePerAddress)));
    assert_eq!(house.issue("one", None).err(), refused);
    assert_eq!(house.issue("two", None).err(), refused, "an address is one whatever app it asks for");
    assert!(house.from("192.0.2.2").issue("one", None).is_ok(), "another address is another client");
    house.from("::ffff:192.0.2.1");
    assert_eq!(house.issue("one", None).err(), refused, "the same address, written as IPv6");
    house.clock.advance(WAIT);
    assert!(house.issue("one", None).is_ok());
    assert_eq!(house.issue("one", None).err(), refused);
    assert_eq!(met.0.lock().unwrap().len(), 4);
}

#[test]
fn addresses_of_one_ipv6_network_are_one() {
    let (mut house, _) = House::limited(&Rates { issue_per_address: Some(RULE), ..Rates::default() });
    for client in ["2001:db8::1", "2001:db8::2"] {
        house.from(client).issue("one", None).unwrap();
    }
    assert!(house.from("2001:db8::3").issue("one", None).is_err());
    assert!(house.from("2001:db8:0:1::3").issue("one", None).is_ok());
}

#[test]
fn an_apps_limit_is_its_own_and_one_busy_client_does_not_use_it_up() {
    let rates =
        Rates { issue_per_address: Some(Rule { burst: 1, ..RULE }), issue_per_app: Some(RULE), ..Rates::default() };
    let (mut house, _) = House::limited(&rates);
    house.issue("one", None).unwrap();
    for _ in 0..5 {
        let refused = house.issue("one", None).err();
        assert_eq!(refused, Some(IssueChallengeError::Limited(over(Limit::IssuePerAddress))));
    }
    assert!(house.from("192.0.2.2").issue("one", None).is_ok());
    let refused = house.from("192.0.2.3").issue("one", None).err();
    assert_eq!(refused, Some(IssueChallengeError::Limited(over(Limit::IssuePerApp))));
    assert!(house.from("192.0.2.4").issue("two", None).is_ok());
}

#[test]
fn an_answer_over_a_limit_spends_no_challenge() {
    for (rates, limit) in [
        (Rates { answer_per_address: Some(RULE), ..Rates::default() }, Limit::AnswerPerAddress),
        (Rates { answer_per_app: Some(RULE), ..Rates::default() }, Limit::AnswerPerApp),
    ] {
        let (house, met) = House::limited(&rates);
        for answer in [RIGHT, WRONG] {
            let token = house.issue("one", None).unwrap().token;
            house.answer(&token, answer, None).unwrap();
        }
        let token = house.issue("one", None).unwrap().token;
        for _ in 0..3 {
            assert_eq!(house.answer(&token, RIGHT, None), Err(JudgeAnswerError::Limited(over(limit))));
        }
        assert_eq!(*met.0.lock().unwrap(), [limit; 3]);
        house.clock.advance(WAIT);
        assert!(matches!(house.answer(&token, RIGHT, None), Ok(Judgement::Passed(_))), "the challenge was kept");
    }
}

#[test]
fn a_redemption_over_the_limit_spends_no_ticket() {
    let (house, met) = House::limited(&Rates { redeem_per_app: Some(RULE), ..Rates::default() });
    let ticket = house.ticket(None, None);
    for _ in 0..2 {
        assert!(matches!(house.redeem_for("nonsense", None), Ok(Redemption::Refused(TicketRefusal::Unknown))));
    }
    let refused = Err(RedeemTicketError::Limited(over(Limit::RedeemPerApp)));
    assert_eq!(house.redeem_for(&ticket, None), refused);
    assert_eq!(*met.0.lock().unwrap(), [Limit::RedeemPerApp]);
    house.clock.advance(WAIT);
    assert!(matches!(house.redeem_for(&ticket, None), Ok(Redemption::Valid(_))));
}

#[test]
fn a_bound_ticket_counts_where_it_was_earned_and_is_not_spent_elsewhere() {
    let house = House::bound();
    let ticket = house.ticket(None, None);
    let elsewhere = Ok(Redemption::Refused(TicketRefusal::OtherAddress));
    for client in [None, Some("192.0.2.2"), Some("2001:db8::1")] {
        assert_eq!(house.redeem_for(&ticket, client), elsewhere, "{client:?}");
    }
    assert!(matches!(house.redeem_for(&ticket, Some("::ffff:192.0.2.1")), Ok(Redemption::Valid(_))));
    assert_eq!(house.redeem_for(&ticket, Some("192.0.2.1")), Ok(Redemption::Refused(TicketRefusal::Used)));
}

#[test]
fn a_ticket_from_before_the_setting_is_refused_and_an_unbound_one_counts_anywhere() {
    let mut house = House::new();
    let ticket = house.ticket(None, None);
    house.policy.bind_address = true;
    let refused = house.redeem_for(&ticket, Some("192.0.2.1"));
    assert_eq!(refused, Ok(Redemption::Refused(TicketRefusal::OtherAddress)));
    house.policy.bind_address = false;
    assert!(matches!(house.redeem_for(&ticket, Some("192.0.2.9")), Ok(Redemption::Valid(_))));
}
