#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::app::{App, AppId};
use crate::audit::AuditEntry;
use crate::iam_user::PasswordHash;
use crate::ports::{AppRecords, AuditRecords, RecordsError, SessionRecords, UserNamed, UserRecords};
use crate::time::Timestamp;
use crate::user::{KeptContact, Session, SessionId, SessionKey, User, UserId};

/// The records of users and sessions in one lock: the plainest store that conforms, for tests of rules and doors.
#[derive(Clone, Default)]
pub struct ModelPeople(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    apps: Vec<AppId>,
    users: Vec<User>,
    sessions: Vec<Session>,
    audit: Vec<AuditEntry>,
}

impl ModelPeople {
    /// A store that knows these apps.
    pub fn with_apps(apps: impl IntoIterator<Item = App>) -> Self {
        let apps = apps.into_iter().map(|app| app.id).collect();
        Self(Arc::new(Mutex::new(State { apps, ..State::default() })))
    }

    fn verb<T>(&self, verb: impl FnOnce(&mut State) -> Result<T, RecordsError>) -> Result<T, RecordsError> {
        let mut state = self.0.lock().map_err(|_| RecordsError::Unavailable("a test panicked".to_owned()))?;
        verb(&mut state)
    }
}

impl State {
    fn user(&mut self, id: UserId) -> Result<&mut User, RecordsError> {
        self.users.iter_mut().find(|user| user.id == id).ok_or(RecordsError::Missing)
    }

    fn user_of(&mut self, id: UserId, generation: u32) -> Result<&mut User, RecordsError> {
        let user = self.user(id)?;
        if user.generation == generation { Ok(user) } else { Err(RecordsError::Changed) }
    }

    fn is_anothers(&self, user: &User, mobile: &KeptContact) -> bool {
        let mut others = self.users.iter().filter(|other| other.app == user.app && other.id != user.id);
        others.any(|other| other.mobile.as_ref().is_some_and(|theirs| theirs.key == mobile.key))
    }

    fn add(&mut self, user: User) -> Result<(), RecordsError> {
        if !self.apps.contains(&user.app) {
            return Err(RecordsError::Missing);
        }
        let same = |one: Option<&KeptContact>, other: Option<&KeptContact>| {
            one.zip(other).is_some_and(|(one, other)| one.key == other.key)
        };
        let meets = |other: &User| {
            let is_same_app = other.app == user.app;
            let has_name = user.name.is_some() && other.name == user.name;
            let has_contact =
                same(user.mobile.as_ref(), other.mobile.as_ref()) || same(user.email.as_ref(), other.email.as_ref());
            other.id == user.id || is_same_app && (has_name || has_contact)
        };
        if self.users.iter().any(meets) {
            return Err(RecordsError::Exists);
        }
        self.users.push(user);
        Ok(())
    }
}

fn has(user: &User, named: &UserNamed) -> bool {
    match named {
        UserNamed::Id(id) => user.id == *id,
        UserNamed::Contact(key) => [&user.mobile, &user.email].into_iter().flatten().any(|contact| contact.key == *key),
        UserNamed::Name(name) => user.name.as_ref() == Some(name),
    }
}

