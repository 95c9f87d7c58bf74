//! HTTPS: where the certificate comes from, and how a new one takes the place of the old without a restart.
//!
//! A connection keeps the certificate that it began with; only new ones see another. Agents are shown another certificate
//! than everybody else, and every client may show one of its own: see [`crate::agents`].

mod agents;
mod files;
mod own_ca;
mod pin;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_domain::ports::Clock;
use countersign_domain::time::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use crate::agents::{AgentAuthority, PROTOCOL};
use crate::config::Config;
use agents::ForAgents;
pub(crate) use agents::Peers;
use files::Files;
use own_ca::OwnCa;
pub use pin::Pin;

/// How often the certificate is looked at. A pair of files is taken when two looks have found the same, so that one that is
/// just being written is not complained about.
const LOOK: Duration = Duration::from_secs(2);

/// The name of HTTP/2 in the handshake.
pub(crate) const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// The certificates that are served, and where the next ones come from.
pub(crate) struct Tls {
    /// None without HTTPS.
    source: Option<Source>,
    for_agents: ForAgents,
    served: Served,
    current: watch::Sender<Handshake>,
}

enum Source {
    Files(Files),
    OwnCa(OwnCa),
}

/// A certificate to serve from now on, or why there is none; nothing where the old one is good.
type Look = Option<anyhow::Result<CertifiedKey>>;

/// How new connections are taken up.
#[derive(Clone)]
pub(crate) struct Handshake {
    pub(crate) acceptor: TlsAcceptor,
    /// Whether clients may speak plain HTTP, too. Then TLS is for agents only.
    pub(crate) plain: bool,
    /// Whoever shows a certificate.
    pub(crate) peers: Peers,
    /// The pin of the certificate that clients see who are no agents.
    pub(crate) pin: Option<Pin>,
}

impl Tls {
    /// The certificate that the settings name, and one for agents.
    ///
    /// # Errors
    /// If it cannot be used: a sentence for the operator.
    pub(crate) fn open(config: &Config, authority: Arc<AgentAuthority>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (source, public) = if config.tls.own_ca {
            let (source, first) = OwnCa::open(config, Arc::clone(&clock))?;
            (Some(Source::OwnCa(source)), Some(Arc::new(first)))
        } else if config.tls.has_files() {
            let (source, first) = Files::open(&config.tls.certificate, &config.tls.key)?;
            (Some(Source::Files(source)), Some(Arc::new(first)))
        } else {
            (None, None)
        };
        let peers = Peers::new(&authority, Arc::clone(&clock))?;
        let (for_agents, first) = ForAgents::new(authority, Arc::clone(&clock))?;
        let served = Served { public, agents: Arc::new(first), peers, clock };
        let current = watch::Sender::new(served.handshake()?);
        Ok(Self { source, for_agents, served, current })
    }

    /// Whether the certificate that the settings name in files can be used; changes nothing.
    pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
        if config.tls.has_files() {
            Files::open(&config.tls.certificate, &config.tls.key)?;
        }
        Ok(())
    }

    /// What takes up new connections; it changes with the certificates.
    pub(crate) fn current(&self) -> watch::Receiver<Handshake> {
        self.current.subscribe()
    }

    /// The own authority's certificate, for clients to trust.
    pub(crate) fn ca(&self) -> Option<&Path> {
        match &self.source {
            None | Some(Source::Files(_)) => None,
            Some(Source::OwnCa(own)) => Some(own.certificate()),
        }
    }

    /// Follows the certificates' files or their age, and reads them again when `reload` says so; never ends.
    pub(crate) async fn follow(self, reload: &Notify) {
        let Self { mut source, mut for_agents, mut served, current } = self;
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = tick.tick() => false,
                () = reload.notified() => true,
            };
            // Files may lie on a disk that hangs; calls must not wait for it.
            let looked = tokio::task::spawn_blocking(move || {
                let public = source.as_mut().and_then(|source| source.look(asked));
                let agents = for_agents.look();
                (source, for_agents, public, agents)
            });
            let (public, agents);
            (source, for_agents, public, agents) = match looked.await {
                Ok(looked) => looked,
                Err(error) => {
                    tracing::error!(%error, "the certificate is followed no more");
                    return std::future::pending().await;
                }
            };
            if served.take(public, agents) {
                match served.handshake() {
                    Ok(handshake) => drop(current.send_replace(handshake)),
                    Err(error) => tracing::error!("the old certificates keep serving: {error:#}"),
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

/// What is served now.
struct Served {
    public: Option<Arc<CertifiedKey>>,
    agents: Arc<CertifiedKey>,
    peers: Peers,
    clock: Arc<dyn Clock>,
}

impl Served {
    /// Takes in what a look has found; whether something changes.
    fn take(&mut self, public: Look, agents: Look) -> bool {
        let mut changes = false;
        match public {
            None => {}
            Some(Ok(certified)) => {
                (self.public, changes) = (Some(Arc::new(certified)), true);
                tracing::info!("new connections get the new certificate");
            }
            Some(Err(error)) => {
                tracing::error!("the new certificate is refused and the old one keeps serving: {error:#}");
            }
        }
        match agents {
            None => {}
            Some(Ok(certified)) => (self.agents, changes) = (Arc::new(certified), true),
            Some(Err(error)) => tracing::error!("the certificate for agents could not be renewed: {error:#}"),
        }
        changes
    }

    /// TLS 1.2 and 1.3 with these certificates.
    fn handshake(&self) -> anyhow::Result<Handshake> {
        let shown = Shown { public: self.public.clone(), agents: Arc::clone(&self.agents) };
        let mut config = ServerConfig::builder_with_details(provider(), OurTime::of(Arc::clone(&self.clock)))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(self.peers.at_the_handshake())
            .with_cert_resolver(Arc::new(shown));
        // The server's order counts. Who names none of them speaks HTTP/1.1.
        let protocols = if self.public.is_some() { &[PROTOCOL, HTTP_2, HTTP_1][..] } else { &[PROTOCOL] };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let leaf = self.public.as_ref().and_then(|public| public.cert.first());
        Ok(Handshake {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            plain: self.public.is_none(),
            peers: self.peers.clone(),
            pin: leaf.map(Pin::of).transpose()?,
        })
    }
}

/// Shows agents the certificate of their authority, and everybody else the public one.
#[derive(Debug)]
struct Shown {
    public: Option<Arc<CertifiedKey>>,
    agents: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut offered| offered.any(|name| name == PROTOCOL)) {
            Some(Arc::clone(&self.agents))
        } else {
            self.public.clone()
        }
    }
}

/// The one provider of ciphers.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The time by which certificates and sessions are judged: the clock's that everybody else goes by.
pub(crate) struct OurTime(Arc<dyn Clock>);

impl OurTime {
    pub(crate) fn of(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self(clock))
    }

    /// A time in TLS's own form. One before 1970 is 1970.
    fn at(time: Timestamp) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(time.milliseconds()).unwrap_or(0)))
    }
}

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(Self::at(self.0.now()))
    }
}

impl fmt::Debug for OurTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OurTime")
    }
}
