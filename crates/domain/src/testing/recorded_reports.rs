#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use crate::ports::{Delivery, ReportError, Reports};

/// Remembers what senders hear of deliveries, or does not when it is told so.
#[derive(Default)]
pub struct RecordedReports(Mutex<State>);

#[derive(Default)]
struct State {
    failures: VecDeque<ReportError>,
    kept: Vec<(String, Delivery)>,
}

impl RecordedReports {
    /// One that fails like this in turn, and keeps everything after that.
    pub fn failing(failures: impl IntoIterator<Item = ReportError>) -> Self {
        Self(Mutex::new(State { failures: failures.into_iter().collect(), kept: Vec::new() }))
    }

    /// What was kept, oldest first: what the gateway calls the message, and what became of it.
    pub fn kept(&self) -> Vec<(String, Delivery)> {
        self.0.lock().map(|state| state.kept.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Reports for RecordedReports {
    async fn keep(&self, gateway_id: &str, delivery: Delivery) -> Result<(), ReportError> {
        let mut state = self.0.lock().map_err(|_| ReportError::Unavailable)?;
        if let Some(failure) = state.failures.pop_front() {
            return Err(failure);
        }
        state.kept.push((gateway_id.to_owned(), delivery));
        Ok(())
    }
}
