//! Codes: whole sends and checks, by 64 callers at once, from the operation to the disk, beside a bare loop that inserts the same
//! rows in groups of 64.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use countersign_domain::app::{App, AppId};
use countersign_domain::audit::AuditEntry;
use countersign_domain::code::{CodeId, CodePurpose};
use countersign_domain::contact::Contact;
use countersign_domain::language::Language;
use countersign_domain::operations::{Actor, CheckCode, CodePorts, CodeVerdict, NewCode, SendCode};
use countersign_domain::ports::{Clock, CodeNamed, Entropy};
use countersign_domain::throttle::Rule;
use countersign_domain::verified_contact::Customer;
use countersign_stores::sqlite::yardstick::Yardstick;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Row;
use crate::cli::post::Nobody;
use crate::config::{Config, Flags, Mode};
use crate::delivery;
use crate::directory::SnapshotDirectory;
use crate::system::{OsEntropy, SystemClock};
use crate::vault::Vault;

/// Callers at once.
const CALLERS: u32 = 64;
/// Codes of a turn.
const TURN: u32 = 20 * CALLERS;

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}

/// Measures sends and checks for `seconds`, in turns with their yardsticks: two tables.
pub(super) fn rows(seconds: u32) -> anyhow::Result<[Vec<Row>; 2]> {
    let entropy: &dyn Entropy = &OsEntropy;
    let name = u64::from_be_bytes(entropy.array());
    let folder = Folder(std::env::temp_dir().join(format!("countersign-bench-{name:016x}")));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let post = Post::open(&runtime, &folder)?;
    let mut yardstick = Yardstick::open(&folder.0.join("yardstick.sqlite"))?;
    let clock = SystemClock::new();
    let [mut sends, mut checks] =
        ["send", "check"].map(|kind| [Row::of_signature("reference"), Row::of_signature(kind)]);
    let end = clock.monotonic() + Duration::from_secs(u64::from(seconds));
    for turn in 0.. {
        let timed = |row: &mut Row, start: Duration| {
            // The first turns warm caches and are thrown away.
            if turn >= 2 {
                row.times.push(clock.monotonic().saturating_sub(start) / TURN);
                row.bytes.push(0);
            }
        };
        let drafts = yardstick.drafts(TURN);
        let start = clock.monotonic();
        yardstick.sends(&drafts)?;
        timed(&mut sends[0], start);
        let start = clock.monotonic();
        let codes = runtime.block_on(post.send_all(turn))?;
        timed(&mut sends[1], start);
        let typed = runtime.block_on(post.read_all(codes))?;
        let drafts = yardstick.drafts(TURN);
        let start = clock.monotonic();
        yardstick.checks(&drafts)?;
        timed(&mut checks[0], start);
        let start = clock.monotonic();
        runtime.block_on(post.check_all(typed))?;
        timed(&mut checks[1], start);
        if clock.monotonic() > end && turn > 4 {
            break;
        }
    }
    Ok([sends.into(), checks.into()])
}

/// What callers share.
#[derive(Clone)]
struct Post {
    app: Arc<App>,
    ports: CodePorts,
    send_code: Arc<SendCode>,
    check_code: Arc<CheckCode>,
}

impl Post {
    /// Everything that a server has, with every limit on, and none that is reached.
    fn open(runtime: &Runtime, folder: &Folder) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let flags = Flags { data: Some(folder.0.clone()), ..Flags::default() };
        let config = Config::load(None, [], &flags)?;
        let vault = Vault::open(&folder.0, None, &OsEntropy)?;
        let senders = delivery::settings(&config, Mode::Development)?;
        let id = AppId::parse("bench").context("an app id")?;
        let app = App { id, name: "bench".to_owned(), tenant: None, enabled: true, created_at: clock.now() };
        let audit = AuditEntry::new(clock.now(), "bench", "app.created", "bench");
        let ports = runtime.block_on(async {
            vault.ensure_sealing_key(&*clock, &OsEntropy).await?;
            vault.records.create_app(app.clone(), audit).await?;
            let directory = Arc::new(SnapshotDirectory::open(&*vault.records, vault.master_key.clone()).await?);
            vault.codes(&config, &senders, directory, Arc::clone(&clock), Arc::new(OsEntropy), Arc::new(Nobody)).await
        })?;
        let mut policy = config.codes.policy();
        let never = Some(Rule { burst: u32::MAX, interval: Duration::from_millis(1) });
        (policy.rates.per_app, policy.rates.per_country, policy.rates.spend_per_app) = (never, never, never);
        let policy = Arc::new(policy);
        let send_code = Arc::new(SendCode::new(ports.clone(), Arc::clone(&policy), None));
        let check_code = Arc::new(CheckCode::new(ports.clone(), policy));
        Ok(Self { app: Arc::new(app), ports, send_code, check_code })
    }

    /// Sends the codes of a turn, each to a number of its own.
    async fn send_all(&self, turn: u32) -> anyhow::Result<Vec<CodeId>> {
        let purpose = CodePurpose::parse("signup").context("a purpose")?;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (post, purpose) = (self.clone(), purpose.clone());
            callers.spawn(async move {
                let mut codes = Vec::new();
                for call in 0..TURN / CALLERS {
                    let number = u64::from(turn) * u64::from(TURN) + u64::from(call * CALLERS + caller);
                    let to = Contact::parse(&format!("+86139{:08}", number % 100_000_000))?;
                    let new = NewCode {
                        app: &post.app,
                        to: &to,
                        purpose: purpose.clone(),
                        resource: None,
                        consent: None,
                        language: Language::Chinese,
                        payment: None,
                        person: None,
                        rules: None,
                        idempotency: None,
                        by: Actor { name: "bench", detail: "" },
                    };
                    codes.push(post.send_code.run(new).await?.id);
                }
                anyhow::Ok(codes)
            });
        }
        Ok(callers.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat())
    }

    /// What their receivers would read.
    async fn read_all(&self, codes: Vec<CodeId>) -> anyhow::Result<Vec<(CodeId, String)>> {
        let mut typed = Vec::with_capacity(codes.len());
        for id in codes {
            let code = self.ports.records.code(id).await?;
            let sealed = code.sealed_digits.context("a code that was sent just now")?;
            typed.push((id, self.ports.keys.open_digits(id, &sealed)?.expose().to_owned()));
        }
        Ok(typed)
    }

    /// Checks them, each of which is right.
    async fn check_all(&self, typed: Vec<(CodeId, String)>) -> anyhow::Result<()> {
        let mut callers = JoinSet::new();
        for share in typed.chunks(typed.len().div_ceil(usize::try_from(CALLERS)?)) {
            let (post, share) = (self.clone(), share.to_vec());
            callers.spawn(async move {
                for (id, digits) in share {
                    let named = CodeNamed::Id(post.app.id.clone(), id);
                    let by = Actor { name: "bench", detail: "" };
                    let verdict = post.check_code.run(named, &digits, Some(Customer::default()), by).await?;
                    anyhow::ensure!(
                        matches!(verdict, CodeVerdict::Right { verified: Some(_), .. }),
                        "a right code is right"
                    );
                }
                anyhow::Ok(())
            });
        }
        callers.join_all().await.into_iter().collect()
    }
}
