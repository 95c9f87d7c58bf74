//! The commands. `anyhow` lives here: an error is a sentence for an operator.

mod agent;
mod agent_admin;
mod app;
mod audit;
mod bench;
mod code;
mod contact;
mod directory;
mod doctor;
mod group;
mod iam_user;
mod inspect;
mod install_code;
mod key;
mod machines;
mod post;
mod rotate;
mod sample;
mod serve;
mod usage;
mod user;
mod widget;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use countersign_domain::time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Flags, Mode};
use crate::dev;
use crate::system::OsEntropy;
use crate::vault::Vault;

/// A self-hosted verification server: is this a person, is this your contact, may this machine join?
#[derive(Parser)]
#[command(name = "countersign", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Make, list, enable and disable apps
    #[command(subcommand)]
    App(app::AppCommand),
    /// Make, list, enable and disable the access keys of apps
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make, list, enable and disable users that sign in with a password, where programs cannot sign with a key
    #[command(subcommand)]
    IamUser(iam_user::IamUserCommand),
    /// Make, list, enable and disable the people whom an app lets in
    #[command(subcommand)]
    User(user::UserCommand),
    /// Send one-time codes, check them, and show how they are doing
    #[command(subcommand)]
    Code(code::CodeCommand),
    /// List and forget the contacts that codes have verified
    #[command(subcommand)]
    Contact(contact::ContactCommand),
    /// Put accounts into an app's directory, list and remove them: whom to ask for consent
    #[command(subcommand)]
    Account(directory::AccountCommand),
    /// Put what accounts own into an app's directory, list and remove it
    #[command(subcommand)]
    Resource(directory::ResourceCommand),
    /// List and remove an app's office sites
    #[command(subcommand)]
    OfficeSite(directory::OfficeSiteCommand),
    /// Put a whole file into an app's directory
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    /// Make, list, show and revoke install codes, with which machines join
    #[command(subcommand)]
    InstallCode(install_code::InstallCodeCommand),
    /// Make, list, rename and remove the groups where machines belong
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Join a server, be heard of and leave; and beside the server: list, show and revoke the machines that joined
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// Count the calls of an app whose doors say whom they are for, and list them
    #[command(subcommand)]
    Usage(usage::UsageCommand),
    /// Print the audit trail: who did what to whom, newest first
    Audit(audit::Audit),
    /// Put a fresh key in the place of an old one, beside a running server and without refusing what is in flight
    #[command(subcommand)]
    Rotate(rotate::RotateCommand),
    /// Write labelled challenges, one JSON object a line
    Sample(sample::Sample),
    /// Measure whole challenges (drawn, encoded, sealed) on one thread, as a ratio to one PNG encode; or signatures, to one HMAC
    Bench(bench::Bench),
    /// Show what a sealed token holds
    Inspect(inspect::Inspect),
    /// Check settings, keys, records, clock and address, and say what is wrong
    Doctor(doctor::Doctor),
    /// Print the lines of HTML that put the widget into a page
    Widget(widget::Widget),
}

/// Where a command beside the server finds the server's settings and data.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The settings; without one, the built-in defaults hold
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder for records and keys
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    fn config(&self, listen: Option<String>, mode: Mode) -> anyhow::Result<Config> {
        let flags = Flags { listen, data: self.data.clone(), mode };
        Ok(Config::load(self.config.as_deref(), std::env::vars(), &flags)?)
    }

    /// The settings as the server has them that this command stands beside: those of `--dev` where it made the folder, and
    /// then the address where that server was last.
    fn beside(&self) -> anyhow::Result<Config> {
        Ok(self.beside_in()?.0)
    }

    /// The same, and in which mode that server is.
    fn beside_in(&self) -> anyhow::Result<(Config, Mode)> {
        let config = self.config(None, Mode::Production)?;
        let Some(endpoint) = dev::endpoint(&config.data) else { return Ok((config, Mode::Production)) };
        let flags = Flags { data: Some(config.data), mode: Mode::Development, ..Flags::default() };
        let mut config = Config::load(self.config.as_deref(), std::env::vars(), &flags)?;
        if config.public_url.is_empty() {
            config.public_url = endpoint;
        }
        Ok((config, Mode::Development))
    }

    fn vault(&self) -> anyhow::Result<Vault> {
        Vault::open(&self.config(None, Mode::Production)?.data, master_key_variable(), &OsEntropy)
    }
}

fn master_key_variable() -> Option<String> {
    std::env::var(crate::master_key::VARIABLE).ok()
}

/// An error that ends the command with a status of its own.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
struct Ends {
    status: u8,
    sentence: String,
}

/// Runs the command that the arguments name. Exit status: 0 done, 1 refused or failed, 2 wrong use (clap's own), 3 where
/// `agent` was sent away.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::App(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::IamUser(command) => command.run(),
        Command::User(command) => command.run(),
        Command::Code(command) => command.run(),
        Command::Contact(command) => command.run(),
        Command::Account(command) => command.run(),
        Command::Resource(command) => command.run(),
        Command::OfficeSite(command) => command.run(),
        Command::Directory(command) => command.run(),
        Command::InstallCode(command) => command.run(),
        Command::Group(command) => command.run(),
        Command::Agent(command) => command.run(),
        Command::Usage(command) => command.run(),
        Command::Audit(audit) => audit.run(),
        Command::Rotate(command) => command.run(),
        Command::Sample(sample) => sample.run(),
        Command::Bench(bench) => bench.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Widget(widget) => widget.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _unheard = writeln!(std::io::stderr(), "countersign: {error:#}");
            error.downcast_ref::<Ends>().map_or(ExitCode::FAILURE, |ends| ends.status.into())
        }
    }
}

/// Whoever read our output has seen enough (`countersign sample … | head`): no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A time as people and programs read it, in UTC.
fn time(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.milliseconds()).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The same without fractions of a second, so that columns stand below each other.
fn second(moment: Timestamp) -> String {
    time(Timestamp::from_milliseconds(moment.milliseconds().div_euclid(1_000) * 1_000))
}

/// Runs a command's future to its end, on this thread.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
