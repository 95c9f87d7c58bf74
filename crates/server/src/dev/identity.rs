use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use countersign_domain::access_key::{AccessKeyId, AccessKeyRow, Permissions};
use countersign_domain::account::{AccountId, AccountName};
use countersign_domain::agent::{AgentId, HostFacts, IssuedCertificate, OperatingSystem};
use countersign_domain::app::{App, AppId};
use countersign_domain::audit::AuditEntry;
use countersign_domain::captcha_app::CaptchaAppId;
use countersign_domain::code::Resource;
use countersign_domain::contact::Contact;
use countersign_domain::iam_user::{IamName, IamUser, IamUserId, domain_id, project_id};
use countersign_domain::install_code::{Form, Route};
use countersign_domain::language::Language;
use countersign_domain::network::Network;
use countersign_domain::office_site::{OfficeSite, SiteId, SiteKind, SiteName};
use countersign_domain::operations::{
    Actor, CodePolicy, IssueInstallCode, MachinePorts, ManageDirectory, NewAccount, NewInstallCode, NewResource,
    NewRows, OwnerPorts,
};
use countersign_domain::ports::{
    Admission, Admitted, AgentsWanted, Authority, Clock, Entropy, Records, RecordsError, Taken,
};
use countersign_domain::sealing::MasterKey;
use countersign_domain::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::vault::Vault;
use crate::{certificates, passwords, private_file};

/// Marks a folder that was made with `--dev`.
pub(crate) const FILE: &str = "dev.json";
/// Where the fixtures' networks route to: one of the two is in the way of a site with these addresses.
const ROUTES: [&str; 2] = ["10.0.0.0/12", "172.16.0.0/16"];
const YEAR: Duration = Duration::from_hours(24 * 365);

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";

