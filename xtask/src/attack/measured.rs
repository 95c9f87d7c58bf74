//! What solvers did on the pictures of one level and door, as their programs report it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::tally::Tally;

/// All families together, as they come.
pub(super) const MIX: &str = "mix";

/// Whose pictures: of one axis or of two.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Door {
    Oneaccess,
    Native,
}

impl Door {
    pub(super) const ALL: [Self; 2] = [Self::Oneaccess, Self::Native];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Oneaccess => "oneaccess",
            Self::Native => "native",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Oneaccess => "PNG, one axis",
            Self::Native => "JPEG, two axes",
        }
    }
}

/// What a solver knows of the pictures before it sees one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Knowledge {
    /// That they are sliders.
    Generic,
    /// How they are drawn.
    Drawing,
    /// Nothing: it does not look.
    Nothing,
}

/// All solvers on one set of pictures.
#[derive(Serialize)]
pub(super) struct Measured {
    pub(super) level: u8,
    pub(super) door: Door,
    /// How many pictures each family drew.
    pub(super) pictures: BTreeMap<String, u32>,
    pub(super) rows: Vec<Row>,
}

/// One solver.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) solver: String,
    pub(super) knows: Knowledge,
    /// The family that it was written for, if for one.
    pub(super) written_for: Option<String>,
    /// CPU time a picture.
    pub(super) milliseconds: f64,
    pub(super) families: BTreeMap<String, Tally>,
}

impl Row {
    /// What it solved of a family, or of the [`MIX`].
    pub(super) fn of(&self, family: &str) -> Tally {
        if family != MIX {
            return self.families.get(family).copied().unwrap_or_default();
        }
        let mut sum = Tally::default();
        for tally in self.families.values() {
            sum += *tally;
        }
        sum
    }
}

/// What `solve.py` writes.
#[derive(Deserialize)]
struct OwnReport {
    pictures: BTreeMap<String, u32>,
    solvers: Vec<OwnSolver>,
}

#[derive(Deserialize)]
struct OwnSolver {
    solver: String,
    knows: Knowledge,
    written_for: Option<String>,
    milliseconds: f64,
    solved: BTreeMap<String, f64>,
}

/// What the generic solvers' program writes, as far as it is read.
#[derive(Deserialize)]
struct GenericReport {
    n: u32,
    solvers: BTreeMap<String, GenericSolver>,
}

#[derive(Deserialize)]
struct GenericSolver {
    /// The share within the pictures' own tolerance.
    own: f64,
    ms: f64,
}

impl Measured {
    /// Reads what our own solvers did.
    pub(super) fn read(level: u8, door: Door, report: &Path) -> anyhow::Result<Self> {
        let OwnReport { pictures, solvers } = read_json(report)?;
        let row = |OwnSolver { solver, knows, written_for, milliseconds, solved }| {
            let tally = |(family, pictures): (&String, &u32)| {
                let solved = solved.get(family).copied().unwrap_or_default();
                (family.clone(), Tally { solved, pictures: *pictures })
            };
            Row { solver, knows, written_for, milliseconds, families: pictures.iter().map(tally).collect() }
        };
        let rows = solvers.into_iter().map(row).collect();
        Ok(Self { level, door, pictures, rows })
    }

    /// How many pictures there are.
    pub(super) fn number(&self) -> u32 {
        self.pictures.values().sum()
    }

    /// Adds what the generic solvers did on the pictures of one family.
    pub(super) fn add_generic(&mut self, family: &str, report: &Path) -> anyhow::Result<()> {
        let GenericReport { n, solvers } = read_json(report)?;
        for (name, GenericSolver { own, ms }) in solvers {
            let tally = Tally { solved: (own * f64::from(n)).round(), pictures: n };
            let earlier = self.rows.iter().position(|row| row.knows == Knowledge::Generic && row.solver == name);
            let place = earlier.unwrap_or_else(|| {
                let (knows, families) = (Knowledge::Generic, BTreeMap::new());
                self.rows.push(Row { solver: name, knows, written_for: None, milliseconds: 0.0, families });
                self.rows.len() - 1
            });
            let row = &mut self.rows[place];
            let before = f64::from(row.of(MIX).pictures);
            row.milliseconds = (row.milliseconds * before + ms * f64::from(n)) / (before + f64::from(n));
            row.families.insert(family.to_owned(), tally);
        }
        Ok(())
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_both_kinds_are_added_up_by_family() {
        let folder = std::env::temp_dir().join(format!("measured-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let own = write(
            "own.json",
            r#"{"pictures":{"hatch":20,"relief":10},"solvers":[{"solver":"white-box hatch","knows":"drawing","written_for":"hatch","milliseconds":2.5,"solved":{"hatch":19.5}}]}"#,
        );
        let hatch = write("hatch.json", r#"{"n":20,"own":4,"solvers":{"seam":{"own":0.1,"ms":1.0,"r5":0.5}}}"#);
        let relief = write("relief.json", r#"{"n":10,"own":4,"solvers":{"seam":{"own":0.3,"ms":4.0,"r5":0.5}}}"#);
        let mut measured = Measured::read(3, Door::Native, &own).unwrap();
        measured.add_generic("hatch", &hatch).unwrap();
        measured.add_generic("relief", &relief).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();

        let [white_box, seam] = &measured.rows[..] else { panic!("{:?}", measured.rows) };
        assert_eq!(white_box.of("hatch"), Tally { solved: 19.5, pictures: 20 });
        assert_eq!(white_box.of("relief"), Tally { solved: 0.0, pictures: 10 });
        assert_eq!(white_box.of(MIX), Tally { solved: 19.5, pictures: 30 });
        assert_eq!(seam.of("relief"), Tally { solved: 3.0, pictures: 10 });
        assert_eq!(seam.of(MIX), Tally { solved: 5.0, pictures: 30 });
        assert!((seam.milliseconds - 2.0).abs() < 1e-9);
    }
}
