//! The call, made from templates. What a value may hold is decided by where it stands: in the address it is percent-encoded, in
//! JSON it is written for the inside of a string, so no text of a message can become a second parameter or a second field.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use countersign_domain::code::Requester;
use countersign_domain::contact::Channel;
use countersign_domain::message::Message;
use countersign_domain::ports::SendError;
use countersign_domain::secret::Secret;
use countersign_domain::segments::Segments;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Format, Method, Settings};
use crate::exchange::address;
use crate::settings::{SecretText, SettingsError};

/// Steps that a template may take.
const FUEL: u64 = 20_000;
/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The variables that every template has.
const VARIABLES: &[&str] = &[
    "app",
    "code",
    "coding",
    "delivery_url",
    "language",
    "message_id",
    "minutes",
    "purpose",
    "requester",
    "resource",
    "segments",
    "subject",
    "text",
    "to",
    "to_digits",
];
/// Headers that the client writes, or that decide where a call ends.
const NOT_OURS: &[&str] = &["connection", "content-length", "host", "transfer-encoding", "upgrade"];
/// How values are written.
const PERCENT: &str = "percent";
const JSON: &str = "json";
const PLAIN: &str = "plain";
/// The templates' names; a header's is its own.
const URL: &str = "url";
const BODY: &str = "body";

pub(super) struct Template {
    environment: Environment<'static>,
    method: Method,
    address: Uri,
    headers: Vec<(HeaderName, String)>,
    content_type: Option<HeaderValue>,
    has_body: bool,
    secrets: BTreeMap<String, Secret<String>>,
}

impl Template {
    /// Reads the templates and tries them.
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        if let Some(name) = settings.secrets.keys().find(|name| VARIABLES.contains(&name.as_str())) {
            return Err(SettingsError::new(format!("`secrets.{name}`: every template has a variable of this name")));
        }
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let format = settings.format;
        environment.set_auto_escape_callback(move |name| AutoEscape::Custom(place(name, format).into()));
        environment.set_formatter(escape);
        let mut template = Self {
            environment,
            method: settings.method,
            address: Uri::default(),
            headers: vec![],
            content_type: None,
            has_body: !settings.body.is_empty(),
            secrets: settings.secrets.iter().map(|(name, SecretText(secret))| (name.clone(), secret.clone())).collect(),
        };
        template.address = address(fixed_part(&settings.url)?)?;
        let mut used = template.add(URL, &settings.url)?;
        for (name, source) in &settings.headers {
            let complaint = |what: &str| SettingsError::new(format!("`headers.{name}`: {what}"));
            let header: HeaderName = name.parse().map_err(|_| complaint("it is no header's name"))?;
            if NOT_OURS.contains(&header.as_str()) {
                return Err(complaint("it is not for settings to say"));
            }
            let place = format!("headers.{name}");
            used.extend(template.add(&place, source)?);
            template.headers.push((header, place));
        }
        if template.has_body {
            if settings.method == Method::Get {
                return Err(SettingsError::new("`body`: a GET has none"));
            }
            used.extend(template.add(BODY, &settings.body)?);
            if !template.headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE) {
                template.content_type = Some(HeaderValue::from_static(match format {
                    Format::Json => "application/json",
                    Format::Form => "application/x-www-form-urlencoded",
                    Format::Text => "text/plain; charset=utf-8",
                }));
            }
        }
        if !used.contains("text") && !used.contains("code") {
            return Err(SettingsError::new(
                "no template has `{{ text }}` or `{{ code }}` in it: nobody would get a code",
            ));
        }
        template.try_out(format)?;
        Ok(template)
    }

    /// Whom it calls: scheme and host, as the settings have them.
    pub(super) fn address(&self) -> &Uri {
        &self.address
    }

    /// The secrets as they are and as they stand in an address, for what must not be told.
    pub(super) fn hidden(&self) -> Vec<Secret<String>> {
        let encoded = |secret: &Secret<String>| Secret::new(utf8_percent_encode(secret.expose(), RESERVED).to_string());
        let mut all: Vec<_> = self.secrets.values().flat_map(|secret| [secret.clone(), encoded(secret)]).collect();
        // An empty one would be found everywhere; the longer goes first, in case one holds another.
        all.retain(|secret| !secret.expose().is_empty());
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        all
    }

    /// The call for a message.
    ///
    /// # Errors
    /// [`SendError::Permanent`]: what templates make of the same message will not change.
    pub(super) fn request(&self, message: &Message, delivery_url: &str) -> Result<Request<Full<Bytes>>, SendError> {
        let values = self.with_secrets(values(message, delivery_url));
        self.build(&values).map_err(|reason| SendError::Permanent { reason })
    }

    fn add(&mut self, place: &str, source: &str) -> Result<BTreeSet<String>, SettingsError> {
        let complaint = |what: String| SettingsError::new(format!("`{place}`: {what}"));
        let known = |name: &String| VARIABLES.contains(&name.as_str()) || self.secrets.contains_key(name);
        self.environment
            .add_template_owned(place.to_owned(), source.to_owned())
            .map_err(|error| complaint(said(&error)))?;
        let template = self.environment.get_template(place).map_err(|error| complaint(said(&error)))?;
        let used: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        let global = |name: &str| self.environment.globals().any(|(global, _)| global == name);
        match used.iter().find(|name| !known(name) && !global(name)) {
            Some(name) => Err(complaint(format!("there is no variable `{name}`: there are {}", VARIABLES.join(", ")))),
            None => Ok(used),
        }
    }

    fn build(&self, values: &Value) -> Result<Request<Full<Bytes>>, String> {
        let url: Uri = self.render(URL, values)?.parse().map_err(|error| format!("`{URL}`: {error}"))?;
        // Nothing that a template makes of a message calls anybody else.
        if url.scheme() != self.address.scheme() || url.authority() != self.address.authority() {
            return Err(format!(
                "`{URL}`: it does not lead to {}",
                self.address.authority().map_or("", Authority::as_str)
            ));
        }
        let method = match self.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
        };
        let agent = concat!("Countersign/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::builder().method(method).uri(url).header(header::USER_AGENT, agent);
        if let Some(content_type) = &self.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        for (name, place) in &self.headers {
            let value = self.render(place, values)?;
            let value =
                HeaderValue::from_str(&value).map_err(|_| format!("`{place}`: a header takes one line of ASCII"))?;
            request = request.header(name, value);
        }
        let body = if self.has_body { self.render(BODY, values)? } else { String::new() };
        request.body(Full::new(body.into())).map_err(|error| error.to_string())
    }

    fn render(&self, place: &str, values: &Value) -> Result<String, String> {
        let rendered = self.environment.get_template(place).and_then(|template| template.render(values.clone()));
        rendered.map_err(|error| format!("`{place}`: {}", said(&error)))
    }

    fn with_secrets(&self, values: BTreeMap<&str, Value>) -> Value {
        let secrets = self.secrets.iter().map(|(name, secret)| (name.as_str(), Value::from(secret.expose().as_str())));
        Value::from_pairs(values.into_iter().chain(secrets))
    }

    /// A call with values that have in them what escaping is for: what breaks with these breaks at the start.
    fn try_out(&self, format: Format) -> Result<(), SettingsError> {
        for text in ["Your code is 314159", "“314159” \"is\" your \\ code,\n& 100% = it? 验证码"] {
            let text = |name: &&'static str| match *name {
                "minutes" => (*name, Value::from(10)),
                "segments" => (*name, Value::from(1)),
                "text" => (*name, Value::from(text)),
                "coding" => (*name, Value::from("gsm")),
                "delivery_url" => (*name, Value::from("https://verify.example.com/v1/deliveries/0")),
                _ => (*name, Value::from("1")),
            };
            let values = self.with_secrets(VARIABLES.iter().map(text).collect());
            self.build(&values).map_err(SettingsError::new)?;
            if self.has_body && format == Format::Json {
                let body = self.render(BODY, &values).map_err(SettingsError::new)?;
                let read: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&body);
                read.map_err(|error| SettingsError::new(format!("`{BODY}`: it makes no JSON: {error}")))?;
            }
        }
        Ok(())
    }
}

