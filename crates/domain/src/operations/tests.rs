use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::app::{Action, AppId, AppRefusal};
use crate::challenge::{Answer, Axes, Kind, PictureFormat, Style, Wanted};
use crate::contact::Contact;
use crate::escalation::EscalationPolicy;
use crate::ports::Busy;
use crate::rates::Rates;
use crate::testing::{
    FixedDirectory, ManualClock, ModelDecisions, ModelHistory, ModelMarks, ModelThrottle, NoTally, PlainPuzzles,
    SeededEntropy, app, block_on,
};
use crate::ticket::{Door, Note};

mod codes;
mod escalation;
mod let_in;
mod limits;
mod sign_in;
mod signed_calls;

const LIFETIMES: Lifetimes =
    Lifetimes { challenge: Duration::from_mins(2), ticket: Duration::from_mins(3), clock_skew: Duration::from_secs(5) };
const POLICY: Policy = Policy {
    lifetimes: LIFETIMES,
    rates: Rates {
        issue_per_address: None,
        issue_per_app: None,
        answer_per_address: None,
        answer_per_app: None,
        redeem_per_app: None,
        redeem_per_address: None,
        enrol_per_address: None,
        download_per_address: None,
        calls_per_agent: None,
        calls_per_key: None,
        wrong_signatures: None,
        sign_in_per_address: None,
        sign_in_per_user: None,
        wrong_passwords: None,
        person_password_per_address: None,
        person_password_per_name: None,
        person_wrong_passwords: None,
        person_code_per_address: None,
        person_code_per_number: None,
        person_session_per_address: None,
    },
    bind_address: false,
};
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const DOOR: Door = Door::new("a door");
const RIGHT: Answer = Answer::Slider { x: 102.0, y: None };
const WRONG: Answer = Answer::Slider { x: 150.0, y: None };

struct House {
    clock: Arc<ManualClock>,
    ports: Ports,
    policy: Policy,
    escalation: Arc<Escalation>,
    /// Where calls come from.
    client: IpAddr,
}

fn escalation(ports: &Ports, policy: EscalationPolicy) -> Arc<Escalation> {
    let history = Arc::new(ModelHistory::new(Arc::clone(&ports.clock), 1_000));
    let (clock, tally) = (Arc::clone(&ports.clock), Arc::clone(&ports.tally));
    Arc::new(Escalation::new(policy, history, Arc::<ModelDecisions>::default(), clock, tally))
}

impl House {
    fn new() -> Self {
        Self::with_capacity(1_000)
    }

    fn with_capacity(capacity: usize) -> Self {
        let clock = ManualClock::new();
        let mut disabled = app("disabled");
        disabled.enabled = false;
        let ports = Ports {
            directory: Arc::new(FixedDirectory::with_apps([app("one"), app("two"), disabled])),
            marks: Arc::new(ModelMarks::new(Arc::<ManualClock>::clone(&clock), capacity, [1; 8])),
            local_throttle: Arc::new(ModelThrottle::new(Arc::<ManualClock>::clone(&clock), 1_000)),
            puzzles: Arc::new(PlainPuzzles),
            clock: Arc::<ManualClock>::clone(&clock),
            entropy: Arc::new(SeededEntropy::new(1)),
            tally: Arc::new(NoTally),
        };
        let escalation = escalation(&ports, EscalationPolicy::OFF);
        Self { clock, ports, policy: POLICY, escalation, client: CLIENT }
    }

    /// The same house after a restart: its store of marks forgot everything.
    fn restarted(mut self) -> Self {
        self.ports.marks = Arc::new(ModelMarks::new(Arc::<ManualClock>::clone(&self.clock), 1_000, [2; 8]));
        self
    }

    fn issue(&self, app: &str, action: Option<&str>) -> Result<IssuedChallenge, IssueChallengeError> {
        self.issue_along(app, action, Axes::One)
    }

    fn issue_along(&self, app: &str, action: Option<&str>, axes: Axes) -> Result<IssuedChallenge, IssueChallengeError> {
        let issue = IssueChallenge::new(self.ports.clone(), self.policy, Arc::clone(&self.escalation));
        block_on(issue.run(ChallengeRequest {
            door: DOOR,
            app: &AppId::parse(app).unwrap(),
            key: None,
            client: self.client,
            kind: Kind::Slider,
            level: None,
            style: Style { format: PictureFormat::Png, axes },
            action: action.and_then(Action::parse),
            contact: None,
            user: None,
            note: Note::new(b"note").unwrap(),
        }))
    }

