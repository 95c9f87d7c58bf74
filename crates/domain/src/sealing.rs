//! Sealing: how a record travels through a stranger's hands unread and unchanged.
//!
//! A sealed token is `base64url(version ‖ key id ‖ nonce ‖ XChaCha20-Poly1305 ciphertext)`. What it is for stands in the
//! associated data, so a challenge can never be opened as a ticket. The 24-byte nonces are random and never run out, which
//! is why this costs 5 µs instead of AES-GCM's 1 µs. Which app a token belongs to stands *inside* and is compared by the
//! operation: a browser that answers a challenge does not say which app it belongs to, so it cannot be associated data.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::address::Origin;
use crate::code::{CodeId, Digits};
use crate::contact::Contact;
use crate::ports::Entropy;
use crate::secret::Secret;
use crate::time::Timestamp;

const VERSION: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEADER: usize = 1 + KEY_ID;
const KEY_ID: usize = 4;

/// Longest token that is looked at, in characters. The longest that is made is under 700.
pub const TOKEN_LIMIT: usize = 2048;

/// What a sealed token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A challenge that was shown and not yet answered.
    Challenge,
    /// The proof that a challenge was solved.
    Ticket,
    /// The proof that an IAM user has signed in.
    IamToken,
    /// The proof that a user has shown a password, and has something left to do.
    UserState,
    /// The address of a script that a page may load once.
    PageScript,
    /// What a page that has loaded its script draws challenges with.
    PageSession,
}

impl Purpose {
    fn tag(self) -> u8 {
        match self {
            Self::Challenge => 1,
            Self::Ticket => 2,
            Self::IamToken => 3,
            Self::UserState => 4,
            Self::PageScript => 5,
            Self::PageSession => 6,
        }
    }
}

/// Names a sealing key in every token that it sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; KEY_ID]);

/// One sealing key.
#[derive(Clone)]
pub struct SealingKey {
    id: KeyId,
    key: Secret<[u8; 32]>,
    seals_from: Timestamp,
}

impl SealingKey {
    /// A key under its id. It opens at once, and seals from `seals_from` on: by then every node must know it.
    pub fn new(id: KeyId, key: Secret<[u8; 32]>, seals_from: Timestamp) -> Self {
        Self { id, key, seals_from }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.expose().into())
    }

    fn contact_mac(&self, contact: &Contact) -> [u8; 16] {
        // A key of its own for contacts, so that no value ever serves two algorithms.
        let contact_key = mac(self.key.expose(), &[b"countersign contact key"]);
        short(mac(&contact_key, &[contact.channel().word().as_bytes(), b"\0", contact.normalised().as_bytes()]))
    }

    fn code_mac(&self, id: CodeId, digits: &Digits) -> [u8; 16] {
        let code_key = mac(self.key.expose(), &[b"countersign code key"]);
        short(mac(&code_key, &[&id.bytes(), digits.expose().as_bytes()]))
    }

    fn user_mac(&self, user: &str) -> [u8; 16] {
        let user_key = mac(self.key.expose(), &[b"countersign user key"]);
        short(mac(&user_key, &[user.as_bytes()]))
    }

    fn origin_mac(&self, origin: Origin) -> [u8; 16] {
        let origin_key = mac(self.key.expose(), &[b"countersign origin key"]);
        short(mac(&origin_key, &[origin.bytes()]))
    }
}

/// A contact, an origin or an app's user as a token carries it: a keyed hash, and which key made it. A token passes through strangers' hands,
/// and nobody who has it can read from it whom or where it is bound to. Each of the three has a key of its own, so a hash of one
/// is never taken for a hash of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedHash {
    key: KeyId,
    mac: [u8; 16],
}

impl KeyedHash {
    /// The 20 bytes that stand for it at rest.
    pub fn bytes(&self) -> [u8; KEY_ID + 16] {
        let mut bytes = [0; KEY_ID + 16];
        bytes[..KEY_ID].copy_from_slice(&self.key.0);
        bytes[KEY_ID..].copy_from_slice(&self.mac);
        bytes
    }

    /// The hash that [`bytes`](Self::bytes) gave.
    pub fn from_bytes(bytes: [u8; KEY_ID + 16]) -> Self {
        let (mut key, mut mac) = ([0; KEY_ID], [0; 16]);
        key.copy_from_slice(&bytes[..KEY_ID]);
        mac.copy_from_slice(&bytes[KEY_ID..]);
        Self { key: KeyId(key), mac }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.array(&self.key.0);
        writer.array(&self.mac);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { key: KeyId(reader.array()?), mac: reader.array()? })
    }
}

