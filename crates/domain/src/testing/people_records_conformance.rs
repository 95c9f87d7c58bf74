#![expect(clippy::expect_used, reason = "a suite is a test: it stops where the store does not conform")]

use std::sync::Arc;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::contact::ContactKey;
use crate::iam_user::PasswordHash;
use crate::ports::{AppRecords, AuditRecords, PeopleRecords, RecordsError, UserNamed};
use crate::testing::{app, block_on};
use crate::time::Timestamp;
use crate::user::{Device, KeptContact, Proof, Session, SessionId, SessionKey, User, UserId, UserName};

/// What it means to be a store of users and sessions. `open` opens the store at one place: the first time it is empty, and every
/// later time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn people_records_conformance<R>(open: impl Fn() -> R)
where
    R: PeopleRecords + AppRecords + AuditRecords + 'static,
{
    let store = Arc::new(open());
    for id in ["people", "others"] {
        block_on(store.create_app(app(id), entry(0))).expect("an app");
    }
    users_are_of_an_app_and_nobody_has_anothers_contact(&*store);
    a_number_becomes_one_user(&store);
    a_session_is_found_by_its_token_and_ends_once(&*store);
    what_let_somebody_in_before_counts_no_more(&*store);
    a_number_is_bound_once(&*store);
    sessions_are_listed_and_ended_at_once(&*store);
    a_number_is_changed(&*store);
    sessions_are_forgotten_after_their_time(&*store);
    what_fails_leaves_no_trace(&*store);
    let kept = block_on(store.users(None, None, 100));
    drop(store);
    assert_eq!(block_on(open().users(None, None, 100)), kept, "what was acknowledged is there after a reopening");
}

fn entry(at: i64) -> AuditEntry {
    AuditEntry::new(Timestamp::from_milliseconds(at), "test", "people", "subject").with_detail("because")
}

fn people() -> AppId {
    app("people").id
}

fn contact(number: u8) -> KeptContact {
    KeptContact { key: ContactKey([number; 32]), sealed: vec![number, 0, 255] }
}

/// User `number`, whose mobile number is `number`, with an address and a name.
fn user(number: u8) -> User {
    User {
        id: UserId::from_bytes([number; 16]),
        app: people(),
        mobile: Some(contact(number)),
        email: Some(contact(number + 100)),
        name: UserName::parse(&format!("user-{number}")),
        password: Some(PasswordHash::new(format!("hash {number}"))),
        enabled: true,
        generation: 0,
        created_at: Timestamp::from_milliseconds(5),
    }
}

fn bare(number: u8) -> User {
    User { mobile: None, email: None, name: None, password: None, ..user(number) }
}

/// Session `number` of user `of`.
fn session(number: u8, of: u8, generation: u32) -> Session {
    Session {
        id: SessionId::from_bytes([number; 16]),
        key: SessionKey([number; 32]),
        user: UserId::from_bytes([of; 16]),
        generation,
        device: Device::new("a phone 手机"),
        proof: Proof::PasswordAndCode,
        created_at: Timestamp::from_milliseconds(10),
        expires_at: Timestamp::from_milliseconds(1_000),
        ended_at: None,
    }
}

fn users_are_of_an_app_and_nobody_has_anothers_contact(store: &impl PeopleRecords) {
    assert_eq!(block_on(store.create_user(user(1), entry(1))), Ok(()));
    assert_eq!(block_on(store.create_user(bare(2), entry(1))), Ok(()));
    assert_eq!(block_on(store.create_user(bare(3), entry(1))), Ok(()), "what nobody has, several can lack");
    let nowhere = User { app: app("none").id, ..bare(4) };
    assert_eq!(block_on(store.create_user(nowhere, entry(1))), Err(RecordsError::Missing));
    for twin in [
        bare(1),
        User { mobile: user(1).mobile, ..bare(4) },
        User { email: user(1).email, ..bare(4) },
        User { name: user(1).name, ..bare(4) },
    ] {
        assert_eq!(block_on(store.create_user(twin, entry(1))), Err(RecordsError::Exists));
    }
    let elsewhere = User { id: UserId::from_bytes([9; 16]), app: app("others").id, ..user(1) };
    assert_eq!(block_on(store.create_user(elsewhere.clone(), entry(1))), Ok(()), "another app's users are others");
    for named in [
        UserNamed::Id(user(1).id),
        UserNamed::Contact(contact(1).key),
        UserNamed::Contact(contact(101).key),
        UserNamed::Name(UserName::parse("user-1").expect("a name")),
    ] {
        assert_eq!(block_on(store.user(people(), named)), Ok(user(1)));
    }
    assert_eq!(block_on(store.user(elsewhere.app.clone(), UserNamed::Contact(contact(1).key))), Ok(elsewhere.clone()));
    assert_eq!(block_on(store.user(people(), UserNamed::Id(elsewhere.id))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.user(people(), UserNamed::Contact(contact(77).key))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.users(Some(people()), None, 2)), Ok(vec![user(1), bare(2)]));
    assert_eq!(block_on(store.users(Some(people()), Some(bare(2).id), 2)), Ok(vec![bare(3)]));
    assert_eq!(block_on(store.users(None, Some(bare(3).id), 9)), Ok(vec![elsewhere]));
}

