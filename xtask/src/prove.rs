//! The long proofs. CI runs the same tests with smaller numbers.

use anyhow::{Context as _, bail, ensure};

use crate::run::{cargo, must, output, program, target};

struct Proof {
    name: &'static str,
    work: Work,
}

enum Work {
    /// A test in the integration binary, with its numbers.
    Test(&'static str, &'static [(&'static str, &'static str)]),
    Function(fn() -> anyhow::Result<()>),
}

/// How often the time of a bare insert a whole send or check may take: 2.5 is 40 % of what the disk gives.
const SLOWEST_CODES: f64 = 2.5;

const PROOFS: &[Proof] = &[
    // 64 answers to one challenge, and in every other round, where they are right, 64 redemptions of its ticket: one of each
    // is taken, 20,000 and 10,000 times.
    Proof { name: "race", work: Work::Test("race::", &[("COUNTERSIGN_RACE_ROUNDS", "20000")]) },
    // Challenges issued and unanswered: memory stays under 100 MB.
    Proof { name: "flood", work: Work::Test("flood::", &[("COUNTERSIGN_FLOOD", "100000")]) },
    // 500 machines at once with a code for 50, 50 times; and a guesser's month.
    Proof {
        name: "enrolment",
        work: Work::Test("enrolment::", &[("COUNTERSIGN_ENROLMENT_ROUNDS", "50"), ("COUNTERSIGN_ATTACK_DAYS", "28")]),
    },
    // 1,000 live codes, and 16 guesses at once at each: five are compared, of all of them.
    Proof { name: "codes", work: Work::Test("codes::", &[("COUNTERSIGN_LIVE_CODES", "1000")]) },
    // Whole sends and checks beside bare inserts of their rows.
    Proof { name: "codes-speed", work: Work::Function(codes_speed) },
    // 1,000 codes through ten kills, with the mail server down in every other part; and 20 that it sleeps through.
    Proof {
        name: "delivery",
        work: Work::Test(
            "delivery::",
            &[
                ("COUNTERSIGN_DELIVERY_CODES", "1000"),
                ("COUNTERSIGN_DELIVERY_KILLS", "10"),
                ("COUNTERSIGN_DELIVERY_EXPIRE", "20"),
            ],
        ),
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
        eprintln!("\n== {}", proof.name);
        match proof.work {
            Work::Test(test, variables) => run_test(test, variables)?,
            Work::Function(prove) => prove()?,
        }
    }
    Ok(())
}

fn run_test(test: &str, variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let numbers: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    eprintln!("{}", numbers.join(" "));
    let arguments = ["test", "--locked", "--release", "--package", "countersign", "--test", "it", test];
    let nocapture = ["--", "--nocapture"];
    must(cargo(&[&arguments[..], &nocapture].concat()).envs(variables.iter().copied()))
}

fn codes_speed() -> anyhow::Result<()> {
    must(&mut cargo(&["build", "--locked", "--release", "--package", "countersign"]))?;
    let arguments = ["bench", "--type", "codes", "--seconds", "20", "--json"];
    let printed = output(&mut program(target()?.join("release/countersign"), &arguments))?;
    eprint!("{printed}");
    judge_codes(&printed)
}

/// Whether the rows of the bench are there and fast enough.
fn judge_codes(printed: &str) -> anyhow::Result<()> {
    let rows: Vec<serde_json::Value> = printed.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for kind in ["send", "check"] {
        let row = rows.iter().find(|row| row["type"] == kind).with_context(|| format!("a row {kind} of the bench"))?;
        let ratio = row["ratio"].as_f64().with_context(|| format!("the ratio of {kind}"))?;
        ensure!(ratio <= SLOWEST_CODES, "{kind}: {ratio:.2} times a bare insert, and {SLOWEST_CODES} is the most");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_above_the_most_and_a_missing_row_fail() {
        let rows = |send: f64, check: f64| {
            format!("{{\"type\":\"send\",\"ratio\":{send}}}\n{{\"type\":\"check\",\"ratio\":{check}}}\n")
        };
        assert!(judge_codes(&rows(2.5, 1.0)).is_ok());
        assert!(judge_codes(&rows(2.51, 1.0)).is_err());
        assert!(judge_codes(&rows(1.0, 2.51)).is_err());
        assert!(judge_codes("{\"type\":\"send\",\"ratio\":1.0}\n").is_err());
        assert!(judge_codes("").is_err());
    }
}
