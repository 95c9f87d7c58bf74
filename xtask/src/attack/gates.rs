//! The gates that solvers must not pass, in `xtask/attack/gates.json`: what untrained solvers may solve, and what those that
//! know the drawings solved when that was last published, which may not rise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::measured::{Door, Knowledge, MIX, Measured, Row};
use super::tally::Tally;
use crate::run::root;

/// The level that the gates are for: where challenges begin.
pub(super) const GATED: u8 = 3;

/// From how many pictures on the whole interval has to lie below a gate.
const ENOUGH: u32 = 1000;

/// The committed gates.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gates {
    /// What any solver that does not know the drawings may solve of the mix, and what they may by a vote.
    generic: BTreeMap<Door, f64>,
    /// What a guess without a look may.
    blind: BTreeMap<Door, f64>,
    /// What a solver that was written for one family may solve of another.
    other_families: f64,
    published: Published,
}

/// What those that know the drawings solved, by door, solver and family.
type Published = BTreeMap<Door, BTreeMap<String, BTreeMap<String, Tally>>>;

/// A gate for what a solver solves of one family, or of the mix.
struct Gate<'a> {
    family: &'a str,
    rate: f64,
    bound: Bound,
    name: &'static str,
}

/// Which end of the interval must not lie above a gate.
#[derive(Clone, Copy)]
enum Bound {
    /// The lower one, because a few hundred pictures show only what is clearly too much; from [`ENOUGH`] on the upper one.
    ByNumber,
    /// The lower one always: there is no room between the gate and what is expected, so that half of all runs lie above it.
    Lower,
}

impl Gates {
    pub(super) fn read() -> anyhow::Result<Self> {
        let path = file();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// What is wrong, a line each. Levels that the gates are not for have nothing wrong.
    pub(super) fn complaints(&self, measured: &Measured) -> anyhow::Result<Vec<String>> {
        let mut complaints = Vec::new();
        if measured.level != GATED {
            return Ok(complaints);
        }
        let enough = measured.number() >= ENOUGH;
        for row in &measured.rows {
            for gate in self.gates(measured, row)? {
                complaints.extend(gate.complaint(measured.door, row, enough));
            }
        }
        Ok(complaints)
    }

    /// The gates that a solver has to stay below.
    fn gates<'a>(&self, measured: &'a Measured, row: &'a Row) -> anyhow::Result<Vec<Gate<'a>>> {
        let door = measured.door;
        let of_mix = |rates: &BTreeMap<Door, f64>, bound, name| {
            let rate = *rates.get(&door).with_context(|| format!("{name} for {}", door.word()))?;
            anyhow::Ok(vec![Gate { family: MIX, rate, bound, name }])
        };
        match row.knows {
            Knowledge::Generic => of_mix(&self.generic, Bound::ByNumber, "the gate of generic solvers"),
            Knowledge::Nothing => of_mix(&self.blind, Bound::Lower, "the gate of blind guesses"),
            Knowledge::Drawing => {
                let mut gates = Vec::new();
                for family in measured.pictures.keys().map(String::as_str).chain([MIX]) {
                    let gate = match row.written_for.as_deref() {
                        // What it solves of the mix is how often its family was drawn.
                        Some(_) if family == MIX => continue,
                        Some(own) if family != own => {
                            let (rate, name) = (self.other_families, "the gate of other families");
                            Gate { family, rate, bound: Bound::ByNumber, name }
                        }
                        _ => {
                            // The published rate is from a draw, too, and may itself have been that much higher.
                            let (_, rate) = self.published(door, &row.solver, family)?.interval();
                            Gate { family, rate, bound: Bound::Lower, name: "the interval that was published" }
                        }
                    };
                    gates.push(gate);
                }
                Ok(gates)
            }
        }
    }

    fn published(&self, door: Door, solver: &str, family: &str) -> anyhow::Result<Tally> {
        let published = self.published.get(&door).and_then(|solvers| solvers.get(solver)?.get(family));
        published.copied().with_context(|| {
            format!("{solver} on {family} of {} has no published rate: run with --publish", door.word())
        })
    }

    /// Writes down what those solved that know the drawings, for the next release to be held to.
    pub(super) fn publish(mut self, all: &[Measured]) -> anyhow::Result<()> {
        self.published.clear();
        for measured in all.iter().filter(|measured| measured.level == GATED) {
            let solvers = self.published.entry(measured.door).or_default();
            for row in measured.rows.iter().filter(|row| row.knows == Knowledge::Drawing) {
                let families = measured.pictures.keys().map(String::as_str).chain([MIX]);
                let tally = |family: &str| (family.to_owned(), row.of(family));
                solvers.insert(row.solver.clone(), families.map(tally).collect());
            }
        }
        let path = file();
        std::fs::write(&path, serde_json::to_string_pretty(&self)? + "\n").with_context(|| path.display().to_string())
    }
}

impl Gate<'_> {
    fn complaint(&self, door: Door, row: &Row, enough: bool) -> Option<String> {
        let tally = row.of(self.family);
        let (low, high) = tally.interval();
        let (which, end) = match self.bound {
            Bound::ByNumber if enough => ("upper", high),
            Bound::ByNumber | Bound::Lower => ("lower", low),
        };
        let percent = |rate: f64| format!("{:.1} %", 1e2 * rate);
        (end > self.rate).then(|| {
            format!(
                "{}: {} solves {} of {} ({} pictures); the {which} end of the interval, {}, is above {}, {}",
                door.word(),
                row.solver,
                percent(tally.rate()),
                self.family,
                tally.pictures,
                percent(end),
                self.name,
                percent(self.rate),
            )
        })
    }
}

