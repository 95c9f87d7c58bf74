//! Parameters as they are sent (`application/x-www-form-urlencoded`) and as they are signed (RFC 3986).
//!
//! Clients of one vendor write the same parameters in many ways: a space as `+` or `%20`, `:` and `*` bare or escaped. A
//! signature covers one canonical way, so what came is decoded and encoded anew; the bytes of the wire are signed by nobody.

/// Most parameters of one request. The vendors' largest calls have a few dozen.
const MOST: usize = 500;

/// Where a parameter stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind the question mark.
    Query,
    /// In a form.
    Body,
}

/// A parameter, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) place: Place,
}

/// The parameters of a request, by name in the order of bytes; no name stands twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<Parameter>);

/// Why parameters cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// An escape that is none, or bytes that are not UTF-8.
    #[error("the parameters are not form-encoded UTF-8")]
    Unreadable,
    /// More than [`MOST`].
    #[error("too many parameters")]
    TooMany,
    /// This name stands twice. Taking either value would let somebody between client and server choose which.
    #[error("the parameter {0:?} stands twice")]
    Repeated(String),
}

impl Form {
    /// Reads a request's query, and its body where that is a form.
    pub(crate) fn read(query: Option<&str>, body: Option<&[u8]>) -> Result<Self, FormError> {
        let mut parameters = Vec::new();
        decode(query.unwrap_or_default().as_bytes(), Place::Query, &mut parameters)?;
        decode(body.unwrap_or_default(), Place::Body, &mut parameters)?;
        Self::of(parameters)
    }

    /// The same of a query and of fields that need no decoding.
    pub(crate) fn with_fields(query: Option<&str>, fields: Vec<(String, String)>) -> Result<Self, FormError> {
        let mut parameters = Vec::new();
        decode(query.unwrap_or_default().as_bytes(), Place::Query, &mut parameters)?;
        if parameters.len() + fields.len() > MOST {
            return Err(FormError::TooMany);
        }
        parameters.extend(fields.into_iter().map(|(name, value)| Parameter { name, value, place: Place::Body }));
        Self::of(parameters)
    }

    fn of(mut parameters: Vec<Parameter>) -> Result<Self, FormError> {
        parameters.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(pair) = parameters.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(FormError::Repeated(pair[0].name.clone()));
        }
        Ok(Self(parameters))
    }

    /// The value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let index = self.0.binary_search_by(|parameter| parameter.name.as_str().cmp(name)).ok()?;
        Some(&self.0[index].value)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter()
    }

    /// The canonical form of those parameters that `chosen` wants: `a=1&b=2`, by name in the order of bytes.
    pub(crate) fn canonical(&self, chosen: impl Fn(&Parameter) -> bool) -> String {
        let mut text = String::with_capacity(512);
        for parameter in self.0.iter().filter(|parameter| chosen(parameter)) {
            if !text.is_empty() {
                text.push('&');
            }
            encode(&parameter.name, &mut text);
            text.push('=');
            encode(&parameter.value, &mut text);
        }
        text
    }
}

/// Appends `text` as RFC 3986 has it: all but the unreserved characters escaped, in upper case.
pub(crate) fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

fn decode(raw: &[u8], place: Place, into: &mut Vec<Parameter>) -> Result<(), FormError> {
    for part in raw.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
        if into.len() == MOST {
            return Err(FormError::TooMany);
        }
        let middle = part.iter().position(|byte| *byte == b'=');
        let (name, value) = middle.map_or((part, &[][..]), |middle| (&part[..middle], &part[middle + 1..]));
        into.push(Parameter { name: decoded(name)?, value: decoded(value)?, place });
    }
    Ok(())
}

fn decoded(raw: &[u8]) -> Result<String, FormError> {
    unescaped(raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }))
}

/// Text as RFC 3986 escapes it, where a plus is a plus.
pub(crate) fn unescaped(mut raw: impl Iterator<Item = u8>) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(raw.size_hint().0);
    while let Some(byte) = raw.next() {
        bytes.push(match byte {
            b'%' => match (digit(raw.next()), digit(raw.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(FormError::Unreadable),
            },
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::Unreadable)
}

fn digit(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(query: &str) -> String {
        Form::read(Some(query), None).unwrap().canonical(|_| true)
    }

    #[test]
    fn every_way_of_writing_is_one_way_of_signing() {
        for query in ["a=x+y&b=%2A%3a", "b=*:&a=x%20y", "&&a=x y&b=*%3A&"] {
            assert_eq!(canonical(query), "a=x%20y&b=%2A%3A", "{query}");
        }
        assert_eq!(canonical("b&a=&c=1=2"), "a=&b=&c=1%3D2");
        assert_eq!(canonical("q=~-_.!'()中"), "q=~-_.%21%27%28%29%E4%B8%AD");
    }

    #[test]
    fn names_are_sorted_by_bytes() {
        let names = "os=1&_=2&Os=3&OS=4&A_b=5&A.b=6&A-b=7&L.2=8&L.11=9&L.10=10&L.1=11";
        assert_eq!(canonical(names), "A-b=7&A.b=6&A_b=5&L.1=11&L.10=10&L.11=9&L.2=8&OS=4&Os=3&_=2&os=1");
    }

    #[test]
    fn a_query_and_a_form_are_one_list_and_can_be_told_apart() {
        let form = Form::read(Some("b=1&d=2"), Some(b"c=3&a=4")).unwrap();
        assert_eq!(form.canonical(|_| true), "a=4&b=1&c=3&d=2");
        assert_eq!(form.canonical(|parameter| parameter.place == Place::Query), "b=1&d=2");
        assert_eq!((form.get("c"), form.get("C")), (Some("3"), None));
    }

    #[test]
    fn what_is_ambiguous_or_no_text_is_refused() {
        for (query, body, error) in [
            ("a=%ff%fe", "", FormError::Unreadable),
            ("a=%zz", "", FormError::Unreadable),
            ("a=%4", "", FormError::Unreadable),
            ("%=a", "", FormError::Unreadable),
            ("a=%+1", "", FormError::Unreadable),
            ("a=1&b=2&a=1", "", FormError::Repeated("a".to_owned())),
            ("a=1", "%61=2", FormError::Repeated("a".to_owned())),
            (&"a=1&".repeat(3_000), "", FormError::TooMany),
        ] {
            assert_eq!(Form::read(Some(query), Some(body.as_bytes())), Err(error), "{query} {body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_canonical_reads_back(query in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(form) = Form::read(None, Some(&query)) {
                let canonical = form.canonical(|_| true);
                let again = Form::read(Some(&canonical), None).unwrap();
                prop_assert_eq!(again.canonical(|_| true), canonical);
            }
        }

        #[test]
        fn parameters_come_back_whatever_their_text(pairs in prop::collection::btree_map(".{1,6}", ".{0,6}", 0..8)) {
            let mut query = String::new();
            for (name, value) in pairs.iter().rev() {
                encode(name, &mut query);
                query.push('=');
                encode(value, &mut query);
                query.push('&');
            }
            let form = Form::read(Some(&query), None).unwrap();
            prop_assert!(pairs.iter().all(|(name, value)| form.get(name) == Some(value.as_str())));
            let names: Vec<_> = form.0.iter().map(|parameter| parameter.name.as_bytes()).collect();
            prop_assert!(names.is_sorted());
        }
    }
}
