//! What a challenge costs beside what registries offer, and what is left of that over HTTP: the figures of `docs/speed.md`.
//!
//! Machines differ, and so does one from one minute to the next. So everything is told as a ratio to one PNG encode that was
//! timed in turns with it, and what is told of HTTP is held against the same run.

mod http;
mod paced;
mod peers;

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::run::{cargo, must, output, print, program, target};
use crate::server::Server;
use http::Http;
use peers::Peer;

/// Seconds for each row of our own bench.
const SECONDS: &str = "10";

/// How many pictures the yardstick encodes by turns.
const PICTURES: &str = "32";

/// What has to hold: the largest ratio of a whole challenge to one PNG encode, and the most bytes of its two files.
const MOST_JPEG: f64 = 2.5;
const MOST_PNG: f64 = 3.0;
const MOST_BYTES: f64 = 20_000.0;

/// And over HTTP: the share of what one core draws that is left of it, and how many times the median challenge the slowest of
/// a hundred calls may take at half the load that saturates.
const LEAST_SHARE: f64 = 0.8;
const MOST_WAIT: f64 = 6.0;

/// A row of `countersign bench --json`, as far as it is read.
#[derive(Deserialize, Serialize)]
struct Own {
    r#type: String,
    format: String,
    ms_median: f64,
    ms_p99: f64,
    bytes_median: f64,
    per_second: f64,
    ratio: f64,
}

/// One run.
#[derive(Serialize)]
struct Measured {
    own: Vec<Own>,
    peers: Vec<Peer>,
    http: Http,
}

/// Something that has to hold, and by how much it does.
struct Bound {
    what: &'static str,
    measured: f64,
    allowed: f64,
    holds: bool,
}

/// `cargo xtask bench`: `--check` fails where a bound does not hold.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let check = match words {
        [] => false,
        ["--check"] => true,
        _ => bail!("bench knows only --check"),
    };
    must(&mut cargo(&["build", "--locked", "--release", "--package", "countersign"]))?;
    let target = target()?;
    let binary = target.join("release/countersign");
    let own = own(&output(&mut program(&binary, &["bench", "--type", "slider", "--seconds", SECONDS, "--json"]))?)?;
    let samples = target.join("bench-samples.jsonl");
    let arguments = ["sample", "--type", "slider", "--door", "oneaccess", "--count", PICTURES, "--out"];
    must(program(&binary, &arguments).arg(&samples))?;
    let peers = peers::measure(&samples)?;
    let server = Server::start_release("bench-data")?;
    let http = http::measure(&server)?;
    server.stop()?;

    let measured = Measured { own, peers, http };
    let path = target.join("bench.json");
    std::fs::write(&path, serde_json::to_string_pretty(&measured)?).with_context(|| path.display().to_string())?;
    eprintln!("as JSON: {}", path.display());
    print(&measured.tables()?)?;
    let broken: Vec<_> = measured.bounds()?.into_iter().filter(|bound| !bound.holds).map(|bound| bound.what).collect();
    if check && !broken.is_empty() {
        bail!("does not hold: {}", broken.join("; "));
    }
    Ok(())
}

fn own(printed: &str) -> anyhow::Result<Vec<Own>> {
    printed.lines().map(|line| serde_json::from_str(line).context("a row of the bench")).collect()
}

