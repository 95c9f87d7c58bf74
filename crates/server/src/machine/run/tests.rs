use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domain::secret::Secret;
use countersign_domain::testing::ManualClock;
use countersign_facades::Language;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::config::{Config, Flags};
use crate::{House, Mode, OsEntropy};

const HOUR: Duration = Duration::from_hours(1);

/// A server with `--dev` and a machine, which share a clock.
struct Both {
    clock: Arc<ManualClock>,
    address: SocketAddr,
    code: String,
    folder: Folder,
    said: Mutex<Vec<String>>,
    places: (TempDir, TempDir),
    _stop: oneshot::Sender<()>,
}

impl Both {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (data, machine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clock = ManualClock::new();
        let (stop, stopped) = oneshot::channel();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags = Flags {
            listen: Some("127.0.0.1:0".to_owned()),
            data: Some(data.path().to_owned()),
            mode: Mode::Development,
        };
        let config = Config::load(None, settings, &flags).unwrap();
        let house =
            House::open(config, Mode::Development, None, Arc::<ManualClock>::clone(&clock), Arc::new(OsEntropy));
        let house = house.await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let stop = async {
                let _gone = stopped.await;
            };
            house.serve(listener, stop, &Notify::new(), |_| {}).await.unwrap();
        });
        let code = install_code(address, data.path(), "{}").await;
        let folder = Folder::at(machine.path());
        Self { clock, address, code, folder, said: Mutex::default(), places: (data, machine), _stop: stop }
    }

    fn surroundings(&self) -> Surroundings {
        let clock = Arc::<ManualClock>::clone(&self.clock);
        Surroundings { clock, entropy: Arc::new(OsEntropy), language: Language::English }
    }

    async fn join(&self) -> Identity {
        match self.join_with(&self.code).await {
            Outcome::Joined(identity) => identity,
            Outcome::Staged => panic!("the code is not for images"),
        }
    }

    async fn join_with(&self, code: &str) -> Outcome {
        let join = Join {
            folder: &self.folder,
            address: Address::parse(&format!("http://{}", self.address)).unwrap(),
            trust: Trust::System,
            code: Secret::new(code.to_owned()),
            staged: false,
            patience: Some(Duration::ZERO),
            surroundings: self.surroundings(),
        };
        join.run(|said: &str| self.said.lock().push(said.to_owned())).await.unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.places.1.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// One heartbeat of what the folder holds.
    async fn attend(&self) -> anyhow::Result<Identity> {
        let identity = self.folder.identity().unwrap().unwrap();
        let run = Run { folder: &self.folder, surroundings: self.surroundings() };
        let attended = run.attend(identity, &|said: &str| self.said.lock().push(said.to_owned())).await;
        attended.map(|attended| attended.expect("no other command is at work").0)
    }
}

