//! `cargo xtask`: what the project does to itself, the same on a desk and in CI.

mod attack;
mod bench;
mod layers;
mod prove;
mod run;
mod server;
mod snapshots;
mod test;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  test [STEP]     install what the tests need, and pass them all; or one step: format, layers, clippy, documentation,
                  tests, licences, openapi, browser, solvers
  layers          check that crates depend on each other in the documented direction only
  prove [NAME]    the long proofs: race, flood, enrolment, codes, codes-speed, delivery; all without a name
  bench [--check] what a challenge costs beside what registries offer, and over HTTP; --check: fail where a bound does not hold
  attack [--count N] [--levels 3|1-5] [--solvers attack.py] [--check] [--publish]
                  let solvers loose on N sliders (1000) of each level and door; --check: fail where one passes the gates;
                  --publish: hold the next release to what those solved that know the drawings
  attack --train  let a model learn from sliders, and print its rate over samples and CPU time
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::run(None),
        ["test", step] => test::run(Some(step)),
        ["layers"] => layers::run(),
        ["prove"] => prove::run(None),
        ["prove", name] => prove::run(Some(name)),
        ["bench", options @ ..] => bench::run(options),
        ["attack", options @ ..] => attack::run(options),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
