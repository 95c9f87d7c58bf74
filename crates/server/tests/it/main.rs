//! The server as its clients meet it: over a socket, in one binary of tests.
//!
//! `house` runs it in this process, where the clock stands still until it is moved; `process` runs the binary, where it is
//! killed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

mod agent_machine;
mod agent_tls;
mod alibaba;
mod apps;
mod bad_input;
mod bad_tokens;
mod client;
mod code_commands;
mod codes;
mod commands;
mod delivery;
mod directory;
mod downloads;
mod enrolment;
mod escalation;
mod flood;
mod gateways;
mod house;
mod legibility;
mod limits;
mod machine_commands;
mod message_centre;
mod oneaccess;
mod process;
mod race;
mod restart;
mod rotation;
mod second_host;
mod tencent;
mod tickets;
mod tls;
mod tls_client;
