//! The data folder: its records, its master key, and the installation's secrets in them. What a server and a command beside it
//! open alike.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use countersign_domain::app::AppId;
use countersign_domain::audit::AuditEntry;
use countersign_domain::captcha_app::{CaptchaAppId, CaptchaAppRow};
use countersign_domain::contact::ContactKeys;
use countersign_domain::install_code::InstallCodeKeys;
use countersign_domain::operations::{CodePorts, MachinePorts, OwnerPorts};
use countersign_domain::ports::{Clock, Directory, Entropy, NewCaptchaApp, Records, SealingKeyRow, SecretRow, Tally};
use countersign_domain::sealing::KeyId;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use countersign_domain::usage::UsageKeys;
use countersign_senders::templates::Book;
use countersign_stores::sqlite::SqliteRecords;

use crate::config::{self, Config, SenderSettings};
use crate::master_key::MasterKeySource;

/// What secrets are drawn from.
pub(crate) const SECRET_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// How long an app's secret for a vendor's widget is: over 140 bits, and what fits where sites keep the vendor's.
pub(crate) const CAPTCHA_SECRET_LENGTH: usize = 24;

/// Where the data folder's secrets and records are; what a command beside a server opens too.
pub(crate) struct Vault {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) master_key: MasterKeySource,
}

impl Vault {
    /// Opens the records and the master key in the data folder, making both where they are missing.
    pub(crate) fn open(data: &Path, master_key: Option<String>, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(data).with_context(|| format!("the data folder {}", data.display()))?;
        let master_key = MasterKeySource::new(data, master_key);
        master_key.ensure(entropy)?;
        let records = Arc::new(SqliteRecords::open(&data.join("records.sqlite"))?);
        Ok(Self { records, master_key })
    }

    /// A fresh sealing key, which is to seal from `seals_from` on, and what the audit trail says of it.
    pub(crate) fn draw_sealing_key(
        &self,
        actor: &str,
        created_at: Timestamp,
        seals_from: Timestamp,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<(SealingKeyRow, AuditEntry)> {
        let id = KeyId(entropy.array());
        let place = SealingKeyRow::place(id);
        let key = Secret::new(entropy.array::<32>());
        let sealed_key = self.master_key.load()?.seal(&place, key.expose(), entropy)?;
        let audit = AuditEntry::new(created_at, actor, "sealing_key.created", &place);
        Ok((SealingKeyRow { id, sealed_key, created_at, seals_from }, audit))
    }

    /// Gives every app that has none a number and a secret for a vendor's widget: those that were made before there were such.
    pub(crate) async fn ensure_captcha_apps(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> anyhow::Result<()> {
        let rows = self.records.directory().await?;
        for app in rows.apps.iter().filter(|app| !rows.captcha_apps.iter().any(|row| row.app == app.id)) {
            let secret = Secret::new(entropy.text(SECRET_CHARACTERS, CAPTCHA_SECRET_LENGTH));
            self.ensure_captcha_app(&app.id, (None, &secret), "server", clock, entropy).await?;
        }
        Ok(())
    }

    /// Gives an app that has none a number, this one if one is named, and this secret; returns what it has.
    pub(crate) async fn ensure_captcha_app(
        &self,
        app: &AppId,
        (id, secret): (Option<CaptchaAppId>, &Secret<String>),
        actor: &str,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<CaptchaAppRow> {
        let place = CaptchaAppRow::place(app);
        let sealed_secret = self.master_key.load()?.seal(&place, secret.expose().as_bytes(), entropy)?;
        let new = NewCaptchaApp { app: app.clone(), id, sealed_secret, created_at: clock.now() };
        let audit = AuditEntry::new(clock.now(), actor, "captcha_app.created", app.as_str());
        Ok(self.records.ensure_captcha_app(new, audit).await?)
    }

    /// The installation's secret `name`: the one that is kept, or else what `draw` makes.
    pub(crate) async fn secret(
        &self,
        name: &str,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
        draw: impl FnOnce() -> anyhow::Result<Secret<Vec<u8>>>,
    ) -> anyhow::Result<Secret<Vec<u8>>> {
        let place = SecretRow::place(name);
        let master_key = self.master_key.load()?;
        let rows = self.records.directory().await?.secrets;
        let row = if let Some(row) = rows.into_iter().find(|row| row.name == name) {
            row
        } else {
            let sealed = master_key.seal(&place, draw()?.expose(), entropy)?;
            let row = SecretRow { name: name.to_owned(), sealed, created_at: clock.now() };
            let audit = AuditEntry::new(clock.now(), "server", "secret.created", name);
            self.records.ensure_secret(row, audit).await?
        };
        master_key.open(&place, &row.sealed).with_context(|| format!("{place} does not open under this master key"))
    }

    /// The same, of a secret that is 32 random bytes.
    async fn key(&self, name: &str, clock: &dyn Clock, entropy: &dyn Entropy) -> anyhow::Result<Secret<[u8; 32]>> {
        let secret = self.secret(name, clock, entropy, || Ok(Secret::new(entropy.array::<32>().to_vec()))).await?;
        let secret = <[u8; 32]>::try_from(secret.expose().as_slice()).map(Secret::new);
        secret.map_err(|_| anyhow::anyhow!("secret/{name} is not 32 bytes"))
    }

    /// What operations on install codes and agents need.
    pub(crate) async fn machines(
        &self,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> anyhow::Result<MachinePorts> {
        let secret = self.key(InstallCodeKeys::NAME, &*clock, &*entropy).await?;
        let (records, keys) = (Arc::clone(&self.records), Arc::new(InstallCodeKeys::new(&secret)));
        Ok(MachinePorts { records, keys, clock, entropy })
    }

    /// The installation's keys for contacts.
    pub(crate) async fn contact_keys(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<Arc<ContactKeys>> {
        Ok(Arc::new(ContactKeys::new(&self.key(ContactKeys::NAME, clock, entropy).await?)))
    }

    /// The installation's keys for who used it.
    pub(crate) async fn usage_keys(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> anyhow::Result<Arc<UsageKeys>> {
        Ok(Arc::new(UsageKeys::new(&self.key(UsageKeys::NAME, clock, entropy).await?)))
    }

    /// What operations on accounts and what they own need.
    pub(crate) async fn owners(&self, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> anyhow::Result<OwnerPorts> {
        let keys = self.contact_keys(&*clock, &*entropy).await?;
        Ok(OwnerPorts { records: Arc::<dyn Records>::clone(&self.records), keys, clock, entropy })
    }

    /// What operations on codes and contacts need, with these settings' templates and senders.
    pub(crate) async fn codes(
        &self,
        config: &Config,
        senders: &[SenderSettings],
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tally: Arc<dyn Tally>,
    ) -> anyhow::Result<CodePorts> {
        let book = Book::open(&config.delivery.templates()).context("delivery.templates")?;
        Ok(CodePorts {
            records: Arc::<dyn Records>::clone(&self.records),
            keys: self.contact_keys(&*clock, &*entropy).await?,
            templates: Arc::new(book),
            routes: Arc::new(config::routes(senders)),
            directory,
            clock,
            entropy,
            tally,
        })
    }

    /// Makes the first sealing key, if there is none.
    pub(crate) async fn ensure_sealing_key(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> anyhow::Result<()> {
        let (row, audit) = self.draw_sealing_key("server", clock.now(), clock.now(), entropy)?;
        Ok(self.records.ensure_sealing_key(row, audit).await?)
    }
}
