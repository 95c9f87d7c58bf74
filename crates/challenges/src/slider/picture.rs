//! Draws the picture of a plan.

use std::io;

use countersign_domain::challenge::{Picture, PictureFormat};
use rand::{Rng, RngExt as _};

use super::{
    HEIGHT, PIECE, WIDTH,
    plan::{GREY, Plan, SPOT},
};
use crate::draw::{
    encode,
    wave::{PEAK, profile},
};

/// Quality of a lossy picture: coarse enough to blur what machines compare, fine enough that people see no blocks.
const QUALITY: std::ops::RangeInclusive<u8> = 60..=82;

/// Draws and encodes the picture.
pub(super) fn draw(
    plan: &Plan,
    rng: &mut impl Rng,
    grain: &mut impl Rng,
    format: PictureFormat,
) -> io::Result<Picture> {
    let mut phases = bent_lines(plan);
    let spot = Spot::of(plan, rng, &phases);
    break_lines(plan, &mut phases);
    shift_ghosts(plan, &mut phases);
    let mut shades = shade(plan, &phases);
    spot.draw(plan, &mut shades);
    soften(&mut shades);
    let pixels = colour(plan, grain, &shades);
    let (width, height) = (WIDTH as u16, HEIGHT as u16);
    match format {
        PictureFormat::Png => encode::png_rgb(&pixels, width, height),
        PictureFormat::Jpeg => encode::jpeg_rgb(&pixels, width, height, rng.random_range(QUALITY)),
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

fn shift_ghosts(plan: &Plan, phases: &mut [u16]) {
    for ghost in &plan.ghosts {
        let rows = phases.chunks_exact_mut(WIDTH).skip(ghost.top);
        for (row, distances) in rows.zip(plan.outline.distance.chunks_exact(PIECE)) {
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
    fn of(plan: &Plan, rng: &mut impl Rng, phases: &[u16]) -> Self {
        let (x, y) = plan.place.middle();
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

/// Blurs a little, by an eighth of every pixel's light each way: lines that broke off from one pixel to the next would look
/// sharper than any line does.
fn soften(shades: &mut [i16]) {
    let mut above = [0; WIDTH];
    above.copy_from_slice(&shades[..WIDTH]);
    for y in 0..HEIGHT {
        let here = y * WIDTH;
        let mut row = [0; WIDTH];
        row.copy_from_slice(&shades[here..here + WIDTH]);
        let mut below = [0; WIDTH];
        let next = if y + 1 < HEIGHT { here + WIDTH } else { here };
        below.copy_from_slice(&shades[next..next + WIDTH]);
        let mut column = [0; WIDTH];
        for (x, mixed) in column.iter_mut().enumerate() {
            *mixed = (above[x] + below[x] + 14 * row[x]) >> 4;
        }
        for (x, shade) in shades[here + 1..here + WIDTH - 1].iter_mut().enumerate() {
            *shade = (column[x] + column[x + 2] + 14 * column[x + 1]) >> 4;
        }
        above = row;
    }
}

/// Adds light and grain, and turns shades into red, green and blue.
fn colour(plan: &Plan, grain: &mut impl Rng, shades: &[i16]) -> Vec<u8> {
    let palette = plan.tint.palette();
    let mut light = [0; WIDTH];
    let mut noise = [0; WIDTH];
    let mut pixels = vec![0; WIDTH * HEIGHT * 3];
    for (y, (row, shades)) in pixels.chunks_exact_mut(WIDTH * 3).zip(shades.chunks_exact(WIDTH)).enumerate() {
        plan.light.row(y, &mut light);
        grain.fill_bytes(&mut noise);
        for (((pixel, shade), light), noise) in row.chunks_exact_mut(3).zip(shades).zip(light).zip(noise) {
            let offset = i32::from(*shade) + light + speck(noise);
            pixel.copy_from_slice(&palette.colour(128 + offset / GREY));
        }
    }
    pixels
}

/// Grain of a random byte, in sixteenths of a grey level: the sum of two even draws, with a deviation of about three
/// levels. More of it would fill lossless files and help nobody.
pub(super) fn speck(byte: u8) -> i32 {
    (i32::from(byte & 15) + i32::from(byte >> 4) - 15) * 7
}
