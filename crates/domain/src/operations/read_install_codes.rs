use crate::agent::AgentId;
use crate::app::AppId;
use crate::group::GroupName;
use crate::install_code::{CodeText, InstallCode, InstallCodeId, KeptInstallCode};
use crate::operations::{Actor, MachinePorts};
use crate::ports::{AgentsWanted, Named, RecordsError, Use};

/// Codes that one answer lists at most.
const MOST: u32 = 10_000;
/// Uses of a code that one answer lists at most.
const MOST_USES: u32 = 1_000;

/// Reads install codes again. Each reading leaves an entry in the audit trail.
pub struct ReadInstallCodes {
    ports: MachinePorts,
}

/// A code that was read.
pub struct ReadInstallCode {
    /// All but its text.
    pub code: InstallCode,
    /// Its text, if it is a short one.
    pub text: Option<CodeText>,
    /// The name of its group.
    pub group: GroupName,
}

/// Why no code was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadInstallCodesError {
    /// The app has no such code.
    #[error("there is no such install code")]
    UnknownCode,
    /// The app has no such agent.
    #[error("there is no such agent")]
    UnknownAgent,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for ReadInstallCodesError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Missing => Self::UnknownCode,
            error => Self::Records(error),
        }
    }
}

impl ReadInstallCodes {
    /// The operation over these ports.
    pub fn new(ports: MachinePorts) -> Self {
        Self { ports }
    }

    /// The app's codes, newest first: those that could admit a machine now, or, if `all`, every one.
    ///
    /// # Errors
    /// [`ReadInstallCodesError::Records`].
    pub async fn list(
        &self,
        app: &AppId,
        all: bool,
        by: Actor<'_>,
    ) -> Result<Vec<ReadInstallCode>, ReadInstallCodesError> {
        let read = self.ports.audit(by, "install_code.listed", app.as_str());
        let live_at = (!all).then(|| self.ports.clock.now());
        let rows = self.ports.records.read_install_codes(app.clone(), live_at, MOST, read).await?;
        rows.into_iter().map(|(kept, group)| self.opened(kept, group)).collect()
    }

    /// One code and its newest uses.
    ///
    /// # Errors
    /// [`ReadInstallCodesError::UnknownCode`], or the records.
    pub async fn find(
        &self,
        app: &AppId,
        id: InstallCodeId,
        by: Actor<'_>,
    ) -> Result<(ReadInstallCode, Vec<Use>), ReadInstallCodesError> {
        let read = self.ports.audit(by, "install_code.read", id.as_str());
        let found = self.ports.records.read_install_code(app.clone(), Named::Id(id), MOST_USES, read).await?;
        let (kept, group, uses) = found;
        Ok((self.opened(kept, group)?, uses))
    }

    /// The code that admitted an agent of the app's.
    ///
    /// # Errors
    /// [`ReadInstallCodesError::UnknownAgent`], or the records.
    pub async fn of_agent(
        &self,
        app: &AppId,
        agent: AgentId,
        by: Actor<'_>,
    ) -> Result<ReadInstallCode, ReadInstallCodesError> {
        let wanted = AgentsWanted { app: Some(app.clone()), ids: vec![agent], after: None, limit: 1 };
        let agents = self.ports.records.agents(wanted).await?;
        let agent = agents.into_iter().next().ok_or(ReadInstallCodesError::UnknownAgent)?;
        Ok(self.find(app, agent.code, by).await?.0)
    }

    fn opened(&self, kept: KeptInstallCode, group: GroupName) -> Result<ReadInstallCode, ReadInstallCodesError> {
        let damaged = || ReadInstallCodesError::Records(RecordsError::Damaged("an install code's seal".to_owned()));
        let text = match kept.sealed.as_slice() {
            [] => None,
            sealed => Some(self.ports.keys.open(&kept.code.id, sealed).map_err(|_| damaged())?),
        };
        Ok(ReadInstallCode { code: kept.code, text, group })
    }
}
