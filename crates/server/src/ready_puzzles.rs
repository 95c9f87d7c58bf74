//! Puzzles that are drawn ahead of time, so that a call finds one ready. Each is handed out once: it leaves its shelf as it is
//! taken, and a node keeps its own.
//!
//! Shelves are filled by what the cores have left: as soon as a call wants to draw, filling stops, and the next call that takes
//! a puzzle begins it anew. So a shelf shortens the wait of a call, and costs no throughput.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::challenge::{Answer, Kind, Level, Puzzle, Solution, Style};
use countersign_domain::ports::{Busy, Puzzles};
use parking_lot::Mutex;

use crate::puzzles::DrawnPuzzles;

/// What a caller asks for. There are as many as kinds, levels, formats and axes make: twenty.
type Form = (Kind, Level, Style);

/// The port, with a shelf of ready puzzles for each form that was asked for.
pub(crate) struct ReadyPuzzles {
    drawn: Arc<DrawnPuzzles>,
    most: usize,
    shelves: Arc<Mutex<Shelves>>,
}

#[derive(Default)]
struct Shelves {
    ready: HashMap<Form, VecDeque<Puzzle>>,
    /// Those that a task is filling now.
    filling: HashSet<Form>,
}

impl ReadyPuzzles {
    /// At most `most` puzzles of each form; with 0 each is drawn when it is asked for.
    pub(crate) fn new(drawn: DrawnPuzzles, most: usize) -> Self {
        Self { drawn: Arc::new(drawn), most, shelves: Arc::default() }
    }

    /// Begins to fill the shelf, unless somebody does so already.
    fn fill(&self, form: Form) {
        if self.most == 0 || !self.shelves.lock().filling.insert(form) {
            return;
        }
        let (drawn, shelves, most) = (Arc::clone(&self.drawn), Arc::clone(&self.shelves), self.most);
        tokio::spawn(async move {
            let (kind, level, style) = form;
            while shelves.lock().ready.get(&form).is_none_or(|shelf| shelf.len() < most) {
                let Some(puzzle) = drawn.make_if_idle(kind, level, style).await else { break };
                shelves.lock().ready.entry(form).or_default().push_back(puzzle);
            }
            shelves.lock().filling.remove(&form);
        });
    }
}

#[async_trait]
impl Puzzles for ReadyPuzzles {
    async fn make(&self, kind: Kind, level: Level, style: Style) -> Result<Puzzle, Busy> {
        let form = (kind, level, style);
        let ready = self.shelves.lock().ready.get_mut(&form).and_then(VecDeque::pop_front);
        let made = match ready {
            Some(puzzle) => Ok(puzzle),
            None => self.drawn.make(kind, level, style).await,
        };
        self.fill(form);
        made
    }

    fn judge(&self, solution: &Solution, answer: &Answer) -> bool {
        self.drawn.judge(solution, answer)
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::challenge::{Axes, PictureFormat};
    use tokio::task::JoinSet;

    use super::*;
    use crate::system::OsEntropy;

    const STYLE: Style = Style { format: PictureFormat::Jpeg, axes: Axes::Two };

    fn puzzles(most: usize) -> Arc<ReadyPuzzles> {
        Arc::new(ReadyPuzzles::new(DrawnPuzzles::new(Arc::new(OsEntropy), 1, 64), most))
    }

    async fn filled(puzzles: &ReadyPuzzles) {
        while !puzzles.shelves.lock().filling.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    fn held(puzzles: &ReadyPuzzles) -> Vec<Puzzle> {
        puzzles.shelves.lock().ready.values().flatten().cloned().collect()
    }

    #[tokio::test]
    async fn a_shelf_is_filled_and_no_puzzle_of_it_is_handed_out_twice() {
        let puzzles = puzzles(4);
        puzzles.make(Kind::Slider, Level::DEFAULT, STYLE).await.unwrap();
        filled(&puzzles).await;
        let ready = held(&puzzles);
        assert_eq!(ready.len(), 4);
        let mut calls = JoinSet::new();
        for _ in 0..32 {
            let puzzles = Arc::clone(&puzzles);
            calls.spawn(async move { puzzles.make(Kind::Slider, Level::DEFAULT, STYLE).await.unwrap() });
        }
        let taken = calls.join_all().await;
        for (number, puzzle) in taken.iter().enumerate() {
            assert!(!taken[..number].contains(puzzle), "{number}");
        }
        assert!(ready.iter().all(|puzzle| taken.contains(puzzle)), "what was ready goes out first");
        filled(&puzzles).await;
        assert!(held(&puzzles).len() <= 4 && held(&puzzles).iter().all(|puzzle| !taken.contains(puzzle)));
    }

    #[tokio::test]
    async fn each_form_has_a_shelf_of_its_own() {
        let puzzles = puzzles(1);
        let png = Style { format: PictureFormat::Png, axes: Axes::One };
        for style in [STYLE, png, STYLE, png] {
            let puzzle = puzzles.make(Kind::Slider, Level::DEFAULT, style).await.unwrap();
            assert_eq!(puzzle.solution.wants(), countersign_domain::challenge::Wanted::Slider { axes: style.axes });
            filled(&puzzles).await;
        }
        assert_eq!(held(&puzzles).len(), 2);
    }

    #[tokio::test]
    async fn without_shelves_nothing_is_drawn_ahead() {
        let puzzles = puzzles(0);
        puzzles.make(Kind::Slider, Level::DEFAULT, STYLE).await.unwrap();
        filled(&puzzles).await;
        assert!(held(&puzzles).is_empty());
    }
}
