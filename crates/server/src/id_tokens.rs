//! Id tokens as signed JWTs (RFC 7519, ES256), and the keys with which anybody can check them.
//!
//! The keys are secrets of the installation, the same on every node. A fresh one is shown before it signs, so that whoever keeps
//! the key set for a minute knows it by then; an old one is shown until the last token that it signed has expired.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_domain::ports::{
    Clock, DirectoryRows, Entropy, IdClaims, IdTokenFailure, IdTokens, Records, SecretRow,
};
use countersign_domain::sealing::MasterKey;
use countersign_domain::secret::Secret;
use countersign_domain::time::Timestamp;
use countersign_domain::user::Proof;
use parking_lot::RwLock;
use rcgen::{KeyPair, SigningKey as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::der::{Der, INTEGER, SEQUENCE};
use crate::hex;
use crate::master_key::MasterKeySource;
use crate::vault::Vault;

/// The first key's name among the installation's secrets. Later ones have a number behind it: [`SecretRow`]s are never replaced.
const SECRET: &str = "id_tokens";
/// From being made to signing: longer than anybody may keep the key set.
pub(crate) const SHOWN_BEFORE: Duration = Duration::from_mins(2);
/// From signing no more to being shown no more: longer than any token lives, whatever the settings.
const SHOWN_AFTER: Duration = Duration::from_hours(25);

/// The keys, as of the last look at the records.
pub(crate) struct IdTokenKeys {
    master_key: MasterKeySource,
    clock: Arc<dyn Clock>,
    /// Oldest first; never empty.
    keys: RwLock<Arc<Vec<Key>>>,
}

struct Key {
    id: String,
    pair: KeyPair,
    created_at: Timestamp,
}

impl IdTokenKeys {
    /// The installation's keys, from the records; the first one is made where there is none.
    ///
    /// # Errors
    /// If the records do not open, or hold what is no key.
    pub(crate) async fn open(vault: &Vault, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        vault.secret(SECRET, &*clock, entropy, make).await?;
        let keys = read(&vault.records.directory().await?, &vault.master_key.load()?)?;
        Ok(Self { master_key: vault.master_key.clone(), clock, keys: RwLock::new(Arc::new(keys)) })
    }

    /// Looks at the records again: for whoever sees that they have changed.
    pub(crate) async fn refresh(&self, records: &dyn Records) -> anyhow::Result<()> {
        let keys = read(&records.directory().await?, &self.master_key.load()?)?;
        *self.keys.write() = Arc::new(keys);
        Ok(())
    }

    /// The signer for a server that apps reach at `issuer`.
    pub(crate) fn signer(self: &Arc<Self>, issuer: &str) -> Arc<dyn IdTokens> {
        Arc::new(Signer { keys: Arc::clone(self), issuer: issuer.to_owned() })
    }

    /// Those that are shown at `now`, and which of them signs.
    fn shown(&self, now: Timestamp) -> (Arc<Vec<Key>>, usize, usize) {
        let keys = Arc::clone(&self.keys.read());
        let signs = |at: Timestamp| keys.iter().rposition(|key| key.created_at.plus(SHOWN_BEFORE) <= at).unwrap_or(0);
        let (first, signer) = (signs(now.minus(SHOWN_AFTER)), signs(now));
        (keys, first, signer)
    }
}

/// A further key, beside those that there are.
///
/// # Errors
/// Those of the records and of the master key.
pub(crate) async fn add(vault: &Vault, clock: &dyn Clock, entropy: &dyn Entropy) -> anyhow::Result<String> {
    let name = format!("{SECRET}.{}", hex::encode(&entropy.array::<4>()));
    vault.secret(&name, clock, entropy, make).await?;
    Ok(name)
}

fn make() -> anyhow::Result<Secret<Vec<u8>>> {
    Ok(Secret::new(KeyPair::generate()?.serialize_der()))
}

fn read(rows: &DirectoryRows, master_key: &MasterKey) -> anyhow::Result<Vec<Key>> {
    let is_ours = |row: &&SecretRow| row.name.split('.').next() == Some(SECRET);
    let mut keys = Vec::new();
    for row in rows.secrets.iter().filter(is_ours) {
        let place = SecretRow::place(&row.name);
        let kept = master_key.open(&place, &row.sealed).with_context(|| format!("{place} does not open"))?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(kept.expose().as_slice()));
        let pair = KeyPair::try_from(&der).with_context(|| place.clone())?;
        ensure!(pair.public_key_raw().len() == 65, "{place} is no key of P-256");
        let id = hex::encode(Sha256::digest(pair.public_key_raw()).get(..8).unwrap_or_default());
        keys.push(Key { id, pair, created_at: row.created_at });
    }
    keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    ensure!(!keys.is_empty(), "there is no key for id tokens");
    Ok(keys)
}

