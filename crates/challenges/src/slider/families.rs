//! The families of drawing. Each hides the place behind a cue of its own: people see every one of them at first sight, and a
//! program that knows one has learned nothing about the others.
//!
//! A family is one file here, with its inner parts in a folder of the same name, a variant of [`Family`] and a line in
//! [`Family::plan`]. It decides how light and dark every pixel is. Where the piece belongs, its outline and frame, colours,
//! grain and files are the same for all, so nothing outside the cue tells the families apart or what is where.

use countersign_domain::challenge::{Axes, Level, Seed};
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng};

use super::plan::{Place, Scene};

mod dots;
mod hatch;
mod whirl;

/// Which cue tells people where the piece belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Light dots, and a spot in which they are dark, or the other way round.
    Dots,
    /// Wavy lines, and a spot in which they run the other way.
    Hatch,
    /// Strokes that lie anyhow, and a spot in which they run around its middle.
    Whirl,
}

/// What one picture of a family will show, all of it decided. Shades are in sixteenths of a grey level, from the middle
/// tone, row by row.
pub(super) trait Drawing {
    /// The shades of the picture, before light and grain.
    fn picture(&self, scene: &Scene, rng: &mut StdRng) -> Vec<i16>;

    /// The shades of the square that holds the piece. They tell nothing of the place: neither do they continue what is
    /// around it, nor look like what is there.
    fn piece(&self, rng: &mut StdRng) -> Vec<i16>;
}

impl Family {
    /// Every family, in the order of the names of their files.
    pub const ALL: [Self; 3] = [Self::Dots, Self::Hatch, Self::Whirl];

    /// The word for this family on the command line and in labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dots => "dots",
            Self::Hatch => "hatch",
            Self::Whirl => "whirl",
        }
    }

    /// The family that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.word() == word)
    }

    /// The family in which a seed is drawn, if none is asked for.
    pub fn of(seed: &Seed) -> Self {
        let mut rng = StdRng::from_seed(*seed.expose());
        let _place = Place::random(&mut rng);
        Self::random(&mut rng)
    }

    pub(super) fn random(rng: &mut impl Rng) -> Self {
        Self::ALL[rng.random_range(0..Self::ALL.len())]
    }

    /// Decides what a picture of this family shows.
    pub(super) fn plan(self, rng: &mut StdRng, scene: &Scene, level: Level, axes: Axes) -> Box<dyn Drawing> {
        match self {
            Self::Dots => Box::new(dots::plan(rng, level)),
            Self::Hatch => Box::new(hatch::plan(rng, scene, level, axes)),
            Self::Whirl => Box::new(whirl::plan(rng, level)),
        }
    }
}
