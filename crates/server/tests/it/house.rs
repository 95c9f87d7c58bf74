//! The server in this process, on a port of its own, with a clock that is moved by hand.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign::config::{Config, Flags};
use countersign::{House, Mode, OsEntropy};
use countersign_domain::ports::Authority;
use countersign_domain::testing::ManualClock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::client::Client;

/// A running server with `--dev`.
pub(crate) struct Running {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    pub(crate) dev: Value,
    pub(crate) folder: TempDir,
    pub(crate) reload: Arc<Notify>,
    pub(crate) authority: Arc<dyn Authority>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings, as environment variables.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), settings).await
    }

    /// In a folder that an earlier server may have left.
    pub(crate) async fn in_folder(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags = Flags {
            listen: Some("127.0.0.1:0".to_owned()),
            data: Some(folder.path().to_owned()),
            mode: Mode::Development,
        };
        let config = Config::load(None, settings, &flags).unwrap();
        let clock = ManualClock::new();
        let house =
            House::open(config, Mode::Development, None, Arc::<ManualClock>::clone(&clock), Arc::new(OsEntropy));
        let house = house.await.unwrap();
        let authority = house.authority();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (ready, announced) = oneshot::channel();
        let reload = Arc::new(Notify::new());
        let notified = Arc::clone(&reload);
        let serving = tokio::spawn(async move {
            let stop = async {
                let _gone = stopped.await;
            };
            house.serve(listener, stop, &notified, |_| ready.send(()).unwrap()).await.unwrap();
        });
        announced.await.unwrap();
        let dev = std::fs::read_to_string(folder.path().join("dev.json")).unwrap();
        Self { clock, address, dev: serde_json::from_str(&dev).unwrap(), folder, reload, authority, stop, serving }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) fn site_key(&self) -> &str {
        self.dev["site_key"].as_str().unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stopped().await;
    }

    /// Stops it; what it leaves.
    pub(crate) async fn stopped(self) -> TempDir {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
        self.folder
    }
}
