//! Solvers against our own challenges: the table that stands in `docs/resistance.md`.

use std::path::Path;

use anyhow::Context as _;

use crate::run::{cargo, must, program, target};
use crate::tools;

/// Draws 300 sliders of each door and runs the solvers of `script` on them, in a Python environment of their own.
pub(crate) fn run(script: &str) -> anyhow::Result<()> {
    let script = Path::new(script).canonicalize().with_context(|| format!("the solvers {script}"))?;
    let target = target()?;
    must(&mut cargo(&["build", "--locked", "--release", "--package", "countersign"]))?;
    let python = tools::python("attack", &script.with_file_name("requirements.txt"))?;
    for door in ["oneaccess", "native"] {
        let samples = target.join(format!("slider-{door}.jsonl"));
        let arguments = ["sample", "--type", "slider", "--count", "300", "--door", door, "--out"];
        must(program(target.join("release/countersign"), &arguments).arg(&samples))?;
        must(program(&python, &[]).arg(&script).args(["--type", "slider", "--jsonl"]).arg(&samples))?;
    }
    Ok(())
}
