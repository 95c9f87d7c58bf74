//! What stands in for people, over ten thousand pictures: how strongly the cue of each family shows at the right place and
//! elsewhere; and what must show nowhere, because any program looks for it: a step in brightness, an edge, a change in
//! sharpness.

use countersign_domain::challenge::{Axes, Level};
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Family, HEIGHT, WIDTH,
    picture::soften,
    plan::{GREY, Plan},
    tests::seed,
};

/// How far the eye sees around a middle, in pixels.
const SIGHT: i32 = 40;

/// Grey levels, row by row, before light and grain.
struct Shades(Vec<i16>);

/// What is seen around a middle.
#[derive(Clone, Copy)]
struct Seen {
    /// The family's cue, as a share of the most that there could be.
    cue: f32,
    /// How much lighter the spot is than what is around it, in grey levels.
    step: f32,
    /// How much of the change from pixel to pixel the spot has, against what is around it.
    sharpness: f32,
    /// The same of its rim.
    rim: f32,
}

/// Sums over the pixels of a ring.
#[derive(Clone, Copy, Default)]
struct Sums {
    pixels: f32,
    shade: f32,
    cube: f32,
    energy: f32,
    /// The direction of change, its angle doubled.
    direction: [f32; 2],
    /// The same, less the angle under which the middle sees the pixel.
    round: [f32; 2],
}

impl Shades {
    fn at(&self, x: i32, y: i32) -> f32 {
        let (x, y) = (x.clamp(0, WIDTH as i32 - 1) as usize, y.clamp(0, HEIGHT as i32 - 1) as usize);
        f32::from(self.0[y * WIDTH + x]) / GREY as f32
    }

    fn ring(&self, (middle_x, middle_y): (i32, i32), (inner, outer): (f32, f32)) -> Sums {
        let mut sums = Sums::default();
        for down in -SIGHT..=SIGHT {
            for right in -SIGHT..=SIGHT {
                let (x, y) = (middle_x + right, middle_y + down);
                let (away, below) = (right as f32, down as f32);
                let square = away * away + below * below;
                let seen = square >= inner * inner && square < outer * outer;
                if !seen || !(1..WIDTH as i32 - 1).contains(&x) || !(1..HEIGHT as i32 - 1).contains(&y) {
                    continue;
                }
                let shade = self.at(x, y);
                let (across, along) = (self.at(x + 1, y) - self.at(x - 1, y), self.at(x, y + 1) - self.at(x, y - 1));
                let (even, odd) = (across * across - along * along, 2.0 * across * along);
                let (cosine, sine) =
                    ((away * away - below * below) / square.max(1.0), 2.0 * away * below / square.max(1.0));
                sums.pixels += 1.0;
                sums.shade += shade;
                sums.cube += shade * shade * shade;
                sums.energy += across * across + along * along;
                sums.direction = [sums.direction[0] + even, sums.direction[1] + odd];
                sums.round = [sums.round[0] + even * cosine + odd * sine, sums.round[1] + odd * cosine - even * sine];
            }
        }
        sums
    }

    fn look(&self, family: Family, middle: (i32, i32)) -> Seen {
        let inside = self.ring(middle, (0.0, 20.0));
        let rim = self.ring(middle, (20.0, 30.0));
        let around = self.ring(middle, (30.0, SIGHT as f32));
        let cue = match family {
            Family::Dots => {
                let sides = [inside, around].map(|ring| ring.cube / ring.pixels);
                -sides[0] * sides[1].signum() / sides[1].abs().max(1.0)
            }
            Family::Hatch => {
                let [one, other] = [inside, around].map(|ring| ring.direction.map(|part| part / ring.energy));
                -(one[0] * other[0] + one[1] * other[1])
            }
            Family::Whirl => inside.round[0].hypot(inside.round[1]) / inside.energy,
        };
        let mean = |ring: Sums| ring.shade / ring.pixels;
        let sharp = |ring: Sums| ring.energy / ring.pixels;
        Seen {
            cue,
            step: mean(inside) - mean(around),
            sharpness: sharp(inside) / sharp(around),
            rim: 2.0 * sharp(rim) / (sharp(inside) + sharp(around)),
        }
    }
}

fn drawn(number: u64, family: Family, level: Level) -> (Shades, (i32, i32)) {
    let mut rng = StdRng::from_seed(seed(number));
    let axes = if number.is_multiple_of(2) { Axes::One } else { Axes::Two };
    let plan = Plan::new(&mut rng, Some(family), level, axes);
    let mut shades = plan.drawing.picture(&plan.scene, &mut rng);
    soften(&mut shades);
    let (x, y) = plan.scene.place.middle();
    (Shades(shades), (x as i32, y as i32))
}

/// The least cue that any picture of a family has at the right place.
fn least(family: Family) -> f32 {
    match family {
        Family::Dots | Family::Hatch => 0.3,
        Family::Whirl => 0.25,
    }
}

#[test]
fn people_see_the_spot_and_programs_no_rim() {
    const EACH: u64 = 10_000 / Family::ALL.len() as u64 + 1;
    for family in Family::ALL {
        let (mut misleading, mut steps, mut sharpness, mut rims) = (0, 0.0, 0.0, 0.0);
        for number in 0..EACH {
            let level = Level::new((number % 5) as u8 + 1).unwrap();
            let (shades, (x, y)) = drawn(number, family, level);
            let seen = shades.look(family, (x, y));
            assert!(seen.cue > least(family), "{family:?} {number}: {}", seen.cue);
            // As far away as the picture is wide enough for, and wherever that is.
            let other = shades.look(family, (if x < WIDTH as i32 / 2 { x + 100 } else { x - 100 }, y));
            misleading += u64::from(other.cue > 0.6 * seen.cue);
            assert!(seen.step.abs() < 24.0, "{family:?} {number}: {}", seen.step);
            assert!((0.35..2.6).contains(&seen.sharpness), "{family:?} {number}: {}", seen.sharpness);
            assert!((0.55..1.6).contains(&seen.rim), "{family:?} {number}: {}", seen.rim);
            steps += seen.step;
            sharpness += seen.sharpness.ln();
            rims += seen.rim.ln();
        }
        assert!(misleading * 500 < EACH, "{family:?}: {misleading} of {EACH}");
        // One picture may lean to a side; all of them together lean to none that a program could learn.
        let [step, sharpness, rim] = [steps, sharpness, rims].map(|sum| sum / EACH as f32);
        assert!(step.abs() < 0.5, "{family:?}: {step}");
        assert!(sharpness.abs() < 0.1, "{family:?}: {sharpness}");
        assert!(rim.abs() < 0.15, "{family:?}: {rim}");
    }
}