struct Signer {
    keys: Arc<IdTokenKeys>,
    issuer: String,
}

#[derive(Serialize)]
struct HeaderJson<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

/// The claims of `OpenID` Connect; `amr` holds the words of RFC 8176.
#[derive(Serialize)]
struct ClaimsJson<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    amr: &'static [&'static str],
    sid: String,
}

#[derive(Serialize)]
struct KeySetJson<'a> {
    keys: Vec<KeyJson<'a>>,
}

#[derive(Serialize)]
struct KeyJson<'a> {
    kty: &'static str,
    crv: &'static str,
    x: String,
    y: String,
    kid: &'a str,
    alg: &'static str,
    r#use: &'static str,
}

impl Signer {
    fn token(&self, claims: &IdClaims) -> anyhow::Result<String> {
        let (keys, _, signer) = self.keys.shown(self.keys.clock.now());
        let key = keys.get(signer).context("there is no key")?;
        let header = HeaderJson { alg: "ES256", kid: &key.id, typ: "JWT" };
        let claims = ClaimsJson {
            iss: &self.issuer,
            sub: claims.user.to_string(),
            aud: claims.app.as_str(),
            iat: seconds(claims.issued_at),
            exp: seconds(claims.expires_at),
            auth_time: seconds(claims.let_in_at),
            amr: match claims.proof {
                Proof::Code => &["sms"],
                Proof::Password => &["pwd"],
                Proof::PasswordAndCode => &["pwd", "sms", "mfa"],
            },
            sid: claims.session.to_string(),
        };
        let mut token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims)?, &mut token);
        let signature = fixed(&key.pair.sign(token.as_bytes())?).context("the signature is none of P-256")?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl IdTokens for Signer {
    fn sign(&self, claims: &IdClaims) -> Result<Secret<String>, IdTokenFailure> {
        self.token(claims).map(Secret::new).map_err(|error| IdTokenFailure(format!("{error:#}")))
    }

    fn key_set(&self) -> String {
        let (keys, first, _) = self.keys.shown(self.keys.clock.now());
        let shown = keys.get(first..).unwrap_or_default().iter().filter_map(|key| {
            // 4, and the two coordinates (SEC 1, 2.3.3).
            let (x, y) = key.pair.public_key_raw().get(1..)?.split_at_checked(32)?;
            let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
            Some(KeyJson { kty: "EC", crv: "P-256", x, y, kid: &key.id, alg: "ES256", r#use: "sig" })
        });
        serde_json::to_string(&KeySetJson { keys: shown.collect() }).unwrap_or_default()
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.milliseconds().div_euclid(1_000)
}

/// A signature of ECDSA in DER as JWTs have it: both numbers in 32 bytes each (RFC 7518, 3.4).
fn fixed(der: &[u8]) -> Option<[u8; 64]> {
    let mut outer = Der::new(der);
    let mut numbers = outer.enter(SEQUENCE)?;
    outer.end()?;
    let mut fixed = [0; 64];
    for half in fixed.chunks_exact_mut(32) {
        let digits = numbers.take(INTEGER)?.digits();
        let at = half.len().checked_sub(digits.len())?;
        half.get_mut(at..)?.copy_from_slice(digits);
    }
    numbers.end()?;
    Some(fixed)
}

#[cfg(test)]
mod tests {
    use countersign_domain::testing::{ManualClock, SeededEntropy};
    use countersign_domain::user::{SessionId, UserId};
    use proptest::prelude::*;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::alg_id;
    use serde_json::{Value, json};

    use super::*;

    fn vault(folder: &std::path::Path) -> Vault {
        Vault::open(folder, None, &SeededEntropy::new(1)).unwrap()
    }

    async fn keys(vault: &Vault, clock: &Arc<ManualClock>) -> Arc<IdTokenKeys> {
        let clock = Arc::<ManualClock>::clone(clock);
        Arc::new(IdTokenKeys::open(vault, clock, &SeededEntropy::new(2)).await.unwrap())
    }

    fn claims(clock: &ManualClock) -> IdClaims {
        let now = clock.now();
        IdClaims {
            user: UserId::from_bytes([1; 16]),
            app: countersign_domain::testing::app("one").id,
            session: SessionId::from_bytes([2; 16]),
            proof: Proof::PasswordAndCode,
            let_in_at: now,
            issued_at: now.plus(Duration::from_mins(5)),
            expires_at: now.plus(Duration::from_hours(2)),
        }
    }

    fn part(text: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    /// The claims of a token, if a key of the set has signed it: as an app's server would read both, with other code than ours.
    fn checked(token: &str, key_set: &str) -> Option<Value> {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((&part(header)["alg"], &part(header)["typ"]), (&json!("ES256"), &json!("JWT")));
        let set: Value = serde_json::from_str(key_set).unwrap();
        let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == part(header)["kid"])?;
        let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        let public = [vec![4], coordinate("x"), coordinate("y")].concat();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let (r, s) = signature.split_at(32);
        let number = |digits: &[u8]| {
            let digits: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == 0).collect();
            let sign = if digits[0] > 0x7f { vec![0] } else { vec![] };
            [vec![2, u8::try_from(sign.len() + digits.len()).unwrap()], sign, digits].concat()
        };
        let numbers = [number(r), number(s)].concat();
        let der = [vec![0x30, u8::try_from(numbers.len()).unwrap()], numbers].concat();
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
        let algorithm = algorithms
            .iter()
            .find(|one| one.public_key_alg_id() == alg_id::ECDSA_P256 && one.signature_alg_id() == alg_id::ECDSA_SHA256)
            .unwrap();
        let signed = format!("{header}.{claims}");
        algorithm.verify_signature(&public, signed.as_bytes(), &der).ok().map(|()| part(claims))
    }

    #[tokio::test]
    async fn whoever_has_the_key_set_can_check_a_token() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
        let signer = keys(&vault(folder.path()), &clock).await.signer("https://verify.example.com");
        let token = signer.sign(&claims(&clock)).unwrap();
        let said = checked(token.expose(), &signer.key_set()).unwrap();
        let expected = json!({
            "iss": "https://verify.example.com",
            "sub": "01".repeat(16),
            "aud": "one",
            "iat": 1_795_000_300,
            "exp": 1_795_007_200,
            "auth_time": 1_795_000_000,
            "amr": ["pwd", "sms", "mfa"],
            "sid": "02".repeat(16),
        });
        assert_eq!(said, expected);
        let [head, tail] = token.expose().rsplitn(2, '.').collect::<Vec<_>>().try_into().unwrap();
        let other =
            signer.sign(&IdClaims { app: countersign_domain::testing::app("two").id, ..claims(&clock) }).unwrap();
        let foreign = other.expose().rsplit('.').next().unwrap();
        assert_ne!(head, foreign);
        assert_eq!(checked(&format!("{tail}.{foreign}"), &signer.key_set()), None, "another token's signature");
        assert!(!signer.key_set().contains("\"d\""), "no private part");
    }

    #[tokio::test]
    async fn a_fresh_key_is_shown_first_then_signs_and_the_old_one_is_shown_for_a_day_more() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
        let vault = vault(folder.path());
        let keys = keys(&vault, &clock).await;
        let signer = keys.signer("https://verify.example.com");
        let old = signer.sign(&claims(&clock)).unwrap();
        let kid = |token: &Secret<String>| part(token.expose().split('.').next().unwrap())["kid"].clone();
        clock.advance(Duration::from_hours(1));
        add(&vault, &*clock, &SeededEntropy::new(3)).await.unwrap();
        assert_eq!(signer.key_set().matches("kid").count(), 1, "nobody has looked yet");
        keys.refresh(&*vault.records).await.unwrap();
        assert_eq!(signer.key_set().matches("kid").count(), 2);
        assert_eq!(kid(&signer.sign(&claims(&clock)).unwrap()), kid(&old));
        clock.advance(SHOWN_BEFORE);
        let new = signer.sign(&claims(&clock)).unwrap();
        assert_ne!(kid(&new), kid(&old));
        clock.advance(SHOWN_AFTER.checked_sub(Duration::from_secs(1)).unwrap());
        assert!(
            checked(old.expose(), &signer.key_set()).is_some() && checked(new.expose(), &signer.key_set()).is_some()
        );
        clock.advance(Duration::from_secs(1));
        assert!(
            checked(old.expose(), &signer.key_set()).is_none() && checked(new.expose(), &signer.key_set()).is_some()
        );
    }

    #[tokio::test]
    async fn the_key_is_the_same_after_a_restart() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
        let first = keys(&vault(folder.path()), &clock).await.signer("https://verify.example.com");
        let token = first.sign(&claims(&clock)).unwrap();
        let second = keys(&vault(folder.path()), &clock).await.signer("https://verify.example.com");
        assert!(checked(token.expose(), &second.key_set()).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_reader_of_signatures(bytes: Vec<u8>) {
            let _any = fixed(&bytes);
        }
    }
}
