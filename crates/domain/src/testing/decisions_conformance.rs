use std::time::Duration;

use crate::app::AppId;
use crate::challenge::Level;
use crate::decision::{Decision, Outcome};
use crate::network::Network;
use crate::ports::Decisions;
use crate::testing::app;
use crate::time::Timestamp;

/// What it means to keep a sample of decisions. `open` makes an empty one, with room for at least a hundred notable decisions
/// and ten others, and for less than five thousand of each.
///
/// # Panics
/// Where it does not conform.
pub fn decisions_conformance<D: Decisions>(open: impl Fn() -> D) {
    let (one, two) = (app("one").id, app("two").id);
    let decisions = open();
    assert_eq!(decisions.latest(&one, 10), []);
    for number in 0..5 {
        decisions.keep(waits(&one, number));
        decisions.keep(shown(&one, number));
        decisions.keep(shown(&two, number));
    }
    let latest = decisions.latest(&one, 3);
    assert_eq!(latest, [shown(&one, 4), waits(&one, 4), shown(&one, 3)], "the newest first, of one app, of both kinds");
    assert_eq!(decisions.latest(&two, 100).len(), 5);

    for number in 0..5_000 {
        decisions.keep(shown(&two, number));
    }
    let of_two = decisions.latest(&two, 10_000);
    assert!((10..5_000).contains(&of_two.len()) && of_two[0] == shown(&two, 4_999));
    for number in 0..5_000 {
        decisions.keep(waits(&two, number));
    }
    assert!((100..10_000).contains(&decisions.latest(&two, 20_000).len()), "it is bounded");
    assert_eq!(decisions.latest(&one, 100).len(), 10, "one app makes room at no other's cost");

    for number in 5..5_000 {
        decisions.keep(shown(&one, number));
    }
    let notable = decisions.latest(&one, 10_000).into_iter().filter(Decision::is_notable);
    assert!(
        notable.eq([4, 3, 2, 1, 0].map(|number| waits(&one, number))),
        "what is notable makes no room for the others"
    );
}

fn decision(app: &AppId, number: u32, outcome: Outcome) -> Decision {
    let network = Network::near(std::net::Ipv4Addr::LOCALHOST.into());
    Decision { at: Timestamp::from_milliseconds(number.into()), app: app.clone(), network, outcome }
}

fn shown(app: &AppId, number: u32) -> Decision {
    decision(app, number, Outcome::Shown { level: Level::DEFAULT, reasons: vec![] })
}

fn waits(app: &AppId, number: u32) -> Decision {
    decision(app, number, Outcome::Waits { wait: Duration::from_secs(5) })
}
