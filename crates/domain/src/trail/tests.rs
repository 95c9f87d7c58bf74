use proptest::prelude::*;

use super::score::{Bearing, Oddity, Score};
use super::*;
use crate::challenge::Answer;

const TOKEN: &str = "AQIDBA-a_token";

fn spot(x: f64, y: f64) -> Spot {
    Spot { x, y }
}

fn stroke(means: Means, samples: Vec<Sample>) -> Stroke {
    Stroke { means, pause: 900, from: spot(0.0, 54.0), hold: spot(20.0, 24.0), samples }
}

fn trail(means: Means, samples: Vec<Sample>) -> Trail {
    Trail { strokes: vec![stroke(means, samples)] }
}

fn score(trail: &Trail, answer: Spot) -> Option<Score> {
    let read = Trail::read(TOKEN, &trail.write(TOKEN)).unwrap();
    Score::of(&read, &Answer::Slider { x: answer.x.round(), y: Some(answer.y.round()) })
}

/// From the start to `to` in equal steps.
fn scripted(to: Spot, steps: u32, after: u32) -> Trail {
    let part = |from: f64, to: f64, number: u32| from + (to - from) * f64::from(number) / f64::from(steps);
    let samples =
        (1..=steps).map(|number| Sample { after, spot: spot(part(0.0, to.x, number), part(54.0, to.y, number)) });
    trail(Means::Mouse, samples.collect())
}

/// A hand: it speeds up and slows down, bends, trembles, goes a little too far, waits, and comes back.
#[derive(Clone, Debug)]
struct Hand {
    to: (f64, f64),
    duration: f64,
    bend: f64,
    overshoot: f64,
    tremble: Vec<(f64, u32)>,
}

impl Hand {
    fn trail(&self, means: Means) -> Trail {
        let (to, from) = (spot(self.to.0, self.to.1), spot(0.0, 54.0));
        let beyond = spot(to.x + self.overshoot, to.y);
        let mut samples = Vec::new();
        let mut time = 0.0;
        for (wander, after) in self.tremble.iter().cycle() {
            time += f64::from(*after);
            let part: f64 = (time / self.duration).min(1.0);
            // The course of least jerk, which is how hands are measured to move.
            let way = part.powi(3) * (10.0 - 15.0 * part + 6.0 * part.powi(2));
            let aside = (std::f64::consts::PI * way).sin() * self.bend + wander * (1.0 - part);
            let y = from.y + (beyond.y - from.y) * way + aside;
            samples.push(Sample { after: *after, spot: spot(from.x + (beyond.x - from.x) * way, y) });
            if part >= 1.0 {
                break;
            }
        }
        samples.push(Sample { after: 140, spot: spot(to.x + self.overshoot / 2.0, to.y) });
        samples.push(Sample { after: 30, spot: to });
        samples.push(Sample { after: 90, spot: to });
        trail(means, samples)
    }
}

/// The same, told by a clock that ticks so rarely, in milliseconds.
fn told_by(clock: u32, mut trail: Trail) -> Trail {
    for stroke in &mut trail.strokes {
        let (mut time, mut told) = (0, 0);
        for sample in &mut stroke.samples {
            time += sample.after;
            let tick = time / clock * clock;
            sample.after = tick - told;
            told = tick;
        }
    }
    trail
}

prop_compose! {
    fn hands()(
        to in (60.0..260.0, 5.0..105.0),
        duration in 350.0..1_600.0,
        bend in 2.0..14.0,
        overshoot in 2.0..9.0,
        tremble in prop::collection::vec((-1.0..1.0, 7u32..18), 40),
    ) -> Hand {
        Hand { to, duration, bend, overshoot, tremble }
    }
}

proptest! {
    #[test]
    fn nothing_that_is_handed_in_panics(text in "[A-Za-z0-9_-]{0,400}", bytes in prop::collection::vec(any::<u8>(), 0..600), x in any::<f64>()) {
        let _refused = Trail::read(TOKEN, &text);
        // What a stranger can tag as well: any bytes.
        let mut tagged = vec![VERSION];
        tagged.extend(tag(TOKEN, &bytes));
        tagged.extend(&bytes);
        if let Ok(trail) = Trail::read(TOKEN, &URL_SAFE_NO_PAD.encode(tagged)) {
            let score = Score::of(&trail, &Answer::Slider { x, y: Some(x) });
            prop_assert!(score.is_none_or(|score| score.points <= 100));
        }
    }

    #[test]
    fn what_was_written_is_read(hand in hands()) {
        let trail = hand.trail(Means::Pen);
        let read = Trail::read(TOKEN, &trail.write(TOKEN)).unwrap();
        for (written, read) in trail.strokes[0].samples.iter().zip(&read.strokes[0].samples) {
            prop_assert_eq!(written.after, read.after);
            // Rounding does not add up along the way.
            prop_assert!((written.spot.x - read.spot.x).abs() <= 0.25 && (written.spot.y - read.spot.y).abs() <= 0.25);
        }
        prop_assert_eq!(trail.strokes[0].samples.len(), read.strokes[0].samples.len());
    }

    #[test]
    fn hands_score_above_every_script(hand in hands(), steps in 2u32..60, after in 1u32..30) {
        let to = spot(hand.to.0, hand.to.1);
        for means in [Means::Mouse, Means::Touch, Means::Pen] {
            let human = score(&hand.trail(means), to).unwrap();
            prop_assert_eq!(human.bearing(), Bearing::Human, "{:?}", human);
            let line = score(&scripted(to, steps, after), to).unwrap();
            prop_assert!(line.points < human.points, "{:?} against {:?}", line, human);
            // Moves of a pixel or two are uneven by the rounding alone: such a line is doubtful.
            if steps >= 8 && to.x / f64::from(steps) >= 4.0 {
                prop_assert_eq!(line.bearing(), Bearing::Scripted, "{:?}", line);
            }
            let jump = score(&scripted(to, 1, after), to).unwrap();
            prop_assert_eq!(jump.bearing(), Bearing::Scripted, "{:?}", jump);
            // A hand's trail of another challenge, sealed anew for this one: it ends where that one's piece belonged.
            let copied = score(&hand.trail(means), spot(to.x + 30.0, to.y)).unwrap();
            prop_assert_eq!(copied.bearing(), Bearing::Scripted, "{:?}", copied);
        }
    }

    #[test]
    fn a_coarse_clock_makes_no_hand_a_program(hand in hands(), clock in prop::sample::select(&[2u32, 8, 17, 33, 50, 100])) {
        let to = spot(hand.to.0, hand.to.1);
        for means in [Means::Mouse, Means::Touch, Means::Pen] {
            let rounded = score(&told_by(clock, hand.trail(means)), to).unwrap();
            prop_assert_eq!(rounded.bearing(), Bearing::Human, "{:?}", rounded);
        }
    }

    #[test]
    fn keys_and_taps_have_no_score_however_even(count in 1u32..150, after in 1u32..200) {
        for means in [Means::Keys, Means::Taps] {
            let to = spot(f64::from(count), 54.0);
            let Trail { strokes } = scripted(to, count, after);
            let trail = trail(means, strokes[0].samples.clone());
            prop_assert_eq!(score(&trail, to), None);
        }
    }
}

