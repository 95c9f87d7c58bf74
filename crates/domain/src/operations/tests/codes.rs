use super::*;
use crate::app::App;
use crate::code::{CodeEnd, CodePurpose, CodeState, Resend};
use crate::contact::{Channel, ContactKeys};
use crate::gate::{CodeLimit, CodeRates, Over};
use crate::language::Language;
use crate::message::SenderName;
use crate::ports::{
    AuditRecords as _, CodeNamed, Delivery, MessageRow, MessageState, OutboxRecords as _, Receipt, SendError,
};
use crate::routes::{Route, Routes};
use crate::secret::Secret;
use crate::testing::{ModelCodes, PlainTemplates, RecordingSender};
use crate::throttle::Rule;
use crate::verified_contact::Customer;

mod abuse;
mod outbox;

const ONCE_A_DAY: Option<Rule> = Some(Rule { burst: 1, interval: Duration::from_hours(24) });
/// Of the senders here.
const DEADLINE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_hours(24);
const PHONE: &str = "+8613912345678";

/// A house that sends codes.
struct Post {
    house: House,
    records: ModelCodes,
    ports: CodePorts,
    policy: SendPolicy,
    app: App,
}

fn name(text: &str) -> SenderName {
    SenderName::parse(text).unwrap()
}

fn by() -> Actor<'static> {
    Actor { name: "AK1", detail: "" }
}

impl Post {
    fn new() -> Self {
        Self::with(SendPolicy {
            default: PurposePolicy::DEFAULT,
            purposes: std::collections::BTreeMap::new(),
            rates: CodeRates::default(),
            monitor: false,
            pumping: Enforcement::Enforce,
            countries: vec![86, 1],
            blocked: ["+86170", "@blocked.example", "one@example.com"].into_iter().filter_map(Blocked::parse).collect(),
            prices: vec![("+1".to_owned(), 7), ("+1202".to_owned(), 9)],
            price: 2,
            verified_for: DAY,
        })
    }

    fn with(policy: SendPolicy) -> Self {
        let house = House::new();
        let records = ModelCodes::with_apps([app("one"), app("two")]);
        let route = |sender, channel| Route { sender: name(sender), channel, prefixes: vec![], report_within: None };
        let routes = vec![route("first", Channel::Sms), route("second", Channel::Sms), route("mail", Channel::Email)];
        let ports = CodePorts {
            records: Arc::new(records.clone()),
            keys: Arc::new(ContactKeys::new(&Secret::new([8; 32]))),
            templates: Arc::new(PlainTemplates),
            routes: Arc::new(Routes::new(routes)),
            directory: Arc::clone(&house.ports.directory),
            clock: Arc::clone(&house.ports.clock),
            entropy: Arc::new(SeededEntropy::new(3)),
            tally: Arc::new(NoTally),
        };
        Self { house, records, ports, policy, app: app("one") }
    }

    fn changed(change: impl FnOnce(&mut SendPolicy)) -> Self {
        let mut policy = Self::new().policy;
        change(&mut policy);
        Self::with(policy)
    }

    fn send_code(&self) -> SendCode {
        let redeem = RedeemTicket::new(self.house.ports.clone(), self.house.policy);
        SendCode::new(self.ports.clone(), Arc::new(self.policy.clone()), Some(Arc::new(redeem)))
    }

    fn send(&self, to: &str) -> Result<SentCode, SendCodeError> {
        self.send_with(to, |_| {})
    }

