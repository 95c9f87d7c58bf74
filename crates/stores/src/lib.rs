//! Where things are kept. A store implements ports of the domain and knows nothing of façades or HTTP.
//!
//! | store | ports | for |
//! |---|---|---|
//! | [`memory`] | marks | one node; a restart forgets, and its epoch makes that safe |
//! | [`nonces`] | nonces | one node: marks in front, records behind |
//! | [`throttle`] | the node's own limits | one node; a restart forgets |
//! | [`usage`] | notes of who uses what | one node: a queue, records behind |
//! | [`history`] | what is remembered of clients | one node; a restart forgets |
//! | [`decisions`] | a sample of what was decided | one node; a restart forgets |
//! | [`sqlite`] | records | one machine; what was acknowledged survives `kill -9` |
//!
//! To add one: a file here, its migrations or scripts beside it, and the port's conformance suite as its test module.

pub mod decisions;
pub mod history;
pub mod memory;
pub mod nonces;
pub mod sqlite;
pub mod throttle;
pub mod usage;
