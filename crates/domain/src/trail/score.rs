//! What a trail looks like, as a number from 0 (a program's) to 100 (nothing odd about it), with the reasons.
//!
//! Programs that draw like a hand score like one, and recordings of hands are hands': a score makes the lazy ones work and
//! says nothing of the others. Whatever may be a person's way of doing it (keys, taps, assistive technology, no trail at all)
//! has no score, and nothing follows from it.

use crate::challenge::Answer;
use crate::trail::{Features, Means, Movement, Trail};

/// Something odd about a trail. Each costs it [`points`](Oddity::points).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// It was made for another challenge, or changed on the way.
    OfAnother,
    /// It ends elsewhere than its answer.
    EndsElsewhere,
    /// One move is most of the way.
    Jump,
    /// The speed hardly changes.
    EvenSpeed,
    /// Faster than a hand.
    TooFast,
    /// It strays from the straight line by less than a pixel.
    Straight,
    /// It began sooner than anybody sees the picture.
    TooSoon,
    /// The times between its moves are all but equal.
    EvenTimes,
    /// A mouse or pen that neither pauses nor corrects itself, and speeds up once.
    Glide,
}

impl Oddity {
    /// Every oddity, the heaviest first.
    pub const ALL: [Self; 9] = [
        Self::OfAnother,
        Self::EndsElsewhere,
        Self::Jump,
        Self::EvenSpeed,
        Self::TooFast,
        Self::Straight,
        Self::TooSoon,
        Self::EvenTimes,
        Self::Glide,
    ];

    /// The word for it in answers and documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::OfAnother => "of-another",
            Self::EndsElsewhere => "ends-elsewhere",
            Self::Jump => "jump",
            Self::EvenSpeed => "even-speed",
            Self::TooFast => "too-fast",
            Self::Straight => "straight",
            Self::TooSoon => "too-soon",
            Self::EvenTimes => "even-times",
            Self::Glide => "glide",
        }
    }

    /// What it takes off. No single one that happens to honest hands makes a trail [scripted](Bearing::Scripted).
    pub fn points(self) -> u8 {
        match self {
            Self::OfAnother => 100,
            Self::EndsElsewhere => 65,
            Self::Jump => 50,
            Self::EvenSpeed | Self::TooFast => 40,
            Self::Straight | Self::TooSoon => 25,
            Self::EvenTimes | Self::Glide => 10,
        }
    }

    fn applies(self, features: &Features, movement: &Movement) -> bool {
        match self {
            // Found when it was read.
            Self::OfAnother => false,
            Self::EndsElsewhere => !features.ends_at_answer,
            Self::Jump => movement.path >= 40.0 && movement.longest_move > 0.6,
            Self::EvenSpeed => movement.moves >= 6 && movement.speed_spread < 0.1,
            Self::TooFast => movement.top_speed > 15.0 || (movement.path >= 40.0 && movement.duration < 60),
            Self::Straight => movement.path >= 60.0 && movement.stray < 0.75,
            Self::TooSoon => features.reaction < 120,
            Self::EvenTimes => movement.moves >= 10 && movement.time_spread < 0.01,
            // Fingers do glide.
            Self::Glide => {
                movement.means != Means::Touch
                    && movement.path >= 40.0
                    && movement.speed_peaks <= 1
                    && movement.pauses == 0
                    && movement.corrections == 0
            }
        }
    }
}

/// What a score means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bearing {
    /// Nothing odd, or little.
    Human,
    /// Odd, and people are.
    Doubtful,
    /// As a short program would.
    Scripted,
}

/// What a trail looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// 0 to 100.
    pub points: u8,
    /// What is odd, the heaviest first.
    pub oddities: Vec<Oddity>,
}

impl Score {
    /// The score of `trail`, handed in with `answer`. `None` where it holds no drag that says something: keys and taps are as
    /// good as anything.
    pub fn of(trail: &Trail, answer: &Answer) -> Option<Self> {
        let features = Features::of(trail, answer);
        let movement = features.movement.as_ref()?;
        let odd = Oddity::ALL.into_iter().filter(|oddity| oddity.applies(&features, movement));
        Some(Self::with(odd.collect()))
    }

    /// The score of a trail that was handed in for another challenge than its own.
    pub fn of_another() -> Self {
        Self::with(vec![Oddity::OfAnother])
    }

    fn with(oddities: Vec<Oddity>) -> Self {
        let points = oddities.iter().fold(100u8, |left, oddity| left.saturating_sub(oddity.points()));
        Self { points, oddities }
    }

    /// What it means.
    pub fn bearing(&self) -> Bearing {
        match self.points {
            70.. => Bearing::Human,
            40..70 => Bearing::Doubtful,
            _ => Bearing::Scripted,
        }
    }
}
