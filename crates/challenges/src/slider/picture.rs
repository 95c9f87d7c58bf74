//! Turns the shades of a picture into a file.

use std::io;

use countersign_domain::challenge::{Picture, PictureFormat};
use rand::{Rng, RngExt as _, rngs::StdRng};

use super::{
    HEIGHT, WIDTH,
    plan::{GREY, Plan},
};
use crate::draw::encode;

/// Quality of a lossy picture: coarse enough to blur what machines compare, fine enough that people see no blocks.
const QUALITY: std::ops::RangeInclusive<u8> = 60..=82;

/// The strongest shade that there is: from the middle tone to black or white.
const STRONGEST: i16 = 127 * GREY as i16;

/// Draws and encodes the picture.
pub(super) fn draw(plan: &Plan, rng: &mut StdRng, grain: &mut impl Rng, format: PictureFormat) -> io::Result<Picture> {
    let mut shades = plan.drawing.picture(&plan.scene, rng);
    soften(&mut shades);
    let pixels = colour(plan, grain, &shades);
    let (width, height) = (WIDTH as u16, HEIGHT as u16);
    match format {
        PictureFormat::Png => encode::png_rgb(&pixels, width, height),
        PictureFormat::Jpeg => encode::jpeg_rgb(&pixels, width, height, rng.random_range(QUALITY)),
    }
}

/// Blurs a little, by an eighth of every pixel's light each way: lines that broke off from one pixel to the next would look
/// sharper than any line does.
pub(super) fn soften(shades: &mut [i16]) {
    // Where figures overlap they may be lighter or darker than a picture can show, and sixteen times that would not fit.
    for shade in shades.iter_mut() {
        *shade = (*shade).clamp(-STRONGEST, STRONGEST);
    }
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
