//! The gate before a send, and the budgets for guesses: what is counted, for whom, and what unlocks it.
//!
//! A send costs money and reaches a person who may not have asked for it. Each limit is an account that the records keep and
//! charge in the same transaction as the send, so that no node and no restart lets one more through.

use std::time::Duration;

use crate::account::AccountId;
use crate::app::AppId;
use crate::code::Binding;
use crate::contact::ContactKey;
use crate::pumping::TextAccount;
use crate::throttle::Rule;

/// A limit of codes, by what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeLimit {
    /// How soon a code may be sent again to the same contact for the same purpose.
    Resend,
    /// Codes to one contact a day, from all apps; but those that [ask for consent](Self::Account) are counted there instead, or
    /// whoever asks an owner would use up what others may send to the same mailbox.
    Contact,
    /// Codes a day that ask one account of an app's directory for its consent.
    Account,
    /// Codes a day that people on one network asked for: a /24 of IPv4, a /64 of IPv6.
    Network,
    /// Codes of one app a day.
    App,
    /// Texts of one app to one country a day.
    Country,
    /// What one app's texts cost a day.
    Spend,
    /// Texts to numbers that differ in their last four digits only, whose codes nobody typed in: [`pumping`](crate::pumping).
    UnverifiedPrefix,
    /// The same for one country.
    UnverifiedCountry,
    /// The same for people on one network.
    UnverifiedNetwork,
    /// Wrong tries at one contact's codes a day.
    WrongPerContact,
    /// Wrong tries at one app's codes a day.
    WrongPerApp,
}

impl CodeLimit {
    /// Every limit.
    pub const ALL: [Self; 12] = [
        Self::Resend,
        Self::Contact,
        Self::Account,
        Self::Network,
        Self::App,
        Self::Country,
        Self::Spend,
        Self::UnverifiedPrefix,
        Self::UnverifiedCountry,
        Self::UnverifiedNetwork,
        Self::WrongPerContact,
        Self::WrongPerApp,
    ];

    /// Its name in answers, metrics and the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resend => "codes.resend",
            Self::Contact => "codes.contact.day",
            Self::Account => "codes.account.day",
            Self::Network => "codes.network.day",
            Self::App => "codes.app.day",
            Self::Country => "codes.country.day",
            Self::Spend => "codes.spend.day",
            Self::UnverifiedPrefix => "codes.unverified.prefix",
            Self::UnverifiedCountry => "codes.unverified.country",
            Self::UnverifiedNetwork => "codes.unverified.network",
            Self::WrongPerContact => "codes.wrong.contact.day",
            Self::WrongPerApp => "codes.wrong.app.day",
        }
    }

    /// Whether a ticket lifts it, where the policy takes tickets for that: those that stand for "this may be a machine".
    pub fn is_lifted_by_a_ticket(self) -> bool {
        matches!(self, Self::Network | Self::Country) || self.is_about_pumping()
    }

    /// Whether it counts codes that nobody typed in.
    pub fn is_about_pumping(self) -> bool {
        matches!(self, Self::UnverifiedPrefix | Self::UnverifiedCountry | Self::UnverifiedNetwork)
    }
}

/// What a send or a try costs one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Which limit it is.
    pub limit: CodeLimit,
    /// Whose account: unique among all limits and subjects.
    pub account: String,
    /// What the account takes.
    pub rule: Rule,
    /// How much of it this is.
    pub cost: u32,
    /// Whether a full account refuses; otherwise the caller is only told. A charge that is not enforced leaves a full account as
    /// it is.
    pub enforced: bool,
}

impl Charge {
    fn new(limit: CodeLimit, subject: &str, rule: Rule) -> Self {
        Self { limit, account: format!("{}/{subject}", limit.name()), rule, cost: 1, enforced: true }
    }
}

/// A charge that found its account full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Which limit.
    pub limit: CodeLimit,
    /// After how long the same call could go on, if no other comes before it.
    pub retry_after: Duration,
}

