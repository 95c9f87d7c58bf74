use super::*;
use crate::decision::{Decision, Outcome};
use crate::escalation::{AppEscalation, Reason};
use crate::rates::{Limit, Limited};
use crate::standing::Waits;
use crate::trail::{Means, Sample, Spot, Stroke, Trail};

const ON: AppEscalation = AppEscalation { escalate: true, ..AppEscalation::FLAT };
const WAITS: Waits = Waits { after: 3, first: Duration::from_secs(5), longest: Duration::from_secs(30) };

impl House {
    fn escalating(default: AppEscalation, waits: Option<Waits>) -> Self {
        let mut house = Self::new();
        house.escalation = escalation(&house.ports, EscalationPolicy { default, apps: [].into(), waits });
        house
    }

    fn decisions(&self) -> Vec<Decision> {
        self.escalation.decisions(&AppId::parse("one").unwrap(), 100)
    }

    /// The level of the next challenge, and why.
    fn next(&self) -> (u8, Vec<Reason>) {
        self.issue("one", None).unwrap();
        match self.decisions().swap_remove(0).outcome {
            Outcome::Shown { level, reasons } => (level.number(), reasons),
            other => panic!("{other:?}"),
        }
    }

    fn fail(&self) {
        let token = self.issue("one", None).unwrap().token;
        assert_eq!(self.answer(&token, WRONG, None), Ok(Judgement::Failed));
    }

    fn answer_with(&self, token: &str, trail: &str) -> Result<Judgement, JudgeAnswerError> {
        let open = self.judge().open(token, &DOOR, None)?.with_trail(Some(trail));
        block_on(self.judge().run(open, &RIGHT, None, self.client))
    }
}

/// A straight line at constant speed to the right answer.
fn line() -> Trail {
    let samples = (1..=17).map(|number| Sample { after: 16, spot: Spot { x: f64::from(number) * 6.0, y: 0.0 } });
    let origin = Spot { x: 0.0, y: 0.0 };
    Trail {
        strokes: vec![Stroke {
            means: Means::Mouse,
            pause: 500,
            from: origin,
            hold: origin,
            samples: samples.collect(),
        }],
    }
}

#[test]
fn wrong_answers_raise_the_level_and_right_ones_lower_it() {
    let house = House::escalating(ON, None);
    assert_eq!(house.next(), (3, vec![]));
    (0..3).for_each(|_| house.fail());
    assert_eq!(house.next(), (4, vec![Reason::Failures]));
    (0..3).for_each(|_| house.fail());
    assert_eq!(house.next(), (5, vec![Reason::Failures]));
    for _ in 0..2 {
        let token = house.issue("one", None).unwrap().token;
        assert!(matches!(house.answer(&token, RIGHT, None), Ok(Judgement::Passed(_))));
    }
    assert_eq!(house.next().0, 3);
    assert_eq!(House::escalating(AppEscalation::FLAT, None).next(), (3, vec![]));
}

#[test]
fn the_third_wrong_answer_in_a_row_costs_a_wait_and_the_wait_spends_nothing() {
    let house = House::escalating(ON, Some(WAITS));
    let kept = house.issue("one", None).unwrap().token;
    (0..3).for_each(|_| house.fail());
    let limited = |seconds| Limited { limit: Limit::WrongAnswers, retry_after: Duration::from_secs(seconds) };
    assert_eq!(house.issue("one", None).err(), Some(limited(5).into()));
    assert_eq!(house.issue("two", None).err(), Some(limited(5).into()), "a client waits everywhere");
    assert_eq!(house.answer(&kept, RIGHT, None), Err(limited(5).into()));
    house.clock.advance(Duration::from_secs(5));
    house.fail();
    assert_eq!(house.issue("one", None).err(), Some(limited(10).into()));
    house.clock.advance(Duration::from_secs(10));
    assert!(matches!(house.answer(&kept, RIGHT, None), Ok(Judgement::Passed(_))), "its challenge was kept");
    house.fail();
    house.fail();
    assert!(house.issue("one", None).is_ok(), "the row began anew");
}

#[test]
fn a_neighbour_does_not_wait() {
    let mut house = House::escalating(ON, Some(WAITS));
    (0..3).for_each(|_| house.fail());
    house.client = "192.0.2.77".parse().unwrap();
    assert_eq!(house.next(), (3, vec![]));
}

#[test]
fn a_scripted_trail_raises_the_next_level_and_refuses_nobody() {
    let house = House::escalating(ON, None);
    let token = house.issue("one", None).unwrap().token;
    assert!(matches!(house.answer_with(&token, &line().write(&token)), Ok(Judgement::Passed(_))));
    assert_eq!(house.next(), (4, vec![Reason::Trail]));
    let Outcome::Passed { trail: Some(score), .. } = &house.decisions()[1].outcome else { panic!() };
    assert!(score.points < 40, "{score:?}");
}

#[test]
fn a_trail_that_cannot_be_read_is_none_and_one_of_another_challenge_is_worse() {
    let house = House::escalating(ON, None);
    for unreadable in ["", "nonsense!", &"A".repeat(100_000)] {
        let token = house.issue("one", None).unwrap().token;
        assert!(matches!(house.answer_with(&token, unreadable), Ok(Judgement::Passed(_))));
        assert_eq!(house.next(), (3, vec![]));
    }
    let token = house.issue("one", None).unwrap().token;
    assert!(matches!(house.answer_with(&token, &line().write("another")), Ok(Judgement::Passed(_))));
    assert_eq!(house.next(), (4, vec![Reason::Trail]));
}
