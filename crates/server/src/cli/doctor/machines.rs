//! Whether machines can join: over which address, what they are told to trust, and how guessable the short codes are.

use std::net::IpAddr;

use countersign_domain::ports::{Clock as _, InstallCodeRecords as _};
use countersign_facades::Invitation as _;
use countersign_stores::sqlite::SqliteRecords;

use super::{Finding, Line};
use crate::agents::Reachable;
use crate::cli::block_on;
use crate::config::{self, Config, PinSetting};
use crate::dev;
use crate::system::SystemClock;
use crate::tls::Pin;

/// What the settings say about it. Nothing here is wrong: not everybody has machines.
pub(super) fn joining(config: &Config) -> Vec<Line> {
    let invitation = match Pin::configured(config) {
        Ok(pin) => Reachable::configured(config, pin),
        Err(error) => return vec![("machines", Finding::Note, format!("none can join: {error:#}"))],
    };
    let url = invitation.public_url();
    if !invitation.is_open() {
        let sentence = format!(
            "none can join, because {url} is plain HTTP: set up [tls] or a `public_url` with https://, or allow it \
             with `agents.plain_http`"
        );
        return vec![("machines", Finding::Note, sentence)];
    }
    let is_dev = config.data.join(dev::FILE).exists();
    let joining = if is_here_only(url) && !is_dev {
        let sentence = format!("they are sent to {url}, which leads to themselves: set `public_url`");
        ("machines", Finding::Note, sentence)
    } else {
        ("machines", Finding::Well, format!("they can join at {url}"))
    };
    let pin = match invitation.pin() {
        Some(pin) => (Finding::Well, format!("the line to paste pins the key {pin}")),
        None if config.tls.own_ca && config.agents.pin == PinSetting::Own => {
            let sentence =
                "the line to paste pins the server's key from its first start on: start it before making install codes";
            (Finding::Note, sentence.to_owned())
        }
        None => {
            let sentence = "the line to paste pins no key: machines trust the certificate as any client does";
            (Finding::Well, sentence.to_owned())
        }
    };
    vec![joining, ("pin", pin.0, pin.1)]
}

/// How many short codes there are to be guessed, and whether somebody does.
pub(super) fn short_codes(records: &SqliteRecords, config: &Config) -> Line {
    let most = config.install_codes.live_short_codes;
    match block_on(async { Ok(records.guessing(SystemClock::new().now()).await?) }) {
        Ok((live, false)) => {
            ("codes", Finding::Well, format!("short codes that are live: {live}, of {most} that may be"))
        }
        Ok((live, true)) => {
            let sentence = format!(
                "short codes are paused, because somebody guesses at the {live} that are live: see `countersign audit --event agent.refused`, \
                 revoke those that nobody needs, and make long ones"
            );
            ("codes", Finding::Note, sentence)
        }
        Err(error) => ("codes", Finding::Wrong, format!("{error:#}")),
    }
}

/// Whether an address means the machine itself to whoever dials it.
fn is_here_only(url: &str) -> bool {
    let host = config::host(url).unwrap_or_default();
    let is_here = |address: IpAddr| address.to_canonical().is_loopback() || address.is_unspecified();
    host == "localhost" || host.ends_with(".localhost") || host.parse().is_ok_and(is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_addresses_lead_everybody_to_themselves() {
        for url in
            ["http://127.0.0.1:8080", "https://localhost", "https://[::1]:8443/x", "http://0.0.0.0:80", "http://[::]"]
        {
            assert!(is_here_only(url), "{url}");
        }
        for url in
            ["https://verify.example.com", "http://10.0.0.7:8080", "https://[2001:db8::1]", "https://localhost.example"]
        {
            assert!(!is_here_only(url), "{url}");
        }
    }
}
