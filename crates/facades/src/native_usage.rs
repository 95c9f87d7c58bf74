//! The native API's server side for what an app's calls said about whom they were for: how often, and for whom.
//!
//! `GET /v1/usage` counts, `GET /v1/usage/records` lists calls, the newest first. A permission each: a chart needs nobody's
//! address. Other doors write what is read here, those whose callers say whom a call is for.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::access_key::{AccessKey, Permission};
use countersign_domain::operations::{ReadUsageError, SignedCalls, UsageFilter};
use countersign_domain::ports::Directory;
use countersign_domain::usage::{Day, Part};
use http::{HeaderMap, Method};
use serde::Serialize;

use crate::Context;
use crate::basic::admit;
use crate::door::{Facade, Refusal, Request, Response};
use crate::native_install_codes::ok;
use crate::problem::{Problem, language_of};
use crate::signing::form::unescaped;
use crate::usages::{StatisticsJson, UsageJson, Usages, day, parts};

const USAGE: &str = "/v1/usage";
const RECORDS: &str = "/v1/usage/records";
/// Calls in one answer, where the caller does not say.
const PAGE: u32 = 100;
/// And at most.
const LONGEST_PAGE: u32 = 1_000;

/// The façade.
pub(crate) struct NativeUsage {
    usages: Usages,
    signed_calls: Arc<SignedCalls>,
    directory: Arc<dyn Directory>,
}

impl NativeUsage {
    pub(crate) fn new(context: &Context) -> Self {
        let Context { usages, signed_calls, directory, .. } = context.clone();
        Self { usages, signed_calls, directory }
    }

    async fn run(&self, request: &Request) -> Result<Response, Problem> {
        match (&request.method, request.path.as_str()) {
            (&Method::GET, USAGE) => self.count(request).await,
            (&Method::GET, RECORDS) => self.list(request).await,
            (_, USAGE | RECORDS) => Err(Problem::MethodNotAllowed("GET")),
            _ => Err(Problem::NotFound),
        }
    }

    async fn key(&self, request: &Request, permission: Permission) -> Result<Arc<AccessKey>, Problem> {
        admit(request, &*self.directory, &self.signed_calls, permission).await
    }

    async fn count(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadStatistics).await?;
        let Counted { from, to, by } = Counted::read(request.query.as_deref().unwrap_or_default())?;
        let by = by.unwrap_or_else(Part::usual);
        let rows = self.usages.read_usage.statistics(&key.row.app, from, to, by.clone()).await?;
        Ok(ok(&CountsJson { statistics: rows.iter().map(|row| StatisticsJson::new(row, &by)).collect() }))
    }

    async fn list(&self, request: &Request) -> Result<Response, Problem> {
        let key = self.key(request, Permission::ReadUsage).await?;
        let listed = Listed::read(request.query.as_deref().unwrap_or_default())?;
        let filter = listed.filter();
        let limit = filter.limit as usize;
        let calls = self.usages.read_usage.list(&key.row.app, filter).await?;
        // A full page may be the last one; then the next is empty.
        let next = calls.last().filter(|_| calls.len() == limit).map(|call| call.number);
        Ok(ok(&CallsJson { records: calls.into_iter().map(UsageJson::from).collect(), next }))
    }
}

/// What the query of a count asks for.
#[derive(Default)]
struct Counted {
    from: Option<Day>,
    to: Option<Day>,
    by: Option<BTreeSet<Part>>,
}

impl Counted {
    fn read(query: &str) -> Result<Self, Problem> {
        let unknown = || {
            Problem::malformed(
                "the query takes from, to and by, each once and percent-encoded",
                "查询参数只支持 from、to 和 by，各出现一次，并使用百分号编码",
            )
        };
        let mut counted = Self::default();
        for pair in pairs(query) {
            let (name, value) = pair.ok_or_else(unknown)?;
            let was_there = match name {
                "from" => counted.from.replace(day_of(&value)?).is_some(),
                "to" => counted.to.replace(day_of(&value)?).is_some(),
                "by" => counted.by.replace(parts_of(&value)?).is_some(),
                _ => return Err(unknown()),
            };
            if was_there {
                return Err(unknown());
            }
        }
        Ok(counted)
    }
}

/// What the query of a list asks for.
#[derive(Default)]
struct Listed {
    from: Option<Day>,
    to: Option<Day>,
    business: Option<u32>,
    scene: Option<u32>,
    account: Option<String>,
    after: Option<i64>,
    limit: Option<u32>,
}

