//! A canvas on which small figures are stamped, and the figures.

/// How far the canvas reaches beyond the picture on each side, in pixels: figures there are drawn whole, and nobody has to
/// clip them.
pub(crate) const MARGIN: usize = 16;

/// Shades of a picture with a margin around it.
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    shades: Vec<i16>,
}

/// A small square figure: what it covers, and how light it is there.
pub(crate) struct Stamp {
    /// Side of its square, in pixels.
    side: usize,
    /// The pixels of each row that it changes at all.
    rows: Vec<std::ops::Range<usize>>,
    /// How much of each pixel it covers, 0 to 256, row by row.
    cover: Vec<i16>,
    /// How much light it adds to each pixel, -256 to 256.
    light: Vec<i16>,
}

impl Canvas {
    pub(crate) fn new((width, height): (usize, usize)) -> Self {
        Self { width, height, shades: vec![0; (width + 2 * MARGIN) * (height + 2 * MARGIN)] }
    }

    /// Lays a figure over what is there, its middle at (`x`, `y`) and its light times `strength`. A figure that does not lie
    /// on the canvas whole is left out: nothing of it would be seen.
    pub(crate) fn stamp(&mut self, stamp: &Stamp, x: i32, y: i32, strength: i32) {
        let corner = |middle: i32| usize::try_from(middle + MARGIN as i32 - stamp.side as i32 / 2);
        let (Ok(left), Ok(top)) = (corner(x), corner(y)) else { return };
        let wide = self.width + 2 * MARGIN;
        if left + stamp.side > wide || top + stamp.side > self.height + 2 * MARGIN {
            return;
        }
        let rows = self.shades.chunks_exact_mut(wide).skip(top);
        for ((row, covered), start) in rows.zip(&stamp.rows).zip((0..).step_by(stamp.side)) {
            let own = start + covered.start..start + covered.end;
            let below = &mut row[left + covered.start..left + covered.end];
            for ((shade, cover), light) in below.iter_mut().zip(&stamp.cover[own.clone()]).zip(&stamp.light[own]) {
                let here = i32::from(*shade);
                *shade = (here + ((i32::from(*light) * strength - i32::from(*cover) * here) >> 8)) as i16;
            }
        }
    }

    /// The picture without its margin, row by row.
    pub(crate) fn into_shades(self) -> Vec<i16> {
        let mut picture = Vec::with_capacity(self.width * self.height);
        for row in self.shades.chunks_exact(self.width + 2 * MARGIN).skip(MARGIN).take(self.height) {
            picture.extend_from_slice(&row[MARGIN..MARGIN + self.width]);
        }
        picture
    }
}

impl Stamp {
    /// A figure that reaches `reach` pixels from its middle at most. `figure` says of a pixel, by its distance from the middle
    /// to the right and down, how much of what is below it covers (0 to 1), and how much light it adds (-1 to 1).
    pub(crate) fn new(reach: usize, figure: impl Fn(f32, f32) -> (f32, f32)) -> Self {
        let side = 2 * reach + 1;
        let mut stamp = Self { side, rows: Vec::with_capacity(side), cover: Vec::new(), light: Vec::new() };
        for y in 0..side {
            let start = stamp.cover.len();
            for x in 0..side {
                let (cover, light) = figure(x as f32 - reach as f32, y as f32 - reach as f32);
                stamp.cover.push((256.0 * cover) as i16);
                stamp.light.push((256.0 * light).round() as i16);
            }
            let changed = |x: &usize| stamp.cover[start + x] != 0 || stamp.light[start + x] != 0;
            let first = (0..side).find(changed).unwrap_or(side);
            stamp.rows.push(first..(0..side).rfind(changed).map_or(first, |last| last + 1));
        }
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_covers_adds_light_and_may_lie_over_the_edge() {
        let plate = Stamp::new(2, |right, _| if right < 0.0 { (1.0, 0.5) } else { (0.0, 0.25) });
        let mut canvas = Canvas::new((9, 5));
        canvas.stamp(&plate, 4, 2, 100);
        canvas.stamp(&plate, 4, 2, 40);
        canvas.stamp(&plate, -1, 2, 80);
        canvas.stamp(&plate, 1000, -1000, 80);
        let shades = canvas.into_shades();
        assert_eq!(shades[9..18], [20, 20, 20, 20, 35, 35, 35, 0, 0]);
    }
}
