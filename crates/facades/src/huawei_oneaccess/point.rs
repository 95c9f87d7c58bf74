//! `point_json`, plain or as the AJ family of clients encrypts it: base64 of AES-128-ECB-PKCS7 under the 16 characters of
//! the challenge's `secretKey`. The key travels with the challenge, so this hides nothing; it is a format.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecb::cipher::{BlockModeDecrypt as _, KeyInit as _, block_padding::Pkcs7};
use serde::Deserialize;

/// Longest `point_json` that is read, in bytes. Real ones have under 80.
const LIMIT: usize = 512;

/// Where the piece was put down, in picture pixels. Both are finite: JSON has no other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Reads a point, and gives its text as the client wrote it. `key` is the challenge's `secretKey`, or empty. `None` if it
/// cannot be read.
pub(super) fn read(point_json: &str, key: &[u8]) -> Option<(Point, String)> {
    if point_json.len() > LIMIT {
        return None;
    }
    let text = if point_json.trim_start().starts_with('{') { point_json.to_owned() } else { decrypt(point_json, key)? };
    serde_json::from_str(&text).ok().map(|point| (point, text))
}

fn decrypt(point_json: &str, key: &[u8]) -> Option<String> {
    let mut bytes = STANDARD.decode(point_json.trim()).ok()?;
    let cipher = ecb::Decryptor::<Aes128>::new_from_slice(key).ok()?;
    let plain = cipher.decrypt_padded::<Pkcs7>(&mut bytes).ok()?;
    String::from_utf8(plain.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with crypto-js 4.2.0, the library that the published web front-ends use.
    const KEY: &[u8] = b"yMXC583dP4R7uhmq";
    const ENCRYPTED: &[(&str, &str, f64)] = &[
        ("1qOiawVgsZK/Lm2jhb4yDw==", r#"{"x":237,"y":5}"#, 237.0),
        ("5nxXyl0w9Fl24/GYj1H37jB+m/oibvcEvGNrLDO+Rj8=", r#"{"x":237.0,"y":5.0}"#, 237.0),
        ("fKsTTb5qSrc6zgzwYYFPNjN4X1DAXWP1mI4KBfEPXYg=", r#"{"x":123.38709677419355,"y":5}"#, 123.387_096_774_193_55),
        ("WzNVRQH9WLtnWvdHuxs01g==", r#"{"y":5,"x":200}"#, 200.0),
    ];

    #[test]
    fn the_encrypted_and_the_plain_form_are_read_alike() {
        for &(encrypted, plain, x) in ENCRYPTED {
            let expected = Some((Point { x, y: 5.0 }, plain.to_owned()));
            assert_eq!(read(encrypted, KEY), expected);
            assert_eq!(read(plain, KEY), expected);
            assert_eq!(read(plain, b""), expected);
        }
    }

    #[test]
    fn what_is_no_point_is_not_read() {
        let unmoved = "JcWr4GYMJ3WIhm8fSA4FCFxu+7Mk5bhngOg0lWveeZA="; // {"x":null,"y":5}
        let other_key = b"0000000000000000";
        assert_eq!(read(unmoved, KEY), None);
        assert_eq!(read(ENCRYPTED[0].0, other_key), None);
        assert_eq!(read(ENCRYPTED[0].0, b""), None);
        for text in [
            "",
            "nonsense",
            "[]",
            "{}",
            r#"{"x":"100","y":"5"}"#,
            r#"{"x":NaN,"y":5}"#,
            r#"{"x":1e999,"y":5.0}"#,
            "AAAA",
        ] {
            assert_eq!(read(text, KEY), None, "{text}");
        }
        assert_eq!(read(&format!("{{\"x\":1,\"y\":5,\"z\":\"{}\"}}", "z".repeat(600)), KEY), None);
    }
}
