//! The wiring: from settings to a server that can listen. What is outside (clock, randomness, listener, stop) is passed in.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use countersign_domain::app::AppId;
use countersign_domain::message::SenderName;
use countersign_domain::network::Network;
use countersign_domain::office_site::Occupied;
use countersign_domain::operations::{
    CodePorts, EnrolPolicy, Escalation, IssueChallenge, JudgeAnswer, Lifetimes, MachinePorts, OwnerPorts, PeoplePorts,
    Policy, Ports, RedeemTicket, SignIn, SignedCalls,
};
use countersign_domain::ports::{Authority, Clock, Directory, Entropy, Marks, Records, Reports};
use countersign_facades::{AlibabaSettings, Codes, Context, Facade, Machines, Owners, People, Tencent};
use countersign_senders::Inbox;
use countersign_stores::decisions::MemoryDecisions;
use countersign_stores::history::MemoryHistory;
use countersign_stores::memory::MemoryMarks;
use countersign_stores::nonces::KeptNonces;
use countersign_stores::throttle::MemoryThrottle;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use crate::agents::{AgentAuthority, Downloads, Reachable};
use crate::client_address::TrustedProxies;
use crate::config::{self, Config, Mode, SenderSettings};
use crate::delivery::{self, Doorbell, Inboxes, KeptReports, Lanes, ReportsDoor};
use crate::dev::{self, DevDoor, Identity};
use crate::directory::SnapshotDirectory;
use crate::http::Dispatcher;
use crate::id_tokens::IdTokenKeys;
use crate::listen::{self, Limits};
use crate::metrics::Metrics;
use crate::operations_door::OperationsDoor;
use crate::pages::Pages;
use crate::passwords::ArgonPasswords;
use crate::puzzles::DrawnPuzzles;
use crate::ready_puzzles::ReadyPuzzles;
use crate::session_signatures::RsaSignatures;
use crate::tls::Tls;
use crate::usage::UsageKeeper;
use crate::vault::Vault;
use crate::widget::Widget;

/// How often the records are asked whether a command beside the server changed something. Half of the second that is
/// promised.
const REFRESH: Duration = Duration::from_millis(500);

/// How often nonces are written behind: what a server that is killed may forget.
const WRITE_BEHIND: Duration = Duration::from_millis(100);

/// How often nonces whose time is over are forgotten, in ticks of [`WRITE_BEHIND`]: a minute.
const FORGET_EVERY: u32 = 600;

/// How long messages that are in senders' hands may still take when the last call has ended.
const LAST_MESSAGES: Duration = Duration::from_millis(1_500);

/// How often old install codes and sessions are looked for.
const SWEEP: Duration = Duration::from_hours(1);

/// An install code that nobody used is forgotten this long after its deadline.
const UNUSED: Duration = Duration::from_hours(30 * 24);

/// A session is forgotten this long after its time; until then the audit trail's words about it can be looked up.
const ENDED: Duration = Duration::from_hours(30 * 24);

/// How many accounts the limits on issuing remember at once: 1.5 MB, and more than a node gets to see in the minute after
/// which an account is empty again.
const LOCAL_ACCOUNTS: usize = 65_536;

/// How many addresses, networks and apps a node remembers deeds of: 3.5 MB.
const REMEMBERED: usize = 65_536;

/// A server that can listen.
pub struct House {
    config: Config,
    ports: Ports,
    policy: Policy,
    escalation: Arc<Escalation>,
    records: Arc<dyn Records>,
    machines: MachinePorts,
    codes: CodePorts,
    owners: OwnerPorts,
    senders: Vec<SenderSettings>,
    inbox: Arc<Inbox>,
    doorbell: Arc<Doorbell>,
    directory: Arc<SnapshotDirectory>,
    nonces: Arc<KeptNonces>,
    passwords: Arc<ArgonPasswords>,
    id_tokens: Arc<IdTokenKeys>,
    usage: UsageKeeper,
    signatures: Arc<RsaSignatures>,
    metrics: Arc<Metrics>,
    identity: Option<Identity>,
    authority: Arc<AgentAuthority>,
    tls: Tls,
}

