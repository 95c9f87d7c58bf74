//! The listener: permits before accepting, patience with clients, and an end that lets calls finish.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::http::Dispatcher;
use crate::tls::Handshake;
use crate::{config, connection};

/// How long accepting pauses after an error such as "too many open files", which passes by itself.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Calls at once on one connection of HTTP/2.
    pub(crate) streams: u32,
    /// For a request's head, between two requests, and for the handshake of TLS or the byte that says that there is none.
    pub(crate) head: Duration,
    /// For leaving an answer unread.
    pub(crate) unread: Duration,
    /// For calls under way, once stopping.
    pub(crate) drain: Duration,
}

impl Limits {
    /// The limits in the settings.
    pub(crate) fn of(settings: &config::Limits) -> Self {
        Self {
            connections: usize::try_from(settings.connections).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS),
            streams: settings.streams,
            head: config::seconds(settings.head_seconds),
            unread: config::seconds(settings.unread_seconds),
            drain: config::seconds(settings.drain_seconds),
        }
    }
}

/// Serves `listener` until `stop` comes; then accepts no more and lets the calls under way finish, for `limits.drain` at
/// most. The listener and the stop come from outside, so that a test can bind port 0 and end it.
pub(crate) async fn run(
    listener: TcpListener,
    handshake: watch::Receiver<Handshake>,
    dispatcher: Arc<Dispatcher>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    // Connections hold a receiver each; when the last has gone, all calls are answered.
    let stopping = watch::Sender::new(false);
    tokio::pin!(stop);
    loop {
        // The permit comes first: connections that cannot be served wait in the kernel's queue.
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, peer) = listener.accept().await?;
            Ok::<_, io::Error>((stream, peer.ip(), permit))
        };
        let (stream, peer, permit) = tokio::select! {
            () = &mut stop => break,
            accepted = next => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let held = (permit, dispatcher.metrics().connection());
        let handshake = handshake.borrow().clone();
        let connection =
            connection::serve(stream, peer, handshake, Arc::clone(&dispatcher), limits, stopping.subscribe());
        tokio::spawn(async move {
            let _held = held;
            if let Err(error) = connection.await {
                tracing::debug!("a connection broke off: {error:#}");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: finishing the calls under way");
    stopping.send_replace(true);
    if timeout(limits.drain, stopping.closed()).await.is_err() {
        tracing::warn!("stopped with calls under way");
    }
}
