//! One connection from its first byte to its last: the handshake of TLS within its time, then HTTP/1.1 or HTTP/2.
//!
//! Which of the two is settled in the handshake, and a plain connection speaks HTTP/1.1. One thing is guessed from the first
//! byte, and only where plain HTTP is served: whether an agent begins TLS. A client can let us wait for that byte no longer
//! than for a handshake.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::calls::Calls;
use crate::http::{Caller, Dispatcher};
use crate::listen::Limits;
use crate::tls::{HTTP_2, Handshake};
use crate::unread::Unread;

/// All headers of a request over HTTP/2, by HTTP/2's own count.
const HEADERS: u32 = 16 * 1024;
/// What a client may send unasked on one call: a whole body.
const CALL_WINDOW: u32 = 64 * 1024;
/// What a client may send unasked on one connection.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Calls that a client took back before they were begun, at once; a flood of them ends the connection.
const TAKEN_BACK: usize = 20;
/// Calls that were refused because the client broke the protocol, until the connection ends.
const BROKEN: usize = 100;
/// How long a client over HTTP/2 has to answer the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// With this byte begins a record of TLS's handshake, and no method of HTTP.
const TLS_HANDSHAKE: u8 = 0x16;

/// Serves a connection until its client or its time ends it; when `stop` turns true, until its calls are answered.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    handshake: Handshake,
    dispatcher: Arc<Dispatcher>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    // Small answers must not wait for the client's acknowledgement. A socket that refuses the option still works.
    let _refused = stream.set_nodelay(true);
    let stream = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
        stream = timeout(limits.head, open(stream, &handshake, limits)) => {
            stream.context("the handshake took too long")?.context("the handshake failed")?
        }
    };
    match stream {
        Stream::Plain(stream) => http_1(stream, Caller { peer, agent: None }, dispatcher, limits, stop).await,
        Stream::Tls(stream) => {
            let tls = stream.get_ref().1;
            let caller = Caller { peer, agent: handshake.peers.agent(tls) };
            if tls.alpn_protocol() == Some(HTTP_2) {
                http_2(stream, caller, dispatcher, limits, stop).await
            } else {
                http_1(stream, caller, dispatcher, limits, stop).await
            }
        }
    }
}

enum Stream {
    Plain(Unread),
    Tls(Box<TlsStream<Unread>>),
}

/// Finds out what the client speaks, and shakes hands where that is TLS.
async fn open(stream: TcpStream, handshake: &Handshake, limits: Limits) -> io::Result<Stream> {
    let is_tls = !handshake.plain || begins_with_tls(&stream).await?;
    let stream = Unread::new(stream, limits.unread);
    if is_tls { Ok(Stream::Tls(Box::new(handshake.acceptor.accept(stream).await?))) } else { Ok(Stream::Plain(stream)) }
}

async fn begins_with_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? > 0 && first == [TLS_HANDSHAKE])
}

async fn http_1(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    caller: Caller,
    dispatcher: Arc<Dispatcher>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_headers(100).max_buf_size(64 * 1024);
    let service = service_fn(move |request| Arc::clone(&dispatcher).serve(caller, request));
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}

async fn http_2(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    caller: Caller,
    dispatcher: Arc<Dispatcher>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEADERS)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(BROKEN)
        // A peer that is gone without a word answers no ping.
        .keep_alive_interval(limits.head / 2)
        .keep_alive_timeout(limits.head / 2);
    let calls = Calls::new(limits.streams, limits.unread);
    let answering = Arc::clone(&calls);
    let service = service_fn(move |request| Arc::clone(&answering).serve(Arc::clone(&dispatcher), caller, request));
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = calls.overdue() => anyhow::bail!("the client does not read"),
        // HTTP/2 has no time for the first bytes nor between calls: ours counts for both.
        () = calls.none_for(limits.head) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // The connection ends when the client has answered the goodbye; where it does not, once nothing is under way.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection.as_mut() => Ok(ended?),
        () = calls.overdue() => anyhow::bail!("the client does not read"),
        () = calls.none_for(GOODBYE) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
