#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::agent::{Agent, AgentId, Ended, IssuedCertificate};
use crate::app::{App, AppId};
use crate::audit::AuditEntry;
use crate::group::{Group, GroupId, GroupName};
use crate::guess_budget::{ALARM_EVERY, Account, REFUSALS_ACCOUNT, REFUSALS_TOLD};
use crate::install_code::{CodeRefusal, Form, InstallCodeId, KeptInstallCode};
use crate::ports::{
    Admission, Admitted, AgentRecords, AgentsWanted, AppRecords, AuditRecords, GroupRecords, InstallCodeRecords, Named,
    RecordsError, Use,
};
use crate::throttle::{Throttled, decide};
use crate::time::Timestamp;

/// The records of machines in one lock: the plainest store that conforms, for tests of rules and doors.
#[derive(Clone, Default)]
pub struct ModelMachines(Arc<Mutex<State>>);

#[derive(Clone, Default)]
struct State {
    apps: Vec<App>,
    groups: Vec<Group>,
    numbers: i64,
    codes: Vec<KeptInstallCode>,
    agents: Vec<Agent>,
    accounts: HashMap<&'static str, Timestamp>,
    alarmed_at: Option<Timestamp>,
    /// Of agents that renewed: the serial number that they showed.
    previous: HashMap<AgentId, [u8; 16]>,
    audit: Vec<AuditEntry>,
}

impl ModelMachines {
    /// A store that knows these apps.
    pub fn with_apps(apps: impl IntoIterator<Item = App>) -> Self {
        Self(Arc::new(Mutex::new(State { apps: apps.into_iter().collect(), ..State::default() })))
    }

    /// Runs a verb whole. Each looks before it changes, so that one that fails has changed nothing.
    fn verb<T>(&self, verb: impl FnOnce(&mut State) -> Result<T, RecordsError>) -> Result<T, RecordsError> {
        let mut state = self.0.lock().map_err(|_| RecordsError::Unavailable("a test panicked".to_owned()))?;
        verb(&mut state)
    }
}

impl State {
    fn tell(&mut self, audit: AuditEntry) {
        self.audit.push(audit);
    }

    fn add_group(
        &mut self,
        app: AppId,
        name: GroupName,
        is_default: bool,
        audit: AuditEntry,
    ) -> Result<Group, RecordsError> {
        if !self.apps.iter().any(|known| known.id == app) {
            return Err(RecordsError::Missing);
        }
        if self.groups.iter().any(|group| group.app == app && group.name == name) {
            return Err(RecordsError::Exists);
        }
        self.numbers += 1;
        let group = Group { id: GroupId(self.numbers), app, name, is_default, created_at: audit.at };
        self.groups.push(group.clone());
        self.tell(audit);
        Ok(group)
    }

    fn group_name(&self, id: GroupId) -> Result<GroupName, RecordsError> {
        let group = self.groups.iter().find(|group| group.id == id).ok_or(RecordsError::Missing)?;
        Ok(group.name.clone())
    }

    fn told_short(&self, now: Timestamp) -> impl Iterator<Item = &KeptInstallCode> {
        self.codes.iter().filter(move |kept| kept.code.form == Form::Short && kept.code.is_told(now))
    }

    fn count_told(&self, now: Timestamp) -> u32 {
        u32::try_from(self.told_short(now).count()).unwrap_or(u32::MAX)
    }

    fn add_code(
        &mut self,
        kept: KeptInstallCode,
        most_short: u32,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        let code = &kept.code;
        if code.form == Form::Short && self.count_told(now) >= most_short {
            return Err(RecordsError::Full);
        }
        if !self.groups.iter().any(|group| group.id == code.terms.group && group.app == code.app) {
            return Err(RecordsError::Missing);
        }
        if self.codes.iter().any(|other| other.code.id == code.id || other.lookup == kept.lookup) {
            return Err(RecordsError::Exists);
        }
        self.codes.push(kept);
        self.tell(audit);
        Ok(())
    }

    fn named(&mut self, app: &AppId, named: &Named) -> Result<&mut KeptInstallCode, RecordsError> {
        let is_named = |kept: &KeptInstallCode| match named {
            Named::Id(id) => kept.code.id == *id,
            Named::Lookup(lookup) => kept.lookup == *lookup,
        };
        self.codes.iter_mut().find(|kept| kept.code.app == *app && is_named(kept)).ok_or(RecordsError::Missing)
    }