    fn send_with(&self, to: &str, change: impl FnOnce(&mut NewCode<'_>)) -> Result<SentCode, SendCodeError> {
        let to = Contact::parse(to).unwrap();
        let mut new = NewCode {
            app: &self.app,
            to: &to,
            purpose: CodePurpose::parse("signup").unwrap(),
            resource: None,
            consent: None,
            language: Language::English,
            payment: None,
            person: None,
            rules: None,
            idempotency: None,
            by: by(),
        };
        change(&mut new);
        block_on(self.send_code().run(new))
    }

    fn paid(&self, to: &str, ticket: &str, key: Option<&'static str>) -> Result<SentCode, SendCodeError> {
        // The ticket outlives the call.
        let (ticket, door): (&str, &Door) = (Box::leak(ticket.to_owned().into_boxed_str()), Box::leak(Box::new(DOOR)));
        self.send_with(to, |new| {
            new.payment = Some(Payment { ticket, door, client: None, pays_for: PaysFor::Purpose });
            new.idempotency = key.map(|key| Idempotency { key, asks: b"the same" });
        })
    }

    fn ticket(&self, contact: &str) -> String {
        self.house.ticket(Some("signup"), Some(contact))
    }

    fn told(&self) -> String {
        block_on(self.records.audit_entries(1)).unwrap().pop().unwrap().detail
    }

    fn deliver(&self) -> DeliverMessages {
        DeliverMessages::new(self.ports.clone(), DeliveryPolicy::DEFAULT)
    }

    fn keep_outbox(&self) -> KeepOutbox {
        KeepOutbox::new(self.ports.clone(), Keep { codes: 30 * DAY, contacts: 30 * DAY })
    }

    /// Works off a lane with this sender; returns how many messages that were.
    fn work_off(&self, lane: &str, sender: &RecordingSender) -> usize {
        let taken = block_on(self.deliver().take(&name(lane), 10, DEADLINE)).unwrap();
        let count = taken.len();
        for leased in taken {
            block_on(self.deliver().deliver(leased, sender)).unwrap();
        }
        count
    }

    fn message(&self, sent: SentCode) -> MessageRow {
        block_on(self.records.messages_of(sent.id)).unwrap().remove(0)
    }

    fn digits(&self, sent: SentCode) -> String {
        let code = block_on(crate::ports::CodeRecords::code(&self.records, sent.id)).unwrap();
        self.ports.keys.open_digits(sent.id, &code.sealed_digits.unwrap()).unwrap().expose().to_owned()
    }

    fn check(&self, sent: SentCode, typed: &str) -> Result<CodeVerdict, CheckCodeError> {
        let check = CheckCode::new(self.ports.clone(), Arc::new(self.policy.clone()));
        block_on(check.run(CodeNamed::Id(self.app.id.clone(), sent.id), typed, Some(Customer::default()), by()))
    }
}

fn over(limit: CodeLimit) -> SendCodeError {
    SendCodeError::Limited { over: Over { limit, retry_after: DAY }, ticket_lifts: false }
}

fn transient(retry_after: Option<u64>) -> Result<Receipt, SendError> {
    let retry_after = retry_after.map(Duration::from_secs);
    Err(SendError::Transient { reason: "451 later".to_owned(), retry_after })
}

fn permanent() -> Result<Receipt, SendError> {
    Err(SendError::Permanent { reason: "550 no".to_owned() })
}

#[test]
fn what_cannot_or_must_not_be_reached_is_refused() {
    let post = Post::new();
    for (to, expected) in [
        ("13912345678", SendCodeError::ImpossibleNumber),
        ("+8613912345", SendCodeError::ImpossibleNumber),
        ("+85291234567", SendCodeError::CountryNotAllowed),
        ("+8617012345678", SendCodeError::Blocked),
        ("ann@blocked.example", SendCodeError::Blocked),
        ("One@example.com", SendCodeError::Blocked),
    ] {
        assert_eq!(post.send(to), Err(expected), "{to}");
    }
    assert!(post.send("two@example.com").is_ok());
    let mut without = Post::new();
    without.ports.routes = Arc::new(Routes::default());
    assert_eq!(without.send(PHONE), Err(SendCodeError::NoSender(Channel::Sms)));
}

#[test]
fn no_spelling_passes_a_block() {
    let blocked = ["+490151", "@bücher.example", "ann@ⓔxample.com", " @Ｅxample.ORG "].map(Blocked::parse);
    let post = Post::changed(|policy| {
        policy.countries = vec![];
        policy.blocked = blocked.into_iter().flatten().collect();
    });
    for to in [
        "+4915112345678",
        "0049 0151 12345678",
        "bob@xn--bcher-kva.example",
        "bob@BU\u{308}CHER.example",
        "ann@example.com",
        "ann@exªmple.com",
        "bob@example.org",
    ] {
        assert_eq!(post.send(to), Err(SendCodeError::Blocked), "{to}");
    }
    assert!(post.send("bob@example.com").is_ok());
    for text in ["", "+", "@", "+49a", "+490", "example.org", "@exam ple.org", "a@b@example.org"] {
        assert_eq!(Blocked::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_code_is_sent_found_right_once_and_verifies_its_contact() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let sender = RecordingSender::default();
    assert_eq!(post.work_off("first", &sender), 1);
    let digits = post.digits(sent);
    assert_eq!(sender.given(), [(post.message(sent).id, digits.clone())]);
    assert_eq!(post.message(sent).state, MessageState::Sent);
    assert_eq!(post.check(sent, "12345"), Err(CheckCodeError::NotACode));
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    assert_eq!(post.check(sent, wrong), Ok(CodeVerdict::Wrong(4)));
    let Ok(CodeVerdict::Right { verified: Some(verified), tries_left: 0 }) = post.check(sent, &digits) else {
        panic!("it is right")
    };
    assert_eq!(post.check(sent, &digits), Ok(CodeVerdict::Dead(CodeState::Ended(CodeEnd::Spent))));
    let contacts = VerifiedContacts::new(post.ports.clone(), Arc::new(post.policy.clone()));
    let contact = Contact::parse(PHONE).unwrap();
    let find = || block_on(contacts.find(&post.app.id, None, &contact)).unwrap();
    let found = find().unwrap();
    assert_eq!((found.row.id, found.contact.normalised()), (verified.id, PHONE));
    post.house.clock.advance(DAY);
    assert!(find().is_none(), "a day later it has to be verified again");
}

#[test]
fn the_narrowest_limit_refuses_and_nothing_is_charged() {
    let rates = |change: fn(&mut CodeRates)| Post::changed(|policy| change(&mut policy.rates));
    let per_contact = rates(|rates| rates.per_contact = ONCE_A_DAY);
    per_contact.send(PHONE).unwrap();
    assert_eq!(per_contact.send(PHONE), Err(over(CodeLimit::Contact)));
    assert!(per_contact.send("+8613912345679").is_ok());

    let per_country = rates(|rates| rates.per_country = ONCE_A_DAY);
    per_country.send(PHONE).unwrap();
    assert_eq!(per_country.send("+8613912345679"), Err(over(CodeLimit::Country)));
    assert!(per_country.send("+12025550100").is_ok());
    assert!(per_country.send("ann@example.com").is_ok(), "a limit on texts");

    let spend = |cents| Some(Rule { burst: cents, interval: DAY / cents });
    let budget = Post::changed(|policy| policy.rates.spend_per_app = spend(10));
    budget.send("+12025550100").unwrap();
    assert!(matches!(budget.send(PHONE), Err(SendCodeError::Limited { over, .. }) if over.limit == CodeLimit::Spend));
    assert!(budget.send("ann@example.com").is_ok(), "e-mail costs nothing");

    let per_network = rates(|rates| rates.per_network = ONCE_A_DAY);
    let from = |address: &str| {
        let address = address.parse().unwrap();
        per_network.send_with("ann@example.com", |new| new.person = Some(address))
    };
    from("192.0.2.1").unwrap();
    assert_eq!(from("192.0.2.99"), Err(over(CodeLimit::Network)));
    assert!(from("198.51.100.1").is_ok());
    assert!(per_network.send("ann@example.com").is_ok(), "an app's server is no person");
}

#[test]
fn a_monitor_only_records() {
    let post = Post::changed(|policy| {
        policy.monitor = true;
        policy.rates.per_contact = ONCE_A_DAY;
        policy.default.ticket = TicketDemand::Always;
    });
    post.send(PHONE).unwrap();
    assert_eq!(post.told(), "accepted first would-refuse ticket");
    post.send(PHONE).unwrap();
    assert_eq!(post.told(), "kept first would-refuse codes.contact.day would-refuse ticket");
    let rules = DoorRules { digits: 6, lifetime: Duration::from_mins(5), interval: Some(DAY), resend: None };
    let documented = |post: &Post| post.send_with(PHONE, |new| new.rules = Some(rules));
    documented(&post).unwrap();
    assert_eq!(documented(&post), Err(over(CodeLimit::Resend)), "what a door documents holds in any case");
}

#[test]
fn a_ticket_pays_once_for_its_own_contact_and_purpose() {
    let post = Post::changed(|policy| policy.default.ticket = TicketDemand::Always);
    assert_eq!(post.send(PHONE), Err(SendCodeError::TicketRequired));
    let refused = |refusal| Err(SendCodeError::TicketRefused(refusal));
    let ticket = post.ticket(PHONE);
    assert_eq!(post.paid("+8613912345679", &ticket, None), refused(TicketRefusal::OtherContact));
    let unbound = post.house.ticket(Some("signup"), None);
    assert_eq!(post.paid(PHONE, &unbound, None), refused(TicketRefusal::OtherContact));
    let other_action = post.house.ticket(Some("login"), Some(PHONE));
    assert_eq!(post.paid(PHONE, &other_action, None), refused(TicketRefusal::OtherAction));
    assert!(post.paid(PHONE, &ticket, None).is_ok(), "none of these spent it");
    assert_eq!(post.paid(PHONE, &ticket, None), refused(TicketRefusal::Used));
}

#[test]
fn a_repeated_call_finds_its_own_ticket_and_its_own_code() {
    let post = Post::changed(|policy| policy.default.ticket = TicketDemand::Always);
    let ticket = post.ticket(PHONE);
    let first = post.paid(PHONE, &ticket, Some("key")).unwrap();
    assert_eq!(post.paid(PHONE, &ticket, Some("key")).unwrap().id, first.id);
    post.house.clock.advance(Duration::from_mins(4));
    let late = post.paid(PHONE, &ticket, Some("key")).unwrap();
    assert_eq!(late.id, first.id, "its ticket is late by now, and was in time when it counted");
    assert_eq!(block_on(post.records.messages_of(first.id)).unwrap().len(), 1, "one message");
    let other = post.send_with(PHONE, |new| new.idempotency = Some(Idempotency { key: "key", asks: b"other" }));
    assert_eq!(other, Err(SendCodeError::OtherCall));
}

#[test]
fn a_ticket_lifts_the_limits_that_stand_for_machines_and_is_not_spent_in_vain() {
    let post = Post::changed(|policy| {
        policy.default.ticket = TicketDemand::OverLimits;
        policy.rates.per_country = ONCE_A_DAY;
        policy.rates.per_contact = Some(Rule { burst: 2, interval: DAY });
    });
    post.send(PHONE).unwrap();
    let country = Over { limit: CodeLimit::Country, retry_after: DAY };
    assert_eq!(post.send(PHONE), Err(SendCodeError::Limited { over: country, ticket_lifts: true }));
    post.paid(PHONE, &post.ticket(PHONE), None).unwrap();
    let ticket = post.ticket(PHONE);
    assert_eq!(post.paid(PHONE, &ticket, None), Err(over(CodeLimit::Contact)));
    post.house.clock.advance(Duration::from_mins(2));
    let redeemed = post.house.redeem(&ticket, "one", Some("signup"), Some(PHONE), 9);
    assert!(matches!(redeemed, Redemption::Valid(_)), "the limit of the contact refused it before it was spent");
}

#[test]
fn a_sender_tries_again_and_then_the_next_takes_over_with_the_same_message() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let first = RecordingSender::answering([transient(None), transient(None)]);
    let second = RecordingSender::default();
    assert_eq!((post.work_off("first", &first), post.work_off("first", &first)), (1, 0), "it waits");
    let row = post.message(sent);
    assert_eq!((row.state, row.tries, row.reason.as_deref()), (MessageState::Waiting, 1, Some("451 later")));
    post.house.clock.advance(Duration::from_millis(1_250));
    assert_eq!((post.work_off("first", &first), post.work_off("second", &second)), (1, 1));
    assert_eq!((first.given().len(), second.given()), (2, vec![first.given()[0].clone()]));
    let row = post.message(sent);
    assert_eq!((row.state, row.lane), (MessageState::Sent, name("second")));
}

#[test]
fn a_sender_that_wants_to_be_left_alone_for_long_has_had_its_turn() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let (first, second) = (RecordingSender::answering([transient(Some(3_600))]), RecordingSender::default());
    assert_eq!((post.work_off("first", &first), post.work_off("second", &second)), (1, 1));
    assert_eq!(post.message(sent).state, MessageState::Sent);
    // One that is alone is tried again, however long it wants.
    post.send("ann@example.com").unwrap();
    let mail = RecordingSender::answering([transient(Some(86_400))]);
    post.work_off("mail", &mail);
    post.house.clock.advance(Duration::from_secs(38));
    assert_eq!(post.work_off("mail", &mail), 1);
}

#[test]
fn senders_that_are_all_down_are_tried_less_and_less() {
    let post = Post::new();
    post.send(PHONE).unwrap();
    let down = || RecordingSender::answering((0..1_000).map(|_| transient(None)));
    let (first, second) = (down(), down());
    for _ in 0..3_000 {
        post.work_off("first", &first);
        post.work_off("second", &second);
        post.house.clock.advance(Duration::from_millis(100));
    }
    let tries = first.given().len() + second.given().len();
    assert!((10..40).contains(&tries), "{tries}");
    assert!(second.given().len() > 3, "both have their turns");
}

/// Whether it got through nobody knows, and each try costs: the next has it at once, and after three it is taken for sent.
#[test]
fn what_ends_in_doubt_goes_to_the_next_sender_and_not_on_for_ever() {
    let doubtful = || Err(SendError::Doubtful { reason: "no answer within 10 s".to_owned() });
    let hanging = || RecordingSender::answering((0..9).map(|_| doubtful()));
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let (first, second) = (hanging(), RecordingSender::default());
    assert_eq!((post.work_off("first", &first), post.work_off("second", &second)), (1, 1));
    assert_eq!(first.given(), second.given(), "the same code under the same name");
    assert_eq!((post.message(sent).state, post.message(sent).reason), (MessageState::Sent, None));

    let alone = post.send("ann@example.com").unwrap();
    let mail = hanging();
    for _ in 0..60 {
        post.work_off("mail", &mail);
        post.house.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(mail.given().len(), 3);
    let row = post.message(alone);
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Sent, Some("no answer within 10 s")));
}

