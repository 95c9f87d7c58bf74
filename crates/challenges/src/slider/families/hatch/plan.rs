//! What a picture of lines will show, decided before a pixel is drawn, so that a plan which people would see badly costs
//! microseconds to throw away.

use countersign_domain::challenge::{Axes, Level};
use rand::{Rng, RngExt as _};

use crate::{
    draw::{
        cells::Cells,
        disc::Disc,
        lattice::Lattice,
        wave::{TURN, Wave, crossing, degrees, turns},
    },
    slider::{
        HEIGHT, PIECE, WIDTH,
        plan::{GREY, Place, SPOT},
    },
};

/// How clearly the spot must stand out: see [`Lines::clarity`]. Nine plans of ten reach it.
pub(super) const CLEAR: f32 = 0.75;

/// How strong the lines of the spot are, in parts of 256 of those around it. The spot has no breaks, which take contrast
/// from what is around it, so at equal strength a search for the most contrast would find one spot in twelve.
const GAINS: std::ops::RangeInclusive<i32> = 236..=262;

/// How far a ghost lies from the spot at least, in pixels: they do not touch.
const FROM_SPOT: usize = 46;

/// How far ghosts lie apart at least, in pixels: a little overlap leaves both outlines whole enough.
const FROM_GHOSTS: usize = 36;

/// How many ghosts there are at most: more would crowd the picture.
const MOST_GHOSTS: usize = 10;

/// How wide a line may be at the spot, in pixels: finer ones blur when a page scales the picture, and of wider ones too few
/// fit into the spot to show where they run.
const PERIODS: std::ops::RangeInclusive<f32> = 4.6..=8.6;

/// How many plans are tried at most. The best is taken if none is clear.
const TRIES: usize = 24;

/// A copy of the piece's silhouette inside which the lines are shifted, but not turned: people overlook it, and what
/// looks for the outline finds it.
pub(super) struct Ghost {
    /// Left edge, in pixels.
    pub(super) left: usize,
    /// Top, in pixels.
    pub(super) top: usize,
    /// The shift, as a phase.
    pub(super) shift: u16,
}

/// Everything that is random about a picture, except its noise.
pub(super) struct Plan {
    pub(super) disc: Disc,
    pub(super) lines: Lines,
    pub(super) breaks: Cells,
    pub(super) ghosts: Vec<Ghost>,
}

/// The wavy lines.
pub(super) struct Lines {
    /// The lines before they are bent.
    pub(super) wave: Wave,
    /// What bends them, as a phase.
    pub(super) bend: Lattice,
    /// Their strength, in sixteenths of a grey level.
    pub(super) strength: Lattice,
    /// The mean of the strength.
    mean_strength: i32,
    /// The lines at the spot, were they straight.
    pub(super) there: Wave,
    /// The lines in the spot.
    pub(super) turned: Wave,
    /// How strong they are against those around the spot, in parts of 256.
    pub(super) turned_gain: i32,
}

/// What the level changes.
struct Hardness {
    /// Where the row is known. Where it is not there are half as many again: what looks for the outline has the whole
    /// picture to search, and so the same number would stand further apart.
    ghosts: usize,
    /// Mean area of the cells at whose borders lines break, in square pixels.
    break_area: f32,
    /// How far from a right angle the lines of the spot may be turned, in degrees.
    skew: f32,
}

impl Plan {
    pub(super) fn new(rng: &mut impl Rng, place: Place, level: Level, axes: Axes) -> Self {
        let hardness = Hardness::of(level);
        let disc = Disc::new(rng, SPOT, 25.0, (0.003, 0.012), 4.5);
        let lines = Lines::clear(rng, place, hardness.skew);
        let breaks = Cells::new(rng, (WIDTH, HEIGHT), hardness.break_area);
        let ghosts = Ghost::several(rng, place, axes, hardness.ghosts(axes));
        Self { disc, lines, breaks, ghosts }
    }
}

impl Hardness {
    fn of(level: Level) -> Self {
        match level.number() {
            ..=1 => Self { ghosts: 2, break_area: 4000.0, skew: 5.0 },
            2 => Self { ghosts: 3, break_area: 3000.0, skew: 8.0 },
            3 => Self { ghosts: 5, break_area: 2400.0, skew: 13.0 },
            4 => Self { ghosts: 6, break_area: 2000.0, skew: 18.0 },
            5.. => Self { ghosts: 8, break_area: 1600.0, skew: 24.0 },
        }
    }

    fn ghosts(&self, axes: Axes) -> usize {
        match axes {
            Axes::One => self.ghosts,
            Axes::Two => (self.ghosts * 3 / 2).min(MOST_GHOSTS),
        }
    }
}

