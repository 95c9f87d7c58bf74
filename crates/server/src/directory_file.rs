//! Files that are put into a directory at once: CSV with a head line, or a JSON list of objects, with the same names in both.
//!
//! `kind` is `account`, `resource` or `office_site`; `id` is its number or name. An account has a `name`, a `contact`, perhaps a
//! `language` (`en`, `zh`) and `own` (`true`); a resource has an `account` and perhaps `networks`, separated by spaces (or a
//! list, in JSON); an office site has perhaps a `name`, a `type` (`simple`, `basic`, `ad-connector`) and one network.
//!
//! The whole file is read before anything is kept, and whatever is wrong with it is told at once, each with its line.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use countersign_domain::account::{AccountId, AccountName, MOST_NETWORKS};
use countersign_domain::app::AppId;
use countersign_domain::code::Resource;
use countersign_domain::contact::Contact;
use countersign_domain::language::Language;
use countersign_domain::network::{Network, NotANetwork};
use countersign_domain::office_site::{OfficeSite, SiteId, SiteKind, SiteName};
use countersign_domain::operations::{NewAccount, NewResource, NewRows};
use countersign_domain::private_network;
use countersign_domain::time::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

const NAMES: [&str; 9] = ["kind", "id", "account", "name", "contact", "language", "own", "networks", "type"];

/// What is wrong, and in which line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// A row as it stands in the file: values by name.
type Row = BTreeMap<String, String>;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
}

/// Who is in the directory already.
pub(crate) struct Known {
    pub(crate) accounts: BTreeSet<AccountId>,
    /// The app's own account.
    pub(crate) own: Option<AccountId>,
}

/// Reads a file for the directory of `app`, in which `known` accounts are already. No complaint quotes a value: contacts stand in
/// no log, and where a column is missing, one may stand anywhere.
pub(crate) fn read(text: &str, format: Format, app: &AppId, known: &Known) -> Result<NewRows, Vec<Complaint>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match format {
        Format::Csv => csv(text),
        Format::Json => json(text),
    };
    let rows = rows.map_err(|complaint| vec![complaint])?;
    let mut read = Read { rows: NewRows::default(), owned_at: Vec::new(), own_at: None, seen: BTreeSet::new() };
    let mut complaints = Vec::new();
    for (line, row) in rows {
        if let Err(what) = read.add(line, &row, app) {
            complaints.push(Complaint { line, what });
        }
    }
    let accounts: BTreeSet<_> = read.rows.accounts.iter().map(|account| account.id).collect();
    let is_there = |account: &AccountId| known.accounts.contains(account) || accounts.contains(account);
    for (line, account) in read.owned_at.iter().filter(|(_, account)| !is_there(account)) {
        let what = format!("account {account} is neither in the file nor in the directory");
        complaints.push(Complaint { line: *line, what });
    }
    if let (Some(line), Some(own)) = (read.own_at, known.own.filter(|own| !accounts.contains(own))) {
        let what = format!("account {own} is the app's own already: put it into the file, too, with `own` false");
        complaints.push(Complaint { line, what });
    }
    complaints.sort_by_key(|complaint| complaint.line);
    if complaints.is_empty() { Ok(read.rows) } else { Err(complaints) }
}

struct Read {
    rows: NewRows,
    /// In which line something is said to be whose.
    owned_at: Vec<(usize, AccountId)>,
    /// In which line an account is the app's own.
    own_at: Option<usize>,
    seen: BTreeSet<(String, String)>,
}