/// Who a client is under `--dev`: the fields of `dev.json`. All are there from the first day; those of doors that are not
/// built yet are drawn already, so that they stay the same when the door comes.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    endpoint: String,
    client_id: String,
    pub(crate) site_key: String,
    site_secret: String,
    access_key_id: String,
    access_key_secret: String,
    denied_access_key_id: String,
    denied_access_key_secret: String,
    domain_id: String,
    project_id: String,
    iam: Iam,
    captcha_app_id: u64,
    captcha_app_secret: String,
    cen: Cen,
    agent_uuid: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Iam {
    domain: String,
    user: String,
    password: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Cen {
    owner_id: u64,
    owner_email: String,
    ids: Vec<String>,
    office_site_id: String,
}

/// Where the server was last that made the folder `data` with `--dev`; empty if it never listened, `None` if it was made
/// without.
pub(crate) fn endpoint(data: &Path) -> Option<String> {
    let kept = std::fs::read_to_string(data.join(FILE)).ok()?;
    Some(serde_json::from_str(&kept).map_or_else(|_| String::new(), |identity: Identity| identity.endpoint))
}

impl Identity {
    /// The identity that an earlier start wrote to `data`, with fresh fields where that was an older server and had fewer; or a
    /// fresh one. A file that cannot be read is never replaced: the records hold what it says.
    pub(crate) fn load(data: &Path, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        let kept = match std::fs::read_to_string(&path) {
            Ok(kept) => kept,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::draw(entropy).with_derived_ids()),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let advice = || format!("{}: mend it, or begin anew with another folder", path.display());
        let kept: serde_json::Value = serde_json::from_str(&kept).with_context(advice)?;
        anyhow::ensure!(kept["site_key"].is_string(), "it has no site_key: {}", advice());
        let mut whole = serde_json::to_value(Self::draw(entropy))?;
        lay_over(&mut whole, kept);
        Ok(serde_json::from_value::<Self>(whole).with_context(advice)?.with_derived_ids())
    }

    /// The ids that follow from the app's. Files of before there were such hold others.
    fn with_derived_ids(self) -> Self {
        match AppId::parse(&self.site_key) {
            Some(app) => Self { domain_id: domain_id(&app), project_id: project_id(&app), ..self },
            None => self, // refused by `ensure`
        }
    }

    fn draw(entropy: &dyn Entropy) -> Self {
        let site_key = entropy.text(LOWER, 32);
        Self {
            endpoint: String::new(),
            client_id: site_key.clone(),
            site_key,
            site_secret: entropy.text(MIXED, 40),
            access_key_id: format!("CSAK{}", entropy.text(UPPER, 16)),
            access_key_secret: entropy.text(MIXED, 40),
            denied_access_key_id: format!("CSAK{}", entropy.text(UPPER, 16)),
            denied_access_key_secret: entropy.text(MIXED, 40),
            domain_id: String::new(),
            project_id: String::new(),
            iam: Iam { domain: "dev".to_owned(), user: "dev".to_owned(), password: entropy.text(MIXED, 20) },
            captcha_app_id: 199_999_164,
            captcha_app_secret: entropy.text(MIXED, 24),
            cen: Cen {
                owner_id: 1_234_567_890_123_456,
                owner_email: "network-owner@example.com".to_owned(),
                ids: (0..2).map(|_| format!("cen-{}", entropy.text(LOWER, 18))).collect(),
                office_site_id: format!("cn-hangzhou+dir-{}", entropy.text(DIGITS, 10)),
            },
            agent_uuid: uuid(entropy),
        }
    }

    /// The key with every permission.
    pub(crate) fn access_key(&self) -> anyhow::Result<AccessKeyId> {
        AccessKeyId::parse(&self.access_key_id).with_context(|| format!("{FILE}: access_key_id is none"))
    }

    /// The same, at this address.
    pub(crate) fn at(&self, endpoint: String) -> Self {
        Self { endpoint, ..self.clone() }
    }

    /// Makes the app, its keys and its user where they are missing.
    pub(crate) async fn ensure(
        &self,
        records: &dyn Records,
        master_key: &MasterKey,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<()> {
        let app = AppId::parse(&self.site_key).ok_or_else(|| anyhow::anyhow!("{FILE}: site_key is no app id"))?;
        let entry = |event: &str, subject: &str| AuditEntry::new(clock.now(), "dev", event, subject);
        let row = App { id: app.clone(), name: "dev".to_owned(), tenant: None, enabled: true, created_at: clock.now() };
        existing_is_fine(records.create_app(row, entry("app.created", app.as_str())).await)?;
        let keys = [
            (&self.access_key_id, &self.access_key_secret, Permissions::All),
            (&self.denied_access_key_id, &self.denied_access_key_secret, Permissions::Only([].into())),
        ];
        for (id, secret, permissions) in keys {
            let id = AccessKeyId::parse(id).ok_or_else(|| anyhow::anyhow!("{FILE}: {id} is no access key id"))?;
            let entry = entry("access_key.created", id.as_str());
            let row = AccessKeyRow {
                sealed_secret: master_key.seal(&id.place(), secret.as_bytes(), entropy)?,
                id,
                app: app.clone(),
                permissions,
                enabled: true,
                created_at: clock.now(),
            };
            existing_is_fine(records.create_access_key(row, entry).await)?;
        }
        let name = |text: &str| IamName::parse(text).ok_or_else(|| anyhow::anyhow!("{FILE}: iam: {text:?} is no name"));
        let (id, domain) = (IamUserId::draw(entropy), name(&self.iam.domain)?);
        let user = IamUser {
            id,
            app,
            domain,
            name: name(&self.iam.user)?,
            password: passwords::hash(self.iam.password.as_bytes(), &entropy.array())?,
            permissions: Permissions::All,
            enabled: true,
            created_at: clock.now(),
        };
        existing_is_fine(records.create_iam_user(user, entry("iam_user.created", &id.to_string())).await)?;
        Ok(())
    }

    /// Gives the app its number for a vendor's widget, and the secret that goes with it.
    pub(crate) async fn ensure_captcha_app(
        &self,
        vault: &Vault,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<()> {
        let app = AppId::parse(&self.site_key).with_context(|| format!("{FILE}: site_key is no app id"))?;
        let id = CaptchaAppId::new(self.captcha_app_id).with_context(|| format!("{FILE}: captcha_app_id is none"))?;
        let secret = Secret::new(self.captcha_app_secret.clone());
        vault.ensure_captcha_app(&app, (Some(id), &secret), "dev", clock, entropy).await.map(drop)
    }

    /// Lets the agent join where it is missing: with a short code, as through the vendor's door, and a key that nobody has.
    pub(crate) async fn ensure_agent(&self, machines: &MachinePorts, authority: &dyn Authority) -> anyhow::Result<()> {
        let app = AppId::parse(&self.site_key).with_context(|| format!("{FILE}: site_key is no app id"))?;
        let id = AgentId::parse(&self.agent_uuid).with_context(|| format!("{FILE}: agent_uuid is no UUID"))?;
        let (records, now) = (&machines.records, machines.clock.now());
        let known = records.agents(AgentsWanted { ids: vec![id], limit: 1, ..AgentsWanted::default() }).await?;
        if !known.is_empty() {
            return Ok(());
        }
        let by = Actor { name: "dev", detail: "" };
        let policy = CodePolicy { short_lifetime: YEAR, long_lifetime: YEAR, most_live_short: u32::MAX };
        let wanted = NewInstallCode {
            form: Form::Short,
            deadline: None,
            group: None,
            os: Some(OperatingSystem::Linux),
            networks: Vec::new(),
            max_uses: Some(1),
            only_image: false,
            route: Route::default(),
        };
        let issued = IssueInstallCode::new(machines.clone(), policy).add(&app, wanted, by).await?;
        let request = certificates::request(&rcgen::KeyPair::generate()?)?;
        let request = authority.read(&request)?;
        let expires_at = now.plus(YEAR);
        let certified = authority.certify(&request, id, now, expires_at)?;
        let admission = Admission {
            form: Form::Short,
            lookup: machines.keys.lookup(&issued.text),
            agent: id,
            host: HostFacts::new("dev-machine", OperatingSystem::Linux, "x86_64", "")?,
            certificate: IssuedCertificate {
                certificate: certified.certificate,
                serial: certified.serial,
                request: request.fingerprint,
                issued_at: now,
                expires_at,
            },
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            staged: false,
            now,
            repeat: Duration::ZERO,
        };
        match records.admit_agent(admission).await? {
            Admitted::Joined(_) => Ok(records.see_agent(id, certified.serial, now).await.map(drop)?),
            other => anyhow::bail!("the agent of {FILE} could not join: {other:?}"),
        }
    }

    /// Puts the account of somebody else into the directory, its two networks, and an office site of the app's.
    pub(crate) async fn ensure_owners(&self, owners: &OwnerPorts) -> anyhow::Result<()> {
        let app = AppId::parse(&self.site_key).with_context(|| format!("{FILE}: site_key is no app id"))?;
        let id = AccountId::from_number(self.cen.owner_id).with_context(|| format!("{FILE}: cen.owner_id is none"))?;
        let account = NewAccount {
            id,
            name: AccountName::parse("network owner").context("a name")?,
            is_own: false,
            contact: Contact::address(&self.cen.owner_email).with_context(|| format!("{FILE}: cen.owner_email"))?,
            language: Language::English,
        };
        let resource = |(text, route): (&String, &str)| {
            let id = Resource::parse(text).with_context(|| format!("{FILE}: cen.ids: {text:?} is none"))?;
            Ok(NewResource { id, account: account.id, networks: vec![Network::try_from(route.to_owned())?] })
        };
        let resources = self.cen.ids.iter().zip(ROUTES).map(resource).collect::<anyhow::Result<_>>()?;
        let site = OfficeSite {
            app: app.clone(),
            id: SiteId::parse(&self.cen.office_site_id).with_context(|| format!("{FILE}: cen.office_site_id"))?,
            name: SiteName::parse("dev").unwrap_or_default(),
            kind: SiteKind::Simple,
            network: None,
            created_at: owners.clock.now(),
        };
        let rows = NewRows { accounts: vec![account], resources, sites: vec![site] };
        let by = Actor { name: "dev", detail: "" };
        Ok(ManageDirectory::new(owners.clone()).keep(&app, rows, Taken::Replace, by).await?)
    }

    /// Writes `dev.json`, whole or not at all.
    pub(crate) fn write(&self, data: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(private_file::write(&data.join(FILE), &text)?)
    }

    /// The same as a table for people.
    pub(crate) fn table(&self) -> anyhow::Result<String> {
        let mut table = String::new();
        rows("", &serde_json::to_value(self)?, &mut table);
        Ok(table)
    }
}

/// Puts what `kept` says over `whole`, field by field.
fn lay_over(whole: &mut serde_json::Value, kept: serde_json::Value) {
    match (whole, kept) {
        (serde_json::Value::Object(whole), serde_json::Value::Object(kept)) => {
            for (name, value) in kept {
                lay_over(whole.entry(name).or_insert(serde_json::Value::Null), value);
            }
        }
        (whole, kept) => *whole = kept,
    }
}

fn rows(path: &str, value: &serde_json::Value, table: &mut String) {
    use std::fmt::Write as _;

    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                rows(&path, value, table);
            }
        }
        serde_json::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                rows(&format!("{path}[{index}]"), value, table);
            }
        }
        serde_json::Value::String(text) => {
            let _infallible = writeln!(table, "  {path:<26} {text}");
        }
        other => {
            let _infallible = writeln!(table, "  {path:<26} {other}");
        }
    }
}

