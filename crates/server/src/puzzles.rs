//! Where puzzles are drawn: on threads that may block, as many at once as there are cores, with a bounded queue before them.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::challenge::{Answer, Challenge, Kind, Level, Puzzle, Seed, Solution, Style};
use countersign_domain::ports::{Busy, Entropy, Puzzles};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Draws puzzles.
pub(crate) struct DrawnPuzzles {
    kinds: Vec<Arc<dyn Challenge>>,
    entropy: Arc<dyn Entropy>,
    drawing: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl DrawnPuzzles {
    /// `drawing` puzzles at once (0: one for each core), and `waiting` calls in front of them.
    pub(crate) fn new(entropy: Arc<dyn Entropy>, drawing: usize, waiting: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let drawing = if drawing == 0 { cores } else { drawing };
        Self {
            kinds: countersign_challenges::all(),
            entropy,
            drawing: Arc::new(Semaphore::new(drawing)),
            admitted: Arc::new(Semaphore::new(drawing + waiting)),
        }
    }

    /// A puzzle, if a core is idle and nothing has gone wrong.
    pub(crate) async fn make_if_idle(&self, kind: Kind, level: Level, style: Style) -> Option<Puzzle> {
        let permit = Arc::clone(&self.drawing).try_acquire_owned().ok()?;
        self.draw(permit, kind, level, style).await.ok()
    }

    async fn draw(&self, permit: OwnedSemaphorePermit, kind: Kind, level: Level, style: Style) -> Result<Puzzle, Busy> {
        let challenge = Arc::clone(self.kind(kind).ok_or(Busy)?);
        let seed = Seed::new(self.entropy.array());
        let drawn = tokio::task::spawn_blocking(move || {
            // Held by the drawing, not by the caller: a caller that goes away frees no core.
            let _permit = permit;
            challenge.make(&seed, level, style)
        });
        match drawn.await {
            Ok(Ok(puzzle)) => Ok(puzzle),
            Ok(Err(error)) => {
                tracing::error!(%error, "no challenge was drawn");
                Err(Busy)
            }
            Err(error) => {
                tracing::error!(%error, "the drawing of a challenge has failed");
                Err(Busy)
            }
        }
    }

    fn kind(&self, kind: Kind) -> Option<&Arc<dyn Challenge>> {
        self.kinds.iter().find(|challenge| challenge.kind() == kind)
    }
}

#[async_trait]
impl Puzzles for DrawnPuzzles {
    async fn make(&self, kind: Kind, level: Level, style: Style) -> Result<Puzzle, Busy> {
        let _admitted = self.admitted.try_acquire().map_err(|_| Busy)?;
        let permit = Arc::clone(&self.drawing).acquire_owned().await.map_err(|_| Busy)?;
        self.draw(permit, kind, level, style).await
    }

    fn judge(&self, solution: &Solution, answer: &Answer) -> bool {
        self.kind(solution.kind()).is_some_and(|challenge| challenge.judge(solution, answer))
    }
}
