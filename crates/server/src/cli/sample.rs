use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use countersign_challenges::{Family, Slider};
use countersign_domain::challenge::{Axes, Challenge, Kind, Level, PictureFormat, Puzzle, Seed, Solution, Style, View};
use countersign_domain::ports::Entropy;
use serde_json::{Value, json};

use crate::system::OsEntropy;

#[derive(Args)]
pub(super) struct Sample {
    /// Which kind of challenge: slider
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Kind,
    /// How many
    #[arg(long, value_name = "N")]
    count: u32,
    /// How hard, 1 to 5
    #[arg(long, value_name = "LEVEL", default_value = "3", value_parser = level)]
    level: Level,
    /// Which family of drawing; whichever the seed chooses, if left out
    #[arg(long, value_name = "WORD", value_parser = family)]
    family: Option<Family>,
    /// Whose pictures: PNG and one axis for oneaccess, JPEG and two axes for native
    #[arg(long, value_enum, default_value_t = Door::Oneaccess)]
    door: Door,
    /// Where to write; standard output, if left out
    #[arg(long, value_name = "FILE.jsonl")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Door {
    Oneaccess,
    Native,
}

impl Door {
    /// What this door's clients get.
    pub(super) fn style(self) -> Style {
        match self {
            Self::Oneaccess => Style { format: PictureFormat::Png, axes: Axes::One },
            Self::Native => Style { format: PictureFormat::Jpeg, axes: Axes::Two },
        }
    }
}

/// Reads `--type`.
pub(super) fn kind(word: &str) -> Result<Kind, String> {
    Kind::from_word(word).ok_or_else(|| format!("there are: {}", Kind::ALL.map(Kind::word).join(", ")))
}

/// Reads `--family`.
fn family(word: &str) -> Result<Family, String> {
    Family::from_word(word).ok_or_else(|| format!("there are: {}", Family::ALL.map(Family::word).join(", ")))
}

/// Reads `--level`.
pub(super) fn level(text: &str) -> Result<Level, String> {
    text.parse().ok().and_then(Level::new).ok_or_else(|| "a level is 1 to 5".to_owned())
}

/// The challenge of this kind.
pub(super) fn challenge(kind: Kind) -> anyhow::Result<Arc<dyn Challenge>> {
    let challenges = countersign_challenges::all();
    challenges.into_iter().find(|challenge| challenge.kind() == kind).context("a kind that nobody draws")
}

impl Sample {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match &self.out {
            None => self.write(std::io::stdout().lock()),
            Some(path) => self.write(File::create(path).with_context(|| path.display().to_string())?),
        }
    }

    fn write(&self, out: impl Write) -> anyhow::Result<()> {
        let challenge: Arc<dyn Challenge> = match self.kind {
            Kind::Slider => Arc::new(Slider { only: self.family }),
        };
        let entropy: &dyn Entropy = &OsEntropy;
        let mut out = BufWriter::new(out);
        for _ in 0..self.count {
            let seed = Seed::new(entropy.array());
            let puzzle = challenge.make(&seed, self.level, self.door.style())?;
            writeln!(out, "{}", labelled(&puzzle, self.family.unwrap_or_else(|| Family::of(&seed))))?;
        }
        Ok(out.flush()?)
    }
}

fn labelled(puzzle: &Puzzle, family: Family) -> Value {
    match (&puzzle.view, puzzle.solution) {
        (View::Slider { background, piece, .. }, Solution::Slider { x, y, tolerance }) => {
            let mut fields = json!({
                "background_b64": STANDARD.encode(&background.bytes),
                "piece_b64": STANDARD.encode(&piece.bytes),
                "family": family.word(),
                "answer_x": x,
                "width": background.width,
                "tol": tolerance,
            });
            if let Some(y) = y {
                fields["answer_y"] = json!(y);
            }
            fields
        }
    }
}
