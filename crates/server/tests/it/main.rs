//! The server as its clients meet it: over a socket, in one binary of tests.
//!
//! `house` runs it in this process, where the clock stands still until it is moved; `process` runs the binary, where it is
//! killed.

mod apps;
mod bad_input;
mod client;
mod commands;
mod flood;
mod house;
mod oneaccess;
mod process;
mod race;
mod restart;
mod tickets;
