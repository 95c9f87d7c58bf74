use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::access_key::AccessKey;
use crate::app::AppRefusal;
use crate::challenge::Style;
use crate::embedding::{EmbeddingRecord, Wishes};
use crate::operations::{ChallengeRequest, IssueChallenge, IssueChallengeError, IssuedChallenge, Policy, Ports};
use crate::ports::{Busy, MarksError, Owner, Spent};
use crate::sealing::{KeyedHash, Purpose};
use crate::ticket::Door;

/// What the operator has decided about challenges in other people's pages.
#[derive(Clone, Copy, Debug)]
pub struct EmbedPolicy {
    /// From the order to loading the script.
    pub script: Duration,
    /// From loading the script to the last challenge.
    pub session: Duration,
    /// Challenges that one page may draw.
    pub most_challenges: u32,
}

/// Puts challenges into other people's pages: see [`embedding`](crate::embedding).
pub struct EmbedChallenge {
    ports: Ports,
    issue: Arc<IssueChallenge>,
    policy: Policy,
    embed: EmbedPolicy,
}

/// Why a script or a page is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageRefusal {
    /// Never made here, changed on the way, or from before a restart.
    #[error("no such page")]
    Unknown,
    /// Its time is over.
    #[error("the page has expired")]
    Expired,
    /// The script was loaded before.
    #[error("the script was loaded before")]
    Loaded,
    /// The script was loaded by one site and draws for another.
    #[error("the page belongs to another site")]
    Elsewhere,
    /// The page has drawn as many challenges as it may.
    #[error("the page has drawn as many challenges as it may")]
    Exhausted,
}

/// Why a script was not handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadScriptError {
    /// The address.
    #[error(transparent)]
    Page(#[from] PageRefusal),
    /// The app is not served.
    #[error(transparent)]
    App(#[from] AppRefusal),
    /// The key that ordered it is served no more.
    #[error("the key that ordered the script is disabled")]
    KeyDisabled,
    /// Try again in a moment; the address is not spent.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Why a page got no challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawChallengeError {
    /// The page.
    #[error(transparent)]
    Page(#[from] PageRefusal),
    /// The challenge.
    #[error(transparent)]
    Issue(#[from] IssueChallengeError),
    /// Try again in a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl From<MarksError> for LoadScriptError {
    fn from(_: MarksError) -> Self {
        Self::Busy(Busy)
    }
}

impl From<MarksError> for DrawChallengeError {
    fn from(_: MarksError) -> Self {
        Self::Busy(Busy)
    }
}

/// A script that may be handed out, this once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedScript {
    /// What the page draws challenges with.
    pub session: String,
    /// The order.
    pub order: EmbeddingRecord,
}

/// Where a challenge is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// What came with the script.
    pub session: &'a str,
    /// The site, as the browser names it.
    pub site: &'a str,
    /// The person's address.
    pub client: IpAddr,
}

impl EmbedChallenge {
    /// The operation over these ports.
    pub fn new(ports: Ports, issue: Arc<IssueChallenge>, policy: Policy, embed: EmbedPolicy) -> Self {
        Self { ports, issue, policy, embed }
    }

    /// What an app calls its user, as an order carries it.
    pub fn user(&self, name: &str) -> KeyedHash {
        self.ports.directory.keyring().user_hash(name, self.ports.clock.now())
    }

    /// Takes an order of `key`, whose call was admitted; returns what stands in the script's address. Keeps nothing.
    ///
    /// # Errors
    /// [`Busy`], which no order of ours brings about.
    pub fn order(&self, key: &AccessKey, wishes: Wishes) -> Result<String, Busy> {
        let now = self.ports.clock.now();
        let record = EmbeddingRecord {
            id: self.ports.entropy.array(),
            epoch: self.ports.marks.epoch(),
            app: key.row.app.clone(),
            key: key.row.id.clone(),
            wishes,
            issued_at: now,
            expires_at: now.plus(self.embed.script),
        };
        self.seal(Purpose::PageScript, &record)
    }

    /// Spends a script's address: of any number of calls at once one gets the script.
    ///
    /// # Errors
    /// [`LoadScriptError`].
    pub async fn load(&self, script: &str) -> Result<LoadedScript, LoadScriptError> {
        let ports = &self.ports;
        let order = self.open(Purpose::PageScript, script)?;
        ports.directory.usable_app(&order.app)?;
        if ports.directory.access_key(&order.key).is_none_or(|key| !key.row.enabled) {
            return Err(LoadScriptError::KeyDisabled);
        }
        let now = ports.clock.now();
        let record = EmbeddingRecord {
            id: ports.entropy.array(),
            issued_at: now,
            expires_at: now.plus(self.embed.session),
            ..order.clone()
        };
        let session = self.seal(Purpose::PageSession, &record)?;
        // A fresh owner each time: nobody is let through again.
        match self.spend(&order, ports.entropy.array()).await? {
            Spent::First => Ok(LoadedScript { session, order }),
            Spent::Again { .. } | Spent::Taken => Err(PageRefusal::Loaded.into()),
        }
    }

    /// Draws a challenge for a page. The first one binds the page to its site: a script that somebody copied to another draws
    /// nothing there. A call over a limit neither binds it nor spends one of its challenges.
    ///
    /// # Errors
    /// [`DrawChallengeError`].
    pub async fn draw(&self, page: Page<'_>, door: &Door, style: Style) -> Result<IssuedChallenge, DrawChallengeError> {
        let session = self.open(Purpose::PageSession, page.session)?;
        self.issue.admit(&session.app, page.client)?;
        match self.spend(&session, owner(page.site)).await? {
            Spent::First => {}
            Spent::Again { count, .. } if count <= self.embed.most_challenges => {}
            Spent::Again { .. } => return Err(PageRefusal::Exhausted.into()),
            Spent::Taken => return Err(PageRefusal::Elsewhere.into()),
        }
        let EmbeddingRecord { app, key, wishes: Wishes { kind, level, user, note, .. }, .. } = session;
        let request = ChallengeRequest {
            door: door.clone(),
            app: &app,
            key: Some(key),
            client: page.client,
            kind,
            level,
            style,
            action: None,
            contact: None,
            user,
            note,
        };
        Ok(self.issue.draw(request).await?)
    }

    fn seal(&self, purpose: Purpose, record: &EmbeddingRecord) -> Result<String, Busy> {
        let Ports { directory, clock, entropy, .. } = &self.ports;
        directory.keyring().seal(purpose, &record.encode(), clock.now(), &**entropy).map_err(|_| Busy)
    }

    fn open(&self, purpose: Purpose, token: &str) -> Result<EmbeddingRecord, PageRefusal> {
        let ports = &self.ports;
        let bytes = ports.directory.keyring().open(purpose, token).map_err(|_| PageRefusal::Unknown)?;
        let record = EmbeddingRecord::decode(&bytes).map_err(|_| PageRefusal::Unknown)?;
        if record.epoch != ports.marks.epoch() {
            return Err(PageRefusal::Unknown);
        }
        if ports.clock.now() >= record.expires_at { Err(PageRefusal::Expired) } else { Ok(record) }
    }

    async fn spend(&self, record: &EmbeddingRecord, owner: Owner) -> Result<Spent, MarksError> {
        let until = record.expires_at.plus(self.policy.lifetimes.clock_skew);
        self.ports.marks.spend(record.id, owner, until).await
    }
}

/// The site as whoever spends a page: its hash, because a site's name has any length.
fn owner(site: &str) -> Owner {
    let hash: [u8; 32] = Sha256::digest(site).into();
    let mut owner = [0; 16];
    owner.copy_from_slice(&hash[..16]);
    owner
}
