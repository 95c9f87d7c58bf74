#![expect(clippy::disallowed_types, reason = "this crate stays without parking_lot; a poisoned lock ends the test")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::account::AccountId;
use crate::app::{App, AppId};
use crate::audit::AuditEntry;
use crate::code::{Binding, Code, CodeEnd, CodeId, CodeState, Resend, Resource, TRIES};
use crate::contact::Channel;
use crate::gate::{Charge, CodeLimit, Over};
use crate::message::{MessageId, SenderName};
use crate::office_site::{Attaching, SiteUse};
use crate::ports::{
    Accepted, AppRecords, AuditRecords, Checked, CodeCheck, CodeNamed, CodeRecords, CodeSend, ContactRecords,
    ContactsWanted, DeliveryReport, Gained, LONGEST_WAIT, Leased, MessageRow, MessageState, OutboxKeeping,
    OutboxRecords, REPEATABLE_FOR, RecordsError, Repeatable, Settlement, Spending,
};
use crate::pumping::{self, Hour, Texts};
use crate::testing::model_owners::Owners;
use crate::throttle::{Throttled, decide};
use crate::time::Timestamp;
use crate::verified_contact::{Customer, VerifiedContact, VerifiedId};

/// The records of codes, messages and contacts in one lock: the plainest store that conforms, for tests of rules and doors.
#[derive(Clone, Default)]
pub struct ModelCodes(Arc<Mutex<State>>);

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) apps: Vec<AppId>,
    codes: Vec<Code>,
    messages: Vec<(MessageRow, Option<Timestamp>)>,
    gateway_ids: HashMap<(SenderName, String), (MessageId, u32)>,
    left: HashSet<MessageId>,
    contacts: Vec<VerifiedContact>,
    calls: Vec<(Repeatable, CodeId, Timestamp)>,
    accounts: HashMap<String, Timestamp>,
    texts: BTreeMap<(String, Hour), (u32, u32)>,
    pub(super) owners: Owners,
    pub(super) audit: Vec<AuditEntry>,
}

type Accounts = Vec<(String, Timestamp)>;

impl ModelCodes {
    /// A store that knows these apps.
    pub fn with_apps(apps: impl IntoIterator<Item = App>) -> Self {
        let apps = apps.into_iter().map(|app| app.id).collect();
        Self(Arc::new(Mutex::new(State { apps, ..State::default() })))
    }

    pub(super) fn verb<T>(&self, verb: impl FnOnce(&mut State) -> Result<T, RecordsError>) -> Result<T, RecordsError> {
        let mut state = self.0.lock().map_err(|_| RecordsError::Unavailable("a test panicked".to_owned()))?;
        verb(&mut state)
    }
}

impl State {
    fn tell(&mut self, audit: &AuditEntry, subject: &str, outcome: &str) {
        let detail = format!("{outcome} {}", audit.detail);
        self.audit.push(AuditEntry { subject: subject.to_owned(), ..audit.clone() }.with_detail(detail.trim_end()));
    }

    fn look(&self, send: &CodeSend) -> Result<(Accounts, Vec<CodeLimit>), Box<Accepted>> {
        let now = send.code.created_at;
        if let Some(call) = send.repeatable {
            let since = now.minus(REPEATABLE_FOR);
            let made = self.calls.iter().rev().find(|(made, _, at)| made.key == call.key && *at > since);
            if let Some((made, id, _)) = made {
                let code = self.codes.iter().find(|code| code.id == *id);
                return Err(Box::new(match code {
                    Some(code) if made.asks == call.asks => Accepted::Repeated(code.clone()),
                    _ => Accepted::OtherCall,
                }));
            }
        }
        let refused = |over| Box::new(Accepted::Refused(over));
        let (charged, mut over) = self.charge(&send.charges, now).map_err(refused)?;
        for account in &send.texts {
            let first = (account.name.clone(), Hour(i64::MIN));
            let own = self.texts.range(first..).take_while(|((name, _), _)| *name == account.name);
            let seen: Vec<_> =
                own.map(|((_, hour), (sent, read))| Texts { hour: *hour, sent: *sent, read: *read }).collect();
            match pumping::decide(&seen, now, account.unread) {
                Throttled::Go => {}
                Throttled::Wait(retry_after) if account.enforced => {
                    return Err(refused(Over { limit: account.limit, retry_after }));
                }
                Throttled::Wait(_) => over.push(account.limit),
            }
        }
        Ok((charged, over))
    }

    fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<(Accounts, Vec<CodeLimit>), Over> {
        let (mut after, mut over) = (Vec::new(), Vec::new());
        for Charge { limit, account, rule, cost, enforced } in charges {
            match decide(self.accounts.get(account).copied(), now, *rule, *cost) {
                (Throttled::Go, empty_at) => after.push((account.clone(), empty_at)),
                (Throttled::Wait(retry_after), _) if *enforced => return Err(Over { limit: *limit, retry_after }),
                (Throttled::Wait(_), _) => over.push(*limit),
            }
        }
        Ok((after, over))
    }

    fn newest(&mut self, binding: &Binding) -> Option<&mut Code> {
        self.codes.iter_mut().rev().find(|code| code.binding == *binding)
    }

    fn by_id(&mut self, id: CodeId) -> Option<&mut Code> {
        self.codes.iter_mut().find(|code| code.id == id)
    }

    fn end(&mut self, id: CodeId, now: Timestamp, end: CodeEnd) {
        if let Some(code) = self.by_id(id) {
            code.ended = Some((now, end));
            code.sealed_digits = None;
        }
        for (message, lease) in &mut self.messages {
            if message.code == id && message.state == MessageState::Waiting {
                (message.state, message.due_at, *lease) = (MessageState::Obsolete, now, None);
            }
        }
    }

    /// Ends the live codes that ask this account for consent, to this resource or to any.
    pub(super) fn withdraw(&mut self, app: &AppId, account: AccountId, of: Option<&Resource>, now: Timestamp) {
        let asks = |code: &&Code| {
            code.binding.app == *app
                && code.consent == Some(account)
                && of.is_none_or(|resource| code.binding.resource.as_ref() == Some(resource))
                && code.state(now) == CodeState::Live
        };
        for id in self.codes.iter().filter(asks).map(|code| code.id).collect::<Vec<_>>() {
            self.end(id, now, CodeEnd::Withdrawn);
        }
    }

    fn message(&mut self, id: MessageId) -> Result<&mut (MessageRow, Option<Timestamp>), RecordsError> {
        self.messages.iter_mut().find(|(message, _)| message.id == id).ok_or(RecordsError::Missing)
    }

    fn verify(&mut self, code: &Code, customer: &Customer, id: VerifiedId, now: Timestamp) -> VerifiedContact {
        let fresh = VerifiedContact {
            id,
            app: code.binding.app.clone(),
            customer: customer.clone(),
            contact: code.binding.contact,
            channel: code.channel,
            sealed_contact: code.sealed_contact.clone(),
            verified_at: now,
        };
        let known = self.contacts.iter_mut().find(|contact| {
            contact.app == fresh.app && contact.customer == fresh.customer && contact.contact == fresh.contact
        });
        if let Some(known) = known {
            known.verified_at = now;
            return known.clone();
        }
        self.contacts.push(fresh.clone());
        fresh
    }
}

