//! What can be measured of a trail. Published: whoever writes a program against them finds them in the documentation, too.

use crate::challenge::Answer;
use crate::trail::{Means, Sample, Spot, Stroke, Trail};

/// A movement shorter than this says nothing, in pixels.
const SHORTEST: f64 = 20.0;

/// A pointer that stands still for so long has paused, in milliseconds.
const PAUSE: u32 = 80;

/// How far the end of a trail may lie from the answer, in pixels: places are rounded on their way.
const ROUNDING: f64 = 1.5;

/// Going back further than this is a correction, in pixels.
const BACK: f64 = 1.0;

/// What a whole trail is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Milliseconds from the picture to the first touch.
    pub reaction: u32,
    /// Whether it ends where the answer is.
    pub ends_at_answer: bool,
    /// Its longest drag, if there is one that says something.
    pub movement: Option<Movement>,
    /// How far the times between keys differ: their standard deviation by their mean. Measured where there are five or more,
    /// and never scored: a key that is held down repeats like a clock, and so do switches for people with disabilities.
    pub key_spread: Option<f64>,
}

/// What a drag is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    /// With what.
    pub means: Means,
    /// In milliseconds, the release included.
    pub duration: u32,
    /// Samples that moved it; those of one time are one.
    pub moves: usize,
    /// How long the path is, in pixels.
    pub path: f64,
    /// The direct way by the path: 1 for a straight line.
    pub straightness: f64,
    /// How far it strays from the direct way, in pixels.
    pub stray: f64,
    /// The longest single move by the path.
    pub longest_move: f64,
    /// The greatest speed, in pixels a millisecond.
    pub top_speed: f64,
    /// How often the speed rises and falls again.
    pub speed_peaks: usize,
    /// How often it stands still.
    pub pauses: usize,
    /// How often it goes back: past the place and home again.
    pub corrections: usize,
    /// How far the moves' speeds differ, or their lengths if those differ less: standard deviation by mean.
    pub speed_spread: f64,
    /// How far the times between moves differ.
    pub time_spread: f64,
}

impl Features {
    /// Of `trail`, handed in with `answer`.
    pub fn of(trail: &Trail, answer: &Answer) -> Self {
        let reaction = trail.strokes.first().map_or(0, |stroke| stroke.pause);
        let drags = trail.strokes.iter().filter(|stroke| stroke.means.draws());
        let longest = drags.max_by(|one, other| path(one).total_cmp(&path(other)));
        Self {
            reaction,
            ends_at_answer: trail.end().is_some_and(|end| is_near(end, answer)),
            movement: longest.filter(|stroke| path(stroke) >= SHORTEST).map(Movement::of),
            key_spread: key_spread(trail),
        }
    }
}

fn is_near(end: Spot, answer: &Answer) -> bool {
    let Answer::Slider { x, y } = *answer;
    (end.x - x).abs() <= ROUNDING && y.is_none_or(|y| (end.y - y).abs() <= ROUNDING)
}

fn key_spread(trail: &Trail) -> Option<f64> {
    let keys = trail.strokes.iter().filter(|stroke| stroke.means == Means::Keys);
    let times: Vec<_> = keys.flat_map(|stroke| &stroke.samples).map(|sample| f64::from(sample.after)).collect();
    (times.len() >= 5).then(|| spread(&times))
}

/// One move: how long after the one before it came, and how far it went.
struct Move {
    waited: u32,
    across: f64,
    down: f64,
    length: f64,
}

fn moves(stroke: &Stroke) -> Vec<Move> {
    let mut at = stroke.from;
    let mut waited = 0u32;
    let mut moves = Vec::with_capacity(stroke.samples.len());
    for Sample { after, spot } in &stroke.samples {
        waited = waited.saturating_add(*after);
        let (across, down) = (spot.x - at.x, spot.y - at.y);
        let length = across.hypot(down);
        if length > 0.0 {
            moves.push(Move { waited, across, down, length });
            (at, waited) = (*spot, 0);
        }
    }
    moves
}

/// What a clock tells apart: the time that passed and the way that was made in it.
struct Tick {
    time: u32,
    length: f64,
}

/// Moves of one time together. Clocks of browsers are coarse, some tick ten times a second only: how fast the single moves
/// between two ticks were is not known.
fn ticks(moves: &[Move]) -> Vec<Tick> {
    let mut ticks: Vec<Tick> = Vec::with_capacity(moves.len());
    for each in moves {
        match ticks.last_mut() {
            Some(last) if each.waited == 0 || last.time == 0 => {
                last.time = last.time.saturating_add(each.waited);
                last.length += each.length;
            }
            _ => ticks.push(Tick { time: each.waited, length: each.length }),
        }
    }
    ticks
}

