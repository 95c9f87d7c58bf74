use async_trait::async_trait;

use crate::challenge::{Answer, Kind, Level, Puzzle, Solution, Style};

/// More puzzles are being drawn than this machine can draw; nothing is wrong with the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server is busy")]
pub struct Busy;

/// Where puzzles come from. Drawing takes a core for about a millisecond, so it happens behind this port: on threads that
/// may block, and bounded.
#[async_trait]
pub trait Puzzles: Send + Sync {
    /// A fresh puzzle, handed out once.
    ///
    /// # Errors
    /// [`Busy`] when the queue of drawings is full.
    async fn make(&self, kind: Kind, level: Level, style: Style) -> Result<Puzzle, Busy>;

    /// Whether `answer` solves the puzzle; an answer of another kind does not.
    fn judge(&self, solution: &Solution, answer: &Answer) -> bool;
}
