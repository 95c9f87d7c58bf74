//! Colours for a picture of one hue: a shade of grey goes in, a colour as bright as it comes out.

use rand::{Rng, RngExt as _};

/// Colours by brightness.
pub(crate) struct Palette {
    colours: Box<[[u8; 3]; 256]>,
}

/// What a palette is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tint {
    /// Where on the colour circle the middle tones lie, in radians.
    pub(crate) hue: f32,
    /// How far the hue leans from dark to light, in radians: what keeps one hue from looking flat.
    pub(crate) lean: f32,
    /// Distance from grey, in levels of chroma.
    pub(crate) chroma: f32,
    /// Brightness of the middle tone.
    pub(crate) middle: f32,
}

impl Tint {
    /// A tint that is neither garish nor grey.
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        Self {
            hue: rng.random_range(0.0..std::f32::consts::TAU),
            lean: rng.random_range(-0.5..0.5),
            chroma: rng.random_range(22.0..40.0),
            middle: rng.random_range(118.0..142.0),
        }
    }

    /// The colours of this tint; 128 is its middle tone.
    pub(crate) fn palette(self) -> Palette {
        let mut colours = Box::new([[0; 3]; 256]);
        for (shade, colour) in colours.iter_mut().enumerate() {
            *colour = self.colour(shade as f32 - 128.0);
        }
        Palette { colours }
    }

    /// The colour `offset` brighter than the middle tone.
    pub(crate) fn colour(self, offset: f32) -> [u8; 3] {
        let light = (self.middle + offset).clamp(0.0, 255.0);
        let from_middle = (offset / 128.0).clamp(-1.0, 1.0);
        let hue = self.hue + self.lean * from_middle;
        // Near black and white there is no room for chroma: fading it out is softer than clipping channels.
        let chroma = self.chroma * (1.0 - 0.6 * from_middle * from_middle);
        let (blue, red) = (chroma * hue.cos(), chroma * hue.sin());
        [light + 1.402 * red, light - 0.344 * blue - 0.714 * red, light + 1.772 * blue].map(|channel| channel as u8)
    }
}

impl Palette {
    /// The colour of a shade; 128 is the middle tone, and what lies outside 0 to 255 is taken as its nearest end.
    pub(crate) fn colour(&self, shade: i32) -> [u8; 3] {
        self.colours[shade.clamp(0, 255) as usize]
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn colours_grow_lighter_with_the_shade() {
        let mut rng = StdRng::seed_from_u64(6);
        for _ in 0..100 {
            let palette = Tint::random(&mut rng).palette();
            let light = |shade: i32| {
                let [red, green, blue] = palette.colour(shade).map(f32::from);
                0.299 * red + 0.587 * green + 0.114 * blue
            };
            assert!((40..216).all(|shade| light(shade + 16) > light(shade)));
        }
    }
}
