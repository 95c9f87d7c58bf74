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

/// Bytes that a lossy picture and its piece may have together. About one picture in twenty is so busy that it would have more
/// at the quality that was drawn for it, and is made coarser.
pub(super) const MOST_BYTES: usize = 20_000;

/// By how much coarser at a time: a sixth of the bytes.
const COARSER: u8 = 12;

/// Nothing is made coarser than this: people would see blocks.
const LEAST_QUALITY: u8 = 36;

/// The strongest shade that there is: from the middle tone to black or white.
const STRONGEST: i16 = 127 * GREY as i16;

/// A picture that is drawn, and how it is to be encoded.
pub(super) struct Drawn {
    pixels: Vec<u8>,
    quality: u8,
}

/// Draws the picture.
pub(super) fn draw(plan: &Plan, rng: &mut StdRng, grain: &mut impl Rng) -> Drawn {
    let mut shades = plan.drawing.picture(&plan.scene, rng);
    soften(&mut shades);
    Drawn { pixels: colour(plan, grain, &shades), quality: rng.random_range(QUALITY) }
}

impl Drawn {
    /// The file; a lossy one has at most `room` bytes, or comes as near to that as [`LEAST_QUALITY`] does.
    pub(super) fn encode(&self, format: PictureFormat, room: usize) -> io::Result<Picture> {
        let (width, height) = (WIDTH as u16, HEIGHT as u16);
        let jpeg = |quality| encode::jpeg_rgb(&self.pixels, width, height, quality);
        match format {
            PictureFormat::Png => encode::png_rgb(&self.pixels, width, height),
            PictureFormat::Jpeg => {
                let mut quality = self.quality;
                let mut picture = jpeg(quality)?;
                while picture.bytes.len() > room && quality > LEAST_QUALITY {
                    quality = quality.saturating_sub(COARSER).max(LEAST_QUALITY);
                    picture = jpeg(quality)?;
                }
                Ok(picture)
            }
        }
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
