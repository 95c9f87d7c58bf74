//! The limits on how often a client and an app may call: their names, their rules, and the keys under which they are
//! counted.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::access_key::AccessKeyId;
use crate::address::Origin;
use crate::agent::AgentId;
use crate::app::AppId;
use crate::contact::ContactKey;
use crate::iam_user::IamUserId;
use crate::network::Network;
use crate::ports::MarkId;
use crate::throttle::{Rule, Throttled};

/// A limit, by what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Challenges that one address asks for.
    IssuePerAddress,
    /// Challenges that are asked for with one app's site key.
    IssuePerApp,
    /// Answers that one address gives.
    AnswerPerAddress,
    /// Answers to one app's challenges.
    AnswerPerApp,
    /// Wrong answers in a row from one address. Its wait grows, so no rate stands behind it: [`escalation`](crate::escalation).
    WrongAnswers,
    /// Tickets that one app shows.
    RedeemPerApp,
    /// Tickets that people show at one address, at doors that their own devices call.
    RedeemPerAddress,
    /// Attempts to join, from one address.
    EnrolPerAddress,
    /// Programs that one address downloads, for machines that want to join.
    DownloadPerAddress,
    /// Calls of one agent.
    CallsPerAgent,
    /// Calls that are signed with one access key, or carry one IAM user's token.
    CallsPerKey,
    /// Signatures that do not hold, by one access key's id at one address.
    WrongSignatures,
    /// Passwords of IAM users that one address shows.
    SignInPerAddress,
    /// Passwords that are shown for one IAM user's name from one network.
    SignInPerUser,
    /// Passwords that are wrong for one IAM user's name, from wherever.
    WrongPasswords,
    /// Passwords that people show at one address, at doors that let them in.
    PersonPasswordPerAddress,
    /// Passwords that are shown for the name of one app's user from one network.
    PersonPasswordPerName,
    /// Passwords that are wrong for the name of one app's user, from wherever.
    PersonWrongPasswords,
    /// Codes that people type in at one address, at doors that let them in.
    PersonCodePerAddress,
    /// Codes that are typed in for one number from one network, whether one was sent to it or not.
    PersonCodePerNumber,
    /// Calls at one address with what stands for a session, or for a password that was right.
    PersonSessionPerAddress,
}

impl Limit {
    /// Every limit, in the order of a call's way.
    pub const ALL: [Self; 21] = [
        Self::IssuePerAddress,
        Self::IssuePerApp,
        Self::AnswerPerAddress,
        Self::AnswerPerApp,
        Self::WrongAnswers,
        Self::RedeemPerApp,
        Self::RedeemPerAddress,
        Self::EnrolPerAddress,
        Self::DownloadPerAddress,
        Self::CallsPerAgent,
        Self::CallsPerKey,
        Self::WrongSignatures,
        Self::SignInPerAddress,
        Self::SignInPerUser,
        Self::WrongPasswords,
        Self::PersonPasswordPerAddress,
        Self::PersonPasswordPerName,
        Self::PersonWrongPasswords,
        Self::PersonCodePerAddress,
        Self::PersonCodePerNumber,
        Self::PersonSessionPerAddress,
    ];

