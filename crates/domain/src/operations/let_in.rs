use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::app::AppId;
use crate::audit::AuditEntry;
use crate::code::CodePurpose;
use crate::contact::Contact;
use crate::operations::{
    Actor, CheckCode, CheckCodeError, CodeVerdict, PeoplePolicy, PeoplePorts, Policy, Ports, Refused,
};
use crate::ports::{Busy, IdTokenFailure, RecordsError, Spent, UserNamed};
use crate::rates::{Limit, Limited};
use crate::sealing::{NotOurs, Purpose};
use crate::secret::Secret;
use crate::user::{
    Device, KeptContact, NextStep, Proof, Session, SessionId, SessionToken, StateRecord, User, UserId, UserName,
};
use crate::verified_contact::Customer;

/// From a right password to what is left to do. As long as a code may hold: it is sent and typed in within that.
pub const STATE_LIFETIME: Duration = Duration::from_mins(10);

/// Lets users in: by a code, by a password, or by both.
///
/// Whoever asks about somebody else learns nothing: a code that is wrong and one of nobody's are refused alike, before the user is
/// looked for; and of a password that is wrong and a user that is none it is the same answer after the same work.
pub struct LetIn {
    ports: Ports,
    people: PeoplePorts,
    check_code: Arc<CheckCode>,
    limits: Policy,
    policy: PeoplePolicy,
}

/// Somebody who types in the code that was sent to a mobile number.
pub struct CodeTyped<'a> {
    /// The app that asks.
    pub app: &'a AppId,
    /// The number.
    pub mobile: &'a Contact,
    /// What the code is for.
    pub purpose: CodePurpose,
    /// What was typed in.
    pub typed: &'a str,
    /// Where the call comes from.
    pub client: IpAddr,
    /// On which device.
    pub device: Device,
    /// Who asks.
    pub by: Actor<'a>,
}

/// Whom somebody says to be.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    /// The user with this name.
    Name(&'a UserName),
    /// The user with this number or address.
    Contact(&'a Contact),
    /// Nobody: this text can name none. It is refused after the same work.
    Nobody(&'a str),
}

/// Somebody who types in a password.
pub struct PasswordTyped<'a> {
    /// The app that asks.
    pub app: &'a AppId,
    /// Whose it is said to be.
    pub who: Who<'a>,
    /// The password.
    pub password: Secret<String>,
    /// Where the call comes from.
    pub client: IpAddr,
    /// On which device.
    pub device: Device,
    /// Who asks.
    pub by: Actor<'a>,
}

/// What becomes of a number that no user has, once a code has shown whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newcomers {
    /// It becomes a user's.
    Register,
    /// As the operator decided for signing in.
    AsDecided,
}

/// A user that was let in.
pub struct Entered {
    /// Who.
    pub user: UserId,
    /// The session's id.
    pub session: SessionId,
    /// What stands for the session.
    pub token: Secret<String>,
    /// What the app's server checks by itself.
    pub id_token: Secret<String>,
    /// How long the session holds.
    pub lifetime: Duration,
}

/// What became of a right password.
pub enum Welcome {
    /// It is enough.
    Entered(Entered),
    /// Something is left to do.
    Next {
        /// What.
        step: NextStep,
        /// Stands for the password until then: `[A-Za-z0-9_-]`.
        state_token: Secret<String>,
    },
}

/// Why a state token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateRefusal {
    /// It was never issued to this app for this step, or was changed on the way.
    #[error("not a state token of ours")]
    Unknown,
    /// Its time is over, it has opened its session, or what it stands for counts no more.
    #[error("the state token has expired")]
    Ended,
}