impl Listed {
    fn read(query: &str) -> Result<Self, Problem> {
        let unknown = || {
            Problem::malformed(
                "the query takes from, to, business, scene, account, after and limit, each once and percent-encoded",
                "查询参数只支持 from、to、business、scene、account、after 和 limit，各出现一次，并使用百分号编码",
            )
        };
        let mut listed = Self::default();
        for pair in pairs(query) {
            let (name, value) = pair.ok_or_else(unknown)?;
            let was_there = match name {
                "from" => listed.from.replace(day_of(&value)?).is_some(),
                "to" => listed.to.replace(day_of(&value)?).is_some(),
                "business" => listed.business.replace(number(&value)?).is_some(),
                "scene" => listed.scene.replace(number(&value)?).is_some(),
                "account" => listed.account.replace(value).is_some(),
                "after" => listed.after.replace(after(&value)?).is_some(),
                "limit" => listed.limit.replace(limit(&value)?).is_some(),
                _ => return Err(unknown()),
            };
            if was_there {
                return Err(unknown());
            }
        }
        Ok(listed)
    }

    fn filter(&self) -> UsageFilter<'_> {
        UsageFilter {
            from: self.from,
            to: self.to,
            business: self.business,
            scene: self.scene,
            account: self.account.as_deref(),
            before: self.after,
            limit: self.limit.unwrap_or(PAGE),
        }
    }
}

/// The names of a query with their values; `None` for a value whose escapes are broken.
fn pairs(query: &str) -> impl Iterator<Item = Option<(&str, String)>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
        unescaped(raw.bytes()).ok().map(|value| (name, value))
    })
}

fn day_of(text: &str) -> Result<Day, Problem> {
    day(text).ok_or_else(|| {
        Problem::malformed("`from` and `to` are days, such as 2026-12-31", "`from` 和 `to` 应为日期，例如 2026-12-31")
    })
}

fn parts_of(text: &str) -> Result<BTreeSet<Part>, Problem> {
    parts(text).ok_or_else(|| {
        Problem::malformed(
            "`by` takes day, business, scene and account_type, with commas between them",
            "`by` 由 day、business、scene、account_type 组成，以逗号分隔",
        )
    })
}

/// Without a sign, which the standard reader takes.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn number(text: &str) -> Result<u32, Problem> {
    digits(text).ok_or_else(|| {
        Problem::malformed(
            "`business` and `scene` are numbers from 0 to 4294967295",
            "`business` 和 `scene` 应为 0 到 4294967295 的数字",
        )
    })
}

fn after(text: &str) -> Result<i64, Problem> {
    digits(text).ok_or_else(|| {
        Problem::malformed("`after` is the `next` of the page before", "`after` 应为上一页返回的 `next`")
    })
}

fn limit(text: &str) -> Result<u32, Problem> {
    digits(text)
        .filter(|limit| (1..=LONGEST_PAGE).contains(limit))
        .ok_or_else(|| Problem::malformed("`limit` is a number from 1 to 1000", "`limit` 应为 1 到 1000 的数字"))
}

impl From<ReadUsageError> for Problem {
    fn from(error: ReadUsageError) -> Self {
        match error {
            ReadUsageError::TooMany => Self::malformed(
                "there are more than 10000 rows: ask for fewer days, or by less",
                "结果超过 10000 行：请缩短日期范围，或减少 `by` 中的维度",
            ),
            ReadUsageError::Records(error) => Self::of_records(&error),
        }
    }
}

#[async_trait]
impl Facade for NativeUsage {
    fn name(&self) -> &'static str {
        "native_usage"
    }

    fn paths(&self) -> &'static [&'static str] {
        &["/v1/usage", "/v1/usage/records"]
    }

    async fn answer(&self, request: Request) -> Response {
        let answered = self.run(&request).await;
        answered.unwrap_or_else(|problem| problem.response(language_of(&request.headers)))
    }

    fn refuse(&self, refusal: Refusal, headers: &HeaderMap) -> Response {
        Problem::from(refusal).response(language_of(headers))
    }
}

#[derive(Serialize)]
struct CountsJson {
    statistics: Vec<StatisticsJson>,
}

#[derive(Serialize)]
struct CallsJson {
    records: Vec<UsageJson>,
    next: Option<i64>,
}

#[cfg(test)]
mod tests;
