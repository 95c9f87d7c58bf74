#![expect(clippy::expect_used, clippy::panic, reason = "a suite is a test: it stops where the store does not conform")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::audit::AuditEntry;
use crate::code::{
    Binding, Code, CodeEnd, CodeId, CodePurpose, CodeState, KEPT_AT_LEAST, Requester, Resend, Resource, TRIES,
};
use crate::contact::{Channel, ContactKey};
use crate::gate::{Charge, CodeLimit, Over};
use crate::language::Language;
use crate::message::{MessageId, SenderName};
use crate::ports::{
    Accepted, AppRecords, AuditRecords, Checked, CodeCheck, CodeNamed, CodeRecords, CodeSend, ContactRecords,
    ContactsWanted, Gained, Judge, RecordsError, Repeatable, Spending,
};
use crate::pumping::TextAccount;
use crate::sealing::KeyedHash;
use crate::testing::{app, block_on};
use crate::throttle::Rule;
use crate::time::Timestamp;
use crate::verified_contact::{Customer, VerifiedContact, VerifiedId};

pub(super) const NOW: Timestamp = Timestamp::from_milliseconds(1_795_000_000_000);
pub(super) const LIFE: Duration = Duration::from_mins(5);

/// What it means to be a store of one-time codes. `open` opens the store at one place: the first time it is empty, and every
/// later time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn code_records_conformance<R>(open: impl Fn() -> R)
where
    R: CodeRecords + ContactRecords + AppRecords + AuditRecords + 'static,
{
    let suite = Suite { store: Arc::new(open()) };
    for id in ["codes", "others"] {
        block_on(suite.store.create_app(app(id), entry(NOW))).expect("an app");
    }
    suite.a_right_code_counts_once();
    suite.a_code_takes_five_wrong_tries();
    suite.a_code_is_for_its_binding();
    suite.a_code_dies_with_its_time();
    suite.a_second_send_keeps_or_replaces();
    suite.a_repeated_call_is_the_same_call();
    suite.accounts_are_charged_all_or_none();
    suite.what_is_not_enforced_is_told();
    suite.wrong_tries_are_charged_and_right_ones_are_not();
    suite.texts_are_counted_and_read_with_their_codes();
    suite.a_spent_code_verifies_its_contact();
    suite.of_many_at_once_one_wins_and_five_are_compared();
    let kept = suite.code(1);
    drop(suite);
    assert_eq!(Suite { store: Arc::new(open()) }.code(1), kept, "a spent code is spent after a reopening");
}

struct Suite<R> {
    store: Arc<R>,
}

pub(super) fn entry(at: Timestamp) -> AuditEntry {
    AuditEntry::new(at, "test", "code", "subject")
}

fn binding(contact: u8) -> Binding {
    Binding {
        app: app("codes").id,
        purpose: CodePurpose::parse("signup").expect("a purpose"),
        contact: ContactKey([contact; 32]),
        resource: None,
    }
}

/// A send of code `number` to contact `contact`. The digits of a code are its number: its hash says so.
pub(super) fn send(number: u8, contact: u8) -> CodeSend {
    CodeSend {
        code: Code {
            id: CodeId::from_bytes([number; 16]),
            binding: binding(contact),
            consent: None,
            requester: Requester::of("Acme (1)"),
            channel: Channel::Sms,
            sealed_contact: vec![contact],
            hash: KeyedHash::from_bytes([number; 20]),
            sealed_digits: Some(vec![number]),
            texts: Vec::new(),
            tries: 0,
            created_at: NOW,
            expires_at: NOW.plus(LIFE),
            ended: None,
        },
        message: MessageId([number; 16]),
        lane: SenderName::parse("gateway").expect("a name"),
        language: Language::English,
        resend: Resend::Replace,
        repeatable: None,
        charges: Vec::new(),
        texts: Vec::new(),
    }
}

/// The same, at another time.
fn at(now: Timestamp, send: CodeSend) -> CodeSend {
    CodeSend { code: Code { created_at: now, expires_at: now.plus(LIFE), ..send.code }, ..send }
}

