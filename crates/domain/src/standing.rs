//! What is remembered of a client, and how it fades: pure functions, so that every history remembers alike.
//!
//! What speaks against a client are burdens, counted in points that fade one after the other. They are kept as the time at
//! which nothing of them is left, as limits are: forgetting takes no work, and an account that nobody touches is empty.

use std::time::Duration;

use crate::challenge::Level;
use crate::time::Timestamp;

/// What may speak against a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Burden {
    /// Wrong answers.
    Failures,
    /// Challenges that were asked for and never solved.
    Pace,
    /// Trails that look like a program's.
    Trails,
}

/// How many burdens there are.
const BURDENS: usize = 3;

impl Burden {
    /// Every burden.
    pub const ALL: [Self; BURDENS] = [Self::Failures, Self::Pace, Self::Trails];

    fn index(self) -> usize {
        match self {
            Self::Failures => 0,
            Self::Pace => 1,
            Self::Trails => 2,
        }
    }
}

/// What a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was shown a challenge.
    Asked,
    /// It answered one of this level rightly.
    Right(Level),
    /// It answered one wrongly where strangers are shown this level.
    Wrong(Level),
    /// It handed in a trail that looks like a hand's.
    HumanTrail,
    /// It handed in one that is odd.
    DoubtfulTrail,
    /// It handed in one that looks like a program's.
    ScriptedTrail,
}

/// What wrong answers in a row cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// After how many, at least 1.
    pub after: u16,
    /// The first wait. Each further wrong answer doubles it.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

/// How deeds are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// How long one point takes to fade, at least 1 ms.
    pub point: Duration,
    /// How many points make a level.
    pub points_per_level: u32,
    /// How many levels each burden can make, in the order of [`Burden::ALL`]. No more is remembered than that takes.
    pub most_levels: [u8; BURDENS],
    /// What a scripted trail weighs, in points; a doubtful one weighs one.
    pub scripted: u32,
    /// What wrong answers in a row cost; nothing where it is not set.
    pub waits: Option<Waits>,
}

/// What is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When nothing is left of each burden, in the order of [`Burden::ALL`].
    faded_at: [Timestamp; BURDENS],
    waits_until: Timestamp,
    /// The wait that ends then.
    wait_milliseconds: u32,
    wrong_in_a_row: u16,
    /// The hardest that strangers are shown where it answered wrongly.
    failed_at: Option<Level>,
}

/// What is remembered, as it counts now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impression {
    levels: [u8; BURDENS],
    /// How long the client has to wait, if it has to.
    pub wait: Option<Duration>,
}

impl Impression {
    /// How many levels `burden` adds.
    pub fn levels(&self, burden: Burden) -> u8 {
        self.levels[burden.index()]
    }
}

impl Standing {
    /// Of a client that nothing is known of.
    pub const UNKNOWN: Self = {
        let never = Timestamp::from_milliseconds(i64::MIN);
        Self {
            faded_at: [never; BURDENS],
            waits_until: never,
            wait_milliseconds: 0,
            wrong_in_a_row: 0,
            failed_at: None,
        }
    };

    /// Until when it matters that this is remembered: a full history forgets whoever matters least.
    pub fn matters_until(&self) -> Timestamp {
        self.faded_at.into_iter().fold(self.row_matters_until(), Timestamp::max)
    }

    /// Until when a wrong answer continues the row: while any is remembered, and for as long after a wait as that was, or
    /// whoever sat out a wait that outlasts the points would never meet a longer one.
    fn row_matters_until(&self) -> Timestamp {
        let wait = Duration::from_millis(self.wait_milliseconds.into());
        self.faded_at[Burden::Failures.index()].max(self.waits_until.plus(wait))
    }

    /// What it means now.
    pub fn impression(&self, now: Timestamp, memory: &Memory) -> Impression {
        let mut levels = [0; BURDENS];
        for burden in Burden::ALL {
            let index = burden.index();
            let most = memory.most_levels[index];
            let made = self.points(burden, now, memory) / u128::from(memory.points_per_level.max(1));
            levels[index] = u8::try_from(made).unwrap_or(most).min(most);
        }
        let wait = self.waits_until.since(now).min(memory.waits.map_or(Duration::ZERO, |waits| waits.longest));
        Impression { levels, wait: (!wait.is_zero()).then_some(wait) }
    }

