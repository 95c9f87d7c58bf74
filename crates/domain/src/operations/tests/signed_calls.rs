//! Calls that are signed with an access key.

use super::*;
use crate::access_key::{AccessKey, AccessKeyId, AccessKeyRow, Permissions};
use crate::rates::Limit;
use crate::secret::Secret;
use crate::testing::ModelNonces;
use crate::throttle::Rule;
use crate::time::Timestamp;

const WINDOW: Duration = Duration::from_mins(15);

fn id(text: &str) -> AccessKeyId {
    AccessKeyId::parse(text).unwrap()
}

fn key(text: &str, app: &str, enabled: bool) -> AccessKey {
    let row = AccessKeyRow {
        id: id(text),
        app: AppId::parse(app).unwrap(),
        sealed_secret: Vec::new(),
        permissions: Permissions::All,
        enabled,
        created_at: Timestamp::from_milliseconds(0),
    };
    AccessKey { row, secret: Secret::new("secret".to_owned()) }
}

/// A house with a key that can be used, one that is disabled, and one whose app is.
fn calls(house: &mut House, capacity: usize) -> SignedCalls {
    let mut disabled = app("disabled");
    disabled.enabled = false;
    let directory = FixedDirectory::with_apps([app("one"), disabled])
        .and_key(key("AK1", "one", true))
        .and_key(key("AK2", "one", false))
        .and_key(key("AK3", "disabled", true))
        .and_key(key("AK4", "gone", true));
    house.ports.directory = Arc::new(directory);
    let nonces = Arc::new(ModelNonces::new(Arc::<ManualClock>::clone(&house.clock), capacity));
    SignedCalls::new(house.ports.clone(), nonces, house.policy)
}

#[test]
fn who_signs_has_a_key_that_is_on_and_so_is_its_app() {
    let mut house = House::new();
    let calls = calls(&mut house, 10);
    assert_eq!(calls.signer("AK1").unwrap().row.id, id("AK1"));
    for (key, refusal) in [
        ("AK2", SignerRefusal::Disabled),
        ("AK3", SignerRefusal::Disabled),
        ("AK4", SignerRefusal::Disabled),
        ("AK9", SignerRefusal::Unknown),
        ("ak1", SignerRefusal::Unknown),
        ("", SignerRefusal::Unknown),
        ("AK1 ", SignerRefusal::Unknown),
    ] {
        assert_eq!(calls.signer(key).err(), Some(refusal), "{key}");
    }
}

#[test]
fn a_call_is_taken_from_one_end_of_the_window_to_the_other() {
    let mut house = House::new();
    let calls = calls(&mut house, 10);
    let now = house.ports.clock.now();
    let beyond = WINDOW + Duration::from_millis(1);
    for (signed_at, expected) in [
        (now, Ok(())),
        (now.minus(WINDOW), Ok(())),
        (now.plus(WINDOW), Ok(())),
        (now.minus(beyond), Err(Untimely)),
        (now.plus(beyond), Err(Untimely)),
        (Timestamp::from_milliseconds(i64::MIN), Err(Untimely)),
        (Timestamp::from_milliseconds(i64::MAX), Err(Untimely)),
    ] {
        assert_eq!(calls.check_time(signed_at, WINDOW), expected, "{signed_at:?}");
    }
}

#[test]
fn a_nonce_stays_spent_for_as_long_as_its_call_could_come_again() {
    let mut house = House::new();
    house.policy.lifetimes.clock_skew = Duration::ZERO;
    let calls = calls(&mut house, 10);
    let spend = |key: &str| block_on(calls.spend_nonce(&id(key), b"nonce", WINDOW));
    // As early as a call can come: it is signed for the end of the window.
    let signed_at = house.ports.clock.now().plus(WINDOW);
    assert_eq!(spend("AK1"), Ok(()));
    assert_eq!(spend("AK2"), Ok(()), "another key's nonces are its own");
    house.clock.advance(WINDOW * 2);
    assert_eq!(calls.check_time(signed_at, WINDOW), Ok(()));
    assert_eq!(spend("AK1"), Err(NonceError::Used));
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(calls.check_time(signed_at, WINDOW), Err(Untimely));
    assert_eq!(spend("AK1"), Ok(()));
}

#[test]
fn a_full_store_of_nonces_refuses_the_call() {
    let mut house = House::new();
    let calls = calls(&mut house, 1);
    let spend = |nonce: &[u8]| block_on(calls.spend_nonce(&id("AK1"), nonce, WINDOW));
    assert_eq!(spend(b"one"), Ok(()));
    assert_eq!(spend(b"two"), Err(NonceError::Busy(Busy)));
    assert_eq!(spend(b"one"), Err(NonceError::Used));
}

#[test]
fn each_key_has_its_own_limit() {
    let mut house = House::new();
    house.policy.rates.calls_per_key = Some(Rule { burst: 1, interval: Duration::from_secs(2) });
    let calls = calls(&mut house, 10);
    let admit = |key: &str| block_on(calls.admit(&id(key)));
    assert_eq!(admit("AK1"), Ok(()));
    assert_eq!(admit("AK2"), Ok(()));
    match admit("AK1") {
        Err(AdmissionError::Limited(limited)) => {
            assert_eq!((limited.limit, limited.retry_after), (Limit::CallsPerKey, Duration::from_secs(2)));
        }
        other => panic!("{other:?}"),
    }
}
