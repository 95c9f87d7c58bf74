//! Users that are let in, and those that are not.

use super::*;
use crate::audit::AuditEntry;
use crate::code::CodePurpose;
use crate::contact::ContactKeys;
use crate::gate::CodeRates;
use crate::iam_user::PasswordHash;
use crate::ports::UserRecords as _;
use crate::rates::Limit;
use crate::routes::Routes;
use crate::secret::Secret;
use crate::testing::{ModelCodes, ModelPeople, PlainIdTokens, PlainPasswords, PlainTemplates};
use crate::throttle::Rule;
use crate::time::Timestamp;
use crate::user::{Device, NextStep, User, UserId, UserName};

struct Porch {
    house: House,
    passwords: Arc<PlainPasswords>,
    let_in: LetIn,
}

/// A user without a number.
fn user(id: u8, name: &str, password: Option<&str>) -> User {
    User {
        id: UserId::from_bytes([id; 16]),
        app: AppId::parse("one").unwrap(),
        mobile: None,
        email: None,
        name: UserName::parse(name),
        password: password.map(|password| PasswordHash::new(password.to_owned())),
        enabled: true,
        generation: 0,
        created_at: Timestamp::from_milliseconds(0),
    }
}

impl Porch {
    fn new() -> Self {
        Self::with(House::new())
    }

    fn with(house: House) -> Self {
        let people = ModelPeople::with_apps([app("one"), app("two")]);
        let off = User { enabled: false, ..user(3, "off", Some("right")) };
        for user in [user(1, "ann", Some("right")), user(2, "without", None), off] {
            let entry = AuditEntry::new(Timestamp::from_milliseconds(0), "test", "user", "");
            block_on(people.create_user(user, entry)).unwrap();
        }
        let (keys, passwords) =
            (Arc::new(ContactKeys::new(&Secret::new([8; 32]))), Arc::new(PlainPasswords::default()));
        let codes = CodePorts {
            records: Arc::new(ModelCodes::with_apps([app("one"), app("two")])),
            keys: Arc::clone(&keys),
            templates: Arc::new(PlainTemplates),
            routes: Arc::new(Routes::new(Vec::new())),
            directory: Arc::clone(&house.ports.directory),
            clock: Arc::clone(&house.ports.clock),
            entropy: Arc::clone(&house.ports.entropy),
            tally: Arc::new(NoTally),
        };
        let policy = SendPolicy {
            default: PurposePolicy::DEFAULT,
            purposes: std::collections::BTreeMap::new(),
            rates: CodeRates::default(),
            monitor: false,
            pumping: Enforcement::Enforce,
            countries: Vec::new(),
            blocked: Vec::new(),
            prices: Vec::new(),
            price: 0,
            verified_for: Duration::from_hours(1),
        };
        let ports = PeoplePorts {
            records: Arc::new(people),
            keys,
            passwords: Arc::<PlainPasswords>::clone(&passwords),
            id_tokens: Arc::new(PlainIdTokens),
        };
        let check_code = Arc::new(CheckCode::new(codes, Arc::new(policy)));
        let let_in = LetIn::new(house.ports.clone(), ports, check_code, house.policy, PeoplePolicy::DEFAULT);
        Self { house, passwords, let_in }
    }

    fn show(&self, app: &str, who: Who<'_>, password: &str) -> Result<Welcome, LetInError> {
        let typed = PasswordTyped {
            app: &AppId::parse(app).unwrap(),
            who,
            password: Secret::new(password.to_owned()),
            client: self.house.client,
            device: Device::default(),
            by: Actor { name: "a door", detail: "" },
        };
        block_on(self.let_in.by_password(typed))
    }

    fn named(&self, app: &str, name: &str, password: &str) -> Result<Welcome, LetInError> {
        self.show(app, Who::Name(&UserName::parse(name).unwrap()), password)
    }
}

#[test]
fn every_refusal_of_a_password_is_one_and_costs_one_look() {
    let porch = Porch::new();
    let number = Contact::parse("+8613912345678").unwrap();
    let refusals = [
        porch.named("one", "ann", "wrong"),
        porch.named("one", "nobody", "right"),
        porch.named("one", "without", "right"),
        porch.named("one", "off", "right"),
        porch.named("two", "ann", "right"),
        porch.show("one", Who::Contact(&number), "right"),
        porch.show("one", Who::Nobody("not a name"), "right"),
    ];
    let count = u64::try_from(refusals.len()).unwrap();
    for refused in refusals {
        assert_eq!(refused.err(), Some(LetInError::Refused));
    }
    assert_eq!(porch.passwords.looked_at(), count);
    let Ok(Welcome::Next { step, .. }) = porch.named("one", "ann", "right") else { panic!("the password is right") };
    assert_eq!(step, NextStep::Mobile);
}

#[test]
fn a_call_over_a_limit_is_refused_before_a_password_is_looked_at() {
    for limit in [Limit::SignInPerAddress, Limit::SignInPerUser] {
        let mut house = House::new();
        let rule = Some(Rule { burst: 1, interval: Duration::from_mins(1) });
        match limit {
            Limit::SignInPerAddress => house.policy.rates.sign_in_per_address = rule,
            _ => house.policy.rates.sign_in_per_user = rule,
        }
        let porch = Porch::with(house);
        assert_eq!(porch.named("one", "nobody", "right").err(), Some(LetInError::Refused));
        let limited = porch.named("one", "nobody", "right").err();
        assert!(matches!(limited, Some(LetInError::Limited(limited)) if limited.limit == limit), "{limit:?}");
        assert_eq!(porch.passwords.looked_at(), 1);
    }
}

#[test]
fn a_state_token_is_for_its_app_its_step_and_ten_minutes() {
    let porch = Porch::new();
    let number = Contact::parse("+8613912345678").unwrap();
    let Ok(Welcome::Next { state_token, .. }) = porch.named("one", "ann", "right") else { panic!("it is right") };
    let show = |app: &str, token: &str, step: NextStep| {
        let typed = CodeTyped {
            app: &AppId::parse(app).unwrap(),
            mobile: &number,
            purpose: CodePurpose::parse("bind").unwrap(),
            typed: "123456",
            device: Device::default(),
            by: Actor { name: "a door", detail: "" },
        };
        block_on(porch.let_in.by_both(token, step, typed)).err().unwrap()
    };
    let token = state_token.expose();
    assert_eq!(show("one", token, NextStep::Mobile), LetInError::Refused, "the code is looked at, and is none");
    assert_eq!(show("one", token, NextStep::Code), StateRefusal::Unknown.into());
    assert_eq!(show("two", token, NextStep::Mobile), StateRefusal::Unknown.into());
    assert_eq!(show("one", "forged", NextStep::Mobile), StateRefusal::Unknown.into());
    porch.house.clock.advance(STATE_LIFETIME);
    assert_eq!(show("one", token, NextStep::Mobile), StateRefusal::Ended.into());
}
