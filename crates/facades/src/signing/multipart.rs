//! Fields as `multipart/form-data` has them (RFC 7578), as far as vendors' clients send them: texts, and no files. One client
//! puts a line's end before the first boundary.

use super::form::FormError;

/// Most parts of one request.
const MOST: usize = 500;

/// What stands between the parts of a body of this type; `None` if it is of another type.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = |part: &'_ str| part.get(..9).is_some_and(|name| name.eq_ignore_ascii_case("boundary="));
    let value = parts.find(|part| named(part))?.get(9..)?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// The fields of a body: names and values.
///
/// # Errors
/// [`FormError`] if it is cut off, has a file in it, or bytes that are not UTF-8.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Vec<(String, String)>, FormError> {
    // Every boundary stands at the beginning of a line; the first may be that of the body.
    let body = [b"\r\n", body].concat();
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let (_, mut rest) = split(&body, &delimiter).ok_or(FormError::Unreadable)?;
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        if fields.len() == MOST {
            return Err(FormError::TooMany);
        }
        let (part, behind) = split(rest, &delimiter).ok_or(FormError::Unreadable)?;
        fields.push(field(part)?);
        rest = behind;
    }
    Ok(fields)
}

/// A part: the rest of the boundary's line, headers, an empty line, and the value.
fn field(part: &[u8]) -> Result<(String, String), FormError> {
    let (head, value) = split(part, b"\r\n\r\n").ok_or(FormError::Unreadable)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| FormError::Unreadable);
    let head = text(head)?;
    let disposition = head.lines().find(|line| {
        line.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
    });
    let parameters = disposition.ok_or(FormError::Unreadable)?.split(';').map(str::trim);
    let mut name = None;
    for parameter in parameters.skip(1) {
        match parameter.split_once('=') {
            Some(("name", quoted)) => name = quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')),
            _ => return Err(FormError::Unreadable),
        }
    }
    Ok((name.ok_or(FormError::Unreadable)?.to_owned(), text(value)?))
}

/// What stands before `mark`, and behind it.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PART: &str = "--B\r\nContent-Disposition: form-data; name=\"a_b\"\r\n\r\n@ +%20\r\n";

    #[test]
    fn fields_are_read_whether_the_body_begins_with_a_line_or_not() {
        let read = [("a_b".to_owned(), "@ +%20".to_owned())];
        for body in [format!("{PART}--B--\r\n"), format!("\r\n{PART}--B--"), format!("for the old\r\n{PART}--B--")] {
            assert_eq!(fields(body.as_bytes(), "B").as_deref(), Ok(&read[..]), "{body:?}");
        }
        assert_eq!(fields(b"--B--", "B"), Ok(vec![]));
    }

    #[test]
    fn what_is_cut_off_or_a_file_is_refused() {
        let file = PART.replace("\"a_b\"", "\"a_b\"; filename=\"a\"");
        let nameless = PART.replace("; name=\"a_b\"", "");
        for body in ["", "--B", PART, &format!("{file}--B--"), &format!("{nameless}--B--"), "--B\r\n\r\n--B--"] {
            assert_eq!(fields(body.as_bytes(), "B"), Err(FormError::Unreadable), "{body:?}");
        }
        assert_eq!(fields(format!("{}--B--", PART.repeat(501)).as_bytes(), "B"), Err(FormError::TooMany));
    }

    #[test]
    fn the_boundary_stands_in_the_type() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=B", Some("B")),
            ("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"B\"", Some("B")),
            ("multipart/form-data", None),
            ("multipart/mixed; boundary=B", None),
            ("application/x-www-form-urlencoded", None),
        ] {
            assert_eq!(boundary(content_type), expected, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(content_type in ".{0,40}", body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _whatever = fields(&body, boundary(&content_type).unwrap_or_default());
        }
    }
}