    fn judge(&self) -> JudgeAnswer {
        JudgeAnswer::new(self.ports.clone(), self.policy, Arc::clone(&self.escalation))
    }

    fn answer(&self, token: &str, answer: Answer, contact: Option<&str>) -> Result<Judgement, JudgeAnswerError> {
        let contact = contact.map(|contact| Contact::parse(contact).unwrap());
        let open = self.judge().open(token, &DOOR, None)?;
        block_on(self.judge().run(open, &answer, contact.as_ref(), self.client))
    }

    fn ticket(&self, action: Option<&str>, contact: Option<&str>) -> String {
        let challenge = self.issue("one", action).unwrap();
        match self.answer(&challenge.token, RIGHT, contact).unwrap() {
            Judgement::Passed(ticket) => ticket.ticket,
            Judgement::Failed => panic!("the right answer failed"),
        }
    }

    fn redeem(&self, ticket: &str, app: &str, action: Option<&str>, contact: Option<&str>, owner: u8) -> Redemption {
        let contact = contact.map(|contact| Contact::parse(contact).unwrap());
        let action = action.and_then(Action::parse);
        let app = AppId::parse(app).unwrap();
        let expected = Expected {
            door: &DOOR,
            app: &app,
            action: action.as_ref(),
            contact: contact.as_ref(),
            client: None,
            person: None,
        };
        block_on(RedeemTicket::new(self.ports.clone(), self.policy).run(ticket, expected, [owner; 16])).unwrap()
    }
}

#[test]
fn a_right_answer_earns_a_ticket_that_is_redeemed_once() {
    let house = House::new();
    let ticket = house.ticket(Some("signup"), None);
    match house.redeem(&ticket, "one", Some("signup"), None, 1) {
        Redemption::Valid(stamp) => assert_eq!(stamp.action, Action::parse("signup")),
        Redemption::Refused(refusal) => panic!("{refusal:?}"),
    }
    assert_eq!(house.redeem(&ticket, "one", Some("signup"), None, 2), Redemption::Refused(TicketRefusal::Used));
    assert!(matches!(house.redeem(&ticket, "one", Some("signup"), None, 1), Redemption::Valid(_)), "a retry");
}

#[test]
fn a_challenge_is_spent_by_its_first_answer_right_or_wrong() {
    let house = House::new();
    for first in [RIGHT, WRONG, Answer::Slider { x: -1e9, y: None }] {
        let token = house.issue("one", None).unwrap().token;
        let passed = matches!(house.answer(&token, first, None).unwrap(), Judgement::Passed(_));
        assert_eq!(passed, first == RIGHT);
        assert_eq!(house.answer(&token, RIGHT, None), Err(ChallengeRefusal::Used.into()));
    }
}

#[test]
fn a_challenge_says_what_its_answer_has_to_hold() {
    let house = House::new();
    for (axes, y) in [(Axes::One, None), (Axes::One, Some(-7.0)), (Axes::Two, Some(46.0))] {
        let token = house.issue_along("one", None, axes).unwrap().token;
        assert_eq!(house.judge().open(&token, &DOOR, None).unwrap().wants(), Wanted::Slider { axes });
        let right = Answer::Slider { x: 102.0, y };
        assert!(matches!(house.answer(&token, right, None), Ok(Judgement::Passed(_))), "{axes:?} {y:?}");
    }
    for y in [None, Some(45.0), Some(f64::NAN)] {
        let token = house.issue_along("one", None, Axes::Two).unwrap().token;
        assert_eq!(house.answer(&token, Answer::Slider { x: 102.0, y }, None), Ok(Judgement::Failed));
    }
}

#[test]
fn opening_a_challenge_spends_nothing() {
    let house = House::new();
    let token = house.issue("one", None).unwrap().token;
    for _ in 0..3 {
        assert_eq!(house.judge().open(&token, &DOOR, None).unwrap().note(), b"note");
    }
    assert!(matches!(house.answer(&token, RIGHT, None), Ok(Judgement::Passed(_))));
}

