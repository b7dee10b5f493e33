//! Recording what was done, in the transaction that does it.

use kernel::{Actor, Result, Trace};
use serde_json::Value;
use store::{Sql, Tx};
use uuid::Uuid;

use crate::diff;

/// Rows that one statement writes at most.
const BATCH: usize = 1000;
/// Longer paths are cut, in characters.
pub(crate) const LONGEST_PATH: usize = 500;

/// Something that an actor did.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Who did it.
    pub actor: &'a Actor,
    /// What the caller says of itself (`edge::Label`).
    pub label: Option<&'a str>,
    /// `noun.verb`: `schedule.update`.
    pub action: &'static str,
    /// `noun:id`: `schedule:<uuid>`.
    pub target: String,
    /// The resource before; `None` when it was not there.
    pub before: Option<&'a Value>,
    /// The resource after; `None` when it is not there any more.
    pub after: Option<&'a Value>,
}

/// Records `change` as done. What differs is computed here; secret-like members are stored as `***`.
///
/// # Errors
/// `unavailable` when Postgres is away: then the change must not be committed either.
pub async fn record(tx: &Tx, change: Change<'_>) -> Result<()> {
    record_many(tx, &[change]).await
}

/// [`record`] for many: one statement per thousand.
///
/// # Errors
/// As [`record`].
pub async fn record_many(tx: &Tx, changes: &[Change<'_>]) -> Result<()> {
    let at = Request::current();
    for batch in changes.chunks(BATCH) {
        let texts = |pick: &dyn Fn(&Change<'_>) -> String| batch.iter().map(pick).collect::<Vec<String>>();
        let mut differences = Vec::with_capacity(batch.len());
        for change in batch {
            differences.push(serde_json::to_string(&diff(change.before, change.after))?);
        }
        let values: [sea_orm::Value; 10] = [
            batch.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>().into(),
            texts(&|change| change.actor.identity()).into(),
            texts(&|change| change.actor.display_name().to_owned()).into(),
            texts(&|change| change.label.unwrap_or_default().to_owned()).into(),
            texts(&|change| change.action.to_owned()).into(),
            texts(&|change| change.target.clone()).into(),
            differences.into(),
            tx.now().into(),
            at.id.clone().into(),
            at.line.clone().into(),
        ];
        tx.run(INSERT, values).await?;
    }
    Ok(())
}

/// Empty labels stand for nulls; the request is the same for all: its id, and its method and path.
const INSERT: &str = "
insert into audit_log (id, at, actor, actor_name, label, action, target, outcome, changes, request_id, method, path)
select c.id, $8, c.actor, c.actor_name, nullif(c.label, ''), c.action, c.target, 'done', c.changes::jsonb, $9,
       ($10::text[])[1], ($10::text[])[2]
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     as c (id, actor, actor_name, label, action, target, changes)";

/// Something that an actor was refused within a request that did other things.
#[derive(Clone, Debug)]
pub struct Refused<'a> {
    /// Who was refused.
    pub actor: &'a Actor,
    /// What the caller says of itself (`edge::Label`).
    pub label: Option<&'a str>,
    /// `noun.verb`: `schedule.pause`.
    pub action: &'static str,
    /// `noun:id`: `schedule:<uuid>`; none of a thing that was not made.
    pub target: Option<String>,
    /// The slug of the problem.
    pub problem: &'static str,
}

/// Records what of a request was refused while the rest was done: of one that is refused as a whole there is a row anyway.
///
/// # Errors
/// As [`record`].
pub async fn record_refused(tx: &Tx, refused: &[Refused<'_>]) -> Result<()> {
    let at = Request::current();
    for batch in refused.chunks(BATCH) {
        let texts = |pick: &dyn Fn(&Refused<'_>) -> String| batch.iter().map(pick).collect::<Vec<String>>();
        let values: [sea_orm::Value; 10] = [
            batch.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>().into(),
            texts(&|one| one.actor.identity()).into(),
            texts(&|one| one.actor.display_name().to_owned()).into(),
            texts(&|one| one.label.unwrap_or_default().to_owned()).into(),
            texts(&|one| one.action.to_owned()).into(),
            texts(&|one| one.target.clone().unwrap_or_default()).into(),
            texts(&|one| one.problem.to_owned()).into(),
            tx.now().into(),
            at.id.clone().into(),
            at.line.clone().into(),
        ];
        tx.run(INSERT_REFUSED, values).await?;
    }
    Ok(())
}

/// Empty texts stand for nulls.
const INSERT_REFUSED: &str = "
insert into audit_log (id, at, actor, actor_name, label, action, target, outcome, problem, request_id, method, path)
select c.id, $8, c.actor, c.actor_name, nullif(c.label, ''), c.action, nullif(c.target, ''), 'refused', c.problem, $9,
       ($10::text[])[1], ($10::text[])[2]
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     as c (id, actor, actor_name, label, action, target, problem)";

/// The request at hand: where a row of the log belongs.
pub(crate) struct Request {
    pub id: String,
    /// Method and path; empty outside of a request.
    pub line: Vec<String>,
}

impl Request {
    pub fn current() -> Self {
        let trace = Trace::current();
        let line = trace.request.as_deref().and_then(|line| line.split_once(' '));
        let line = line.map(|(method, path)| vec![method.to_owned(), path.chars().take(LONGEST_PATH).collect()]);
        Self { id: trace.correlation_id.to_string(), line: line.unwrap_or_default() }
    }
}
