//! `--dev`: everything a first try and the clients' tests need, on loopback only. What it makes is written to `dev.json` in
//! the data folder, which marks the folder: a server without `--dev` refuses it.

mod codes;
mod door;
mod identity;
mod legibility;

pub(crate) use door::DevDoor;
pub(crate) use identity::{FILE, Identity, endpoint};