/// The rules of the limits; without one, a limit is off.
#[derive(Clone, Debug, Default)]
pub struct CodeRates {
    /// For [`CodeLimit::Contact`].
    pub per_contact: Option<Rule>,
    /// For [`CodeLimit::Account`].
    pub per_account: Option<Rule>,
    /// For [`CodeLimit::Network`].
    pub per_network: Option<Rule>,
    /// For [`CodeLimit::App`].
    pub per_app: Option<Rule>,
    /// For [`CodeLimit::Country`].
    pub per_country: Option<Rule>,
    /// For [`CodeLimit::Spend`]; its costs are in the operator's unit of money.
    pub spend_per_app: Option<Rule>,
    /// For [`CodeLimit::UnverifiedPrefix`]: how many texts may be unread in a day, beside one for each four that are read.
    pub unverified_per_prefix: Option<u32>,
    /// For [`CodeLimit::UnverifiedCountry`]; the same.
    pub unverified_per_country: Option<u32>,
    /// For [`CodeLimit::UnverifiedNetwork`]; the same.
    pub unverified_per_network: Option<u32>,
    /// For [`CodeLimit::WrongPerContact`].
    pub wrong_per_contact: Option<Rule>,
    /// For [`CodeLimit::WrongPerApp`].
    pub wrong_per_app: Option<Rule>,
}

/// What a send is counted under.
pub(crate) struct Sending<'a> {
    pub(crate) binding: &'a Binding,
    pub(crate) interval: Option<Duration>,
    pub(crate) account: Option<AccountId>,
    pub(crate) network: Option<String>,
    pub(crate) country: Option<u16>,
    /// A keyed hash of a number without its last four digits.
    pub(crate) prefix: Option<String>,
    pub(crate) price: u32,
}

