#![expect(clippy::expect_used, reason = "a suite is a test: it stops where the store does not conform")]

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access_key::{AccessKeyId, AccessKeyRow, Permission, Permissions};
use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::captcha_app::{CaptchaAppId, CaptchaAppRow};
use crate::iam_user::{IamName, IamUser, IamUserId, PasswordHash};
use crate::ports::{NewCaptchaApp, NonceId, NonceRow, Records, RecordsError, Reseal, SealingKeyRow, SecretRow};
use crate::sealing::KeyId;
use crate::testing::{app, block_on};
use crate::time::Timestamp;

/// What it means to be a store of records. `open` opens the store at one place: the first time it is empty, and every later
/// time it is what the earlier ones left.
///
/// # Panics
/// Where the store does not conform.
pub fn records_conformance<R: Records + 'static>(open: impl Fn() -> R) {
    {
        let store = open();
        apps_are_made_once_and_switched(&store);
        keys_belong_to_an_app(&store);
        an_app_has_one_number_and_no_two_the_same(&store);
        users_belong_to_an_app_and_a_domain_to_one(&store);
        one_sealing_key_wins(&store);
        one_secret_of_a_name_wins(&store);
        seals_are_replaced_all_or_none(&store);
        the_revision_tells_of_changes(&store);
        a_failed_verb_leaves_nothing(&store);
        nonces_are_kept_until_their_time(&store);
    }
    let before = block_on(open().directory()).expect("a directory");
    assert_eq!(before.apps.len(), 2, "what was acknowledged is there after a reopening");
    assert_eq!(block_on(open().spent_nonces(Timestamp::from_milliseconds(20))), Ok(vec![nonce(1, 30)]));
    let store = Arc::new(open());
    many_writers_at_once_lose_nothing(&store);
}

fn entry(event: &str, subject: &str) -> AuditEntry {
    AuditEntry::new(Timestamp::from_milliseconds(7), "test", event, subject).with_detail("because")
}

fn key(id: &str, app: &AppId, permissions: Permissions) -> AccessKeyRow {
    AccessKeyRow {
        id: AccessKeyId::parse(id).expect("a key id"),
        app: app.clone(),
        sealed_secret: vec![0, 255, 7],
        permissions,
        enabled: true,
        created_at: Timestamp::from_milliseconds(5),
    }
}

fn apps_are_made_once_and_switched(store: &impl Records) {
    let mut first = app("first");
    first.tenant = Some("a tenant".to_owned());
    "名字 ' \" %".clone_into(&mut first.name);
    assert_eq!(block_on(store.create_app(first.clone(), entry("app.created", "first"))), Ok(()));
    assert_eq!(block_on(store.create_app(app("second"), entry("app.created", "second"))), Ok(()));
    let taken = block_on(store.create_app(app("first"), entry("app.created", "first")));
    assert_eq!(taken, Err(RecordsError::Exists));

    let second = app("second").id;
    assert_eq!(block_on(store.set_app_enabled(second, false, entry("app.disabled", "second"))), Ok(()));
    let missing = block_on(store.set_app_enabled(app("none").id, false, entry("app.disabled", "none")));
    assert_eq!(missing, Err(RecordsError::Missing));

    let apps = block_on(store.directory()).expect("a directory").apps;
    assert_eq!(apps[0], first);
    assert_eq!(apps.iter().map(|app| app.enabled).collect::<Vec<_>>(), [true, false]);
}

