use std::io::Write as _;
use std::time::Duration;

use clap::Subcommand;
use countersign_domain::captcha_app::CaptchaAppRow;
use countersign_domain::ports::{Clock as _, Entropy, RecordsError, Reseal, SealingKeyRow, SecretRow};

use super::app::entry;
use super::{Place, block_on};
use crate::config;
use crate::id_tokens;
use crate::system::{OsEntropy, SystemClock};
use crate::vault::Vault;

/// How long a server may take to see a new key. It looks twice a second.
const NOTICE: Duration = Duration::from_secs(5);
/// How long a relieved sealing key goes on opening: longer than any token lives, whatever the settings.
const RELIEVED: Duration = Duration::from_hours(25);

#[derive(Subcommand)]
pub(super) enum RotateCommand {
    /// Make a new sealing key; it seals in a few seconds, when every server knows it, and the old one opens for a day more
    SealingKey {
        #[command(flatten)]
        place: Place,
    },
    /// Make a new key for id tokens; it signs in two minutes, when whoever keeps the key set knows it, and the old one is shown
    /// until its last token has expired
    IdTokens {
        #[command(flatten)]
        place: Place,
    },
    /// Make a new master key in master.key and seal every secret under it; the old one stays in the file's second line, and
    /// opens, until the next rotation
    MasterKey {
        #[command(flatten)]
        place: Place,
    },
}

impl RotateCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let said = match self {
            Self::SealingKey { place } => sealing_key(&place)?,
            Self::IdTokens { place } => id_tokens(&place)?,
            Self::MasterKey { place } => master_key(&place)?,
        };
        writeln!(std::io::stdout(), "{said}")?;
        Ok(())
    }
}

fn sealing_key(place: &Place) -> anyhow::Result<String> {
    let skew = config::seconds(place.config(None, config::Mode::Production)?.marks.clock_skew_seconds);
    let vault = place.vault()?;
    let now = SystemClock::new().now();
    let (row, audit) = vault.draw_sealing_key("cli", now, now.plus(skew).plus(NOTICE), &OsEntropy)?;
    let relieved_before = now.minus(RELIEVED);
    let name = SealingKeyRow::place(row.id);
    block_on(async { Ok(vault.records.rotate_sealing_key(row, relieved_before, audit).await?) })?;
    Ok(format!("{name} seals in {} seconds", (skew + NOTICE).as_secs()))
}

fn id_tokens(place: &Place) -> anyhow::Result<String> {
    let vault = place.vault()?;
    let name = block_on(id_tokens::add(&vault, &SystemClock::new(), &OsEntropy))?;
    Ok(format!("secret/{name} signs in {} seconds", id_tokens::SHOWN_BEFORE.as_secs()))
}

fn master_key(place: &Place) -> anyhow::Result<String> {
    let vault = place.vault()?;
    // What an interrupted rotation left under the key before comes first: that key is forgotten now.
    reseal(&vault)?;
    vault.master_key.rotate(&OsEntropy)?;
    let count = reseal(&vault)?;
    Ok(format!("{count} secrets are sealed under the new master key"))
}

/// Seals everything under the current master key that is not; returns how many secrets there were.
fn reseal(vault: &Vault) -> anyhow::Result<usize> {
    let entropy: &dyn Entropy = &OsEntropy;
    loop {
        let rows = block_on(async { Ok(vault.records.directory().await?) })?;
        let master_key = vault.master_key.load()?;
        let fresh = |place: String, sealed: &[u8]| {
            let plain = master_key.open(&place, sealed)?;
            anyhow::Ok(
                (!master_key.is_current(&place, sealed)).then(|| master_key.seal(&place, plain.expose(), entropy)),
            )
        };
        let mut seals = Reseal::default();
        for key in &rows.access_keys {
            if let Some(sealed) = fresh(key.id.place(), &key.sealed_secret)? {
                seals.access_keys.push((key.id.clone(), sealed?));
            }
        }
        for row in &rows.captcha_apps {
            if let Some(sealed) = fresh(CaptchaAppRow::place(&row.app), &row.sealed_secret)? {
                seals.captcha_apps.push((row.app.clone(), sealed?));
            }
        }
        for key in &rows.sealing_keys {
            if let Some(sealed) = fresh(SealingKeyRow::place(key.id), &key.sealed_key)? {
                seals.sealing_keys.push((key.id, sealed?));
            }
        }
        for secret in &rows.secrets {
            if let Some(sealed) = fresh(SecretRow::place(&secret.name), &secret.sealed)? {
                seals.secrets.push((secret.name.clone(), sealed?));
            }
        }
        let count = seals.access_keys.len() + seals.captcha_apps.len() + seals.sealing_keys.len() + seals.secrets.len();
        if count == 0 {
            return Ok(0);
        }
        let audit = entry("master_key.rotated", &format!("{count} secrets"));
        match block_on(async { Ok(vault.records.reseal(rows.revision, seals, audit).await) })? {
            // Another command made or changed something in between: look again.
            Err(RecordsError::Changed) => {}
            outcome => return Ok(outcome.map(|()| count)?),
        }
    }
}
