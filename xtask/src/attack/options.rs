//! What `cargo xtask attack` is told.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use super::gates::GATED;

/// How many pictures of each level and door, where nothing is said: as many as the gates want for the whole interval.
const COUNT: u32 = 1000;

#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) count: u32,
    pub(super) levels: RangeInclusive<u8>,
    /// The generic solvers, where they do not stand where they usually do.
    pub(super) solvers: Option<PathBuf>,
    /// Fail where a solver passes a gate.
    pub(super) check: bool,
    /// Write the rates of those that know the drawings into the gates.
    pub(super) publish: bool,
    /// Train a model instead.
    pub(super) train: bool,
}

impl Options {
    pub(super) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut options =
            Self { count: COUNT, levels: GATED..=GATED, solvers: None, check: false, publish: false, train: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().with_context(|| format!("{word} wants a value"));
            match *word {
                "--count" => options.count = value()?.parse().context("--count wants a number")?,
                "--levels" => options.levels = levels(value()?)?,
                "--solvers" => options.solvers = Some(value()?.into()),
                "--check" => options.check = true,
                "--publish" => options.publish = true,
                "--train" => options.train = true,
                _ => bail!("there is no option {word}"),
            }
        }
        // Rates of half the samples are learnt from the other half.
        ensure!(options.count >= 20, "at least 20 pictures: fewer show nothing");
        Ok(options)
    }
}

/// `3`, or `1-5`.
fn levels(text: &str) -> anyhow::Result<RangeInclusive<u8>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if 1 <= first && first <= last && last <= 5 => Ok(first..=last),
        _ => bail!("--levels wants a level of 1 to 5, or two with a hyphen between"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let default = Options::parse(&[]).unwrap();
        assert_eq!((default.count, default.levels, default.check), (1000, 3..=3, false));
        let words = ["--count", "300", "--levels", "2-4", "--solvers", "there.py", "--check", "--publish"];
        let told = Options::parse(&words).unwrap();
        assert_eq!((told.count, told.levels, told.solvers), (300, 2..=4, Some("there.py".into())));
        assert!(told.check && told.publish && !told.train);
        for wrong in [
            &["--count"][..],
            &["--count", "x"],
            &["--count", "0"],
            &["--levels", "0"],
            &["--levels", "4-2"],
            &["there.py"],
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
