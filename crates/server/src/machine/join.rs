use std::time::Duration;

use anyhow::Context as _;
use countersign_domain::secret::Secret;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::folder::{Request, Staged};
use super::host::{self, Facts};
use super::run::tell_leave;
use super::words::complaint;
use super::{Address, Backoff, CallError, Folder, Identity, Sentence, Server, Surroundings, Trust};

const ENROL: &str = "/v1/agents/enrol";

/// A machine that wants to join.
pub(crate) struct Join<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) address: Address,
    pub(crate) trust: Trust,
    pub(crate) code: Secret<String>,
    /// Made from an image that held the code.
    pub(crate) staged: bool,
    /// For how long what may pass is tried again; `None` for ever.
    pub(crate) patience: Option<Duration>,
    pub(crate) surroundings: Surroundings,
}

/// How joining ended, where it did not fail.
pub(crate) enum Outcome {
    Joined(Identity),
    /// The code is for images: the machine joins when it starts again.
    Staged,
}

#[derive(Serialize)]
struct EnrolBody<'a> {
    code: &'a str,
    csr: &'a str,
    host: Facts,
    staged: bool,
}

#[derive(Deserialize)]
struct Enrolled {
    agent_id: String,
    certificate: String,
    ca: String,
    group: String,
    expires_at: String,
    endpoint: String,
    heartbeat_seconds: u32,
}

impl Join<'_> {
    /// Joins, and keeps what the server gives. Each failure that may pass is told to `report`.
    ///
    /// # Errors
    /// A [`CallError`] in the chain, if the server or the way to it is at fault.
    pub(crate) async fn run(&self, report: impl Fn(&str)) -> anyhow::Result<Outcome> {
        let Surroundings { clock, entropy, language } = &self.surroundings;
        let server = Server::to_join(self.address.clone(), &self.trust, &self.surroundings)?;
        let is_new = !self.folder.exists();
        let request = self.folder.request()?;
        let start = clock.monotonic();
        let mut backoff = Backoff::default();
        loop {
            let error = match self.ask(&server, &request).await {
                Ok(enrolled) => return self.keep(enrolled, request).map(Outcome::Joined),
                Err(error) if error.is("install-code-only-image") && !self.staged => {
                    return self.stage(report).await;
                }
                Err(error) => error,
            };
            let wait = backoff.wait(error.retry_after(), &**entropy);
            let after = clock.monotonic().saturating_sub(start) + wait;
            if !self.hopes(&error) || self.patience.is_some_and(|patience| after > patience) {
                // What may pass may also have come through: then the same request gets the answer that was lost.
                if !error.may_pass() {
                    self.folder.drop_request(is_new)?;
                }
                return Err(error.into());
            }
            report(&Sentence::Again(&error.text(*language), wait).text(*language));
            sleep(wait).await;
        }
    }

    /// Whether the same attempt may do better later. At a machine's first start the clock may be wrong and the network
    /// somebody else's, and nobody is there to try again: then only the server's own word ends it.
    fn hopes(&self, error: &CallError) -> bool {
        error.may_pass() || self.patience.is_none() && !matches!(error, CallError::Refused(_))
    }

    async fn ask(&self, server: &Server, request: &Request) -> Result<Enrolled, CallError> {
        let Request { csr, .. } = request;
        let body = EnrolBody { code: self.code.expose(), csr, host: Facts::gather(), staged: self.staged };
        // Texts alone: they always serialise.
        server.post(ENROL, serde_json::to_vec(&body).unwrap_or_default()).await
    }

    fn keep(&self, enrolled: Enrolled, request: Request) -> anyhow::Result<Identity> {
        let Enrolled { agent_id, certificate, ca, group, expires_at, endpoint, heartbeat_seconds } = enrolled;
        let Request { key, .. } = request;
        let joined_by = self.address.to_string();
        let identity =
            Identity { agent_id, group, endpoint, joined_by, heartbeat_seconds, expires_at, key, certificate, ca };
        // What cannot be used is not kept: the same request gets the same answer, or a better one.
        Server::of(&identity, &identity.endpoint, &self.surroundings).context("what the server gave")?;
        self.folder.keep_identity(&identity)?;
        Ok(identity)
    }

    /// What becomes an image is nobody: an agent that is still one leaves its server first, if the server is there.
    async fn stage(&self, report: impl Fn(&str)) -> anyhow::Result<Outcome> {
        let boot = host::boot().context("this system does not tell one start of the machine from the next")?;
        let language = self.surroundings.language;
        if let Some(identity) = self.folder.identity()?
            && let Err(error) = tell_leave(&identity, &self.surroundings).await
            && !error.downcast_ref::<CallError>().is_some_and(|error| error.is("agent-gone"))
        {
            report(&Sentence::LeftUnheard(&complaint(&error, language)).text(language));
        }
        let (pin, ca) = match &self.trust {
            Trust::Pin(pin) => (Some(pin.to_string()), None),
            Trust::Authority(pem) => (None, Some(pem.clone())),
            Trust::System => (None, None),
        };
        let server = self.address.to_string();
        self.folder.stage(&Staged { code: self.code.clone(), boot, server, pin, ca })?;
        Ok(Outcome::Staged)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use countersign_domain::testing::{ManualClock, SeededEntropy};
    use countersign_facades::Language;
    use http::StatusCode;

    use super::super::call::Refusal;
    use super::*;

    #[test]
    fn a_first_start_is_ended_by_the_servers_word_alone() {
        let address = Address::parse("https://verify.example.com").unwrap();
        let (folder, surroundings) = (
            Folder::at(Path::new("nowhere")),
            Surroundings {
                clock: ManualClock::new(),
                entropy: Arc::new(SeededEntropy::new(1)),
                language: Language::English,
            },
        );
        let join = |patience| Join {
            folder: &folder,
            address: address.clone(),
            trust: Trust::System,
            code: Secret::new("aB3dE6".to_owned()),
            staged: true,
            patience,
            surroundings: surroundings.clone(),
        };
        let (once, for_ever) = (join(Some(Duration::from_mins(2))), join(None));
        let untrusted = CallError::Untrusted(address.clone(), "the certificate is not valid yet".to_owned());
        let strange = CallError::Strange(address.clone(), StatusCode::FORBIDDEN);
        let away = CallError::Unreachable(address.clone(), "connection refused".to_owned());
        let refused = CallError::Refused(Refusal {
            status: StatusCode::FORBIDDEN,
            r#type: String::new(),
            title: String::new(),
            detail: String::new(),
            retry_after: None,
        });
        let hopes = |join: &Join<'_>| [&untrusted, &strange, &away, &refused].map(|error| join.hopes(error));
        assert_eq!(hopes(&once), [false, false, true, false]);
        assert_eq!(hopes(&for_ever), [true, true, true, false]);
    }
}