#[test]
fn a_challenge_and_a_ticket_end_at_their_time() {
    let house = House::new();
    let token = house.issue("one", None).unwrap().token;
    house.clock.advance(Duration::from_millis(119_999));
    let open = house.judge().open(&token, &DOOR, None).unwrap();
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.answer(&token, RIGHT, None), Err(ChallengeRefusal::Expired.into()));
    let late = block_on(house.judge().run(open, &RIGHT, None, CLIENT));
    assert_eq!(late, Err(ChallengeRefusal::Expired.into()), "opened in time, judged too late");

    let ticket = house.ticket(None, None);
    house.clock.advance(LIFETIMES.ticket);
    assert_eq!(house.redeem(&ticket, "one", None, None, 1), Redemption::Refused(TicketRefusal::Expired));
}

#[test]
fn a_restart_replays_nothing() {
    let house = House::new();
    let (spent, ticket) = (house.issue("one", None).unwrap().token, house.ticket(None, None));
    house.answer(&spent, RIGHT, None).unwrap();
    let house = house.restarted();
    assert_eq!(house.answer(&spent, RIGHT, None), Err(ChallengeRefusal::Unknown.into()));
    assert_eq!(house.redeem(&ticket, "one", None, None, 1), Redemption::Refused(TicketRefusal::Unknown));
}

#[test]
fn another_app_can_neither_answer_nor_redeem_and_spends_nothing() {
    let house = House::new();
    let token = house.issue("one", None).unwrap().token;
    let other = AppId::parse("two").unwrap();
    let refused = house.judge().open(&token, &DOOR, Some(&other)).err();
    assert_eq!(refused, Some(ChallengeRefusal::Unknown.into()));
    assert!(matches!(house.answer(&token, RIGHT, None), Ok(Judgement::Passed(_))));

    let ticket = house.ticket(Some("signup"), Some("13912345678"));
    let unknown = Redemption::Refused(TicketRefusal::Unknown);
    assert_eq!(house.redeem(&ticket, "two", None, None, 1), unknown);
    let refused = house.redeem(&ticket, "one", Some("login"), None, 1);
    assert_eq!(refused, Redemption::Refused(TicketRefusal::OtherAction));
    let refused = house.redeem(&ticket, "one", None, Some("13912345679"), 1);
    assert_eq!(refused, Redemption::Refused(TicketRefusal::OtherContact));
    assert!(matches!(house.redeem(&ticket, "one", Some("signup"), Some("139 1234 5678"), 2), Redemption::Valid(_)));
}

#[test]
fn a_ticket_bound_to_nobody_pays_for_nobody() {
    let house = House::new();
    let ticket = house.ticket(None, None);
    let refused = house.redeem(&ticket, "one", None, Some("13912345678"), 1);
    assert_eq!(refused, Redemption::Refused(TicketRefusal::OtherContact));
}

#[test]
fn unknown_and_disabled_apps_get_no_challenge() {
    let house = House::new();
    assert_eq!(house.issue("nobody", None).err(), Some(AppRefusal::Unknown.into()));
    assert_eq!(house.issue("disabled", None).err(), Some(AppRefusal::Disabled.into()));
}

#[test]
fn a_full_store_spends_no_challenge() {
    let house = House::with_capacity(0);
    let token = house.issue("one", None).unwrap().token;
    assert_eq!(house.answer(&token, RIGHT, None), Err(Busy.into()));
}

#[test]
fn what_went_out_by_one_door_neither_is_answered_nor_counts_at_another() {
    let house = House::new();
    let other = Door::new("another door");
    let token = house.issue("one", None).unwrap().token;
    assert_eq!(house.judge().open(&token, &other, None).err(), Some(ChallengeRefusal::Unknown.into()));
    assert!(matches!(house.answer(&token, RIGHT, None), Ok(Judgement::Passed(_))), "nothing was spent");

    let ticket = house.ticket(None, None);
    let app = AppId::parse("one").unwrap();
    let expected = Expected { door: &other, app: &app, action: None, contact: None, client: None, person: None };
    let refused = block_on(RedeemTicket::new(house.ports.clone(), house.policy).run(&ticket, expected, [1; 16]));
    assert_eq!(refused, Ok(Redemption::Refused(TicketRefusal::Unknown)));
    assert!(matches!(house.redeem(&ticket, "one", None, None, 1), Redemption::Valid(_)));
}