impl Read {
    fn add(&mut self, line: usize, row: &Row, app: &AppId) -> Result<(), String> {
        if let Some(name) = row.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(format!("{name:?} is none of {}", NAMES.join(", ")));
        }
        let given = |name: &str| row.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let required = |name: &str| given(name).ok_or_else(|| format!("`{name}` is missing"));
        let (kind, id) = (required("kind")?, required("id")?);
        let fits: &[&str] = match kind {
            "account" => &["name", "contact", "language", "own"],
            "resource" => &["account", "networks"],
            "office_site" => &["name", "type", "networks"],
            _ => return Err("`kind` is account, resource or office_site".to_owned()),
        };
        if let Some(name) = NAMES.iter().skip(2).find(|name| given(name).is_some() && !fits.contains(name)) {
            return Err(format!("`{name}` says nothing about a row of kind {kind}"));
        }
        match kind {
            "account" => {
                let account = account(id, required("name")?, required("contact")?, given("language"), given("own"))?;
                if account.is_own {
                    if self.own_at.is_some() {
                        return Err("another account of the file is the app's own already".to_owned());
                    }
                    self.own_at = Some(line);
                }
                self.rows.accounts.push(account);
            }
            "resource" => {
                let owner = account_id("account", required("account")?)?;
                self.owned_at.push((line, owner));
                let id = Resource::parse(id).ok_or("`id` takes 1 to 128 printable characters of ASCII")?;
                self.rows.resources.push(NewResource { id, account: owner, networks: networks(given("networks"))? });
            }
            _ => {
                let id = SiteId::parse(id).ok_or("`id` takes 1 to 64 characters of [A-Za-z0-9_.+-]")?;
                let kind = given("type").unwrap_or(SiteKind::Simple.word());
                let kind = SiteKind::from_word(kind).ok_or("`type` is simple, basic or ad-connector")?;
                let network = match given("networks").map(private_network::read) {
                    None => None,
                    Some(Some(network)) => Some(network),
                    Some(None) => {
                        return Err("an office site has one network of private addresses: 172.16.0.0/12".to_owned());
                    }
                };
                let name = SiteName::parse(given("name").unwrap_or_default());
                self.rows.sites.push(OfficeSite {
                    app: app.clone(),
                    id,
                    name: name.ok_or("`name` of an office site takes 2 to 255 characters")?,
                    kind,
                    network,
                    created_at: Timestamp::from_milliseconds(0), // now, once it is kept
                });
            }
        }
        if self.seen.insert((kind.to_owned(), id.to_owned())) {
            Ok(())
        } else {
            Err(format!("this {kind} stands in the file twice"))
        }
    }
}

/// An account from the texts of a row or a command line.
pub(crate) fn account(
    id: &str,
    name: &str,
    contact: &str,
    language: Option<&str>,
    own: Option<&str>,
) -> Result<NewAccount, String> {
    let language = match language {
        None | Some("en") => Language::English,
        Some("zh") => Language::Chinese,
        Some(_) => return Err("`language` is en or zh".to_owned()),
    };
    let is_own = match own {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err("`own` is true or false".to_owned()),
    };
    Ok(NewAccount {
        id: account_id("id", id)?,
        name: AccountName::parse(name).ok_or("`name` takes 1 to 64 characters, without spaces at its ends")?,
        is_own,
        contact: Contact::address(contact).map_err(|_| "`contact` is no e-mail address")?,
        language,
    })
}

/// An account's number.
pub(crate) fn account_id(name: &str, text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| format!("`{name}` is no account: it has 1 to 17 digits, the first no zero"))
}

/// Networks, separated by spaces.
pub(crate) fn networks(text: Option<&str>) -> Result<Vec<Network>, String> {
    let read = |text: &str| {
        Network::try_from(text.to_owned()).map_err(|error| match error {
            NotANetwork::Unreadable(_) => "`networks` are written as 10.0.0.0/8".to_owned(),
            NotANetwork::BitsBehindPrefix(..) => error.to_string(),
        })
    };
    let networks: Vec<_> = text.unwrap_or_default().split_whitespace().map(read).collect::<Result<_, _>>()?;
    if networks.len() > MOST_NETWORKS {
        return Err(format!("a resource routes to {MOST_NETWORKS} networks at most"));
    }
    Ok(networks)
}

/// The rows of a list of objects, each with the line that it begins in.
fn json(text: &str) -> Result<Vec<(usize, Row)>, Complaint> {
    let mut place = Place { rest: text, line: 1 };
    place.skip_space();
    if !place.took('[') {
        return Err(place.complaint("the file must hold a list of objects"));
    }
    let mut rows = Vec::new();
    while !place.took(']') {
        if !rows.is_empty() && !place.took(',') {
            return Err(place.complaint("a comma or the end of the list is missing"));
        }
        let mut values = serde_json::Deserializer::from_str(place.rest).into_iter::<Fields>();
        let fields = values.next().ok_or_else(|| place.complaint("the list does not end"))?;
        let fields = fields.map_err(|error| {
            if error.is_data() {
                return place.complaint("the list must hold objects only");
            }
            place.complaint(&format!("not JSON: {error}, counted from here"))
        })?;
        rows.push((place.line, row(fields).map_err(|what| place.complaint(&what))?));
        place.skip(values.byte_offset());
        place.skip_space();
    }
    if place.rest.is_empty() { Ok(rows) } else { Err(place.complaint("there is something behind the list")) }
}

