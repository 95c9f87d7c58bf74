use countersign_domain::ports::RequestRefusal;
use rcgen::{PublicKeyData, SignatureAlgorithm};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::alg_id;

use crate::der::{BIT_STRING, Der, INTEGER, PLACE_0, SEQUENCE};

/// Longest request, in PEM or DER. One with a key of RSA's greatest size and a few names has 2 KiB.
pub(super) const LONGEST: usize = 16 * 1024;

/// The key of a signing request, whose sender has the private one.
pub(super) struct RequestedKey {
    kind: KeyKind,
    /// As it stands in a `SubjectPublicKeyInfo`.
    bytes: Vec<u8>,
}

/// The kinds that are certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    P256,
    P384,
    Ed25519,
    Rsa,
}

/// A request's parts (RFC 2986, 4), as they stand in it.
struct Parts<'a> {
    /// What is signed.
    signed: &'a [u8],
    key_algorithm: &'a [u8],
    key: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
}

impl RequestedKey {
    /// Reads a request in DER. The key is looked at before the signature: who has a weak one shall be told that, and
    /// checking takes work.
    pub(super) fn read(der: &[u8]) -> Result<Self, RequestRefusal> {
        if der.len() > LONGEST {
            return Err(RequestRefusal::Malformed);
        }
        let parts = parts(der).ok_or(RequestRefusal::Malformed)?;
        let kind = kind(parts.key_algorithm, parts.key).ok_or(RequestRefusal::WeakKey)?;
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
        let holds = algorithms.iter().any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == parts.key_algorithm
                && algorithm.signature_alg_id().as_ref() == parts.signature_algorithm
                && algorithm.verify_signature(parts.key, parts.signed, parts.signature).is_ok()
        });
        if holds { Ok(Self { kind, bytes: parts.key.to_vec() }) } else { Err(RequestRefusal::BadSignature) }
    }
}

fn parts(der: &[u8]) -> Option<Parts<'_>> {
    let mut outer = Der::new(der);
    let mut request = outer.enter(SEQUENCE)?;
    outer.end()?;
    let info = request.take(SEQUENCE)?;
    let signature_algorithm = request.take(SEQUENCE)?.contents;
    let signature = request.take(BIT_STRING)?.bytes()?;
    request.end()?;

    let mut fields = Der::new(info.contents);
    let version = fields.take(INTEGER)?;
    let _subject = fields.take(SEQUENCE)?;
    let mut key_info = fields.enter(SEQUENCE)?;
    let _attributes = fields.take(PLACE_0)?;
    fields.end()?;
    let key_algorithm = key_info.take(SEQUENCE)?.contents;
    let key = key_info.take(BIT_STRING)?.bytes()?;
    key_info.end()?;
    (version.contents == [0]).then_some(Parts {
        signed: info.whole,
        key_algorithm,
        key,
        signature_algorithm,
        signature,
    })
}

/// The kind of a key; `None` for those that are not certified. Points come in their uncompressed form only, so that a key
/// has one spelling and one fingerprint.
fn kind(algorithm: &[u8], key: &[u8]) -> Option<KeyKind> {
    let is = |known: alg_id::AlgorithmIdentifier| known.as_ref() == algorithm;
    let (kind, fits) = if is(alg_id::ECDSA_P256) {
        (KeyKind::P256, key.len() == 65 && key.starts_with(&[4]))
    } else if is(alg_id::ECDSA_P384) {
        (KeyKind::P384, key.len() == 97 && key.starts_with(&[4]))
    } else if is(alg_id::ED25519) {
        (KeyKind::Ed25519, key.len() == 32)
    } else if is(alg_id::RSA_ENCRYPTION) {
        (KeyKind::Rsa, modulus_bits(key).is_some_and(|bits| (2048..=4096).contains(&bits)))
    } else {
        return None;
    };
    fits.then_some(kind)
}

/// The size of a key of RSA's (RFC 8017, A.1.1).
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut outer = Der::new(key);
    let mut numbers = outer.enter(SEQUENCE)?;
    outer.end()?;
    let modulus = numbers.take(INTEGER)?.digits();
    numbers.take(INTEGER)?;
    numbers.end()?;
    let unused = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    Some(modulus.len() * 8 - unused)
}

impl PublicKeyData for RequestedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        // rcgen takes the key's own algorithm from it, which says nothing about a hash.
        match self.kind {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, RsaKeySize};

    use super::*;

    fn request(key: &KeyPair) -> Vec<u8> {
        let params = CertificateParams::new(["somebody.example".to_owned()]).unwrap();
        params.serialize_request(key).unwrap().der().to_vec()
    }

    fn read(der: &[u8]) -> Result<KeyKind, RequestRefusal> {
        RequestedKey::read(der).map(|key| key.kind)
    }

    fn rsa(size: RsaKeySize) -> KeyPair {
        KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap()
    }

    #[test]
    fn every_kind_that_is_certified_is_read() {
        for (algorithm, kind) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, KeyKind::P256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, KeyKind::P384),
            (&rcgen::PKCS_ED25519, KeyKind::Ed25519),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let requested = RequestedKey::read(&request(&key)).ok().unwrap();
            assert_eq!(requested.kind, kind);
            assert_eq!(requested.subject_public_key_info(), key.subject_public_key_info());
        }
        let key = rsa(RsaKeySize::_2048);
        let requested = RequestedKey::read(&request(&key)).ok().unwrap();
        assert_eq!(requested.subject_public_key_info(), key.subject_public_key_info());
        assert_eq!(read(&request(&rsa(RsaKeySize::_4096))), Ok(KeyKind::Rsa));
    }

    #[test]
    fn other_kinds_are_weak() {
        let p521 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        assert_eq!(read(&request(&p521)), Err(RequestRefusal::WeakKey));
        assert_eq!(modulus_bits(&[&[0x30, 7, 2, 2, 0, 0x80][..], &[2, 1, 3]].concat()), Some(8));
        assert_eq!(kind(alg_id::RSA_ENCRYPTION.as_ref(), &[0x30, 6, 2, 1, 0, 2, 1, 3]), None);
        assert_eq!(kind(alg_id::ECDSA_P256.as_ref(), &[2; 33]), None, "a compressed point");
    }

    #[test]
    fn a_request_for_somebody_elses_key_is_not_signed_by_it() {
        let (mine, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let (public, foreign) = (mine.public_key_raw(), other.public_key_raw());
        let mut forged = request(&mine);
        let at = forged.windows(public.len()).position(|window| window == public).unwrap();
        forged[at..at + foreign.len()].copy_from_slice(foreign);
        assert_eq!(read(&forged), Err(RequestRefusal::BadSignature));
    }

    #[test]
    fn what_follows_a_request_is_no_part_of_it() {
        let mut long = request(&KeyPair::generate().unwrap());
        long.push(0);
        assert_eq!(read(&long), Err(RequestRefusal::Malformed));
        assert_eq!(read(&vec![0x30; LONGEST + 1]), Err(RequestRefusal::Malformed));
        assert_eq!(read(&[]), Err(RequestRefusal::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>) {
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn a_changed_request_is_refused(at: prop::sample::Index, bit in 0..8_u8, cut: prop::sample::Index) {
            // Ed25519's signatures have one spelling, so that no change can be without effect.
            let good = request(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());
            let mut changed = good.clone();
            changed[at.index(good.len())] ^= 1 << bit;
            prop_assert!(read(&changed).is_err());
            prop_assert!(read(&good[..cut.index(good.len())]).is_err());
        }
    }
}
