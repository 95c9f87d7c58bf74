//! A trail: how a piece was brought to its place, as the widget saw it. Reading one, what it is made of, and nothing more;
//! [`score`] says what it looks like.
//!
//! A trail holds strokes (a drag, a run of keys, a run of taps), each with its means, when it began, where the piece stood,
//! where on the piece the pointer took hold, and then pairs of time and place. It holds nothing else about a person or their
//! device. It is not kept: it is scored and dropped.
//!
//! On the wire it is `base64url(version ‖ tag ‖ strokes)`, at most [`LONGEST`] bytes. A stroke is its means (one byte), the
//! pause before it, its place, its hold, how many samples follow, and for each how long after the one before and how far from
//! it. Numbers are LEB128, those that can be negative in zigzag; times are milliseconds, distances quarters of a pixel.
//!
//! The tag is eight bytes of SHA-256 over the challenge's token and the strokes. It keeps a trail from being handed in for
//! another challenge as it is. It is no proof of where the trail comes from: whoever has a token can make a tag, and a page's
//! script can keep no secret from whoever runs it. So a trail is a hint, and never more than one.

mod features;
pub mod score;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use features::{Features, Movement};

/// The most bytes that are read, before base64.
pub const LONGEST: usize = 2048;

/// The most characters that are looked at.
pub const LONGEST_TEXT: usize = LONGEST.div_ceil(3) * 4;

const VERSION: u8 = 1;
const TAG: usize = 8;
const HEADER: usize = 1 + TAG;

/// Distances on the wire for one pixel.
const UNITS: f64 = 4.0;

/// With what a piece was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Means {
    /// A mouse, or what says that it is one.
    Mouse,
    /// A finger.
    Touch,
    /// A pen.
    Pen,
    /// A keyboard, or assistive technology that works like one.
    Keys,
    /// Step buttons, or single taps where the piece shall be.
    Taps,
}

impl Means {
    /// Every means, in the order of their numbers on the wire.
    pub const ALL: [Self; 5] = [Self::Mouse, Self::Touch, Self::Pen, Self::Keys, Self::Taps];

    /// The word for it in answers and documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mouse => "mouse",
            Self::Touch => "touch",
            Self::Pen => "pen",
            Self::Keys => "keys",
            Self::Taps => "taps",
        }
    }

    /// Whether it draws a path, and not single places.
    pub fn draws(self) -> bool {
        match self {
            Self::Mouse | Self::Touch | Self::Pen => true,
            Self::Keys | Self::Taps => false,
        }
    }
}

/// A place of the piece, in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// Where the piece was at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since the sample before, or since the stroke began.
    pub after: u32,
    /// Where.
    pub spot: Spot,
}

/// One movement without a break, or a run of keys or taps.
#[derive(Clone, Debug, PartialEq)]
pub struct Stroke {
    /// With what.
    pub means: Means,
    /// Milliseconds since the stroke before, or since the picture was shown.
    pub pause: u32,
    /// Where the piece stood when it began.
    pub from: Spot,
    /// Where on the piece the pointer took hold, from its left upper corner.
    pub hold: Spot,
    /// What followed, the release last.
    pub samples: Vec<Sample>,
}

/// How a piece was brought to its place. At least one stroke.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// In their order.
    pub strokes: Vec<Stroke>,
}

/// Why what was handed in is no trail of this challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrailFault {
    /// Longer than any that the widget sends.
    #[error("the trail is too long")]
    TooLong,
    /// Not written as a trail is.
    #[error("the trail cannot be read")]
    Unreadable,
    /// It was made for another challenge, or changed on the way.
    #[error("the trail is of another challenge")]
    OfAnother,
}

impl Trail {
    /// Reads `text`, handed in with the challenge of `token`. Takes time in proportion to [`LONGEST_TEXT`] at most, whatever
    /// `text` is.
    ///
    /// # Errors
    /// [`TrailFault`].
    pub fn read(token: &str, text: &str) -> Result<Self, TrailFault> {
        if text.len() > LONGEST_TEXT {
            return Err(TrailFault::TooLong);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TrailFault::Unreadable)?;
        if bytes.len() > LONGEST {
            return Err(TrailFault::TooLong);
        }
        let (header, strokes) = bytes.split_at_checked(HEADER).ok_or(TrailFault::Unreadable)?;
        let (VERSION, tagged) = (header[0], &header[1..]) else { return Err(TrailFault::Unreadable) };
        if !bool::from(tag(token, strokes).ct_eq(tagged)) {
            return Err(TrailFault::OfAnother);
        }
        Self::decode(strokes).ok_or(TrailFault::Unreadable)
    }