/// The sealing keys of an installation: one seals, all of them open.
pub struct Keyring {
    oldest: SealingKey,
    newer: Vec<SealingKey>,
}

/// A token that this keyring did not seal for this purpose, or that somebody changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of ours")]
pub struct NotOurs;

impl Keyring {
    /// The keys, oldest first.
    pub fn new(oldest: SealingKey, newer: Vec<SealingKey>) -> Self {
        Self { oldest, newer }
    }

    fn find(&self, id: KeyId) -> Option<&SealingKey> {
        std::iter::once(&self.oldest).chain(&self.newer).find(|key| key.id == id)
    }

    /// The newest key whose time has come. A clock behind all of them gets the oldest.
    fn sealer(&self, now: Timestamp) -> &SealingKey {
        self.newer.iter().rfind(|key| key.seals_from <= now).unwrap_or(&self.oldest)
    }

    /// Seals `plain` into a token of `[A-Za-z0-9_-]`.
    ///
    /// # Errors
    /// [`NotOurs`] if `plain` is too long to be sealed, which no record of ours is.
    pub fn seal(
        &self,
        purpose: Purpose,
        plain: &[u8],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<String, NotOurs> {
        let key = self.sealer(now);
        let mut token = Vec::with_capacity(HEADER + NONCE + plain.len() + TAG);
        token.push(VERSION);
        token.extend_from_slice(&key.id.0);
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: &associated(purpose, key.id) };
        let sealed = key.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| NotOurs)?;
        token.extend_from_slice(&nonce);
        token.extend_from_slice(&sealed);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Opens a token that was sealed for `purpose`.
    ///
    /// # Errors
    /// [`NotOurs`] for anything else, whatever is wrong with it: an attacker learns nothing from the reason.
    pub fn open(&self, purpose: Purpose, token: &str) -> Result<Vec<u8>, NotOurs> {
        if token.len() > TOKEN_LIMIT {
            return Err(NotOurs);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| NotOurs)?;
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(NotOurs)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(NotOurs)?;
        let (version, id) = header.split_first_chunk::<1>().ok_or(NotOurs)?;
        if *version != [VERSION] {
            return Err(NotOurs);
        }
        let id = KeyId(id.try_into().map_err(|_| NotOurs)?);
        let key = self.find(id).ok_or(NotOurs)?;
        let payload = Payload { msg: sealed, aad: &associated(purpose, id) };
        key.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| NotOurs)
    }

    /// The keyed hash under which a contact is sealed into a token.
    pub fn contact_hash(&self, contact: &Contact, now: Timestamp) -> KeyedHash {
        let key = self.sealer(now);
        KeyedHash { key: key.id, mac: key.contact_mac(contact) }
    }

    /// Whether `hash` was made from `contact`, in constant time.
    pub fn is_contact(&self, hash: &KeyedHash, contact: &Contact) -> bool {
        self.find(hash.key).is_some_and(|key| bool::from(key.contact_mac(contact).ct_eq(&hash.mac)))
    }

    /// The keyed hash of a one-time code's digits, bound to the code's id.
    pub fn code_hash(&self, id: CodeId, digits: &Digits, now: Timestamp) -> KeyedHash {
        let key = self.sealer(now);
        KeyedHash { key: key.id, mac: key.code_mac(id, digits) }
    }

    /// Whether `hash` was made from these digits for this code, in constant time.
    pub fn is_code(&self, hash: &KeyedHash, id: CodeId, digits: &Digits) -> bool {
        self.find(hash.key).is_some_and(|key| bool::from(key.code_mac(id, digits).ct_eq(&hash.mac)))
    }

    /// The keyed hash under which what an app calls its user is sealed into a token.
    pub fn user_hash(&self, user: &str, now: Timestamp) -> KeyedHash {
        let key = self.sealer(now);
        KeyedHash { key: key.id, mac: key.user_mac(user) }
    }

    /// Whether `hash` was made from what an app calls its user, in constant time.
    pub fn is_user(&self, hash: &KeyedHash, user: &str) -> bool {
        self.find(hash.key).is_some_and(|key| bool::from(key.user_mac(user).ct_eq(&hash.mac)))
    }

    /// The keyed hash under which an origin is sealed into a ticket.
    pub fn origin_hash(&self, origin: Origin, now: Timestamp) -> KeyedHash {
        let key = self.sealer(now);
        KeyedHash { key: key.id, mac: key.origin_mac(origin) }
    }

    /// Whether `hash` was made from `origin`, in constant time.
    pub fn is_origin(&self, hash: &KeyedHash, origin: Origin) -> bool {
        self.find(hash.key).is_some_and(|key| bool::from(key.origin_mac(origin).ct_eq(&hash.mac)))
    }
}