fn file() -> PathBuf {
    root().join(Path::new("xtask/attack/gates.json"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gates(generic: f64, blind: f64, published: f64) -> Gates {
        let tally = json!({"solved": 1000.0 * published, "pictures": 1000});
        let families = json!({"hatch": tally, "relief": tally, "mix": tally});
        serde_json::from_value(json!({
            "generic": {"oneaccess": generic, "native": generic},
            "blind": {"oneaccess": blind, "native": blind},
            "other_families": 0.25,
            "published": {"native": {"white-box hatch": families}},
        }))
        .unwrap()
    }

    /// One solver that solves these shares of `pictures` of each family.
    fn measured(knows: Knowledge, pictures: u32, hatch: f64, relief: f64) -> Measured {
        let tally = |rate: f64| Tally { solved: rate * f64::from(pictures), pictures };
        let families = [("hatch", hatch), ("relief", relief)];
        let row = Row {
            solver: "white-box hatch".to_owned(),
            knows,
            written_for: (knows == Knowledge::Drawing).then(|| "hatch".to_owned()),
            milliseconds: 1.0,
            families: families.map(|(family, rate)| (family.to_owned(), tally(rate))).into(),
        };
        let pictures = families.map(|(family, _)| (family.to_owned(), pictures)).into();
        Measured { level: GATED, door: Door::Native, pictures, rows: vec![row] }
    }

    #[test]
    fn leaky_pictures_fail_however_few_and_good_ones_pass() {
        let gates = gates(0.08, 0.01, 1.0);
        for pictures in [150, 500] {
            let leaky = gates.complaints(&measured(Knowledge::Generic, pictures, 0.05, 0.3)).unwrap();
            assert_eq!(leaky.len(), 1, "{leaky:?}");
            assert_eq!(gates.complaints(&measured(Knowledge::Generic, pictures, 0.05, 0.05)).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn a_gate_that_nothing_can_pass_fails() {
        assert_eq!(gates(0.0, 0.01, 1.0).complaints(&measured(Knowledge::Generic, 150, 0.03, 0.02)).unwrap().len(), 1);
        assert_eq!(gates(0.08, 0.0, 1.0).complaints(&measured(Knowledge::Nothing, 150, 0.03, 0.02)).unwrap().len(), 1);
    }

    #[test]
    fn from_a_thousand_on_the_whole_interval_lies_below_the_gate() {
        let gates = gates(0.08, 0.08, 1.0);
        let complaints = |knows, pictures| gates.complaints(&measured(knows, pictures, 0.07, 0.07)).unwrap();
        assert_eq!(complaints(Knowledge::Generic, 150), [""; 0]);
        insta::assert_snapshot!(complaints(Knowledge::Generic, 500).join("\n"));
        // A guess is known before it is measured.
        assert_eq!(complaints(Knowledge::Nothing, 500), [""; 0]);
    }

    #[test]
    fn what_was_published_may_not_rise_and_has_to_be_there() {
        let knowing = |hatch, relief| measured(Knowledge::Drawing, 500, hatch, relief);
        // 20 % of 1,000 may be 22.6 % of all; 24 % of 500 may be 20.5 %, 30 % may not be less than 26.2 %.
        assert_eq!(gates(0.08, 0.01, 0.2).complaints(&knowing(0.24, 0.2)).unwrap(), [""; 0]);
        assert_eq!(gates(0.08, 0.01, 0.2).complaints(&knowing(0.3, 0.2)).unwrap().len(), 1);
        let mut all = knowing(0.3, 0.2);
        all.rows[0].written_for = None;
        assert_eq!(gates(0.08, 0.01, 0.2).complaints(&all).unwrap().len(), 1, "and 25 % of the mix may be 22.4 %");
        let mut unknown = knowing(0.2, 0.2);
        unknown.rows[0].solver = "white-box relief".to_owned();
        assert!(gates(0.08, 0.01, 0.2).complaints(&unknown).is_err());
    }

    #[test]
    fn a_solver_of_one_family_may_not_solve_another() {
        let complaints = gates(0.08, 0.01, 1.0).complaints(&measured(Knowledge::Drawing, 500, 1.0, 0.3)).unwrap();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains("the gate of other families"), "{complaints:?}");
    }

    #[test]
    fn the_gates_are_for_one_level() {
        let mut harder = measured(Knowledge::Generic, 500, 1.0, 1.0);
        harder.level = GATED + 1;
        assert_eq!(gates(0.08, 0.01, 1.0).complaints(&harder).unwrap(), [""; 0]);
    }

    #[test]
    fn the_committed_gates_are_those_that_were_asked_for() {
        let Gates { generic, blind, other_families, .. } = Gates::read().unwrap();
        assert_eq!(generic, [(Door::Oneaccess, 0.12), (Door::Native, 0.08)].into());
        assert_eq!(blind, [(Door::Oneaccess, 0.04), (Door::Native, 0.01)].into());
        assert!((other_families - 0.25).abs() < f64::EPSILON);
    }
}