#[async_trait]
impl CodeRecords for ModelCodes {
    async fn accept_send(&self, send: CodeSend, audit: AuditEntry) -> Result<Accepted, RecordsError> {
        self.verb(|state| {
            let now = send.code.created_at;
            let (charged, over) = match state.look(&send) {
                Ok(charged) => charged,
                Err(answer) => return Ok(*answer),
            };
            if !state.apps.contains(&send.code.binding.app) {
                return Err(RecordsError::Missing);
            }
            state.accounts.extend(charged);
            let live = state.newest(&send.code.binding).filter(|code| code.state(now) == CodeState::Live).cloned();
            let (code, outcome) = match live {
                Some(live) if send.resend == Resend::Keep && live.is_kept(now) => (live, "kept"),
                live => {
                    if let Some(old) = live {
                        state.end(old.id, now, CodeEnd::Replaced);
                    }
                    state.codes.push(send.code.clone());
                    (send.code.clone(), "accepted")
                }
            };
            let names = send.texts.iter().map(|account| account.name.clone());
            for name in names.clone() {
                state.texts.entry((name, Hour::of(code.created_at))).or_default().0 += 1;
            }
            let code = state.by_id(code.id).map(|code| {
                code.texts.extend(names);
                code.clone()
            });
            let code = code.ok_or(RecordsError::Missing)?;
            let message = MessageRow {
                id: send.message,
                code: code.id,
                lane: send.lane.clone(),
                language: send.language,
                state: MessageState::Waiting,
                tries: 0,
                turn: 0,
                doubts: 0,
                refused: Vec::new(),
                created_at: now,
                due_at: now,
                gateway_id: None,
                reason: None,
            };
            state.messages.push((message, None));
            state.calls.extend(send.repeatable.map(|call| (call, code.id, now)));
            let noted = over.iter().flat_map(|limit| [" would-refuse ", limit.name()]).collect::<String>();
            state.tell(&audit, &code.id.to_string(), &format!("{outcome} {}{noted}", send.lane));
            Ok(Accepted::Queued(code, over))
        })
    }

    async fn would_refuse(&self, send: CodeSend) -> Result<Option<Accepted>, RecordsError> {
        self.verb(|state| Ok(state.look(&send).err().map(|answer| *answer)))
    }

    async fn check_code(&self, check: CodeCheck, audit: AuditEntry) -> Result<Checked, RecordsError> {
        self.verb(|state| {
            let now = audit.at;
            let found = match &check.named {
                CodeNamed::Id(app, id) => state.by_id(*id).filter(|code| code.is_found_by_its_id(app)),
                CodeNamed::Newest(binding) => state.newest(binding),
            };
            let Some(mut code) = found.map(|code| code.clone()) else { return Ok(Checked::Unknown) };
            let id = code.id.to_string();
            let live = code.state(now);
            if live != CodeState::Live {
                state.tell(&audit, &id, "dead");
                return Ok(Checked::Dead(code, live));
            }
            if let Some(Spending::Attachment(attaching)) = &check.consume
                && let Err(refusal) = state.owners.attachable(attaching, Some(&code))
            {
                state.tell(&audit, &id, &format!("hindered {}", refusal.word()));
                return Ok(Checked::Hindered(refusal));
            }
            if let Some(Spending::Attachment(Attaching { site: SiteUse::New(site), .. })) = &check.consume {
                state.is_makeable(site)?;
            }
            let charged = match state.charge(&(check.charges)(&code), now) {
                Ok((charged, _)) => charged,
                Err(over) => {
                    state.tell(&audit, &id, &format!("refused {}", over.limit.name()));
                    return Ok(Checked::Refused(code, over));
                }
            };
            if (check.judge)(code.id, &code.hash) {
                state.tell(&audit, &id, "right");
                let Some(spending) = &check.consume else { return Ok(Checked::Right(code, None)) };
                let gained = match spending {
                    Spending::Contact(customer, id) => Gained::Contact(state.verify(&code, customer, *id, now)),
                    Spending::Attachment(attaching) => {
                        let attachment = state.owners.attach(attaching, Some(code.id), now);
                        state.tell_attached(&audit, &attachment);
                        Gained::Attachment(attachment)
                    }
                };
                state.end(code.id, now, CodeEnd::Spent);
                for name in &code.texts {
                    if let Some((_, read)) = state.texts.get_mut(&(name.clone(), Hour::of(code.created_at))) {
                        *read += 1;
                    }
                }
                (code.ended, code.sealed_digits) = (Some((now, CodeEnd::Spent)), None);
                return Ok(Checked::Right(code, Some(gained)));
            }
            state.tell(&audit, &id, "wrong");
            state.accounts.extend(charged);
            code.tries += 1;
            if let Some(kept) = state.by_id(code.id) {
                kept.tries = code.tries;
            }
            if code.tries >= TRIES {
                state.end(code.id, now, CodeEnd::GuessedOut);
                (code.ended, code.sealed_digits) = (Some((now, CodeEnd::GuessedOut)), None);
            }
            Ok(Checked::Wrong(code))
        })
    }

