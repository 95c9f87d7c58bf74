//! What the operations need from outside, as verbs that are atomic.
//!
//! Each port has one meaning, and [`testing`](crate::testing) defines it: a conformance suite that every implementation
//! runs. To add a port: a trait of at most 8 verbs in a file of its own here, one plain error enum, a suite there, and then
//! its implementations. A verb is one whole transaction; nothing is read first and written later.

mod authority;
mod clock;
mod directory;
mod entropy;
mod local_throttle;
mod marks;
mod puzzles;
mod records;
mod tally;

pub use authority::{Authority, AuthorityFailure, Certified, RequestRefusal, SigningRequest};
pub use clock::Clock;
pub use directory::Directory;
pub use entropy::Entropy;
pub use local_throttle::LocalThrottle;
pub use marks::{Epoch, MarkId, Marks, MarksError, Owner, Spent};
pub use puzzles::{Busy, Puzzles};
pub use records::{
    AccessKeyRecords, AppRecords, AuditRecords, DirectoryRecords, DirectoryRows, Records, RecordsError, Reseal,
    SealingKeyRow, SecretRow,
};
pub use tally::{Event, Judged, Redeemed, Tally};
