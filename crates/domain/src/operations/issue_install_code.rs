use std::time::Duration;

use crate::agent::OperatingSystem;
use crate::app::AppId;
use crate::group::{Group, GroupId, GroupName};
use crate::install_code::{CodeText, Form, InstallCode, InstallCodeId, KeptInstallCode, Route, Source, Terms};
use crate::network::Network;
use crate::operations::{Actor, MachinePorts};
use crate::ports::RecordsError;
use crate::sealing::NotOurs;
use crate::time::Timestamp;

/// How far in the future a deadline may lie: ten years. What lies behind it is a typing error.
const LONGEST: Duration = Duration::from_hours(24 * 3_653);
/// Networks that one code may name.
const NETWORKS: usize = 64;
/// Draws until a code's text or id is free. With 1,000 live codes one draw in 57 million meets another.
const DRAWS: usize = 8;

/// Makes install codes, and finds those that are there.
pub struct IssueInstallCode {
    ports: MachinePorts,
    policy: CodePolicy,
}

/// What the operator has decided about install codes.
#[derive(Clone, Copy, Debug)]
pub struct CodePolicy {
    /// How long a short code holds, where nobody says.
    pub short_lifetime: Duration,
    /// How long a long code holds, where nobody says.
    pub long_lifetime: Duration,
    /// How many short codes may be live at once, in the whole installation: each makes all of them easier to guess.
    pub most_live_short: u32,
}

/// A code that is wished for.
#[derive(Clone, Debug)]
pub struct NewInstallCode {
    /// Its form.
    pub form: Form,
    /// Its deadline; `None` for the policy's.
    pub deadline: Option<Timestamp>,
    /// Where its machines belong; `None` for the app's default group.
    pub group: Option<GroupId>,
    /// For which system; `None` for any.
    pub os: Option<OperatingSystem>,
    /// From where machines may join; empty for anywhere.
    pub networks: Vec<Network>,
    /// How many may; `None` for any number.
    pub max_uses: Option<u32>,
    /// Whether it is for images.
    pub only_image: bool,
    /// How its machines reach the server.
    pub route: Route,
}

/// A code that was made, or that is there, with its text.
pub struct IssuedInstallCode {
    /// All but its text.
    pub code: InstallCode,
    /// Its text.
    pub text: CodeText,
    /// The name of its group.
    pub group: GroupName,
}

/// Why no code was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueInstallCodeError {
    /// The deadline is over already.
    #[error("the deadline is over already")]
    DeadlinePast,
    /// The deadline is more than ten years away.
    #[error("the deadline is more than ten years away")]
    DeadlineTooFar,
    /// The app has no such group.
    #[error("there is no such group")]
    UnknownGroup,
    /// A code that nobody may use.
    #[error("a code for no machine at all")]
    NoUses,
    /// More than 64 networks.
    #[error("a code takes at most 64 networks")]
    TooManyNetworks,
    /// As many short codes are live as may be.
    #[error("too many short codes are live: revoke one, or make a long one")]
    TooManyLive,
    /// The records or the keys are at fault, and the caller is not.
    #[error(transparent)]
    Records(RecordsError),
}

impl From<RecordsError> for IssueInstallCodeError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Missing => Self::UnknownGroup,
            RecordsError::Full => Self::TooManyLive,
            error => Self::Records(error),
        }
    }
}

impl From<NotOurs> for IssueInstallCodeError {
    fn from(_: NotOurs) -> Self {
        Self::Records(RecordsError::Damaged("an install code's seal does not open".to_owned()))
    }
}

impl IssueInstallCode {
    /// The operation over these ports.
    pub fn new(ports: MachinePorts, policy: CodePolicy) -> Self {
        Self { ports, policy }
    }

    /// The app's present short code, for any system and any number of machines: without a `deadline` the one that is there,
    /// or a fresh one where it has less than a twenty-fourth of its life left; with one, the code that holds until exactly
    /// then. Asked again, it is the same.
    ///
    /// # Errors
    /// [`IssueInstallCodeError`].
    pub async fn present(
        &self,
        app: &AppId,
        deadline: Option<Timestamp>,
        by: Actor<'_>,
    ) -> Result<IssuedInstallCode, IssueInstallCodeError> {
        let now = self.ports.clock.now();
        let (source, until, from) = match deadline {
            None => {
                let lifetime = self.policy.short_lifetime;
                (Source::Current, now.plus(lifetime), now.plus(lifetime / 24))
            }
            Some(deadline) => (Source::Until, deadline, deadline),
        };
        let group = self.default_group(app, by).await?;
        let wanted = NewInstallCode {
            form: Form::Short,
            deadline: Some(until),
            group: Some(group.id),
            os: None,
            networks: Vec::new(),
            max_uses: None,
            only_image: false,
            route: Route::default(),
        };
        let terms = self.terms(wanted, group.id, now)?;
        for _ in 0..DRAWS {
            let (candidate, _) = self.draw(app, Form::Short, source, &terms, by)?;
            let audit = |event| self.ports.audit(by, event, candidate.code.id.as_str());
            let (read, created) = (audit("install_code.read"), audit("install_code.created"));
            let most = self.policy.most_live_short;
            let found = self.ports.records.present_install_code(candidate.clone(), from, most, now, read, created);
            match found.await {
                Err(RecordsError::Exists) => {}
                found => return self.opened(found?, group.name),
            }
        }
        Err(IssueInstallCodeError::Records(RecordsError::Exists))
    }

