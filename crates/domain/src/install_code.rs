//! An install code: what a machine joins with, until its deadline.
//!
//! There are two forms. The short one is six characters of `[0-9A-Za-z]`, as a vendor's clients expect and as a person can type:
//! 35.7 bits, so it is safe only as long as guesses are counted, which the [guess budget](crate::guess_budget) does. The long
//! one carries 178 bits of secret and needs no such care: `csi_<id of 8>_<secret of 30><checksum of 6>`, all of `[0-9A-Za-z]`,
//! so that a double click selects it whole and a scanner for leaked secrets knows it by its prefix and checksum.
//!
//! At rest both are found by a keyed hash. The short form can be read again by whoever may, because the vendor's API lists
//! codes; it is kept sealed. The long one is shown once.

use std::net::IpAddr;
use std::time::Duration;

use crate::agent::OperatingSystem;
use crate::app::AppId;
use crate::group::GroupId;
use crate::network::Network;
use crate::ports::Entropy;
use crate::sealing::{MasterKey, NotOurs, mac};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The characters of codes, in the order of their value in a checksum.
const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "csi_";
/// Characters of a short code.
pub const SHORT: usize = 6;
const ID: usize = 8;
const SECRET: usize = 30;
const CHECKSUM: usize = 6;

/// Why a short code is refused is told for this long after its end; then it is unknown like any other text.
pub const TOLD_FOR: Duration = Duration::from_hours(24);

/// Names an install code where its text must not stand: in lists, logs and the audit trail. 8 characters of `[0-9A-Za-z]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstallCodeId(String);

impl InstallCodeId {
    /// A fresh id.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(entropy.text(CHARACTERS, ID))
    }

    /// The id, if `text` can be one.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == ID && is_plain(text)).then(|| Self(text.to_owned()))
    }

    /// The id as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The two forms of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Six characters, which can be guessed if nobody counts.
    Short,
    /// Forty-nine characters, which cannot.
    Long,
}

impl Form {
    /// The word for this form on the command line, in the native API and at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
        }
    }

    /// The form that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Short, Self::Long].into_iter().find(|form| form.word() == word)
    }
}

/// A code as it is typed or pasted.
pub struct CodeText {
    form: Form,
    text: Secret<String>,
}

/// A text that no install code of ours can be. Saying so tells a guesser nothing that these rules do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    /// Neither six characters nor the long form.
    #[error("an install code is 6 characters of 0-9A-Za-z, or csi_ and 45 more")]
    Shape,
    /// The long form with a typing error, or cut short.
    #[error("the checksum does not hold: a character of the install code is wrong or missing")]
    Checksum,
}

impl CodeText {
    /// A fresh short code.
    pub fn draw_short(entropy: &dyn Entropy) -> Self {
        Self { form: Form::Short, text: Secret::new(entropy.text(CHARACTERS, SHORT)) }
    }

    /// A fresh long code that carries `id`.
    pub fn draw_long(id: &InstallCodeId, entropy: &dyn Entropy) -> Self {
        let secret = Secret::new(entropy.text(CHARACTERS, SECRET));
        let mut text = String::with_capacity(PREFIX.len() + ID + 1 + SECRET + CHECKSUM);
        text.extend([PREFIX, id.as_str(), "_", secret.expose()]);
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Self { form: Form::Long, text: Secret::new(text) }
    }

    /// Reads a code; white space around it is ignored, because it is pasted.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn read(text: &str) -> Result<Self, NotACode> {
        let text = text.trim();
        let form = match text.strip_prefix(PREFIX) {
            Some(rest) => {
                let (id, secret) = rest.split_once('_').ok_or(NotACode::Shape)?;
                if id.len() != ID || !is_plain(id) || !is_plain(secret) {
                    return Err(NotACode::Shape);
                }
                let body = text.len().checked_sub(CHECKSUM).ok_or(NotACode::Shape)?;
                let (body, sum) = text.split_at_checked(body).ok_or(NotACode::Shape)?;
                if secret.len() != SECRET + CHECKSUM || checksum(body) != sum {
                    return Err(NotACode::Checksum);
                }
                Form::Long
            }
            None if text.len() == SHORT && is_plain(text) => Form::Short,
            None => return Err(NotACode::Shape),
        };
        Ok(Self { form, text: Secret::new(text.to_owned()) })
    }

    /// Which form it has.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The code itself.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// CRC-32 (IEEE 802.3) of `text` as six digits of base 62: it finds every wrong character, and two exchanged neighbours.
