//! What machines download: the install scripts and the programs. All of it is here only where machines may join the way
//! that this server is reached; whoever is on the way could otherwise give them another program.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::ports::{Event, LocalThrottle, Tally};
use countersign_domain::rates::{Limit, Limited, Rates};
use countersign_facades::{Facade, Invitation as _, Problem, Refusal, Request, Response, language_of};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::Reachable;
use super::programs::{Program, ProgramName, Programs};
use super::template::{fill, powershell, sh};

const SHELL: &str = include_str!("scripts/install.sh");
const POWERSHELL: &str = include_str!("scripts/install.ps1");
/// Where a vendor's documents send people for the script.
const VENDORS: &str = "/download/install/2.0/linux/AliAqsInstall.sh";

/// The door.
pub(crate) struct Downloads {
    reachable: Arc<Reachable>,
    programs: Arc<Programs>,
    throttle: Arc<dyn LocalThrottle>,
    rates: Rates,
    tally: Arc<dyn Tally>,
}

impl Downloads {
    pub(crate) fn new(
        reachable: Arc<Reachable>,
        folder: &Path,
        throttle: Arc<dyn LocalThrottle>,
        rates: &Rates,
        tally: Arc<dyn Tally>,
    ) -> Self {
        Self { reachable, programs: Arc::new(Programs::new(folder)), throttle, rates: *rates, tally }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        let vendor_form = self.reachable.settings().vendor_form;
        if request.path == VENDORS && !vendor_form {
            return Err(Problem::NotFound);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Problem::MethodNotAllowed("GET"));
        }
        if !self.reachable.is_open() {
            return Err(Problem::HttpsNeeded);
        }
        match request.path.as_str() {
            "/install.sh" => self.shell(false).await,
            VENDORS => self.shell(true).await,
            "/install.ps1" => self.powershell().await,
            path => {
                let name = path.strip_prefix("/agents/").and_then(ProgramName::parse).ok_or(Problem::NotFound)?;
                self.program(request, name).await
            }
        }
    }

    async fn shell(&self, vendor_form: bool) -> Result<Response, Problem> {
        let list = self.list().await?;
        let script = shell_script(&self.reachable, &list, vendor_form);
        script_answer(script, "text/x-shellscript; charset=utf-8")
    }

    async fn powershell(&self) -> Result<Response, Problem> {
        let list = self.list().await?;
        script_answer(powershell_script(&self.reachable, &list), "text/plain; charset=utf-8")
    }

    async fn program(&self, request: &Request, name: ProgramName) -> Result<Response, Problem> {
        self.admit(request).map_err(Problem::TooManyRequests)?;
        let is_head = request.method == Method::HEAD;
        let held = request.header(IF_NONE_MATCH.as_str());
        let known = self.blocking({
            let name = name.clone();
            move |programs| programs.look(&name)
        });
        let known = known.await?.ok_or(Problem::NotFound)?;
        if held == Some(tag(&known).as_str()) {
            return Ok(answer(StatusCode::NOT_MODIFIED, known));
        }
        if is_head {
            let length = HeaderValue::from(known.length);
            return Ok(answer(StatusCode::OK, known).with_value(CONTENT_LENGTH, length));
        }
        let program = self.blocking(move |programs| programs.load(&name)).await?.ok_or(Problem::NotFound)?;
        Ok(answer(StatusCode::OK, program))
    }

    /// Programs only: a script is short, and without the program that follows it nobody gets far.
    fn admit(&self, request: &Request) -> Result<(), Limited> {
        let limit = Limit::DownloadPerAddress;
        let Some(rule) = self.rates.rule(limit) else { return Ok(()) };
        let decision = self.throttle.throttle(limit.key_of_address(request.client), rule);
        limit.allows(decision).inspect_err(|_| self.tally.count(Event::Throttled(limit)))
    }

    async fn list(&self) -> Result<Vec<(ProgramName, String)>, Problem> {
        self.blocking(Programs::list).await
    }

    /// Has the programs read on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Programs) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let programs = Arc::clone(&self.programs);
        let read = tokio::task::spawn_blocking(move || read(&programs)).await;
        let read = read.map_err(io::Error::other).flatten();
        read.map_err(|error| {
            tracing::error!(%error, "could not read the programs for machines");
            Problem::Failed
        })
    }
}

/// The script for systems with a POSIX shell.
fn shell_script(
    reachable: &Reachable,
    programs: &[(ProgramName, String)],
    vendor_form: bool,
) -> anyhow::Result<String> {
    let lines = lines(programs);
    let values = [
        ("SERVER", sh(reachable.public_url())),
        ("PIN", sh(&pin(reachable))),
        ("PROGRAMS", sh(&lines)),
        ("VENDOR_FORM", sh(if vendor_form { "yes" } else { "no" })),
    ];
    fill(SHELL, &values)
}

/// The script for Windows.
fn powershell_script(reachable: &Reachable, programs: &[(ProgramName, String)]) -> anyhow::Result<String> {
    let values = [
        ("SERVER", powershell(reachable.public_url())),
        ("PIN", powershell(&pin(reachable))),
        ("PROGRAMS", powershell(&lines(programs))),
    ];
    fill(POWERSHELL, &values)
}

/// A line each: system, processor, hash.
fn lines(programs: &[(ProgramName, String)]) -> String {
    let line = |(name, hash): &(ProgramName, String)| {
        let (os, architecture) = name.words();
        format!("{os} {architecture} {hash}")
    };
    programs.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn pin(reachable: &Reachable) -> String {
    reachable.pin().map(|pin| pin.to_string()).unwrap_or_default()
}

fn script_answer(script: anyhow::Result<String>, media_type: &'static str) -> Result<Response, Problem> {
    match script {
        Ok(script) => Ok(Response::new(StatusCode::OK, media_type, script)),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "an install script cannot be filled in");
            Err(Problem::Failed)
        }
    }
}

fn tag(program: &Program) -> String {
    format!("\"{}\"", program.hash)
}

fn answer(status: StatusCode, program: Program) -> Response {
    let tag = HeaderValue::try_from(tag(&program));
    let answer =
        Response::new(status, "application/octet-stream", program.bytes).with_header(CACHE_CONTROL, "no-cache");
    match tag {
        Ok(tag) => answer.with_value(ETAG, tag),
        Err(_) => answer,
    }
}

#[async_trait]
impl Facade for Downloads {
    fn name(&self) -> &'static str {
        "downloads"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/agents/*", "/install.ps1", "/install.sh", VENDORS]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.run(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[cfg(test)]
mod tests;
