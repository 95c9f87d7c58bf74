//! What is remembered of a client, and how it fades: pure functions, so that every history remembers alike.
//!
//! What speaks against a client are burdens, counted in points that fade one after the other. They are kept as the time at
//! which nothing of them is left, as limits are: forgetting takes no work, and an account that nobody touches is empty.

use std::time::Duration;

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
    /// It answered one rightly.
    Right,
    /// It answered one wrongly.
    Wrong,
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
    wrong_in_a_row: u16,
    waits_until: Timestamp,
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
        Self { faded_at: [never; BURDENS], wrong_in_a_row: 0, waits_until: never }
    };

    /// Until when it matters that this is remembered: a full history forgets whoever matters least.
    pub fn matters_until(&self) -> Timestamp {
        self.faded_at.into_iter().fold(self.waits_until, Timestamp::max)
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
            Deed::Right => {
                self.ease(Burden::Failures, point * 2, now);
                self.ease(Burden::Pace, point, now);
                self.wrong_in_a_row = 0;
                self.waits_until = now;
            }
            Deed::Wrong => {
                // Those of long ago are no row.
                if self.points(Burden::Failures, now, memory) == 0 {
                    self.wrong_in_a_row = 0;
                }
                self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
                self.burden(Burden::Failures, point, now, memory);
                if let Some(wait) = memory.waits.and_then(|waits| waits.wait(self.wrong_in_a_row)) {
                    self.waits_until = now.plus(wait);
                }
            }
            Deed::HumanTrail => self.ease(Burden::Trails, point * memory.scripted, now),
            Deed::DoubtfulTrail => self.burden(Burden::Trails, point, now, memory),
            Deed::ScriptedTrail => self.burden(Burden::Trails, point * memory.scripted, now, memory),
        }
        self
    }

    /// What is left of a burden, in points; one that has begun to fade counts whole until it is gone.
    fn points(&self, burden: Burden, now: Timestamp, memory: &Memory) -> u128 {
        let left = self.faded_at[burden.index()].since(now).as_millis();
        left.div_ceil(memory.point.as_millis().max(1))
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

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_milliseconds(0).plus(Duration::from_secs(seconds))
    }

    fn after(deeds: &[Deed]) -> Standing {
        deeds.iter().fold(Standing::UNKNOWN, |standing, deed| standing.after(*deed, at(0), &MEMORY))
    }

    #[test]
    fn three_wrong_answers_make_a_level_and_fade() {
        let standing = after(&[Deed::Wrong; 3]);
        let levels = |time| standing.impression(time, &MEMORY).levels(Burden::Failures);
        assert_eq!(after(&[Deed::Wrong; 2]).impression(at(0), &MEMORY).levels(Burden::Failures), 0);
        assert_eq!((levels(at(0)), levels(at(119)), levels(at(121))), (1, 1, 0));
        assert_eq!(after(&[Deed::Wrong; 99]).impression(at(0), &MEMORY).levels(Burden::Failures), 4);
    }

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_a_right_answer_ends_it() {
        let wait = |count| after(&vec![Deed::Wrong; count]).impression(at(0), &MEMORY).wait.map(|wait| wait.as_secs());
        let waits: Vec<_> = (2..9).map(wait).collect();
        assert_eq!(waits, [None, Some(5), Some(10), Some(20), Some(40), Some(60), Some(60)]);
        assert_eq!(wait(usize::from(u16::MAX) + 9), Some(60));
        let passed = after(&[Deed::Wrong, Deed::Wrong, Deed::Wrong, Deed::Wrong, Deed::Right]);
        assert_eq!(passed.impression(at(0), &MEMORY).wait, None);
        let again = passed.after(Deed::Wrong, at(0), &MEMORY).after(Deed::Wrong, at(0), &MEMORY);
        assert_eq!(again.impression(at(0), &MEMORY).wait, None, "the row began anew");
    }

    #[test]
    fn wrong_answers_of_long_ago_are_no_row() {
        let later = after(&[Deed::Wrong; 2]).after(Deed::Wrong, at(300), &MEMORY);
        assert_eq!(later.impression(at(300), &MEMORY), Impression::default());
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
                [Deed::Asked, Deed::Right, Deed::Wrong, Deed::HumanTrail, Deed::DoubtfulTrail, Deed::ScriptedTrail];
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
            let deeds = [vec![Deed::Wrong; wrong], vec![Deed::Asked; asked]].concat();
            let (before, now) = (after(&deeds), at(gap));
            let right = before.after(Deed::Right, now, &MEMORY).impression(now, &MEMORY);
            for burden in Burden::ALL {
                prop_assert!(right.levels(burden) <= before.impression(now, &MEMORY).levels(burden));
            }
            prop_assert_eq!(right.wait, None);
        }
    }
}
