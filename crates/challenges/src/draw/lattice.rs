//! Value noise: random heights at the nodes of a lattice and smooth transitions between them.

use rand::{Rng, RngExt as _};

/// Value noise over the plane from (0, 0) to a given size.
pub(crate) struct Lattice {
    width: usize,
    height: usize,
    /// Distance of the nodes, in pixels.
    cell: usize,
    columns: usize,
    /// Where the picture's origin lies in the first cell, so that no two pictures have their nodes in the same places.
    origin: (usize, usize),
    /// Row by row.
    heights: Vec<i32>,
    /// The transition from a node (0) to the next (256), for every pixel between them.
    rise: Vec<i32>,
}

impl Lattice {
    /// Noise for a picture of `width` by `height` pixels: heights uniform within `range` above and below `middle`.
    /// Both stay under four million, so that a height times 256 fits.
    pub(crate) fn new(
        rng: &mut impl Rng,
        (width, height): (usize, usize),
        cell: usize,
        middle: i32,
        range: i32,
    ) -> Self {
        let origin = (rng.random_range(0..cell), rng.random_range(0..cell));
        let columns = (origin.0 + width) / cell + 2;
        let rows = (origin.1 + height) / cell + 2;
        let heights = (0..columns * rows).map(|_| middle + rng.random_range(-range..=range)).collect();
        let rise = (0..cell).map(|offset| smooth_step(offset as f32 / cell as f32)).collect();
        Self { width, height, cell, columns, origin, heights, rise }
    }

    /// The noise along row `y`, from x = 0 on.
    pub(crate) fn row(&self, y: usize, out: &mut [i32]) {
        let below = (self.origin.1 + y) / self.cell;
        let rise = self.rise[(self.origin.1 + y) % self.cell];
        let upper = &self.heights[below * self.columns..(below + 1) * self.columns];
        let lower = &self.heights[(below + 1) * self.columns..(below + 2) * self.columns];
        let node = |column: usize| mix(upper[column], lower[column], rise);

        let mut column = 0;
        let mut left = node(0);
        let mut rest = out;
        let mut skip = self.origin.0;
        while !rest.is_empty() {
            let right = node(column + 1);
            let (now, later) = rest.split_at_mut((self.cell - skip).min(rest.len()));
            for (pixel, rise) in now.iter_mut().zip(&self.rise[skip..]) {
                *pixel = mix(left, right, *rise);
            }
            (rest, left, skip) = (later, right, 0);
            column += 1;
        }
    }

    /// The noise at the pixel of the picture that is nearest to a place.
    pub(crate) fn near(&self, x: i32, y: i32) -> i32 {
        let inside = |place: i32, size: usize| usize::try_from(place).unwrap_or(0).min(size - 1);
        self.at(inside(x, self.width), inside(y, self.height))
    }

    /// The noise at one pixel, which lies in the picture.
    pub(crate) fn at(&self, x: usize, y: usize) -> i32 {
        let (x, y) = (self.origin.0 + x, self.origin.1 + y);
        let node = |column: usize, row: usize| self.heights[row * self.columns + column];
        let (column, row) = (x / self.cell, y / self.cell);
        let (across, down) = (self.rise[x % self.cell], self.rise[y % self.cell]);
        mix(
            mix(node(column, row), node(column, row + 1), down),
            mix(node(column + 1, row), node(column + 1, row + 1), down),
            across,
        )
    }
}

fn mix(from: i32, to: i32, rise: i32) -> i32 {
    from + (((to - from) * rise) >> 8)
}

fn smooth_step(share: f32) -> i32 {
    (256.0 * share * share * (3.0 - 2.0 * share)) as i32
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_row_and_a_point_agree_and_stay_in_range() {
        let mut rng = StdRng::seed_from_u64(1);
        let lattice = Lattice::new(&mut rng, (97, 41), 13, 50, 20);
        let mut row = [0; 97];
        for y in 0..41 {
            lattice.row(y, &mut row);
            for (x, height) in row.iter().enumerate() {
                assert_eq!(*height, lattice.at(x, y));
                assert!((30..=70).contains(height));
            }
        }
    }

    #[test]
    fn noise_is_smooth() {
        let mut rng = StdRng::seed_from_u64(2);
        let lattice = Lattice::new(&mut rng, (300, 10), 40, 0, 4000);
        let mut row = [0; 300];
        lattice.row(5, &mut row);
        // The steepest a transition over 40 pixels can be is 1.5 / 40 of its height.
        assert!(row.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 8000 * 3 / 80 + 40));
    }
}
