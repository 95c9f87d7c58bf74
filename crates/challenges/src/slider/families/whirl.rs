//! Whirl: short strokes that lie anyhow, and a spot in which they run around its middle.
//!
//! There are as many strokes in the spot as elsewhere, as light and as dark, and over the whole of it they point in every
//! direction as often as around it. That they go round something shows from its middle alone.

use std::{f32::consts::PI, sync::LazyLock};

use countersign_domain::challenge::Level;
use rand::{RngExt as _, rngs::StdRng};

use super::{Drawing, Scene};
use crate::{
    draw::{
        canvas::{Canvas, Stamp},
        field::Field,
        lattice::Lattice,
        wave::degrees,
    },
    slider::{HEIGHT, PIECE, WIDTH, plan::GREY},
};

/// Into how many directions half a turn is divided: steps of six degrees, which nobody sees.
const DIRECTIONS: usize = 32;

/// Mean distance of the strokes' middles, in pixels, and how far each is moved along each axis.
const SPACING: (f32, f32) = (6.2, 2.6);

/// Half the length of a stroke and half its width, in pixels.
const STROKE: (f32, f32) = (4.2, 0.8);

/// A stroke in each direction, from lying flat on.
static STROKES: LazyLock<Vec<Stamp>> =
    LazyLock::new(|| (0..DIRECTIONS).map(|direction| stroke(PI * direction as f32 / DIRECTIONS as f32)).collect());

struct Whirl {
    /// How far from its middle the spot reaches, in pixels.
    radius: f32,
    /// By how much strokes of the spot lead inwards or outwards on their way round, in radians. If none ever did, those at its
    /// left and right would always be upright, and a sum over columns would show them.
    pitch: f32,
    /// How far a stroke of the spot may be turned off its way, in radians.
    wobble: f32,
    /// How many strokes of the spot, of 256, lie anyhow like those around it.
    strays: u32,
    /// How light and dark strokes are, in sixteenths of a grey level.
    strength: Lattice,
}

/// Decides what a picture of strokes shows.
pub(super) fn plan(rng: &mut StdRng, level: Level) -> impl Drawing + use<> {
    // The harder, the more the spot is like what is around it.
    let (wobble, strays) = match level.number() {
        ..=1 => (0.05, 0),
        2 => (0.1, 0),
        3 => (0.16, 8),
        4 => (0.21, 14),
        5.. => (0.26, 20),
    };
    let radius = rng.random_range(23.0..29.0);
    let pitch = degrees(rng.random_range(-14.0..14.0));
    let mean = rng.random_range(40 * GREY..=50 * GREY);
    let strength = Lattice::new(rng, (WIDTH, HEIGHT), 40, mean, mean / 4);
    Whirl { radius, pitch, wobble, strays, strength }
}

impl Drawing for Whirl {
    fn picture(&self, scene: &Scene, rng: &mut StdRng) -> Vec<i16> {
        let (middle_x, middle_y) = scene.place.middle();
        let middle = (middle_x as f32, middle_y as f32);
        strokes(
            rng,
            (WIDTH, HEIGHT),
            |x, y| self.strength.near(x, y),
            |x, y, bits| {
                let (right, down) = (x as f32 - middle.0, y as f32 - middle.1);
                let follows = right * right + down * down < self.radius * self.radius && bits & 255 >= self.strays;
                follows.then(|| {
                    let off = ((bits >> 8) as f32 / 128.0 - 1.0) * self.wobble;
                    down.atan2(right) + PI / 2.0 + self.pitch + off
                })
            },
        )
    }

    fn piece(&self, rng: &mut StdRng) -> Vec<i16> {
        let strength = rng.random_range(38 * GREY..48 * GREY);
        strokes(rng, (PIECE, PIECE), |_, _| strength, |_, _, _| None)
    }
}

/// Strokes all over a picture, as strong as `strength` says of a place, and in the direction that `turned` says of it, with 16
/// random bits to be inexact by; in any, if it says none.
fn strokes(
    rng: &mut StdRng,
    size: (usize, usize),
    strength: impl Fn(i32, i32) -> i32,
    turned: impl Fn(i32, i32, u32) -> Option<f32>,
) -> Vec<i16> {
    let mut canvas = Canvas::new(size);
    Field::new(SPACING.0, SPACING.1).scatter(rng, size, |x, y, bits| {
        let direction = match turned(x, y, bits >> 16) {
            Some(angle) => (angle / PI * DIRECTIONS as f32).round().rem_euclid(DIRECTIONS as f32) as usize % DIRECTIONS,
            None => bits as usize % DIRECTIONS,
        };
        let light = if bits & 0x100 == 0 { 1 } else { -1 };
        canvas.stamp(&STROKES[direction], x, y, light * strength(x, y));
    });
    canvas.into_shades()
}

fn stroke(angle: f32) -> Stamp {
    let (half_length, half_width) = STROKE;
    let (sine, cosine) = angle.sin_cos();
    Stamp::new(6, |right, down| {
        let along = (right * cosine + down * sine).abs() - half_length;
        let across = (down * cosine - right * sine).abs();
        let beside = along.max(0.0).hypot(across);
        let cover = (half_width + 0.5 - beside).clamp(0.0, 1.0);
        (cover, cover)
    })
}
