use std::fs;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_domain::secret::Secret;
use countersign_facades::Language;
use serde_json::json;

use crate::agents::trust::Pin;
use crate::cli::{Ends, block_on, stopped};
use crate::machine::{
    self, Address, CallError, End, Folder, Identity, Join, Outcome, Run, Sentence, Surroundings, Trust, beat,
    complaint, explained, leave,
};
use crate::system::{OsEntropy, SystemClock};

const CODE: &str = "COUNTERSIGN_CODE";
/// No code comes near.
const LONGEST_CODE: u64 = 4_096;
/// The status that says: do not start me again. The unit of the install script knows it.
const NOT_AGAIN: u8 = 3;

#[derive(Subcommand)]
pub(in crate::cli) enum MachineCommand {
    /// Make this machine an agent of a server. The install code comes from the environment's `COUNTERSIGN_CODE`, from a file,
    /// or from standard input; never from an argument, which every user of the machine could read
    Join(JoinArguments),
    /// Say who this machine is, and whether its server hears it
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        state: State,
    },
    /// Be heard of, renew the certificate, follow the server. Ends with status 3 when the server has sent the agent away,
    /// or the machine has not joined
    Run {
        #[command(flatten)]
        state: State,
    },
    /// Leave the server, and remove key and certificate
    Leave {
        #[command(flatten)]
        state: State,
    },
}

#[derive(Args)]
pub(in crate::cli) struct JoinArguments {
    /// Where the server is
    #[arg(long, value_name = "URL")]
    server: String,
    /// Take an address with http://, where whoever is on the way can read the install code
    #[arg(long)]
    plain_http: bool,
    /// Trust the server that has this key, and no other: sha256// and 44 characters
    #[arg(long, value_name = "PIN", conflicts_with = "ca")]
    pin: Option<String>,
    /// Trust servers that the certificates in this PEM file vouch for; without one and without a pin, the system's do
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The file with the install code
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// How long to go on trying where the server is away or busy
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    patience: u64,
    /// Join anew, though the machine belongs to a server; one that was sent away needs no such word
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    state: State,
}

/// Where the machine keeps what makes it an agent.
#[derive(Args)]
pub(in crate::cli) struct State {
    /// The folder for key and certificate
    #[arg(long, value_name = "DIR", default_value = machine::DEFAULT_FOLDER)]
    state: PathBuf,
}

impl State {
    /// Refused where others may look: the key is theirs then, too, and so is what they put beside it.
    fn folder(&self, language: Language) -> anyhow::Result<Folder> {
        let folder = Folder::at(&self.state);
        anyhow::ensure!(!folder.is_exposed()?, Sentence::Exposed(&self.state).text(language));
        Ok(folder)
    }
}

impl MachineCommand {
    pub(in crate::cli) fn run(self) -> anyhow::Result<()> {
        let language = machine::language(|name| std::env::var(name).ok());
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
        let surroundings = Surroundings { clock, entropy, language };
        block_on(async {
            match self {
                Self::Join(arguments) => join(arguments, surroundings).await,
                Self::Status { json, state } => status(&state.folder(language)?, json, &surroundings).await,
                Self::Run { state } => work(&state.folder(language)?, surroundings).await,
                Self::Leave { state } => go(&state.folder(language)?, &surroundings).await,
            }
        })
    }
}

async fn join(arguments: JoinArguments, surroundings: Surroundings) -> anyhow::Result<()> {
    let language = surroundings.language;
    let JoinArguments { server, plain_http, pin, ca, code_file, patience, again, state } = arguments;
    let folder = state.folder(language)?;
    if let Some(identity) = folder.identity()?.filter(|_| !again) {
        // Who was sent away comes back by the same line as everybody else, and not by knowing an option.
        let is_gone = beat(&identity, &surroundings).await.is_err_and(|error| is_gone(&error));
        if !is_gone {
            return print(&Sentence::AlreadyJoined(&identity).text(language));
        }
    }
    let address = Address::parse(&server).with_context(|| format!("{server:?} is no server's address"))?;
    anyhow::ensure!(address.is_https || plain_http, Sentence::WantsHttps(&address).text(language));
    let trust = match (pin, ca) {
        (Some(pin), _) => {
            let read = Pin::parse(&pin);
            Trust::Pin(read.with_context(|| format!("{pin:?} is not sha256// and 44 characters of Base64"))?)
        }
        (None, Some(file)) => Trust::Authority(fs::read_to_string(&file).with_context(|| file.display().to_string())?),
        (None, None) => Trust::System,
    };
    let code = code(code_file.as_deref(), language)?;
    let patience = Some(Duration::from_secs(patience));
    let join =
        Join { folder: &folder, address, trust, code, staged: false, patience, surroundings: surroundings.clone() };
    let outcome = join.run(report).await.map_err(|error| anyhow::anyhow!(complaint(&error, language)))?;
    match outcome {
        Outcome::Staged => print(&Sentence::Staged.text(language)),
        Outcome::Joined(identity) => {
            print(&Sentence::Joined(&identity).text(language))?;
            if let Err(error) = beat(&identity, &surroundings).await {
                // Joined it has, and `run` goes on trying.
                report(&Sentence::JoinedUnheard(&complaint(&error, language)).text(language));
            }
            Ok(())
        }
    }
}