    /// What is remembered after `deed`.
    #[must_use]
    pub fn after(mut self, deed: Deed, now: Timestamp, memory: &Memory) -> Self {
        let point = memory.point.max(Duration::from_millis(1));
        match deed {
            // Somebody may look at some pictures before solving one: eight of them weigh as much as a wrong answer.
            Deed::Asked => self.burden(Burden::Pace, point / 8, now, memory),
            Deed::Right(level) => {
                // Two that were asked for: the one that was solved and one that was not. More, and whoever solves one family
                // of drawings could leave all others out.
                self.ease(Burden::Pace, point / 4, now);
                // What was guessed at a strict app is not made good at an easy one.
                if Some(level) >= self.failed_at {
                    self.ease(Burden::Failures, point * 2, now);
                    self.wrong_in_a_row = 0;
                    (self.waits_until, self.wait_milliseconds) = (now, 0);
                }
            }
            Deed::Wrong(level) => {
                if self.row_matters_until() <= now {
                    (self.wrong_in_a_row, self.failed_at) = (0, None);
                }
                self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
                self.failed_at = self.failed_at.max(Some(level));
                self.burden(Burden::Failures, point, now, memory);
                if let Some(wait) = memory.waits.and_then(|waits| waits.wait(self.wrong_in_a_row)) {
                    self.waits_until = now.plus(wait);
                    self.wait_milliseconds = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
                }
            }
            Deed::HumanTrail => self.ease(Burden::Trails, point * memory.scripted, now),
            Deed::DoubtfulTrail => self.burden(Burden::Trails, point, now, memory),
            Deed::ScriptedTrail => self.burden(Burden::Trails, point * memory.scripted, now, memory),
        }
        self
    }

    /// What is left of a burden, in points.
    fn points(&self, burden: Burden, now: Timestamp, memory: &Memory) -> u128 {
        let left = self.faded_at[burden.index()].since(now).as_millis();
        let point = memory.point.as_millis().max(1);
        match burden {
            // One that has begun to fade counts whole until it is gone.
            Burden::Failures | Burden::Trails => left.div_ceil(point),
            // It grows by parts of a point, and a part is none yet.
            Burden::Pace => left / point,
        }
    }

    fn burden(&mut self, burden: Burden, span: Duration, now: Timestamp, memory: &Memory) {
        let index = burden.index();
        let levels = u32::from(memory.most_levels[index]);
        if levels == 0 && burden != Burden::Failures {
            return;
        }
        // One point short of a level that there is not, so that the last one holds for a while.
        let most = memory.point * (memory.points_per_level * (levels + 1)).saturating_sub(1);
        self.faded_at[index] = self.faded_at[index].max(now).plus(span).min(now.plus(most));
    }

    fn ease(&mut self, burden: Burden, span: Duration, now: Timestamp) {
        let left = &mut self.faded_at[burden.index()];
        *left = (*left).min(left.minus(span)).max(now.min(*left));
    }
}

impl Waits {
    /// What so many wrong answers in a row cost.
    fn wait(&self, wrong_in_a_row: u16) -> Option<Duration> {
        let beyond = wrong_in_a_row.checked_sub(self.after.max(1))?;
        let doubled = 1u32.checked_shl(u32::from(beyond)).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(doubled).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAITS: Waits = Waits { after: 3, first: Duration::from_secs(5), longest: Duration::from_mins(1) };
    const MEMORY: Memory = Memory {
        point: Duration::from_mins(2),
        points_per_level: 3,
        most_levels: [4, 1, 2],
        scripted: 3,
        waits: Some(WAITS),
    };

    const RIGHT: Deed = Deed::Right(Level::DEFAULT);
    const WRONG: Deed = Deed::Wrong(Level::DEFAULT);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_milliseconds(0).plus(Duration::from_secs(seconds))
    }

    fn after(deeds: &[Deed]) -> Standing {
        deeds.iter().fold(Standing::UNKNOWN, |standing, deed| standing.after(*deed, at(0), &MEMORY))
    }

    #[test]
    fn three_wrong_answers_make_a_level_and_fade() {
        let standing = after(&[WRONG; 3]);
        let levels = |time| standing.impression(time, &MEMORY).levels(Burden::Failures);
        assert_eq!(after(&[WRONG; 2]).impression(at(0), &MEMORY).levels(Burden::Failures), 0);
        assert_eq!((levels(at(0)), levels(at(119)), levels(at(121))), (1, 1, 0));
        assert_eq!(after(&[WRONG; 99]).impression(at(0), &MEMORY).levels(Burden::Failures), 4);
    }

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_a_right_answer_ends_it() {
        let wait = |count| after(&vec![WRONG; count]).impression(at(0), &MEMORY).wait.map(|wait| wait.as_secs());
        let waits: Vec<_> = (2..9).map(wait).collect();
        assert_eq!(waits, [None, Some(5), Some(10), Some(20), Some(40), Some(60), Some(60)]);
        assert_eq!(wait(usize::from(u16::MAX) + 9), Some(60));
        let passed = after(&[WRONG, WRONG, WRONG, WRONG, RIGHT]);
        assert_eq!(passed.impression(at(0), &MEMORY).wait, None);
        let again = passed.after(WRONG, at(0), &MEMORY).after(WRONG, at(0), &MEMORY);
        assert_eq!(again.impression(at(0), &MEMORY).wait, None, "the row began anew");
    }

    #[test]
    fn wrong_answers_of_long_ago_are_no_row() {
        let later = after(&[WRONG; 2]).after(WRONG, at(300), &MEMORY);
        assert_eq!(later.impression(at(300), &MEMORY), Impression::default());
    }

