//! IAM users that sign in, and their tokens.

use super::*;
use crate::access_key::Permissions;
use crate::iam_user::{IamName, IamUser, IamUserId, PasswordHash};
use crate::rates::Limit;
use crate::secret::Secret;
use crate::testing::PlainPasswords;
use crate::throttle::Rule;
use crate::time::Timestamp;

fn user(id: u8, app: &str, name: &str) -> IamUser {
    IamUser {
        id: IamUserId::from_bytes([id; 16]),
        app: AppId::parse(app).unwrap(),
        domain: IamName::parse("acme").unwrap(),
        name: IamName::parse(name).unwrap(),
        password: PasswordHash::new("right".to_owned()),
        permissions: Permissions::All,
        enabled: true,
        created_at: Timestamp::from_milliseconds(0),
    }
}

struct Desk {
    house: House,
    passwords: Arc<PlainPasswords>,
    sign_in: SignIn,
}

impl Desk {
    fn new() -> Self {
        Self::with(
            House::new(),
            [
                user(1, "one", "ann"),
                user(3, "disabled", "app-off"),
                IamUser { enabled: false, ..user(2, "one", "off") },
            ],
        )
    }

    fn with(mut house: House, users: impl IntoIterator<Item = IamUser>) -> Self {
        let mut disabled = app("disabled");
        disabled.enabled = false;
        let directory = FixedDirectory::with_apps([app("one"), disabled]);
        house.ports.directory = Arc::new(users.into_iter().fold(directory, FixedDirectory::and_user));
        let passwords = Arc::new(PlainPasswords::default());
        let sign_in = SignIn::new(house.ports.clone(), Arc::<PlainPasswords>::clone(&passwords), house.policy);
        Self { house, passwords, sign_in }
    }

    fn show(&self, domain: &str, name: &str, password: &str) -> Result<SignedIn, SignInError> {
        let credentials = Credentials { domain, name, password: Secret::new(password.to_owned()) };
        block_on(self.sign_in.run(credentials, self.house.client))
    }
}

#[test]
fn the_right_password_earns_a_token_for_a_day() {
    let desk = Desk::new();
    let signed_in = desk.show("acme", "ann", "right").unwrap();
    assert_eq!(signed_in.expires_at.since(signed_in.issued_at), TOKEN_LIFETIME);
    let token = signed_in.token.expose();
    assert_eq!(desk.sign_in.bearer(token).unwrap().id, signed_in.user.id);
    desk.house.clock.advance(Duration::from_millis(24 * 60 * 60 * 1_000 - 1));
    assert!(desk.sign_in.bearer(token).is_ok());
    desk.house.clock.advance(Duration::from_millis(1));
    assert_eq!(desk.sign_in.bearer(token).err(), Some(TokenRefusal::Expired(signed_in.expires_at)));
}

#[test]
fn every_refusal_is_one_and_costs_one_look_at_a_password() {
    for (domain, name, password) in [
        ("acme", "ann", "wrong"),
        ("acme", "nobody", "right"),
        ("elsewhere", "ann", "right"),
        ("acme", "off", "right"),
        ("acme", "app-off", "right"),
        ("acme", "ANN", "right"),
        ("acme", "no name\n", "right"),
        ("", "", ""),
    ] {
        let desk = Desk::new();
        assert_eq!(desk.show(domain, name, password).err(), Some(SignInError::Refused), "{domain} {name} {password}");
        assert_eq!(desk.passwords.looked_at(), 1, "{domain} {name} {password}");
    }
}

#[test]
fn a_password_over_a_limit_is_not_looked_at() {
    let rule = Some(Rule { burst: 2, interval: Duration::from_secs(10) });
    for (rates, limit) in [
        (Rates { sign_in_per_address: rule, ..Rates::default() }, Limit::SignInPerAddress),
        (Rates { sign_in_per_user: rule, ..Rates::default() }, Limit::SignInPerUser),
    ] {
        let mut house = House::new();
        house.policy.rates = rates;
        let mut desk = Desk::with(house, [user(1, "one", "ann")]);
        for _ in 0..2 {
            assert_eq!(desk.show("acme", "ann", "wrong").err(), Some(SignInError::Refused));
        }
        assert!(
            matches!(desk.show("acme", "ann", "right"), Err(SignInError::Limited(limited)) if limited.limit == limit)
        );
        assert_eq!(desk.passwords.looked_at(), 2);
        // The other subject is free: another user's name from here, or the same one from elsewhere.
        assert_eq!(
            desk.show("acme", "bob", "right").is_err_and(|error| error == SignInError::Refused),
            limit == Limit::SignInPerUser
        );
        desk.house.client = "192.0.2.9".parse().unwrap();
        assert_eq!(desk.show("acme", "ann", "right").is_ok(), limit == Limit::SignInPerAddress);
        desk.house.clock.advance(Duration::from_secs(10));
        assert!(desk.show("acme", "ann", "right").is_ok());
    }
}

