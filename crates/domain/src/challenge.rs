//! What a challenge is: something shown to a person ([`View`]), something only the server knows ([`Solution`]), and what
//! the person gave back ([`Answer`]).
//!
//! The three enums list every kind, so that the façades, which put a view into a vendor's words, are told by the compiler
//! when a kind comes along. Drawing and judging a kind live in one file of the `challenges` crate.

use crate::sealing::{Malformed, Reader, Writer};

/// The kinds of challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A piece is moved along a picture until it covers the place where it belongs.
    Slider,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 1] = [Self::Slider];

    /// The word for this kind in the native API and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slider => "slider",
        }
    }

    /// The kind that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    fn tag(self) -> u8 {
        match self {
            Self::Slider => 1,
        }
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        writer.u8(self.tag());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let tag = reader.u8()?;
        Self::ALL.into_iter().find(|kind| kind.tag() == tag).ok_or(Malformed)
    }
}

/// How hard a challenge is drawn, 1 (easiest) to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// Level 3, which every door uses unless a policy says otherwise.
    pub const DEFAULT: Self = Self(3);

    /// The hardest.
    pub const HIGHEST: Self = Self(5);

    /// The level, if `number` is 1 to 5.
    pub fn new(number: u8) -> Option<Self> {
        (1..=5).contains(&number).then_some(Self(number))
    }

    /// So many levels harder, and never beyond the hardest.
    #[must_use]
    pub fn harder_by(self, levels: u8) -> Self {
        Self(self.0.saturating_add(levels)).min(Self::HIGHEST)
    }

    /// The number, 1 to 5.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// How a door wants its pictures encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// Lossless, large: what vendors' clients expect.
    Png,
    /// Lossy, about a tenth of the bytes: what our own pages ask for. What needs transparency stays a PNG.
    Jpeg,
}

/// Along which axes a piece is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axes {
    /// From left to right; the piece already stands in its row. What vendors' clients can do.
    One,
    /// From left to right and up and down; the row is told to nobody. A guess passes one time in three hundred instead of
    /// one in twenty-seven.
    Two,
}

impl Axes {
    /// The word for these axes in the native API.
    pub fn word(self) -> &'static str {
        match self {
            Self::One => "x",
            Self::Two => "xy",
        }
    }
}

/// The form in which a door wants its challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Style {
    /// How pictures are encoded.
    pub format: PictureFormat,
    /// Along which axes the piece of a slider is placed.
    pub axes: Axes,
}

/// An encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// How `bytes` are encoded.
    pub format: PictureFormat,
    /// In pixels.
    pub width: u16,
    /// In pixels.
    pub height: u16,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What a client is shown. Nothing in here tells the solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// A picture, and a piece to be moved over it.
    Slider {
        /// Where the piece may be moved.
        axes: Axes,
        /// The picture in which the piece has its place.
        background: Picture,
        /// A PNG with alpha. For one axis it is as high as the background, and the piece stands in its row; for two it is
        /// the piece alone.
        piece: Picture,
    },
}

impl View {
    /// The kind of challenge that this shows.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Slider { .. } => Kind::Slider,
        }
    }
}

/// What solves a challenge. It is sealed into the challenge's token and never leaves the server in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solution {
    /// Where the piece belongs.
    Slider {
        /// The left edge of the piece's picture, in pixels of the background.
        x: u16,
        /// The top of the piece's picture, in pixels of the background, where two axes are asked.
        y: Option<u16>,
        /// How far an answer may lie from `x`, and from `y` where it is asked, in pixels, to either side and inclusive.
        tolerance: u8,
    },
}

impl Solution {
    /// The kind of challenge that this solves.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Slider { .. } => Kind::Slider,
        }
    }

    /// What an answer to it has to hold.
    pub fn wants(&self) -> Wanted {
        match self {
            Self::Slider { y: None, .. } => Wanted::Slider { axes: Axes::One },
            Self::Slider { y: Some(_), .. } => Wanted::Slider { axes: Axes::Two },
        }
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        self.kind().write(writer);
        match self {
            Self::Slider { x, y, tolerance } => {
                writer.u16(x);
                writer.optional(y, Writer::u16);
                writer.u8(tolerance);
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match Kind::read(reader)? {
            Kind::Slider => {
                Ok(Self::Slider { x: reader.u16()?, y: reader.optional(Reader::u16)?, tolerance: reader.u8()? })
            }
        }
    }
}

/// What an answer has to hold, so that a façade can tell an answer that is wrong from one that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Where the piece was put down.
    Slider {
        /// Along these axes.
        axes: Axes,
    },
}

/// What a client answered, once a façade has read it. A façade refuses what is no finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Where the piece was put down.
    Slider {
        /// The left edge of the piece's picture, in pixels of the background; may lie outside it.
        x: f64,
        /// The top of the piece's picture, likewise. A challenge of one axis does not look at it; without it one of two is
        /// not solved.
        y: Option<f64>,
    },
}

impl Answer {
    /// The kind of challenge that this answers.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Slider { .. } => Kind::Slider,
        }
    }
}

/// A freshly drawn challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Puzzle {
    /// What solves it.
    pub solution: Solution,
    /// What is shown.
    pub view: View,
}

/// 32 bytes from the [`Entropy`](crate::ports::Entropy) port, from which one puzzle is drawn. Whoever has the seed has the
/// solution: it is used once and dropped.
pub type Seed = crate::secret::Secret<[u8; 32]>;

/// A picture could not be encoded. Nothing a caller sends can bring this about.
#[derive(Debug, thiserror::Error)]
#[error("a picture could not be encoded: {0}")]
pub struct DrawError(#[from] std::io::Error);

/// One kind of challenge: how it is drawn and judged.
pub trait Challenge: Send + Sync {
    /// Which kind this is.
    fn kind(&self) -> Kind;

    /// Draws a puzzle. The same seed, level and style give the same bytes; two seeds never give the same picture.
    /// Takes about a millisecond of one core, so callers keep it off threads that must not block.
    ///
    /// # Errors
    /// [`DrawError`], a defect of ours.
    fn make(&self, seed: &Seed, level: Level, style: Style) -> Result<Puzzle, DrawError>;

    /// Whether `answer` solves it. An answer of another kind does not.
    fn judge(&self, solution: &Solution, answer: &Answer) -> bool;
}