fn keys_belong_to_an_app(store: &impl Records) {
    let some = Permissions::Only(BTreeSet::from([Permission::RedeemTickets]));
    let rows = [
        key("AK1", &app("first").id, some),
        key("AK2", &app("first").id, Permissions::All),
        key("AK3", &app("second").id, Permissions::Only(BTreeSet::new())),
    ];
    for row in &rows {
        let audit = entry("access_key.created", row.id.as_str());
        assert_eq!(block_on(store.create_access_key(row.clone(), audit)), Ok(()));
    }
    let taken = block_on(store.create_access_key(rows[0].clone(), entry("access_key.created", "AK1")));
    assert_eq!(taken, Err(RecordsError::Exists));
    let homeless = key("AK4", &app("none").id, Permissions::All);
    let missing = block_on(store.create_access_key(homeless, entry("access_key.created", "AK4")));
    assert_eq!(missing, Err(RecordsError::Missing));

    assert_eq!(block_on(store.directory()).expect("a directory").access_keys, rows);
    let disabled = entry("access_key.disabled", "AK2");
    assert_eq!(block_on(store.set_access_key_enabled(rows[1].id.clone(), false, disabled)), Ok(()));
    assert!(!block_on(store.directory()).expect("a directory").access_keys[1].enabled);
}

fn an_app_has_one_number_and_no_two_the_same(store: &impl Records) {
    let ensure = |app: &AppId, id, secret| {
        let created_at = Timestamp::from_milliseconds(4);
        let new = NewCaptchaApp { app: app.clone(), id, sealed_secret: vec![secret], created_at };
        block_on(store.ensure_captcha_app(new, entry("captcha_app.created", app.as_str())))
    };
    let row = |app: &AppId, id, secret| {
        let created_at = Timestamp::from_milliseconds(4);
        CaptchaAppRow { id, app: app.clone(), sealed_secret: vec![secret], created_at }
    };
    let (first, second, none) = (app("first").id, app("second").id, app("none").id);
    let chosen = CaptchaAppId::new(199_999_164).expect("a number");
    let next = CaptchaAppId::new(199_999_165).expect("a number");
    assert_eq!(ensure(&none, None, 1), Err(RecordsError::Missing));
    assert_eq!(ensure(&first, Some(chosen), 1), Ok(row(&first, chosen, 1)));
    assert_eq!(ensure(&first, None, 2), Ok(row(&first, chosen, 1)), "it has one");
    assert_eq!(ensure(&second, Some(chosen), 3), Err(RecordsError::Exists));
    assert_eq!(ensure(&second, None, 4), Ok(row(&second, next, 4)));

    let change = |app: &AppId| {
        let audit = entry("captcha_app.changed", app.as_str());
        block_on(store.change_captcha_secret(app.clone(), vec![5], audit))
    };
    assert_eq!(change(&none), Err(RecordsError::Missing));
    assert_eq!(change(&second), Ok(()));
    let kept = block_on(store.directory()).expect("a directory").captcha_apps;
    assert_eq!(kept, [row(&first, chosen, 1), row(&second, next, 5)]);
}

fn user(id: u8, app: &AppId, domain: &str, name: &str) -> IamUser {
    IamUser {
        id: IamUserId::from_bytes([id; 16]),
        app: app.clone(),
        domain: IamName::parse(domain).expect("a name"),
        name: IamName::parse(name).expect("a name"),
        password: PasswordHash::new("$argon2id$v=19$x".to_owned()),
        permissions: Permissions::Only(BTreeSet::from([Permission::RedeemTickets])),
        enabled: true,
        created_at: Timestamp::from_milliseconds(6),
    }
}

fn users_belong_to_an_app_and_a_domain_to_one(store: &impl Records) {
    let (first, second) = (app("first").id, app("second").id);
    let create = |user: IamUser| {
        let audit = entry("iam_user.created", user.name.as_str());
        block_on(store.create_iam_user(user, audit))
    };
    let rows = [user(1, &first, "one", "ann"), user(2, &first, "one", "Ann"), user(3, &second, "two", "ann")];
    for row in &rows {
        assert_eq!(create(row.clone()), Ok(()));
    }
    assert_eq!(create(user(4, &first, "one", "ann")), Err(RecordsError::Exists), "the name is taken");
    assert_eq!(create(user(1, &first, "one", "bob")), Err(RecordsError::Exists), "the id is taken");
    assert_eq!(create(user(4, &second, "one", "bob")), Err(RecordsError::Exists), "the domain is another app's");
    assert_eq!(create(user(4, &app("none").id, "three", "ann")), Err(RecordsError::Missing));
    assert_eq!(block_on(store.directory()).expect("a directory").iam_users, rows);

    let switch = |id: u8, enabled| {
        let audit = entry("iam_user.disabled", "ann");
        block_on(store.set_iam_user_enabled(IamUserId::from_bytes([id; 16]), enabled, audit))
    };
    assert_eq!(switch(9, false), Err(RecordsError::Missing));
    let before = block_on(store.revision()).expect("a revision");
    assert_eq!(switch(1, false), Ok(()));
    assert!(block_on(store.revision()).expect("a revision") > before);
    let enabled =
        block_on(store.directory()).expect("a directory").iam_users.iter().map(|user| user.enabled).collect::<Vec<_>>();
    assert_eq!(enabled, [false, true, true]);
}

