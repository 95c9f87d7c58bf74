//! The RSA key of OneAccess's `X-signature`. One key of the installation: a session's token belongs to one app in any case, so a
//! key for each app would keep nothing apart, and nobody has to make one for apps that never ask.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::ports::{Busy, Clock, Entropy, SessionSignatures};
use countersign_domain::secret::Secret;
use tokio::sync::OnceCell;

use crate::vault::Vault;

/// The key's name among the installation's secrets.
const SECRET: &str = "session_signatures";

/// The key, read from the records when it is first asked for, or made then: most installations never need one, and making it
/// takes a core for a while.
pub(crate) struct RsaSignatures {
    vault: Vault,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    key: OnceCell<Arc<Key>>,
}

struct Key {
    public: String,
    private: OaepPrivateDecryptingKey,
}

impl RsaSignatures {
    pub(crate) fn new(vault: Vault, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { vault, clock, entropy, key: OnceCell::new() }
    }

    async fn key(&self) -> Result<Arc<Key>, Busy> {
        let kept = self.key.get_or_try_init(|| self.read()).await;
        kept.cloned().map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "there is no key for X-signature");
            Busy
        })
    }

    async fn read(&self) -> anyhow::Result<Arc<Key>> {
        // Made before anybody has looked whether there is one: that is once in a server's life, and here a thread may block.
        let fresh = tokio::task::spawn_blocking(make).await??;
        let kept = self.vault.secret(SECRET, &*self.clock, &*self.entropy, || Ok(fresh)).await?;
        Ok(Arc::new(Key::read(kept.expose())?))
    }
}

impl Key {
    fn read(pkcs8: &[u8]) -> anyhow::Result<Self> {
        let private = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|error| anyhow!("{SECRET}: {error}"))?;
        let public: PublicKeyX509Der<'_> = private.public_key().as_der().context(SECRET)?;
        let public = STANDARD.encode(public.as_ref());
        Ok(Self { public, private: OaepPrivateDecryptingKey::new(private).context(SECRET)? })
    }

    /// RSAES-OAEP (RFC 8017) with SHA-256 for the hash and for MGF1.
    fn open(&self, text: &str) -> Option<Secret<Vec<u8>>> {
        let hidden = STANDARD.decode(text).ok()?;
        let mut room = vec![0; self.private.min_output_size()];
        let plain = self.private.decrypt(&OAEP_SHA256_MGF1SHA256, &hidden, &mut room, None).ok()?;
        Some(Secret::new(plain.to_vec()))
    }
}

fn make() -> anyhow::Result<Secret<Vec<u8>>> {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der()?;
    Ok(Secret::new(pkcs8.as_ref().to_vec()))
}

#[async_trait]
impl SessionSignatures for RsaSignatures {
    async fn public_key(&self) -> Result<String, Busy> {
        Ok(self.key().await?.public.clone())
    }

    async fn open(&self, text: &str) -> Result<Option<Secret<Vec<u8>>>, Busy> {
        let (key, text) = (self.key().await?, text.to_owned());
        tokio::task::spawn_blocking(move || key.open(&text)).await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's cryptography 48.0.0.
    #[test]
    fn what_another_implementation_has_encrypted_opens_and_nothing_else() {
        let vector: serde_json::Value = serde_json::from_str(include_str!("session_signatures/vector.json")).unwrap();
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let key = Key::read(&STANDARD.decode(text("private_key_pkcs8")).unwrap()).unwrap();
        assert_eq!(key.public, text("public_key"));
        let signature = text("signature");
        assert_eq!(key.open(&signature).unwrap().expose(), text("text").as_bytes());
        let changed = format!("A{}", &signature[1..]);
        for other in ["", "AAAA", "no base64", &signature[..100], &changed, &text("with_mgf1_sha1")] {
            assert!(key.open(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let made = make().unwrap();
        assert_eq!(Key::read(made.expose()).unwrap().public, Key::read(made.expose()).unwrap().public);
        assert!(Key::read(&made.expose()[1..]).is_err());
    }
}