    fn agent(&mut self, id: AgentId) -> Result<&mut Agent, RecordsError> {
        self.agents.iter_mut().find(|agent| agent.id == id).ok_or(RecordsError::Missing)
    }

    /// The agent with its group's present name.
    fn shown(&self, agent: &Agent) -> Result<Agent, RecordsError> {
        Ok(Agent { group_name: self.group_name(agent.group)?, ..agent.clone() })
    }

    fn charge(&mut self, account: Account, now: Timestamp, live: u32) -> Throttled {
        let (decision, empty_at) = account.charge(self.accounts.get(account.word()).copied(), now, live);
        self.accounts.insert(account.word(), empty_at);
        decision
    }

    fn admit(&mut self, admission: &Admission) -> Result<Admitted, RecordsError> {
        let now = admission.now;
        let mut charged = None;
        if admission.form == Form::Short {
            let live = self.count_told(now);
            charged = Some((Account::Common, live));
            if let Throttled::Wait(wait) = self.charge(Account::Common, now, live) {
                if self.alarmed_at.is_none_or(|at| at > now || now.since(at) >= ALARM_EVERY) {
                    self.alarmed_at = Some(now);
                    self.tell(admission.alarm(live));
                }
                let near: Vec<_> = self
                    .told_short(now)
                    .filter(|kept| kept.code.terms.networks.iter().any(|network| network.contains(admission.client)))
                    .map(|kept| kept.lookup)
                    .collect();
                if near.is_empty() {
                    return Ok(Admitted::Paused(wait));
                }
                let live = u32::try_from(near.len()).unwrap_or(u32::MAX);
                if let Throttled::Wait(wait) = self.charge(Account::Reserve, now, live) {
                    return Ok(Admitted::Paused(wait));
                }
                if !near.contains(&admission.lookup) {
                    return Ok(Admitted::Unknown);
                }
                charged = Some((Account::Reserve, live));
            }
        }
        let Some(at) = self.codes.iter().position(|kept| kept.lookup == admission.lookup && kept.code.is_told(now))
        else {
            return Ok(Admitted::Unknown);
        };
        if let Some((account, live)) = charged
            && let Some(empty_at) = self.accounts.get_mut(account.word())
        {
            *empty_at = account.give_back(*empty_at, live);
        }
        let code = self.codes[at].code.clone();
        let repeated = self.agents.iter().find(|agent| agent.code == code.id && admission.repeats(agent));
        if let Some(agent) = repeated {
            return Ok(Admitted::Repeated(Box::new(self.shown(agent)?)));
        }
        let disabled = self.apps.iter().any(|app| app.id == code.app && !app.enabled);
        let refusal = code.refuses(now, admission.client, admission.host.os(), admission.staged);
        if let Some(refusal) = refusal.or(disabled.then_some(CodeRefusal::AppDisabled)) {
            return Ok(Admitted::Refused(code.id, refusal));
        }
        let agent = admission.agent(&code, self.group_name(code.terms.group)?);
        self.codes[at].code.uses += 1;
        self.agents.push(agent.clone());
        Ok(Admitted::Joined(Box::new(agent)))
    }
}

#[async_trait]
impl AppRecords for ModelMachines {
    async fn create_app(&self, app: App, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            if state.apps.iter().any(|known| known.id == app.id) {
                return Err(RecordsError::Exists);
            }
            state.apps.push(app);
            state.tell(audit);
            Ok(())
        })
    }

    async fn set_app_enabled(&self, id: AppId, enabled: bool, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let app = state.apps.iter_mut().find(|app| app.id == id).ok_or(RecordsError::Missing)?;
            app.enabled = enabled;
            state.tell(audit);
            Ok(())
        })
    }
}

#[async_trait]
impl AuditRecords for ModelMachines {
    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, RecordsError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.verb(|state| Ok(state.audit.iter().rev().take(limit).cloned().collect()))
    }
}

#[async_trait]
impl GroupRecords for ModelMachines {
    async fn default_group(&self, app: AppId, audit: AuditEntry) -> Result<Group, RecordsError> {
        self.verb(|state| {
            let found = state.groups.iter().find(|group| group.app == app && group.is_default).cloned();
            found.map_or_else(|| state.add_group(app, GroupName::default_group(), true, audit), Ok)
        })
    }

    async fn create_group(&self, app: AppId, name: GroupName, audit: AuditEntry) -> Result<Group, RecordsError> {
        self.verb(|state| state.add_group(app, name, false, audit))
    }

