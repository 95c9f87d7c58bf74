//! What tests share: a clock that is moved by hand, entropy that repeats itself, and the suites that define the ports.

mod code_records_conformance;
mod decisions_conformance;
mod executor;
mod history_conformance;
mod local_throttle_conformance;
mod machine_records_conformance;
mod marks_conformance;
mod model_codes;
mod model_history;
mod model_machines;
mod model_marks;
mod model_nonces;
mod model_owners;
mod model_people;
mod model_throttle;
mod model_usage;
mod nonces_conformance;
mod outbox_conformance;
mod owner_records_conformance;
mod people_records_conformance;
mod recorded_reports;
mod recording_sender;
mod records_conformance;
mod usage_conformance;

pub use code_records_conformance::code_records_conformance;
pub use decisions_conformance::decisions_conformance;
pub use executor::block_on;
pub use history_conformance::history_conformance;
pub use local_throttle_conformance::local_throttle_conformance;
pub use machine_records_conformance::machine_records_conformance;
pub use marks_conformance::marks_conformance;
pub use model_codes::ModelCodes;
pub use model_history::{ModelDecisions, ModelHistory};
pub use model_machines::ModelMachines;
pub use model_marks::ModelMarks;
pub use model_nonces::ModelNonces;
pub use model_people::ModelPeople;
pub use model_throttle::ModelThrottle;
pub use model_usage::ModelUsage;
pub use nonces_conformance::nonces_conformance;
pub use outbox_conformance::outbox_conformance;
pub use owner_records_conformance::owner_records_conformance;
pub use people_records_conformance::people_records_conformance;
pub use recorded_reports::RecordedReports;
pub use recording_sender::RecordingSender;
pub use records_conformance::records_conformance;
pub use usage_conformance::usage_conformance;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::access_key::{AccessKey, AccessKeyId};
use crate::agent::AgentId;
use crate::app::{App, AppId};
use crate::captcha_app::{CaptchaApp, CaptchaAppId, CaptchaAppRow};
use crate::challenge::{Answer, Axes, Kind, Level, Picture, Puzzle, Solution, Style, View};
use crate::iam_user::{IamName, IamUser, IamUserId, PasswordHash};
use crate::message::{Subject, Text};
use crate::ports::{
    Authority, AuthorityFailure, Busy, Certified, Clock, Directory, Entropy, Event, HashingPlace, IdClaims,
    IdTokenFailure, IdTokens, Passwords, Puzzles, RequestRefusal, SessionSignatures, SigningRequest, Tally,
    TemplateError, Templates,
};
use crate::sealing::{KeyId, Keyring, SealingKey};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Words that say the code and nothing else.
pub struct PlainTemplates;

impl Templates for PlainTemplates {
    fn text(&self, about: &Subject) -> Result<Text, TemplateError> {
        let body = format!("{} {}", about.language.tag(), about.digits.expose());
        Ok(Text { subject: Secret::new(about.app_name.clone()), body: Secret::new(body) })
    }
}