impl CodeRates {
    /// What a send costs, the narrowest limit first.
    pub(crate) fn of_send(&self, sending: &Sending<'_>) -> Vec<Charge> {
        let Sending { binding, interval, account, network, country, price, .. } = sending;
        let app = binding.app.as_str();
        let resend =
            interval.map(|interval| Charge::new(CodeLimit::Resend, &subject_of(binding), Rule { burst: 1, interval }));
        let of = |limit, rule: Option<Rule>, subject: Option<String>| Some(Charge::new(limit, &subject?, rule?));
        let spend = of(CodeLimit::Spend, self.spend_per_app, Some(app.to_owned()))
            .filter(|_| *price > 0)
            .map(|charge| Charge { cost: *price, ..charge });
        let account = account.filter(|_| self.per_account.is_some()).map(|account| format!("{app}/{account}"));
        let contact = account.is_none().then(|| binding.contact.to_string());
        let country = country.map(|country| format!("{app}/{country}"));
        [
            resend,
            of(CodeLimit::Contact, self.per_contact, contact),
            of(CodeLimit::Account, self.per_account, account),
            of(CodeLimit::Network, self.per_network, network.clone()),
            of(CodeLimit::Country, self.per_country, country),
            of(CodeLimit::App, self.per_app, Some(app.to_owned())),
            spend,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The accounts that a text is counted under, the narrowest first; an e-mail is under none.
    pub(crate) fn of_text(&self, sending: &Sending<'_>) -> Vec<TextAccount> {
        let Sending { binding, network, country, prefix, .. } = sending;
        let Some(prefix) = prefix else { return Vec::new() };
        let app = binding.app.as_str();
        // Of one app: what is pumped through one must not refuse another's people on a carrier's network.
        let account = |limit: CodeLimit, unread: Option<u32>, subject: Option<String>| {
            let name = format!("{}/{app}/{}", limit.name(), subject?);
            Some(TextAccount { limit, name, unread: unread?, enforced: true })
        };
        let country = country.map(|country| country.to_string());
        [
            account(CodeLimit::UnverifiedPrefix, self.unverified_per_prefix, Some(prefix.clone())),
            account(CodeLimit::UnverifiedNetwork, self.unverified_per_network, network.clone()),
            account(CodeLimit::UnverifiedCountry, self.unverified_per_country, country),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What a wrong try at a code costs. It is charged before the digits are compared, and given back where they are right.
    pub fn of_try(&self, app: &AppId, contact: ContactKey) -> Vec<Charge> {
        let contact = (CodeLimit::WrongPerContact, self.wrong_per_contact, format!("{}/{contact}", app.as_str()));
        let app = (CodeLimit::WrongPerApp, self.wrong_per_app, app.as_str().to_owned());
        let charge = |(limit, rule, subject): (_, Option<Rule>, String)| Some(Charge::new(limit, &subject, rule?));
        [contact, app].into_iter().filter_map(charge).collect()
    }
}

/// One text for a binding. Its parts cannot run into each other: none of them but the last holds a slash.
fn subject_of(binding: &Binding) -> String {
    let resource = binding.resource.as_ref().map_or("", |resource| resource.as_str());
    format!("{}/{}/{}/{resource}", binding.app.as_str(), binding.purpose.as_str(), binding.contact)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::code::{CodePurpose, Resource};
    use crate::contact::ContactKey;
    use crate::network::Network;

    const RULE: Rule = Rule { burst: 1, interval: Duration::from_secs(1) };

    fn rates() -> CodeRates {
        let rule = Some(RULE);
        CodeRates {
            per_contact: rule,
            per_account: rule,
            per_network: rule,
            per_app: rule,
            per_country: rule,
            spend_per_app: rule,
            unverified_per_prefix: Some(1),
            unverified_per_country: Some(1),
            unverified_per_network: Some(1),
            wrong_per_contact: rule,
            wrong_per_app: rule,
        }
    }

    fn accounts(app: &str, contact: u8, network: &str, country: u16) -> Vec<String> {
        let app = AppId::parse(app).unwrap();
        let contact = ContactKey([contact; 32]);
        let resource = Resource::parse("cen-1");
        let binding = Binding { app: app.clone(), purpose: CodePurpose::parse("signup").unwrap(), contact, resource };
        let sending = |account| Sending {
            binding: &binding,
            interval: Some(Duration::from_mins(1)),
            account,
            network: Some(Network::around(network.parse().unwrap()).to_string()),
            country: Some(country),
            prefix: Some("a hash".to_owned()),
            price: 2,
        };
        let consent = rates().of_send(&sending(AccountId::from_number(contact.0[0].into())));
        assert!(consent.iter().all(|charge| charge.limit != CodeLimit::Contact), "its account takes its place");
        let consent = consent.into_iter().filter(|charge| charge.limit == CodeLimit::Account);
        let charges = rates().of_send(&sending(None)).into_iter().chain(consent).chain(rates().of_try(&app, contact));
        let texts = rates().of_text(&sending(None)).into_iter().map(|account| account.name);
        charges.map(|charge| charge.account).chain(texts).collect()
    }

    #[test]
    fn every_limit_and_subject_has_an_account_of_its_own() {
        let one = accounts("one", 1, "192.0.2.1", 86);
        assert_eq!(one.iter().collect::<HashSet<_>>().len(), CodeLimit::ALL.len());
        let other = accounts("two", 2, "2001:db8::1", 1);
        assert!(one.iter().all(|account| !other.contains(account)));
    }

    #[test]
    fn what_is_pumped_through_one_app_is_no_matter_of_anothers() {
        let unverified = |app| {
            let accounts = accounts(app, 1, "192.0.2.1", 86).into_iter();
            accounts.filter(|account| account.starts_with("codes.unverified")).collect::<Vec<_>>()
        };
        let (one, other) = (unverified("one"), unverified("two"));
        assert_eq!(one.len(), 3);
        assert!(one.iter().all(|account| !other.contains(account)));
    }

    #[test]
    fn a_network_is_a_24_or_a_64() {
        let network = |address| accounts("one", 1, address, 86)[2].clone();
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.7"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }
}