    #[test]
    fn a_wait_that_outlasts_its_points_doubles_all_the_same() {
        for (first, longest) in [(600, 3_600), (121, 3_600), (5, 60)] {
            for count in [1, 3] {
                let (first, longest) = (Duration::from_secs(first), Duration::from_secs(longest));
                let memory = Memory { waits: Some(Waits { after: count, first, longest }), ..MEMORY };
                let (mut standing, mut now) = (Standing::UNKNOWN, at(0));
                for _ in 1..count {
                    standing = standing.after(WRONG, now, &memory);
                }
                for doublings in 0..6 {
                    standing = standing.after(WRONG, now, &memory);
                    let wait = standing.impression(now, &memory).wait;
                    assert_eq!(wait, Some(longest.min(first * 2_u32.pow(doublings))));
                    now = now.plus(wait.unwrap());
                }
                assert!(standing.matters_until() > now, "a full history remembers the row");
                let afresh = standing.after(WRONG, standing.matters_until(), &memory);
                assert_eq!(afresh.wrong_in_a_row, 1, "and it is forgotten");
            }
        }
    }

    #[test]
    fn what_was_guessed_at_a_strict_app_is_not_made_good_at_an_easy_one() {
        let [easy, strict] = [1, 5].map(|number| Level::new(number).unwrap());
        let guesses = after(&[Deed::Wrong(strict), Deed::Wrong(strict), Deed::Wrong(easy)]);
        let wait = |standing: Standing| standing.after(WRONG, at(0), &MEMORY).impression(at(0), &MEMORY).wait;
        assert_eq!(wait(guesses.after(Deed::Right(easy), at(0), &MEMORY)), Some(WAITS.first * 2));
        assert_eq!(wait(guesses.after(Deed::Right(strict), at(0), &MEMORY)), None);
        let later = at(3_600);
        let forgotten = guesses.after(Deed::Wrong(easy), later, &MEMORY).after(Deed::Right(easy), later, &MEMORY);
        assert_eq!(forgotten.wrong_in_a_row, 0, "strictness is forgotten with the guesses");
    }

    #[test]
    fn asking_makes_a_level_at_the_twenty_fourth_and_solving_one_of_three_holds_none_back() {
        let levels = |deeds: &[Deed]| after(deeds).impression(at(0), &MEMORY).levels(Burden::Pace);
        assert_eq!((levels(&[Deed::Asked; 23]), levels(&[Deed::Asked; 24])), (0, 1));
        assert_eq!(levels(&[Deed::Asked, Deed::Asked, RIGHT].repeat(500)), 0, "every second");
        assert_eq!(levels(&[Deed::Asked, Deed::Asked, Deed::Asked, RIGHT].repeat(24)), 1, "every third");
    }

    #[test]
    fn asking_alone_makes_one_level_and_a_trail_makes_one_at_once() {
        let standing = after(&[Deed::Asked; 500]).impression(at(0), &MEMORY);
        assert_eq!(Burden::ALL.map(|burden| standing.levels(burden)), [0, 1, 0]);
        let standing = after(&[Deed::ScriptedTrail]).impression(at(0), &MEMORY);
        assert_eq!(Burden::ALL.map(|burden| standing.levels(burden)), [0, 0, 1]);
        let standing = after(&[Deed::ScriptedTrail, Deed::HumanTrail]).impression(at(0), &MEMORY);
        assert_eq!(standing, Impression::default());
    }

    proptest! {
        #[test]
        fn whatever_happens_everything_is_forgotten_in_bounded_time(
            steps in prop::collection::vec((0usize..6, 0u64..400), 1..200),
        ) {
            let deeds =
                [Deed::Asked, RIGHT, WRONG, Deed::HumanTrail, Deed::DoubtfulTrail, Deed::ScriptedTrail];
            let (mut standing, mut now) = (Standing::UNKNOWN, at(0));
            for (deed, gap) in steps {
                now = now.plus(Duration::from_secs(gap));
                standing = standing.after(deeds[deed], now, &MEMORY);
                let wait = standing.impression(now, &MEMORY).wait.unwrap_or_default();
                prop_assert!(wait <= WAITS.longest);
                prop_assert!(standing.matters_until() <= now.plus(Duration::from_mins(28)));
            }
            let long_after = now.plus(Duration::from_mins(28));
            prop_assert_eq!(standing.impression(long_after, &MEMORY), Impression::default());
        }

        #[test]
        fn a_right_answer_never_makes_anything_worse(wrong in 0usize..20, asked in 0usize..60, gap in 0u64..600) {
            let deeds = [vec![WRONG; wrong], vec![Deed::Asked; asked]].concat();
            let (before, now) = (after(&deeds), at(gap));
            let right = before.after(RIGHT, now, &MEMORY).impression(now, &MEMORY);
            for burden in Burden::ALL {
                prop_assert!(right.levels(burden) <= before.impression(now, &MEMORY).levels(burden));
            }
            prop_assert_eq!(right.wait, None);
        }
    }
}
