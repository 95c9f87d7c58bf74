//! What is counted, for Prometheus. The registry is passed in, never global; labels are types, and none is chosen by a
//! client.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use countersign_domain::ports::{CodeOutcome, Enrolment, Event, Judged, MessageState, Redeemed, Tally, TrailSeen};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    door: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DoorLabels {
    door: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IssuedLabels {
    r#type: &'static str,
    level: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EscalatedLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JudgedLabels {
    r#type: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    channel: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    channel: &'static str,
    outcome: &'static str,
}

/// All counters.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<DoorLabels, Histogram, fn() -> Histogram>,
    connections: Gauge,
    marks: Gauge<i64, AtomicI64>,
    short_codes_live: Gauge,
    short_codes_paused: Gauge,
    issued: Family<IssuedLabels, Counter>,
    escalated: Family<EscalatedLabels, Counter>,
    trails: Family<OutcomeLabels, Counter>,
    trail_scores: Histogram,
    judged: Family<JudgedLabels, Counter>,
    redeemed: Family<OutcomeLabels, Counter>,
    enrolled: Family<OutcomeLabels, Counter>,
    throttled: Family<LimitLabels, Counter>,
    codes_sent: Family<ChannelLabels, Counter>,
    codes_refused: Family<ReasonLabels, Counter>,
    codes_would_be_refused: Family<LimitLabels, Counter>,
    codes_checked: Family<OutcomeLabels, Counter>,
    messages: Family<MessageLabels, Counter>,
    usage_lost: Counter,
}

fn histogram() -> Histogram {
    // 0.25 ms to 8 s, each twice the one before.
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

impl Metrics {
    /// Counters at zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let requests = Family::default();
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let (connections, marks) = (Gauge::default(), Gauge::default());
        let (short_codes_live, short_codes_paused) = (Gauge::default(), Gauge::default());
        let (issued, judged, redeemed) = (Family::default(), Family::default(), Family::default());
        registry.register("requests", "Requests answered, by door and status", Clone::clone(&requests));
        registry.register("request_seconds", "From a request's head to its answer", Clone::clone(&seconds));
        registry.register("connections", "Connections open now", Clone::clone(&connections));
        registry.register("marks", "Marks held now", Clone::clone(&marks));
        registry.register(
            "short_codes_live",
            "Short install codes that could admit a machine now",
            short_codes_live.clone(),
        );
        let help = "1 while short install codes are not looked at, because somebody guesses at them";
        registry.register("short_codes_paused", help, short_codes_paused.clone());
        registry.register("challenges_issued", "Challenges handed out", Clone::clone(&issued));
        registry.register("challenges_judged", "Answers to challenges", Clone::clone(&judged));
        let (escalated, trails) = (Family::default(), Family::default());
        // 39 and 69 are where a trail begins to be doubtful, and a hand's.
        let trail_scores = Histogram::new([0.0, 19.0, 39.0, 69.0, 89.0, 100.0]);
        registry.register("challenges_escalated", "Challenges harder than others, by reason", Clone::clone(&escalated));
        registry.register("trails", "Answers judged, by what became of their trails", Clone::clone(&trails));
        let help = "What trails look like, from 0 (a program's) to 100 (nothing odd)";
        registry.register("trail_score", help, trail_scores.clone());
        registry.register("tickets_redeemed", "Tickets that came in", Clone::clone(&redeemed));
        let throttled = Family::default();
        let enrolled = Family::default();
        registry.register("agents_enrolled", "Machines that asked to join", Clone::clone(&enrolled));
        registry.register("throttled", "Calls over a limit of [rates]", Clone::clone(&throttled));
        let (codes_sent, codes_refused, codes_checked) = (Family::default(), Family::default(), Family::default());
        let (codes_would_be_refused, messages) = (Family::default(), Family::default());
        registry.register("codes_sent", "Codes accepted for sending", Clone::clone(&codes_sent));
        registry.register("codes_refused", "Codes not accepted, by reason or limit", Clone::clone(&codes_refused));
        let help = "Codes accepted that a limit would have refused, were it enforced";
        registry.register("codes_would_be_refused", help, Clone::clone(&codes_would_be_refused));
        registry.register("codes_checked", "Checks of codes", Clone::clone(&codes_checked));
        let help = "What became of messages; again stands for a try that has to be made again";
        registry.register("messages", help, Clone::clone(&messages));
        let usage_lost = Counter::default();
        let help = "Calls that are in no statistics, because too many waited to be kept";
        registry.register("usage_lost", help, Clone::clone(&usage_lost));
        Self {
            registry,
            requests,
            seconds,
            connections,
            marks,
            short_codes_live,
            short_codes_paused,
            issued,
            escalated,
            trails,
            trail_scores,
            judged,
            redeemed,
            enrolled,
            throttled,
            codes_sent,
            codes_refused,
            codes_would_be_refused,
            codes_checked,
            messages,
            usage_lost,
        }
    }

    /// Counts an answered request.
    pub(crate) fn request(&self, door: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { door, status }).inc();
        self.seconds.get_or_create(&DoorLabels { door }).observe(took.as_secs_f64());
    }

    /// Counts a connection until the guard is dropped.
    pub(crate) fn connection(&self) -> ConnectionGuard {
        self.connections.inc();
        ConnectionGuard(self.connections.clone())
    }

    /// Everything in Prometheus' text format, with what others know: the marks that are held, and how many short codes are live
    /// and whether they are paused. What they do not know now stays as it was.
    pub(crate) fn text(&self, marks: Option<u64>, guessing: Option<(u32, bool)>) -> String {
        if let Some((live, paused)) = guessing {
            self.short_codes_live.set(live.into());
            self.short_codes_paused.set(paused.into());
        }
        if let Some(marks) = marks {
            self.marks.set(i64::try_from(marks).unwrap_or(i64::MAX));
        }
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            Err(std::fmt::Error) => String::new(), // a String takes all that is written to it
        }
    }
}

