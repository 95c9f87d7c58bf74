//! The calls on one connection of HTTP/2: how many are under way, and whether their answers are read.
//!
//! A client may leave answers unread on one call while it reads on others, which the socket does not show; and it may take
//! a call back while the server works on it, which makes room for another. Both are counted here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Method, Request, Response};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{AbortHandle, JoinError};
use tokio::time::{sleep, timeout};

use crate::http::{Caller, Dispatcher};

/// How fast a client must read at least, in bytes a second: a big answer has that much more time.
const SLOWEST: u64 = 64 * 1024;

/// The calls on one connection.
pub(crate) struct Calls {
    open: watch::Sender<usize>,
    /// Also of calls that were taken back, until the server is done with them.
    permits: Arc<Semaphore>,
    unread: Duration,
    overdue: Notify,
}

impl Calls {
    /// At most `most` at once, and `unread` for a small answer to be read.
    pub(crate) fn new(most: u32, unread: Duration) -> Arc<Self> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(most));
        Arc::new(Self { open: watch::Sender::new(0), permits, unread, overdue: Notify::new() })
    }

    /// Ends when there was no call for as long as `patience`.
    pub(crate) async fn none_for(&self, patience: Duration) {
        let mut open = self.open.subscribe();
        loop {
            // The sender is `self`: neither wait can fail.
            drop(open.wait_for(|open| *open == 0).await);
            if timeout(patience, open.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Ends when an answer was left unread for too long.
    pub(crate) async fn overdue(&self) {
        self.overdue.notified().await;
    }

    /// Answers a call of `caller`. Fails only where the server is at its end.
    pub(crate) async fn serve(
        self: Arc<Self>,
        dispatcher: Arc<Dispatcher>,
        caller: Caller,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, JoinError> {
        let call = Call::begin(&self);
        let without_body = request.method() == Method::HEAD;
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        // A task of its own, so that a call that is taken back holds its permit until the server is done with it: taking
        // back must not buy more work at once than waiting does.
        let answer = tokio::spawn(async move {
            let _held = permit;
            dispatcher.serve(caller, request).await
        });
        let Ok(answer) = answer.await?;
        let (mut head, mut body) = answer.into_parts();
        if without_body {
            // Over HTTP/1.1 hyper leaves the body out by itself; over HTTP/2 it would send it.
            if let Some(length) = body.size_hint().exact() {
                head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
            }
            body = Full::default();
        }
        Ok(Response::from_parts(head, Answer::new(body, call, self)))
    }
}

/// One call under way, until it is dropped.
struct Call(Arc<Calls>);

impl Call {
    fn begin(calls: &Arc<Calls>) -> Self {
        calls.open.send_modify(|open| *open += 1);
        Self(Arc::clone(calls))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

/// An answer's body, which knows when it was read.
///
/// hyper takes a piece only when the client has made room for what was taken before. So the last byte goes by itself: when
/// it is taken, the client has read, or can no longer not read, all the others.
pub(crate) struct Answer {
    rest: Bytes,
    _call: Call,
    reader: AbortHandle,
}

impl Answer {
    fn new(body: Full<Bytes>, call: Call, calls: Arc<Calls>) -> Self {
        let rest = body.into_inner().unwrap_or_default();
        let patience = calls.unread + Duration::from_millis(rest.len() as u64 * 1_000 / SLOWEST);
        let reader = tokio::spawn(async move {
            sleep(patience).await;
            calls.overdue.notify_one();
        });
        Self { rest, _call: call, reader: reader.abort_handle() }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let piece = match self.rest.len() {
            0 => return Poll::Ready(None),
            1 => 1,
            more => more - 1,
        };
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long an answer of `length` bytes may stay unread, where the tests' time passes by itself.
    async fn patience(length: usize) -> Duration {
        let calls = Calls::new(1, Duration::from_secs(20));
        let step = Duration::from_millis(1);
        let mut waited = Duration::ZERO;
        let answer = Answer::new(Full::from(vec![0; length]), Call::begin(&calls), Arc::clone(&calls));
        while timeout(step, calls.overdue()).await.is_err() {
            waited += step;
        }
        drop(answer);
        waited
    }

    #[tokio::test(start_paused = true)]
    async fn a_big_answer_has_time_in_proportion() {
        for (kibibytes, seconds) in [(0, 20), (6, 20), (64, 21), (640, 30), (10 * 1024, 180)] {
            let waited = patience(kibibytes * 1024).await;
            assert_eq!(waited.as_secs(), seconds, "{kibibytes} KiB");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_was_read_is_not_overdue() {
        let calls = Calls::new(1, Duration::from_secs(20));
        drop(Answer::new(Full::from("read"), Call::begin(&calls), Arc::clone(&calls)));
        assert!(timeout(Duration::from_mins(1), calls.overdue()).await.is_err());
    }
}