/// A clock that stands still until it is moved.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows a fixed time in November 2026.
    pub fn new() -> Arc<Self> {
        Self::at(Timestamp::from_milliseconds(1_795_000_000_000))
    }

    /// A clock that shows `time`.
    pub fn at(time: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time.milliseconds())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        let milliseconds = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// Entropy that repeats itself: the same seed gives the same bytes, in order. `SplitMix64`, for tests only.
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The generator for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let step = 0x9e37_79b9_7f4a_7c15;
            let mut value = self.0.fetch_add(step, Ordering::SeqCst).wrapping_add(step);
            value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            value ^= value >> 31;
            chunk.copy_from_slice(&value.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A directory that is written down in the test.
#[derive(Default)]
pub struct FixedDirectory {
    apps: HashMap<AppId, Arc<App>>,
    captcha_apps: Vec<Arc<CaptchaApp>>,
    access_keys: HashMap<AccessKeyId, Arc<AccessKey>>,
    iam_users: Vec<Arc<IamUser>>,
}

impl FixedDirectory {
    /// A directory of these apps.
    pub fn with_apps(apps: impl IntoIterator<Item = App>) -> Self {
        let apps = apps.into_iter().map(|app| (app.id.clone(), Arc::new(app))).collect();
        Self { apps, ..Self::default() }
    }

    /// The same, where the app has this number and secret for a vendor's widget.
    #[must_use]
    pub fn and_captcha_app(mut self, app: &AppId, id: CaptchaAppId, secret: &str) -> Self {
        let created_at = Timestamp::from_milliseconds(0);
        let row = CaptchaAppRow { id, app: app.clone(), sealed_secret: Vec::new(), created_at };
        self.captcha_apps.push(Arc::new(CaptchaApp { row, secret: Secret::new(secret.to_owned()) }));
        self
    }

    /// The same, with this key.
    #[must_use]
    pub fn and_key(mut self, key: AccessKey) -> Self {
        self.access_keys.insert(key.row.id.clone(), Arc::new(key));
        self
    }

    /// The same, with this user.
    #[must_use]
    pub fn and_user(mut self, user: IamUser) -> Self {
        self.iam_users.push(Arc::new(user));
        self
    }
}

impl Directory for FixedDirectory {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        self.apps.get(id).cloned()
    }

    fn captcha_app(&self, id: CaptchaAppId) -> Option<Arc<CaptchaApp>> {
        self.captcha_apps.iter().find(|app| app.row.id == id).cloned()
    }

    fn captcha_app_of(&self, app: &AppId) -> Option<CaptchaAppId> {
        self.captcha_apps.iter().find(|known| known.row.app == *app).map(|known| known.row.id)
    }

    fn access_key(&self, id: &AccessKeyId) -> Option<Arc<AccessKey>> {
        self.access_keys.get(id).cloned()
    }

    fn iam_user(&self, id: IamUserId) -> Option<Arc<IamUser>> {
        self.iam_users.iter().find(|user| user.id == id).cloned()
    }

    fn iam_user_named(&self, domain: &IamName, name: &IamName) -> Option<Arc<IamUser>> {
        self.iam_users.iter().find(|user| user.domain == *domain && user.name == *name).cloned()
    }

    fn keyring(&self) -> Arc<Keyring> {
        let start = Timestamp::from_milliseconds(0);
        Arc::new(Keyring::new(SealingKey::new(KeyId([1; 4]), Secret::new([1; 32]), start), vec![]))
    }
}

/// An app with this id, enabled.
///
/// # Panics
/// If `id` can be none.
#[expect(clippy::expect_used, reason = "a test that writes down a bad id should stop there")]
pub fn app(id: &str) -> App {
    App {
        id: AppId::parse(id).expect("an app id"),
        name: "Test".to_owned(),
        tenant: None,
        enabled: true,
        created_at: Timestamp::from_milliseconds(0),
    }
}

/// Puzzles without pictures, for rules that do not look at them: the piece belongs at 100 and, where two axes are
/// asked, at 50 from the top, give or take 4.
pub struct PlainPuzzles;

#[async_trait]
impl Puzzles for PlainPuzzles {
    async fn make(&self, _: Kind, _: Level, Style { format, axes }: Style) -> Result<Puzzle, Busy> {
        let picture = |width, height| Picture { format, width, height, bytes: vec![1, 2, 3] };
        let (piece, y) = match axes {
            Axes::One => (picture(47, 155), None),
            Axes::Two => (picture(47, 47), Some(50)),
        };
        let view = View::Slider { axes, background: picture(310, 155), piece };
        Ok(Puzzle { solution: Solution::Slider { x: 100, y, tolerance: 4 }, view })
    }

