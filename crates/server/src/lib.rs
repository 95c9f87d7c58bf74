//! How Countersign runs: the configuration, the listener, the wiring, the commands. Only this crate listens.
//!
//! A request goes `listen` (accept, permits) → `http` (request id, client address, body limit, deadline, metrics) → a façade.

pub mod cli;
pub mod client_address;
pub mod config;
mod dev;
mod directory;
mod hex;
mod house;
mod http;
mod listen;
mod master_key;
mod metrics;
mod operations_door;
mod pages;
mod puzzles;
mod system;
mod unread;

pub use config::Mode;
pub use house::House;
pub use system::{OsEntropy, SystemClock};
