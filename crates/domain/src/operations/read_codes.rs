use crate::app::AppId;
use crate::code::{Code, CodeId, CodeState};
use crate::operations::CodePorts;
use crate::ports::{MessageRow, RecordsError};

/// Reads how a code and its messages are doing.
pub struct ReadCodes {
    ports: CodePorts,
}

/// A code and what became of its messages.
pub struct CodeStatus {
    /// The code.
    pub code: Code,
    /// How it is doing now.
    pub state: CodeState,
    /// To whom it was sent, with the middle left out: for people who look after somebody's trouble.
    pub to: String,
    /// Its messages, newest first.
    pub messages: Vec<MessageRow>,
}

/// Why no code was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadCodesError {
    /// The app has no such code.
    #[error("there is no such code")]
    Unknown,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl ReadCodes {
    /// The operation over these ports.
    pub fn new(ports: CodePorts) -> Self {
        Self { ports }
    }

    /// One code of this app; of any app, where none is named.
    ///
    /// # Errors
    /// [`ReadCodesError`].
    pub async fn run(&self, app: Option<&AppId>, id: CodeId) -> Result<CodeStatus, ReadCodesError> {
        let ports = &self.ports;
        let code = ports.records.code(id).await.map_err(|error| match error {
            RecordsError::Missing => ReadCodesError::Unknown,
            error => ReadCodesError::Records(error),
        })?;
        if app.is_some_and(|app| *app != code.binding.app) {
            return Err(ReadCodesError::Unknown);
        }
        let messages = ports.records.messages_of(id).await.map_err(ReadCodesError::Records)?;
        let contact = ports.keys.open_contact(code.binding.contact, &code.sealed_contact);
        let to = contact.map_err(|_| ReadCodesError::Records(damaged(id)))?;
        Ok(CodeStatus { state: code.state(ports.clock.now()), to: to.masked(), code, messages })
    }
}

fn damaged(id: CodeId) -> RecordsError {
    RecordsError::Damaged(format!("the contact of code {id} does not open"))
}