fn charge(account: &str, burst: u32) -> Charge {
    let rule = Rule { burst, interval: Duration::from_hours(12) };
    Charge { limit: CodeLimit::Contact, account: account.to_owned(), rule, cost: 1, enforced: true }
}

const FULL: Over = Over { limit: CodeLimit::Contact, retry_after: Duration::from_hours(12) };

fn digits(number: u8) -> Judge {
    Arc::new(move |_, hash| *hash == KeyedHash::from_bytes([number; 20]))
}

/// For a contact of nobody in particular, under a fresh id.
fn customer() -> Spending {
    static DRAWN: AtomicUsize = AtomicUsize::new(1000);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed) as u128;
    Spending::Contact(Customer::default(), VerifiedId(drawn.to_be_bytes()))
}

/// A check that consumes and costs nothing.
fn plain(named: CodeNamed, judge: Judge) -> CodeCheck {
    CodeCheck { named, judge, consume: None, charges: Arc::new(|_| vec![]) }
}

fn newest(contact: u8) -> CodeNamed {
    CodeNamed::Newest(binding(contact))
}

impl<R> Suite<R>
where
    R: CodeRecords + ContactRecords + AppRecords + AuditRecords + 'static,
{
    fn accept(&self, send: &CodeSend) -> Accepted {
        let audit = entry(send.code.created_at);
        block_on(self.store.accept_send(send.clone(), audit)).expect("an answer")
    }

    fn sent(&self, send: &CodeSend) -> CodeId {
        match self.accept(send) {
            Accepted::Queued(code, over) if over.is_empty() => code.id,
            other => panic!("{other:?}"),
        }
    }

    fn check_at(&self, named: CodeNamed, judge: Judge, consume: bool, at: Timestamp) -> Checked {
        self.check_with(CodeCheck { consume: consume.then(customer), ..plain(named, judge) }, at)
    }

    fn check_with(&self, check: CodeCheck, at: Timestamp) -> Checked {
        block_on(self.store.check_code(check, entry(at))).expect("an answer")
    }

    fn told(&self) -> (String, String) {
        let told = block_on(self.store.audit_entries(1)).expect("entries").pop().expect("an entry");
        (told.subject, told.detail)
    }

    fn check(&self, named: CodeNamed, number: u8) -> Checked {
        self.check_at(named, digits(number), true, NOW)
    }

    fn code(&self, number: u8) -> Result<Code, RecordsError> {
        block_on(self.store.code(CodeId::from_bytes([number; 16])))
    }

    fn a_right_code_counts_once(&self) {
        let id = self.sent(&send(1, 1));
        assert_eq!(self.code(1), Ok(send(1, 1).code));
        let looked = self.check_at(newest(1), digits(1), false, NOW);
        assert!(matches!(looked, Checked::Right(code, None) if code.ended.is_none()), "looking consumes nothing");
        assert!(matches!(self.check(newest(1), 1), Checked::Right(code, Some(_)) if code.id == id));
        let spent = CodeState::Ended(CodeEnd::Spent);
        assert!(matches!(self.check(newest(1), 1), Checked::Dead(_, state) if state == spent));
        assert_eq!(self.code(1).map(|code| code.ended), Ok(Some((NOW, CodeEnd::Spent))));
        assert_eq!(self.told(), (id.to_string(), "dead".to_owned()));
        assert_eq!(self.code(1).map(|code| code.sealed_digits), Ok(None), "nobody sends them any more");
        assert_eq!(self.code(99), Err(RecordsError::Missing));
    }

    fn a_code_takes_five_wrong_tries(&self) {
        self.sent(&send(2, 2));
        for tries in 1..=TRIES {
            assert!(matches!(self.check(newest(2), 99), Checked::Wrong(code) if code.tries == tries));
        }
        let guessed = CodeState::Ended(CodeEnd::GuessedOut);
        assert!(matches!(self.check(newest(2), 2), Checked::Dead(_, state) if state == guessed), "the right one too");
    }

    fn a_code_is_for_its_binding(&self) {
        let mut sent = send(3, 3);
        sent.code.binding.resource = Resource::parse("cen-1");
        let id = self.sent(&sent);
        let others: [fn(&mut Binding); 4] = [
            |binding| binding.app = app("others").id,
            |binding| binding.contact = ContactKey([99; 32]),
            |binding| binding.resource = None,
            |binding| binding.purpose = CodePurpose::parse("login").expect("a purpose"),
        ];
        for change in others {
            let mut other = sent.code.binding.clone();
            change(&mut other);
            assert_eq!(self.check(CodeNamed::Newest(other), 3), Checked::Unknown);
        }
        let told = self.told();
        assert_eq!(self.check(CodeNamed::Id(app("others").id, id), 3), Checked::Unknown);
        assert_eq!(self.told(), told, "what is about no code is not told");
        assert!(matches!(self.check(CodeNamed::Id(app("codes").id, id), 3), Checked::Right(..)));
    }

    fn a_code_dies_with_its_time(&self) {
        self.sent(&send(4, 4));
        let last = NOW.plus(LIFE).minus(Duration::from_millis(1));
        assert!(matches!(self.check_at(newest(4), digits(4), false, last), Checked::Right(..)));
        let late = self.check_at(newest(4), digits(4), true, NOW.plus(LIFE));
        assert!(matches!(late, Checked::Dead(_, CodeState::Expired)));
    }

    fn a_second_send_keeps_or_replaces(&self) {
        let first = self.sent(&send(5, 5));
        assert!(matches!(self.check(newest(5), 99), Checked::Wrong(_)));
        let keep = CodeSend { resend: Resend::Keep, ..send(6, 5) };
        assert_eq!(self.sent(&keep), first);
        assert_eq!(self.code(5).map(|code| code.tries), Ok(1), "the count of tries runs on");
        assert_eq!(self.code(6), Err(RecordsError::Missing));
        let second = self.sent(&send(7, 5));
        assert_ne!(second, first);
        assert_eq!(self.code(5).map(|code| code.ended), Ok(Some((NOW, CodeEnd::Replaced))));
        let replaced = CodeState::Ended(CodeEnd::Replaced);
        let old = self.check(CodeNamed::Id(app("codes").id, first), 5);
        assert!(matches!(old, Checked::Dead(_, state) if state == replaced));
        assert!(matches!(self.check(newest(5), 7), Checked::Right(..)));
        let after = CodeSend { resend: Resend::Keep, ..send(8, 5) };
        assert_eq!(self.sent(&after), after.code.id, "a spent code is not kept");
        let soon_late = NOW.plus(LIFE).minus(KEPT_AT_LEAST).plus(Duration::from_millis(1));
        let fresh = at(soon_late, CodeSend { resend: Resend::Keep, ..send(23, 5) });
        assert_eq!(self.sent(&fresh), fresh.code.id, "nor is one that is about to be late");
    }

    fn a_repeated_call_is_the_same_call(&self) {
        let call = Some(Repeatable { key: [7; 32], asks: [1; 32] });
        let first = CodeSend { repeatable: call, charges: vec![charge("repeated", 1)], ..send(9, 9) };
        let id = self.sent(&first);
        let again = CodeSend { repeatable: call, charges: vec![charge("repeated", 1)], ..send(10, 9) };
        assert!(matches!(self.accept(&again), Accepted::Repeated(code) if code.id == id), "and costs nothing");
        let would = block_on(self.store.would_refuse(again.clone())).expect("an answer");
        assert!(matches!(would, Some(Accepted::Repeated(code)) if code.id == id));
        assert_eq!(self.code(10), Err(RecordsError::Missing));
        let other = CodeSend { repeatable: Some(Repeatable { key: [7; 32], asks: [2; 32] }), ..send(10, 9) };
        assert_eq!(self.accept(&other), Accepted::OtherCall);
        let tomorrow = at(NOW.plus(Duration::from_hours(24)), again);
        assert_eq!(self.sent(&tomorrow), tomorrow.code.id, "a day later it is another call");
    }

    fn accounts_are_charged_all_or_none(&self) {
        let limited = |number: u8, accounts: &[(&str, u32)]| {
            let charges = accounts.iter().map(|(account, burst)| charge(account, *burst)).collect();
            CodeSend { charges, ..send(number, number) }
        };
        self.sent(&limited(11, &[("one", 2), ("other", 1)]));
        assert!(matches!(self.check(newest(11), 11), Checked::Right(..)), "a right code gives nothing back");
        let told = self.told();
        for number in [12, 13] {
            let refused = limited(number, &[("one", 2), ("other", 1)]);
            assert_eq!(self.accept(&refused), Accepted::Refused(FULL));
            assert_eq!(self.told(), told, "a refusal is no entry");
            assert_eq!(block_on(self.store.would_refuse(refused)), Ok(Some(Accepted::Refused(FULL))));
            assert_eq!(self.code(number), Err(RecordsError::Missing));
        }
        assert_eq!(block_on(self.store.would_refuse(limited(14, &[("one", 2)]))), Ok(None));
        self.sent(&limited(14, &[("one", 2)]));
        assert_eq!(self.accept(&limited(15, &[("one", 2)])), Accepted::Refused(FULL));
    }

    fn what_is_not_enforced_is_told(&self) {
        let monitored = |number| CodeSend {
            charges: vec![Charge { enforced: false, ..charge("watched", 1) }],
            ..send(number, number)
        };
        let id = self.sent(&monitored(16));
        assert_eq!(self.told(), (id.to_string(), "accepted gateway".to_owned()));
        assert!(matches!(self.accept(&monitored(17)), Accepted::Queued(_, over) if over == [CodeLimit::Contact]));
        assert_eq!(self.told().1, "accepted gateway would-refuse codes.contact.day");
    }

    fn wrong_tries_are_charged_and_right_ones_are_not(&self) {
        let check =
            |number| CodeCheck { charges: Arc::new(|_| vec![charge("wrong", 2)]), ..plain(newest(21), digits(number)) };
        self.sent(&send(21, 21));
        for _ in 0..3 {
            assert!(matches!(self.check_with(check(21), NOW), Checked::Right(..)));
        }
        assert!(matches!(self.check_with(check(99), NOW), Checked::Wrong(_)));
        self.sent(&send(22, 21));
        assert!(matches!(self.check_with(check(99), NOW), Checked::Wrong(_)));
        assert!(matches!(self.check_with(check(22), NOW), Checked::Refused(code, FULL) if code.tries == 1));
    }

    fn texts_are_counted_and_read_with_their_codes(&self) {
        let texted = |number: u8, account: &str, unread: u32, enforced: bool| {
            let account =
                TextAccount { limit: CodeLimit::UnverifiedPrefix, name: account.to_owned(), unread, enforced };
            CodeSend { texts: vec![account], ..send(number, number) }
        };
        let strict = |number| texted(number, "strict", 2, true);
        let is_full =
            |accepted| matches!(accepted, Accepted::Refused(over) if over.limit == CodeLimit::UnverifiedPrefix);
        self.sent(&strict(27));
        self.sent(&strict(28));
        assert!(is_full(self.accept(&strict(29))));
        assert!(matches!(block_on(self.store.would_refuse(strict(29))), Ok(Some(Accepted::Refused(_)))));
        assert!(matches!(self.check_at(newest(27), digits(27), false, NOW), Checked::Right(..)), "only looked at");
        assert!(is_full(self.accept(&strict(29))));
        assert!(matches!(self.check(newest(27), 27), Checked::Right(..)));
        self.sent(&strict(29));
        assert!(is_full(self.accept(&strict(32))), "one is read, and two are not");
        let tomorrow = NOW.plus(Duration::from_hours(24));
        self.sent(&at(tomorrow, strict(32)));

        // What is not enforced counts all the same, so that the monitor says what would be.
        let watched = |number| texted(number, "watched", 1, false);
        self.sent(&watched(33));
        for number in [34, 35] {
            let over = [CodeLimit::UnverifiedPrefix];
            assert!(matches!(self.accept(&watched(number)), Accepted::Queued(_, told) if told == over));
        }
        for number in [33, 34] {
            assert!(matches!(self.check(newest(number), number), Checked::Right(..)));
        }
        let told = self.accept(&watched(36));
        assert!(matches!(told, Accepted::Queued(_, told) if !told.is_empty()), "of three texts two are read, not more");
        assert!(matches!(self.check(newest(35), 35), Checked::Right(..)));
        assert!(matches!(self.check(newest(36), 36), Checked::Right(..)));
        self.sent(&watched(37));

        // A code that goes again is as many texts, and one that is typed in has read them all.
        let again = |number| CodeSend { resend: Resend::Keep, ..texted(number, "again", 2, true) };
        let binding =
            |number| CodeSend { code: Code { binding: binding(38), ..send(number, 38).code }, ..again(number) };
        let id = self.sent(&binding(38));
        assert_eq!(self.sent(&binding(39)), id);
        assert_eq!(self.code(38).map(|code| code.texts), Ok(vec!["again".to_owned(), "again".to_owned()]));
        assert!(is_full(self.accept(&binding(40))));
        assert!(matches!(self.check(newest(38), 38), Checked::Right(..)));
        self.sent(&again(41));
        self.sent(&again(42));
        assert!(is_full(self.accept(&again(43))));
    }

    fn a_spent_code_verifies_its_contact(&self) {
        let ann = Customer::parse("ann").expect("a customer");
        let spend = |number, contact, id| {
            self.sent(&send(number, contact));
            let consume = Some(Spending::Contact(ann.clone(), VerifiedId([id; 16])));
            let check = CodeCheck { consume, ..plain(newest(contact), digits(number)) };
            match self.check_with(check, NOW.plus(Duration::from_secs(number.into()))) {
                Checked::Right(_, Some(Gained::Contact(contact))) => contact,
                other => panic!("{other:?}"),
            }
        };
        let first = spend(24, 24, 1);
        let second = spend(25, 25, 2);
        assert_eq!((first.sealed_contact.as_slice(), first.id), ([24].as_slice(), VerifiedId([1; 16])));
        let again = spend(26, 24, 3);
        assert_eq!(again.id, first.id, "a contact that is verified again keeps its id");
        assert!(again.verified_at > first.verified_at);

        let all = || ContactsWanted {
            app: app("codes").id,
            customer: Some(ann.clone()),
            channel: Some(Channel::Sms),
            contact: None,
            id: None,
            after: NOW,
            offset: 0,
            limit: 10,
        };
        let found = |wanted| block_on(self.store.verified_contacts(wanted)).expect("contacts");
        let ids = |(rows, count): (Vec<VerifiedContact>, u32)| (rows.iter().map(|row| row.id.0[0]).collect(), count);
        assert_eq!(ids(found(all())), (vec![1, 2], 2), "the newest first");
        assert_eq!(ids(found(ContactsWanted { offset: 1, limit: 1, ..all() })), (vec![2], 2));
        assert_eq!(ids(found(ContactsWanted { contact: Some(ContactKey([25; 32])), ..all() })), (vec![2], 1));
        assert_eq!(ids(found(ContactsWanted { id: Some(first.id), ..all() })), (vec![1], 1));
        assert_eq!(ids(found(ContactsWanted { after: second.verified_at, ..all() })), (vec![1], 1));
        for none in [
            ContactsWanted { channel: Some(Channel::Email), ..all() },
            ContactsWanted { app: app("others").id, ..all() },
            ContactsWanted { customer: Customer::parse("bob"), ..all() },
        ] {
            assert_eq!(found(none), (vec![], 0));
        }
        let forget = |app_id| block_on(self.store.forget_contact(app_id, second.id, entry(NOW)));
        assert_eq!(forget(app("others").id), Err(RecordsError::Missing));
        assert_eq!(forget(app("codes").id), Ok(()));
        assert_eq!(found(all()).1, 1);
    }

    fn of_many_at_once_one_wins_and_five_are_compared(&self) {
        self.sent(&send(30, 30));
        self.sent(&send(31, 31));
        let compared = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&compared);
        let wrong: Judge = Arc::new(move |_, _| {
            counting.fetch_add(1, Ordering::Relaxed);
            false
        });
        let right: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let wrong = Arc::clone(&wrong);
                    scope.spawn(move || {
                        let won = (0..8).filter(|_| matches!(self.check(newest(30), 30), Checked::Right(..))).count();
                        for _ in 0..8 {
                            self.check_at(newest(31), Arc::clone(&wrong), true, NOW);
                        }
                        won
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!((right, compared.load(Ordering::Relaxed)), (1, 5));
    }
}