#[test]
fn who_guesses_elsewhere_locks_nobody_out() {
    let rule = |burst| Some(Rule { burst, interval: Duration::from_mins(1) });
    let mut house = House::new();
    house.policy.rates = Rates { sign_in_per_user: rule(2), wrong_passwords: rule(6), ..Rates::default() };
    let mut desk = Desk::with(house, [user(1, "one", "ann")]);
    let mut show = |client: &str, name: &str, password: &str| {
        desk.house.client = client.parse().unwrap();
        let looked_at = desk.passwords.looked_at();
        let outcome = match desk.show("acme", name, password) {
            Ok(_) => "in",
            Err(SignInError::Refused) => "refused",
            Err(SignInError::Limited(limited)) => limited.limit.name(),
            Err(SignInError::Busy(_)) => "busy",
        };
        (outcome, desk.passwords.looked_at() - looked_at)
    };
    for name in ["ann", "nobody"] {
        for network in 0..3 {
            // Two addresses of one network are one guesser.
            assert_eq!(show(&format!("198.51.{network}.1"), name, "wrong"), ("refused", 1));
            assert_eq!(show(&format!("198.51.{network}.2"), name, "wrong"), ("refused", 1));
            assert_eq!(show(&format!("198.51.{network}.3"), name, "right"), ("sign_in.user", 0));
        }
        // Too many, over all networks: that is told, for a name that nobody has, too.
        assert_eq!(show("2001:db8::1", name, "wrong"), ("sign_in.wrong_passwords", 1));
    }
    // And the right password goes as before, and is counted nowhere.
    assert_eq!(show("192.0.2.1", "ann", "right"), ("in", 1));
    assert_eq!(show("203.0.113.1", "ann", "right"), ("in", 1));
}

#[test]
fn a_token_ends_with_its_user_and_no_other_text_is_one() {
    let desk = Desk::new();
    let token = desk.show("acme", "ann", "right").unwrap().token;
    let after = |users: Vec<IamUser>| {
        Desk::with(House::new(), users).sign_in.bearer(token.expose()).map(|user| user.permissions.clone())
    };
    assert_eq!(after(vec![user(1, "one", "ann")]), Ok(Permissions::All));
    let fewer = IamUser { permissions: Permissions::Only([].into()), ..user(1, "one", "ann") };
    assert_eq!(after(vec![fewer]), Ok(Permissions::Only([].into())), "what it may do is looked up");
    assert_eq!(after(vec![IamUser { enabled: false, ..user(1, "one", "ann") }]), Err(TokenRefusal::Ended));
    assert_eq!(after(vec![user(1, "disabled", "ann")]), Err(TokenRefusal::Ended));
    assert_eq!(after(vec![user(2, "one", "ann")]), Err(TokenRefusal::Ended));

    let challenge = desk.house.issue("one", None);
    let challenge = challenge.map(|issued| issued.token).unwrap();
    for other in ["", "garbage", &token.expose()[1..], &challenge] {
        assert_eq!(desk.sign_in.bearer(other).err(), Some(TokenRefusal::Unknown), "{other}");
    }
}

#[test]
fn wrong_signatures_are_counted_for_a_key_at_an_address() {
    use crate::access_key::AccessKeyId;
    use crate::testing::ModelNonces;

    let mut house = House::new();
    house.policy.rates.wrong_signatures = Some(Rule { burst: 5, interval: Duration::from_mins(1) });
    let nonces = Arc::new(ModelNonces::new(Arc::<ManualClock>::clone(&house.clock), 10));
    let calls = SignedCalls::new(house.ports.clone(), nonces, house.policy);
    let wrong = |key: &str, client: &str| {
        block_on(calls.count_wrong(&AccessKeyId::parse(key).unwrap(), client.parse().unwrap()))
    };
    for _ in 0..5 {
        assert_eq!(wrong("AK1", "192.0.2.1"), Ok(()));
    }
    assert!(matches!(wrong("AK1", "192.0.2.1"), Err(AdmissionError::Limited(_))));
    assert_eq!(wrong("AK1", "192.0.2.2"), Ok(()));
    assert_eq!(wrong("AK2", "192.0.2.1"), Ok(()));
}
