//! The test command: everything that must hold, cheapest first, with the minutes that each step took.

use std::time::Instant;

use anyhow::bail;

use crate::run::{cargo, must, program, root, target};
use crate::server::Server;
use crate::{attack, layers, snapshots, tools};

type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: &[Step] = &[
    ("format", || must(&mut cargo(&["fmt", "--all", "--check"]))),
    ("layers", layers::run),
    ("clippy", clippy),
    ("documentation", documentation),
    ("tests", tests),
    ("licences", licences),
    ("openapi", openapi),
    ("browser", browser),
    ("solvers", attack::check),
];

/// Runs every step, or the one that is named; the first that fails ends it.
#[expect(clippy::disallowed_methods, reason = "the minutes of a build are the machine's own")]
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<()> {
    let chosen: Vec<_> = STEPS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
        bail!("there is no such step: there are {}", names.join(", "));
    }
    let mut minutes = Vec::new();
    for (name, step) in chosen {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let outcome = step();
        minutes.push(format!("{name} {:.1}", start.elapsed().as_secs_f64() / 60.0));
        if outcome.is_err() {
            eprintln!("minutes: {}", minutes.join(", "));
            return outcome;
        }
    }
    eprintln!("\nminutes: {}", minutes.join(", "));
    Ok(())
}

fn clippy() -> anyhow::Result<()> {
    must(&mut cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))
}

fn documentation() -> anyhow::Result<()> {
    let arguments = ["doc", "--locked", "--workspace", "--all-features", "--no-deps", "--document-private-items"];
    must(cargo(&arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests() -> anyhow::Result<()> {
    tools::machine()?;
    tools::peers()?;
    let references = target()?.join("snapshots-looked-at");
    // Tests append to the list; what an earlier run looked at says nothing about this one.
    let _absent = std::fs::remove_file(&references);
    let arguments = ["test", "--locked", "--workspace", "--all-features"];
    must(cargo(&arguments).env("INSTA_UPDATE", "no").env("INSTA_SNAPSHOT_REFERENCES_FILE", &references))?;
    snapshots::refuse_unreferenced(&references)
}

fn licences() -> anyhow::Result<()> {
    tools::deny()?;
    // Not "advisories": they need a database from elsewhere, which a machine without a way out does not have.
    must(&mut cargo(&["deny", "--locked", "--all-features", "check", "bans", "licenses", "sources"]))
}

/// The API's description, held against a running server.
fn openapi() -> anyhow::Result<()> {
    let folder = root().join("tests/openapi");
    let python = tools::python("openapi", &folder.join("requirements.txt"))?;
    let server = Server::start("openapi-data")?;
    must(program(python, &[]).arg(folder.join("run.py")).arg(server.data()).current_dir(target()?.join("openapi")))?;
    server.stop()
}

fn browser() -> anyhow::Result<()> {
    tools::node()?;
    let browser = tools::browser()?;
    // With the features of the tests, so that nothing is compiled a second time.
    must(&mut cargo(&["build", "--locked", "--workspace", "--all-features"]))?;
    let folder = root().join("tests/browser");
    must(program("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    let binary = target()?.join("debug/countersign");
    must(program("npm", &["test"]).current_dir(&folder).env("COUNTERSIGN_BIN", binary).env("CHROMIUM", browser))
}