/// Half of a MAC is enough where a guess needs a call each.
fn short(full: [u8; 32]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

fn associated(purpose: Purpose, id: KeyId) -> [u8; 2 + KEY_ID] {
    let [a, b, c, d] = id.0;
    [VERSION, purpose.tag(), a, b, c, d]
}

/// HMAC-SHA256 of `parts`, one after the other. Keys that are derived with it have a label, so that none serves two uses.
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a key to the hash's block with zeros; done here, the length is the type's and cannot be wrong.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The key that seals secrets at rest: access keys' secrets and the sealing keys themselves.
///
/// While it rotates there are two: the current one seals, both open, so that no row that anybody wrote in between is lost.
pub struct MasterKey {
    current: Secret<[u8; 32]>,
    previous: Option<Secret<[u8; 32]>>,
}

impl MasterKey {
    /// The current key, and the one before it, where that is kept.
    pub fn new(current: Secret<[u8; 32]>, previous: Option<Secret<[u8; 32]>>) -> Self {
        Self { current, previous }
    }

    /// Seals `plain` for the row that `place` names (such as `access_key/AK1`): moved to another row, it does not open.
    ///
    /// # Errors
    /// [`NotOurs`] if `plain` is too long to be sealed, which no secret of ours is.
    pub fn seal(&self, place: &str, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, NotOurs> {
        let nonce = entropy.array::<NONCE>();
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let cipher = XChaCha20Poly1305::new(self.current.expose().into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| NotOurs)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) sealed for `place`.
    ///
    /// # Errors
    /// [`NotOurs`] under another master key, for another place, or after a change.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, NotOurs> {
        let keys = std::iter::once(&self.current).chain(&self.previous);
        keys.into_iter().find_map(|key| open_at_rest(key, place, sealed)).ok_or(NotOurs)
    }

    /// Whether the current key sealed it, and not the one before.
    pub fn is_current(&self, place: &str, sealed: &[u8]) -> bool {
        open_at_rest(&self.current, place, sealed).is_some()
    }
}

fn open_at_rest(key: &Secret<[u8; 32]>, place: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload { msg: sealed, aad: place.as_bytes() };
    XChaCha20Poly1305::new(key.expose().into()).decrypt(&XNonce::from(*nonce), payload).ok().map(Secret::new)
}

/// Bytes that are no record of ours: wrong length or an unknown tag. After a seal that held, only a newer version of the
/// server can have written them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record of this version")]
pub struct Malformed;

/// Writes the fields of a sealed record, one after the other, big-endian, strings behind their length.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn array(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    /// At most 255 bytes; what is written here is bounded by its type.
    pub(crate) fn string(&mut self, value: &[u8]) {
        let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
        self.0.push(length);
        self.0.extend_from_slice(&value[..usize::from(length)]);
    }

    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Writer`] wrote.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::from(self.u8()?);
        let (head, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.string()?).map_err(|_| Malformed)
    }

    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Malformed),
        }
    }

    /// Succeeds when nothing is left over.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_000);

    /// Key `id` seals from `id` milliseconds on.
    fn key(id: u8) -> SealingKey {
        SealingKey::new(KeyId([id; 4]), Secret::new([id; 32]), Timestamp::from_milliseconds(i64::from(id)))
    }

    fn ring() -> Keyring {
        Keyring::new(key(1), vec![key(2)])
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_and_no_changed_character_does(plain: Vec<u8>, at: usize, flip in 1u8..64) {
            prop_assume!(plain.len() < 400);
            let token = ring().seal(Purpose::Challenge, &plain, NOW, &SeededEntropy::new(1)).unwrap();
            prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
            prop_assert_eq!(ring().open(Purpose::Challenge, &token), Ok(plain));

            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut changed = token.clone().into_bytes();
            let at = at % changed.len();
            let digit = alphabet.iter().position(|&character| character == changed[at]).unwrap();
            changed[at] = alphabet[digit ^ usize::from(flip)];
            prop_assert_eq!(ring().open(Purpose::Challenge, &String::from_utf8(changed).unwrap()), Err(NotOurs));
        }

        #[test]
        fn no_text_panics_the_parser(text: String) {
            prop_assert_eq!(ring().open(Purpose::Ticket, &text), Err(NotOurs));
        }
    }

    #[test]
    fn a_token_opens_for_its_own_purpose_and_under_its_own_key_only() {
        let token = ring().seal(Purpose::Challenge, b"record", NOW, &SeededEntropy::new(1)).unwrap();
        assert_eq!(ring().open(Purpose::Ticket, &token), Err(NotOurs));
        assert_eq!(Keyring::new(key(3), vec![]).open(Purpose::Challenge, &token), Err(NotOurs));
        let same_id_other_key = SealingKey::new(KeyId([2; 4]), Secret::new([9; 32]), NOW);
        assert_eq!(Keyring::new(same_id_other_key, vec![]).open(Purpose::Challenge, &token), Err(NotOurs));
    }

    #[test]
    fn a_key_seals_from_its_time_on_and_opens_before_and_after() {
        let (before, after) = (Timestamp::from_milliseconds(1), Timestamp::from_milliseconds(2));
        let old = ring().seal(Purpose::Ticket, b"old", before, &SeededEntropy::new(1)).unwrap();
        let new = ring().seal(Purpose::Ticket, b"new", after, &SeededEntropy::new(1)).unwrap();
        let alone = |id, token: &str| Keyring::new(key(id), vec![]).open(Purpose::Ticket, token).is_ok();
        assert!(alone(1, &old) && !alone(2, &old));
        assert!(alone(2, &new) && !alone(1, &new));
        assert_eq!(ring().open(Purpose::Ticket, &old).unwrap(), b"old");
        assert_eq!(ring().open(Purpose::Ticket, &new).unwrap(), b"new");
        let early = ring().seal(Purpose::Ticket, b"early", Timestamp::from_milliseconds(0), &SeededEntropy::new(1));
        assert!(alone(1, &early.unwrap()), "a clock behind all keys");
    }

    #[test]
    fn a_contact_hash_is_recognised_after_rotation_and_tells_channels_apart() {
        let contact = Contact::parse("13912345678").unwrap();
        let hash = Keyring::new(key(1), vec![]).contact_hash(&contact, NOW);
        assert!(ring().is_contact(&hash, &contact));
        assert!(!ring().is_contact(&hash, &Contact::parse("13912345679").unwrap()));
        assert!(!Keyring::new(key(3), vec![]).is_contact(&hash, &contact));
    }

    #[test]
    fn a_codes_hash_is_for_its_digits_and_its_code_and_survives_rotation() {
        let (id, other) = (CodeId::from_bytes([1; 16]), CodeId::from_bytes([2; 16]));
        let (right, wrong) = (Digits::read("123456").unwrap(), Digits::read("123457").unwrap());
        let hash = KeyedHash::from_bytes(Keyring::new(key(1), vec![]).code_hash(id, &right, NOW).bytes());
        assert!(ring().is_code(&hash, id, &right));
        assert!(!ring().is_code(&hash, id, &wrong));
        assert!(!ring().is_code(&hash, other, &right));
        assert!(!Keyring::new(key(3), vec![]).is_code(&hash, id, &right));
    }

    #[test]
    fn an_origin_hash_is_recognised_after_rotation_and_is_no_plain_hash() {
        let origin = Origin::of("192.0.2.1".parse().unwrap());
        let hash = Keyring::new(key(1), vec![]).origin_hash(origin, NOW);
        assert!(ring().is_origin(&hash, origin));
        assert!(!ring().is_origin(&hash, Origin::of("192.0.2.2".parse().unwrap())));
        assert_ne!(hash.mac, ring().origin_hash(origin, NOW).mac, "it depends on the key");
    }

    #[test]
    fn a_secret_at_rest_opens_in_its_own_row_only() {
        let master = MasterKey::new(Secret::new([7; 32]), None);
        let sealed = master.seal("access_key/A", b"hush", &SeededEntropy::new(1)).unwrap();
        assert_eq!(master.open("access_key/A", &sealed).unwrap().expose(), b"hush");
        assert!(master.open("access_key/B", &sealed).is_err());
        assert!(MasterKey::new(Secret::new([8; 32]), None).open("access_key/A", &sealed).is_err());
    }

    #[test]
    fn while_the_master_key_rotates_both_open_and_the_current_one_seals() {
        let old = MasterKey::new(Secret::new([7; 32]), None);
        let both = MasterKey::new(Secret::new([8; 32]), Some(Secret::new([7; 32])));
        let sealed = old.seal("place", b"hush", &SeededEntropy::new(1)).unwrap();
        assert_eq!(both.open("place", &sealed).unwrap().expose(), b"hush");
        assert!(!both.is_current("place", &sealed));
        let resealed = both.seal("place", b"hush", &SeededEntropy::new(1)).unwrap();
        assert!(both.is_current("place", &resealed) && old.open("place", &resealed).is_err());
    }
}
