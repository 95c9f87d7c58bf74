//! A nearly round spot with a soft rim.

use rand::{Rng, RngExt as _};

/// How much of a pixel the spot covers, 0 to 256, over a square.
pub(crate) struct Disc {
    /// Row by row.
    pub(crate) cover: Vec<i32>,
}

impl Disc {
    /// A spot in the middle of a square of `side` pixels, of a mean `radius`, whose outline leaves the circle by up to
    /// `uneven` (a share of the radius) in each of four harmonics, and whose rim fades over `soft` pixels.
    pub(crate) fn new(rng: &mut impl Rng, side: usize, radius: f32, uneven: (f32, f32), soft: f32) -> Self {
        let mut harmonics = [(0.0, 0.0); 4];
        for harmonic in &mut harmonics {
            let share = rng.random_range(uneven.0..uneven.1);
            let phase: f32 = rng.random_range(0.0..std::f32::consts::TAU);
            *harmonic = (share * phase.cos(), share * phase.sin());
        }
        let middle = (side as f32 - 1.0) / 2.0;
        let reach = radius * 4.0 * uneven.1 + soft;
        let mut cover = vec![0; side * side];
        for (y, row) in cover.chunks_exact_mut(side).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let (right, down) = (x as f32 - middle, y as f32 - middle);
                let distance = (right * right + down * down).sqrt();
                *pixel = if distance < radius - reach {
                    256
                } else if distance > radius + reach {
                    0
                } else {
                    let rim = radius * (1.0 + bulge(&harmonics, right / distance, down / distance));
                    smooth(0.5 + (rim - distance) / soft)
                };
            }
        }
        Self { cover }
    }
}

/// The sum of the second to fifth harmonic in the direction (`cosine`, `sine`), without an angle being computed.
fn bulge(harmonics: &[(f32, f32); 4], cosine: f32, sine: f32) -> f32 {
    let (mut real, mut imaginary) = (cosine, sine);
    let mut sum = 0.0;
    for (even, odd) in harmonics {
        (real, imaginary) = (real * cosine - imaginary * sine, real * sine + imaginary * cosine);
        sum += even * real + odd * imaginary;
    }
    sum
}

fn smooth(share: f32) -> i32 {
    let share = share.clamp(0.0, 1.0);
    (256.0 * share * share * (3.0 - 2.0 * share)) as i32
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_disc_is_full_inside_empty_outside_and_centred() {
        let mut rng = StdRng::seed_from_u64(4);
        for _ in 0..50 {
            let disc = Disc::new(&mut rng, 58, 25.0, (0.01, 0.03), 4.0);
            assert_eq!(disc.cover[29 * 58 + 29], 256);
            assert_eq!(disc.cover[0], 0);
            let total: i32 = disc.cover.iter().sum();
            let area = f64::from(total) / 256.0;
            assert!((1700.0..2250.0).contains(&area), "{area}");
            let moment: f64 =
                disc.cover.iter().enumerate().map(|(index, cover)| (index % 58) as f64 * f64::from(*cover)).sum();
            assert!((moment / f64::from(total) - 28.5).abs() < 1.0);
        }
    }
}
