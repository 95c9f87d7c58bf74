//! Challenges over HTTP: how many at most, with wrk, and how long they take at half of that.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::paced;
use super::peers::at;
use crate::run::{output, program, root};
use crate::server::Server;
use crate::tools;

const CONNECTIONS: u32 = 16;

/// Seconds of wrk, and of the paced calls.
const SECONDS: u32 = 10;

/// Parts of a second in which Linux counts processor time, on every architecture.
const TICKS: f64 = 100.0;

/// What was measured, times in milliseconds.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Http {
    pub(super) requests_per_second: f64,
    /// Of the server's processor time, whatever else runs on the machine.
    pub(super) per_cpu_second: f64,
    pub(super) paced_per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

pub(super) fn measure(server: &Server) -> anyhow::Result<Http> {
    tools::load()?;
    let settings = std::fs::read_to_string(server.data().join("dev.json"))?;
    let settings: Value = serde_json::from_str(&settings)?;
    let word = |name: &str| settings[name].as_str().with_context(|| format!("{name} in dev.json"));
    let (endpoint, body) = (word("endpoint")?, json!({"site_key": word("site_key")?}).to_string());

    let _warm = saturate(endpoint, &body, 2)?;
    let before = processor_seconds(server.id())?;
    let wrk = saturate(endpoint, &body, SECONDS)?;
    let spent = processor_seconds(server.id())? - before;
    let Saturated { requests, per_second } = wrk;

    let paced_per_second = per_second / 2.0;
    let address = endpoint.strip_prefix("http://").context("an endpoint of plain HTTP")?;
    let mut latencies = paced::call(address, "/v1/challenges", &body, paced_per_second, CONNECTIONS, SECONDS)?;
    let (p50, p99) = (at(&mut latencies, 50), at(&mut latencies, 99));
    Ok(Http { requests_per_second: per_second, per_cpu_second: requests / spent, paced_per_second, p50, p99 })
}

/// What wrk counted.
struct Saturated {
    requests: f64,
    per_second: f64,
}

/// As many calls as the server answers.
fn saturate(endpoint: &str, body: &str, seconds: u32) -> anyhow::Result<Saturated> {
    let (connections, duration) = (format!("-c{CONNECTIONS}"), format!("-d{seconds}s"));
    let mut command = program("wrk", &["-t1", &connections, &duration, "-s"]);
    command.arg(root().join("xtask/peers/post.lua")).arg(format!("{endpoint}/v1/challenges"));
    read_wrk(&output(command.env("BODY", body))?)
}

fn read_wrk(printed: &str) -> anyhow::Result<Saturated> {
    ensure!(!printed.contains("Non-2xx") && !printed.contains("Socket errors"), "wrk was refused:\n{printed}");
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok()).context("a figure of wrk");
    let requests = printed.lines().find_map(|line| line.split_once(" requests in ")).map(|(number, _)| number);
    let per_second = printed.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Ok(Saturated { requests: number(requests)?, per_second: number(per_second)? })
}

/// The processor time of a process and all its threads.
fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let path = Path::new("/proc").join(process.to_string()).join("stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    // The second field is a name in brackets, which may hold anything; time in user and system are 14 and 15.
    let fields = text.rsplit_once(')').context("a name in brackets")?.1;
    let times: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    ensure!(times.len() == 2, "the times in {}", path.display());
    Ok(times.iter().sum::<f64>() / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "\
Running 4s test @ http://127.0.0.1:40001/v1/challenges
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    11.63ms    6.47ms  64.36ms   84.62%
    Req/Sec     1.42k   282.02     1.83k    72.50%
  5671 requests in 4.01s, 90.21MB read
Requests/sec:   1414.79
Transfer/sec:     22.51MB
";

    #[test]
    fn wrk_is_read_and_refusals_are_no_figures() {
        let Saturated { requests, per_second } = read_wrk(WRK).unwrap();
        assert_eq!((requests.to_bits(), per_second.to_bits()), (5671_f64.to_bits(), 1414.79_f64.to_bits()));
        assert!(read_wrk(&format!("{WRK}  Non-2xx or 3xx responses: 5\n")).is_err());
        assert!(read_wrk("").is_err());
    }

    #[test]
    fn a_process_has_spent_time() {
        assert!(processor_seconds(std::process::id()).unwrap() >= 0.0);
        assert!(processor_seconds(u32::MAX).is_err());
    }
}
