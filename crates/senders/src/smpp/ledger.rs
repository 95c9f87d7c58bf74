//! What is remembered of messages in several pieces, and of answers that came too late for whoever had waited for them: which
//! pieces a message centre has taken, so that a further try sends only the others, and which have not arrived yet. It goes by the
//! message and not by its words, which say on each try how long the code still holds; a further try of a message in pieces has
//! the words of the first, or half of each would arrive.
//!
//! It is memory only. After a restart a message goes again whole, and what becomes of its last piece becomes of the message.

use std::collections::{HashMap, HashSet, VecDeque};

use countersign_domain::message::MessageId;
use countersign_domain::ports::Delivery;
use countersign_domain::secret::Secret;
use countersign_domain::segments::Segments;
use parking_lot::Mutex;

/// Messages that are remembered, of each sort; the oldest is forgotten first.
const ROOM: usize = 4_096;

/// What the message centre calls a piece, if it says.
type GatewayId = Option<String>;

#[derive(Default)]
pub(super) struct Ledger(Mutex<State>);

#[derive(Default)]
struct State {
    begun: HashMap<MessageId, Begun>,
    begun_in_order: VecDeque<MessageId>,
    /// Messages in several pieces, by what each piece is called.
    whole: HashMap<String, u64>,
    messages: HashMap<u64, Whole>,
    messages_in_order: VecDeque<u64>,
    count: u64,
}

/// A message of which not all pieces were taken yet, as far as is known.
#[derive(Default)]
struct Begun {
    /// Its words on the first try, if they are more than a piece.
    text: Option<Secret<String>>,
    taken: HashMap<usize, GatewayId>,
}

struct Whole {
    pieces: Vec<String>,
    missing: HashSet<String>,
    /// What became of it has been told.
    is_told: bool,
}

/// What a receipt means for a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing yet, or nothing new.
    Nothing,
    /// This became of the message that is called so.
    Became(String, Delivery),
}

impl Ledger {
    /// The words that a message goes out in: these, or those of its first try, where that took several pieces.
    pub(super) fn text(&self, message: MessageId, text: &str) -> Secret<String> {
        let fresh = || Secret::new(text.to_owned());
        if Segments::pieces(text).len() < 2 {
            return fresh();
        }
        self.0.lock().begun(message).text.get_or_insert_with(fresh).clone()
    }

    /// A piece was taken.
    pub(super) fn keep(&self, message: MessageId, piece: usize, id: GatewayId) {
        self.0.lock().begun(message).taken.insert(piece, id);
    }

    /// What a piece is called that was taken on an earlier try.
    pub(super) fn taken(&self, message: MessageId, piece: usize) -> Option<GatewayId> {
        self.0.lock().begun.get(&message)?.taken.get(&piece).cloned()
    }

    /// All pieces were taken, and are called so. Returns what the message is called: as its last piece is.
    pub(super) fn done(&self, message: MessageId, ids: Vec<GatewayId>) -> GatewayId {
        let mut state = self.0.lock();
        if state.begun.remove(&message).is_some() {
            state.begun_in_order.retain(|known| *known != message);
        }
        let name = ids.last().cloned().flatten();
        if ids.len() > 1 {
            state.remember(ids.into_iter().flatten().collect());
        }
        name
    }

    /// Reads a receipt: a message has arrived when all its pieces have, and has not as soon as one has not.
    pub(super) fn hear(&self, id: &str, delivery: Delivery) -> Heard {
        let mut state = self.0.lock();
        let Some(number) = state.whole.get(id).copied() else { return Heard::Became(id.to_owned(), delivery) };
        let Some(message) = state.messages.get_mut(&number) else { return Heard::Nothing };
        message.missing.remove(id);
        let is_decided = delivery != Delivery::Delivered || message.missing.is_empty();
        match message.pieces.last() {
            Some(name) if is_decided && !message.is_told => Heard::Became(name.clone(), delivery),
            _ => Heard::Nothing,
        }
    }

    /// What became of the message to which this piece belongs is kept.
    pub(super) fn told(&self, id: &str) {
        let mut state = self.0.lock();
        let State { whole, messages, .. } = &mut *state;
        if let Some(message) = whole.get(id).and_then(|number| messages.get_mut(number)) {
            message.is_told = true;
        }
    }
}

impl State {
    fn begun(&mut self, message: MessageId) -> &mut Begun {
        if !self.begun.contains_key(&message) {
            self.begun_in_order.push_back(message);
            if self.begun_in_order.len() > ROOM
                && let Some(oldest) = self.begun_in_order.pop_front()
            {
                self.begun.remove(&oldest);
            }
        }
        self.begun.entry(message).or_default()
    }