/// The install code, as it stands where it may stand.
fn code(file: Option<&Path>, language: Language) -> anyhow::Result<Secret<String>> {
    let mut text = Secret::new(String::new());
    if let Some(file) = file {
        text = Secret::new(fs::read_to_string(file).with_context(|| file.display().to_string())?);
    } else if let Some(variable) = std::env::var(CODE).ok().filter(|code| !code.is_empty()) {
        text = Secret::new(variable);
    } else {
        let input = std::io::stdin();
        if input.is_terminal() {
            report(&Sentence::WantsCode.text(language));
        }
        let mut read = String::with_capacity(usize::try_from(LONGEST_CODE)?);
        if input.is_terminal() {
            input.read_line(&mut read)?;
        } else {
            input.lock().take(LONGEST_CODE).read_to_string(&mut read)?;
        }
        if !read.trim().is_empty() {
            text = Secret::new(read);
        }
    }
    let trimmed = Secret::new(text.expose().trim().to_owned());
    anyhow::ensure!(!trimmed.expose().is_empty(), Sentence::WantsCode.text(language));
    Ok(trimmed)
}

async fn status(folder: &Folder, json: bool, surroundings: &Surroundings) -> anyhow::Result<()> {
    let language = surroundings.language;
    let Some(identity) = folder.identity()? else {
        if json {
            print(&json!({ "joined": false }).to_string())?;
        }
        anyhow::bail!(Sentence::NotJoined.text(language));
    };
    let heard = beat(&identity, surroundings).await;
    let problem = heard.as_ref().err().map(|error| explained(error, &identity.expires_at, language));
    let Identity { agent_id, group, endpoint, heartbeat_seconds, expires_at, .. } = &identity;
    if json {
        let known = json!({
            "joined": true,
            "agent_id": agent_id,
            "group": group,
            "endpoint": endpoint,
            "heartbeat_seconds": heartbeat_seconds,
            "certificate_expires_at": expires_at,
            "heard": heard.is_ok(),
            "heard_by": heard.as_ref().ok().map(|heard| &heard.at),
            "problem": problem,
        });
        print(&known.to_string())?;
    } else {
        let word = |english, chinese| language.pick(english, chinese);
        print(&format!(
            "{} {agent_id}\n{} {group}\n{} {endpoint}\n{} {expires_at}\n{} {}",
            word("agent      ", "代理"),
            word("group      ", "分组"),
            word("server     ", "服务器"),
            word("certificate", "证书有效期至"),
            word("heard      ", "连通"),
            match &heard {
                Ok(heard) if heard.at != *endpoint => format!("{} ({})", word("yes", "是"), heard.at),
                Ok(_) => word("yes", "是").to_owned(),
                Err(_) => word("no", "否").to_owned(),
            },
        ))?;
    }
    match (heard, problem) {
        (Err(error), _) if is_gone(&error) => {
            Err(Ends { status: NOT_AGAIN, sentence: Sentence::Gone.text(language) }.into())
        }
        (Err(_), Some(problem)) => anyhow::bail!(problem),
        _ => Ok(()),
    }
}

async fn work(folder: &Folder, surroundings: Surroundings) -> anyhow::Result<()> {
    let language = surroundings.language;
    let stop = stopped()?;
    match (Run { folder, surroundings }).run(stop, report).await? {
        End::Stopped => Ok(()),
        End::Left => print(&Sentence::Left.text(language)),
        End::Staged => print(&Sentence::StagedInThisStart.text(language)),
        // Nor does starting it again make it somebody, as at the start of a machine that has left.
        End::NotJoined => Err(Ends { status: NOT_AGAIN, sentence: Sentence::NotJoined.text(language) }.into()),
        End::SentAway(sentence) => Err(Ends { status: NOT_AGAIN, sentence }.into()),
    }
}

async fn go(folder: &Folder, surroundings: &Surroundings) -> anyhow::Result<()> {
    let language = surroundings.language;
    let Some(identity) = folder.identity()? else { anyhow::bail!(Sentence::NotJoined.text(language)) };
    match leave(folder, &identity, surroundings).await? {
        Ok(()) => print(&Sentence::Left.text(language)),
        // Sent away before: then the server knows.
        Err(error) if is_gone(&error) => print(&Sentence::Left.text(language)),
        Err(error) => anyhow::bail!(Sentence::LeftUnheard(&complaint(&error, language)).text(language)),
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<CallError>().is_some_and(|error| error.is("agent-gone"))
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// For whoever watches, which may be nobody.
fn report(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "countersign: {text}");
}