    async fn rename_group(
        &self,
        app: AppId,
        id: GroupId,
        name: GroupName,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        self.verb(|state| {
            if state.groups.iter().any(|group| group.app == app && group.name == name && group.id != id) {
                return Err(RecordsError::Exists);
            }
            let group = state.groups.iter_mut().find(|group| group.app == app && group.id == id);
            group.ok_or(RecordsError::Missing)?.name = name;
            state.tell(audit);
            Ok(())
        })
    }

    async fn remove_group(&self, app: AppId, id: GroupId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let at = state.groups.iter().position(|group| group.app == app && group.id == id);
            let at = at.ok_or(RecordsError::Missing)?;
            let used = state.codes.iter().any(|kept| kept.code.terms.group == id);
            if used || state.groups[at].is_default {
                return Err(RecordsError::InUse);
            }
            state.groups.remove(at);
            state.tell(audit);
            Ok(())
        })
    }

    async fn groups(&self, app: AppId) -> Result<Vec<Group>, RecordsError> {
        self.verb(|state| Ok(state.groups.iter().filter(|group| group.app == app).cloned().collect()))
    }
}

#[async_trait]
impl InstallCodeRecords for ModelMachines {
    async fn create_install_code(
        &self,
        code: KeptInstallCode,
        most_short: u32,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        self.verb(|state| state.add_code(code, most_short, now, audit))
    }

    async fn present_install_code(
        &self,
        candidate: KeptInstallCode,
        deadline_from: Timestamp,
        most_short: u32,
        now: Timestamp,
        read: AuditEntry,
        created: AuditEntry,
    ) -> Result<KeptInstallCode, RecordsError> {
        self.verb(|state| {
            let wanted = &candidate.code;
            let fits = |kept: &&KeptInstallCode| {
                let code = &kept.code;
                let alike = code.app == wanted.app && code.form == wanted.form && code.source == wanted.source;
                let deadlines = deadline_from..=wanted.terms.deadline;
                alike
                    && code.terms.group == wanted.terms.group
                    && code.is_live(now)
                    && deadlines.contains(&code.terms.deadline)
            };
            let found = state.codes.iter().filter(fits).max_by_key(|kept| kept.code.terms.deadline).cloned();
            if let Some(kept) = found {
                state.tell(AuditEntry { subject: kept.code.id.as_str().to_owned(), ..read });
                return Ok(kept);
            }
            state.add_code(candidate.clone(), most_short, now, created)?;
            Ok(candidate)
        })
    }

    async fn read_install_codes(
        &self,
        app: AppId,
        live_at: Option<Timestamp>,
        limit: u32,
        read: AuditEntry,
    ) -> Result<Vec<(KeptInstallCode, GroupName)>, RecordsError> {
        self.verb(|state| {
            let wanted =
                |kept: &&KeptInstallCode| kept.code.app == app && live_at.is_none_or(|now| kept.code.is_live(now));
            let mut found: Vec<_> = state.codes.iter().rev().filter(wanted).cloned().collect();
            found.sort_by_key(|kept| std::cmp::Reverse(kept.code.created_at));
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            state.tell(read);
            found.into_iter().map(|kept| Ok((kept.clone(), state.group_name(kept.code.terms.group)?))).collect()
        })
    }

    async fn read_install_code(
        &self,
        app: AppId,
        named: Named,
        limit: u32,
        read: AuditEntry,
    ) -> Result<(KeptInstallCode, GroupName, Vec<Use>), RecordsError> {
        self.verb(|state| {
            let kept = state.named(&app, &named)?.clone();
            let uses = state.agents.iter().rev().filter(|agent| agent.code == kept.code.id);
            let uses = uses.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|agent| Use {
                agent: agent.id,
                hostname: agent.host.hostname().to_owned(),
                address: agent.address,
                at: agent.joined_at,
            });
            let (uses, group) = (uses.collect(), state.group_name(kept.code.terms.group)?);
            state.tell(AuditEntry { subject: kept.code.id.as_str().to_owned(), ..read });
            Ok((kept, group, uses))
        })
    }

    async fn revoke_install_code(
        &self,
        app: AppId,
        named: Named,
        at: Timestamp,
        audit: AuditEntry,
    ) -> Result<InstallCodeId, RecordsError> {
        self.verb(|state| {
            let code = &mut state.named(&app, &named)?.code;
            let id = code.id.clone();
            if code.revoked_at.is_none() {
                code.revoked_at = Some(at);
                state.tell(AuditEntry { subject: id.as_str().to_owned(), ..audit });
            }
            Ok(id)
        })
    }

    async fn forget_install_codes(&self, before: Timestamp) -> Result<(), RecordsError> {
        self.verb(|state| {
            let used: Vec<_> = state.agents.iter().map(|agent| agent.code.clone()).collect();
            state.codes.retain(|kept| kept.code.terms.deadline >= before || used.contains(&kept.code.id));
            Ok(())
        })
    }

    async fn guessing(&self, now: Timestamp) -> Result<(u32, bool), RecordsError> {
        self.verb(|state| {
            let empty_at = state.accounts.get(Account::Common.word()).copied();
            let paused = matches!(Account::Common.charge(empty_at, now, state.count_told(now)).0, Throttled::Wait(_));
            let live = state.told_short(now).filter(|kept| kept.code.is_live(now)).count();
            Ok((u32::try_from(live).unwrap_or(u32::MAX), paused))
        })
    }
}