/// Takes its connection off the gauge when it goes.
pub(crate) struct ConnectionGuard(Gauge);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Tally for Metrics {
    fn count(&self, event: Event) {
        match event {
            Event::ChallengeIssued(kind, level) => {
                self.issued.get_or_create(&IssuedLabels { r#type: kind.word(), level: level.number() }).inc();
            }
            Event::Escalated(reason) => {
                self.escalated.get_or_create(&EscalatedLabels { reason: reason.word() }).inc();
            }
            Event::TrailSeen(seen) => {
                let outcome = match seen {
                    TrailSeen::None => "none",
                    TrailSeen::TooLong => "too_long",
                    TrailSeen::Unreadable => "unreadable",
                    TrailSeen::Unscored => "unscored",
                    TrailSeen::Scored(points) => {
                        self.trail_scores.observe(points.into());
                        "scored"
                    }
                };
                self.trails.get_or_create(&OutcomeLabels { outcome }).inc();
            }
            Event::ChallengeJudged(kind, judged) => {
                let outcome = match judged {
                    Judged::Passed => "passed",
                    Judged::Failed => "failed",
                    Judged::Expired => "expired",
                    Judged::Used => "used",
                };
                self.judged.get_or_create(&JudgedLabels { r#type: kind.word(), outcome }).inc();
            }
            Event::TicketRedeemed(redeemed) => {
                let outcome = match redeemed {
                    Redeemed::Valid => "valid",
                    Redeemed::Refused => "refused",
                };
                self.redeemed.get_or_create(&OutcomeLabels { outcome }).inc();
            }
            Event::AgentEnrolled(enrolment) => {
                let outcome = match enrolment {
                    Enrolment::Joined => "joined",
                    Enrolment::Repeated => "repeated",
                    Enrolment::Refused => "refused",
                    Enrolment::Unknown => "unknown",
                    Enrolment::Paused => "paused",
                };
                self.enrolled.get_or_create(&OutcomeLabels { outcome }).inc();
            }
            Event::CodeSent(channel) => {
                self.codes_sent.get_or_create(&ChannelLabels { channel: channel.word() }).inc();
            }
            Event::CodeRefused(channel, reason) => {
                self.codes_refused.get_or_create(&ReasonLabels { channel: channel.word(), reason }).inc();
            }
            Event::CodeWouldBeRefused(limit) => {
                self.codes_would_be_refused.get_or_create(&LimitLabels { limit }).inc();
            }
            Event::CodeChecked(outcome) => {
                let outcome = match outcome {
                    CodeOutcome::Right => "right",
                    CodeOutcome::Wrong => "wrong",
                    CodeOutcome::Dead => "dead",
                    CodeOutcome::Unknown => "unknown",
                    CodeOutcome::Limited => "limited",
                };
                self.codes_checked.get_or_create(&OutcomeLabels { outcome }).inc();
            }
            Event::MessageSettled(channel, state) => {
                let outcome = if state == MessageState::Waiting { "again" } else { state.word() };
                self.messages.get_or_create(&MessageLabels { channel: channel.word(), outcome }).inc();
            }
            Event::Throttled(limit) => {
                self.throttled.get_or_create(&LimitLabels { limit: limit.name() }).inc();
            }
            Event::UsageLost => {
                self.usage_lost.inc();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_codes_are_told_as_of_the_last_time_that_they_could_be_counted() {
        let metrics = Metrics::new();
        let told = |guessing| {
            let text = metrics.text(None, guessing);
            let lines = text.lines().filter(|line| line.starts_with("countersign_short_codes_"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let paused = ["countersign_short_codes_live 3", "countersign_short_codes_paused 1"];
        assert_eq!(told(Some((3, true))), paused);
        assert_eq!(told(None), paused);
        assert_eq!(told(Some((0, false))), ["countersign_short_codes_live 0", "countersign_short_codes_paused 0"]);
    }
}
