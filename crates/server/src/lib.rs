//! How Countersign runs: the configuration, the listener, the wiring, the commands. Only this crate listens.
//!
//! A request goes `listen` (accept, permits) → `connection` (TLS, HTTP/1.1 or HTTP/2) → `http` (request id, client address,
//! body limit, deadline, metrics) → a façade.

pub mod agents;
mod calls;
mod certificates;
pub mod cli;
pub mod client_address;
pub mod config;
mod connection;
mod delivery;
mod der;
mod dev;
mod directory;
mod directory_file;
mod files;
mod hex;
mod house;
mod http;
mod id_tokens;
mod listen;
mod machine;
mod master_key;
mod metrics;
mod operations_door;
mod pages;
mod passwords;
mod private_file;
mod puzzles;
mod ready_puzzles;
mod session_signatures;
mod system;
mod tls;
mod unread;
mod usage;
mod vault;
mod widget;

pub use config::Mode;
pub use house::{Announcement, House};
pub use system::{OsEntropy, SystemClock};