fn existing_is_fine(outcome: Result<(), RecordsError>) -> Result<(), RecordsError> {
    match outcome {
        Ok(()) | Err(RecordsError::Exists) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A random UUID, version 4.
fn uuid(entropy: &dyn Entropy) -> String {
    let mut digits = entropy.text(HEX, 32);
    digits.replace_range(12..13, "4");
    digits.replace_range(16..17, &entropy.text(b"89ab", 1));
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::SeededEntropy;

    use super::*;

    #[test]
    fn what_an_earlier_start_wrote_is_kept_and_never_replaced_in_silence() {
        let place = tempfile::tempdir().unwrap();
        let (data, path) = (place.path(), place.path().join(FILE));
        let load = |seed| Identity::load(data, &SeededEntropy::new(seed));
        let first = load(1).unwrap();
        first.write(data).unwrap();
        assert_eq!(load(2).unwrap().site_key, first.site_key);

        // As an older server wrote it, which knew fewer fields.
        let mut older = serde_json::to_value(&first).unwrap();
        older.as_object_mut().unwrap().remove("cen");
        older["iam"].as_object_mut().unwrap().remove("user");
        std::fs::write(&path, older.to_string()).unwrap();
        let filled = load(3).unwrap();
        assert_eq!((&filled.site_key, &filled.iam.password), (&first.site_key, &first.iam.password));
        assert_eq!((filled.iam.user.as_str(), filled.cen.ids.len()), ("dev", 2));

        let whole = serde_json::to_string(&first).unwrap();
        for broken in ["", &whole[..whole.len() / 2], "{}", "[]", r#"{"site_key":1}"#] {
            std::fs::write(&path, broken).unwrap();
            let refused = format!("{:#}", load(4).err().unwrap());
            assert!(refused.contains("dev.json"), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
        }
    }
}