fn a_number_becomes_one_user<R: PeopleRecords + 'static>(store: &Arc<R>) {
    assert_eq!(block_on(store.register_user(user(1), entry(2))), Ok(user(1)), "the one that is there");
    let other = User { id: UserId::from_bytes([30; 16]), ..bare(1) };
    assert_eq!(block_on(store.register_user(User { mobile: user(1).mobile, ..other.clone() }, entry(2))), Ok(user(1)));
    assert_eq!(block_on(store.register_user(other, entry(2))), Err(RecordsError::Missing), "without a number");
    let nowhere = User { app: app("none").id, ..user(31) };
    assert_eq!(block_on(store.register_user(nowhere, entry(2))), Err(RecordsError::Missing));
    let threads: Vec<_> = (40..48)
        .map(|number| {
            let store = Arc::clone(store);
            let candidate = User { mobile: Some(contact(40)), ..bare(number) };
            std::thread::spawn(move || block_on(store.register_user(candidate, entry(2))))
        })
        .collect();
    let mut made: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("a thread")).collect();
    made.dedup();
    assert_eq!(made.len(), 1, "of many at once one is made, and all get it");
}

fn a_session_is_found_by_its_token_and_ends_once(store: &impl PeopleRecords) {
    assert_eq!(block_on(store.open_session(session(1, 1, 0), entry(10))), Ok(()));
    assert_eq!(block_on(store.session(people(), SessionKey([1; 32]))), Ok((session(1, 1, 0), user(1))));
    assert_eq!(block_on(store.session(app("others").id, SessionKey([1; 32]))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.session(people(), SessionKey([99; 32]))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.open_session(session(1, 1, 0), entry(10))), Err(RecordsError::Exists));
    assert_eq!(block_on(store.open_session(session(2, 99, 0), entry(10))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.end_session(session(1, 1, 0).id, entry(20))), Ok(()));
    assert_eq!(block_on(store.end_session(session(1, 1, 0).id, entry(30))), Ok(()), "again is no mistake");
    let ended = Session { ended_at: Some(Timestamp::from_milliseconds(20)), ..session(1, 1, 0) };
    assert_eq!(block_on(store.session(people(), SessionKey([1; 32]))), Ok((ended, user(1))));
    assert_eq!(block_on(store.end_session(session(99, 1, 0).id, entry(20))), Err(RecordsError::Missing));
}

fn what_let_somebody_in_before_counts_no_more(store: &impl PeopleRecords) {
    let (id, named) = (user(1).id, UserNamed::Id(user(1).id));
    let hash = PasswordHash::new("another".to_owned());
    assert_eq!(block_on(store.set_user_password(id, 0, hash.clone(), entry(40))), Ok(()));
    let changed = User { password: Some(hash.clone()), generation: 1, ..user(1) };
    assert_eq!(block_on(store.user(people(), named.clone())), Ok(changed.clone()));
    assert_eq!(block_on(store.open_session(session(3, 1, 0), entry(41))), Err(RecordsError::Changed));
    assert_eq!(block_on(store.open_session(session(3, 1, 1), entry(41))), Ok(()));
    assert_eq!(block_on(store.set_user_enabled(id, false, entry(50))), Ok(()));
    let disabled = User { enabled: false, generation: 2, ..changed };
    assert_eq!(block_on(store.user(people(), named.clone())), Ok(disabled.clone()));
    assert_eq!(block_on(store.session(people(), SessionKey([3; 32]))), Ok((session(3, 1, 1), disabled.clone())));
    assert_eq!(block_on(store.open_session(session(4, 1, 2), entry(51))), Err(RecordsError::Changed));
    assert_eq!(block_on(store.set_user_enabled(id, true, entry(60))), Ok(()));
    assert_eq!(block_on(store.user(people(), named)), Ok(User { enabled: true, ..disabled }));
    assert_eq!(block_on(store.open_session(session(4, 1, 2), entry(61))), Ok(()));
    let passed = |generation| block_on(store.set_user_password(id, generation, hash.clone(), entry(62)));
    assert_eq!(passed(1), Err(RecordsError::Changed), "it was disabled since, and is another user since it is enabled");
    assert_eq!(passed(3), Err(RecordsError::Changed));
    let nobody = UserId::from_bytes([99; 16]);
    assert_eq!(block_on(store.set_user_enabled(nobody, true, entry(60))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.set_user_password(nobody, 0, hash.clone(), entry(60))), Err(RecordsError::Missing));
}