    async fn code(&self, id: CodeId) -> Result<Code, RecordsError> {
        self.verb(|state| state.by_id(id).cloned().ok_or(RecordsError::Missing))
    }
}

#[async_trait]
impl OutboxRecords for ModelCodes {
    async fn lease_messages(
        &self,
        lane: SenderName,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Leased>, RecordsError> {
        self.verb(|state| {
            let codes = state.codes.clone();
            let code_of = |id: CodeId| codes.iter().find(|code| code.id == id && code.expires_at > now).cloned();
            let mut due: Vec<_> = state.messages.iter_mut().enumerate().collect();
            due.retain(|(_, (message, _))| {
                message.state == MessageState::Waiting
                    && message.lane == lane
                    && (message.due_at <= now || message.due_at > now.plus(LONGEST_WAIT))
            });
            due.sort_by_key(|(at, (message, _))| (message.due_at, *at));
            let take = due.into_iter().filter_map(|(_, row)| code_of(row.0.code).map(|code| (row, code)));
            let taken = take.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|((message, lease), code)| {
                let leased = Leased { message: message.clone(), code, until };
                (message.due_at, *lease) = (until, Some(until));
                leased
            });
            Ok(taken.collect())
        })
    }

    async fn settle_message(
        &self,
        id: MessageId,
        until: Timestamp,
        now: Timestamp,
        settlement: Settlement,
    ) -> Result<(), RecordsError> {
        self.verb(|state| {
            let (message, lease) = state.message(id).map_err(|_| RecordsError::Changed)?;
            let held = message.state == MessageState::Waiting && *lease == Some(until);
            match settlement {
                Settlement::Sent { lane, gateway_id, reason } => {
                    let unsent = [MessageState::Waiting, MessageState::Obsolete, MessageState::Expired];
                    if !unsent.contains(&message.state) {
                        return Err(RecordsError::Changed);
                    }
                    (message.state, message.due_at, message.tries) = (MessageState::Sent, now, message.tries + 1);
                    (message.lane, message.reason, message.gateway_id) = (lane.clone(), reason, gateway_id.clone());
                    *lease = None;
                    let tries = message.tries;
                    state.gateway_ids.extend(gateway_id.map(|called| ((lane, called), (id, tries))));
                    return Ok(());
                }
                _ if !held => return Err(RecordsError::Changed),
                Settlement::Again { lane, due_at, tries, turn, doubts, refused, reason } => {
                    (message.lane, message.due_at, message.tries) = (lane, due_at, tries);
                    (message.turn, message.doubts) = (turn, doubts);
                    (message.refused, message.reason) = (refused, Some(reason));
                }
                Settlement::Failed { reason } => {
                    (message.state, message.due_at, message.reason) = (MessageState::Failed, now, Some(reason));
                    message.tries += 1;
                }
            }
            *lease = None;
            Ok(())
        })
    }

