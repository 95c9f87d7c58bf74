use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use tokio::time::sleep;

use super::folder::{Request, Staged};
use super::patience::pause;
use super::{
    Address, Backoff, CallError, Folder, Identity, Join, Outcome, Sentence, Server, Surroundings, Trust, host, words,
};
use crate::agents::trust::Pin;

const HEARTBEAT: &str = "/v1/agents/heartbeat";
const RENEW: &str = "/v1/agents/renew";
const LEAVE: &str = "/v1/agents/leave";

/// An agent at work: it is heard of, renews its certificate and follows its server.
pub(crate) struct Run<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) surroundings: Surroundings,
}

/// Why an agent's work has ended.
pub(crate) enum End {
    /// Somebody said stop.
    Stopped,
    /// The machine has left, by another command.
    Left,
    /// The machine joins when it starts again.
    Staged,
    /// There is nothing to work with.
    NotJoined,
    /// The server wants nothing to do with this machine any more; the sentence says why.
    SentAway(String),
}

/// What the server says to a heartbeat.
#[derive(Deserialize)]
pub(crate) struct Heard {
    group: String,
    renew: bool,
    heartbeat_seconds: u32,
    endpoint: String,
    /// Where it was said.
    #[serde(skip)]
    pub(crate) at: String,
}

#[derive(Deserialize)]
struct Renewed {
    certificate: String,
    ca: String,
    expires_at: String,
}

/// One heartbeat, at the server where the agent belongs.
///
/// # Errors
/// A [`CallError`] in the chain, if the server or the way to it is at fault.
pub(crate) async fn beat(identity: &Identity, surroundings: &Surroundings) -> anyhow::Result<Heard> {
    let ask = async |server: &Server| {
        let heard: Heard = server.post(HEARTBEAT, Vec::new()).await?;
        Ok(Heard { at: server.address().to_string(), ..heard })
    };
    at_its_server(identity, surroundings, ask).await
}