fn a_number_is_bound_once(store: &impl PeopleRecords) {
    let bind = |user: u8, generation: u32, number: u8| {
        block_on(store.bind_mobile(UserId::from_bytes([user; 16]), generation, contact(number), entry(70)))
    };
    assert_eq!(bind(2, 0, 1), Err(RecordsError::Exists), "another user has it");
    assert_eq!(bind(1, 2, 60), Err(RecordsError::Exists), "it has one");
    assert_eq!(bind(99, 0, 60), Err(RecordsError::Missing));
    assert_eq!(bind(2, 1, 60), Err(RecordsError::Changed), "of another generation");
    for enabled in [false, true] {
        assert_eq!(block_on(store.set_user_enabled(bare(2).id, enabled, entry(70))), Ok(()));
        assert_eq!(bind(2, 0, 60), Err(RecordsError::Changed), "disabled since, whatever came after that");
    }
    assert_eq!(bind(2, 1, 60), Ok(()));
    let bound = User { mobile: Some(contact(60)), generation: 1, ..bare(2) };
    assert_eq!(block_on(store.user(people(), UserNamed::Contact(contact(60).key))), Ok(bound));
}

fn sessions_are_listed_and_ended_at_once(store: &impl PeopleRecords) {
    let of_fifty = |number: u8, at: i64| Session {
        created_at: Timestamp::from_milliseconds(at),
        expires_at: Timestamp::from_milliseconds(2_000),
        ..session(number, 50, 0)
    };
    assert_eq!(block_on(store.create_user(bare(50), entry(70))), Ok(()));
    assert_eq!(block_on(store.user_of_any_app(bare(50).id)), Ok(bare(50)));
    assert_eq!(block_on(store.user_of_any_app(UserId::from_bytes([99; 16]))), Err(RecordsError::Missing));
    for one in [of_fifty(51, 71), of_fifty(52, 72), of_fifty(53, 73)] {
        assert_eq!(block_on(store.open_session(one, entry(73))), Ok(()));
    }
    assert_eq!(block_on(store.end_session(of_fifty(52, 72).id, entry(74))), Ok(()));
    let held = |at: i64| block_on(store.sessions_of(bare(50).id, Timestamp::from_milliseconds(at))).expect("sessions");
    assert_eq!(held(75), vec![of_fifty(53, 73), of_fifty(51, 71)], "those that hold, the newest first");
    assert_eq!(held(2_000), vec![]);
    assert_eq!(block_on(store.end_sessions(bare(50).id, entry(76))), Ok(()));
    assert_eq!(held(77), vec![]);
    assert_eq!(block_on(store.open_session(of_fifty(54, 77), entry(77))), Err(RecordsError::Changed));
    assert_eq!(block_on(store.end_sessions(UserId::from_bytes([99; 16]), entry(76))), Err(RecordsError::Missing));
}

fn a_number_is_changed(store: &impl PeopleRecords) {
    let set = |user: u8, number: u8| {
        block_on(store.set_user_mobile(UserId::from_bytes([user; 16]), contact(number), entry(78)))
    };
    assert_eq!(set(50, 1), Err(RecordsError::Exists), "another user has it");
    assert_eq!(set(99, 62), Err(RecordsError::Missing));
    for number in [62, 63, 63] {
        assert_eq!(set(50, number), Ok(()), "its first, another, and the one that it has");
    }
    let changed = User { mobile: Some(contact(63)), generation: 4, ..bare(50) };
    assert_eq!(block_on(store.user(people(), UserNamed::Contact(contact(63).key))), Ok(changed));
    assert_eq!(block_on(store.user(people(), UserNamed::Contact(contact(62).key))), Err(RecordsError::Missing));
}

fn sessions_are_forgotten_after_their_time(store: &impl PeopleRecords) {
    let long = Session { expires_at: Timestamp::from_milliseconds(2_000), ..session(5, 1, 2) };
    assert_eq!(block_on(store.open_session(long.clone(), entry(80))), Ok(()));
    while block_on(store.forget_sessions(Timestamp::from_milliseconds(1_001))).expect("an answer") {}
    assert_eq!(block_on(store.session(people(), SessionKey([3; 32]))), Err(RecordsError::Missing));
    assert_eq!(block_on(store.session(people(), long.key)).map(|(session, _)| session), Ok(long));
}

fn what_fails_leaves_no_trace(store: &(impl PeopleRecords + AuditRecords)) {
    let told = || block_on(store.audit_entries(1_000)).expect("entries").len();
    let before = told();
    let outcomes = [
        block_on(store.create_user(user(1), entry(90))),
        block_on(store.open_session(session(6, 1, 0), entry(90))),
        block_on(store.end_session(session(99, 1, 0).id, entry(90))),
        block_on(store.set_user_enabled(UserId::from_bytes([99; 16]), false, entry(90))),
        block_on(store.bind_mobile(user(1).id, 2, contact(61), entry(90))),
    ];
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(told(), before);
    assert_eq!(block_on(store.set_user_enabled(bare(3).id, false, entry(90))), Ok(()));
    assert_eq!(told(), before + 1);
}