    async fn keep_delivery(
        &self,
        report: DeliveryReport,
        now: Timestamp,
    ) -> Result<Option<MessageState>, RecordsError> {
        self.verb(|state| {
            let DeliveryReport { id, lane, attempt, undelivered, next } = report;
            let codes = state.codes.clone();
            let (message, lease) = state.message(id)?;
            let Some(reason) = undelivered else {
                if message.state == MessageState::Delivered {
                    return Ok(None);
                }
                (message.state, message.lane, message.due_at, *lease) = (MessageState::Delivered, lane, now, None);
                return Ok(Some(MessageState::Delivered));
            };
            if message.lane != lane || attempt < message.tries {
                return Ok(None);
            }
            match message.state {
                MessageState::Waiting if attempt == message.tries => Ok(None),
                MessageState::Waiting => Err(RecordsError::Changed),
                MessageState::Sent => {
                    let is_live = |code: &Code| code.id == message.code && code.state(now) == CodeState::Live;
                    let next = next.filter(|_| codes.iter().any(is_live));
                    message.refused.push(lane);
                    (message.due_at, message.turn, message.reason) = (now, 0, Some(reason));
                    message.gateway_id = message.gateway_id.take().filter(|_| next.is_none());
                    message.state = if next.is_some() { MessageState::Waiting } else { MessageState::Undelivered };
                    message.lane = next.unwrap_or_else(|| message.lane.clone());
                    Ok(Some(message.state))
                }
                _ => Ok(None),
            }
        })
    }

    async fn message(&self, id: MessageId) -> Result<(MessageRow, Code), RecordsError> {
        self.verb(|state| {
            let message = state.message(id)?.0.clone();
            let code = state.by_id(message.code).cloned().ok_or(RecordsError::Missing)?;
            Ok((message, code))
        })
    }

    async fn message_called(&self, lane: SenderName, gateway_id: String) -> Result<(MessageId, u32), RecordsError> {
        self.verb(|state| state.gateway_ids.get(&(lane, gateway_id)).copied().ok_or(RecordsError::Missing))
    }

    async fn messages_of(&self, code: CodeId) -> Result<Vec<MessageRow>, RecordsError> {
        self.verb(|state| {
            let of_it = state.messages.iter().rev().filter(|(message, _)| message.code == code);
            Ok(of_it.map(|(message, _)| message.clone()).collect())
        })
    }
}

#[async_trait]
impl OutboxKeeping for ModelCodes {
    async fn orphans(&self, lanes: Vec<SenderName>) -> Result<Vec<(MessageRow, Code)>, RecordsError> {
        self.verb(|state| {
            let orphans = state.messages.iter().map(|(message, _)| message);
            let orphans = orphans.filter(|row| row.state == MessageState::Waiting && !lanes.contains(&row.lane));
            let code_of = |row: &MessageRow| state.codes.iter().find(|code| code.id == row.code).cloned();
            Ok(orphans.filter_map(|row| Some((row.clone(), code_of(row)?))).collect())
        })
    }

