//! Tests of lines and of their spot.

use countersign_domain::{
    challenge::{Challenge as _, Picture, PictureFormat, Style, View},
    secret::Secret,
};
use proptest::prelude::*;
use rand::SeedableRng as _;

use super::*;
use crate::slider::{
    Family, Slider,
    plan::Place,
    tests::{LEVELS, pixels, seed},
};

fn place(seed: [u8; 32]) -> Place {
    Place::random(&mut StdRng::from_seed(seed))
}

fn plan(seed: [u8; 32], level: Level, axes: Axes) -> Plan {
    Plan::new(&mut StdRng::from_seed(seed), place(seed), level, axes)
}

/// How far the lines in the spot are turned against those around it, as pixels show it: -1 where they are at right
/// angles, 1 where they are parallel, near 0 where there are no lines to be seen.
fn agreement(background: &Picture, place: Place) -> f32 {
    let pixels = pixels(background);
    let green = |x: usize, y: usize| f32::from(pixels[(y * WIDTH + x) * 3 + 1]);
    let (middle_x, middle_y) = place.middle();
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
    fn people_see_the_spot(seed: [u8; 32], level in LEVELS) {
        for axes in [Axes::One, Axes::Two] {
            let style = Style { format: PictureFormat::Png, axes };
            let place = place(seed);
            let slider = Slider { only: Some(Family::Hatch) };
            let puzzle = slider.make(&Secret::new(seed), Level::new(level).unwrap(), style).unwrap();
            let View::Slider { background, .. } = &puzzle.view;
            let agreement = agreement(background, place);
            prop_assert!(agreement < -0.3, "{agreement}");
        }
    }
}

#[test]
fn plans_are_clear() {
    let unclear = (0..1000)
        .filter(|number| {
            let axes = if number % 2 == 1 { Axes::Two } else { Axes::One };
            let plan = plan(seed(*number), Level::DEFAULT, axes);
            plan.lines.clarity(place(seed(*number))) < plan::CLEAR
        })
        .count();
    assert!(unclear <= 1, "{unclear} of 1000");
}

#[test]
fn ghosts_leave_the_row_alone_where_it_is_not_told() {
    let (mut beside, mut all) = (0, 0);
    for number in 0..400 {
        let plan = plan(seed(number), Level::new(5).unwrap(), Axes::Two);
        assert!(plan.ghosts.len() <= 10);
        all += plan.ghosts.len();
        beside += plan.ghosts.iter().filter(|ghost| ghost.top.abs_diff(place(seed(number)).top.into()) <= 1).count();
    }
    // Three tops of 109 would be 2.8 %; ghosts do not stand on the spot, which leaves fewer.
    assert!(all > 400 * 8, "{all}");
    assert!(beside * 100 < all * 4, "{beside} of {all}");
}