    fn judge(&self, solution: &Solution, answer: &Answer) -> bool {
        let (Solution::Slider { x, y, tolerance }, Answer::Slider { x: right, y: down }) = (*solution, *answer);
        let near = |answered: f64, place: u16| (answered - f64::from(place)).abs() <= f64::from(tolerance);
        near(right, x) && y.is_none_or(|y| down.is_some_and(|down| near(down, y)))
    }
}

/// An authority without cryptography: a request is the text `request N`, and its certificate says so.
pub struct PlainAuthority;

impl Authority for PlainAuthority {
    fn read(&self, request: &str) -> Result<SigningRequest, RequestRefusal> {
        let number: u8 = match request.strip_prefix("request ").map(str::parse) {
            Some(Ok(number)) => number,
            Some(Err(_)) => return Err(RequestRefusal::BadSignature),
            None => return Err(RequestRefusal::Malformed),
        };
        Ok(SigningRequest { fingerprint: [number; 32], der: vec![number] })
    }

    fn certify(
        &self,
        request: &SigningRequest,
        agent: AgentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Certified, AuthorityFailure> {
        let (from, until) = (from.milliseconds(), until.milliseconds());
        let certificate = format!("certificate of {agent} for request {:?}, {from} to {until}", request.der);
        Ok(Certified { certificate, serial: [5; 16] })
    }

    fn certificate(&self) -> &'static str {
        "the authority's certificate"
    }
}

/// Passwords without a hash: what is kept is the password, and how often one was looked at is counted.
#[derive(Default)]
pub struct PlainPasswords {
    looked_at: AtomicU64,
    full: AtomicBool,
}

/// A place where nothing is done.
struct PlainPlace;

#[async_trait]
impl HashingPlace for PlainPlace {
    async fn hash(self: Box<Self>, password: Secret<String>) -> Result<PasswordHash, Busy> {
        Ok(PasswordHash::new(password.expose().clone()))
    }
}

impl PlainPasswords {
    /// How many passwords were looked at.
    pub fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::SeqCst)
    }

    /// From now on nobody gets a place to have a password hashed, or gets one again.
    pub fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }
}

#[async_trait]
impl Passwords for PlainPasswords {
    fn reserve(&self) -> Result<Box<dyn HashingPlace>, Busy> {
        if self.full.load(Ordering::SeqCst) { Err(Busy) } else { Ok(Box::new(PlainPlace)) }
    }

    async fn verify(&self, password: Secret<String>, hash: Option<&PasswordHash>) -> Result<bool, Busy> {
        self.looked_at.fetch_add(1, Ordering::SeqCst);
        Ok(hash.is_some_and(|hash| hash.as_str() == password.expose()))
    }
}

/// Signatures that hide nothing: the text is the plain one.
pub struct PlainSignatures;

#[async_trait]
impl SessionSignatures for PlainSignatures {
    async fn public_key(&self) -> Result<String, Busy> {
        Ok("a public key".to_owned())
    }

    async fn open(&self, text: &str) -> Result<Option<Secret<Vec<u8>>>, Busy> {
        Ok(Some(Secret::new(text.as_bytes().to_vec())))
    }
}

/// Id tokens without a signature: what would be signed, as text.
pub struct PlainIdTokens;

impl IdTokens for PlainIdTokens {
    fn sign(&self, claims: &IdClaims) -> Result<Secret<String>, IdTokenFailure> {
        let IdClaims { user, app, session, proof, let_in_at, issued_at, expires_at } = claims;
        let times = [let_in_at, issued_at, expires_at].map(|time| time.milliseconds());
        let (app, proof) = (app.as_str(), proof.word());
        Ok(Secret::new(format!("user {user} of {app} in session {session} by {proof}, {times:?}")))
    }

    fn key_set(&self) -> String {
        r#"{"keys":[]}"#.to_owned()
    }
}

/// Counts nothing.
pub struct NoTally;

impl Tally for NoTally {
    fn count(&self, _: Event) {}
}