fn checksum(text: &str) -> String {
    let mut remainder = u32::MAX;
    for byte in text.bytes() {
        remainder ^= u32::from(byte);
        for _ in 0..8 {
            let divisor = if remainder & 1 == 1 { 0xedb8_8320 } else { 0 };
            remainder = remainder >> 1 ^ divisor;
        }
    }
    let mut rest = !remainder;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = CHARACTERS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

/// The installation's keys for install codes, both derived from one secret of 32 bytes.
pub struct InstallCodeKeys {
    index: Secret<[u8; 32]>,
    seal: MasterKey,
}

/// By what a code is found: a keyed hash of its text, of no use to whoever reads the store without the key.
pub type Lookup = [u8; 32];

impl InstallCodeKeys {
    /// What the secret is called in the records.
    pub const NAME: &str = "install_codes";

    /// The keys that follow from the installation's secret.
    pub fn new(secret: &Secret<[u8; 32]>) -> Self {
        let derived = |label: &[u8]| Secret::new(mac(secret.expose(), &[b"countersign install codes ", label]));
        Self { index: derived(b"index"), seal: MasterKey::new(derived(b"seal"), None) }
    }

    /// By what `code` is found.
    pub fn lookup(&self, code: &CodeText) -> Lookup {
        mac(self.index.expose(), &[code.form.word().as_bytes(), b"\0", code.expose().as_bytes()])
    }

    /// Seals a short code for its row.
    ///
    /// # Errors
    /// [`NotOurs`], which no text of a code's length gets.
    pub fn seal(&self, id: &InstallCodeId, code: &CodeText, entropy: &dyn Entropy) -> Result<Vec<u8>, NotOurs> {
        self.seal.seal(&place(id), code.expose().as_bytes(), entropy)
    }

    /// Opens what [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    /// [`NotOurs`] for another row, another installation, or after a change.
    pub fn open(&self, id: &InstallCodeId, sealed: &[u8]) -> Result<CodeText, NotOurs> {
        let plain = self.seal.open(&place(id), sealed)?;
        let text = std::str::from_utf8(plain.expose()).map_err(|_| NotOurs)?;
        CodeText::read(text).map_err(|_| NotOurs)
    }
}

fn place(id: &InstallCodeId) -> String {
    format!("install_code/{}", id.as_str())
}

/// By which way a machine reaches the server once it has joined. Each names an entry of the setting `agents.endpoints`; the
/// first of private link, proxy cluster and vendor that has one wins, and without any it is `public_url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who runs the machine's network, in the vendor's words: `ALIYUN` where nobody said. 1 to 32 characters.
    pub vendor: String,
    /// A proxy cluster. 1 to 64 characters.
    pub proxy_cluster: Option<String>,
    /// A private link.
    pub private_link: Option<i64>,
}

/// Which part of a route cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRoute {
    /// 1 to 32 characters, none of them a control character.
    #[error("vendor takes 1 to 32 characters")]
    Vendor,
    /// 1 to 64 characters, none of them a control character.
    #[error("proxy_cluster takes 1 to 64 characters")]
    ProxyCluster,
}

impl Route {
    /// The route of these names; of the default vendor where none is named.
    ///
    /// # Errors
    /// The first part that cannot be one.
    pub fn new(
        vendor: Option<String>,
        proxy_cluster: Option<String>,
        private_link: Option<i64>,
    ) -> Result<Self, BadRoute> {
        let fits =
            |text: &String, most| (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        let vendor = vendor.unwrap_or_else(|| Self::default().vendor);
        if !fits(&vendor, 32) {
            return Err(BadRoute::Vendor);
        }
        if !proxy_cluster.as_ref().is_none_or(|cluster| fits(cluster, 64)) {
            return Err(BadRoute::ProxyCluster);
        }
        Ok(Self { vendor, proxy_cluster, private_link })
    }
}

impl Default for Route {
    fn default() -> Self {
        Self { vendor: "ALIYUN".to_owned(), proxy_cluster: None, private_link: None }
    }
}

/// What a code allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From then on it admits nobody.
    pub deadline: Timestamp,
    /// Where its machines belong.
    pub group: GroupId,
    /// For which systems; `None` for any.
    pub os: Option<OperatingSystem>,
    /// From where machines may join; empty for anywhere.
    pub networks: Vec<Network>,
    /// How many machines may join; `None` for any number.
    pub max_uses: Option<u32>,
    /// Files are staged, and the machine joins at its next start: for images that many machines are made from.
    pub only_image: bool,
    /// How its machines reach the server.
    pub route: Route,
}