#[test]
fn a_message_whose_sender_is_no_more_goes_to_one_that_serves_its_contact() {
    let mut post = Post::new();
    let (abroad, at_home) = (post.send("+12025550100").unwrap(), post.send(PHONE).unwrap());
    let prefixes = vec!["+86".to_owned()];
    let china = Route { sender: name("china"), channel: Channel::Sms, prefixes, report_within: None };
    post.ports.routes = Arc::new(Routes::new(vec![china]));
    block_on(post.keep_outbox().adopt()).unwrap();
    assert_eq!(post.message(abroad).state, MessageState::Failed);
    assert_eq!((post.message(at_home).state, post.message(at_home).lane), (MessageState::Waiting, name("china")));
}

/// A code holds no longer because the clock was set back.
#[test]
fn a_clock_that_is_set_back_ends_codes() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let digits = post.digits(sent);
    let earlier = ManualClock::at(post.house.clock.now().minus(Duration::from_hours(1)));
    let check = CheckCode::new(CodePorts { clock: earlier, ..post.ports.clone() }, Arc::new(post.policy.clone()));
    let named = CodeNamed::Id(post.app.id.clone(), sent.id);
    let verdict = block_on(check.run(named, &digits, Some(Customer::default()), by()));
    assert_eq!(verdict, Ok(CodeVerdict::Dead(CodeState::Expired)));
}