fn path(stroke: &Stroke) -> f64 {
    moves(stroke).iter().map(|each| each.length).sum()
}

impl Movement {
    fn of(stroke: &Stroke) -> Self {
        let moves = moves(stroke);
        let path: f64 = moves.iter().map(|each| each.length).sum();
        let (across, down) =
            moves.iter().fold((0.0, 0.0), |(across, down), each| (across + each.across, down + each.down));
        let direct = f64::hypot(across, down);
        let longest = moves.iter().map(|each| each.length).fold(0.0, f64::max);
        let ticks = ticks(&moves);
        // What came within one tick took less than the shortest time that can be told.
        let speeds: Vec<_> = ticks.iter().map(|tick| tick.length / f64::from(tick.time.max(1))).collect();
        let lengths: Vec<_> = ticks.iter().map(|tick| tick.length).collect();
        let times: Vec<_> = ticks.iter().map(|tick| f64::from(tick.time)).collect();
        Self {
            means: stroke.means,
            duration: stroke.samples.iter().fold(0, |sum, sample| sum.saturating_add(sample.after)),
            moves: ticks.len(),
            path,
            straightness: if path > 0.0 { direct / path } else { 0.0 },
            stray: stray(&moves, across, down, direct),
            longest_move: if path > 0.0 { longest / path } else { 0.0 },
            top_speed: speeds.iter().copied().fold(0.0, f64::max),
            speed_peaks: peaks(&speeds),
            pauses: stroke.samples.iter().filter(|sample| sample.after >= PAUSE).count(),
            corrections: corrections(&moves, across, down, direct),
            speed_spread: spread(inner(&speeds)).min(spread(inner(&lengths))),
            time_spread: spread(inner(&times)),
        }
    }
}

/// Without the first and the last, which are cut short by press and release.
fn inner(values: &[f64]) -> &[f64] {
    values.get(1..values.len().saturating_sub(1)).unwrap_or_default()
}

fn stray(moves: &[Move], across: f64, down: f64, direct: f64) -> f64 {
    let mut at: (f64, f64) = (0.0, 0.0);
    let mut furthest: f64 = 0.0;
    for each in moves {
        at = (at.0 + each.across, at.1 + each.down);
        // What ends where it began has no direct way to stray from: then it is the distance from there.
        let away = if direct < 1.0 { at.0.hypot(at.1) } else { ((at.0 * down - at.1 * across) / direct).abs() };
        furthest = furthest.max(away);
    }
    furthest
}

/// How often it turns back along the direct way, by more than a trembling.
fn corrections(moves: &[Move], across: f64, down: f64, direct: f64) -> usize {
    if direct <= 0.0 {
        return 0;
    }
    let (mut along, mut furthest, mut nearest) = (0.0, 0.0, 0.0);
    let (mut is_back, mut count) = (false, 0);
    for each in moves {
        along += (each.across * across + each.down * down) / direct;
        if is_back {
            nearest = f64::min(nearest, along);
            if along > nearest + BACK {
                (is_back, furthest) = (false, along);
            }
        } else {
            furthest = f64::max(furthest, along);
            if along < furthest - BACK {
                (is_back, nearest, count) = (true, along, count + 1);
            }
        }
    }
    count
}

/// Peaks of the speed, averaged over three moves, that stand out by a third.
fn peaks(speeds: &[f64]) -> usize {
    const STANDS_OUT: f64 = 4.0 / 3.0;
    let smooth = speeds.windows(3).map(|three| (three[0] + three[1] + three[2]) / 3.0);
    let (mut low, mut high, mut rising, mut count) = (0.0, 0.0, true, 0);
    for speed in smooth {
        if rising {
            high = f64::max(high, speed);
            if speed * STANDS_OUT < high {
                (rising, low, count) = (false, speed, count + 1);
            }
        } else {
            low = f64::min(low, speed);
            if speed > low * STANDS_OUT {
                (rising, high) = (true, speed);
            }
        }
    }
    count + usize::from(rising && high > low)
}

/// Standard deviation by mean; 0 where there are no two.
fn spread(values: &[f64]) -> f64 {
    let Ok(count) = u32::try_from(values.len()) else { return 0.0 };
    let (count, sum) = (f64::from(count), values.iter().sum::<f64>());
    if values.len() < 2 || sum <= 0.0 {
        return 0.0;
    }
    let mean = sum / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt() / mean
}