/// Why nobody was let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetInError {
    /// The code or the password is wrong, or there is no such user. Which of them nobody is told.
    #[error("nobody is let in by this")]
    Refused,
    /// What was typed in can be no code. It cost no try.
    #[error("this can be no code")]
    NotACode,
    /// The proof is right, and the user is disabled, or the number is not theirs to have.
    #[error("this user is not let in")]
    Denied,
    /// The state token does not count. No code was compared.
    #[error(transparent)]
    State(#[from] StateRefusal),
    /// Too many have tried. The password or the code was not looked at, or the password was wrong and one more than may be.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Try again in a moment. No code was looked at, but for one whose new password could not be hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The records are at fault. If that was behind the code, it is spent, and another has to be sent.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The key of id tokens is at fault.
    #[error(transparent)]
    IdToken(#[from] IdTokenFailure),
    /// Sealing is at fault.
    #[error(transparent)]
    Seal(#[from] NotOurs),
}

impl From<Refused> for LetInError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Limited(limited) => Self::Limited(limited),
            Refused::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl From<CheckCodeError> for LetInError {
    fn from(error: CheckCodeError) -> Self {
        match error {
            CheckCodeError::NotACode => Self::NotACode,
            // Only a live code is refused for that: to say so would tell that somebody waits for one.
            CheckCodeError::Limited(_) => Self::Refused,
            CheckCodeError::Records(error) => Self::Records(error),
        }
    }
}

impl LetIn {
    /// The operation over these ports.
    pub fn new(
        ports: Ports,
        people: PeoplePorts,
        check_code: Arc<CheckCode>,
        limits: Policy,
        policy: PeoplePolicy,
    ) -> Self {
        Self { ports, people, check_code, limits, policy }
    }

    /// Lets in whoever reads what is sent to a user's number. The code is spent first and for good: one that was lost between
    /// here and the session is sent again.
    ///
    /// # Errors
    /// [`LetInError`].
    pub async fn by_code(&self, typed: CodeTyped<'_>, newcomers: Newcomers) -> Result<Entered, LetInError> {
        self.spend(&typed).await?;
        let user = if newcomers == Newcomers::Register || self.policy.register_at_login {
            self.known_or_new(&typed).await?
        } else {
            self.known(typed.app, UserNamed::Contact(self.people.keys.key(typed.mobile))).await?
        };
        self.enter(&user, Proof::Code, typed.device, typed.by).await
    }

    /// Lets in whoever knows a user's password, or says what is left to do.
    ///
    /// # Errors
    /// [`LetInError`].
    pub async fn by_password(&self, typed: PasswordTyped<'_>) -> Result<Welcome, LetInError> {
        let (ports, rates) = (&self.ports, &self.limits.rates);
        let PasswordTyped { app, who, password, client, device, by } = typed;
        let limit = Limit::PersonPasswordPerAddress;
        ports.admit(rates, limit, limit.key_of_address(client)).await?;
        let (typed_name, named) = match who {
            Who::Name(name) => (name.as_str(), Some(UserNamed::Name(name.clone()))),
            Who::Contact(contact) => (contact.normalised(), Some(UserNamed::Contact(self.people.keys.key(contact)))),
            Who::Nobody(text) => (text, None),
        };
        // By what was typed, whether there is such a user or not.
        let limit = Limit::PersonPasswordPerName;
        ports.admit(rates, limit, limit.key_of_user_name_near(app.as_str(), typed_name, client)).await?;
        let user = match named {
            Some(named) => match self.people.records.user(app.clone(), named).await {
                Err(RecordsError::Missing) => None,
                found => Some(found?),
            },
            None => None,
        };
        let hash = user.as_ref().and_then(|user| user.password.as_ref());
        let holds = self.people.passwords.verify(password, hash).await?;
        let Some(user) = user.filter(|user| holds && user.enabled) else {
            // As of IAM users: what is right is never refused for what was wrong.
            let limit = Limit::PersonWrongPasswords;
            ports.admit(rates, limit, limit.key_of_user_name(app.as_str(), typed_name)).await?;
            return Err(LetInError::Refused);
        };
        if !self.policy.second_factor {
            return Ok(Welcome::Entered(self.enter(&user, Proof::Password, device, by).await?));
        }
        let step = if user.mobile.is_some() { NextStep::Code } else { NextStep::Mobile };
        if step == NextStep::Mobile && !self.policy.bind_at_login {
            return Err(LetInError::Denied);
        }
        let state_token = self.state_token(&user, step)?;
        Ok(Welcome::Next { step, state_token })
    }

    /// Lets in whoever has shown a password and now types in a code: that of the user's own number, or the one that shows which
    /// number is to be theirs.
    ///
    /// # Errors
    /// [`LetInError`]. [`LetInError::Refused`] has cost a try; two calls at once with one state may cost the second its code.
    pub async fn by_both(
        &self,
        state_token: &str,
        step: NextStep,
        typed: CodeTyped<'_>,
    ) -> Result<Entered, LetInError> {
        let (state, user) = self.behind(typed.app, state_token, step).await?;
        let key = self.people.keys.key(typed.mobile);
        match step {
            NextStep::Code if user.mobile.as_ref().is_some_and(|mobile| mobile.key == key) => {
                self.spend(&typed).await?;
            }
            NextStep::Code => return Err(LetInError::Denied),
            NextStep::Mobile if !self.policy.bind_at_login => return Err(LetInError::Denied),
            NextStep::Mobile => {
                self.spend(&typed).await?;
                let audit = self.audit(typed.by, "user.mobile_bound", &user.id.to_string());
                let mobile = self.kept(typed.mobile)?;
                match self.people.records.bind_mobile(user.id, user.generation, mobile, audit).await {
                    // Somebody's already; or the user was disabled, or has another password, since the state token was opened.
                    Err(RecordsError::Exists | RecordsError::Changed) => return Err(LetInError::Denied),
                    bound => bound?,
                }
            }
        }
        // Of two who use one state at once with a code each, one is let in.
        let until = state.expires_at.plus(self.limits.lifetimes.clock_skew);
        match self.ports.marks.spend(state.id, self.ports.entropy.array(), until).await.map_err(|_| Busy)? {
            Spent::First => self.enter(&user, Proof::PasswordAndCode, typed.device, typed.by).await,
            Spent::Again { .. } | Spent::Taken => Err(StateRefusal::Ended.into()),
        }
    }

    /// The number to which the code goes that is left to be typed in.
    ///
    /// # Errors
    /// [`LetInError::State`], [`LetInError::Limited`], or the records'.
    pub async fn mobile_behind(&self, app: &AppId, state_token: &str, client: IpAddr) -> Result<Contact, LetInError> {
        let limit = Limit::PersonSessionPerAddress;
        self.ports.admit(&self.limits.rates, limit, limit.key_of_address(client)).await?;
        let (_, user) = self.behind(app, state_token, NextStep::Code).await?;
        let mobile = user.mobile.ok_or(StateRefusal::Ended)?;
        Ok(self.people.keys.open_contact(mobile.key, &mobile.sealed)?)
    }

    /// Gives the user with this number another password, and ends its sessions.
    ///
    /// # Errors
    /// [`LetInError`]. That there is no such user, or that it is disabled, is [`LetInError::Refused`]. Where too many wait to have
    /// a password hashed, no code is spent.
    pub async fn reset_password(&self, typed: CodeTyped<'_>, password: Secret<String>) -> Result<(), LetInError> {
        // Before the code is spent: anybody can fill the queue.
        let place = self.people.passwords.reserve()?;
        self.spend(&typed).await?;
        let named = UserNamed::Contact(self.people.keys.key(typed.mobile));
        let user = self.known(typed.app, named).await?;
        if !user.enabled {
            return Err(LetInError::Refused);
        }
        let hash = place.hash(password).await?;
        let audit = self.audit(typed.by, "user.password_set", &user.id.to_string());
        match self.people.records.set_user_password(user.id, user.generation, hash, audit).await {
            // Disabled since it was looked at.
            Err(RecordsError::Changed) => Err(LetInError::Refused),
            set => Ok(set?),
        }
    }

    /// Spends the code that was sent to this number for this purpose. The limits come first, those of the client's own address and
    /// network, and count whether there is a code or not: without them anybody could wear out a code before it is sent, and look
    /// for one as often as the records can.
    async fn spend(&self, typed: &CodeTyped<'_>) -> Result<(), LetInError> {
        let (ports, rates) = (&self.ports, &self.limits.rates);
        let limit = Limit::PersonCodePerAddress;
        ports.admit(rates, limit, limit.key_of_address(typed.client)).await?;
        let limit = Limit::PersonCodePerNumber;
        let number = self.people.keys.key(typed.mobile);
        ports.admit(rates, limit, limit.key_of_contact_near(typed.app, number, typed.client)).await?;
        let named = self.check_code.newest(typed.app, typed.purpose.clone(), typed.mobile, None);
        match self.check_code.run(named, typed.typed, Some(Customer::default()), typed.by).await? {
            CodeVerdict::Right { .. } => Ok(()),
            CodeVerdict::Wrong(_) | CodeVerdict::Dead(_) | CodeVerdict::Unknown => Err(LetInError::Refused),
        }
    }

    async fn known(&self, app: &AppId, named: UserNamed) -> Result<User, LetInError> {
        match self.people.records.user(app.clone(), named).await {
            Err(RecordsError::Missing) => Err(LetInError::Refused),
            found => Ok(found?),
        }
    }

    async fn known_or_new(&self, typed: &CodeTyped<'_>) -> Result<User, LetInError> {
        let candidate = User {
            id: UserId::draw(&*self.ports.entropy),
            app: typed.app.clone(),
            mobile: Some(self.kept(typed.mobile)?),
            email: None,
            name: None,
            password: None,
            enabled: true,
            generation: 0,
            created_at: self.ports.clock.now(),
        };
        let audit = self.audit(typed.by, "user.registered", &candidate.id.to_string());
        Ok(self.people.records.register_user(candidate, audit).await?)
    }

    async fn enter(&self, user: &User, proof: Proof, device: Device, by: Actor<'_>) -> Result<Entered, LetInError> {
        if !user.enabled {
            return Err(LetInError::Denied);
        }
        let (now, entropy) = (self.ports.clock.now(), &*self.ports.entropy);
        let token = SessionToken::draw(entropy);
        let session = Session {
            id: SessionId::draw(entropy),
            key: token.key(),
            user: user.id,
            generation: user.generation,
            device,
            proof,
            created_at: now,
            expires_at: now.plus(self.policy.session),
            ended_at: None,
        };
        // Before the session is kept: none is left behind that nobody has heard of.
        let id_token = self.people.id_tokens.sign(&self.policy.claims(&user.app, &session, now))?;
        let id = session.id;
        let audit = self.audit(by, "session.opened", &id.to_string());
        let audit = audit.with_detail(format!("user {} by {}", user.id, proof.word()));
        match self.people.records.open_session(session, audit).await {
            // Disabled, or with another password, since it was looked at.
            Err(RecordsError::Changed | RecordsError::Missing) => return Err(LetInError::Denied),
            opened => opened?,
        }
        Ok(Entered { user: user.id, session: id, token: token.text(), id_token, lifetime: self.policy.session })
    }

    fn state_token(&self, user: &User, next: NextStep) -> Result<Secret<String>, LetInError> {
        let now = self.ports.clock.now();
        let (app, generation, expires_at) = (user.app.clone(), user.generation, now.plus(STATE_LIFETIME));
        let record = StateRecord { id: self.ports.entropy.array(), user: user.id, app, generation, next, expires_at };
        let keyring = self.ports.directory.keyring();
        Ok(Secret::new(keyring.seal(Purpose::UserState, &record.encode(), now, &*self.ports.entropy)?))
    }

    /// The user that has shown a password for this state token.
    async fn behind(&self, app: &AppId, state_token: &str, step: NextStep) -> Result<(StateRecord, User), LetInError> {
        let bytes = self.ports.directory.keyring().open(Purpose::UserState, state_token);
        let record = bytes.ok().and_then(|bytes| StateRecord::decode(&bytes).ok()).ok_or(StateRefusal::Unknown)?;
        if record.app != *app || record.next != step {
            return Err(StateRefusal::Unknown.into());
        }
        let is_spent = self.ports.marks.is_spent(record.id).await.map_err(|_| Busy)?;
        if self.ports.clock.now() >= record.expires_at || is_spent {
            return Err(StateRefusal::Ended.into());
        }
        match self.people.records.user(app.clone(), UserNamed::Id(record.user)).await {
            Ok(user) if user.enabled && user.generation == record.generation => Ok((record, user)),
            Ok(_) | Err(RecordsError::Missing) => Err(StateRefusal::Ended.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn kept(&self, contact: &Contact) -> Result<KeptContact, NotOurs> {
        let keys = &self.people.keys;
        Ok(KeptContact { key: keys.key(contact), sealed: keys.seal_contact(contact, &*self.ports.entropy)? })
    }

    fn audit(&self, by: Actor<'_>, event: &str, subject: &str) -> AuditEntry {
        AuditEntry::new(self.ports.clock.now(), by.name, event, subject).with_detail(by.detail)
    }
}
