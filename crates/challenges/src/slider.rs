//! The slider: a picture in which one round spot differs from everything around it, and a piece to be moved over that spot.
//!
//! People see the spot at first sight. What finds the gap in ordinary slider pictures finds nothing here: no edge has the
//! outline of the piece, no part is darker, smoother or of another colour, and the piece's rim fits nowhere better than
//! elsewhere. How the spot differs, the [`Family`] of the drawing decides. Someone who writes a program for one of them will
//! find its spots, and no others'; the rest of the server's defences are for them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic on pictures of a few hundred pixels: phases are cut to 16 bits on purpose"
)]

use std::io;

use countersign_domain::challenge::{
    Answer, Axes, Challenge, DrawError, Kind, Level, Puzzle, Seed, Solution, Style, View,
};
use rand::{SeedableRng as _, rngs::StdRng};

mod families;
mod picture;
mod piece;
mod plan;
#[cfg(test)]
mod proxies;
mod spot;
#[cfg(test)]
mod tests;

pub use families::Family;
use plan::Plan;

/// Width of the picture, in pixels.
const WIDTH: usize = 310;

/// Height of the picture, in pixels; for one axis also of the strip in which the piece stands in its row.
const HEIGHT: usize = 155;

/// Side of the square that the piece's silhouette fills, in pixels. For two axes it is the piece's picture; for one, the
/// strip is as wide.
const PIECE: usize = 47;

/// How far an answer may be off along each axis, in pixels. People who put the piece down by eye are nearly always within
/// three.
const TOLERANCE: u8 = 4;

/// The kind [`Kind::Slider`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Slider {
    /// The family to draw; the seed chooses, if none is named.
    pub only: Option<Family>,
}

impl Challenge for Slider {
    fn kind(&self) -> Kind {
        Kind::Slider
    }

    fn make(&self, seed: &Seed, level: Level, style: Style) -> Result<Puzzle, DrawError> {
        Ok(draw(StdRng::from_seed(*seed.expose()), self.only, level, style)?)
    }

    fn judge(&self, solution: &Solution, answer: &Answer) -> bool {
        let Solution::Slider { x, y, tolerance } = *solution;
        let Answer::Slider { x: right, y: down } = *answer;
        // Comparisons with what is no number are false, and infinity is further away than any tolerance.
        let near = |answered: f64, place: u16| (answered - f64::from(place)).abs() <= f64::from(tolerance);
        near(right, x) && y.is_none_or(|y| down.is_some_and(|down| near(down, y)))
    }
}

fn draw(mut rng: StdRng, only: Option<Family>, level: Level, Style { format, axes }: Style) -> io::Result<Puzzle> {
    let plan = Plan::new(&mut rng, only, level, axes);
    // Pictures show the noise almost as it was generated, so it has a generator of its own: whoever worked out its state
    // would know the noise, and nothing of the place.
    let mut grain = StdRng::from_rng(&mut rng);
    let drawn = picture::draw(&plan, &mut rng, &mut grain);
    let piece = piece::draw(&plan, &mut rng, &mut grain, axes)?;
    let background = drawn.encode(format, picture::MOST_BYTES.saturating_sub(piece.bytes.len()))?;
    let y = match axes {
        Axes::One => None,
        Axes::Two => Some(plan.scene.place.top),
    };
    Ok(Puzzle {
        solution: Solution::Slider { x: plan.scene.place.x, y, tolerance: TOLERANCE },
        view: View::Slider { axes, background, piece },
    })
}