/// Where in a text somebody is.
struct Place<'a> {
    rest: &'a str,
    line: usize,
}

impl Place<'_> {
    fn skip(&mut self, bytes: usize) {
        let (skipped, rest) = self.rest.split_at(bytes);
        self.line += skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }

    fn skip_space(&mut self) {
        self.skip(self.rest.len() - self.rest.trim_start().len());
    }

    /// Whether this character comes next; it and the space behind it are skipped then.
    fn took(&mut self, character: char) -> bool {
        let comes = self.rest.starts_with(character);
        if comes {
            self.skip(character.len_utf8());
            self.skip_space();
        }
        comes
    }

    fn complaint(&self, what: &str) -> Complaint {
        Complaint { line: self.line, what: what.to_owned() }
    }
}

/// An object as it is written: `serde_json`'s own keeps one of two values under the same name, and nobody knows which.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_any(InOrder)
    }
}

fn row(Fields(fields): Fields) -> Result<Row, String> {
    let plain = |name: &str, value: Value| match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null => Ok(String::new()),
        Value::Array(_) | Value::Object(_) => Err(format!("`{name}` is neither a text nor a number")),
    };
    let mut row = Row::new();
    for (name, value) in fields {
        let text = match value {
            Value::Array(items) if name == "networks" => {
                items.into_iter().map(|item| plain(&name, item)).collect::<Result<Vec<_>, _>>()?.join(" ")
            }
            value => plain(&name, value)?,
        };
        if let Entry::Vacant(field) = row.entry(name) {
            field.insert(text);
        } else {
            return Err("a name stands in this object twice".to_owned());
        }
    }
    Ok(row)
}

/// The rows below a head line, each with the line that it begins in (RFC 4180: a quoted value may hold commas, doubled quotes
/// and ends of lines). Empty lines are left out.
fn csv(text: &str) -> Result<Vec<(usize, Row)>, Complaint> {
    let mut records = records(text)?.into_iter();
    let Some((first, head)) = records.next() else {
        return Err(Complaint { line: 1, what: format!("a head line is missing: {}", NAMES.join(",")) });
    };
    let head: Vec<_> = head.iter().map(|name| name.trim().to_lowercase()).collect();
    if let Some(unknown) = head.iter().find(|name| !NAMES.contains(&name.as_str())) {
        let what = format!("{unknown:?} in the head line is none of {}", NAMES.join(", "));
        return Err(Complaint { line: first, what });
    }
    if head.iter().collect::<BTreeSet<_>>().len() < head.len() {
        return Err(Complaint { line: first, what: "a name stands in the head line twice".to_owned() });
    }
    let row = |(line, values): (usize, Vec<String>)| {
        if values.len() == head.len() {
            return Ok((line, head.iter().cloned().zip(values.iter().map(|value| value.trim().to_owned())).collect()));
        }
        let what = format!("{} values, where the head line has {}", values.len(), head.len());
        Err(Complaint { line, what })
    };
    records.map(row).collect()
}

fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, Complaint> {
    let (mut records, mut values, mut value) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begun, mut quoted, mut was_quoted) = (1, 1, None, false);
    let mut characters = text.chars().chain(['\n']).peekable();
    while let Some(character) = characters.next() {
        let is_last = characters.peek().is_none();
        match (character, quoted) {
            ('"', Some(_)) if characters.peek() == Some(&'"') => {
                characters.next();
                value.push('"');
            }
            ('"', Some(_)) => quoted = None,
            (_, Some(since)) if is_last => {
                return Err(Complaint { line: since, what: "a quote is never closed".to_owned() });
            }
            ('"', None) if value.trim().is_empty() && !was_quoted => {
                (quoted, was_quoted) = (Some(line), true);
                value.clear();
            }
            ('"', None) => return Err(Complaint { line, what: "a quote stands inside a value".to_owned() }),
            (',', None) => {
                values.push(std::mem::take(&mut value));
                was_quoted = false;
            }
            ('\r', None) => {}
            ('\n', None) => {
                values.push(std::mem::take(&mut value));
                let record = std::mem::take(&mut values);
                if record.len() > 1 || record.iter().any(|value| !value.trim().is_empty()) {
                    records.push((begun, record));
                }
                (begun, was_quoted) = (line + 1, false);
            }
            (character, None) if was_quoted && !character.is_whitespace() => {
                return Err(Complaint { line, what: "a value goes on behind its closing quote".to_owned() });
            }
            (character, _) => value.push(character),
        }
        line += usize::from(character == '\n');
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
