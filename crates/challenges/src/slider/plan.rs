//! What every slider picture has, whatever its family, decided before a pixel is drawn.

use countersign_domain::challenge::{Axes, Level};
use rand::{Rng, RngExt as _, rngs::StdRng};

use super::{
    HEIGHT, PIECE, WIDTH,
    families::{Drawing, Family},
};
use crate::draw::{
    lattice::Lattice,
    outline::{Outline, Symmetry},
    palette::Tint,
};

/// Side of the square in which the spot is drawn, in pixels: the spot and room for its rim to fade. Odd like [`PIECE`], so
/// that both have the same middle; wherever the piece belongs, the square lies inside the picture.
pub(super) const SPOT: usize = 59;

/// Where the piece's left edge may belong, in pixels: far enough from the start that the piece has to be moved, and
/// the spot whole inside the picture.
pub(super) const PLACES: std::ops::RangeInclusive<u16> = 12..=256;

/// Where the top of the silhouette may lie, in pixels: the spot whole inside the picture.
pub(super) const TOPS: std::ops::RangeInclusive<u16> = 6..=102;

/// Grey levels are counted in sixteenths, so that smooth shading has no steps.
pub(super) const GREY: i32 = 16;

/// Everything that is random about a picture, except its noise.
pub(super) struct Plan {
    pub(super) scene: Scene,
    pub(super) tint: Tint,
    /// Light and shadow, in sixteenths of a grey level.
    pub(super) light: Lattice,
    pub(super) drawing: Box<dyn Drawing>,
}

/// What a family has to know of its picture.
pub(super) struct Scene {
    pub(super) place: Place,
    pub(super) outline: Outline,
}

/// Where the piece belongs. It is drawn once and never again: a plan that is thrown away keeps it, or the places at which
/// pictures succeed more often would be likelier than others.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Left edge of the piece's picture, in pixels.
    pub(super) x: u16,
    /// Top of the silhouette, in pixels.
    pub(super) top: u16,
}

impl Plan {
    /// A plan of the family `only`, or of any.
    pub(super) fn new(rng: &mut StdRng, only: Option<Family>, level: Level, axes: Axes) -> Self {
        let place = Place::random(rng);
        Self::at(rng, place, only, level, axes)
    }

    /// The same for a place that was drawn before.
    pub(super) fn at(rng: &mut StdRng, place: Place, only: Option<Family>, level: Level, axes: Axes) -> Self {
        let any = Family::random(rng);
        // Along each axis that a person places it, the middle of what they see has to be the middle of the square.
        let symmetry = match axes {
            Axes::One => Symmetry::Across,
            Axes::Two => Symmetry::Both,
        };
        let scene = Scene { place, outline: Outline::new(rng, PIECE, symmetry) };
        let tint = Tint::random(rng);
        let light = Lattice::new(rng, (WIDTH, HEIGHT), 120, 0, 21 * GREY);
        let drawing = only.unwrap_or(any).plan(rng, &scene, level, axes);
        Self { scene, tint, light, drawing }
    }
}

impl Place {
    /// Every place is as likely as any other.
    pub(super) fn random(rng: &mut impl Rng) -> Self {
        Self { x: rng.random_range(PLACES), top: rng.random_range(TOPS) }
    }

    /// The middle of the silhouette and of the spot, in pixels.
    pub(super) fn middle(self) -> (usize, usize) {
        (usize::from(self.x) + PIECE / 2, usize::from(self.top) + PIECE / 2)
    }
}