/// What a server says once it takes calls.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// Where clients reach it.
    pub public_url: &'a str,
    /// The certificate of its own authority, where it has one, for clients to trust.
    pub ca: Option<&'a Path>,
    /// The pin of its public key, with HTTPS.
    pub pin: Option<&'a str>,
    /// The table of `dev.json`, under `--dev`.
    pub table: Option<&'a str>,
}

impl House {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open(
        config: Config,
        mode: Mode,
        master_key: Option<String>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> anyhow::Result<Self> {
        check_folder(&config, mode)?;
        let vault = Vault::open(&config.data, master_key, &*entropy)?;
        let authority = Arc::new(AgentAuthority::open(&vault, &*clock, Arc::clone(&entropy)).await?);
        let tls = Tls::open(&config, Arc::clone(&authority), Arc::clone(&clock))?;
        vault.ensure_sealing_key(&*clock, &*entropy).await?;
        let machines = vault.machines(Arc::clone(&clock), Arc::clone(&entropy)).await?;
        let owners = vault.owners(Arc::clone(&clock), Arc::clone(&entropy)).await?;
        let identity = match mode {
            Mode::Production => None,
            Mode::Development => {
                let identity = Identity::load(&config.data, &*entropy)?;
                identity.ensure(&*vault.records, &vault.master_key.load()?, &*clock, &*entropy).await?;
                identity.ensure_captcha_app(&vault, &*clock, &*entropy).await?;
                identity.ensure_agent(&machines, &*authority).await?;
                identity.ensure_owners(&owners).await?;
                // At once, not only when listening: the file marks the folder as one for trying things out.
                identity.write(&config.data)?;
                Some(identity)
            }
        };
        vault.ensure_captcha_apps(&*clock, &*entropy).await?;
        let directory = Arc::new(SnapshotDirectory::open(&*vault.records, vault.master_key.clone()).await?);
        let capacity = usize::try_from(config.marks.capacity).unwrap_or(usize::MAX);
        let marks: Arc<dyn Marks> = Arc::new(MemoryMarks::new(Arc::clone(&clock), &*entropy, capacity));
        let nonces = Arc::new(KeptNonces::restore(Arc::clone(&marks), &*vault.records, clock.now()).await?);
        let passwords = Arc::new(ArgonPasswords::new(Arc::clone(&entropy))?);
        let metrics = Arc::new(Metrics::new());
        let senders = delivery::settings(&config, mode)?;
        let doorbell = Arc::new(Doorbell::new(Arc::<Metrics>::clone(&metrics)));
        let codes = vault
            .codes(
                &config,
                &senders,
                Arc::<SnapshotDirectory>::clone(&directory),
                Arc::clone(&clock),
                Arc::clone(&entropy),
                Arc::<Doorbell>::clone(&doorbell),
            )
            .await?;
        let id_tokens = Arc::new(IdTokenKeys::open(&vault, Arc::clone(&clock), &*entropy).await?);
        let tally = Arc::<Metrics>::clone(&metrics);
        let usage = UsageKeeper::open(&vault, config.usage, Arc::clone(&clock), Arc::clone(&entropy), tally).await?;
        let inbox = Inbox::new(Arc::clone(&clock));
        let records = Arc::clone(&vault.records);
        let signatures = Arc::new(RsaSignatures::new(vault, Arc::clone(&clock), Arc::clone(&entropy)));
        let drawn = DrawnPuzzles::new(
            Arc::clone(&entropy),
            usize::try_from(config.challenges.drawing).unwrap_or(1),
            usize::try_from(config.challenges.waiting).unwrap_or(0),
        );
        let ports = Ports {
            directory: Arc::<SnapshotDirectory>::clone(&directory),
            marks,
            local_throttle: Arc::new(MemoryThrottle::new(Arc::clone(&clock), LOCAL_ACCOUNTS)),
            puzzles: Arc::new(ReadyPuzzles::new(drawn, usize::try_from(config.challenges.ready).unwrap_or(0))),
            clock,
            entropy,
            tally: Arc::<Metrics>::clone(&metrics),
        };
        let policy = Policy {
            lifetimes: Lifetimes {
                challenge: config::seconds(config.challenges.lifetime_seconds),
                ticket: config::seconds(config.tickets.lifetime_seconds),
                clock_skew: config::seconds(config.marks.clock_skew_seconds),
            },
            rates: config.rates.rates(),
            bind_address: config.tickets.bind_address,
        };
        let escalation = Arc::new(Escalation::new(
            config.escalation.policy(),
            Arc::new(MemoryHistory::new(Arc::clone(&ports.clock), REMEMBERED)),
            Arc::<MemoryDecisions>::default(),
            Arc::clone(&ports.clock),
            Arc::clone(&ports.tally),
        ));
        Ok(Self {
            config,
            ports,
            policy,
            escalation,
            records,
            machines,
            codes,
            owners,
            senders,
            inbox,
            doorbell,
            directory,
            nonces,
            passwords,
            id_tokens,
            usage,
            signatures,
            metrics,
            identity,
            authority,
            tls,
        })
    }

    /// Serves `listener` until `stop`; then finishes what is under way. Each time that `reload` is notified, the certificate
    /// is read again. `announce` is called once calls are taken.
    ///
    /// # Errors
    /// If the listener has no address, or `dev.json` cannot be written.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        reload: &Notify,
        announce: impl FnOnce(Announcement<'_>),
    ) -> anyhow::Result<()> {
        let address = listener.local_addr()?;
        let own_url = format!("{}://{address}", if self.config.tls.is_on() { "https" } else { "http" });
        let public_url = match self.config.public_url.as_str() {
            "" => own_url.clone(),
            url => url.to_owned(),
        };
        self.check_issuer().await;
        let stopping = Arc::new(AtomicBool::new(false));
        let reachable = self.reachable(&public_url);
        let context = self.context(&public_url, &reachable);
        let codes = &context.codes;
        let deliver = &codes.deliver_messages;
        let reports =
            |name: &SenderName| -> Arc<dyn Reports> { Arc::new(KeptReports::new(name.clone(), Arc::clone(deliver))) };
        let senders = delivery::build(
            &self.senders,
            &self.codes.keys,
            &public_url,
            &self.ports.clock,
            &self.ports.entropy,
            &self.inbox,
            reports,
        )?;
        let reports = ReportsDoor::new(Arc::clone(&self.codes.keys), Arc::clone(deliver), &senders);
        let lanes = Lanes::start(senders, deliver, &codes.keep_outbox, &self.doorbell);
        let stop_lanes = lanes.stopper();
        let mut doors = self.doors(context, reachable, lanes.inboxes(), &stopping)?;
        doors.push(Arc::new(reports));
        let dispatcher = Arc::new(Dispatcher::new(
            &doors,
            Arc::clone(&self.metrics),
            Arc::clone(&self.ports.clock),
            Arc::clone(&self.ports.entropy),
            self.proxies(),
            config::seconds(self.config.limits.body_seconds),
            config::seconds(self.config.limits.deadline_seconds),
        ));
        let table = match &self.identity {
            None => None,
            Some(identity) => {
                // On loopback, and never behind a proxy: the listener's own address is the address.
                let identity = identity.at(own_url);
                identity.write(&self.config.data)?;
                Some(identity.table()?)
            }
        };
        let handshake = self.tls.current();
        let pin = handshake.borrow().pin.map(|pin| pin.to_string());
        let announcement =
            Announcement { public_url: &public_url, ca: self.tls.ca(), pin: pin.as_deref(), table: table.as_deref() };
        announce(announcement);
        let stop = async {
            stop.await;
            stopping.store(true, Ordering::Relaxed);
            stop_lanes.send_replace(true);
        };
        let limits = Limits::of(&self.config.limits);
        tokio::select! {
            () = listen::run(listener, handshake, dispatcher, limits, stop) => {}
            () = refresh(&self.directory, &self.id_tokens, &*self.records) => {}
            () = write_behind(&self.nonces, &*self.records, &*self.ports.clock) => {}
            () = self.usage.keep(&self.records, &*self.ports.clock) => {}
            () = sweep(&*self.records, &*self.ports.clock) => {}
            () = self.tls.follow(reload) => {}
        }
        // They were told to stop when the listener was, and have had as long as its calls.
        lanes.finish(LAST_MESSAGES).await;
        // Until nothing is left: a flush that was under way has its batch, and others wait behind it.
        while self.nonces.flush(&*self.records).await.context("the nonces of the last calls")? > 0 {}
        self.usage.finish(&self.records).await;
        Ok(())
    }

    /// A word to the operator where id tokens are signed in the name of an address that may change.
    async fn check_issuer(&self) {
        let is_fixed = !self.config.public_url.is_empty() || self.identity.is_some();
        if !is_fixed && self.records.users(None, None, 1).await.is_ok_and(|users| !users.is_empty()) {
            tracing::warn!(
                "there are users, and public_url is empty: id tokens name the listener's address as their issuer"
            );
        }
    }

    /// Whom to believe about addresses, with a word to the operator where that is everybody.
    fn proxies(&self) -> TrustedProxies {
        let networks = self.config.trusted_proxies.clone();
        if networks.iter().any(Network::is_everything) {
            tracing::warn!(
                "trusted_proxies holds every address: any client can choose the address that it is counted under"
            );
        }
        TrustedProxies { networks, header: self.config.proxy_header }
    }

    /// What machines are told, in a server that clients reach at `public_url`.
    fn reachable(&self, public_url: &str) -> Arc<Reachable> {
        let handshake = self.tls.current();
        let pin = Box::new(move || handshake.borrow().pin);
        Arc::new(Reachable::new(public_url, &self.config.agents, pin))
    }

    /// What façades are built from, in a server that clients reach at `public_url`.
    fn context(&self, public_url: &str, reachable: &Arc<Reachable>) -> Context {
        let (ports, policy) = (&self.ports, self.policy);
        let enrol = EnrolPolicy { rates: policy.rates, certificate: config::days(self.config.agents.certificate_days) };
        let codes = self.config.install_codes.policy();
        let nonces = Arc::<KeptNonces>::clone(&self.nonces);
        let redeem_ticket = Arc::new(RedeemTicket::new(ports.clone(), policy));
        let codes_of_people = Codes::new(
            &self.codes,
            self.config.codes.policy(),
            self.config.delivery.policy(),
            self.config.codes.keep(),
            Arc::clone(&redeem_ticket),
            self.config.codes.default_calling_code().as_deref(),
        );
        let people = PeoplePorts {
            records: Arc::<dyn Records>::clone(&self.records),
            keys: Arc::clone(&self.codes.keys),
            passwords: Arc::<ArgonPasswords>::clone(&self.passwords),
            id_tokens: self.id_tokens.signer(public_url),
            signatures: Arc::<RsaSignatures>::clone(&self.signatures),
        };
        // Whoever tries things out attaches the same two networks again and again.
        let occupied = if self.identity.is_some() { Occupied::Replace } else { Occupied::Refuse };
        let issue_challenge = Arc::new(IssueChallenge::new(ports.clone(), policy, Arc::clone(&self.escalation)));
        let tencent = self.config.tencent.settings(public_url);
        Context {
            tencent: Tencent::new(ports, policy, &issue_challenge, &self.escalation, &redeem_ticket, tencent),
            people: People::new(ports, &people, &codes_of_people.check_code, policy, self.config.users.policy()),
            issue_challenge,
            judge_answer: Arc::new(JudgeAnswer::new(ports.clone(), policy, Arc::clone(&self.escalation))),
            escalation: Arc::clone(&self.escalation),
            redeem_ticket,
            usages: self.usage.usages(),
            owners: Owners::new(&self.owners, &codes_of_people, occupied),
            codes: codes_of_people,
            signed_calls: Arc::new(SignedCalls::new(ports.clone(), nonces, policy)),
            sign_in: Arc::new(SignIn::new(ports.clone(), Arc::<ArgonPasswords>::clone(&self.passwords), policy)),
            directory: Arc::clone(&ports.directory),
            machines: Machines::new(ports.clone(), &self.machines, &self.authority(), codes, enrol),
            invitation: Arc::<Reachable>::clone(reachable),
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            alibaba: AlibabaSettings {
                host_id: config::host(public_url).unwrap_or_default(),
                time_zone: self.config.alibaba.time_zone,
            },
            oneaccess: self.config.oneaccess.settings(),
        }
    }

    fn doors(
        &self,
        context: Context,
        reachable: Arc<Reachable>,
        inboxes: Inboxes,
        stopping: &Arc<AtomicBool>,
    ) -> anyhow::Result<Vec<Arc<dyn Facade>>> {
        let mut doors = countersign_facades::all(&context);
        doors.push(Arc::new(OperationsDoor {
            metrics: Arc::clone(&self.metrics),
            marks: Arc::clone(&self.ports.marks),
            records: Arc::clone(&self.records),
            clock: Arc::clone(&self.ports.clock),
            stopping: Arc::clone(stopping),
        }));
        doors.push(Arc::new(Downloads::new(
            reachable,
            &self.config.agents.folder(&self.config.data),
            Arc::clone(&self.ports.local_throttle),
            &self.policy.rates,
            Arc::clone(&self.ports.tally),
        )));
        doors.push(Arc::new(Widget::new().context("the widget's files")?));
        if let Some(identity) = &self.identity {
            let app = AppId::parse(&identity.site_key).context("dev.json: site_key is no app id")?;
            let key = identity.access_key()?;
            doors.push(Arc::new(Pages::new(&identity.site_key)));
            let inbox = Arc::clone(&self.inbox);
            doors.push(Arc::new(DevDoor { context, app, key, inbox, inboxes }));
        }
        Ok(doors)
    }

    /// The agents' certificate authority.
    pub fn authority(&self) -> Arc<dyn Authority> {
        Arc::<AgentAuthority>::clone(&self.authority)
    }

    /// Apps and keys, for tests that look inside.
    pub fn directory(&self) -> &dyn Directory {
        &*self.directory
    }
}

/// Follows the records; never ends.
async fn refresh(directory: &SnapshotDirectory, id_tokens: &IdTokenKeys, records: &dyn Records) {
    let mut tick = interval(REFRESH);
    // Whether the keys of id tokens are older than the snapshot: then they are read at every tick until it succeeds.
    let mut stale = false;
    loop {
        tick.tick().await;
        match directory.refresh(records).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("apps and keys have changed");
                stale = true;
            }
            // The last snapshot goes on serving.
            Err(error) => tracing::error!(%error, "could not read apps and keys"),
        }
        if stale {
            let read = id_tokens.refresh(records).await;
            stale = read.inspect_err(|error| tracing::error!(%error, "could not read the keys of id tokens")).is_err();
        }
    }
}

