//! What was measured, as the tables of `docs/resistance.md`.

use std::fmt::Write as _;

use super::measured::{Knowledge, MIX, Measured, Row};
use super::tally::Tally;

/// What the vote of the generic solvers is called.
const VOTE: &str = "consensus";

/// One table: what each solver solves of the mix and of each family, best first within what they know.
pub(super) fn table(measured: &Measured) -> Result<String, std::fmt::Error> {
    let Measured { level, door, pictures, rows } = measured;
    let families: Vec<&str> = pictures.keys().map(String::as_str).collect();
    let mut out = format!("Level {level}, {} ({}), n = {}", door.word(), door.in_words(), measured.number());
    let drawn: Vec<_> = pictures.iter().map(|(family, number)| format!("{family} {number}")).collect();
    writeln!(out, ": {}.\n", drawn.join(", "))?;
    writeln!(out, "| knows | solver | {MIX} | 95 % interval | {} | CPU ms |", families.join(" | "))?;
    writeln!(out, "|---|---|--:|--:|{}--:|", "--:|".repeat(families.len()))?;
    for row in in_order(rows) {
        let Row { solver, milliseconds, .. } = row;
        let (low, high) = row.of(MIX).interval();
        let cells: Vec<_> = families.iter().map(|family| percent(row.of(family).rate())).collect();
        writeln!(
            out,
            "| {} | {solver} | {} | {:.1}–{:.1} | {} | {milliseconds:.1} |",
            knowledge(row.knows),
            percent(row.of(MIX).rate()),
            1e2 * low,
            1e2 * high,
            cells.join(" | "),
        )?;
    }
    writeln!(out, "\n{}", summary(measured))?;
    Ok(out)
}

/// The line that is compared with the gates.
fn summary(measured: &Measured) -> String {
    let generic = |vote: bool| {
        let rows =
            measured.rows.iter().filter(move |row| row.knows == Knowledge::Generic && (row.solver == VOTE) == vote);
        rows.max_by(|one, other| one.of(MIX).rate().total_cmp(&other.of(MIX).rate()))
    };
    let told = |row: &Row| format!("{} {}", row.solver, with_interval(row.of(MIX)));
    let Some(best) = generic(false) else {
        return "The generic solvers were not there: only our own were let loose.".to_owned();
    };
    let vote = generic(true).map(told).unwrap_or_default();
    let solvers = measured.rows.iter().filter(|row| row.knows == Knowledge::Generic);
    let all: f64 = solvers.map(|row| row.milliseconds).sum();
    format!("Best generic solver: {}; {vote}. All of them take {all:.0} ms of CPU time a picture.", told(best))
}

fn in_order(rows: &[Row]) -> Vec<&Row> {
    let mut rows: Vec<_> = rows.iter().collect();
    let group = |row: &Row| match row.knows {
        Knowledge::Generic => 0,
        Knowledge::Nothing => 1,
        Knowledge::Drawing => 2,
    };
    // Those that know the drawings stay as their program lists them.
    let rate = |row: &Row| if row.knows == Knowledge::Drawing { 0.0 } else { row.of(MIX).rate() };
    rows.sort_by(|one, other| group(one).cmp(&group(other)).then(rate(other).total_cmp(&rate(one))));
    rows
}

fn knowledge(knows: Knowledge) -> &'static str {
    match knows {
        Knowledge::Generic => "sliders",
        Knowledge::Drawing => "the drawing",
        Knowledge::Nothing => "nothing",
    }
}

fn with_interval(tally: Tally) -> String {
    let (low, high) = tally.interval();
    format!("{} ({:.1}–{:.1})", percent(tally.rate()), 1e2 * low, 1e2 * high)
}

fn percent(rate: f64) -> String {
    format!("{:.1} %", 1e2 * rate)
}
