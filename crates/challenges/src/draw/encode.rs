//! Picture files. They hold pixels and nothing else: no text, no time, no profile that could differ between two files.

use std::io;

use countersign_domain::challenge::{Picture, PictureFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// What the red, green and blue bytes of a picture become in a lossless file.
pub(crate) fn png_rgb(pixels: &[u8], width: u16, height: u16) -> io::Result<Picture> {
    png(pixels, width, height, png::ColorType::Rgb)
}

/// The same with a fourth byte a pixel, 0 where it is transparent and 255 where it is solid.
pub(crate) fn png_rgba(pixels: &[u8], width: u16, height: u16) -> io::Result<Picture> {
    png(pixels, width, height, png::ColorType::Rgba)
}

fn png(pixels: &[u8], width: u16, height: u16, color: png::ColorType) -> io::Result<Picture> {
    let mut bytes = Vec::with_capacity(pixels.len() + 1024);
    let mut encoder = png::Encoder::new(&mut bytes, width.into(), height.into());
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    // The stronger settings cost more than everything else a challenge takes, for a few per cent of the bytes.
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(Picture { format: PictureFormat::Png, width, height, bytes })
}

/// A lossy file of `quality` 1 to 100, its colours at half the resolution of its light.
pub(crate) fn jpeg_rgb(pixels: &[u8], width: u16, height: u16, quality: u8) -> io::Result<Picture> {
    let mut bytes = Vec::with_capacity(pixels.len() / 4);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(pixels, width, height, ColorType::Rgb).map_err(io::Error::other)?;
    Ok(Picture { format: PictureFormat::Jpeg, width, height, bytes })
}
