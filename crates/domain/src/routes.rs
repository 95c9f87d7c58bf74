//! By which senders a message travels, in the operator's order.

use std::time::Duration;

use crate::contact::{Channel, Contact};
use crate::message::SenderName;

/// One sender, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub sender: SenderName,
    /// The channel that it serves.
    pub channel: Channel,
    /// The numbers that it serves, by how they begin: `+86`. Empty: all there are.
    pub prefixes: Vec<String>,
    /// How soon its gateway tells of a delivery; a message of which it has not told by then goes to the next sender. `None` where
    /// it does not tell, or nobody minds.
    pub report_within: Option<Duration>,
}

impl Route {
    fn serves(&self, contact: &Contact) -> bool {
        let begins = |prefix: &String| contact.normalised().starts_with(prefix.as_str());
        self.channel == contact.channel() && (self.prefixes.is_empty() || self.prefixes.iter().any(begins))
    }
}

/// All senders. A message begins with the first that serves its contact, and goes on to the next where that one fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// In the operator's order.
    pub fn new(routes: Vec<Route>) -> Self {
        Self(routes)
    }

    /// The senders that serve this contact.
    pub fn to<'a>(&'a self, contact: &'a Contact) -> impl Iterator<Item = &'a SenderName> {
        self.0.iter().filter(|route| route.serves(contact)).map(|route| &route.sender)
    }

    /// The sender that takes over after `from`, going round; never one of `refused`, and not `from` itself.
    pub fn after(&self, from: &SenderName, contact: &Contact, refused: &[SenderName]) -> Option<SenderName> {
        let open: Vec<_> = self.to(contact).filter(|sender| *sender == from || !refused.contains(sender)).collect();
        let at = open.iter().position(|sender| *sender == from);
        let next = at.map_or(0, |at| at + 1) % open.len().max(1);
        open.get(next).filter(|sender| **sender != from).map(|sender| (*sender).clone())
    }

    /// The senders whose silence counts, and how long they may be silent.
    pub fn silences(&self) -> std::collections::BTreeMap<SenderName, Duration> {
        self.0.iter().filter_map(|route| Some((route.sender.clone(), route.report_within?))).collect()
    }

    /// Every sender's name, once.
    pub fn senders(&self) -> std::collections::BTreeSet<SenderName> {
        self.0.iter().map(|route| route.sender.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SenderName {
        SenderName::parse(text).unwrap()
    }

    fn routes() -> Routes {
        let route = |sender, channel, prefixes: &[&str]| Route {
            sender: name(sender),
            channel,
            prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
            report_within: None,
        };
        Routes::new(vec![
            route("china", Channel::Sms, &["+86"]),
            route("mail", Channel::Email, &[]),
            route("world", Channel::Sms, &[]),
            route("spare", Channel::Sms, &[]),
        ])
    }

    #[test]
    fn a_number_goes_by_those_that_serve_it_in_order_and_round() {
        let routes = routes();
        let contact = Contact::parse("+8613912345678").unwrap();
        let to: Vec<_> = routes.to(&contact).map(SenderName::as_str).collect();
        assert_eq!(to, ["china", "world", "spare"]);
        let after = |from: &str, refused: &[&str]| {
            let refused: Vec<_> = refused.iter().map(|sender| name(sender)).collect();
            routes.after(&name(from), &contact, &refused).map(|sender| sender.to_string())
        };
        assert_eq!(after("china", &[]).as_deref(), Some("world"));
        assert_eq!(after("spare", &[]).as_deref(), Some("china"));
        assert_eq!(after("china", &["china", "world"]).as_deref(), Some("spare"));
        assert_eq!(after("spare", &["china", "world", "spare"]), None);
        assert_eq!(after("gone", &["china"]).as_deref(), Some("world"), "a sender that the operator took away");
    }

    #[test]
    fn nobody_takes_over_where_one_serves() {
        let contact = Contact::parse("ann@example.com").unwrap();
        assert_eq!(routes().after(&name("mail"), &contact, &[]), None);
        let elsewhere = Contact::parse("+12025550100").unwrap();
        assert_eq!(routes().to(&elsewhere).next(), Some(&name("world")));
        assert_eq!(Routes::default().to(&elsewhere).next(), None);
    }
}
