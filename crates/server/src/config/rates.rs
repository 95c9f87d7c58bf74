use std::time::Duration;

use countersign_domain::rates;
use countersign_domain::throttle::Rule;
use serde::Deserialize;

/// Section `rates`: how often clients and apps may call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Challenges asked for, per address.
    pub issue_per_address: Rate,
    /// Challenges asked for, per app.
    pub issue_per_app: Rate,
    /// Answers given, per address.
    pub answer_per_address: Rate,
    /// Answers given, per app.
    pub answer_per_app: Rate,
    /// Tickets shown, per app.
    pub redeem_per_app: Rate,
    /// Tickets that people show themselves, per address.
    pub redeem_per_address: Rate,
    /// Attempts of machines to join, per address.
    pub enrol_per_address: Rate,
    /// Programs that machines download, per address.
    pub download_per_address: Rate,
    /// Calls of machines that joined, per machine.
    pub calls_per_agent: Rate,
    /// Signed calls, per access key, and calls with a token, per IAM user.
    pub calls_per_key: Rate,
    /// Signatures that do not hold, per access key and address.
    pub wrong_signatures: Rate,
    /// Passwords shown, per address.
    pub sign_in_per_address: Rate,
    /// Passwords shown, per user name and network.
    pub sign_in_per_user: Rate,
    /// Wrong passwords, per user name.
    pub wrong_passwords: Rate,
    /// Passwords of people, per address.
    pub person_password_per_address: Rate,
    /// Passwords of people, per name and network.
    pub person_password_per_name: Rate,
    /// Wrong passwords of people, per name.
    pub person_wrong_passwords: Rate,
    /// Codes that people type in, per address.
    pub person_code_per_address: Rate,
    /// Codes that people type in, per number and network.
    pub person_code_per_number: Rate,
    /// Calls with what stands for a session, per address.
    pub person_session_per_address: Rate,
}

/// One limit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls that may come at once; 0 switches the limit off.
    pub burst: u32,
    /// Calls that come back in a minute.
    pub per_minute: u32,
}

/// Most calls a minute that a limit can tell apart: one a millisecond, which is how fine time is.
const FINEST: u32 = 60_000;

impl Rates {
    /// As the domain takes them.
    pub fn rates(&self) -> rates::Rates {
        rates::Rates {
            issue_per_address: self.issue_per_address.rule(),
            issue_per_app: self.issue_per_app.rule(),
            answer_per_address: self.answer_per_address.rule(),
            answer_per_app: self.answer_per_app.rule(),
            redeem_per_app: self.redeem_per_app.rule(),
            redeem_per_address: self.redeem_per_address.rule(),
            enrol_per_address: self.enrol_per_address.rule(),
            download_per_address: self.download_per_address.rule(),
            calls_per_agent: self.calls_per_agent.rule(),
            calls_per_key: self.calls_per_key.rule(),
            wrong_signatures: self.wrong_signatures.rule(),
            sign_in_per_address: self.sign_in_per_address.rule(),
            sign_in_per_user: self.sign_in_per_user.rule(),
            wrong_passwords: self.wrong_passwords.rule(),
            person_password_per_address: self.person_password_per_address.rule(),
            person_password_per_name: self.person_password_per_name.rule(),
            person_wrong_passwords: self.person_wrong_passwords.rule(),
            person_code_per_address: self.person_code_per_address.rule(),
            person_code_per_number: self.person_code_per_number.rule(),
            person_session_per_address: self.person_session_per_address.rule(),
        }
    }