fn one_sealing_key_wins(store: &impl Records) {
    let row = |id: u8| SealingKeyRow {
        id: KeyId([id; 4]),
        sealed_key: vec![id; 72],
        created_at: Timestamp::from_milliseconds(1),
        seals_from: Timestamp::from_milliseconds(i64::from(id)),
    };
    assert_eq!(block_on(store.ensure_sealing_key(row(9), entry("sealing_key.created", "9"))), Ok(()));
    assert_eq!(block_on(store.ensure_sealing_key(row(8), entry("sealing_key.created", "8"))), Ok(()));
    assert_eq!(block_on(store.directory()).expect("a directory").sealing_keys, [row(9)]);

    let rotate = |id: u8, relieved_before: i64| {
        let audit = entry("sealing_key.created", &id.to_string());
        block_on(store.rotate_sealing_key(row(id), Timestamp::from_milliseconds(relieved_before), audit))
    };
    let kept = || block_on(store.directory()).expect("a directory").sealing_keys;
    assert_eq!(rotate(20, 5), Ok(()));
    assert_eq!(rotate(20, 5), Err(RecordsError::Exists));
    assert_eq!(kept(), [row(9), row(20)], "oldest first");
    assert_eq!(rotate(30, 20), Ok(()));
    assert_eq!(kept(), [row(9), row(20), row(30)], "the successor of 9 does not seal for long enough");
    assert_eq!(rotate(40, 21), Ok(()));
    assert_eq!(kept(), [row(20), row(30), row(40)]);
}

fn one_secret_of_a_name_wins(store: &impl Records) {
    let row = |name: &str, sealed| SecretRow {
        name: name.to_owned(),
        sealed: vec![sealed],
        created_at: Timestamp::from_milliseconds(5),
    };
    let audit = || entry("secret.created", "one");
    assert_eq!(block_on(store.ensure_secret(row("one", 1), audit())), Ok(row("one", 1)));
    assert_eq!(block_on(store.ensure_secret(row("one", 2), audit())), Ok(row("one", 1)));
    assert_eq!(block_on(store.ensure_secret(row("another", 3), audit())), Ok(row("another", 3)));
    let secrets = block_on(store.directory()).expect("a directory").secrets;
    assert_eq!(secrets, [row("another", 3), row("one", 1)]);
}

fn seals_are_replaced_all_or_none(store: &impl Records) {
    let before = block_on(store.directory()).expect("a directory");
    let seals = Reseal {
        access_keys: before.access_keys.iter().map(|key| (key.id.clone(), vec![1, 2])).collect(),
        captcha_apps: before.captcha_apps.iter().map(|row| (row.app.clone(), vec![7, 8])).collect(),
        sealing_keys: before.sealing_keys.iter().map(|key| (key.id, vec![3, 4])).collect(),
        secrets: before.secrets.iter().map(|secret| (secret.name.clone(), vec![5, 6])).collect(),
    };
    let reseal = |revision| block_on(store.reseal(revision, seals.clone(), entry("master_key.rotated", "")));
    assert_eq!(reseal(before.revision - 1), Err(RecordsError::Changed));
    assert_eq!(block_on(store.directory()), Ok(before.clone()));
    assert_eq!(reseal(before.revision), Ok(()));
    let after = block_on(store.directory()).expect("a directory");
    assert!(after.revision > before.revision);
    assert!(after.access_keys.iter().all(|key| key.sealed_secret == [1, 2]));
    assert!(after.captcha_apps.iter().all(|row| row.sealed_secret == [7, 8]));
    assert!(after.sealing_keys.iter().all(|key| key.sealed_key == [3, 4]));
    assert!(after.secrets.iter().all(|secret| secret.sealed == [5, 6]));
}

