use std::time::Duration;

use anyhow::Context as _;
use countersign_domain::secret::Secret;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::folder::{Request, Staged};
use super::host::{self, Facts};
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
        let request = self.folder.request()?;
        let start = clock.monotonic();
        let mut backoff = Backoff::default();
        loop {
            let error = match self.ask(&server, &request).await {
                Ok(enrolled) => return self.keep(enrolled, request).map(Outcome::Joined),
                Err(error) if error.is("install-code-only-image") && !self.staged => return self.stage(),
                Err(error) => error,
            };
            let wait = backoff.wait(error.retry_after(), &**entropy);
            let after = clock.monotonic().saturating_sub(start) + wait;
            if !error.may_pass() || self.patience.is_some_and(|patience| after > patience) {
                return Err(error.into());
            }
            report(&Sentence::Again(&error.to_string(), wait).text(*language));
            sleep(wait).await;
        }
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
        let identity = Identity { agent_id, group, endpoint, heartbeat_seconds, expires_at, key, certificate, ca };
        // What cannot be used is not kept: the same request gets the same answer, or a better one.
        Server::of(&identity, &identity.endpoint, &self.surroundings).context("what the server gave")?;
        self.folder.keep_identity(&identity)?;
        Ok(identity)
    }

    fn stage(&self) -> anyhow::Result<Outcome> {
        let boot = host::boot().context("this system does not tell one start of the machine from the next")?;
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
