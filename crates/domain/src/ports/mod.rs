//! What the operations need from outside, as verbs that are atomic.
//!
//! Each port has one meaning, and [`testing`](crate::testing) defines it: a conformance suite that every implementation
//! runs. To add a port: a trait of at most 8 verbs in a file of its own here, one plain error enum, a suite there, and then
//! its implementations. A verb is one whole transaction; nothing is read first and written later.

mod agent_records;
mod authority;
mod captcha_app_records;
mod clock;
mod code_records;
mod contact_records;
mod decisions;
mod directory;
mod entropy;
mod history;
mod id_tokens;
mod install_code_records;
mod local_throttle;
mod marks;
mod nonces;
mod outbox_records;
mod owner_records;
mod passwords;
mod puzzles;
mod records;
mod sender;
mod session_signatures;
mod tally;
mod usage_records;
mod user_records;

pub use agent_records::{Admission, Admitted, AgentRecords, AgentsWanted, MachineRecords};
pub use authority::{Authority, AuthorityFailure, Certified, RequestRefusal, SigningRequest};
pub use captcha_app_records::{CaptchaAppRecords, NewCaptchaApp};
pub use clock::Clock;
pub use code_records::{
    Accepted, Checked, CodeCheck, CodeNamed, CodeRecords, CodeSend, Gained, Judge, REPEATABLE_FOR, Repeatable,
    Spending, TryCharges,
};
pub use contact_records::{ContactRecords, ContactsWanted};
pub use decisions::Decisions;
pub use directory::Directory;
pub use entropy::Entropy;
pub use history::History;
pub use id_tokens::{IdClaims, IdTokenFailure, IdTokens};
pub use install_code_records::{GroupRecords, InstallCodeRecords, Named, Use};
pub use local_throttle::LocalThrottle;
pub use marks::{Epoch, MarkId, Marks, MarksError, Owner, Spent};
pub use nonces::{NonceId, NonceUse, Nonces};
pub use outbox_records::{
    DeliveryReport, LONGEST_WAIT, Leased, MessageRow, MessageState, OutboxKeeping, OutboxRecords, Settlement,
};
pub use owner_records::{OwnerRecords, OwnerRows, OwnershipRecords, Page, SiteRecords, Taken};
pub use passwords::{HashingPlace, Passwords};
pub use puzzles::{Busy, Puzzles};
pub use records::{
    AccessKeyRecords, AppRecords, AuditRecords, DirectoryRecords, DirectoryRows, IamUserRecords, NonceRecords,
    NonceRow, PostRecords, Records, RecordsError, Reseal, SealingKeyRow, SecretRow,
};
pub use sender::{
    Delivery, DeliveryAddress, Pace, Receipt, ReportError, Reports, SendError, Sender, TemplateError, Templates,
};
pub use session_signatures::SessionSignatures;
pub use tally::{CodeOutcome, Enrolment, Event, Judged, Redeemed, Tally, TrailSeen};
pub use usage_records::{MOST_GROUPS, NotesFull, StatisticsWanted, UsageKept, UsageNotes, UsageRecords, UsageWanted};
pub use user_records::{PeopleRecords, SessionRecords, UserNamed, UserRecords};