/// Calls the server at the address that it named, or else at the one by which the machine joined: a wrong setting of the
/// server's must not lose its machines. Whoever answers there is held to the same authority.
async fn at_its_server<T>(
    identity: &Identity,
    surroundings: &Surroundings,
    call: impl AsyncFn(&Server) -> Result<T, CallError>,
) -> anyhow::Result<T> {
    let error = match call(&Server::of(identity, &identity.endpoint, surroundings)?).await {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    if matches!(error, CallError::Refused(_)) || identity.joined_by == identity.endpoint {
        return Err(error.into());
    }
    match call(&Server::of(identity, &identity.joined_by, surroundings)?).await {
        Ok(answer) => Ok(answer),
        Err(refused @ CallError::Refused(_)) => Err(refused.into()),
        // The address that is to be mended is the first.
        Err(_) => Err(error.into()),
    }
}

async fn beat_at(endpoint: &str, identity: &Identity, surroundings: &Surroundings) -> anyhow::Result<Heard> {
    Ok(Server::of(identity, endpoint, surroundings)?.post(HEARTBEAT, Vec::new()).await?)
}

/// Leaves the server and forgets who this machine was. What the server says to that is in the second result: it may be away,
/// and the machine is to be nobody's all the same.
///
/// # Errors
/// If the files cannot be removed.
pub(crate) async fn leave(
    folder: &Folder,
    identity: &Identity,
    surroundings: &Surroundings,
) -> anyhow::Result<anyhow::Result<()>> {
    let told = tell_leave(identity, surroundings).await;
    folder.forget()?;
    Ok(told)
}

/// Tells the server alone.
pub(super) async fn tell_leave(identity: &Identity, surroundings: &Surroundings) -> anyhow::Result<()> {
    at_its_server(identity, surroundings, async |server| server.tell(LEAVE).await).await
}

impl Run<'_> {
    /// Works until `stop`, or until there is nothing left to do. What changes is told to `report`.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub(crate) async fn run(&self, stop: impl Future<Output = ()>, report: impl Fn(&str)) -> anyhow::Result<End> {
        let report = &report;
        tokio::select! {
            end = self.work(report) => end,
            () = stop => Ok(End::Stopped),
        }
    }

    async fn work(&self, report: &impl Fn(&str)) -> anyhow::Result<End> {
        if self.folder.identity()?.is_none() {
            let Some(staged) = self.folder.staged()? else { return Ok(End::NotJoined) };
            if host::boot().as_ref() == Some(&staged.boot) {
                return Ok(End::Staged);
            }
            if let Some(end) = self.join(staged, report).await? {
                return Ok(end);
            }
        }
        let mut backoff = Backoff::default();
        let mut is_heard = false;
        // Read anew each time: another command may have joined again, or left.
        while let Some(identity) = self.folder.identity()? {
            let (agent_id, expires_at) = (identity.agent_id.clone(), identity.expires_at.clone());
            let wait = match self.attend(identity, report).await {
                Ok(None) => continue,
                Ok(Some((identity, at))) => {
                    if !is_heard {
                        report(&self.say(&Sentence::Heard(&identity, &at)));
                    }
                    (backoff, is_heard) = (Backoff::default(), true);
                    pause(
                        Duration::from_secs(u64::from(identity.heartbeat_seconds.max(1))),
                        &*self.surroundings.entropy,
                    )
                }
                Err(error) => {
                    let call = error.downcast_ref::<CallError>();
                    if call.is_some_and(|error| error.is("agent-gone")) {
                        // Unless it left by another command, which tells the server first.
                        if self.folder.identity()?.is_none_or(|identity| identity.agent_id != agent_id) {
                            continue;
                        }
                        return Ok(End::SentAway(self.say(&Sentence::Gone)));
                    }
                    is_heard = false;
                    let wait = backoff.wait(call.and_then(CallError::retry_after), &*self.surroundings.entropy);
                    let why = words::explained(&error, &expires_at, self.surroundings.language);
                    report(&self.say(&Sentence::Again(&why, wait)));
                    wait
                }
            };
            sleep(wait).await;
        }
        Ok(End::Left)
    }

    /// The first start of a machine made from an image. Patient: the network of such machines comes late.
    async fn join(&self, staged: Staged, report: &impl Fn(&str)) -> anyhow::Result<Option<End>> {
        let pin = staged.pin.map(|pin| Pin::parse(&pin).context("the pin that was staged")).transpose()?;
        let trust = match (pin, staged.ca) {
            (Some(pin), _) => Trust::Pin(pin),
            (None, Some(pem)) => Trust::Authority(pem),
            (None, None) => Trust::System,
        };
        let join = Join {
            folder: self.folder,
            address: Address::parse(&staged.server).context("the server that was staged")?,
            trust,
            code: staged.code,
            staged: true,
            patience: None,
            surroundings: self.surroundings.clone(),
        };
        match join.run(report).await {
            Ok(Outcome::Joined(identity)) => {
                report(&self.say(&Sentence::Joined(&identity)));
                Ok(None)
            }
            Ok(Outcome::Staged) => Ok(Some(End::Staged)),
            Err(error) if error.is::<CallError>() => {
                Ok(Some(End::SentAway(words::complaint(&error, self.surroundings.language))))
            }
            Err(error) => Err(error),
        }
    }

    /// A heartbeat, and what the server wishes with it; who the agent is afterwards, and where it was heard. `None` where
    /// another command has made the machine somebody else meanwhile, or nobody.
    async fn attend(
        &self,
        mut identity: Identity,
        report: &impl Fn(&str),
    ) -> anyhow::Result<Option<(Identity, String)>> {
        let Heard { group, renew, heartbeat_seconds, endpoint, at } = beat(&identity, &self.surroundings).await?;
        let mut known = (identity.endpoint.clone(), group, heartbeat_seconds);
        if endpoint != identity.endpoint && self.answers(&endpoint, &identity, report).await {
            report(&self.say(&Sentence::Moved(&endpoint)));
            known.0 = endpoint;
        }
        if known != (identity.endpoint.clone(), identity.group.clone(), identity.heartbeat_seconds) {
            let updated = self.folder.update_identity(&identity.agent_id, |identity| {
                (identity.endpoint, identity.group, identity.heartbeat_seconds) = known;
            })?;
            let Some(updated) = updated else { return Ok(None) };
            identity = updated;
        }
        // Where an answer was lost, the server believes that its certificate arrived, and asks for no other.
        if renew || self.folder.is_renewing() {
            let Some(renewed) = self.renew(&identity).await? else { return Ok(None) };
            report(&self.say(&Sentence::Renewed(&renewed)));
            identity = renewed;
        }
        Ok(Some((identity, at)))
    }

    /// Whether the server is where it says: an agent that believed a wrong setting would be lost.
    async fn answers(&self, endpoint: &str, identity: &Identity, report: &impl Fn(&str)) -> bool {
        let there = beat_at(endpoint, identity, &self.surroundings).await;
        there
            .inspect_err(|error| {
                report(&format!("{endpoint}: {}", words::complaint(error, self.surroundings.language)));
            })
            .is_ok()
    }

    /// A new certificate for a new key. Both take the place of the old ones in one rename, and only when the server has
    /// heard an agent that shows them; until then the old ones go on. Where the answer was lost, the same request goes again.
    async fn renew(&self, identity: &Identity) -> anyhow::Result<Option<Identity>> {
        let Some(Request { key, csr }) = self.folder.renewal(&identity.agent_id)? else { return Ok(None) };
        let body = serde_json::json!({ "csr": csr }).to_string().into_bytes();
        let ask = async |server: &Server| server.post(RENEW, body.clone()).await;
        let Renewed { certificate, ca, expires_at } = at_its_server(identity, &self.surroundings, ask).await?;
        let renewed = Identity { expires_at, key, certificate, ca, ..identity.clone() };
        beat(&renewed, &self.surroundings).await.context("with the new certificate")?;
        self.folder.end_renewal(&identity.agent_id, |identity| {
            let Identity { expires_at, key, certificate, ca, .. } = renewed;
            *identity = Identity { expires_at, key, certificate, ca, ..identity.clone() };
        })
    }

    fn say(&self, sentence: &Sentence<'_>) -> String {
        sentence.text(self.surroundings.language)
    }
}

#[cfg(test)]
mod tests;
