//! The long proofs. CI runs the same tests with smaller numbers.

use anyhow::bail;

use crate::run::{cargo, must};

struct Proof {
    name: &'static str,
    /// The test in the integration binary.
    test: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

const PROOFS: &[Proof] = &[
    // 64 answers to one challenge, and in every other round, where they are right, 64 redemptions of its ticket: one of each
    // is taken, 20,000 and 10,000 times.
    Proof { name: "race", test: "race::", variables: &[("COUNTERSIGN_RACE_ROUNDS", "20000")] },
    // Challenges issued and unanswered: memory stays under 100 MB.
    Proof { name: "flood", test: "flood::", variables: &[("COUNTERSIGN_FLOOD", "100000")] },
    // 500 machines at once with a code for 50, 50 times; and a guesser's month.
    Proof {
        name: "enrolment",
        test: "enrolment::",
        variables: &[("COUNTERSIGN_ENROLMENT_ROUNDS", "50"), ("COUNTERSIGN_ATTACK_DAYS", "28")],
    },
    // 1,000 live codes, and 16 guesses at once at each: five are compared, of all of them.
    Proof { name: "codes", test: "codes::", variables: &[("COUNTERSIGN_LIVE_CODES", "1000")] },
    // 1,000 codes through ten kills, with the mail server down in every other part; and 20 that it sleeps through.
    Proof {
        name: "delivery",
        test: "delivery::",
        variables: &[
            ("COUNTERSIGN_DELIVERY_CODES", "1000"),
            ("COUNTERSIGN_DELIVERY_KILLS", "10"),
            ("COUNTERSIGN_DELIVERY_EXPIRE", "20"),
        ],
    },
];

/// Runs the proof of this name, or all.
pub(crate) fn run(name: Option<&str>) -> anyhow::Result<()> {
    let chosen: Vec<_> = PROOFS.iter().filter(|proof| name.is_none_or(|name| name == proof.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = PROOFS.iter().map(|proof| proof.name).collect();
        bail!("there is no such proof: there are {}", names.join(", "));
    }
    for proof in chosen {
        let variables: Vec<_> = proof.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        eprintln!("\n== {}: {}", proof.name, variables.join(" "));
        let arguments = ["test", "--locked", "--release", "--package", "countersign", "--test", "it", proof.test];
        let nocapture = ["--", "--nocapture"];
        must(cargo(&[&arguments[..], &nocapture].concat()).envs(proof.variables.iter().copied()))?;
    }
    Ok(())
}
