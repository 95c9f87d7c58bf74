//! HTTPS: where the certificate comes from, and how a new one takes the place of the old without a restart.
//!
//! A connection keeps the certificate that it began with; only new ones see another.

mod files;
mod own_ca;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_domain::ports::Clock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use crate::config::Config;
use files::Files;
use own_ca::OwnCa;

/// How often the certificate is looked at. A pair of files is taken when two looks have found the same, so that one that is
/// just being written is not complained about.
const LOOK: Duration = Duration::from_secs(2);

/// HTTP/2 first; a client that names neither speaks HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];
/// The name of HTTP/2 in the handshake.
pub(crate) const HTTP_2: &[u8] = b"h2";

/// The certificate that is served, and where the next one comes from.
pub(crate) struct Tls {
    source: Source,
    current: watch::Sender<TlsAcceptor>,
}

enum Source {
    Files(Files),
    OwnCa(OwnCa),
}

/// A certificate to serve from now on, or why there is none; nothing where the old one is good.
type Look = Option<anyhow::Result<ServerConfig>>;

impl Tls {
    /// The certificate that the settings name; `None` for plain HTTP.
    ///
    /// # Errors
    /// If it cannot be used: a sentence for the operator.
    pub(crate) fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Option<Self>> {
        let (source, first) = if config.tls.own_ca {
            let (source, first) = OwnCa::open(config, clock)?;
            (Source::OwnCa(source), first)
        } else if config.tls.has_files() {
            let (source, first) = Files::open(&config.tls.certificate, &config.tls.key)?;
            (Source::Files(source), first)
        } else {
            return Ok(None);
        };
        Ok(Some(Self { source, current: watch::Sender::new(acceptor(first)) }))
    }

    /// Whether the certificate that the settings name in files can be used; changes nothing.
    pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
        if config.tls.has_files() {
            Files::open(&config.tls.certificate, &config.tls.key)?;
        }
        Ok(())
    }

    /// What takes up new connections; it changes with the certificate.
    pub(crate) fn current(&self) -> watch::Receiver<TlsAcceptor> {
        self.current.subscribe()
    }

    /// The own authority's certificate, for clients to trust.
    pub(crate) fn ca(&self) -> Option<&Path> {
        match &self.source {
            Source::Files(_) => None,
            Source::OwnCa(own) => Some(own.certificate()),
        }
    }

    /// Follows the certificate's files or its age, and reads it again when `reload` says so; never ends.
    pub(crate) async fn follow(self, reload: &Notify) {
        let Self { mut source, current } = self;
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = tick.tick() => false,
                () = reload.notified() => true,
            };
            // Files may lie on a disk that hangs; calls must not wait for it.
            let looked = tokio::task::spawn_blocking(move || {
                let look = source.look(asked);
                (source, look)
            });
            let look;
            (source, look) = match looked.await {
                Ok(looked) => looked,
                Err(error) => {
                    tracing::error!(%error, "the certificate is followed no more");
                    return std::future::pending().await;
                }
            };
            match look {
                None => {}
                Some(Ok(config)) => {
                    current.send_replace(acceptor(config));
                    tracing::info!("new connections get the new certificate");
                }
                Some(Err(error)) => {
                    tracing::error!("the new certificate is refused and the old one keeps serving: {error:#}");
                }
            }
        }
    }
}

impl Source {
    fn look(&mut self, asked: bool) -> Look {
        match self {
            Self::Files(files) => files.look(asked),
            Self::OwnCa(own) => own.look(asked),
        }
    }
}

fn acceptor(config: ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}

/// TLS 1.2 and 1.3 with this certificate. The key must be its own.
fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}
