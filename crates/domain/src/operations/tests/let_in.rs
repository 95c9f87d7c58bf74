//! Users that are let in, and those that are not.

use super::*;
use crate::audit::AuditEntry;
use crate::code::{Binding, Code, CodeId, CodePurpose, Digits, Resend};
use crate::contact::{Channel, ContactKeys};
use crate::gate::CodeRates;
use crate::iam_user::PasswordHash;
use crate::language::Language;
use crate::message::{MessageId, SenderName};
use crate::ports::{CodeOutcome, CodeSend, Tally, UserNamed, UserRecords as _};
use crate::rates::{Limit, Limited};
use crate::routes::Routes;
use crate::secret::Secret;
use crate::testing::{ModelCodes, ModelPeople, PlainIdTokens, PlainPasswords, PlainSignatures, PlainTemplates};
use crate::throttle::Rule;
use crate::time::Timestamp;
use crate::user::{Device, KeptContact, NextStep, User, UserId, UserName};

const NUMBER: &str = "+8613912345678";

struct Porch {
    house: House,
    passwords: Arc<PlainPasswords>,
    people: ModelPeople,
    codes: CodePorts,
    let_in: LetIn,
}

/// Disables a user and enables it again in the moment in which a code is spent, as an operator may.
struct Interferes(ModelPeople, UserId);

impl Tally for Interferes {
    fn count(&self, event: Event) {
        if event == Event::CodeChecked(CodeOutcome::Right) {
            for enabled in [false, true] {
                block_on(self.0.set_user_enabled(self.1, enabled, entry())).unwrap();
            }
        }
    }
}

