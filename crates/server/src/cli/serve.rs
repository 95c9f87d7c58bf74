use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Place, master_key_variable};
use crate::config::{Log, LogFormat, Mode};
use crate::house::House;
use crate::system::{OsEntropy, SystemClock};

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Place,
    /// The address to listen on
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// For trying things out, on loopback only: an app with keys, a demo page at /, answers for tests at /dev; all of it is
    /// written to dev.json in the data folder
    #[arg(long)]
    dev: bool,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mode = if self.dev { Mode::Development } else { Mode::Production };
        let config = self.place.config(self.listen, mode)?;
        start_log(&config.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let listen = config.listen;
            let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
            let house = House::open(config, mode, master_key_variable(), clock, entropy).await?;
            let listener = TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}"))?;
            house.serve(listener, stopped()?, announce).await
        })
    }
}

fn announce(public_url: &str, table: Option<&str>) {
    tracing::info!(public_url, "listening");
    if let Some(table) = table {
        let mut out = std::io::stdout().lock();
        // A server whose output nobody reads still serves.
        let _unread = writeln!(out, "Countersign is ready: {public_url}\n\n{table}").and_then(|()| out.flush());
    }
}

/// Ends at SIGTERM or at an interrupt from the keyboard.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn start_log(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level).with_context(|| format!("log.level: {:?} is no filter", log.level))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("could not start the log: {error}"))
}
