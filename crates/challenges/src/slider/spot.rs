//! A spot made of figures that stand apart: where each stands, and which of them belong to the spot.

use rand::Rng;

use super::{HEIGHT, WIDTH, plan::Place};
use crate::draw::field::Field;

/// A figure of a picture.
pub(super) struct Figure {
    /// Its middle, in pixels; up to a canvas' margin outside the picture.
    pub(super) x: i32,
    pub(super) y: i32,
    /// Whether it belongs to the spot.
    pub(super) inside: bool,
    /// Random bits to draw it by.
    pub(super) bits: u32,
}

/// Scatters figures over a picture. Those within `radius` pixels of the middle of the place belong to the spot.
///
/// A spot of two dozen figures has its middle where they have it, and not where it was planned: so all of the picture is moved
/// until the figures' own middle lies on the place.
pub(super) fn figures(rng: &mut impl Rng, field: &Field, place: Place, radius: i32) -> Vec<Figure> {
    let (middle_x, middle_y) = place.middle();
    let (middle_x, middle_y) = (middle_x as i32, middle_y as i32);
    let mut figures = Vec::with_capacity(1024);
    let (mut count, mut right, mut down) = (0, 0, 0);
    field.scatter(rng, (WIDTH, HEIGHT), |x, y, bits| {
        let (from_x, from_y) = (x - middle_x, y - middle_y);
        let inside = from_x * from_x + from_y * from_y < radius * radius;
        if inside {
            (count, right, down) = (count + 1, right + from_x, down + from_y);
        }
        figures.push(Figure { x, y, inside, bits });
    });
    let mean = |sum: i32| (2 * sum + count).div_euclid(2 * count.max(1));
    for figure in &mut figures {
        (figure.x, figure.y) = (figure.x - mean(right), figure.y - mean(down));
    }
    figures
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn the_figures_of_a_spot_have_their_middle_at_its_place() {
        let mut rng = StdRng::seed_from_u64(8);
        for _ in 0..10_000 {
            let place = Place::random(&mut rng);
            let figures = figures(&mut rng, &Field::new(9.0, 1.8), place, 25);
            let own: Vec<_> = figures.iter().filter(|figure| figure.inside).collect();
            assert!((20..=36).contains(&own.len()), "{}", own.len());
            let (middle_x, middle_y) = place.middle();
            let mean = |sum: i32| f64::from(sum) / own.len() as f64;
            let (x, y) = (mean(own.iter().map(|figure| figure.x).sum()), mean(own.iter().map(|figure| figure.y).sum()));
            assert!((x - middle_x as f64).abs() < 0.6 && (y - middle_y as f64).abs() < 0.6, "{x}, {y}");
        }
    }
}
