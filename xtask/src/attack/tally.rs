//! How many pictures a solver solved, and how far that may lie from how many it would of all there are.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// How many of how many. What picks at random counts what it solves in the mean, so the first is no whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Tally {
    pub(super) solved: f64,
    pub(super) pictures: u32,
}

/// The 97.5th percentile of the normal distribution: 2.5 % on each side are left out.
const DEVIATIONS: f64 = 1.959_964;

impl Tally {
    /// The share that was solved; 0 of no pictures.
    pub(super) fn rate(self) -> f64 {
        if self.pictures == 0 { 0.0 } else { self.solved / f64::from(self.pictures) }
    }

    /// The two ends of the 95 % interval, after Wilson: near 0 and 1, where these rates lie, the usual one is too narrow.
    pub(super) fn interval(self) -> (f64, f64) {
        if self.pictures == 0 {
            return (0.0, 1.0);
        }
        let (n, rate) = (f64::from(self.pictures), self.rate());
        let square = DEVIATIONS * DEVIATIONS;
        let middle = rate + square / (2.0 * n);
        let half = DEVIATIONS * (rate * (1.0 - rate) / n + square / (4.0 * n * n)).sqrt();
        let scale = 1.0 + square / n;
        (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.solved += other.solved;
        self.pictures += other.pictures;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let rounded = |solved: f64, pictures: u32| {
            let (low, high) = Tally { solved, pictures }.interval();
            ((low * 1e4).round() / 1e4, (high * 1e4).round() / 1e4)
        };
        // The worked values of Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I.
        assert_eq!(rounded(81.0, 263), (0.2553, 0.3662));
        assert_eq!(rounded(15.0, 148), (0.0624, 0.1605));
        assert_eq!(rounded(0.0, 20), (0.0, 0.1611));
        assert_eq!(rounded(1.0, 29), (0.0061, 0.1718));
        assert_eq!(rounded(29.0, 29), (0.8830, 1.0));
        assert_eq!(rounded(0.0, 0), (0.0, 1.0));
    }
}
