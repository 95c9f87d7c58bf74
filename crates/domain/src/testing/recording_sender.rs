#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use crate::message::{Message, MessageId};
use crate::ports::{Pace, Receipt, SendError, Sender};

/// A sender that answers what it is told to, and remembers what it was given.
#[derive(Default)]
pub struct RecordingSender(Mutex<State>);

#[derive(Default)]
struct State {
    answers: VecDeque<Result<Receipt, SendError>>,
    given: Vec<(MessageId, String)>,
}

impl RecordingSender {
    /// One that gives these answers in turn, and takes every message after them.
    pub fn answering(answers: impl IntoIterator<Item = Result<Receipt, SendError>>) -> Self {
        Self(Mutex::new(State { answers: answers.into_iter().collect(), given: Vec::new() }))
    }

    /// What it was given: the messages' names and digits, oldest first.
    pub fn given(&self) -> Vec<(MessageId, String)> {
        self.0.lock().map(|state| state.given.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Sender for RecordingSender {
    fn pace(&self) -> Pace {
        Pace { deadline: Duration::ZERO, at_once: 1 }
    }

    async fn send(&self, message: &Message) -> Result<Receipt, SendError> {
        let poisoned = |_| SendError::Permanent { reason: "a test panicked".to_owned() };
        let mut state = self.0.lock().map_err(poisoned)?;
        state.given.push((message.id, message.about.digits.expose().to_owned()));
        state.answers.pop_front().unwrap_or_else(|| Ok(Receipt::default()))
    }
}
