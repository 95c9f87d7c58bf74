//! What Tencent's doors share: who judges answers and takes tickets, who may call, and the texts that belong to a ticket.
//!
//! There are two products. The older one ([`tencent_captcha`](crate::tencent_captcha)) has a script for each view of a page;
//! the newer one ([`tencent_cloud`](crate::tencent_cloud)) has one script for all. A page of either calls
//! [`tencent_widget`](crate::tencent_widget). What is solved for one does not count at the other.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_domain::access_key::AccessKey;
use countersign_domain::operations::{
    AdmissionError, EmbedChallenge, EmbedPolicy, Escalation, IssueChallenge, JudgeAnswer, Lifetimes, NonceError,
    Policy, Ports, RedeemTicket, Repeats, SignedCalls, SignerRefusal,
};
use countersign_domain::ports::MarkId;
use countersign_domain::rates::Limited;
use countersign_domain::secret::Secret;
use countersign_domain::ticket::Door;
use countersign_domain::time::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::HOST;
use sha2::Sha256;

use crate::door::Request;
use crate::signing::tencent_v1::with_and_without_port;

/// The older product, in what it seals.
pub const TENCENT_CAPTCHA: Door = Door::new("tencent_captcha");
/// The newer one.
pub const TENCENT_CAPTCHA_3: Door = Door::new("tencent_captcha_3");

/// How Tencent's doors behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients reach this server: scheme, host, perhaps port and path; no slash at its end.
    pub public_url: String,
    /// How far the time of a call may lie from ours, either way.
    pub window: Duration,
    /// How scripts and pages live.
    pub embed: EmbedPolicy,
    /// How long a ticket of the older product lives.
    pub ticket: Duration,
    /// How often it may be checked.
    pub repeats: Repeats,
    /// How long a ticket of the newer product lives.
    pub ticket_3: Duration,
}

/// What both products need.
#[derive(Clone)]
pub struct Tencent {
    /// Puts challenges into pages.
    pub embed_challenge: Arc<EmbedChallenge>,
    /// Takes tickets.
    pub redeem_ticket: Arc<RedeemTicket>,
    /// How they behave.
    pub settings: Arc<Settings>,
    judge: Arc<JudgeAnswer>,
    judge_3: Arc<JudgeAnswer>,
}

impl Tencent {
    /// All of them over the same ports. Tickets of these products have lives of their own.
    pub fn new(
        ports: &Ports,
        policy: Policy,
        issue: &Arc<IssueChallenge>,
        escalation: &Arc<Escalation>,
        redeem: &Arc<RedeemTicket>,
        settings: Settings,
    ) -> Self {
        let judge = |ticket| {
            let policy = Policy { lifetimes: Lifetimes { ticket, ..policy.lifetimes }, ..policy };
            Arc::new(JudgeAnswer::new(ports.clone(), policy, Arc::clone(escalation)))
        };
        let embed = EmbedChallenge::new(ports.clone(), Arc::clone(issue), policy, settings.embed);
        Self {
            embed_challenge: Arc::new(embed),
            redeem_ticket: Arc::clone(redeem),
            judge: judge(settings.ticket),
            judge_3: judge(settings.ticket_3),
            settings: Arc::new(settings),
        }
    }

    /// Who judges answers, and with them the life of tickets, at `door`, which is one of these two.
    pub fn judge(&self, door: &Door) -> &JudgeAnswer {
        if *door == TENCENT_CAPTCHA { &self.judge } else { &self.judge_3 }
    }

    /// By which of the two products a ticket was earned; `None` for any other.
    pub(crate) fn door_of(&self, ticket: &str) -> Option<Door> {
        let door = self.redeem_ticket.read(ticket)?.door;
        [TENCENT_CAPTCHA, TENCENT_CAPTCHA_3].contains(&door).then_some(door)
    }