/// What stands before the first path, and may hold no template: an address that a value decided would be somebody else's.
fn fixed_part(url: &str) -> Result<&str, SettingsError> {
    let start = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
    if url[..end].contains(['{', '}']) {
        return Err(SettingsError::new("`url`: scheme and host must stand there as they are, without a template"));
    }
    Ok(&url[..end])
}

fn values<'a>(message: &Message, delivery_url: &str) -> BTreeMap<&'a str, Value> {
    let about = &message.about;
    let to = message.to.normalised();
    let text = message.text.body.expose();
    let segments = Segments::of(text);
    let digits = match message.to.channel() {
        Channel::Sms => to.trim_start_matches('+'),
        Channel::Email => "",
    };
    BTreeMap::from([
        ("app", Value::from(about.app.as_str())),
        ("code", Value::from(about.digits.expose())),
        ("coding", Value::from(segments.coding.word())),
        ("delivery_url", Value::from(delivery_url)),
        ("language", Value::from(about.language.tag())),
        ("message_id", Value::from(message.id.to_string())),
        ("minutes", Value::from(about.minutes)),
        ("purpose", Value::from(about.purpose.as_str())),
        ("requester", Value::from(about.requester.as_ref().map_or("", Requester::as_str))),
        ("resource", Value::from(about.resource.as_ref().map_or("", |resource| resource.as_str()))),
        ("segments", Value::from(segments.count)),
        ("subject", Value::from(message.text.subject.expose().as_str())),
        ("text", Value::from(text.as_str())),
        ("to", Value::from(to)),
        ("to_digits", Value::from(digits)),
    ])
}

/// How values are written in the template `name`.
fn place(name: &str, format: Format) -> &'static str {
    match (name, format) {
        (URL, _) | (BODY, Format::Form) => PERCENT,
        (BODY, Format::Json) => JSON,
        _ => PLAIN,
    }
}

/// Writes a value as its place wants it; `|safe` is the operator's word that it already is.
fn escape(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        // With the rest of minijinja's complaint: what is undefined is an error.
        return minijinja::escape_formatter(output, state, value);
    }
    let place = match state.auto_escape() {
        AutoEscape::Custom(place) if !value.is_safe() => place.as_ref(),
        _ => PLAIN,
    };
    let text = value.to_string();
    let written = match place {
        PERCENT => output.write_fmt(format_args!("{}", utf8_percent_encode(&text, RESERVED))),
        JSON => output.write_str(&inside_string(&text)),
        _ => output.write_str(&text),
    };
    written.map_err(|_| Error::new(minijinja::ErrorKind::WriteFailure, "no room"))
}

/// `text` for the inside of a JSON string.
fn inside_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn said(error: &Error) -> String {
    let line = error.line().filter(|line| *line > 1).map(|line| format!(" (line {line})")).unwrap_or_default();
    match error.detail() {
        Some(detail) => format!("{}: {detail}{line}", error.kind()),
        None => format!("{}{line}", error.kind()),
    }
}
