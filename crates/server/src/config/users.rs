use countersign_domain::operations::PeoplePolicy;
use serde::Deserialize;

use super::{days, seconds};

/// Section `users`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// How long a session holds.
    pub session_days: u32,
    /// How long an id token may be believed.
    pub id_token_minutes: u32,
    /// A number that no user has becomes one's when it signs in.
    pub register_at_login: bool,
    /// A password is enough only together with a code.
    pub second_factor: bool,
    /// A user without a number binds one at signing in.
    pub bind_at_login: bool,
}

impl Users {
    /// As the domain takes them.
    pub fn policy(&self) -> PeoplePolicy {
        PeoplePolicy {
            session: days(self.session_days),
            id_token: seconds(self.id_token_minutes) * 60,
            register_at_login: self.register_at_login,
            second_factor: self.second_factor,
            bind_at_login: self.bind_at_login,
        }
    }

    /// Each value: its key, whether it is in its range, and what is wrong if it is not.
    pub(super) fn checks(&self) -> [(&'static str, bool, &'static str); 2] {
        [
            ("users.session_days", (1..=365).contains(&self.session_days), "must be 1 to 365"),
            // Keys that sign no more are shown for 25 hours.
            ("users.id_token_minutes", (1..=1_440).contains(&self.id_token_minutes), "must be 1 to 1440"),
        ]
    }
}