    /// Its name in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IssuePerAddress => "challenges.issue.address",
            Self::IssuePerApp => "challenges.issue.app",
            Self::AnswerPerAddress => "challenges.answer.address",
            Self::AnswerPerApp => "challenges.answer.app",
            Self::WrongAnswers => "challenges.wrong_answers",
            Self::RedeemPerApp => "tickets.redeem.app",
            Self::RedeemPerAddress => "tickets.redeem.address",
            Self::EnrolPerAddress => "agents.enrol.address",
            Self::DownloadPerAddress => "agents.download.address",
            Self::CallsPerAgent => "agents.calls.agent",
            Self::CallsPerKey => "calls.key",
            Self::WrongSignatures => "calls.wrong_signatures",
            Self::SignInPerAddress => "sign_in.address",
            Self::SignInPerUser => "sign_in.user",
            Self::WrongPasswords => "sign_in.wrong_passwords",
            Self::PersonPasswordPerAddress => "people.password.address",
            Self::PersonPasswordPerName => "people.password.name",
            Self::PersonWrongPasswords => "people.wrong_passwords",
            Self::PersonCodePerAddress => "people.code.address",
            Self::PersonCodePerNumber => "people.code.number",
            Self::PersonSessionPerAddress => "people.session.address",
        }
    }

    /// What this limit is counted under for an address: the whole of an IPv4 address, the /64 of an IPv6 one.
    pub fn key_of_address(self, address: IpAddr) -> MarkId {
        self.key(Origin::of(address).bytes())
    }

    /// What this limit is counted under for an agent.
    pub fn key_of_agent(self, agent: AgentId) -> MarkId {
        self.key(&agent.bytes())
    }

    /// What this limit is counted under for an app.
    pub fn key_of_app(self, app: &AppId) -> MarkId {
        self.key(app.as_str().as_bytes())
    }

    /// What this limit is counted under for an access key.
    pub fn key_of_access_key(self, key: &AccessKeyId) -> MarkId {
        self.key(key.as_str().as_bytes())
    }

    /// What this limit is counted under for an access key at an address: who guesses elsewhere locks nobody out here.
    pub fn key_of_access_key_at(self, key: &AccessKeyId, address: IpAddr) -> MarkId {
        self.key(&[key.as_str().as_bytes(), b"\0", Origin::of(address).bytes()].concat())
    }

    /// What this limit is counted under for an IAM user.
    pub fn key_of_iam_user(self, user: IamUserId) -> MarkId {
        self.key(&user.bytes())
    }

    /// What this limit is counted under for the name of a user, whether there is one or not.
    pub fn key_of_user_name(self, domain: &str, name: &str) -> MarkId {
        self.key(&[domain.as_bytes(), b"\0", name.as_bytes()].concat())
    }

    /// What this limit is counted under for the name of a user in the network of an address: who guesses elsewhere locks nobody
    /// out here. A network and not an address, because whoever rents addresses gets many of one.
    pub fn key_of_user_name_near(self, domain: &str, name: &str, address: IpAddr) -> MarkId {
        let network = Network::around(address).to_string();
        self.key(&[network.as_bytes(), b"\0", domain.as_bytes(), b"\0", name.as_bytes()].concat())
    }

    /// What this limit is counted under for a contact of one app's people in the network of an address.
    pub fn key_of_contact_near(self, app: &AppId, contact: ContactKey, address: IpAddr) -> MarkId {
        let network = Network::around(address).to_string();
        self.key(&[network.as_bytes(), b"\0", app.as_str().as_bytes(), b"\0", &contact.0].concat())
    }

    /// A hash, so that every subject takes the same room, and half of SHA-256 of it, so that nobody finds two that meet.
    fn key(self, subject: &[u8]) -> MarkId {
        let mut hash = Sha256::new();
        hash.update(b"countersign limit\0");
        hash.update(self.name());
        hash.update(b"\0");
        hash.update(subject);
        let full: [u8; 32] = hash.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&full[..16]);
        key
    }

    /// What a throttle's decision means for the call.
    ///
    /// # Errors
    /// [`Limited`] if it has to wait.
    pub fn allows(self, decision: Throttled) -> Result<(), Limited> {
        match decision {
            Throttled::Go => Ok(()),
            Throttled::Wait(retry_after) => Err(Limited { limit: self, retry_after }),
        }
    }
}

/// A call that came too often. Nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the limit {}", limit.name())]
pub struct Limited {
    /// Which limit it is over.
    pub limit: Limit,
    /// After how long the same call could go on, if no other comes before it.
    pub retry_after: Duration,
}

