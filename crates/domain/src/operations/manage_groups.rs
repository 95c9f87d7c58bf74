use crate::app::AppId;
use crate::group::{Group, GroupId, GroupName};
use crate::operations::{Actor, MachinePorts};
use crate::ports::RecordsError;

/// Makes, lists, renames and removes an app's groups.
pub struct ManageGroups {
    ports: MachinePorts,
}

/// Why a group was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManageGroupsError {
    /// The app has a group of this name.
    #[error("there is a group of this name already")]
    Exists,
    /// The app has no such group.
    #[error("there is no such group")]
    Unknown,
    /// It is the default group, or install codes or agents belong to it.
    #[error("it is the default group, or install codes or agents belong to it")]
    InUse,
    /// The records are at fault.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for ManageGroupsError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Exists => Self::Exists,
            RecordsError::Missing => Self::Unknown,
            RecordsError::InUse => Self::InUse,
            error => Self::Records(error),
        }
    }
}

impl ManageGroups {
    /// The operation over these ports.
    pub fn new(ports: MachinePorts) -> Self {
        Self { ports }
    }

    /// The app's groups, the default one included.
    ///
    /// # Errors
    /// [`ManageGroupsError::Records`].
    pub async fn list(&self, app: &AppId, by: Actor<'_>) -> Result<Vec<Group>, ManageGroupsError> {
        self.ensure_default(app, by).await?;
        Ok(self.ports.records.groups(app.clone()).await?)
    }

    /// A further group.
    ///
    /// # Errors
    /// [`ManageGroupsError`].
    pub async fn create(&self, app: &AppId, name: GroupName, by: Actor<'_>) -> Result<Group, ManageGroupsError> {
        // Or somebody else's group would have the default one's name.
        self.ensure_default(app, by).await?;
        let audit = self.ports.audit(by, "group.created", name.as_str());
        Ok(self.ports.records.create_group(app.clone(), name, audit).await?)
    }

    async fn ensure_default(&self, app: &AppId, by: Actor<'_>) -> Result<(), ManageGroupsError> {
        let audit = self.ports.audit(by, "group.created", GroupName::default_group().as_str());
        Ok(self.ports.records.default_group(app.clone(), audit).await.map(drop)?)
    }

    /// Another name for a group.
    ///
    /// # Errors
    /// [`ManageGroupsError`].
    pub async fn rename(
        &self,
        app: &AppId,
        id: GroupId,
        name: GroupName,
        by: Actor<'_>,
    ) -> Result<(), ManageGroupsError> {
        let audit = self.ports.audit(by, "group.renamed", &id.0.to_string());
        Ok(self.ports.records.rename_group(app.clone(), id, name, audit).await?)
    }

    /// Removes a group to which nothing belongs.
    ///
    /// # Errors
    /// [`ManageGroupsError`].
    pub async fn remove(&self, app: &AppId, id: GroupId, by: Actor<'_>) -> Result<(), ManageGroupsError> {
        let audit = self.ports.audit(by, "group.removed", &id.0.to_string());
        Ok(self.ports.records.remove_group(app.clone(), id, audit).await?)
    }
}
