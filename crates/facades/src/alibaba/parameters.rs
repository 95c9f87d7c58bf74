//! An operation's parameters, read by type. An empty value counts as none: SDKs send those for what was left out.

use super::complaint::Complaint;
use crate::signing::form::Form;

/// The parameters of one call. Common ones are among them, under names that no operation uses.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a>(&'a Form);

impl<'a> Parameters<'a> {
    /// A text.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    /// A text that has to be there.
    pub(super) fn required(self, name: &'static str) -> Result<&'a str, Complaint> {
        self.text(name).ok_or(Complaint::Missing(name))
    }

    /// `true` or `false`, in any case: some SDKs send `True`.
    pub(super) fn boolean(self, name: &'static str) -> Result<Option<bool>, Complaint> {
        self.read(name, |text| match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    /// A whole number: digits, after a minus sign if need be, and nothing else.
    pub(super) fn integer(self, name: &'static str) -> Result<Option<i64>, Complaint> {
        self.read(name, |text| text.parse().ok().filter(|_| !text.starts_with('+')))
    }

    fn read<T>(self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Complaint> {
        let Some(text) = self.text(name) else { return Ok(None) };
        read(text).map(Some).ok_or(Complaint::Invalid(name))
    }
}

impl<'a> Parameters<'a> {
    /// Those of a request.
    pub(super) fn of(form: &'a Form) -> Self {
        Self(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_by_type() {
        let query = "S=a+b&E=&B=True&C=FALSE&N=-7&P=%2B7&Big=9223372036854775808&X=yes";
        let form = Form::read(Some(query), None).unwrap();
        let parameters = Parameters::of(&form);
        assert_eq!(parameters.required("S"), Ok("a b"));
        assert_eq!(parameters.required("E"), Err(Complaint::Missing("E")));
        assert_eq!(parameters.text("s"), None);
        assert_eq!(parameters.boolean("B"), Ok(Some(true)));
        assert_eq!(parameters.boolean("C"), Ok(Some(false)));
        assert_eq!(parameters.boolean("E"), Ok(None));
        assert_eq!(parameters.boolean("X"), Err(Complaint::Invalid("X")));
        assert_eq!(parameters.integer("N"), Ok(Some(-7)));
        for bad in ["P", "Big", "X"] {
            assert_eq!(parameters.integer(bad), Err(Complaint::Invalid(bad)));
        }
    }
}
