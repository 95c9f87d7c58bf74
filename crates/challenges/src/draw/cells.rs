//! The plane cut into cells: every pixel belongs to the nearest of some random sites.

use rand::{Rng, RngExt as _};

/// How far outside the picture sites may lie, in pixels, so that cells at its rim look like those inside.
const MARGIN: f32 = 40.0;

/// How far the borders of the cells waver to either side, in pixels.
const WAVER: f32 = 3.0;

/// Cells, each with a value.
pub(crate) struct Cells {
    /// From left to right.
    sites: Vec<Site>,
    waver: Waver,
}

/// Pixels of a row that belong to one cell. The last run that starts at or before a pixel is the pixel's.
pub(crate) struct Run {
    /// Where it starts, in pixels; the first run starts at minus infinity.
    pub(crate) start: f32,
    /// What the cell was given.
    pub(crate) value: u16,
    /// The cell's site.
    site: f32,
    /// The height at x = 0 of the line that stands for the distance to the site.
    height: f32,
}

struct Site {
    x: f32,
    y: f32,
    value: u16,
}

/// Shifts the rows against each other, so that borders are not straight.
struct Waver {
    frequencies: [f32; 2],
    phases: [f32; 2],
}

impl Cells {
    /// Cuts a picture into cells of `area` square pixels on average, with values from all of u16.
    pub(crate) fn new(rng: &mut impl Rng, (width, height): (usize, usize), area: f32) -> Self {
        let (wide, high) = (width as f32 + 2.0 * MARGIN, height as f32 + 2.0 * MARGIN);
        let count = (wide * high / area) as usize;
        let mut sites: Vec<_> = (0..count.max(1))
            .map(|_| Site {
                x: rng.random_range(-MARGIN..wide - MARGIN),
                y: rng.random_range(-MARGIN..high - MARGIN),
                value: rng.random(),
            })
            .collect();
        sites.sort_unstable_by(|one, other| one.x.total_cmp(&other.x));
        let waver = Waver {
            frequencies: [rng.random_range(0.12..0.22), rng.random_range(0.3..0.5)],
            phases: [rng.random_range(0.0..6.3), rng.random_range(0.0..6.3)],
        };
        Self { sites, waver }
    }

    /// The runs of pixels along row `y` that belong to one cell, from left to right: where each starts, and its value.
    ///
    /// The squared distance to a site, less the x² that all share, is a line over x. The nearest sites along the row are
    /// therefore the lower envelope of lines, which one pass over the sites from left to right finds.
    pub(crate) fn runs(&self, y: usize, runs: &mut Vec<Run>) {
        runs.clear();
        let y = y as f32;
        for site in &self.sites {
            let mut run = Run {
                start: f32::NEG_INFINITY,
                site: site.x,
                height: site.x * site.x + (y - site.y) * (y - site.y),
                value: site.value,
            };
            while let Some(before) = runs.last() {
                let crossing = (run.height - before.height) / (2.0 * (run.site - before.site)).max(1e-3);
                if crossing > before.start {
                    run.start = crossing;
                    break;
                }
                runs.pop();
            }
            runs.push(run);
        }
        let shift = self.waver.at(y);
        for run in runs {
            run.start += shift;
        }
    }
}

impl Waver {
    fn at(&self, y: f32) -> f32 {
        let [slow, fast] = self.frequencies;
        let [first, second] = self.phases;
        0.6 * WAVER * (slow * y + first).sin() + 0.4 * WAVER * (fast * y + second).sin()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn every_pixel_belongs_to_the_nearest_site() {
        let mut rng = StdRng::seed_from_u64(3);
        let cells = Cells::new(&mut rng, (310, 155), 2400.0);
        let mut runs = Vec::new();
        for y in (0..155).step_by(7) {
            cells.runs(y, &mut runs);
            let shift = cells.waver.at(y as f32);
            for x in 0..310 {
                let value = runs.iter().rev().find(|run| run.start <= x as f32).map(|run| run.value);
                let distance = |site: &Site| (site.x - (x as f32 - shift)).hypot(site.y - y as f32);
                let nearest = cells.sites.iter().map(distance).fold(f32::MAX, f32::min);
                let chosen = cells.sites.iter().find(|site| Some(site.value) == value).map(distance).unwrap();
                assert!(chosen - nearest < 2.1, "at {x}, {y}: {chosen} instead of {nearest}");
            }
        }
    }
}
