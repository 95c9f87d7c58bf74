//! Places scattered over the plane, nowhere crowded and nowhere sparse: a lattice of equal triangles whose nodes are moved
//! about.

use rand::{Rng, RngExt as _};

use super::canvas::MARGIN;

/// What a pixel is divided into, so that distances need not be whole pixels.
const PART: i32 = 16;

/// A scatter over a picture and the margin of a canvas around it.
pub(crate) struct Field {
    /// Distance of the nodes, in parts of a pixel.
    spacing: i32,
    /// How far a node may be moved along each axis, likewise.
    stray: i32,
}

impl Field {
    /// Nodes `spacing` pixels apart, each moved by up to `stray` pixels along each axis.
    pub(crate) fn new(spacing: f32, stray: f32) -> Self {
        Self { spacing: (spacing * PART as f32) as i32, stray: (stray * PART as f32) as i32 }
    }

    /// Scatters places over a picture of `width` by `height` pixels, and calls `place` with each, in pixels, and with 32
    /// random bits for what is drawn there: first those of every second row of nodes, then those of the others, so that
    /// figures cover their neighbours above as much as those below.
    pub(crate) fn scatter(
        &self,
        rng: &mut impl Rng,
        (width, height): (usize, usize),
        mut place: impl FnMut(i32, i32, u32),
    ) {
        let margin = MARGIN as i32 * PART;
        let (right, bottom) = (width as i32 * PART + margin, height as i32 * PART + margin);
        let rise = self.spacing * 222 / 256;
        let (origin_x, origin_y) = (rng.random_range(0..self.spacing), rng.random_range(0..2 * rise));
        let stray = |bits: u64| (((bits & 0xffff) as i32 * (2 * self.stray + 1)) >> 16) - self.stray;
        for odd in [0, 1] {
            let mut y = origin_y - margin - odd * rise;
            while y < bottom {
                let mut x = origin_x - margin - odd * self.spacing / 2;
                while x < right {
                    let bits: u64 = rng.random();
                    let (x_there, y_there) = (x + stray(bits), y + stray(bits >> 16));
                    place(x_there.div_euclid(PART), y_there.div_euclid(PART), (bits >> 32) as u32);
                    x += self.spacing;
                }
                y += 2 * rise;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn places_are_as_dense_at_the_edge_as_inside_and_keep_apart() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..50 {
            let mut places = Vec::new();
            Field::new(9.0, 1.5).scatter(&mut rng, (310, 155), |x, y, _| places.push((x, y)));
            for (index, (x, y)) in places.iter().enumerate() {
                let nearest = places[..index].iter().map(|other| (other.0 - x).pow(2) + (other.1 - y).pow(2)).min();
                assert!(nearest.is_none_or(|square| square >= 16), "{nearest:?}");
            }
            let within = |left: i32, right: i32| places.iter().filter(|(x, _)| (left..right).contains(x)).count();
            for edge in [within(0, 50), within(260, 310)] {
                assert!(edge.abs_diff(within(130, 180)) < 30, "{edge}");
            }
        }
    }
}
