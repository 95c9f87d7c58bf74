//! What is true in Countersign: its words and its rules.
//!
//! Nothing here knows HTTP, SQL, Redis, a vendor, a runtime, or what time it is. In reading order:
//!
//! * An [`app::App`] is somebody's site or program. Its public id is in every page; its [`access_key::AccessKey`]s prove its
//!   server side. To a vendor's widget it is a number, a [`captcha_app::CaptchaApp`].
//! * A [`challenge`] is shown to a person: a [`challenge::View`] goes out, an [`challenge::Answer`] comes back, and the
//!   [`challenge::Solution`] stays [sealed](sealing) in the challenge's token, so that issuing one stores nothing.
//! * A [`ticket`] proves that a challenge was solved. It is sealed too, lives for minutes, and is redeemed once.
//! * An [`embedding`] puts challenges into somebody else's page: a script that is loaded once, and draws for that page alone.
//! * A [`contact::Contact`] is a phone number or an e-mail address; a number's
//!   [`calling_code`] says where it is; an [`address::Origin`] is where a call comes from.
//! * A [`code`] is a few digits that are sent to a contact, as a [`message`] in its [`language`], and typed back in.
//! * A text message is billed by its [`segments`].
//! * An [`install_code`] lets machines join a [`group`] until its deadline; the [`guess_budget`] keeps short ones safe. An
//!   [`agent`] is a machine that joined.
//! * An [`account`] owns resources; one is attached to an [`office_site`] with a code that was sent to its owner.
//! * An [`iam_user`] signs in with a password, and gets a token for programs that cannot sign.
//! * A [`user`] is a person whom an app lets in, by a code or a password, into a [session](user::Session).
//! * A [`usage`] is what an app says about whom a call is for; it is counted, and kept for a while.
//! * [`rates`] are the limits on how often a client and an app may call.
//! * A [`trail`] is how a piece was brought to its place; a [`standing`] is what is remembered of a client. The two decide how
//!   hard the next challenge is ([`escalation`]), and a sample of such [`decision`]s is kept for operators.
//! * [`operations::SignedCalls`] are calls that an access key has signed; each one's nonce counts once.
//! * The [`operations`] are the use-cases. They need the [`ports`]: marks that make single use exact, records that survive,
//!   a clock, entropy.
//! * [`testing`] (a feature) says what each port means, as a suite that every implementation runs.

pub mod access_key;
pub mod account;
pub mod address;
pub mod agent;
pub mod app;
pub mod audit;
pub mod calling_code;
pub mod captcha_app;
pub mod challenge;
pub mod code;
pub mod contact;
pub mod decision;
pub mod embedding;
pub mod escalation;
pub mod gate;
pub mod group;
pub mod guess_budget;
mod hex_id;
pub mod iam_user;
pub mod install_code;
pub mod language;
pub mod message;
pub mod network;
pub mod office_site;
pub mod operations;
pub mod ports;
pub mod private_network;
pub mod pumping;
pub mod rates;
pub mod routes;
pub mod sealing;
pub mod secret;
pub mod segments;
pub mod standing;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
pub mod ticket;
pub mod time;
pub mod trail;
pub mod usage;
pub mod user;
pub mod verified_contact;
