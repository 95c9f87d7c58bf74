//! Hatch: wavy lines, and a spot in which they run the other way.
//!
//! No edge has the outline of the piece, no part is darker, smoother or of another colour, and the piece's rim fits nowhere
//! better than elsewhere. What gives the spot away is the direction of its lines.

use countersign_domain::challenge::{Axes, Level};
use rand::{Rng, RngExt as _, rngs::StdRng};

use super::{Drawing, Scene};
use crate::{
    draw::wave::{PEAK, TURN, profile},
    slider::{
        HEIGHT, PIECE, WIDTH,
        plan::{GREY, SPOT},
    },
};

mod plan;
#[cfg(test)]
mod tests;

use plan::Plan;

/// Decides what a picture of lines shows.
pub(super) fn plan(rng: &mut StdRng, scene: &Scene, level: Level, axes: Axes) -> impl Drawing + use<> {
    Plan::new(rng, scene.place, level, axes)
}

impl Drawing for Plan {
    fn picture(&self, scene: &Scene, rng: &mut StdRng) -> Vec<i16> {
        let mut phases = bent_lines(self);
        let spot = Spot::of(self, scene, rng, &phases);
        break_lines(self, &mut phases);
        shift_ghosts(self, scene, &mut phases);
        let mut shades = shade(self, &phases);
        spot.draw(self, &mut shades);
        shades
    }

    /// Lines of their own, which share nothing with those of the picture. Lines that ran as they should where the piece
    /// belongs would fit well; but few places of a picture have just their direction and fineness, and a program would look
    /// there first.
    fn piece(&self, rng: &mut StdRng) -> Vec<i16> {
        let wave = plan::straight(rng);
        let start: u16 = rng.random();
        let strength = rng.random_range(30 * GREY..40 * GREY);
        let (bow, bow_phase) = (rng.random_range(0.4..0.9), rng.random_range(0.0..6.3_f32));
        let mut shades = vec![0; PIECE * PIECE];
        for (y, row) in shades.chunks_exact_mut(PIECE).enumerate() {
            let sway = (bow * TURN / wave.period() * (y as f32 * 0.13 + bow_phase).sin()) as i32;
            for (x, shade) in row.iter_mut().enumerate() {
                let phase = wave.phase(x as i32, y as i32).wrapping_add(sway) as u16;
                *shade = (profile(phase.wrapping_add(start)) * strength / PEAK) as i16;
            }
        }
        shades
    }
}

/// The phase of every pixel, before anything interrupts the lines.
fn bent_lines(plan: &Plan) -> Vec<u16> {
    let wave = plan.lines.wave;
    let mut bend = [0; WIDTH];
    let mut phases = vec![0; WIDTH * HEIGHT];
    for (y, row) in phases.chunks_exact_mut(WIDTH).enumerate() {
        plan.lines.bend.row(y, &mut bend);
        let start = wave.phase(0, y as i32);
        for (x, (phase, bend)) in row.iter_mut().zip(bend).enumerate() {
            *phase = start.wrapping_add(wave.across.wrapping_mul(x as i32)).wrapping_add(bend) as u16;
        }
    }
    phases
}

/// Gives each cell a phase of its own, so that lines end everywhere and not only at the spot.
fn break_lines(plan: &Plan, phases: &mut [u16]) {
    let mut runs = Vec::new();
    for (y, row) in phases.chunks_exact_mut(WIDTH).enumerate() {
        plan.breaks.runs(y, &mut runs);
        let mut end = WIDTH;
        for run in runs.iter().rev() {
            let start = (run.start.ceil().max(0.0) as usize).min(end);
            for phase in &mut row[start..end] {
                *phase = phase.wrapping_add(run.value);
            }
            end = start;
        }
    }
}

fn shift_ghosts(plan: &Plan, scene: &Scene, phases: &mut [u16]) {
    for ghost in &plan.ghosts {
        let rows = phases.chunks_exact_mut(WIDTH).skip(ghost.top);
        for (row, distances) in rows.zip(scene.outline.distance.chunks_exact(PIECE)) {
            for (phase, distance) in row[ghost.left..].iter_mut().zip(distances) {
                let shift = if *distance < 0.0 { ghost.shift } else { 0 };
                *phase = phase.wrapping_add(shift);
            }
        }
    }
}

/// How much brighter than the middle tone every pixel is, in sixteenths of a grey level.
fn shade(plan: &Plan, phases: &[u16]) -> Vec<i16> {
    let mut strength = [0; WIDTH];
    let mut shades = vec![0; WIDTH * HEIGHT];
    for (y, (row, phases)) in shades.chunks_exact_mut(WIDTH).zip(phases.chunks_exact(WIDTH)).enumerate() {
        plan.lines.strength.row(y, &mut strength);
        for ((shade, phase), strength) in row.iter_mut().zip(phases).zip(strength) {
            *shade = (profile(*phase) * strength / PEAK) as i16;
        }
    }
    shades
}

/// The spot, in which the lines are turned.
struct Spot {
    /// Left edge and top of its square, in pixels.
    left: usize,
    top: usize,
    /// The phase of every pixel of the square.
    phases: Vec<u16>,
}

impl Spot {
    /// Turns the lines that `phases` hold at the spot. Their waviness stays, their position is random.
    fn of(plan: &Plan, scene: &Scene, rng: &mut impl Rng, phases: &[u16]) -> Self {
        let (x, y) = scene.place.middle();
        let (left, top) = (x - SPOT / 2, y - SPOT / 2);
        let turn = plan.lines.turned.less(plan.lines.there);
        let start: u16 = rng.random();
        let mut own = Vec::with_capacity(SPOT * SPOT);
        for (down, row) in phases.chunks_exact(WIDTH).skip(top).take(SPOT).enumerate() {
            let start = start.wrapping_add(turn.phase(0, down as i32) as u16);
            for (right, phase) in row[left..left + SPOT].iter().enumerate() {
                own.push(phase.wrapping_add(start).wrapping_add(turn.across.wrapping_mul(right as i32) as u16));
            }
        }
        Self { left, top, phases: own }
    }

    /// Lays the spot over `shades`, with lines about as strong as those it covers.
    fn draw(&self, plan: &Plan, shades: &mut [i16]) {
        let mut own = vec![0; SPOT * SPOT];
        let mut strength = [0; WIDTH];
        for (down, (row, phases)) in own.chunks_exact_mut(SPOT).zip(self.phases.chunks_exact(SPOT)).enumerate() {
            plan.lines.strength.row(self.top + down, &mut strength);
            for ((shade, phase), strength) in row.iter_mut().zip(phases).zip(&strength[self.left..]) {
                *shade = (profile(*phase) * strength / PEAK) as i16;
            }
        }
        let rows = shades.chunks_exact_mut(WIDTH).skip(self.top);
        for ((row, own), cover) in rows.zip(own.chunks_exact(SPOT)).zip(plan.disc.cover.chunks_exact(SPOT)) {
            for ((shade, own), cover) in row[self.left..].iter_mut().zip(own).zip(cover) {
                let (below, above) = (i32::from(*shade), (i32::from(*own) * plan.lines.turned_gain) >> 8);
                *shade = (below + (((above - below) * cover) >> 8)) as i16;
            }
        }
    }
}
