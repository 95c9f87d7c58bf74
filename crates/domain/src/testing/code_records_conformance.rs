#![expect(clippy::expect_used, clippy::panic, reason = "a suite is a test: it stops where the store does not conform")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::audit::AuditEntry;
use crate::code::{Binding, Code, CodeEnd, CodeId, CodePurpose, CodeState, Resend, Resource, TRIES};
use crate::contact::{Channel, ContactKey};
use crate::message::MessageId;
use crate::ports::{
    Accepted, AppRecords, AuditRecords, Checked, CodeNamed, CodeRecords, CodeSend, Judge, RecordsError,
};
use crate::sealing::KeyedHash;
use crate::testing::{app, block_on};
use crate::throttle::Rule;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_milliseconds(1_795_000_000_000);
const LIFE: Duration = Duration::from_mins(5);

/// What it means to be a store of one-time codes. `open` opens the store at one place: the first time it is empty, and every
/// later time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn code_records_conformance<R>(open: impl Fn() -> R)
where
    R: CodeRecords + AppRecords + AuditRecords + 'static,
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
    suite.budgets_run_on();
    suite.of_many_at_once_one_wins_and_five_are_compared();
    let kept = suite.code(1);
    drop(suite);
    assert_eq!(Suite { store: Arc::new(open()) }.code(1), kept, "a spent code is spent after a reopening");
}

struct Suite<R> {
    store: Arc<R>,
}

fn entry(at: Timestamp) -> AuditEntry {
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
fn send(number: u8, contact: u8) -> CodeSend {
    CodeSend {
        code: Code {
            id: CodeId::from_bytes([number; 16]),
            binding: binding(contact),
            hash: KeyedHash::from_bytes([number; 20]),
            tries: 0,
            created_at: NOW,
            expires_at: NOW.plus(LIFE),
            ended: None,
        },
        message: MessageId([number; 16]),
        channel: Channel::Sms,
        resend: Resend::Replace,
        sealed: vec![number],
        idempotency: None,
        per_contact: None,
        per_app: None,
        now: NOW,
    }
}

fn digits(number: u8) -> Judge {
    Arc::new(move |_, hash| *hash == KeyedHash::from_bytes([number; 20]))
}

fn newest(contact: u8) -> CodeNamed {
    CodeNamed::Newest(binding(contact))
}

impl<R> Suite<R>
where
    R: CodeRecords + AppRecords + AuditRecords + 'static,
{
    fn accept(&self, send: &CodeSend) -> Accepted {
        block_on(self.store.accept_send(send.clone(), entry(send.now))).expect("an answer")
    }

    fn sent(&self, send: &CodeSend) -> CodeId {
        match self.accept(send) {
            Accepted::Queued(code) => code.id,
            other => panic!("{other:?}"),
        }
    }

    fn check_at(&self, named: CodeNamed, judge: Judge, consume: bool, at: Timestamp) -> Checked {
        block_on(self.store.check_code(named, judge, consume, None, entry(at))).expect("an answer")
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
        assert!(matches!(looked, Checked::Right(code) if code.ended.is_none()), "looking consumes nothing");
        assert!(matches!(self.check(newest(1), 1), Checked::Right(code) if code.id == id));
        let spent = CodeState::Ended(CodeEnd::Spent);
        assert!(matches!(self.check(newest(1), 1), Checked::Dead(_, state) if state == spent));
        assert_eq!(self.code(1).map(|code| code.ended), Ok(Some((NOW, CodeEnd::Spent))));
        let told = block_on(self.store.audit_entries(1)).expect("entries").pop().expect("an entry");
        assert_eq!((told.subject, told.detail.as_str()), (id.to_string(), "right"));
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
        assert_eq!(self.check(CodeNamed::Id(app("others").id, id), 3), Checked::Unknown);
        assert!(matches!(self.check(CodeNamed::Id(app("codes").id, id), 3), Checked::Right(_)));
    }

    fn a_code_dies_with_its_time(&self) {
        self.sent(&send(4, 4));
        let last = NOW.plus(LIFE).minus(Duration::from_millis(1));
        assert!(matches!(self.check_at(newest(4), digits(4), false, last), Checked::Right(_)));
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
        assert!(matches!(self.check(newest(5), 7), Checked::Right(_)));
        let after = CodeSend { resend: Resend::Keep, ..send(8, 5) };
        assert_eq!(self.sent(&after), after.code.id, "a spent code is not kept");
    }

    fn a_repeated_call_is_the_same_call(&self) {
        let first = CodeSend { idempotency: Some([7; 32]), ..send(9, 9) };
        let id = self.sent(&first);
        let again = CodeSend { idempotency: Some([7; 32]), ..send(10, 9) };
        assert!(matches!(self.accept(&again), Accepted::Repeated(code) if code.id == id));
        assert_eq!(self.code(10), Err(RecordsError::Missing));
        let tomorrow = CodeSend { now: NOW.plus(Duration::from_hours(24)), ..again };
        assert_eq!(self.sent(&tomorrow), tomorrow.code.id, "a day later it is another call");
    }

    fn budgets_run_on(&self) {
        let two = Some(Rule { burst: 2, interval: Duration::from_hours(12) });
        let limited = |number, contact| CodeSend { per_contact: two, ..send(number, contact) };
        self.sent(&limited(11, 11));
        assert!(matches!(self.check(newest(11), 11), Checked::Right(_)), "a right code gives nothing back");
        self.sent(&limited(12, 11));
        let wait = Duration::from_hours(12);
        assert_eq!(self.accept(&limited(13, 11)), Accepted::TooManyForContact(wait));
        assert_eq!(self.code(13), Err(RecordsError::Missing));
        self.sent(&limited(14, 14));
        let three = Some(Rule { burst: 1, interval: wait });
        let of_app = |number, contact| CodeSend { per_app: three, per_contact: two, ..send(number, contact) };
        self.sent(&of_app(15, 15));
        for number in [16, 17, 18] {
            assert_eq!(self.accept(&of_app(number, 16)), Accepted::TooManyForApp(wait), "no charge to the contact");
        }
        self.sent(&limited(19, 16));
        self.sent(&limited(20, 16));

        // Wrong tries count over all codes of a contact; right ones do not.
        let wrong = |number| {
            let check = self.store.check_code(newest(21), digits(number), false, two, entry(NOW));
            block_on(check).expect("an answer")
        };
        self.sent(&send(21, 21));
        for _ in 0..3 {
            assert!(matches!(wrong(21), Checked::Right(_)));
        }
        assert!(matches!(wrong(99), Checked::Wrong(_)));
        self.sent(&send(22, 21));
        assert!(matches!(wrong(99), Checked::Wrong(_)));
        assert_eq!(wrong(22), Checked::TooManyWrong(wait));
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
                        let won = (0..8).filter(|_| matches!(self.check(newest(30), 30), Checked::Right(_))).count();
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
