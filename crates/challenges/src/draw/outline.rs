//! The silhouette of a jigsaw piece, as a signed distance over a square.

use rand::{Rng, RngExt as _};

/// A silhouette: for every pixel of a square, how far it lies outside (positive) or inside (negative).
pub(crate) struct Outline {
    /// In pixels, row by row.
    pub(crate) distance: Vec<f32>,
}

/// What a side of the piece has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Knob,
    Notch,
    Plain,
}

/// Which opposite sides have the same, so that the middle of what a person sees is the middle of the square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symmetry {
    /// Left and right.
    Across,
    /// Left and right, and above and below.
    Both,
}

/// A knob or a notch.
struct Circle {
    x: f32,
    y: f32,
    radius: f32,
    kind: Side,
}

impl Outline {
    /// A silhouette that fills a square of `side` pixels.
    pub(crate) fn new(rng: &mut impl Rng, side: usize, symmetry: Symmetry) -> Self {
        let whole = side as f32;
        let beside = if rng.random() { Side::Knob } else { Side::Notch };
        let above = random_side(rng);
        let below = match symmetry {
            Symmetry::Across => random_side(rng),
            Symmetry::Both => above,
        };
        let knob = rng.random_range(0.145..0.17) * whole;
        // How far the centre of a knob stands out of the body, and that of a notch into it.
        let stand = knob * rng.random_range(0.1..0.3);
        // A notched body is kept narrower than the square, or it would weigh twice as much as one with knobs.
        let spare = if beside == Side::Knob { 0.0 } else { 0.05 * whole };
        let margin = |kind: Side| spare + if kind == Side::Knob { knob + stand } else { 0.0 };
        let (left, right) = (margin(beside), whole - margin(beside));
        let (top, bottom) = (margin(above), whole - margin(below));
        let (half_width, half_height) = ((right - left) / 2.0, (bottom - top) / 2.0);
        let (middle_x, middle_y) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        let beside_y = middle_y + rng.random_range(-0.08..0.08) * whole;
        let across_x = middle_x + rng.random_range(-0.08..0.08) * whole;
        let outwards = |kind: Side| if kind == Side::Knob { stand } else { -stand };
        // Notches are smaller: they take from the body what has to be seen of the lines.
        let radius = |kind: Side| if kind == Side::Knob { knob } else { 0.8 * knob };
        let circles = [
            Circle { x: left - outwards(beside), y: beside_y, radius: radius(beside), kind: beside },
            Circle { x: right + outwards(beside), y: beside_y, radius: radius(beside), kind: beside },
            Circle { x: across_x, y: top - outwards(above), radius: radius(above), kind: above },
            Circle { x: across_x, y: bottom + outwards(below), radius: radius(below), kind: below },
        ];
        let corner = rng.random_range(2.0..5.0_f32);

        let mut distance = vec![0.0; side * side];
        for (y, row) in distance.chunks_exact_mut(side).enumerate() {
            let y = y as f32 + 0.5;
            for (x, pixel) in row.iter_mut().enumerate() {
                let x = x as f32 + 0.5;
                let across = (x - middle_x).abs() - half_width + corner;
                let along = (y - middle_y).abs() - half_height + corner;
                let (past, over) = (across.max(0.0), along.max(0.0));
                *pixel = (past * past + over * over).sqrt() + across.max(along).min(0.0) - corner;
            }
        }
        for circle in circles.iter().filter(|circle| circle.kind != Side::Plain) {
            for (y, row) in distance.chunks_exact_mut(side).enumerate() {
                let down = y as f32 + 0.5 - circle.y;
                for (x, pixel) in row.iter_mut().enumerate() {
                    let right = x as f32 + 0.5 - circle.x;
                    let round = (right * right + down * down).sqrt() - circle.radius;
                    // The wide crease at a knob's neck also keeps the neck open where a frame follows the outline.
                    *pixel = if circle.kind == Side::Knob {
                        smooth_minimum(*pixel, round, 6.0)
                    } else {
                        -smooth_minimum(-*pixel, round, 3.0)
                    };
                }
            }
        }
        Self { distance }
    }
}

fn random_side(rng: &mut impl Rng) -> Side {
    [Side::Knob, Side::Notch, Side::Plain][rng.random_range(0..3_usize)]
}

/// The smaller of two distances, with the crease between them rounded off over `width` pixels.
fn smooth_minimum(one: f32, other: f32, width: f32) -> f32 {
    let overlap = (width - (one - other).abs()).max(0.0);
    one.min(other) - overlap * overlap / (4.0 * width)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn silhouettes_fit_and_are_centred() {
        let mut rng = StdRng::seed_from_u64(5);
        for symmetry in [Symmetry::Across, Symmetry::Both].repeat(200) {
            let outline = Outline::new(&mut rng, 47, symmetry);
            let inside: Vec<usize> = (0..47 * 47).filter(|index| outline.distance[*index] < 0.0).collect();
            let (left, right) = (
                inside.iter().map(|index| index % 47).min().unwrap(),
                inside.iter().map(|index| index % 47).max().unwrap(),
            );
            assert!((left + right).abs_diff(46) <= 1, "{left}..={right}");
            assert!(right - left >= 38);
            assert!((900..1800).contains(&inside.len()), "{}", inside.len());
            if symmetry == Symmetry::Both {
                let (top, bottom) = (inside[0] / 47, inside[inside.len() - 1] / 47);
                assert!((top + bottom).abs_diff(46) <= 1, "{top}..={bottom}");
                let weight = inside.iter().map(|index| index / 47).sum::<usize>() as f32 / inside.len() as f32;
                assert!((weight - 23.0).abs() < 1.5, "{weight}");
            }
        }
    }
}
