//! Dots: light dots, and a spot in which they are dark, or the other way round.
//!
//! Every dot has a ring of the other shade around it that outweighs it exactly, so the spot is neither darker nor lighter than
//! what is around it, and as sharp.

use std::sync::LazyLock;

use countersign_domain::challenge::Level;
use rand::{RngExt as _, rngs::StdRng};

use super::{Drawing, Scene};
use crate::{
    draw::{
        canvas::{Canvas, Stamp},
        field::Field,
        lattice::Lattice,
    },
    slider::{HEIGHT, PIECE, WIDTH, plan::GREY, spot},
};

/// Mean distance of the dots' middles, in pixels, and how far each is moved along each axis.
const SPACING: (f32, f32) = (9.0, 2.7);

/// A dot of each size.
static DOTS: LazyLock<[Stamp; 4]> = LazyLock::new(|| [1.3, 1.45, 1.6, 1.75].map(dot));

struct Dots {
    /// How far from its middle the spot reaches, in pixels.
    radius: i32,
    /// 1 where dots around the spot are light, -1 where they are dark.
    side: i32,
    /// How many dots of 256 are on the other side.
    strays: u32,
    /// How light or dark dots are, in sixteenths of a grey level.
    strength: Lattice,
}

/// Decides what a picture of dots shows.
pub(super) fn plan(rng: &mut StdRng, level: Level) -> impl Drawing + use<> {
    // At the highest levels a few dots everywhere are on the wrong side.
    let (mean, strays) = match level.number() {
        ..=1 => (124, 0),
        2 => (116, 0),
        3 => (108, 0),
        4 => (102, 3),
        5.. => (96, 6),
    };
    let side = if rng.random() { 1 } else { -1 };
    let radius = rng.random_range(22..=27);
    let strength = Lattice::new(rng, (WIDTH, HEIGHT), 40, mean * GREY, mean * GREY / 7);
    Dots { radius, side, strays, strength }
}

/// A light dot, `size` pixels from its middle to where it is six tenths as light, and its ring.
fn dot(size: f32) -> Stamp {
    Stamp::new(8, |right, down| {
        let square = (right * right + down * down) / (size * size);
        let bell = |width: f32| (-square / (2.0 * width * width)).exp() / (width * width);
        (0.0, bell(1.0) - bell(1.6))
    })
}

impl Drawing for Dots {
    fn picture(&self, scene: &Scene, rng: &mut StdRng) -> Vec<i16> {
        let mut canvas = Canvas::new((WIDTH, HEIGHT));
        for figure in spot::figures(rng, &Field::new(SPACING.0, SPACING.1), scene.place, self.radius) {
            let stray = (figure.bits >> 8) & 255 < self.strays;
            let side = if figure.inside == stray { self.side } else { -self.side };
            // No two are equally strong, so no rim of equal dots shows where the spot ends.
            let share = 208 + ((figure.bits >> 16) & 63) as i32;
            let strength = side * self.strength.near(figure.x, figure.y) * share / 256;
            canvas.stamp(&DOTS[figure.bits as usize % DOTS.len()], figure.x, figure.y, strength);
        }
        canvas.into_shades()
    }

    /// Dots of both shades: were they those of either side, the piece would fit into the gaps of the other.
    fn piece(&self, rng: &mut StdRng) -> Vec<i16> {
        let strength = rng.random_range(76 * GREY..108 * GREY);
        let mut canvas = Canvas::new((PIECE, PIECE));
        Field::new(SPACING.0, SPACING.1).scatter(rng, (PIECE, PIECE), |x, y, bits| {
            let side = if bits & 0x100 == 0 { 1 } else { -1 };
            canvas.stamp(&DOTS[bits as usize % DOTS.len()], x, y, side * strength);
        });
        canvas.into_shades()
    }
}
