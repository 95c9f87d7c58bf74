//! Settings laid over one another, each remembering where it came from.
//!
//! The defaults say which keys there are and of which type, so a file is checked against them key by key while its line
//! numbers are still known; a typed read of the merged whole could only name the key.

use std::collections::HashMap;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::ConfigError;

const PREFIX: &str = "COUNTERSIGN__";

/// Where the operator names things, so that the defaults cannot say which keys there are. They are laid over as a whole.
const OPEN: [&str; 3] = ["senders", "codes.purposes", "escalation.apps"];

/// The defaults and what was laid over them.
pub(super) struct Layers {
    values: Table,
    origins: HashMap<String, String>,
}

fn setting(origin: &str, message: String) -> ConfigError {
    ConfigError::Setting { origin: origin.to_owned(), message }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

impl Layers {
    pub(super) fn over(defaults: &str) -> Result<Self, ConfigError> {
        let values = defaults.parse().map_err(|error| setting("config.default.toml", format!("{error}")))?;
        Ok(Self { values, origins: HashMap::new() })
    }

    /// Lays a file over them.
    pub(super) fn file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let line = |offset: usize| format!("{name}:{}", text[..offset.min(text.len())].matches('\n').count() + 1);
        let table = DeTable::parse(text)
            .map_err(|error| setting(&line(error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
        self.table("", table.get_ref(), &line)
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>, line: &dyn Fn(usize) -> String) -> Result<(), ConfigError> {
        for (key, value) in table {
            let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
            let origin = line(key.span().start);
            let known = self.get(&path).ok_or_else(|| setting(&origin, format!("unknown key `{path}`")))?;
            let (wanted, given) = (known.type_str(), value.get_ref().type_str());
            if wanted != given {
                let message = format!("`{path}` must be {}, not {}", article(wanted), article(given));
                return Err(setting(&origin, message));
            }
            match value.get_ref() {
                _ if OPEN.contains(&path.as_str()) => self.lay(&path, origin, owned(value)?),
                DeValue::Array(entries) if !entries.iter().all(|entry| entry.get_ref().is_str()) => {
                    return Err(setting(&origin, format!("`{path}` must be a list of strings")));
                }
                DeValue::Table(table) => self.table(&path, table, line)?,
                _ => self.lay(&path, origin, owned(value)?),
            }
        }
        Ok(())
    }

    /// Lays an environment variable over them, if it is one of ours.
    pub(super) fn variable(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let Some(key) = name.strip_prefix(PREFIX) else { return Ok(()) };
        let path = key.to_lowercase().replace("__", ".");
        let value = match self.get(&path) {
            None => return Err(setting(name, format!("unknown key `{path}`"))),
            Some(_) if OPEN.contains(&path.as_str()) => {
                return Err(setting(name, format!("`{path}` can only be set in a file")));
            }
            Some(Value::Table(_)) => return Err(setting(name, format!("`{path}` is a section: name a key in it"))),
            Some(Value::Integer(_)) => text.parse().map(Value::Integer).map_err(|_| "an integer"),
            Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
            Some(Value::Array(_)) => {
                let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                Ok(Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect()))
            }
            Some(_) => Ok(Value::String(text.to_owned())),
        };
        let value = value.map_err(|wanted| setting(name, format!("`{path}` must be {wanted}")))?;
        self.lay(&path, name.to_owned(), value);
        Ok(())
    }

    /// Lays a flag over them.
    pub(super) fn flag(&mut self, name: &str, path: &str, text: &str) {
        self.lay(path, name.to_owned(), Value::String(text.to_owned()));
    }

    /// The typed whole.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        // Each value of its own first: then an error has a key, and so a place.
        T::deserialize(self.values.clone()).map_err(|error| {
            let path = self.culprit::<T>();
            let message = error.message().trim_end().to_owned();
            match path {
                Some(path) => setting(&self.origin(&path), format!("`{path}`: {message}")),
                None => setting("settings", message),
            }
        })
    }

    /// The laid-over value without which the whole could be read.
    fn culprit<T: DeserializeOwned>(&self) -> Option<String> {
        let defaults: Table = super::DEFAULTS.parse().ok()?;
        self.origins.keys().find_map(|path| {
            let mut values = defaults.clone();
            *find(&mut values, path)? = self.get(path)?.clone();
            T::deserialize(values).is_err().then(|| path.clone())
        })
    }

    /// A complaint about the value of `path`.
    pub(super) fn complain(&self, path: &str, complaint: &str) -> ConfigError {
        setting(&self.origin(path), format!("`{path}` {complaint}"))
    }

    fn origin(&self, path: &str) -> String {
        self.origins.get(path).cloned().unwrap_or_else(|| "config.default.toml".to_owned())
    }

    fn get(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let first = self.values.get(keys.next()?)?;
        keys.try_fold(first, |value, key| value.get(key))
    }

    fn lay(&mut self, path: &str, origin: String, value: Value) {
        if let Some(place) = find(&mut self.values, path) {
            *place = value;
            self.origins.insert(path.to_owned(), origin);
        }
    }
}

fn find<'a>(values: &'a mut Table, path: &str) -> Option<&'a mut Value> {
    let mut keys = path.split('.');
    let first = values.get_mut(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get_mut(key))
}

fn owned(value: &Spanned<DeValue<'_>>) -> Result<Value, ConfigError> {
    let value = value.get_ref().clone();
    Value::deserialize(toml::de::ValueDeserializer::from(Spanned::new(0..0, value)))
        .map_err(|error| setting("settings", error.message().to_owned()))
}
