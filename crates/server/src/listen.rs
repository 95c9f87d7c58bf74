//! The listener: permits before accepting, patience with clients, and an end that lets calls finish.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::config;
use crate::http::Dispatcher;
use crate::unread::Unread;

/// How long accepting pauses after an error such as "too many open files", which passes by itself.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// For a request's head, and between two requests.
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
            head: config::seconds(settings.head_seconds),
            unread: config::seconds(settings.unread_seconds),
            drain: config::seconds(settings.drain_seconds),
        }
    }
}

/// Serves `listener` until `stop` comes; then accepts no more and lets the calls under way finish, for `limits.drain` at
/// most. The listener and the stop come from outside, so that a test can bind port 0 and end it.
///
pub(crate) async fn run(
    listener: TcpListener,
    dispatcher: Arc<Dispatcher>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_headers(100).max_buf_size(64 * 1024);
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
        // Small answers must not wait for the client's acknowledgement. A socket that refuses the option still works.
        let _refused = stream.set_nodelay(true);
        let answering = Arc::clone(&dispatcher);
        let connection = graceful.watch(http.serve_connection(
            TokioIo::new(Unread::new(stream, limits.unread)),
            service_fn(move |request| Arc::clone(&answering).serve(peer, request)),
        ));
        let guard = dispatcher.metrics().connection();
        tokio::spawn(async move {
            let _held = (permit, guard);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: finishing the calls under way");
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopped with calls under way");
    }
}
