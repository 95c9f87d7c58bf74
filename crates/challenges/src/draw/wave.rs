//! Parallel lines: plane waves in wrapping integer phases, and the profile that turns a phase into light and dark.

use std::f32::consts::TAU;

/// Phases are counted in this many units a turn, so that they wrap by being cut to 16 bits.
pub(crate) const TURN: f32 = 65536.0;

/// A plane wave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wave {
    /// Phase gained a pixel to the right.
    pub(crate) across: i32,
    /// Phase gained a pixel down.
    pub(crate) down: i32,
}

impl Wave {
    /// A wave that runs towards `angle` (radians; its lines stand at right angles to that), with `period` pixels a line.
    pub(crate) fn new(angle: f32, period: f32) -> Self {
        Self { across: (TURN / period * angle.cos()) as i32, down: (TURN / period * angle.sin()) as i32 }
    }

    /// Where it runs to, in radians.
    pub(crate) fn angle(self) -> f32 {
        (self.down as f32).atan2(self.across as f32)
    }

    /// Pixels a line.
    pub(crate) fn period(self) -> f32 {
        TURN / (self.across as f32).hypot(self.down as f32).max(1.0)
    }

    /// The wave that, added to `other`, gives this one.
    pub(crate) fn less(self, other: Self) -> Self {
        Self { across: self.across - other.across, down: self.down - other.down }
    }

    /// The phase at a pixel.
    pub(crate) fn phase(self, x: i32, y: i32) -> i32 {
        self.across.wrapping_mul(x).wrapping_add(self.down.wrapping_mul(y))
    }
}

/// How far the lines of two waves stand apart: 0 where parallel, 1 at right angles.
pub(crate) fn crossing(first: Wave, second: Wave) -> f32 {
    (first.angle() - second.angle()).sin().powi(2)
}

/// A part of a turn as a phase.
pub(crate) fn turns(share: f32) -> u16 {
    (share.rem_euclid(1.0) * TURN) as u16
}

/// Radians of degrees.
pub(crate) fn degrees(angle: f32) -> f32 {
    angle / 360.0 * TAU
}

/// The brightness of a line at a phase, -[`PEAK`] to [`PEAK`].
pub(crate) fn profile(phase: u16) -> i32 {
    i32::from(PROFILE[usize::from(phase >> 8)])
}

/// The largest brightness in the profile.
pub(crate) const PEAK: i32 = 256;

/// A sine with its crests cut off, which reads as drawn lines rather than as a ripple.
static PROFILE: [i16; 256] = clipped_sine();

const fn clipped_sine() -> [i16; 256] {
    let mut table = [0_i16; 256];
    let mut index = 0_i16;
    while index < 256 {
        // A parabola each half turn is a sine to within 6 %, and can be had at compile time.
        let half = index & 127;
        let arch = (half * (128 - half)) / 16;
        let steep = arch + arch / 2 + arch / 8;
        let clipped = if steep > 256 { 256 } else { steep };
        table[index as usize] = if index < 128 { clipped } else { -clipped };
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_odd_and_reaches_its_peaks() {
        for phase in 0..=u16::MAX {
            assert_eq!(profile(phase), -profile(phase.wrapping_add(1 << 15)));
        }
        assert_eq!(profile(1 << 14), PEAK);
    }

    #[test]
    fn a_wave_keeps_its_angle_and_period() {
        let wave = Wave::new(0.7, 6.0);
        assert!((wave.angle() - 0.7).abs() < 1e-3);
        assert!((wave.period() - 6.0).abs() < 1e-2);
        assert!(crossing(wave, Wave::new(0.7 + degrees(90.0), 9.0)) > 0.999);
        assert!(crossing(wave, Wave::new(0.7 + degrees(180.0), 9.0)) < 0.001);
    }
}