    /// Writes it as the widget would for the challenge of `token`; for tests, and for whoever measures.
    pub fn write(&self, token: &str) -> String {
        let mut strokes = Vec::new();
        for stroke in &self.strokes {
            encode(stroke, &mut strokes);
        }
        let mut bytes = vec![VERSION];
        bytes.extend(tag(token, &strokes));
        bytes.extend(strokes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Numbers { rest: bytes };
        let mut strokes = Vec::new();
        while !reader.rest.is_empty() {
            strokes.push(reader.stroke()?);
        }
        (!strokes.is_empty()).then_some(Self { strokes })
    }

    /// Where the piece was left.
    pub fn end(&self) -> Option<Spot> {
        let last = self.strokes.last()?;
        Some(last.samples.last().map_or(last.from, |sample| sample.spot))
    }
}

/// What makes strokes those of one challenge.
fn tag(token: &str, strokes: &[u8]) -> [u8; TAG] {
    let mut hash = Sha256::new();
    hash.update(b"countersign trail\0");
    hash.update(token.as_bytes());
    hash.update(b"\0");
    hash.update(strokes);
    let full: [u8; 32] = hash.finalize().into();
    let mut tag = [0; TAG];
    tag.copy_from_slice(&full[..TAG]);
    tag
}

/// The numbers of a trail, in order. `None` where they end too early.
struct Numbers<'a> {
    rest: &'a [u8],
}

impl Numbers<'_> {
    fn stroke(&mut self) -> Option<Stroke> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let means = *Means::ALL.get(usize::from(*first))?;
        let pause = self.unsigned()?;
        let from = self.step(Spot { x: 0.0, y: 0.0 })?;
        let hold = self.step(Spot { x: 0.0, y: 0.0 })?;
        let count = usize::try_from(self.unsigned()?).ok()?;
        // A sample has three bytes at least: a count beyond them is a lie, and makes no room.
        if count > self.rest.len() / 3 {
            return None;
        }
        let mut spot = from;
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            let after = self.unsigned()?;
            spot = self.step(spot)?;
            samples.push(Sample { after, spot });
        }
        Some(Stroke { means, pause, from, hold, samples })
    }

    fn step(&mut self, from: Spot) -> Option<Spot> {
        let across = self.signed()?;
        let down = self.signed()?;
        Some(Spot { x: from.x + f64::from(across) / UNITS, y: from.y + f64::from(down) / UNITS })
    }

    fn signed(&mut self) -> Option<i32> {
        let zigzag = self.unsigned()?;
        i32::try_from(zigzag >> 1).ok().map(|half| if zigzag & 1 == 0 { half } else { -half - 1 })
    }

    /// LEB128 of at most 32 bits.
    fn unsigned(&mut self) -> Option<u32> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u32::from(byte & 0x7f);
            value |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

fn encode(stroke: &Stroke, out: &mut Vec<u8>) {
    let number = Means::ALL.iter().position(|means| *means == stroke.means).unwrap_or_default();
    out.push(u8::try_from(number).unwrap_or_default());
    unsigned(stroke.pause, out);
    let origin = Spot { x: 0.0, y: 0.0 };
    let mut at = step(origin, stroke.from, out);
    step(origin, stroke.hold, out);
    unsigned(u32::try_from(stroke.samples.len()).unwrap_or(u32::MAX), out);
    for sample in &stroke.samples {
        unsigned(sample.after, out);
        at = step(at, sample.spot, out);
    }
}

/// Writes the way between two places; where it ends on the wire, so that rounding does not add up.
fn step(from: Spot, to: Spot, out: &mut Vec<u8>) -> Spot {
    let mut along = |from: f64, to: f64| {
        let units = quarters(to - from);
        unsigned(zigzag(units), out);
        from + f64::from(units) / UNITS
    };
    Spot { x: along(from.x, to.x), y: along(from.y, to.y) }
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates, and is bounded before")]
fn quarters(distance: f64) -> i32 {
    const FURTHEST: f64 = 1e8;
    (distance * UNITS).round().clamp(-FURTHEST, FURTHEST) as i32
}

fn zigzag(number: i32) -> u32 {
    (number << 1).cast_unsigned() ^ (number >> 31).cast_unsigned()
}

fn unsigned(mut number: u32, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests;
