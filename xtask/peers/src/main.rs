//! Draws challenges of other people's crates, at their defaults, and one PNG for a yardstick, as it is told on standard input:
//! WHAT, a tab and N does it N times and is answered by a line of JSON, the milliseconds of CPU time and the bytes of each.
//!
//! The argument is a file of `countersign sample --door oneaccess`, whose pictures the yardstick encodes.

use std::io::{BufRead as _, BufReader, Write as _};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use biosvg::BiosvgBuilder;
use captcha::Difficulty;
use captcha_rs::CaptchaBuilder;
use cpu_time::ProcessTime;
use serde_json::{Value, json};

fn main() -> anyhow::Result<()> {
    let samples = std::env::args().nth(1).context("a file of samples")?;
    let pictures = pictures(&samples).with_context(|| samples.clone())?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (what, number) = line.split_once('\t').context("WHAT, a tab and N")?;
        let (mut milliseconds, mut bytes) = (Vec::new(), Vec::new());
        for turn in 0..number.parse::<usize>()? {
            let start = ProcessTime::try_now()?;
            let drawn = draw(what, &pictures[turn % pictures.len()])?;
            milliseconds.push(start.try_elapsed()?.as_secs_f64() * 1e3);
            bytes.push(drawn);
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", json!({"milliseconds": milliseconds, "bytes": bytes}))?;
        out.flush()?;
    }
    Ok(())
}

/// Draws one and returns its bytes, before any base64.
fn draw(what: &str, picture: &Pixels) -> anyhow::Result<usize> {
    let of_captcha = |difficulty| captcha::generate(difficulty).as_png().map(|png| png.len()).context("a PNG");
    match what {
        "reference" => encode(picture),
        "captcha easy" => of_captcha(Difficulty::Easy),
        "captcha medium" => of_captcha(Difficulty::Medium),
        "captcha hard" => of_captcha(Difficulty::Hard),
        "captcha-rs" => Ok(CaptchaBuilder::new().build().to_base64().len() * 3 / 4),
        "biosvg" => biosvg(),
        _ => anyhow::bail!("nobody draws {what}"),
    }
}

/// As its README does.
fn biosvg() -> anyhow::Result<usize> {
    let colours = ["#0078D6", "#aa3333", "#f08012", "#33aa00", "#aa33aa"].map(str::to_owned);
    let builder = BiosvgBuilder::new().length(4).difficulty(6).colors(colours.to_vec());
    let (_answer, svg) = builder.build().map_err(|error| anyhow::anyhow!("biosvg: {error}"))?;
    Ok(svg.len())
}

struct Pixels {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

fn pictures(samples: &str) -> anyhow::Result<Vec<Pixels>> {
    let mut pictures = Vec::new();
    for line in BufReader::new(std::fs::File::open(samples)?).lines() {
        let fields: Value = serde_json::from_str(&line?)?;
        let file = STANDARD.decode(fields["background_b64"].as_str().context("a picture")?)?;
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size().context("a picture that fits into memory")?];
        let info = reader.next_frame(&mut bytes)?;
        anyhow::ensure!(info.color_type == png::ColorType::Rgb, "the yardstick is an RGB picture");
        pictures.push(Pixels { width: info.width, height: info.height, bytes });
    }
    anyhow::ensure!(!pictures.is_empty(), "no pictures");
    Ok(pictures)
}

/// The yardstick, the same as that of `countersign bench`.
fn encode(pixels: &Pixels) -> anyhow::Result<usize> {
    let mut file = Vec::with_capacity(pixels.bytes.len());
    let mut encoder = png::Encoder::new(&mut file, pixels.width, pixels.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&pixels.bytes)?;
    Ok(std::hint::black_box(file).len())
}