#[async_trait]
impl AgentRecords for ModelMachines {
    async fn admit_agent(&self, admission: Admission) -> Result<Admitted, RecordsError> {
        self.verb(|state| {
            let outcome = state.admit(&admission)?;
            let Some(entry) = admission.told(&outcome) else { return Ok(outcome) };
            let told = matches!(outcome, Admitted::Joined(_)) || {
                let empty_at = state.accounts.get(REFUSALS_ACCOUNT).copied();
                let (decision, empty_at) = decide(empty_at, admission.now, REFUSALS_TOLD, 1);
                state.accounts.insert(REFUSALS_ACCOUNT, empty_at);
                decision == Throttled::Go
            };
            if told {
                state.tell(entry);
            }
            Ok(outcome)
        })
    }

    async fn see_agent(&self, id: AgentId, shown: [u8; 16], now: Timestamp) -> Result<Agent, RecordsError> {
        self.verb(|state| {
            let is_previous = state.previous.get(&id) == Some(&shown);
            let agent = state.agent(id)?;
            if agent.ended.is_none() {
                if shown != agent.certificate.serial && !is_previous {
                    return Err(RecordsError::Changed);
                }
                agent.seen_at = Some(now);
            }
            let agent = agent.clone();
            state.shown(&agent)
        })
    }

    async fn renew_agent(
        &self,
        id: AgentId,
        shown: [u8; 16],
        certificate: IssuedCertificate,
        audit: AuditEntry,
    ) -> Result<Agent, RecordsError> {
        self.verb(|state| {
            let is_previous = state.previous.get(&id) == Some(&shown);
            let agent = state.agent(id)?;
            if agent.ended.is_some() {
                return Err(RecordsError::Missing);
            }
            if shown != agent.certificate.serial && !is_previous {
                return Err(RecordsError::Changed);
            }
            agent.certificate = certificate;
            let agent = agent.clone();
            state.previous.insert(id, shown);
            state.tell(audit);
            state.shown(&agent)
        })
    }

    async fn end_agent(
        &self,
        app: Option<AppId>,
        id: AgentId,
        at: Timestamp,
        ended: Ended,
        audit: AuditEntry,
    ) -> Result<(), RecordsError> {
        self.verb(|state| {
            let agent = state.agent(id)?;
            if app.is_some_and(|app| app != agent.app) {
                return Err(RecordsError::Missing);
            }
            if agent.ended.is_none() {
                agent.ended = Some((at, ended));
                state.tell(audit);
            }
            Ok(())
        })
    }

    async fn agents(&self, wanted: AgentsWanted) -> Result<Vec<Agent>, RecordsError> {
        self.verb(|state| {
            let before = match wanted.after {
                None => state.agents.len(),
                Some(id) => state.agents.iter().position(|agent| agent.id == id).unwrap_or(0),
            };
            let fits = |agent: &&Agent| {
                let app = wanted.app.as_ref().is_none_or(|app| agent.app == *app);
                app && (wanted.ids.is_empty() || wanted.ids.contains(&agent.id))
            };
            let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
            let found: Vec<_> = state.agents[..before].iter().rev().filter(fits).take(limit).cloned().collect();
            found.iter().map(|agent| state.shown(agent)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::machine_records_conformance;

    #[test]
    fn conforms() {
        let store = ModelMachines::default();
        machine_records_conformance(|| store.clone());
    }
}