impl Ghost {
    /// Up to `number` ghosts, which leave each other and the surroundings of the spot alone: where two overlap people see
    /// a tangle, and nothing looks like the outline. Fewer if chance keeps putting them in each other's way.
    fn several(rng: &mut impl Rng, place: Place, axes: Axes, number: usize) -> Vec<Self> {
        let mut ghosts: Vec<Self> = Vec::with_capacity(number);
        for _ in 0..8 * number {
            if ghosts.len() == number {
                break;
            }
            let ghost = Self::random(rng, place, axes);
            if ghost.apart(place.x.into(), place.top.into()) >= FROM_SPOT
                && ghosts.iter().all(|other| ghost.apart(other.left, other.top) >= FROM_GHOSTS)
            {
                ghosts.push(ghost);
            }
        }
        ghosts
    }

    fn random(rng: &mut impl Rng, place: Place, axes: Axes) -> Self {
        // In a row that is known they have to stand beside the spot; in one that is not they would give it away.
        let beside = match axes {
            Axes::One => rng.random_bool(0.6),
            Axes::Two => false,
        };
        let left = rng.random_range(0..=WIDTH - PIECE);
        let top = if beside { usize::from(place.top) } else { rng.random_range(0..=HEIGHT - PIECE) };
        Self { left, top, shift: turns(rng.random_range(0.375..0.625)) }
    }

    /// How far it lies from another silhouette, in the direction in which they lie further apart.
    fn apart(&self, left: usize, top: usize) -> usize {
        self.left.abs_diff(left).max(self.top.abs_diff(top))
    }
}

impl Lines {
    /// Lines in which the spot stands out, or the clearest of [`TRIES`].
    fn clear(rng: &mut impl Rng, place: Place, skew: f32) -> Self {
        let mut best = Self::random(rng, place, skew);
        for _ in 1..TRIES {
            if best.clarity(place) >= CLEAR {
                break;
            }
            let other = Self::random(rng, place, skew);
            if other.clarity(place) > best.clarity(place) {
                best = other;
            }
        }
        best
    }

    fn random(rng: &mut impl Rng, place: Place, skew: f32) -> Self {
        let wave = straight(rng);
        let bend = Lattice::new(rng, (WIDTH, HEIGHT), 80, 0, (11.0 * TURN / wave.period()) as i32);
        let mean_strength = rng.random_range(32 * GREY..=42 * GREY);
        let strength = Lattice::new(rng, (WIDTH, HEIGHT), 40, mean_strength, mean_strength * 2 / 5);
        let (x, y) = place.middle();
        let there = bent(wave, &bend, x, y, 10);
        // As many lines a pixel as around it: fineness must not give the spot away.
        let side = if rng.random() { 90.0 } else { -90.0 };
        let turn = degrees(side + rng.random_range(-skew..=skew));
        let turned = Wave::new(there.angle() + turn, there.period());
        let turned_gain = rng.random_range(GAINS);
        Self { wave, bend, strength, mean_strength, there, turned, turned_gain }
    }

    /// How well people will see the spot, about 0 to 1: how far its lines are turned against those around it, each place
    /// around it weighed by how strong the lines are there. One bad side counts more than the mean, because the middle of a
    /// spot is guessed from its whole rim.
    pub(super) fn clarity(&self, place: Place) -> f32 {
        if !PERIODS.contains(&self.there.period()) {
            return 0.0;
        }
        let (x, y) = place.middle();
        let around = [(-34, 0), (-24, -24), (0, -34), (24, -24), (34, 0), (24, 24), (0, 34), (-24, 24)];
        let mut sum = 0.0;
        let mut weakest = f32::MAX;
        for (right, down) in around {
            let x = x.saturating_add_signed(right).clamp(4, WIDTH - 5);
            let y = y.saturating_add_signed(down).clamp(4, HEIGHT - 5);
            let here = crossing(bent(self.wave, &self.bend, x, y, 4), self.turned) * self.share_of_strength(x, y);
            sum += here;
            weakest = weakest.min(here);
        }
        let inside = self.share_of_strength(x, y);
        (sum / around.len() as f32).min(inside).min(1.6 * weakest)
    }

    fn share_of_strength(&self, x: usize, y: usize) -> f32 {
        self.strength.at(x, y) as f32 / self.mean_strength as f32
    }
}

/// Lines before they are bent, in any direction.
pub(super) fn straight(rng: &mut impl Rng) -> Wave {
    let period = rng.random_range(5.3..7.0);
    Wave::new(rng.random_range(0.0..std::f32::consts::TAU), period)
}

/// The wave at a pixel once it is bent, from differences over `step` pixels to either side. The pixel must lie that far
/// inside the picture.
fn bent(wave: Wave, bend: &Lattice, x: usize, y: usize, step: usize) -> Wave {
    let over = 2 * step as i32;
    Wave {
        across: wave.across + (bend.at(x + step, y) - bend.at(x - step, y)) / over,
        down: wave.down + (bend.at(x, y + step) - bend.at(x, y - step)) / over,
    }
}
