use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing_subscriber::EnvFilter;

use super::{Place, master_key_variable, stopped};
use crate::config::{Log, LogFormat, Mode};
use crate::house::{Announcement, House};
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
            let (listen, tls) = (config.listen, config.tls.is_on());
            let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
            let house = House::open(config, mode, master_key_variable(), clock, entropy).await?;
            let listener = TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}"))?;
            let reload = Arc::new(Notify::new());
            if tls {
                reload_at_hangup(Arc::clone(&reload))?;
            }
            house.serve(listener, stopped()?, &reload, announce).await
        })
    }
}

fn announce(Announcement { public_url, ca, pin, table }: Announcement<'_>) {
    let ca = ca.map(|ca| ca.display().to_string());
    tracing::info!(public_url, ca, pin, "listening");
    if let Some(table) = table {
        let mut out = std::io::stdout().lock();
        let trust = ca.map(|ca| format!("Clients must trust {ca}\n")).unwrap_or_default();
        // A server whose output nobody reads still serves.
        let _unread = writeln!(out, "Countersign is ready: {public_url}\n{trust}\n{table}").and_then(|()| out.flush());
    }
}

/// Has the certificate read again at SIGHUP. Only with TLS on: without, the signal ends the server, as it should when its
/// terminal closes.
fn reload_at_hangup(reload: Arc<Notify>) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reload.notify_one();
        }
    });
    Ok(())
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