/// Writes nonces behind; never ends.
async fn write_behind(nonces: &KeptNonces, records: &dyn Records, clock: &dyn Clock) {
    let mut tick = interval(WRITE_BEHIND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in (0..FORGET_EVERY).cycle() {
        tick.tick().await;
        if let Err(error) = nonces.flush(records).await {
            tracing::error!(%error, "could not write the nonces of signed calls: they wait, and calls are refused once too many do");
        }
        if number == 0
            && let Err(error) = records.forget_nonces(clock.now()).await
        {
            tracing::error!(%error, "could not forget the nonces whose time is over");
        }
    }
}

/// Forgets install codes that nobody used, and sessions whose time is over; never ends.
async fn sweep(records: &dyn Records, clock: &dyn Clock) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = records.forget_install_codes(clock.now().minus(UNUSED)).await {
            tracing::error!(%error, "could not forget the install codes that nobody used");
        }
        loop {
            match records.forget_sessions(clock.now().minus(ENDED)).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(%error, "could not forget the sessions whose time is over");
                    break;
                }
            }
        }
    }
}

/// A folder with well-known keys must never serve others, and `--dev` must never write its keys into a folder that does.
fn check_folder(config: &Config, mode: Mode) -> anyhow::Result<()> {
    let is_dev = config.data.join(dev::FILE).exists();
    let is_used = config.data.join("records.sqlite").exists();
    let folder = config.data.display();
    match mode {
        Mode::Production if is_dev => {
            anyhow::bail!("{folder} was made with --dev and its keys are for trying things out: choose another --data")
        }
        Mode::Development if is_used && !is_dev => {
            anyhow::bail!(
                "{folder} was not made with --dev, which would put its own app and keys in: choose another --data"
            )
        }
        Mode::Development if !is_loopback(config.listen) => {
            anyhow::bail!("--dev listens on loopback only, and {} is not", config.listen)
        }
        Mode::Production | Mode::Development => Ok(()),
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}