    fn remember(&mut self, pieces: Vec<String>) {
        self.count += 1;
        self.whole.extend(pieces.iter().map(|id| (id.clone(), self.count)));
        let missing = pieces.iter().cloned().collect();
        self.messages.insert(self.count, Whole { pieces, missing, is_told: false });
        self.messages_in_order.push_back(self.count);
        if self.messages_in_order.len() > ROOM
            && let Some(oldest) = self.messages_in_order.pop_front()
            && let Some(message) = self.messages.remove(&oldest)
        {
            for id in message.pieces {
                // A message centre may have used it again.
                if self.whole.get(&id) == Some(&oldest) {
                    self.whole.remove(&id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: MessageId = MessageId([1; 16]);
    const TWO: MessageId = MessageId([2; 16]);

    fn became(id: &str, delivery: Delivery) -> Heard {
        Heard::Became(id.to_owned(), delivery)
    }

    fn undelivered() -> Delivery {
        Delivery::Undelivered("EXPIRED".to_owned())
    }

    #[test]
    fn what_was_taken_is_not_sent_again() {
        let ledger = Ledger::default();
        ledger.keep(ONE, 0, Some("a".into()));
        ledger.keep(ONE, 1, None);
        assert_eq!(ledger.taken(ONE, 0), Some(Some("a".into())));
        assert_eq!(ledger.taken(ONE, 1), Some(None), "taken by a message centre that gives no name");
        assert_eq!((ledger.taken(ONE, 2), ledger.taken(TWO, 0)), (None, None));
        assert_eq!(ledger.done(ONE, vec![Some("a".into()), None, Some("c".into())]), Some("c".into()));
        assert_eq!(ledger.taken(ONE, 0), None);
    }

    #[test]
    fn a_further_try_of_pieces_has_the_words_of_the_first() {
        let ledger = Ledger::default();
        let text = |message, text: &str| ledger.text(message, text).expose().clone();
        let (first, later) = ("9 minutes ".repeat(20), "8 minutes ".repeat(20));
        assert_eq!((text(ONE, &first), text(ONE, &later), text(TWO, &later)), (first.clone(), first, later.clone()));
        ledger.done(ONE, vec![None, None]);
        assert_eq!(text(ONE, &later), later);
        assert_eq!((text(TWO, "9 minutes"), text(ONE, "9 minutes")), ("9 minutes".to_owned(), "9 minutes".to_owned()));
    }

    #[test]
    fn a_message_has_arrived_when_all_its_pieces_have() {
        let ledger = Ledger::default();
        ledger.done(ONE, vec![Some("a".into()), Some("b".into()), Some("c".into())]);
        for id in ["c", "a", "a", "c"] {
            assert_eq!(ledger.hear(id, Delivery::Delivered), Heard::Nothing, "{id}");
        }
        assert_eq!(ledger.hear("b", Delivery::Delivered), became("c", Delivery::Delivered));
        assert_eq!(ledger.hear("b", Delivery::Delivered), became("c", Delivery::Delivered), "it was not kept");
        ledger.told("b");
        assert_eq!(ledger.hear("b", Delivery::Delivered), Heard::Nothing);
    }

    #[test]
    fn a_message_has_not_arrived_as_soon_as_one_piece_has_not() {
        let ledger = Ledger::default();
        ledger.done(ONE, vec![Some("a".into()), Some("b".into())]);
        assert_eq!(ledger.hear("a", undelivered()), became("b", undelivered()));
        ledger.told("a");
        assert_eq!(ledger.hear("b", Delivery::Delivered), Heard::Nothing, "half of it");
        assert_eq!(ledger.hear("alone", undelivered()), became("alone", undelivered()));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let ledger = Ledger::default();
        for number in 0..=u32::try_from(ROOM).unwrap() {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            ledger.done(MessageId(id), vec![Some(format!("{number}/1")), Some(format!("{number}/2"))]);
            ledger.keep(MessageId(id), 0, None);
        }
        let mut second = [0; 16];
        second[3] = 1;
        assert_eq!((ledger.taken(MessageId([0; 16]), 0), ledger.taken(MessageId(second), 0)), (None, Some(None)));
        assert_eq!(ledger.hear("0/1", Delivery::Delivered), became("0/1", Delivery::Delivered));
        assert_eq!(ledger.hear("1/1", Delivery::Delivered), Heard::Nothing);
        let state = ledger.0.lock();
        assert_eq!((state.begun.len(), state.messages.len(), state.whole.len()), (ROOM, ROOM, 2 * ROOM));
    }
}