    /// A further code.
    ///
    /// # Errors
    /// [`IssueInstallCodeError`]; then none was made.
    pub async fn add(
        &self,
        app: &AppId,
        wanted: NewInstallCode,
        by: Actor<'_>,
    ) -> Result<IssuedInstallCode, IssueInstallCodeError> {
        let now = self.ports.clock.now();
        let group = self.group(app, wanted.group, by).await?;
        let form = wanted.form;
        let terms = self.terms(wanted, group.id, now)?;
        for _ in 0..DRAWS {
            let (kept, text) = self.draw(app, form, Source::Added, &terms, by)?;
            let audit = self.ports.audit(by, "install_code.created", kept.code.id.as_str());
            let code = kept.code.clone();
            match self.ports.records.create_install_code(kept, self.policy.most_live_short, now, audit).await {
                Err(RecordsError::Exists) => {}
                made => return Ok(made.map(|()| IssuedInstallCode { code, text, group: group.name })?),
            }
        }
        Err(IssueInstallCodeError::Records(RecordsError::Exists))
    }

    fn terms(&self, wanted: NewInstallCode, group: GroupId, now: Timestamp) -> Result<Terms, IssueInstallCodeError> {
        let NewInstallCode { form, deadline, group: _, os, networks, max_uses, only_image, route } = wanted;
        let lifetime = match form {
            Form::Short => self.policy.short_lifetime,
            Form::Long => self.policy.long_lifetime,
        };
        let deadline = deadline.unwrap_or_else(|| now.plus(lifetime));
        if deadline <= now {
            return Err(IssueInstallCodeError::DeadlinePast);
        }
        if deadline > now.plus(LONGEST) {
            return Err(IssueInstallCodeError::DeadlineTooFar);
        }
        if max_uses == Some(0) {
            return Err(IssueInstallCodeError::NoUses);
        }
        if networks.len() > NETWORKS {
            return Err(IssueInstallCodeError::TooManyNetworks);
        }
        Ok(Terms { deadline, group, os, networks, max_uses, only_image, route })
    }

    fn draw(
        &self,
        app: &AppId,
        form: Form,
        source: Source,
        terms: &Terms,
        by: Actor<'_>,
    ) -> Result<(KeptInstallCode, CodeText), IssueInstallCodeError> {
        let MachinePorts { keys, entropy, clock, .. } = &self.ports;
        let id = InstallCodeId::draw(&**entropy);
        let (text, sealed) = match form {
            Form::Short => {
                let text = CodeText::draw_short(&**entropy);
                let sealed = keys.seal(&id, &text, &**entropy)?;
                (text, sealed)
            }
            Form::Long => (CodeText::draw_long(&id, &**entropy), Vec::new()),
        };
        let code = InstallCode {
            id,
            app: app.clone(),
            form,
            source,
            terms: terms.clone(),
            uses: 0,
            created_at: clock.now(),
            created_by: by.name.to_owned(),
            revoked_at: None,
        };
        Ok((KeptInstallCode { code, lookup: keys.lookup(&text), sealed }, text))
    }

    fn opened(&self, kept: KeptInstallCode, group: GroupName) -> Result<IssuedInstallCode, IssueInstallCodeError> {
        let text = self.ports.keys.open(&kept.code.id, &kept.sealed)?;
        Ok(IssuedInstallCode { code: kept.code, text, group })
    }

    async fn group(&self, app: &AppId, id: Option<GroupId>, by: Actor<'_>) -> Result<Group, IssueInstallCodeError> {
        let Some(id) = id else { return self.default_group(app, by).await };
        let groups = self.ports.records.groups(app.clone()).await?;
        groups.into_iter().find(|group| group.id == id).ok_or(IssueInstallCodeError::UnknownGroup)
    }

    async fn default_group(&self, app: &AppId, by: Actor<'_>) -> Result<Group, IssueInstallCodeError> {
        let audit = self.ports.audit(by, "group.created", GroupName::default_group().as_str());
        Ok(self.ports.records.default_group(app.clone(), audit).await?)
    }
}
