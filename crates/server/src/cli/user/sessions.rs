use std::io::Write as _;

use anyhow::Context as _;
use countersign_domain::ports::Clock as _;
use countersign_domain::user::{Session, SessionId};
use serde_json::json;

use super::super::app::entry;
use super::super::audit::plain;
use super::super::{Place, second};
use super::{known, user_id};
use crate::system::SystemClock;

/// Lists those that hold, the newest first.
pub(super) async fn list(place: &Place, user: &str, json: bool) -> anyhow::Result<()> {
    let user = user_id(user)?;
    let vault = place.vault()?;
    known(vault.records.user_of_any_app(user).await, user)?;
    let mut out = std::io::stdout().lock();
    for session in vault.records.sessions_of(user, SystemClock::new().now()).await? {
        if json {
            writeln!(out, "{}", describe(&session))?;
            continue;
        }
        let Session { id, proof, created_at, expires_at, device, .. } = &session;
        let (since, until) = (second(*created_at), second(*expires_at));
        let line = format!("{id}  {:<17}  {since}  {until}  {}", proof.word(), device.as_str());
        writeln!(out, "{}", plain(line.trim_end()))?;
    }
    Ok(())
}

/// Ends one, if it is this user's and holds.
pub(super) async fn end(place: &Place, user: &str, session: &str) -> anyhow::Result<()> {
    let user = user_id(user)?;
    let id = SessionId::parse(session).with_context(|| format!("{session:?} is no session id"))?;
    let vault = place.vault()?;
    let held = vault.records.sessions_of(user, SystemClock::new().now()).await?;
    anyhow::ensure!(held.iter().any(|session| session.id == id), "the user {user} has no session {id}");
    Ok(vault.records.end_session(id, entry("session.ended", &id.to_string())).await?)
}

/// Ends all, and what was begun to open one.
pub(super) async fn end_all(place: &Place, user: &str) -> anyhow::Result<()> {
    let user = user_id(user)?;
    let audit = entry("user.sessions_ended", &user.to_string());
    known(place.vault()?.records.end_sessions(user, audit).await, user)
}

fn describe(session: &Session) -> serde_json::Value {
    json!({
        "id": session.id.to_string(),
        "proof": session.proof.word(),
        "device": session.device.as_str(),
        "created_at_ms": session.created_at.milliseconds(),
        "expires_at_ms": session.expires_at.milliseconds(),
    })
}
