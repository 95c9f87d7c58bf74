//! What machines are told: the line to paste, and where they reach the server once they have joined.

use countersign_domain::agent::OperatingSystem;
use countersign_domain::install_code::{CodeText, Route};
use countersign_facades::Invitation;

use crate::config::{Agents, Config};
use crate::tls::Pin;

/// How the pin of the server's key is found: it may change while the server runs.
type CurrentPin = Box<dyn Fn() -> Option<Pin> + Send + Sync>;

/// The server's own knowledge about how it is reached.
pub(crate) struct Reachable {
    /// Without a slash at its end.
    public_url: String,
    pin: CurrentPin,
    settings: Agents,
}

impl Reachable {
    /// A server that clients reach at `public_url`.
    pub(crate) fn new(public_url: &str, settings: &Agents, pin: CurrentPin) -> Self {
        Self { public_url: public_url.to_owned(), pin, settings: settings.clone() }
    }

    /// The same for a command beside a server: from the settings, and the pin that follows from them.
    pub(crate) fn configured(config: &Config, pin: Option<Pin>) -> Self {
        let public_url = match config.public_url.as_str() {
            "" => format!("{}://{}", if config.tls.is_on() { "https" } else { "http" }, config.listen),
            url => url.to_owned(),
        };
        Self::new(&public_url, &config.agents, Box::new(move || pin))
    }

    /// Where clients reach the server.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The settings of section `agents`.
    pub(super) fn settings(&self) -> &Agents {
        &self.settings
    }

    /// The pin that machines are told; `None` where they are to trust the certificate as any client does.
    pub(crate) fn pin(&self) -> Option<Pin> {
        self.settings.pin.choose(|| (self.pin)())
    }
}

impl Invitation for Reachable {
    fn is_open(&self) -> bool {
        let is_https = self.public_url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        is_https || self.settings.plain_http
    }

    fn line(&self, code: &CodeText, os: Option<OperatingSystem>) -> String {
        let (url, code) = (&self.public_url, code.expose());
        if os == Some(OperatingSystem::Windows) {
            return format!("$env:COUNTERSIGN_CODE='{code}'; irm {url}/install.ps1 | iex");
        }
        match self.pin() {
            // The pin is the trust: no authority needs to know the server (-k).
            Some(pin) => {
                format!("curl -fsSk --pinnedpubkey '{pin}' {url}/install.sh | COUNTERSIGN_CODE={code} sh")
            }
            None => format!("curl -fsS {url}/install.sh | COUNTERSIGN_CODE={code} sh"),
        }
    }

    fn endpoint(&self, route: &Route) -> String {
        let named = [
            route.private_link.map(|link| format!("private-link:{link}")),
            route.proxy_cluster.as_ref().map(|cluster| format!("proxy-cluster:{cluster}")),
            Some(format!("vendor:{}", route.vendor)),
        ];
        let found = named.into_iter().flatten().find_map(|name| self.settings.endpoint(&name));
        found.unwrap_or(&self.public_url).to_owned()
    }

    fn heartbeat_seconds(&self) -> u32 {
        self.settings.heartbeat_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    fn reachable(settings: &[(&str, &str)], pin: Option<Pin>) -> Reachable {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::load(None, settings, &Flags::default()).unwrap();
        Reachable::new("https://verify.example.com", &config.agents, Box::new(move || pin))
    }

    fn pin() -> Pin {
        Pin::parse("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap()
    }

    #[test]
    fn the_line_pins_the_key_where_there_is_one() {
        let code = CodeText::read("aB3dE6").unwrap();
        let line = |settings: &[(&str, &str)], pin, os| reachable(settings, pin).line(&code, os);
        assert_eq!(
            line(&[], Some(pin()), None),
            "curl -fsSk --pinnedpubkey 'sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' \
             https://verify.example.com/install.sh | COUNTERSIGN_CODE=aB3dE6 sh"
        );
        let trusting = "curl -fsS https://verify.example.com/install.sh | COUNTERSIGN_CODE=aB3dE6 sh";
        assert_eq!(line(&[], None, Some(OperatingSystem::Linux)), trusting);
        assert_eq!(line(&[("COUNTERSIGN__AGENTS__PIN", "none")], Some(pin()), None), trusting);
        let proxys = ("COUNTERSIGN__AGENTS__PIN", "sha256//AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
        assert!(line(&[proxys], Some(pin()), None).contains("sha256//AQEBAQ"));
        assert_eq!(
            line(&[], Some(pin()), Some(OperatingSystem::Windows)),
            "$env:COUNTERSIGN_CODE='aB3dE6'; irm https://verify.example.com/install.ps1 | iex"
        );
    }

    #[test]
    fn a_route_leads_to_the_most_special_endpoint_that_is_set() {
        let list = "vendor:OTHER=https://out.example.com,proxy-cluster:p=https://p.example.com,\
                    private-link:7=https://link.example.com:8443";
        let reachable = reachable(&[("COUNTERSIGN__AGENTS__ENDPOINTS", list)], None);
        let other = Route { vendor: "OTHER".to_owned(), ..Route::default() };
        assert_eq!(reachable.endpoint(&Route::default()), "https://verify.example.com");
        assert_eq!(reachable.endpoint(&other), "https://out.example.com");
        let clustered = Route { proxy_cluster: Some("p".to_owned()), ..other.clone() };
        assert_eq!(reachable.endpoint(&clustered), "https://p.example.com");
        let linked = Route { private_link: Some(7), ..clustered.clone() };
        assert_eq!(reachable.endpoint(&linked), "https://link.example.com:8443");
        let elsewhere = Route { proxy_cluster: Some("q".to_owned()), private_link: Some(8), ..Route::default() };
        assert_eq!(reachable.endpoint(&elsewhere), "https://verify.example.com");
    }
}
