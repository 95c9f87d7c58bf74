//! The way to the message centre: keeps one session bound for as long as there is a sender, and binds again when it has ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_domain::message::MessageId;
use countersign_domain::ports::{Entropy, SendError};
use countersign_domain::secret::Secret;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::pdu::Body;
use super::session::{Ended, Line, Session, Shared, Submission};
use crate::discreet::discreet;
use crate::exchange::transient;

/// SMPP 3.4 (`interface_version`).
const VERSION: u8 = 0x34;
/// How long it is left alone after a session has ended. Twice as long after each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// But no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where the message centre is, and who we are there.
pub(super) struct Centre {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) system_id: String,
    pub(super) password: Secret<String>,
    pub(super) system_type: String,
}

/// How it stands with the session.
#[derive(Clone, PartialEq, Eq)]
enum State {
    /// There will be one in a moment, or will not: whoever has something to send waits to see.
    Binding,
    Bound,
    /// There is none, and the last try failed.
    Down(String),
}

/// The sender's end of it. The session ends with it.
pub(super) struct Link {
    submissions: mpsc::Sender<Submission>,
    state: watch::Receiver<State>,
}

impl Link {
    /// Begins to bind.
    pub(super) fn open(centre: Centre, shared: Arc<Shared>, entropy: Arc<dyn Entropy>) -> Self {
        // Whatever waits beyond the window waits with whoever sends it.
        let (sender, submissions) = mpsc::channel(1);
        let (tell, state) = watch::channel(State::Binding);
        tokio::spawn(Keeper { centre, shared, entropy, tell, submissions }.keep());
        Self { submissions: sender, state }
    }

    /// Waits until there is a session, or the last try to get one has failed.
    pub(super) async fn bound(&self) -> Result<(), SendError> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| *state != State::Binding).await.map_err(|_| cut())?.clone();
        match settled {
            State::Down(reason) => Err(transient(format!("no session: {reason}"))),
            State::Binding | State::Bound => Ok(()),
        }
    }

    /// Submits a piece, and waits for what the message centre calls it. It does not end by itself where the message centre does
    /// not answer.
    pub(super) async fn submit(
        &self,
        body: Bytes,
        message: MessageId,
        piece: usize,
    ) -> Result<Option<String>, SendError> {
        self.bound().await?;
        let (answer, answered) = oneshot::channel();
        self.submissions.send(Submission { body, message, piece, answer }).await.map_err(|_| cut())?;
        answered.await.map_err(|_| cut())?
    }
}

fn cut() -> SendError {
    transient("the session ended before the message centre had answered")
}

struct Keeper {
    centre: Centre,
    shared: Arc<Shared>,
    entropy: Arc<dyn Entropy>,
    tell: watch::Sender<State>,
    submissions: mpsc::Receiver<Submission>,
}

impl Keeper {
    async fn keep(mut self) {
        let mut failures = 0;
        loop {
            let (ended, is_proven) = self.session().await;
            if matches!(ended, Ended::Done) {
                return;
            }
            // One that ends before anything came is no better than none: binding again at once, for ever, helps nobody.
            if is_proven {
                failures = 0;
                self.tell.send_replace(State::Binding);
            } else {
                failures += 1;
                self.tell.send_replace(State::Down(discreet(&ended.to_string())));
                // Whoever sent these has other ways to try.
                while self.submissions.try_recv().is_ok() {}
            }
            tokio::select! {
                () = sleep(self.pause(failures)) => {}
                () = self.tell.closed() => return,
            }
        }
    }

    /// One session, from the first packet to its end, and whether it was of any use.
    async fn session(&mut self) -> (Ended, bool) {
        match timeout(self.shared.patience, self.centre.bind(self.shared.patience)).await {
            Ok(Ok(mut session)) => {
                self.tell.send_replace(State::Bound);
                let ended = session.run(&mut self.submissions, &self.shared).await;
                (ended, session.is_proven)
            }
            Ok(Err(ended)) => (ended, false),
            Err(_) => (Ended::Silent, false),
        }
    }

    /// Twice as long each time, and up to a quarter longer by chance, so that not all who were cut off come back at once.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let pause = doubled.min(LONGEST_PAUSE);
        let [chance] = self.entropy.array::<1>();
        pause + pause.mul_f64(f64::from(chance) / 1024.0)
    }
}

impl Centre {
    async fn bind(&self, patience: Duration) -> Result<Session<Box<dyn Line>>, Ended> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let line: Box<dyn Line> = match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        };
        let body = Body::default()
            .text(&self.system_id)
            .text(self.password.expose())
            .text(&self.system_type)
            .byte(VERSION)
            .byte(0) // addr_ton
            .byte(0) // addr_npi
            .text("") // address_range
            .done();
        Session::bind(line, body, patience).await
    }
}
