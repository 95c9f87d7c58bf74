//! Draws the piece that is moved over the spot.

use std::io;

use countersign_domain::challenge::{Axes, Picture};
use rand::{Rng, RngExt as _, rngs::StdRng};

use super::{
    HEIGHT, PIECE,
    picture::speck,
    plan::{GREY, Plan},
};
use crate::draw::{encode, palette::Tint};

/// Width of the frame along the piece's rim, in pixels. It keeps what is inside from being compared with what is around the
/// place where it belongs.
const FRAME: f32 = 3.5;

/// Width of the dark line around the frame, in pixels: a light piece has to be seen on a light page.
const RIM: f32 = 0.8;

/// Draws and encodes the piece: for one axis in its row of a strip as high as the picture, for two alone, so that neither
/// its place in the file nor the file's height tells the row.
pub(super) fn draw(plan: &Plan, rng: &mut StdRng, grain: &mut impl Rng, axes: Axes) -> io::Result<Picture> {
    let tint = Tint {
        hue: plan.tint.hue + rng.random_range(-0.15..0.15),
        middle: plan.tint.middle + rng.random_range(-8.0..8.0),
        ..plan.tint
    };
    let palette = tint.palette();
    let [light, dark] = [96.0, -92.0].map(|offset| tint.colour(offset));
    let frame = if rng.random() { light } else { dark };
    let shades = plan.drawing.piece(rng);

    let (height, top) = match axes {
        Axes::One => (HEIGHT, usize::from(plan.scene.place.top)),
        Axes::Two => (PIECE, 0),
    };
    let mut pixels = vec![0; PIECE * height * 4];
    let mut noise = [0; PIECE];
    let rows = pixels.chunks_exact_mut(PIECE * 4).skip(top);
    for ((row, shades), distances) in
        rows.zip(shades.chunks_exact(PIECE)).zip(plan.scene.outline.distance.chunks_exact(PIECE))
    {
        grain.fill_bytes(&mut noise);
        for (((pixel, shade), distance), noise) in row.chunks_exact_mut(4).zip(shades).zip(distances).zip(noise) {
            let alpha = (255.0 * (0.5 - distance).clamp(0.0, 1.0)) as u8;
            if alpha == 0 {
                continue;
            }
            let inner = palette.colour(128 + (i32::from(*shade) + speck(noise)) / GREY);
            let past_frame = (0.5 - FRAME - distance).clamp(0.0, 1.0);
            let past_rim = (0.5 - RIM - distance).clamp(0.0, 1.0);
            for channel in 0..3 {
                let [dark, frame, inner] = [dark, frame, inner].map(|colour| f32::from(colour[channel]));
                let outer = dark + (frame - dark) * past_rim;
                pixel[channel] = (outer + (inner - outer) * past_frame) as u8;
            }
            pixel[3] = alpha;
        }
    }
    encode::png_rgba(&pixels, PIECE as u16, height as u16)
}