    /// The key that signed a call: its time, its key, its signature, its key's limit, and then its nonce, where the scheme
    /// has one.
    pub(crate) async fn admit(
        &self,
        calls: &SignedCalls,
        call: &Signature<'_>,
        holds: impl FnOnce(&Secret<String>) -> bool,
    ) -> Result<Arc<AccessKey>, Refused> {
        let window = self.settings.window;
        calls.check_time(call.at, window).map_err(|_| Refused::Untimely)?;
        let key = calls.signer(call.key_id).map_err(|refusal| match refusal {
            SignerRefusal::Unknown => Refused::KeyUnknown,
            SignerRefusal::Disabled => Refused::KeyInactive,
        })?;
        if !holds(&key.secret) {
            return Err(Refused::Mismatch);
        }
        calls.admit(&key.row.id).await.map_err(|error| match error {
            AdmissionError::Limited(limited) => Refused::Limited(limited),
            AdmissionError::Busy(_) => Refused::Busy,
        })?;
        if let Some(nonce) = &call.nonce {
            calls.spend_nonce(&key.row.id, nonce, window).await.map_err(|error| match error {
                NonceError::Used => Refused::NonceUsed,
                NonceError::Busy(_) => Refused::Busy,
            })?;
        }
        Ok(key)
    }

    /// An address of ours with this scheme, which the caller chooses.
    pub(crate) fn address(&self, https: bool, path: &str) -> String {
        let url = self.settings.public_url.as_str();
        let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
        format!("{}://{behind}{path}", if https { "https" } else { "http" })
    }

    /// Whether clients reach this server by TLS, by the settings.
    pub(crate) fn is_https(&self) -> bool {
        self.settings.public_url.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
    }

    /// The names under which the client of a call may know this server, as it may have signed them: what the call says, and
    /// what the settings say, because a proxy may have rewritten it.
    pub(crate) fn hosts<'a>(&'a self, request: &'a Request) -> Vec<&'a str> {
        let url = self.settings.public_url.as_str();
        let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
        let authority = behind.split('/').next().unwrap_or_default();
        let host = request.header(HOST.as_str()).unwrap_or_default();
        with_and_without_port(host).chain(with_and_without_port(authority)).collect()
    }
}

/// Who says to have signed a call, and when.
pub(crate) struct Signature<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) at: Timestamp,
    /// What makes the call one, where the scheme has a nonce.
    pub(crate) nonce: Option<Vec<u8>>,
}

impl<'a> Signature<'a> {
    /// A call with a nonce. Clients draw as few as 65,536 of them, so that a busy one comes to the same in one second: with
    /// the time and the signature only the same call is the same.
    pub(crate) fn with_nonce(key_id: &'a str, seconds: i64, nonce: &str, signature: &[u8]) -> Self {
        let nonce = [seconds.to_string().as_bytes(), b"\0", nonce.as_bytes(), b"\0", signature].concat();
        Self { key_id, at: at(seconds), nonce: Some(nonce) }
    }

    /// A call of a scheme that has none.
    pub(crate) fn without_nonce(key_id: &'a str, seconds: i64) -> Self {
        Self { key_id, at: at(seconds), nonce: None }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds.saturating_mul(1_000))
}

/// Why a signed call is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Untimely,
    KeyUnknown,
    KeyInactive,
    Mismatch,
    NonceUsed,
    Limited(Limited),
    Busy,
}

/// The text that a page gets with a ticket, and its server has to show with it: no other ticket has it, and nobody can tell
/// it from the ticket, in which the id stands sealed.
pub fn randstr(ticket: &MarkId) -> String {
    let mac = randstr_mac(ticket).map(|mac| mac.finalize().into_bytes());
    let bytes = mac.as_deref().unwrap_or_default();
    format!("@{}", URL_SAFE_NO_PAD.encode(bytes.get(..RANDSTR).unwrap_or_default()))
}

/// How many bytes of the hash a [`randstr`] holds.
const RANDSTR: usize = 6;

/// Whether `text` is the [`randstr`] of a ticket, in a time that does not depend on where the two differ.
pub(crate) fn is_randstr(text: &str, ticket: &MarkId) -> bool {
    let bytes = text.strip_prefix('@').and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
    bytes.len() == RANDSTR && randstr_mac(ticket).is_some_and(|mac| mac.verify_truncated_left(&bytes).is_ok())
}

fn randstr_mac(ticket: &MarkId) -> Option<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(ticket).ok().map(|mac| mac.chain_update("countersign randstr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_randstr_is_that_of_its_ticket_alone() {
        let (one, other) = ([1; 16], [2; 16]);
        let text = randstr(&one);
        assert!(text.starts_with('@') && text.len() == 9, "{text}");
        assert!(is_randstr(&text, &one) && !is_randstr(&text, &other));
        for wrong in ["", "@", &text[1..], &text[..8], &format!("{text}A")] {
            assert!(!is_randstr(wrong, &one), "{wrong}");
        }
    }
}