#[test]
fn what_one_refuses_the_next_gets_and_what_all_refuse_has_failed() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let no = || RecordingSender::answering([permanent()]);
    assert_eq!((post.work_off("first", &no()), post.work_off("second", &no())), (1, 1));
    let row = post.message(sent);
    assert_eq!((row.state, row.reason.as_deref()), (MessageState::Failed, Some("550 no")));
    let mail = post.send("ann@example.com").unwrap();
    post.work_off("mail", &no());
    assert_eq!(post.message(mail).state, MessageState::Failed, "no other serves it");
}

#[test]
fn a_lone_sender_tries_for_as_long_as_the_code_holds_with_growing_pauses() {
    let post = Post::new();
    let sent = post.send("ann@example.com").unwrap();
    let never = RecordingSender::answering((0..100).map(|_| transient(None)));
    let mut tries = Vec::new();
    for second in 0..400u32 {
        if post.work_off("mail", &never) > 0 {
            tries.push(second);
        }
        post.house.clock.advance(Duration::from_secs(1));
    }
    assert!(tries.len() > 8 && tries.len() < 20, "{tries:?}");
    assert!(tries.iter().all(|second| *second < 300), "never after its time: {tries:?}");
    block_on(post.keep_outbox().expire()).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Expired);
    let status = block_on(ReadCodes::new(post.ports.clone()).run(None, sent.id)).unwrap();
    assert_eq!((status.state, status.to.as_str()), (CodeState::Expired, "a***@example.com"));
}