fn the_revision_tells_of_changes(store: &impl Records) {
    let before = block_on(store.revision()).expect("a revision");
    assert_eq!(block_on(store.directory()).expect("a directory").revision, before);
    let first = app("first").id;
    block_on(store.set_app_enabled(first, true, entry("app.enabled", "first"))).expect("a change");
    assert!(block_on(store.revision()).expect("a revision") > before);
}

fn a_failed_verb_leaves_nothing(store: &impl Records) {
    let revision = block_on(store.revision());
    let trail = block_on(store.audit_entries(100)).expect("a trail");
    assert_eq!(trail[0], entry("app.enabled", "first"), "newest first");
    let made = ["first", "second"].map(|subject| entry("app.created", subject));
    assert!(made.iter().all(|entry| trail.contains(entry)));
    assert!(!trail.iter().any(|entry| entry.subject == "none" || entry.subject == "AK4" || entry.subject == "8"));

    assert!(block_on(store.create_app(app("first"), entry("app.created", "first"))).is_err());
    assert_eq!(block_on(store.audit_entries(100)).expect("a trail"), trail);
    assert_eq!(block_on(store.revision()), revision);
    assert_eq!(block_on(store.audit_entries(1)).expect("a trail").len(), 1);
}

fn nonce(id: u8, until: i64) -> NonceRow {
    NonceRow { id: NonceId([id; 16]), until: Timestamp::from_milliseconds(until) }
}

fn nonces_are_kept_until_their_time(store: &impl Records) {
    let revision = block_on(store.revision());
    let spent = |now| block_on(store.spent_nonces(Timestamp::from_milliseconds(now))).expect("nonces");
    let keep = |rows: &[NonceRow]| assert_eq!(block_on(store.keep_nonces(rows.to_vec())), Ok(()));
    keep(&[]);
    assert_eq!(spent(0), []);
    keep(&[nonce(2, 20), nonce(1, 10), nonce(3, 15)]);
    assert_eq!(spent(9), [nonce(1, 10), nonce(2, 20), nonce(3, 15)]);
    assert_eq!(spent(15), [nonce(2, 20)]);
    keep(&[nonce(1, 30), nonce(2, 5)]);
    assert_eq!(spent(0), [nonce(1, 30), nonce(2, 20), nonce(3, 15)], "the later time counts");
    assert_eq!(block_on(store.forget_nonces(Timestamp::from_milliseconds(20))), Ok(()));
    assert_eq!(spent(0), [nonce(1, 30)]);
    assert_eq!(block_on(store.revision()), revision, "doors do not look nonces up in memory");
}

fn many_writers_at_once_lose_nothing<R: Records + 'static>(store: &Arc<R>) {
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let store = Arc::clone(store);
            scope.spawn(move || {
                for number in 0..25 {
                    let id = format!("many-{writer}-{number}");
                    assert_eq!(block_on(store.create_app(app(&id), entry("app.created", &id))), Ok(()));
                    // One verb in each batch fails, and takes none of its neighbours with it.
                    let again = block_on(store.create_app(app(&id), entry("app.created", &id)));
                    assert_eq!(again, Err(RecordsError::Exists));
                }
            });
        }
    });
    let apps = block_on(store.directory()).expect("a directory").apps;
    assert_eq!(apps.iter().filter(|app| app.id.as_str().starts_with("many-")).count(), 200);
}