/// A code of the app in `dev.json`, as its owner makes one.
async fn install_code(address: SocketAddr, data: &Path, wishes: &str) -> String {
    let dev = std::fs::read_to_string(data.join("dev.json")).unwrap();
    let dev: serde_json::Value = serde_json::from_str(&dev).unwrap();
    let word = |name: &str| dev[name].as_str().unwrap().to_owned();
    let key = STANDARD.encode(format!("{}:{}", word("access_key_id"), word("access_key_secret")));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /v1/install-codes HTTP/1.1\r\nhost: x\r\nauthorization: Basic {key}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{wishes}",
        wishes.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let made: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    made["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_certificate_is_renewed_when_the_server_says_so_and_the_new_pair_works() {
    let both = Both::start(&[("COUNTERSIGN__AGENTS__CERTIFICATE_DAYS", "3")]).await;
    let joined = both.join().await;
    let same = both.attend().await.unwrap();
    assert_eq!(same.certificate, joined.certificate);
    both.clock.advance(HOUR * 25);
    let renewed = both.attend().await.unwrap();
    assert_ne!(renewed.certificate, joined.certificate);
    assert_ne!(renewed.key.expose(), joined.key.expose());
    assert_eq!((&renewed.agent_id, &renewed.ca), (&joined.agent_id, &joined.ca));
    let kept = both.folder.identity().unwrap().unwrap();
    assert_eq!((&kept.certificate, kept.key.expose()), (&renewed.certificate, renewed.key.expose()));
    assert_eq!(*both.said.lock(), [format!("the certificate is renewed until {}", renewed.expires_at)]);
    // Beyond the first certificate's time: only the second can be heard.
    both.clock.advance(HOUR * 50);
    let refused = beat(&joined, &both.surroundings()).await.err().unwrap();
    assert_eq!(
        words::explained(&refused, &joined.expires_at, Language::English),
        format!(
            "the server does not take the certificate, which holds until {}: join anew with --again",
            joined.expires_at
        )
    );
    assert_ne!(both.attend().await.unwrap().certificate, renewed.certificate);
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_asked_for_again() {
    let both = Both::start(&[("COUNTERSIGN__AGENTS__CERTIFICATE_DAYS", "3")]).await;
    let joined = both.join().await;
    both.clock.advance(HOUR * 25);
    let body = serde_json::json!({ "csr": both.folder.renewal(&joined.agent_id).unwrap().unwrap().csr }).to_string();
    let server = Server::of(&joined, &joined.endpoint, &both.surroundings()).unwrap();
    let lost: Renewed = server.post(RENEW, body.into_bytes()).await.unwrap();
    let renewed = both.attend().await.unwrap();
    assert_eq!((&renewed.certificate, both.folder.is_renewing()), (&lost.certificate, false));
    assert_eq!(both.attend().await.unwrap().certificate, lost.certificate);
}

#[tokio::test]
async fn an_endpoint_is_followed_only_to_where_the_server_answers() {
    let both = Both::start(&[("COUNTERSIGN__AGENTS__ENDPOINTS", "vendor:ALIYUN=http://127.0.0.1:1")]).await;
    let mut identity = both.join().await;
    assert_eq!(identity.endpoint, "http://127.0.0.1:1", "what the server says at the beginning");
    // Nobody is there: what worked once goes on to work, and the server's word stays what it was.
    assert_eq!(both.attend().await.unwrap().endpoint, identity.endpoint);
    assert_eq!(*both.said.lock(), Vec::<String>::new());
    // As if the setting had come later.
    identity.endpoint = format!("http://{}", both.address);
    both.folder.keep_identity(&identity).unwrap();
    let after = both.attend().await.unwrap();
    assert_eq!(after.endpoint, identity.endpoint);
    assert!(both.said.lock()[0].starts_with("http://127.0.0.1:1: http://127.0.0.1:1: "), "{:?}", both.said.lock());

    let both = Both::start(&[]).await;
    let mut identity = both.join().await;
    let told = identity.endpoint.clone();
    identity.endpoint = told.replace("127.0.0.1", "localhost");
    both.folder.keep_identity(&identity).unwrap();
    assert_eq!(both.attend().await.unwrap().endpoint, told);
    assert_eq!(both.folder.identity().unwrap().unwrap().endpoint, told);
    assert_eq!(*both.said.lock(), [format!("the server is at {told} from now on")]);
}

#[tokio::test]
async fn who_has_left_is_nobody_and_the_server_knows() {
    let both = Both::start(&[]).await;
    let identity = both.join().await;
    leave(&both.folder, &identity, &both.surroundings()).await.unwrap().unwrap();
    assert!(both.folder.identity().unwrap().is_none());
    assert_eq!(both.files(), Vec::<String>::new());
    let refused = beat(&identity, &both.surroundings()).await.err().unwrap();
    assert!(refused.downcast_ref::<CallError>().unwrap().is("agent-gone"), "{refused:#}");
}

/// An agent that knows no address where its server is.
fn lost(identity: Identity) -> Identity {
    Identity { endpoint: "https://127.0.0.1:1".to_owned(), joined_by: "https://127.0.0.1:2".to_owned(), ..identity }
}

#[tokio::test]
async fn an_endpoint_where_nobody_is_does_not_lose_the_agent() {
    let both = Both::start(&[
        ("COUNTERSIGN__AGENTS__ENDPOINTS", "vendor:ALIYUN=http://127.0.0.1:1"),
        ("COUNTERSIGN__AGENTS__CERTIFICATE_DAYS", "3"),
    ])
    .await;
    let joined = both.join().await;
    both.clock.advance(HOUR * 25);
    let renewed = both.attend().await.unwrap();
    assert_ne!(renewed.certificate, joined.certificate);
    assert_eq!(beat(&renewed, &both.surroundings()).await.unwrap().at, format!("http://{}", both.address));
    // The first address is the one to mend.
    let unreachable = beat(&lost(renewed.clone()), &both.surroundings()).await.err().unwrap();
    assert!(unreachable.to_string().starts_with("https://127.0.0.1:1: "), "{unreachable:#}");
    leave(&both.folder, &renewed, &both.surroundings()).await.unwrap().unwrap();
    // Its server's no is believed there, too.
    let refused = beat(&renewed, &both.surroundings()).await.err().unwrap();
    assert!(refused.downcast_ref::<CallError>().unwrap().is("agent-gone"), "{refused:#}");
}

#[tokio::test]
async fn an_image_holds_no_identity_and_the_server_knows() {
    let both = Both::start(&[]).await;
    let image = install_code(both.address, both.places.0.path(), r#"{"only_image":true}"#).await;
    let live = both.join().await;
    both.folder.renewal(&live.agent_id).unwrap().unwrap();
    assert!(matches!(both.join_with(&image).await, Outcome::Staged));
    assert_eq!(both.files(), ["staged.json"]);
    let refused = beat(&live, &both.surroundings()).await.err().unwrap();
    assert!(refused.downcast_ref::<CallError>().unwrap().is("agent-gone"), "{refused:#}");

    // Gone before: then nobody has to be told.
    both.folder.keep_identity(&live).unwrap();
    assert!(matches!(both.join_with(&image).await, Outcome::Staged));
    assert_eq!(both.files(), ["staged.json"]);
    assert_eq!(*both.said.lock(), Vec::<String>::new());

    // Away: then it is staged all the same.
    both.folder.keep_identity(&lost(live)).unwrap();
    assert!(matches!(both.join_with(&image).await, Outcome::Staged));
    assert_eq!(both.files(), ["staged.json"]);
    let said = both.said.lock();
    assert!(
        said[0].starts_with("this machine has left, and the server could not be told: https://127.0.0.1:1"),
        "{said:?}"
    );
}

#[tokio::test]
async fn an_agent_at_work_does_not_undo_what_another_command_did() {
    let both = Both::start(&[]).await;
    let old = both.join().await;
    let new = match both.join_with(&install_code(both.address, both.places.0.path(), "{}").await).await {
        Outcome::Joined(identity) => identity,
        Outcome::Staged => panic!("the code is not for images"),
    };
    let run = Run { folder: &both.folder, surroundings: both.surroundings() };
    // News for an agent that the machine is no more.
    let heard = run.attend(Identity { group: "another".to_owned(), ..old.clone() }, &|_: &str| {}).await.unwrap();
    assert!(heard.is_none());
    assert!(run.renew(&old).await.unwrap().is_none());
    assert_eq!(both.folder.identity().unwrap().unwrap().agent_id, new.agent_id);
    assert_eq!(both.files(), ["identity.json"]);
}
