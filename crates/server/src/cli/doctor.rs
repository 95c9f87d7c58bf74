//! Looks at everything a server needs, changes nothing, and says in a sentence what is wrong and what to do.

mod machines;
mod senders;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use clap::Args;
use countersign_domain::ports::{AuditRecords as _, Clock as _, DirectoryRecords as _, UserRecords as _};
use countersign_domain::time::Timestamp;
use countersign_stores::sqlite::SqliteRecords;
use serde_json::json;

use super::{Place, block_on, master_key_variable};
use crate::config::{self, Config};
use crate::directory::SnapshotDirectory;
use crate::master_key::MasterKeySource;
use crate::system::SystemClock;
use crate::tls::{Pin, Tls};

/// How long whoever listens on our address may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// No server of this version ran before 2026-01-01.
const EARLIEST: Timestamp = Timestamp::from_milliseconds(1_767_225_600_000);

#[derive(Args)]
pub(super) struct Doctor {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What a check found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finding {
    Well,
    /// Nothing is broken, but the operator may want to know.
    Note,
    Wrong,
}

impl Finding {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// A check's name, what it found, and the sentence.
type Line = (&'static str, Finding, String);

impl Doctor {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let lines = examine(&self.place);
        let mut out = std::io::stdout().lock();
        for (check, finding, sentence) in &lines {
            if self.json {
                writeln!(out, "{}", json!({ "check": check, "finding": finding.word(), "sentence": sentence }))?;
            } else {
                writeln!(out, "{:<5}  {check:<10}  {sentence}", finding.word())?;
            }
        }
        out.flush()?;
        let wrong = lines.iter().filter(|(_, finding, _)| *finding == Finding::Wrong).count();
        anyhow::ensure!(wrong == 0, "{wrong} of {} checks found something wrong", lines.len());
        Ok(())
    }
}

fn examine(place: &Place) -> Vec<Line> {
    let config = match place.beside() {
        Ok(config) => config,
        Err(error) => return vec![("config", Finding::Wrong, format!("{error:#}"))],
    };
    let mut lines =
        vec![("config", Finding::Well, format!("every setting holds; data is in {}", config.data.display()))];
    lines.extend(keys_and_records(&config));
    lines.extend(certificate(&config));
    lines.push(address(config.listen, config.tls.is_on()));
    lines.push(public_url(&config));
    lines.extend(machines::joining(&config));
    lines.extend(senders::examine(&config));
    lines
}

fn keys_and_records(config: &Config) -> Vec<Line> {
    let file = config.data.join("records.sqlite");
    if !file.exists() {
        let sentence = format!("{} is not there yet; `countersign serve` makes it", file.display());
        return vec![("records", Finding::Note, sentence), clock(None, config)];
    }
    let master_key = MasterKeySource::new(&config.data, master_key_variable());
    let mut lines = vec![match master_key.load() {
        Ok(_) => ("master key", Finding::Well, "it can be read, and by nobody else".to_owned()),
        Err(error) => ("master key", Finding::Wrong, error.to_string()),
    }];
    let records = match SqliteRecords::open(&file) {
        Ok(records) => records,
        Err(error) => {
            lines.push(("records", Finding::Wrong, format!("{}: {error}", file.display())));
            lines.push(clock(None, config));
            return lines;
        }
    };
    let rows = block_on(async { Ok((records.directory().await?, records.audit_entries(1).await?)) });
    match rows {
        Err(error) => lines.push(("records", Finding::Wrong, format!("{error:#}"))),
        Ok((rows, trail)) => {
            let (apps, keys, sealing) = (rows.apps.len(), rows.access_keys.len(), rows.sealing_keys.len());
            let counts = format!("{apps} apps, {keys} access keys, {sealing} sealing keys");
            lines.push(("records", Finding::Well, counts));
            if apps == 0 {
                let sentence = "there is no app yet; make one with `countersign app create`".to_owned();
                lines.push(("apps", Finding::Note, sentence));
            }
            lines.push(match block_on(async { Ok(SnapshotDirectory::open(&records, master_key).await) }) {
                Ok(Ok(_)) => ("keys", Finding::Well, "every secret opens under the master key".to_owned()),
                Ok(Err(error)) => ("keys", Finding::Wrong, error.to_string()),
                Err(error) => ("keys", Finding::Wrong, format!("{error:#}")),
            });
            lines.push(machines::short_codes(&records, config));
            lines.extend(issuer(&records, config));
            lines.push(clock(trail.first().map(|entry| entry.at), config));
        }
    }
    lines
}

/// None where it does not matter: without users there are no id tokens.
fn issuer(records: &SqliteRecords, config: &Config) -> Option<Line> {
    let users = block_on(async { Ok(records.users(None, None, 1).await?) });
    if !config.public_url.is_empty() || !users.is_ok_and(|users| !users.is_empty()) {
        return None;
    }
    let sentence = "there are users, and `public_url` is empty: id tokens name the listener's address as their issuer, and apps \
                    refuse them once it changes, or from another node";
    Some(("id tokens", Finding::Note, sentence.to_owned()))
}

/// A clock that runs behind what was recorded makes fresh tokens look old, or old ones fresh.
fn clock(newest_record: Option<Timestamp>, config: &Config) -> Line {
    let now = SystemClock::new().now();
    let ahead = newest_record.map_or(Duration::ZERO, |record| record.since(now));
    let (finding, sentence) = if now < EARLIEST {
        (Finding::Wrong, "the machine's clock shows a time before 2026: set it".to_owned())
    } else if ahead > config::seconds(config.marks.clock_skew_seconds) {
        let sentence =
            format!("the clock is {} s behind the newest record: set it, or find who set it back", ahead.as_secs());
        (Finding::Wrong, sentence)
    } else {
        (Finding::Well, "the clock is not behind the records".to_owned())
    };
    ("clock", finding, sentence)
}

/// None for plain HTTP.
fn certificate(config: &Config) -> Option<Line> {
    if !config.tls.is_on() {
        return None;
    }
    let pin = match Tls::check(config).and_then(|()| Pin::configured(config)) {
        Ok(pin) => pin.map(|pin| format!("; the key's pin is {pin}")).unwrap_or_default(),
        Err(error) => return Some(("tls", Finding::Wrong, format!("{error:#}"))),
    };
    Some(if config.tls.own_ca {
        let sentence = "the certificate is from the server's own authority: clients must trust its ca.pem";
        ("tls", Finding::Note, format!("{sentence}{pin}"))
    } else {
        ("tls", Finding::Well, format!("the certificate and its key belong together{pin}"))
    })
}

fn address(listen: SocketAddr, tls: bool) -> Line {
    let (finding, sentence) = match TcpListener::bind(listen) {
        Ok(_) => (Finding::Well, format!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && tls => {
            (Finding::Note, format!("{listen} is taken: by a server like this one, or by something else"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => match health(listen) {
            Some(answer) if answer.contains(r#"{"status":"ok"}"#) => {
                (Finding::Well, format!("a server like this one answers on {listen}"))
            }
            _ => (Finding::Wrong, format!("{listen} is taken by something else: stop it, or set `listen`")),
        },
        Err(error) => (Finding::Wrong, format!("{listen}: {error}: set `listen` to an address of this machine")),
    };
    ("address", finding, sentence)
}

fn health(listen: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&listen, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    // Whoever it is may send for ever; the answer we know is short.
    stream.take(4096).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

fn public_url(config: &Config) -> Line {
    let url = config.public_url.as_str();
    let Some((scheme, rest)) = url.split_once("://") else {
        let sentence = "`public_url` is empty: addresses that are handed out name the listener's own".to_owned();
        return ("public_url", Finding::Note, sentence);
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let port = if scheme == "https" { 443 } else { 80 };
    let known = authority.to_socket_addrs().or_else(|_| (authority.trim_matches(['[', ']']), port).to_socket_addrs());
    match known.ok().and_then(|mut addresses| addresses.next()) {
        Some(found) => ("public_url", Finding::Well, format!("{authority} is known here, as {}", found.ip())),
        None => {
            ("public_url", Finding::Wrong, format!("{authority} is not known here: check `public_url` and the DNS"))
        }
    }
}
