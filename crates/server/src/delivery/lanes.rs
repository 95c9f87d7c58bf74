use std::sync::Arc;
use std::time::Duration;

use countersign_domain::message::SenderName;
use countersign_domain::operations::{DeliverMessages, KeepOutbox};
use countersign_domain::ports::{Event, Pace, RecordsError, Sender, Tally};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Running, Senders};

/// How often a lane is looked at when nobody rings: for messages of commands beside the server, and those that go again. Half of
/// the second that is promised.
const LOOK: Duration = Duration::from_millis(500);

/// How often messages whose time is over are told so, in looks: every five seconds.
const EXPIRE_EVERY: u32 = 10;

/// How often old codes are forgotten, in looks: every minute.
const FORGET_EVERY: u32 = 120;

/// Rings when a code was accepted, so that its message need not wait for the next look.
pub(crate) struct Doorbell {
    tally: Arc<dyn Tally>,
    bell: watch::Sender<()>,
}

impl Doorbell {
    pub(crate) fn new(tally: Arc<dyn Tally>) -> Self {
        Self { tally, bell: watch::Sender::new(()) }
    }
}

impl Tally for Doorbell {
    fn count(&self, event: Event) {
        if matches!(event, Event::CodeSent(_)) {
            self.bell.send_replace(());
        }
        self.tally.count(event);
    }
}

/// The lanes of all senders: each works at its own pace, so that one that hangs holds up no other.
pub(crate) struct Lanes {
    workers: JoinSet<()>,
    stopping: watch::Sender<bool>,
    inboxes: Vec<Arc<Lane>>,
}

struct Lane {
    name: SenderName,
    sender: Arc<dyn Sender>,
    pace: Pace,
    deliver: Arc<DeliverMessages>,
    /// Held for a whole pass over an inbox.
    pass: Mutex<()>,
}

impl Lanes {
    /// Starts the workers.
    pub(crate) fn start(
        senders: Senders,
        deliver: &Arc<DeliverMessages>,
        keep: &Arc<KeepOutbox>,
        bell: &Doorbell,
    ) -> Self {
        let stopping = watch::Sender::new(false);
        let mut lanes = Self { workers: JoinSet::new(), stopping, inboxes: Vec::new() };
        for (name, Running { sender, is_inbox }) in senders {
            let pace = sender.pace();
            let lane = Lane { name, sender, pace, deliver: Arc::clone(deliver), pass: Mutex::new(()) };
            let lane = Arc::new(lane);
            if is_inbox {
                lanes.inboxes.push(Arc::clone(&lane));
            }
            let (bell, stop) = (bell.bell.subscribe(), lanes.stopping.subscribe());
            if is_inbox {
                lanes.workers.spawn(lane.keep(bell, stop));
            } else {
                lanes.workers.spawn(lane.work(bell, stop));
            }
        }
        lanes.workers.spawn(keep_house(Arc::clone(keep), lanes.stopping.subscribe()));
        lanes
    }

    /// Looks into the inboxes at once: what was accepted before this is in them afterwards.
    pub(crate) fn inboxes(&self) -> Inboxes {
        Inboxes(self.inboxes.clone())
    }

    /// Has no further messages taken, from now on.
    pub(crate) fn stopper(&self) -> watch::Sender<bool> {
        self.stopping.clone()
    }

    /// Lets those that are in senders' hands end: what is cut off would be sent twice.
    pub(crate) async fn finish(mut self, within: Duration) {
        self.stopping.send_replace(true);
        let all = async { while self.workers.join_next().await.is_some() {} };
        if timeout(within, all).await.is_err() {
            tracing::warn!("some messages were in senders' hands when the server had to stop: they will go again");
        }
    }
}

/// The lanes of the kind `inbox`.
#[derive(Clone)]
pub(crate) struct Inboxes(Vec<Arc<Lane>>);

impl Inboxes {
    /// Delivers what waits for them.
    pub(crate) async fn look(&self) {
        for lane in &self.0 {
            lane.pass().await;
        }
    }
}

impl Lane {
    /// Works off a lane whose sender takes its time: as many messages at once as it has slots.
    async fn work(self: Arc<Self>, mut bell: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way = JoinSet::new();
        while !*stop.borrow() {
            bell.mark_unchanged();
            let busy = u32::try_from(under_way.len()).unwrap_or(u32::MAX);
            let free = self.pace.at_once.saturating_sub(busy);
            let mut taken = 0;
            if free > 0 {
                let messages = self.deliver.take(&self.name, free, self.pace.deadline).await.unwrap_or_else(|error| {
                    self.complain(&error);
                    Vec::new()
                });
                taken = messages.len();
                for message in messages {
                    let lane = Arc::clone(&self);
                    under_way.spawn(async move {
                        if let Err(error) = lane.deliver.deliver(message, &*lane.sender).await {
                            lane.complain(&error);
                        }
                    });
                }
            }
            let is_full = taken > 0 && u32::try_from(taken).is_ok_and(|taken| taken == free);
            tokio::select! {
                // A slot is free again: worth a look where more may wait.
                Some(_) = under_way.join_next(), if is_full || under_way.len() >= usize::try_from(self.pace.at_once).unwrap_or(1) => {}
                _ = bell.changed() => {}
                _ = tick.tick() => {}
                _ = stop.changed() => {}
            }
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Works off an inbox.
    async fn keep(self: Arc<Self>, mut bell: watch::Receiver<()>, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stop.borrow() {
            bell.mark_unchanged();
            self.pass().await;
            tokio::select! {
                _ = bell.changed() => {}
                _ = tick.tick() => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Delivers everything that waits, one pass at a time: when it ends, nothing of this lane is in anybody's hands.
    async fn pass(&self) {
        let _alone = self.pass.lock().await;
        loop {
            let messages = match self.deliver.take(&self.name, self.pace.at_once, self.pace.deadline).await {
                Ok(messages) if messages.is_empty() => return,
                Ok(messages) => messages,
                Err(error) => return self.complain(&error),
            };
            for message in messages {
                if let Err(error) = self.deliver.deliver(message, &*self.sender).await {
                    return self.complain(&error);
                }
            }
        }
    }

    fn complain(&self, error: &RecordsError) {
        tracing::error!(sender = %self.name, %error, "the outbox");
    }
}

async fn keep_house(keep: Arc<KeepOutbox>, mut stop: watch::Receiver<bool>) {
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    if let Err(error) = keep.adopt().await {
        tracing::error!(%error, "could not give away the messages of senders that are no more");
    }
    for number in (0..FORGET_EVERY).cycle() {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = keep.break_silence().await {
            tracing::error!(%error, "could not look for messages of whose delivery nothing was told");
        }
        if number % EXPIRE_EVERY == 0
            && let Err(error) = keep.expire().await
        {
            tracing::error!(%error, "could not tell messages expired whose time is over");
        }
        if number == 0 {
            forget(&keep, &stop).await;
        }
    }
}

/// Forgets what is old, in passes between which others write.
async fn forget(keep: &KeepOutbox, stop: &watch::Receiver<bool>) {
    while !*stop.borrow() {
        match keep.forget().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(%error, "could not forget old codes");
                return;
            }
        }
    }
}