impl Measured {
    /// The tables of `docs/speed.md`.
    fn tables(&self) -> anyhow::Result<String> {
        let mut out = "| what | p50 ms | p99 ms | bytes | × one PNG encode |\n|---|--:|--:|--:|--:|\n".to_owned();
        for Own { r#type, format, ms_median, ms_p99, bytes_median, ratio, .. } in &self.own {
            writeln!(out, "| {type} {format} | {ms_median:.3} | {ms_p99:.3} | {bytes_median:.0} | {ratio:.2} |")?;
        }
        for Peer { name, milliseconds, slowest, bytes, ratio } in &self.peers {
            writeln!(out, "| {name} | {milliseconds:.3} | {slowest:.3} | {bytes:.0} | {ratio:.2} |")?;
        }
        let Http { requests_per_second, per_cpu_second, paced_per_second, p50, p99 } = self.http;
        writeln!(
            out,
            "\nOver HTTP the server gave out {per_cpu_second:.0} challenges per second of its CPU time ({requests_per_second:.0} a \
             second by the clock); at {paced_per_second:.0} a second p50 was {p50:.2} ms, p99 {p99:.2} ms.\n",
        )?;
        writeln!(out, "| bound | measured | allowed | |\n|---|--:|--:|---|")?;
        for Bound { what, measured, allowed, holds } in self.bounds()? {
            writeln!(
                out,
                "| {what} | {measured:.2} | {allowed:.2} | {} |",
                if holds { "holds" } else { "does NOT hold" }
            )?;
        }
        Ok(out)
    }

    fn bounds(&self) -> anyhow::Result<Vec<Bound>> {
        let own = |format: &str| {
            let row = self.own.iter().find(|row| row.r#type == "slider" && row.format == format);
            row.with_context(|| format!("a row slider {format}"))
        };
        let (jpeg, png) = (own("jpeg")?, own("png")?);
        let most = |what, measured, allowed| Bound { what, measured, allowed, holds: measured <= allowed };
        let share = self.http.per_cpu_second / jpeg.per_second;
        Ok(vec![
            most("JPEG, times one PNG encode", jpeg.ratio, MOST_JPEG),
            most("PNG, times one PNG encode", png.ratio, MOST_PNG),
            most("bytes of JPEG and piece", jpeg.bytes_median, MOST_BYTES),
            Bound {
                what: "per CPU second over HTTP, share of what one thread draws",
                measured: share,
                allowed: LEAST_SHARE,
                holds: share >= LEAST_SHARE,
            },
            most(
                "p99 at half the saturating load, times the median challenge",
                self.http.p99 / jpeg.ms_median,
                MOST_WAIT,
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(jpeg: f64, png: f64, bytes: f64, per_cpu_second: f64, p99: f64) -> Measured {
        let row = |kind: &str, format: &str, ratio| {
            format!(
                r#"{{"type":"{kind}","format":"{format}","level":3,"n":99,"ms_median":0.5,"ms_p99":0.9,"per_second":2000.0,"bytes_median":{bytes},"ratio":{ratio}}}"#
            )
        };
        let printed = [row("reference", "png", 1.0), row("slider", "jpeg", jpeg), row("slider", "png", png)];
        let http = Http { requests_per_second: 900.0, per_cpu_second, paced_per_second: 450.0, p50: 1.0, p99 };
        Measured { own: own(&printed.join("\n")).unwrap(), peers: Vec::new(), http }
    }

    #[test]
    fn each_bound_holds_up_to_its_end_and_not_beyond() {
        let broken = |measured: Measured| -> Vec<_> {
            measured
                .bounds()
                .unwrap()
                .into_iter()
                .enumerate()
                .filter(|(_, bound)| !bound.holds)
                .map(|(at, _)| at)
                .collect()
        };
        assert_eq!(broken(measured(2.5, 3.0, 20_000.0, 1600.0, 3.0)), [0; 0]);
        assert_eq!(broken(measured(2.51, 3.0, 20_000.0, 1600.0, 3.0)), [0]);
        assert_eq!(broken(measured(2.5, 3.01, 20_000.0, 1600.0, 3.0)), [1]);
        assert_eq!(broken(measured(2.5, 3.0, 20_001.0, 1600.0, 3.0)), [2]);
        assert_eq!(broken(measured(2.5, 3.0, 20_000.0, 1599.0, 3.0)), [3]);
        assert_eq!(broken(measured(2.5, 3.0, 20_000.0, 1600.0, 3.01)), [4]);
        assert!(Measured { own: Vec::new(), ..measured(1.0, 1.0, 1.0, 1.0, 1.0) }.bounds().is_err());
    }
}