    async fn silent_messages(
        &self,
        lane: SenderName,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(MessageRow, Code)>, RecordsError> {
        self.verb(|state| {
            let silent =
                |row: &&MessageRow| row.state == MessageState::Sent && row.lane == lane && row.due_at <= before;
            let code_of = |row: &MessageRow| state.codes.iter().find(|code| code.id == row.code).cloned();
            let live = |row: &MessageRow| code_of(row).filter(|code| code.state(now) == CodeState::Live);
            let rows = state.messages.iter().map(|(message, _)| message).filter(silent);
            let rows = rows.filter(|row| !state.left.contains(&row.id));
            Ok(rows.filter_map(|row| Some((row.clone(), live(row)?))).collect())
        })
    }

    async fn leave_messages(&self, ids: Vec<MessageId>) -> Result<(), RecordsError> {
        self.verb(|state| {
            state.left.extend(ids);
            Ok(())
        })
    }

    async fn adopt_message(&self, id: MessageId, now: Timestamp, heir: Option<SenderName>) -> Result<(), RecordsError> {
        self.verb(|state| {
            let (message, lease) = state.message(id)?;
            if message.state != MessageState::Waiting {
                return Err(RecordsError::Missing);
            }
            (message.due_at, message.turn, *lease) = (now, 0, None);
            match heir {
                Some(heir) => message.lane = heir,
                None => message.state = MessageState::Failed,
            }
            Ok(())
        })
    }

    async fn expire_messages(&self, now: Timestamp) -> Result<Vec<(Channel, u32)>, RecordsError> {
        self.verb(|state| {
            let mut expired: Vec<(Channel, u32)> = Vec::new();
            for code in state.codes.iter_mut().filter(|code| code.expires_at <= now) {
                code.sealed_digits = None;
                let late = |message: &MessageRow| message.code == code.id && message.state == MessageState::Waiting;
                for (message, lease) in state.messages.iter_mut().filter(|(message, _)| late(message)) {
                    (message.state, message.due_at, *lease) = (MessageState::Expired, now, None);
                    match expired.iter_mut().find(|(channel, _)| *channel == code.channel) {
                        Some((_, count)) => *count += 1,
                        None => expired.push((code.channel, 1)),
                    }
                }
            }
            Ok(expired)
        })
    }

    async fn forget_codes(
        &self,
        now: Timestamp,
        before: Timestamp,
        verified_before: Timestamp,
    ) -> Result<bool, RecordsError> {
        self.verb(|state| {
            state.codes.retain(|code| code.created_at >= before || code.expires_at > now);
            let codes = &state.codes;
            state.messages.retain(|(message, _)| codes.iter().any(|code| code.id == message.code));
            let messages = &state.messages;
            state.gateway_ids.retain(|_, (id, _)| messages.iter().any(|(message, _)| message.id == *id));
            state.accounts.retain(|_, empty_at| *empty_at > now);
            state.texts.retain(|(_, hour), _| *hour > Hour::forgotten(now));
            state.contacts.retain(|contact| contact.verified_at >= verified_before);
            Ok(false)
        })
    }
}

#[async_trait]
impl ContactRecords for ModelCodes {
    async fn verified_contacts(&self, wanted: ContactsWanted) -> Result<(Vec<VerifiedContact>, u32), RecordsError> {
        self.verb(|state| {
            let ContactsWanted { app, customer, channel, contact, id, after, offset, limit } = wanted;
            let fits = |row: &&VerifiedContact| {
                row.app == app
                    && row.verified_at > after
                    && customer.as_ref().is_none_or(|customer| *customer == row.customer)
                    && channel.is_none_or(|channel| channel == row.channel)
                    && contact.is_none_or(|contact| contact == row.contact)
                    && id.is_none_or(|id| id == row.id)
            };
            let mut found: Vec<_> = state.contacts.iter().filter(fits).cloned().collect();
            found.reverse();
            found.sort_by_key(|row| std::cmp::Reverse(row.verified_at));
            let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            Ok((found.into_iter().skip(number(offset)).take(number(limit)).collect(), count))
        })
    }

    async fn forget_contact(&self, app: AppId, id: VerifiedId, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            let at = state.contacts.iter().position(|row| row.app == app && row.id == id);
            state.contacts.remove(at.ok_or(RecordsError::Missing)?);
            state.audit.push(audit);
            Ok(())
        })
    }
}

#[async_trait]
impl AppRecords for ModelCodes {
    async fn create_app(&self, app: App, audit: AuditEntry) -> Result<(), RecordsError> {
        self.verb(|state| {
            state.apps.push(app.id);
            state.audit.push(audit);
            Ok(())
        })
    }

    async fn set_app_enabled(&self, _id: AppId, _enabled: bool, _audit: AuditEntry) -> Result<(), RecordsError> {
        Err(RecordsError::Unavailable("a model of codes has apps without a switch".to_owned()))
    }
}

#[async_trait]
impl AuditRecords for ModelCodes {
    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, RecordsError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.verb(|state| Ok(state.audit.iter().rev().take(limit).cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{code_records_conformance, outbox_conformance};

    #[test]
    fn conforms() {
        let (codes, outbox) = (ModelCodes::default(), ModelCodes::default());
        code_records_conformance(|| codes.clone());
        outbox_conformance(|| outbox.clone());
    }
}