#[async_trait]
impl UserRecords for ModelPeople {
    async fn create_user(&self, user: User, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            state.add(user)?;
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn register_user(&self, candidate: User, audit: AuditEntry) -> Result<User, RecordsError> {
        self.verb(|state| {
            let key = candidate.mobile.as_ref().ok_or(RecordsError::Missing)?.key;
            let is_it = |user: &&User| {
                user.app == candidate.app && user.mobile.as_ref().is_some_and(|mobile| mobile.key == key)
            };
            if let Some(known) = state.users.iter().find(is_it) {
                return Ok(known.clone());
            }
            state.add(candidate.clone())?;
            state.audit.push(audit);
            Ok(candidate)
        })
    }

    async fn user(&self, app: AppId, named: UserNamed) -> Result<User, RecordsError> {
        self.verb(|state| {
            let found = state.users.iter().find(|user| user.app == app && has(user, &named));
            found.cloned().ok_or(RecordsError::Missing)
        })
    }

    async fn user_of_any_app(&self, id: UserId) -> Result<User, RecordsError> {
        self.verb(|state| state.user(id).cloned())
    }

    async fn users(&self, app: Option<AppId>, after: Option<UserId>, limit: u32) -> Result<Vec<User>, RecordsError> {
        self.verb(|state| {
            let fits = |user: &&User| {
                app.as_ref().is_none_or(|app| user.app == *app) && after.is_none_or(|after| user.id > after)
            };
            let mut users: Vec<_> = state.users.iter().filter(fits).cloned().collect();
            users.sort_by_key(|user| user.id);
            users.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(users)
        })
    }

    async fn set_user_enabled(&self, id: UserId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let user = state.user(id)?;
            user.enabled = enabled;
            user.generation += u32::from(!enabled);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn set_user_password(
        &self,
        id: UserId,
        generation: u32,
        password: PasswordHash,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        self.verb(|state| {
            let user = state.user_of(id, generation)?;
            user.password = Some(password);
            user.generation += 1;
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn bind_mobile(
        &self,
        id: UserId,
        generation: u32,
        mobile: KeptContact,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        self.verb(|state| {
            let user = state.user_of(id, generation)?.clone();
            if user.mobile.is_some() || state.is_anothers(&user, &mobile) {
                return Err(RecordsError::Exists);
            }
            state.user(id)?.mobile = Some(mobile);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn set_user_mobile(&self, id: UserId, mobile: KeptContact, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let user = state.user(id)?.clone();
            if state.is_anothers(&user, &mobile) {
                return Err(RecordsError::Exists);
            }
            let user = state.user(id)?;
            user.mobile = Some(mobile);
            user.generation += 1;
            state.audit.push(audit);
            Ok(())
        })
    }
}

#[async_trait]
impl SessionRecords for ModelPeople {
    async fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, RecordsError> {
        self.verb(|state| {
            let Ok(user) = state.user(user).cloned() else { return Ok(Vec::new()) };
            let mut sessions: Vec<_> =
                state.sessions.iter().filter(|session| session.holds(&user, now)).cloned().collect();
            sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
            Ok(sessions)
        })
    }

    async fn end_sessions(&self, user: UserId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            state.user(user)?.generation += 1;
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn open_session(&self, session: Session, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let user = state.user(session.user)?;
            if !user.enabled || user.generation != session.generation {
                return Err(RecordsError::Changed);
            }
            if state.sessions.iter().any(|other| other.id == session.id || other.key == session.key) {
                return Err(RecordsError::Exists);
            }
            state.sessions.push(session);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn session(&self, app: AppId, key: SessionKey) -> Result<(Session, User), RecordsError> {
        self.verb(|state| {
            let session = state.sessions.iter().find(|session| session.key == key).cloned();
            let session = session.ok_or(RecordsError::Missing)?;
            let user = state.user(session.user)?.clone();
            if user.app == app { Ok((session, user)) } else { Err(RecordsError::Missing) }
        })
    }

    async fn end_session(&self, id: SessionId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let session = state.sessions.iter_mut().find(|session| session.id == id).ok_or(RecordsError::Missing)?;
            if session.ended_at.is_none() {
                session.ended_at = Some(audit.at);
                state.audit.push(audit);
            }
            Ok(())
        })
    }

    async fn forget_sessions(&self, before: Timestamp) -> Result<bool, RecordsError> {
        self.verb(|state| {
            state.sessions.retain(|session| session.expires_at >= before);
            Ok(false)
        })
    }
}

#[async_trait]
impl AppRecords for ModelPeople {
    async fn create_app(&self, app: App, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            state.apps.push(app.id);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn set_app_enabled(&self, _id: AppId, _enabled: bool, _audit: AuditEntry) -> Result<(), RecordsError> {
        Err(RecordsError::Unavailable("a model of people has apps without a switch".to_owned()))
    }
}

#[async_trait]
impl AuditRecords for ModelPeople {
    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, RecordsError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.verb(|state| Ok(state.audit.iter().rev().take(limit).cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::people_records_conformance;

    #[test]
    fn conforms() {
        let people = ModelPeople::default();
        people_records_conformance(|| people.clone());
    }
}