    /// Each value: its key, whether it is in its range, and what is wrong if it is not.
    pub(super) fn checks(&self) -> [(&'static str, bool, &'static str); 40] {
        const BURST: &str = "must be at most 1000000; 0 switches the limit off";
        const PER_MINUTE: &str = "must be 1 to 60000";
        let burst = |rate: Rate| rate.burst <= 1_000_000;
        let per_minute = |rate: Rate| (1..=FINEST).contains(&rate.per_minute);
        [
            ("rates.issue_per_address.burst", burst(self.issue_per_address), BURST),
            ("rates.issue_per_address.per_minute", per_minute(self.issue_per_address), PER_MINUTE),
            ("rates.issue_per_app.burst", burst(self.issue_per_app), BURST),
            ("rates.issue_per_app.per_minute", per_minute(self.issue_per_app), PER_MINUTE),
            ("rates.answer_per_address.burst", burst(self.answer_per_address), BURST),
            ("rates.answer_per_address.per_minute", per_minute(self.answer_per_address), PER_MINUTE),
            ("rates.answer_per_app.burst", burst(self.answer_per_app), BURST),
            ("rates.answer_per_app.per_minute", per_minute(self.answer_per_app), PER_MINUTE),
            ("rates.redeem_per_app.burst", burst(self.redeem_per_app), BURST),
            ("rates.redeem_per_app.per_minute", per_minute(self.redeem_per_app), PER_MINUTE),
            ("rates.redeem_per_address.burst", burst(self.redeem_per_address), BURST),
            ("rates.redeem_per_address.per_minute", per_minute(self.redeem_per_address), PER_MINUTE),
            ("rates.enrol_per_address.burst", burst(self.enrol_per_address), BURST),
            ("rates.enrol_per_address.per_minute", per_minute(self.enrol_per_address), PER_MINUTE),
            ("rates.download_per_address.burst", burst(self.download_per_address), BURST),
            ("rates.download_per_address.per_minute", per_minute(self.download_per_address), PER_MINUTE),
            ("rates.calls_per_agent.burst", burst(self.calls_per_agent), BURST),
            ("rates.calls_per_agent.per_minute", per_minute(self.calls_per_agent), PER_MINUTE),
            ("rates.calls_per_key.burst", burst(self.calls_per_key), BURST),
            ("rates.calls_per_key.per_minute", per_minute(self.calls_per_key), PER_MINUTE),
            ("rates.wrong_signatures.burst", burst(self.wrong_signatures), BURST),
            ("rates.wrong_signatures.per_minute", per_minute(self.wrong_signatures), PER_MINUTE),
            ("rates.sign_in_per_address.burst", burst(self.sign_in_per_address), BURST),
            ("rates.sign_in_per_address.per_minute", per_minute(self.sign_in_per_address), PER_MINUTE),
            ("rates.sign_in_per_user.burst", burst(self.sign_in_per_user), BURST),
            ("rates.sign_in_per_user.per_minute", per_minute(self.sign_in_per_user), PER_MINUTE),
            ("rates.wrong_passwords.burst", burst(self.wrong_passwords), BURST),
            ("rates.wrong_passwords.per_minute", per_minute(self.wrong_passwords), PER_MINUTE),
            ("rates.person_password_per_address.burst", burst(self.person_password_per_address), BURST),
            ("rates.person_password_per_address.per_minute", per_minute(self.person_password_per_address), PER_MINUTE),
            ("rates.person_password_per_name.burst", burst(self.person_password_per_name), BURST),
            ("rates.person_password_per_name.per_minute", per_minute(self.person_password_per_name), PER_MINUTE),
            ("rates.person_wrong_passwords.burst", burst(self.person_wrong_passwords), BURST),
            ("rates.person_wrong_passwords.per_minute", per_minute(self.person_wrong_passwords), PER_MINUTE),
            ("rates.person_code_per_address.burst", burst(self.person_code_per_address), BURST),
            ("rates.person_code_per_address.per_minute", per_minute(self.person_code_per_address), PER_MINUTE),
            ("rates.person_code_per_number.burst", burst(self.person_code_per_number), BURST),
            ("rates.person_code_per_number.per_minute", per_minute(self.person_code_per_number), PER_MINUTE),
            ("rates.person_session_per_address.burst", burst(self.person_session_per_address), BURST),
            ("rates.person_session_per_address.per_minute", per_minute(self.person_session_per_address), PER_MINUTE),
        ]
    }
}

impl Rate {
    /// The rule, in whole milliseconds between two calls, rounded up: never more than was asked for.
    fn rule(self) -> Option<Rule> {
        let interval = Duration::from_millis(u64::from(FINEST.div_ceil(self.per_minute.max(1))));
        (self.burst > 0).then_some(Rule { burst: self.burst, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_rule_and_a_burst_of_none_is_no_limit() {
        let rule = |burst, per_minute| Rate { burst, per_minute }.rule();
        assert_eq!(rule(60, 60), Some(Rule { burst: 60, interval: Duration::from_secs(1) }));
        assert_eq!(rule(1, 60_000), Some(Rule { burst: 1, interval: Duration::from_millis(1) }));
        assert_eq!(rule(1, 50_000), Some(Rule { burst: 1, interval: Duration::from_millis(2) }));
        assert_eq!(rule(0, 60), None);
    }
}