/// The rule of each limit; without one, a limit is off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// For [`Limit::IssuePerAddress`].
    pub issue_per_address: Option<Rule>,
    /// For [`Limit::IssuePerApp`].
    pub issue_per_app: Option<Rule>,
    /// For [`Limit::AnswerPerAddress`].
    pub answer_per_address: Option<Rule>,
    /// For [`Limit::AnswerPerApp`].
    pub answer_per_app: Option<Rule>,
    /// For [`Limit::RedeemPerApp`].
    pub redeem_per_app: Option<Rule>,
    /// For [`Limit::RedeemPerAddress`].
    pub redeem_per_address: Option<Rule>,
    /// For [`Limit::EnrolPerAddress`].
    pub enrol_per_address: Option<Rule>,
    /// For [`Limit::DownloadPerAddress`].
    pub download_per_address: Option<Rule>,
    /// For [`Limit::CallsPerAgent`].
    pub calls_per_agent: Option<Rule>,
    /// For [`Limit::CallsPerKey`].
    pub calls_per_key: Option<Rule>,
    /// For [`Limit::WrongSignatures`].
    pub wrong_signatures: Option<Rule>,
    /// For [`Limit::SignInPerAddress`].
    pub sign_in_per_address: Option<Rule>,
    /// For [`Limit::SignInPerUser`].
    pub sign_in_per_user: Option<Rule>,
    /// For [`Limit::WrongPasswords`].
    pub wrong_passwords: Option<Rule>,
    /// For [`Limit::PersonPasswordPerAddress`].
    pub person_password_per_address: Option<Rule>,
    /// For [`Limit::PersonPasswordPerName`].
    pub person_password_per_name: Option<Rule>,
    /// For [`Limit::PersonWrongPasswords`].
    pub person_wrong_passwords: Option<Rule>,
    /// For [`Limit::PersonCodePerAddress`].
    pub person_code_per_address: Option<Rule>,
    /// For [`Limit::PersonCodePerNumber`].
    pub person_code_per_number: Option<Rule>,
    /// For [`Limit::PersonSessionPerAddress`].
    pub person_session_per_address: Option<Rule>,
}

impl Rates {
    /// The rule of `limit`, if it is on.
    pub fn rule(&self, limit: Limit) -> Option<Rule> {
        match limit {
            Limit::IssuePerAddress => self.issue_per_address,
            Limit::IssuePerApp => self.issue_per_app,
            Limit::AnswerPerAddress => self.answer_per_address,
            Limit::AnswerPerApp => self.answer_per_app,
            Limit::WrongAnswers => None,
            Limit::RedeemPerApp => self.redeem_per_app,
            Limit::RedeemPerAddress => self.redeem_per_address,
            Limit::EnrolPerAddress => self.enrol_per_address,
            Limit::DownloadPerAddress => self.download_per_address,
            Limit::CallsPerAgent => self.calls_per_agent,
            Limit::CallsPerKey => self.calls_per_key,
            Limit::WrongSignatures => self.wrong_signatures,
            Limit::SignInPerAddress => self.sign_in_per_address,
            Limit::SignInPerUser => self.sign_in_per_user,
            Limit::WrongPasswords => self.wrong_passwords,
            Limit::PersonPasswordPerAddress => self.person_password_per_address,
            Limit::PersonPasswordPerName => self.person_password_per_name,
            Limit::PersonWrongPasswords => self.person_wrong_passwords,
            Limit::PersonCodePerAddress => self.person_code_per_address,
            Limit::PersonCodePerNumber => self.person_code_per_number,
            Limit::PersonSessionPerAddress => self.person_session_per_address,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn limits_and_subjects_have_keys_of_their_own() {
        let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"];
        let apps = ["one", "two"].map(|app| AppId::parse(app).unwrap());
        let keys: HashSet<_> = Limit::ALL
            .into_iter()
            .flat_map(|limit| {
                let of_addresses = addresses.map(|address| limit.key_of_address(address.parse().unwrap()));
                let of_apps = [limit.key_of_app(&apps[0]), limit.key_of_app(&apps[1])];
                of_addresses.into_iter().chain(of_apps)
            })
            .collect();
        assert_eq!(keys.len(), Limit::ALL.len() * 6);
    }

    #[test]
    fn names_tell_limits_apart() {
        let names: HashSet<_> = Limit::ALL.map(Limit::name).into();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
