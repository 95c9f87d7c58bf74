use crate::signing::form::unescaped;

/// Most parameters that are looked at.
const MOST: usize = 100;

/// A request's query, decoded as it is signed: a plus is a plus.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// `None` for escapes that are none, text that is no UTF-8, too many parameters, and for a name that stands twice: taking
    /// either value would be a guess.
    pub(crate) fn read(query: Option<&str>) -> Option<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (unescaped(name.bytes()).ok()?, unescaped(value.bytes()).ok()?);
            if pairs.len() == MOST || pairs.iter().any(|(other, _)| *other == name) {
                return None;
            }
            pairs.push((name, value));
        }
        Some(Self(pairs))
    }

    /// A parameter, if it is there and not blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(other, _)| other == name);
        pair.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether a parameter is there, with a value or without one.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }
}
