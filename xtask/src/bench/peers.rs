//! What the registries of Rust, Python and Node.js offer, at its defaults: programs in `xtask/peers` draw and time themselves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::run::{cargo, must, program, root, target};
use crate::tools;

/// How often all take their turns.
const ROUNDS: u32 = 7;

/// What the yardstick is called.
const YARDSTICK: &str = "reference";

/// How many encodes of the yardstick a turn has.
const ENCODES: u32 = 60;

/// A program that draws.
#[derive(Clone, Copy)]
enum Language {
    Rust,
    Python,
    Node,
}

/// What each registry offers: who draws it, the word for it, what to call it, and how many a turn has.
const PEERS: &[(Language, &str, &str, u32)] = &[
    (Language::Rust, "biosvg", "crate biosvg 0.1.12", 300),
    (Language::Rust, "captcha easy", "crate captcha 1.0.0, easy", 20),
    (Language::Rust, "captcha medium", "crate captcha 1.0.0, medium", 20),
    (Language::Rust, "captcha hard", "crate captcha 1.0.0, hard", 20),
    (Language::Rust, "captcha-rs", "crate captcha-rs 0.5.0", 60),
    (Language::Node, "svg-captcha", "npm svg-captcha 1.4.0", 200),
    (Language::Python, "captcha", "PyPI captcha 0.7.1, image", 30),
];

/// One of them, in CPU time.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// The median.
    pub(super) milliseconds: f64,
    /// The 99th percentile.
    pub(super) slowest: f64,
    pub(super) bytes: f64,
    /// The median of the rounds' ratios to the yardstick.
    pub(super) ratio: f64,
}

/// Measures all in turns with the yardstick, which encodes the pictures of `samples`.
pub(super) fn measure(samples: &Path) -> anyhow::Result<Vec<Peer>> {
    let folder = root().join("xtask/peers");
    let built = target()?.join("peers");
    let manifest = folder.join("Cargo.toml");
    must(cargo(&["build", "--locked", "--release", "--manifest-path"]).arg(manifest).env("CARGO_TARGET_DIR", &built))?;
    tools::node()?;
    must(program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    let python = tools::python("bench-python", &folder.join("requirements.txt"))?;

    let mut rust = Program::start(program(built.join("release/peers"), &[]).arg(samples))?;
    let mut node = Program::start(program("node", &[]).arg(folder.join("npm.js")))?;
    let mut python = Program::start(program(python, &[]).arg(folder.join("pypi.py")))?;
    let mut turns: Vec<Vec<Turn>> = PEERS.iter().map(|_| Vec::new()).collect();
    // One round more than is kept: the first warms up what compiles as it goes.
    for round in 0..=ROUNDS {
        for ((language, word, _, number), turns) in PEERS.iter().zip(&mut turns) {
            let yardstick = rust.draw(YARDSTICK, ENCODES)?;
            let program = match language {
                Language::Rust => &mut rust,
                Language::Python => &mut python,
                Language::Node => &mut node,
            };
            let drawn = program.draw(word, *number)?;
            if round > 0 {
                turns.push(Turn { yardstick, drawn });
            }
        }
    }
    Ok(PEERS.iter().zip(turns).map(|((_, _, name, _), turns)| Peer::of(name, turns)).collect())
}

/// What a program says of what it drew.
#[derive(Deserialize)]
struct Drawn {
    milliseconds: Vec<f64>,
    bytes: Vec<f64>,
}

/// What was drawn in a round, and the yardstick just before.
struct Turn {
    yardstick: Drawn,
    drawn: Drawn,
}

impl Peer {
    fn of(name: &'static str, turns: Vec<Turn>) -> Self {
        let ratio = |turn: &Turn| median(turn.drawn.milliseconds.clone()) / median(turn.yardstick.milliseconds.clone());
        let ratio = median(turns.iter().map(ratio).collect());
        let (mut milliseconds, mut bytes) = (Vec::new(), Vec::new());
        for Turn { drawn, .. } in turns {
            milliseconds.extend(drawn.milliseconds);
            bytes.extend(drawn.bytes);
        }
        let slowest = at(&mut milliseconds, 99);
        Self { name, milliseconds: median(milliseconds), slowest, bytes: median(bytes), ratio }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    at(&mut values, 50)
}

/// A percentile; no number of no values.
pub(super) fn at(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() * percent / 100).copied().unwrap_or(f64::NAN)
}

/// A running program that draws as it is told, until it is dropped.
struct Program {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take().context("a program's input")?;
        let output = BufReader::new(process.stdout.take().context("a program's output")?);
        Ok(Self { process, input, output })
    }

    fn draw(&mut self, word: &str, number: u32) -> anyhow::Result<Drawn> {
        writeln!(self.input, "{word}\t{number}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("what was drawn for {word}: {line}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_each_beside_its_own_yardstick() {
        let drawn =
            |milliseconds: &[f64], bytes: f64| Drawn { milliseconds: milliseconds.to_vec(), bytes: vec![bytes] };
        // The machine was three times slower in the last round.
        let turns = [(1.0, 4.0, 10.0), (1.0, 5.0, 30.0), (3.0, 15.0, 20.0)].map(|(yardstick, peer, bytes)| Turn {
            yardstick: drawn(&[yardstick; 3], 0.0),
            drawn: drawn(&[peer, peer, 99.0], bytes),
        });
        let expected = Peer { name: "it", milliseconds: 15.0, slowest: 99.0, bytes: 20.0, ratio: 5.0 };
        assert_eq!(Peer::of("it", turns.into()), expected);
    }
}