/// Who asked for a code, in what way. Asked again in the same way, the first two give the code that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The app's present code, without a wish.
    Current,
    /// A code that holds until a certain time.
    Until,
    /// A further code.
    Added,
}

impl Source {
    /// The word at rest.
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Until => "until",
            Self::Added => "added",
        }
    }

    /// The source that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Current, Self::Until, Self::Added].into_iter().find(|source| source.word() == word)
    }
}

/// An install code, but for its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallCode {
    /// Its name.
    pub id: InstallCodeId,
    /// Whose machines join with it.
    pub app: AppId,
    /// Its form.
    pub form: Form,
    /// How it was asked for.
    pub source: Source,
    /// What it allows.
    pub terms: Terms,
    /// How many machines have joined.
    pub uses: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom: an access key's id, or `cli`.
    pub created_by: String,
    /// From when on it admits nobody, because somebody said so.
    pub revoked_at: Option<Timestamp>,
}

/// An install code as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptInstallCode {
    /// All but its text.
    pub code: InstallCode,
    /// By what it is found.
    pub lookup: Lookup,
    /// The text of a short one, sealed; empty for a long one.
    pub sealed: Vec<u8>,
}

/// Why a code that exists admits a machine not, or not now. Whoever hears it has shown that it has the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeRefusal {
    /// Its deadline is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// As many machines as it allows have joined.
    Exhausted,
    /// It is for another operating system.
    OtherSystem,
    /// It is for machines elsewhere.
    OtherNetwork,
    /// It is for images: the machine joins at its next start.
    OnlyImage,
    /// Its app is switched off.
    AppDisabled,
}

impl CodeRefusal {
    /// The word for it in the audit trail, in metrics and in the native API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Exhausted => "exhausted",
            Self::OtherSystem => "other-system",
            Self::OtherNetwork => "other-network",
            Self::OnlyImage => "only-image",
            Self::AppDisabled => "app-disabled",
        }
    }
}

impl InstallCode {
    /// Whether it could admit anybody at `now`. Only codes that could are worth guessing.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.terms.deadline && !self.is_exhausted()
    }

    /// Whether a machine hears of it at `now` at all, be it why it is refused: a long code always; a short one until a day
    /// after its end. Each that is told makes all of them easier to find, so each has to be paid for by every guess.
    pub fn is_told(&self, now: Timestamp) -> bool {
        let over = now.minus(TOLD_FOR);
        let ended = self.revoked_at.map_or(self.terms.deadline, |revoked_at| revoked_at.min(self.terms.deadline));
        self.form == Form::Long || ended > over
    }

    fn is_exhausted(&self) -> bool {
        self.terms.max_uses.is_some_and(|most| self.uses >= most)
    }

    /// Why a machine with `os` at `client` may not join with it at `now`; `None` if it may. `staged` machines were installed
    /// from an image, and start for the first time. What is final comes before what another machine or time could mend.
    pub fn refuses(&self, now: Timestamp, client: IpAddr, os: OperatingSystem, staged: bool) -> Option<CodeRefusal> {
        let terms = &self.terms;
        let elsewhere = !terms.networks.is_empty() && !terms.networks.iter().any(|network| network.contains(client));
        let reasons = [
            (self.revoked_at.is_some(), CodeRefusal::Revoked),
            (now >= terms.deadline, CodeRefusal::Expired),
            (self.is_exhausted(), CodeRefusal::Exhausted),
            (terms.os.is_some_and(|wanted| wanted != os), CodeRefusal::OtherSystem),
            (elsewhere, CodeRefusal::OtherNetwork),
            (terms.only_image && !staged, CodeRefusal::OnlyImage),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }
}

#[cfg(test)]
mod tests;
