//! The machine's side: what `countersign agent` does where it runs. It joins a server, keeps what makes it an agent in a
//! folder of its own, and is heard of from then on. It listens nowhere, and opens neither records nor settings.

mod address;
mod call;
mod folder;
mod host;
mod join;
mod patience;
mod run;
mod words;

pub(crate) use address::Address;
pub(crate) use call::{CallError, Server, Trust};
pub(crate) use folder::{DEFAULT as DEFAULT_FOLDER, Folder, Identity};
pub(crate) use join::{Join, Outcome};
pub(crate) use patience::Backoff;
pub(crate) use run::{End, Run, beat, leave};
pub(crate) use words::{Sentence, complaint, explained, language};

use std::sync::Arc;

use countersign_domain::ports::{Clock, Entropy};
use countersign_facades::Language;

/// What everything here is passed.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The language of the machine's user, in which the server is asked to answer.
    pub(crate) language: Language,
}