#[test]
fn a_trail_of_another_challenge_is_told_from_one_that_cannot_be_read() {
    let text = scripted(spot(100.0, 54.0), 10, 16).write(TOKEN);
    assert!(Trail::read(TOKEN, &text).is_ok());
    assert_eq!(Trail::read("another", &text), Err(TrailFault::OfAnother));
    assert_eq!(Trail::read(TOKEN, ""), Err(TrailFault::Unreadable));
    assert_eq!(Trail::read(TOKEN, "a trail"), Err(TrailFault::Unreadable));
    assert_eq!(Trail::read(TOKEN, &text[..text.len() - 4]), Err(TrailFault::OfAnother));
    assert_eq!(Trail::read(TOKEN, &"A".repeat(LONGEST_TEXT + 1)), Err(TrailFault::TooLong));
    assert_eq!(Trail::read(TOKEN, &"A".repeat(LONGEST_TEXT)), Err(TrailFault::TooLong));
    assert_eq!(Score::of_another().bearing(), Bearing::Scripted);
}

#[test]
fn a_count_that_lies_makes_no_room() {
    let mut strokes = vec![0, 1, 0, 0, 0, 0];
    unsigned(u32::MAX, &mut strokes);
    assert_eq!(Trail::decode(&strokes), None);
    for endless in [&[0x80; 9][..], &[0, 0xff, 0xff, 0xff, 0xff, 0x7f]] {
        assert_eq!(Trail::decode(endless), None);
    }
}

/// The trail that `tests/browser/trail.test.mjs` expects of the widget's own writing: one format, two languages.
#[test]
fn the_form_is_the_one_that_the_widget_writes() {
    let samples = vec![Sample { after: 16, spot: spot(3.25, 53.5) }, Sample { after: 300, spot: spot(120.0, 40.0) }];
    let mut trail = trail(Means::Touch, samples);
    let keys = vec![Sample { after: 5, spot: spot(121.0, 40.0) }];
    trail.strokes.push(Stroke {
        means: Means::Keys,
        pause: 70_000,
        from: spot(120.0, 40.0),
        hold: spot(0.0, 0.0),
        samples: keys,
    });
    assert_eq!(trail.write(TOKEN), "Af-bBJVU-etoAYQHALADoAHAAQIQGgOsAqYHawPwogTAB8ACAAABBQgA");
    assert_eq!(Trail::read(TOKEN, &trail.write(TOKEN)), Ok(trail));
}

#[test]
fn each_oddity_has_a_word_of_its_own_and_a_place_by_its_weight() {
    let words: std::collections::HashSet<_> = Oddity::ALL.map(Oddity::word).into();
    assert_eq!(words.len(), Oddity::ALL.len());
    assert!(Oddity::ALL.map(Oddity::points).is_sorted_by(|one, next| one >= next));
}

#[test]
fn a_drag_to_and_fro_ends_nowhere_and_is_measured_all_the_same() {
    let samples = (0..40).map(|number| Sample { after: 16, spot: spot(f64::from(number % 2) * 50.0, 54.0) }).collect();
    let score = score(&trail(Means::Mouse, samples), spot(50.0, 54.0)).unwrap();
    assert!(score.points < 100, "{score:?}");
}

#[test]
fn a_loop_is_not_straight() {
    let samples = (1..=36).map(|number| {
        let angle = f64::from(number).to_radians() * 10.0;
        let after = 9 + number % 5 * 3;
        Sample { after, spot: spot(40.0 - 40.0 * angle.cos(), 54.0 + 30.0 * angle.sin()) }
    });
    let score = score(&trail(Means::Mouse, samples.collect()), spot(0.0, 54.0)).unwrap();
    assert!(!score.oddities.contains(&Oddity::Straight), "{score:?}");
}