fn entry() -> AuditEntry {
    AuditEntry::new(Timestamp::from_milliseconds(0), "test", "user", "")
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
        Self::told(house, |_| Arc::new(NoTally))
    }

    fn told(house: House, tally: impl FnOnce(&ModelPeople) -> Arc<dyn Tally>) -> Self {
        let people = ModelPeople::with_apps([app("one"), app("two")]);
        let off = User { enabled: false, ..user(3, "off", Some("right")) };
        for user in [user(1, "ann", Some("right")), user(2, "without", None), off] {
            block_on(people.create_user(user, entry())).unwrap();
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
            tally: tally(&people),
        };
        let policy = SendPolicy {
            default: PurposePolicy::DEFAULT,
            purposes: std::collections::BTreeMap::new(),
            rates: CodeRates {
                wrong_per_contact: Some(Rule { burst: 7, interval: Duration::from_hours(1) }),
                ..CodeRates::default()
            },
            monitor: false,
            pumping: Enforcement::Enforce,
            countries: Vec::new(),
            blocked: Vec::new(),
            prices: Vec::new(),
            price: 0,
            verified_for: Duration::from_hours(1),
        };
        let ports = PeoplePorts {
            records: Arc::new(people.clone()),
            keys,
            passwords: Arc::<PlainPasswords>::clone(&passwords),
            id_tokens: Arc::new(PlainIdTokens),
            signatures: Arc::new(PlainSignatures),
        };
        let check_code = Arc::new(CheckCode::new(codes.clone(), Arc::new(policy)));
        let let_in = LetIn::new(house.ports.clone(), ports, check_code, house.policy, PeoplePolicy::DEFAULT);
        Self { house, passwords, people, codes, let_in }
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

    /// Has a code sent to [`NUMBER`], and reads it.
    fn sent(&self, purpose: &str) -> String {
        let (ports, number) = (&self.codes, Contact::parse(NUMBER).unwrap());
        let (now, digits) = (ports.clock.now(), Digits::draw(6, &*ports.entropy));
        let id = CodeId::draw(&*ports.entropy);
        let code = Code {
            id,
            binding: Binding {
                app: AppId::parse("one").unwrap(),
                purpose: CodePurpose::parse(purpose).unwrap(),
                contact: ports.keys.key(&number),
                resource: None,
            },
            consent: None,
            requester: None,
            channel: Channel::Sms,
            sealed_contact: vec![],
            hash: ports.directory.keyring().code_hash(id, &digits, now),
            sealed_digits: None,
            texts: vec![],
            tries: 0,
            created_at: now,
            expires_at: now.plus(Duration::from_mins(5)),
            ended: None,
        };
        let send = CodeSend {
            code,
            message: MessageId(ports.entropy.array()),
            lane: SenderName::parse("gateway").unwrap(),
            language: Language::English,
            resend: Resend::Replace,
            repeatable: None,
            charges: vec![],
            texts: vec![],
        };
        block_on(ports.records.accept_send(send, entry())).unwrap();
        digits.expose().to_owned()
    }

    fn typed<'a>(&self, app: &'a AppId, mobile: &'a Contact, purpose: &str, typed: &'a str) -> CodeTyped<'a> {
        CodeTyped {
            app,
            mobile,
            purpose: CodePurpose::parse(purpose).unwrap(),
            typed,
            client: self.house.client,
            device: Device::default(),
            by: Actor { name: "a door", detail: "" },
        }
    }

    /// Gives a user [`NUMBER`].
    fn give_number(&self, user: UserId) {
        let key = self.codes.keys.key(&Contact::parse(NUMBER).unwrap());
        block_on(self.people.bind_mobile(user, 0, KeptContact { key, sealed: vec![] }, entry())).unwrap();
    }

    fn user(&self, id: u8) -> User {
        let named = UserNamed::Id(UserId::from_bytes([id; 16]));
        block_on(self.people.user(AppId::parse("one").unwrap(), named)).unwrap()
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
    for limit in [Limit::PersonPasswordPerAddress, Limit::PersonPasswordPerName] {
        let mut house = House::new();
        let rule = Some(Rule { burst: 1, interval: Duration::from_mins(1) });
        match limit {
            Limit::PersonPasswordPerAddress => house.policy.rates.person_password_per_address = rule,
            _ => house.policy.rates.person_password_per_name = rule,
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
        let app = AppId::parse(app).unwrap();
        block_on(porch.let_in.by_both(token, step, porch.typed(&app, &number, "bind", "123456"))).err().unwrap()
    };
    let token = state_token.expose();
    assert_eq!(show("one", token, NextStep::Mobile), LetInError::Refused, "the code is looked at, and is none");
    assert_eq!(show("one", token, NextStep::Code), StateRefusal::Unknown.into());
    assert_eq!(show("two", token, NextStep::Mobile), StateRefusal::Unknown.into());
    assert_eq!(show("one", "forged", NextStep::Mobile), StateRefusal::Unknown.into());
    porch.house.clock.advance(STATE_LIFETIME);
    assert_eq!(show("one", token, NextStep::Mobile), StateRefusal::Ended.into());
}

/// As if an operator had done it while the code was compared: neither a number nor a session is had then.
#[test]
fn who_is_disabled_meanwhile_gets_nothing_for_a_right_code() {
    let ann = UserId::from_bytes([1; 16]);
    let interfering = || Porch::told(House::new(), |people| Arc::new(Interferes(people.clone(), ann)));
    let (one, number) = (AppId::parse("one").unwrap(), Contact::parse(NUMBER).unwrap());

    let porch = interfering();
    let Ok(Welcome::Next { state_token, .. }) = porch.named("one", "ann", "right") else { panic!("it is right") };
    let code = porch.sent("bind");
    let typed = porch.typed(&one, &number, "bind", &code);
    let bound = block_on(porch.let_in.by_both(state_token.expose(), NextStep::Mobile, typed));
    assert_eq!(bound.err(), Some(LetInError::Denied));
    assert_eq!(porch.user(1).mobile, None);

    let porch = interfering();
    porch.give_number(ann);
    let Ok(Welcome::Next { state_token, step }) = porch.named("one", "ann", "right") else { panic!("it is right") };
    assert_eq!(step, NextStep::Code);
    let code = porch.sent("mfa");
    let typed = porch.typed(&one, &number, "mfa", &code);
    let entered = block_on(porch.let_in.by_both(state_token.expose(), NextStep::Code, typed));
    assert_eq!(entered.err(), Some(LetInError::Denied));
}

#[test]
fn codes_are_limited_by_address_and_by_number_before_one_is_looked_for() {
    let rule = Some(Rule { burst: 2, interval: Duration::from_mins(1) });
    for limit in [Limit::PersonCodePerAddress, Limit::PersonCodePerNumber] {
        let mut house = House::new();
        match limit {
            Limit::PersonCodePerAddress => house.policy.rates.person_code_per_address = rule,
            _ => house.policy.rates.person_code_per_number = rule,
        }
        let porch = Porch::with(house);
        let (one, number) = (AppId::parse("one").unwrap(), Contact::parse(NUMBER).unwrap());
        let other = Contact::parse("+8613912345679").unwrap();
        let type_in = |mobile: &Contact, code: &str, client: &str| {
            let typed = CodeTyped { client: client.parse().unwrap(), ..porch.typed(&one, mobile, "login", code) };
            block_on(porch.let_in.by_code(typed, Newcomers::Register)).map(|_| ())
        };
        for _ in 0..2 {
            assert_eq!(type_in(&number, "000000", "192.0.2.1"), Err(LetInError::Refused), "there is no code yet");
        }
        let code = porch.sent("login");
        let limited = |refused| matches!(refused, Err(LetInError::Limited(limited)) if limited.limit == limit);
        assert!(limited(type_in(&number, &code, "192.0.2.1")), "{limit:?}");
        assert_eq!(limited(type_in(&other, &code, "192.0.2.1")), limit == Limit::PersonCodePerAddress);
        assert_eq!(limited(type_in(&number, "none", "192.0.2.2")), limit == Limit::PersonCodePerNumber);
        assert_eq!(type_in(&number, &code, "198.51.100.1"), Ok(()), "who is elsewhere is not locked out");
    }
}

#[test]
fn programs_and_people_use_up_nothing_of_each_others_and_wrong_passwords_lock_out_no_right_one() {
    let rule = Some(Rule { burst: 1, interval: Duration::from_mins(1) });
    let mut house = House::new();
    house.policy.rates.sign_in_per_address = rule;
    house.policy.rates.sign_in_per_user = rule;
    house.policy.rates.wrong_passwords = rule;
    house.policy.rates.person_wrong_passwords = rule;
    let porch = Porch::with(house);
    assert_eq!(porch.named("one", "ann", "wrong").err(), Some(LetInError::Refused));
    let told = porch.named("one", "ann", "wrong").err();
    let is_it = |limited: &Limited| limited.limit == Limit::PersonWrongPasswords;
    assert!(matches!(told, Some(LetInError::Limited(limited)) if is_it(&limited)), "{told:?}");
    assert!(porch.named("one", "ann", "right").is_ok());
}

#[test]
fn where_no_password_can_be_hashed_the_code_is_not_spent() {
    let porch = Porch::new();
    porch.give_number(UserId::from_bytes([1; 16]));
    let (one, number) = (AppId::parse("one").unwrap(), Contact::parse(NUMBER).unwrap());
    let code = porch.sent("reset");
    let reset = || {
        let typed = porch.typed(&one, &number, "reset", &code);
        block_on(porch.let_in.reset_password(typed, Secret::new("another".to_owned())))
    };
    porch.passwords.fill(true);
    assert_eq!(reset(), Err(LetInError::Busy(Busy)));
    porch.passwords.fill(false);
    assert_eq!(reset(), Ok(()));
    assert!(porch.named("one", "ann", "another").is_ok());
}

/// Who types in wrong codes for somebody else does not learn when that person waits for one.
#[test]
fn over_the_limit_of_wrong_codes_a_live_one_is_refused_as_one_that_is_none() {
    let porch = Porch::new();
    let (one, number) = (AppId::parse("one").unwrap(), Contact::parse(NUMBER).unwrap());
    let login = |code: &str| {
        let typed = porch.typed(&one, &number, "login", code);
        block_on(porch.let_in.by_code(typed, Newcomers::Register)).err()
    };
    for _ in 0..2 {
        let code = porch.sent("login");
        let wrong: String = code.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect();
        for _ in 0..5 {
            assert_eq!(login(&wrong), Some(LetInError::Refused));
        }
    }
    let code = porch.sent("login");
    assert_eq!(login(&code), Some(LetInError::Refused), "right, and after as many wrong ones as may be");
}
