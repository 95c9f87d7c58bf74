use crate::app::AppId;
use crate::install_code::{CodeText, InstallCodeId};
use crate::operations::{Actor, MachinePorts};
use crate::ports::{Named, RecordsError};

/// Revokes an install code: from now on it admits nobody. Machines that have joined stay.
pub struct RevokeInstallCode {
    ports: MachinePorts,
}

/// Why no code was revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokeInstallCodeError {
    /// The app has no such code.
    #[error("there is no such install code")]
    Unknown,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl RevokeInstallCode {
    /// The operation over these ports.
    pub fn new(ports: MachinePorts) -> Self {
        Self { ports }
    }

    /// By the code's text.
    ///
    /// # Errors
    /// [`RevokeInstallCodeError`].
    pub async fn by_text(
        &self,
        app: &AppId,
        text: &str,
        by: Actor<'_>,
    ) -> Result<InstallCodeId, RevokeInstallCodeError> {
        let text = CodeText::read(text).map_err(|_| RevokeInstallCodeError::Unknown)?;
        self.run(app, Named::Lookup(self.ports.keys.lookup(&text)), by).await
    }

    /// By the code's id. Revoking again changes nothing.
    ///
    /// # Errors
    /// [`RevokeInstallCodeError`].
    pub async fn by_id(
        &self,
        app: &AppId,
        id: InstallCodeId,
        by: Actor<'_>,
    ) -> Result<InstallCodeId, RevokeInstallCodeError> {
        self.run(app, Named::Id(id), by).await
    }

    async fn run(&self, app: &AppId, named: Named, by: Actor<'_>) -> Result<InstallCodeId, RevokeInstallCodeError> {
        let audit = self.ports.audit(by, "install_code.revoked", "");
        let revoked = self.ports.records.revoke_install_code(app.clone(), named, self.ports.clock.now(), audit).await;
        revoked.map_err(|error| match error {
            RecordsError::Missing => RevokeInstallCodeError::Unknown,
            error => RevokeInstallCodeError::Records(error),
        })
    }
}