#[test]
fn what_a_worker_left_behind_goes_again_under_the_same_name() {
    let post = Post::new();
    let sent = post.send(PHONE).unwrap();
    let dead = block_on(post.deliver().take(&name("first"), 1, DEADLINE)).unwrap();
    let sender = RecordingSender::default();
    assert_eq!(post.work_off("first", &sender), 0, "it is in somebody's hands");
    post.house.clock.advance(2 * DEADLINE);
    assert_eq!(post.work_off("first", &sender), 1);
    assert_eq!(sender.given()[0].0, dead[0].message.id);
    block_on(post.deliver().deliver(dead.into_iter().next().unwrap(), &sender)).unwrap();
    assert_eq!(post.message(sent).state, MessageState::Sent);
}

#[test]
fn a_resend_keeps_the_digits_or_replaces_them() {
    let keeping = Post::new();
    let (one, two) = (keeping.send(PHONE).unwrap(), keeping.send(PHONE).unwrap());
    assert_eq!((one.id, keeping.digits(one)), (two.id, keeping.digits(two)));
    assert_eq!(block_on(keeping.records.messages_of(one.id)).unwrap().len(), 2);
    let replacing = Post::changed(|policy| policy.default.resend = Resend::Replace);
    let (one, two) = (replacing.send(PHONE).unwrap(), replacing.send(PHONE).unwrap());
    assert_ne!(one.id, two.id);
    assert_eq!(replacing.message(one).state, MessageState::Obsolete, "its message is called back");
}
