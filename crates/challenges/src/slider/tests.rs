//! Tests of the kind as a whole: what is drawn, and how answers are judged.

use countersign_domain::{challenge::Picture, secret::Secret};
use proptest::prelude::*;

use super::*;

const LEVELS: std::ops::RangeInclusive<u8> = 1..=5;

fn make(seed: [u8; 32], level: u8, format: PictureFormat) -> Puzzle {
    Slider.make(&Secret::new(seed), Level::new(level).unwrap(), format).unwrap()
}

fn parts(puzzle: &Puzzle) -> (u16, &Picture, &Picture) {
    let Solution::Slider { x, .. } = puzzle.solution;
    let View::Slider { background, piece } = &puzzle.view;
    (x, background, piece)
}

fn seed(number: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

/// The bytes of a PNG's pixels.
fn pixels(picture: &Picture) -> Vec<u8> {
    let mut reader = png::Decoder::new(io::Cursor::new(&picture.bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

/// How far the lines in the spot are turned against those around it, as pixels show it: -1 where they are at right
/// angles, 1 where they are parallel, near 0 where there are no lines to be seen.
fn agreement(background: &Picture, x: usize, top: usize) -> f32 {
    let pixels = pixels(background);
    let green = |x: usize, y: usize| f32::from(pixels[(y * WIDTH + x) * 3 + 1]);
    let (middle_x, middle_y) = (x + PIECE / 2, top + PIECE / 2);
    let (mut inside, mut around) = ([0.0_f32; 3], [0.0_f32; 3]);
    for y in 1..HEIGHT - 1 {
        for x in 1..WIDTH - 1 {
            let distance = (x as f32 - middle_x as f32).hypot(y as f32 - middle_y as f32);
            let sums = match distance {
                ..20.0 => &mut inside,
                29.0..40.0 => &mut around,
                _ => continue,
            };
            let (right, down) = (green(x + 1, y) - green(x - 1, y), green(x, y + 1) - green(x, y - 1));
            sums[0] += right * right - down * down;
            sums[1] += 2.0 * right * down;
            sums[2] += right * right + down * down;
        }
    }
    (inside[0] * around[0] + inside[1] * around[1]) / (inside[2] * around[2])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_are_right_up_to_the_tolerance(seed: [u8; 32], level in LEVELS) {
        let puzzle = make(seed, level, PictureFormat::Jpeg);
        let right = |x: f64| Slider.judge(&puzzle.solution, &Answer::Slider { x });
        let x = f64::from(parts(&puzzle).0);
        prop_assert!(right(x) && right(x - 4.0) && right(x + 4.0) && right(x + 0.5));
        prop_assert!(!right(x - 5.0) && !right(x + 5.0) && !right(x + 4.01) && !right(-x));
        prop_assert!(!right(f64::NAN) && !right(f64::INFINITY) && !right(f64::NEG_INFINITY));
    }

    #[test]
    fn pictures_depend_on_the_seed_alone(seed: [u8; 32], level in LEVELS) {
        let puzzle = make(seed, level, PictureFormat::Png);
        prop_assert_eq!(&puzzle, &make(seed, level, PictureFormat::Png));
        let mut other = seed;
        other[31] ^= 1;
        let other = make(other, level, PictureFormat::Png);
        let ((_, background, piece), (_, other_background, other_piece)) = (parts(&puzzle), parts(&other));
        prop_assert_ne!(&background.bytes, &other_background.bytes);
        prop_assert_ne!(&piece.bytes, &other_piece.bytes);
    }

    #[test]
    fn pictures_have_their_formats_and_sizes(seed: [u8; 32], level in LEVELS) {
        for format in [PictureFormat::Png, PictureFormat::Jpeg] {
            let puzzle = make(seed, level, format);
            let (_, background, piece) = parts(&puzzle);
            prop_assert_eq!((background.format, background.width, background.height), (format, 310, 155));
            prop_assert_eq!((piece.format, piece.width, piece.height), (PictureFormat::Png, 47, 155));
            let magic: &[u8] = if format == PictureFormat::Png { b"\x89PNG\r\n\x1a\n" } else { b"\xff\xd8\xff" };
            prop_assert!(background.bytes.starts_with(magic));
            prop_assert_eq!(pixels(piece).len(), 47 * 155 * 4);
            if format == PictureFormat::Png {
                prop_assert_eq!(pixels(background).len(), 310 * 155 * 3);
            }
        }
    }

    #[test]
    fn the_strip_is_solid_where_the_piece_is_and_empty_elsewhere(seed: [u8; 32], level in LEVELS) {
        let mut rng = StdRng::from_seed(seed);
        let top = usize::from(Plan::new(&mut rng, Level::new(level).unwrap()).place.top);
        let puzzle = make(seed, level, PictureFormat::Jpeg);
        let alphas: Vec<u8> = pixels(parts(&puzzle).2).chunks_exact(4).map(|pixel| pixel[3]).collect();
        prop_assert!(alphas.contains(&0) && alphas.contains(&255));
        let share = alphas.iter().filter(|alpha| **alpha > 128).count() as f64 / alphas.len() as f64;
        prop_assert!((0.05..0.6).contains(&share), "{share}");
        let outside = alphas[..top * PIECE].iter().chain(&alphas[(top + PIECE) * PIECE..]);
        prop_assert!(outside.copied().all(|alpha| alpha == 0));
    }

    #[test]
    fn people_see_the_spot(seed: [u8; 32], level in LEVELS) {
        let mut rng = StdRng::from_seed(seed);
        let place = Plan::new(&mut rng, Level::new(level).unwrap()).place;
        let puzzle = make(seed, level, PictureFormat::Png);
        let (x, background, _) = parts(&puzzle);
        prop_assert_eq!(x, place.x);
        let agreement = agreement(background, x.into(), place.top.into());
        prop_assert!(agreement < -0.3, "{agreement}");
    }
}

#[test]
fn plans_are_clear() {
    let unclear = (0..1000)
        .filter(|number| {
            let plan = Plan::new(&mut StdRng::from_seed(seed(*number)), Level::DEFAULT);
            plan.lines.clarity(plan.place) < plan::CLEAR
        })
        .count();
    assert!(unclear <= 1, "{unclear} of 1000");
}

#[test]
fn places_are_even() {
    const DRAWS: u64 = 7350;
    let (first, last) = (*plan::PLACES.start(), *plan::PLACES.end());
    let mut counts = [0_u32; 35];
    for number in 0..DRAWS {
        let place = plan::Place::random(&mut StdRng::from_seed(seed(number)));
        assert!((first..=last).contains(&place.x));
        counts[usize::from(place.x - first) / 7] += 1;
    }
    assert_eq!(usize::from(last - first) + 1, 7 * counts.len());
    let expected = DRAWS as f64 / counts.len() as f64;
    let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    // 34 degrees of freedom: an even distribution stays below this all but once in a thousand times.
    assert!(chi_square < 65.2, "{chi_square}");
}

#[test]
fn the_place_is_the_first_thing_drawn_and_stays() {
    for number in 0..50 {
        let place = plan::Place::random(&mut StdRng::from_seed(seed(number)));
        for level in LEVELS {
            assert_eq!(parts(&make(seed(number), level, PictureFormat::Jpeg)).0, place.x);
        }
    }
}
