//! Tests of the kind as a whole: what is drawn, and how answers are judged.

use countersign_domain::{
    challenge::{Picture, PictureFormat},
    secret::Secret,
};
use proptest::prelude::*;

use super::*;

pub(super) const LEVELS: std::ops::RangeInclusive<u8> = 1..=5;

const PNG: Style = Style { format: PictureFormat::Png, axes: Axes::One };
const JPEG: Style = Style { format: PictureFormat::Jpeg, axes: Axes::One };
const PNG_TWO: Style = Style { axes: Axes::Two, ..PNG };
const JPEG_TWO: Style = Style { axes: Axes::Two, ..JPEG };

fn make(seed: [u8; 32], level: u8, style: Style) -> Puzzle {
    Slider::default().make(&Secret::new(seed), Level::new(level).unwrap(), style).unwrap()
}

fn parts(puzzle: &Puzzle) -> (u16, &Picture, &Picture) {
    let Solution::Slider { x, .. } = puzzle.solution;
    let View::Slider { background, piece, .. } = &puzzle.view;
    (x, background, piece)
}

fn plan(seed: [u8; 32], level: u8, axes: Axes) -> Plan {
    Plan::new(&mut StdRng::from_seed(seed), None, Level::new(level).unwrap(), axes)
}

pub(super) fn seed(number: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

/// The bytes of a PNG's pixels.
pub(super) fn pixels(picture: &Picture) -> Vec<u8> {
    let mut reader = png::Decoder::new(io::Cursor::new(&picture.bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn answers_are_right_up_to_the_tolerance(seed: [u8; 32], level in LEVELS) {
        let puzzle = make(seed, level, JPEG);
        let right = |x: f64, y: Option<f64>| Slider::default().judge(&puzzle.solution, &Answer::Slider { x, y });
        let x = f64::from(parts(&puzzle).0);
        for y in [None, Some(5.0), Some(-1e9), Some(f64::NAN), Some(f64::INFINITY)] {
            prop_assert!(right(x, y) && right(x - 4.0, y) && right(x + 4.0, y) && right(x + 0.5, y));
            prop_assert!(!right(x - 5.0, y) && !right(x + 5.0, y) && !right(x + 4.01, y) && !right(-x, y));
            prop_assert!(!right(f64::NAN, y) && !right(f64::INFINITY, y) && !right(f64::NEG_INFINITY, y));
        }
    }

    #[test]
    fn both_axes_have_to_be_right(seed: [u8; 32], level in LEVELS, right in -9.0..9.0, down in -9.0..9.0) {
        let puzzle = make(seed, level, JPEG_TWO);
        let Solution::Slider { x, y: Some(y), .. } = puzzle.solution else { panic!("no y") };
        let (x, y) = (f64::from(x), f64::from(y));
        let judged = |x: f64, y: Option<f64>| Slider::default().judge(&puzzle.solution, &Answer::Slider { x, y });
        let near = |off: f64| off.abs() <= 4.0;
        prop_assert_eq!(judged(x + right, Some(y + down)), near(right) && near(down));
        for (right, down) in [(0.0, 0.0), (4.0, 4.0), (4.0, -4.0), (-4.0, 4.0), (-4.0, -4.0)] {
            prop_assert!(judged(x + right, Some(y + down)));
        }
        for (right, down) in [(4.01, 0.0), (0.0, 4.01), (-4.01, 0.0), (0.0, -4.01)] {
            prop_assert!(!judged(x + right, Some(y + down)));
        }
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            prop_assert!(!judged(x, Some(none)) && !judged(none, Some(y)));
        }
        prop_assert!(!judged(x, None));
    }

    #[test]
    fn pictures_depend_on_the_seed_alone(seed: [u8; 32], level in LEVELS) {
        for style in [PNG, PNG_TWO] {
            let puzzle = make(seed, level, style);
            prop_assert_eq!(&puzzle, &make(seed, level, style));
            let mut other = seed;
            other[31] ^= 1;
            let other = make(other, level, style);
            let ((_, background, piece), (_, other_background, other_piece)) = (parts(&puzzle), parts(&other));
            prop_assert_ne!(&background.bytes, &other_background.bytes);
            prop_assert_ne!(&piece.bytes, &other_piece.bytes);
        }
    }

    #[test]
    fn pictures_have_their_formats_and_sizes(seed: [u8; 32], level in LEVELS) {
        for style in [PNG, JPEG, PNG_TWO, JPEG_TWO] {
            let Style { format, axes } = style;
            let puzzle = make(seed, level, style);
            let (_, background, piece) = parts(&puzzle);
            let high = if axes == Axes::One { 155 } else { 47 };
            let View::Slider { axes: shown, .. } = puzzle.view;
            prop_assert_eq!(shown, axes);
            prop_assert_eq!((background.format, background.width, background.height), (format, 310, 155));
            prop_assert_eq!((piece.format, piece.width, piece.height), (PictureFormat::Png, 47, high));
            let magic: &[u8] = if format == PictureFormat::Png { b"\x89PNG\r\n\x1a\n" } else { b"\xff\xd8\xff" };
            prop_assert!(background.bytes.starts_with(magic));
            prop_assert_eq!(pixels(piece).len(), 47 * usize::from(high) * 4);
            if format == PictureFormat::Png {
                prop_assert_eq!(pixels(background).len(), 310 * 155 * 3);
            }
        }
    }

    #[test]
    fn the_strip_is_solid_where_the_piece_is_and_empty_elsewhere(seed: [u8; 32], level in LEVELS) {
        let top = usize::from(plan(seed, level, Axes::One).scene.place.top);
        let puzzle = make(seed, level, JPEG);
        let alphas: Vec<u8> = pixels(parts(&puzzle).2).chunks_exact(4).map(|pixel| pixel[3]).collect();
        prop_assert!(alphas.contains(&0) && alphas.contains(&255));
        let share = alphas.iter().filter(|alpha| **alpha > 128).count() as f64 / alphas.len() as f64;
        prop_assert!((0.05..0.6).contains(&share), "{share}");
        let outside = alphas[..top * PIECE].iter().chain(&alphas[(top + PIECE) * PIECE..]);
        prop_assert!(outside.copied().all(|alpha| alpha == 0));
    }

    #[test]
    fn the_piece_alone_does_not_tell_its_place(
        seed: [u8; 32], level in LEVELS, places: [(u16, u16); 2], family in prop::sample::select(&Family::ALL[..]),
    ) {
        // Two plans that differ in nothing but where the piece belongs, and in what follows from that.
        let [one, other] = places.map(|(x, top)| {
            let place = plan::Place { x: 12 + x % 245, top: 6 + top % 97 };
            let level = Level::new(level).unwrap();
            let plan = Plan::at(&mut StdRng::from_seed(seed), place, Some(family), level, Axes::Two);
            let (mut rng, mut grain) = (StdRng::from_seed(seed), StdRng::from_seed([1; 32]));
            piece::draw(&plan, &mut rng, &mut grain, Axes::Two).unwrap()
        });
        prop_assert_eq!(one, other);
    }

    #[test]
    fn the_piece_alone_fills_its_picture_evenly(seed: [u8; 32], level in LEVELS) {
        let puzzle = make(seed, level, JPEG_TWO);
        let alphas: Vec<u8> = pixels(parts(&puzzle).2).chunks_exact(4).map(|pixel| pixel[3]).collect();
        let solid: Vec<usize> = (0..PIECE * PIECE).filter(|index| alphas[*index] > 128).collect();
        let (columns, rows) = (solid.iter().map(|index| index % PIECE), solid.iter().map(|index| index / PIECE));
        for (first, last) in [
            (columns.clone().min().unwrap(), columns.max().unwrap()),
            (rows.clone().min().unwrap(), rows.max().unwrap()),
        ] {
            prop_assert!((first + last).abs_diff(PIECE - 1) <= 1 && last - first >= 38, "{first}..={last}");
        }
    }

}

#[test]
fn places_are_even() {
    const DRAWS: u64 = 245 * 97 * 10;
    let mut columns = [0_u32; 35];
    let mut rows = [0_u32; 97];
    // Coarse columns by rows: a row tells nothing of the column either.
    let mut both = [[0_u32; 97]; 7];
    for number in 0..DRAWS {
        let place = plan::Place::random(&mut StdRng::from_seed(seed(number)));
        let (column, row) = (place.x - plan::PLACES.start(), usize::from(place.top - plan::TOPS.start()));
        columns[usize::from(column) / 7] += 1;
        rows[row] += 1;
        both[usize::from(column) / 35][row] += 1;
    }
    assert_eq!((plan::PLACES.len(), plan::TOPS.len()), (245, 97));
    // An even distribution stays below these all but once in a thousand times, at 34, 96 and 678 degrees of freedom.
    for (counts, limit) in [(&columns[..], 65.2), (&rows, 144.6), (both.as_flattened(), 797.5)] {
        let expected = DRAWS as f64 / counts.len() as f64;
        let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert!(chi_square < limit, "{chi_square}");
    }
}

#[test]
fn the_place_is_the_first_thing_drawn_and_stays() {
    for number in 0..50 {
        let place = plan::Place::random(&mut StdRng::from_seed(seed(number)));
        for level in LEVELS {
            for (style, y) in [(JPEG, None), (JPEG_TWO, Some(place.top))] {
                let solution = Solution::Slider { x: place.x, y, tolerance: TOLERANCE };
                assert_eq!(make(seed(number), level, style).solution, solution);
            }
        }
    }
}

#[test]
fn every_family_has_a_file_and_is_drawn_as_often_as_any_other() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/slider/families");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    files.sort();
    assert_eq!(Family::ALL.map(Family::word).as_slice(), files);
    let mut drawn = [0_u32; Family::ALL.len()];
    for number in 0..3000 {
        let family = Family::of(&Secret::new(seed(number)));
        assert_eq!(Family::from_word(family.word()), Some(family));
        drawn[family as usize] += 1;
    }
    let fair = 3000 / drawn.len() as u32;
    assert!(drawn.iter().all(|count| count.abs_diff(fair) < 150), "{drawn:?}");
}

#[test]
fn a_family_that_is_asked_for_is_what_the_seed_would_have_drawn() {
    for number in 0..20 {
        let seed = Secret::new(seed(number));
        let only = Slider { only: Some(Family::of(&seed)) };
        assert_eq!(
            only.make(&seed, Level::DEFAULT, JPEG_TWO).unwrap(),
            Slider::default().make(&seed, Level::DEFAULT, JPEG_TWO).unwrap()
        );
    }
}

#[test]
fn a_lossy_picture_and_its_piece_have_at_most_twenty_thousand_bytes() {
    let mut coarser = 0;
    for number in 0..600 {
        let style = [JPEG, JPEG_TWO][usize::from(number % 2 == 0)];
        let puzzle = make(seed(number), (number % 5) as u8 + 1, style);
        let (_, background, piece) = parts(&puzzle);
        let bytes = background.bytes.len() + piece.bytes.len();
        assert!(bytes <= picture::MOST_BYTES, "{number}: {bytes}");
        coarser += u32::from(bytes > picture::MOST_BYTES * 8 / 10);
    }
    assert!(coarser > 0, "none came near: the limit does nothing");
}
