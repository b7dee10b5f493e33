//! Lists of executions, whose pages cost the same however deep they are.
//!
//! A filter that an index serves is read from it in the order of the list. Any other one is looked for stretch by stretch
//! along the primary key, for as long as [`PATIENCE`] lasts: then the page ends early, with a cursor from where to go on.

use std::time::{Duration, Instant};

use kernel::{Cursor, Page, Problem, Result};
use sqlx::{Arguments as _, AssertSqlSafe, postgres::PgArguments};
use store::Db;
use uuid::Uuid;

use crate::{
    filter::Filter,
    names::{Cause, State},
    row::{Row, columns},
};

/// How long one page is looked for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rows in the first stretch, and in the longest.
const STRETCH: (i64, i64) = (10_000, 500_000);

/// Which part of a list, in the order of ids.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Ids less than this.
    below: Option<Uuid>,
    /// Ids of this or more.
    from: Option<Uuid>,
    /// Ids more than this.
    after: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Newest,
    Oldest,
}

/// One page of what matches, newest first, below the id that the page before ended with. It may be shorter than `limit`;
/// it is the last one when it has no cursor.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn list(db: &Db, filter: &Filter, below: Option<Uuid>, limit: u64) -> Result<Page<Row>> {
    let most = limit as i64 + 1;
    let part = Part { below, ..Part::default() };
    if let Some(branches) = indexed(filter) {
        let rows = read(db, (&branches, Order::Newest), (filter, part), most).await?;
        return Ok(Page::cut(rows, limit, |row: &Row| row.id));
    }
    let (began, mut below, mut stretch) = (Instant::now(), below, STRETCH.0);
    let mut found: Vec<Row> = Vec::new();
    loop {
        let from: Option<Uuid> = sqlx::query_scalar(STRETCH_END)
            .persistent(false)
            .bind(below)
            .bind(stretch)
            .fetch_optional(db.pool())
            .await?;
        let part = Part { below, from, after: None };
        found.extend(read(db, (&["true"], Order::Newest), (filter, part), most - found.len() as i64).await?);
        if found.len() as i64 == most || from.is_none() {
            return Ok(Page::cut(found, limit, |row: &Row| row.id));
        }
        if began.elapsed() > PATIENCE {
            return Ok(Page { items: found, next_cursor: from.as_ref().map(Cursor::encode) });
        }
        (below, stretch) = (from, STRETCH.1.min(stretch * 4));
    }
}

const STRETCH_END: &str =
    "select id from executions where ($1::uuid is null or id < $1) order by id desc offset $2 - 1 limit 1";

/// One page of a chain: everything with that correlation id, oldest first, after the id that the page before ended with.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn chain(db: &Db, correlation_id: &str, after: Option<Uuid>, limit: u64) -> Result<Page<Row>> {
    let filter = Filter { correlation_id: Some(correlation_id.to_owned()), ..Filter::default() };
    let part = Part { after, ..Part::default() };
    let rows = read(db, (&of_chain(correlation_id), Order::Oldest), (&filter, part), limit as i64 + 1).await?;
    Ok(Page::cut(rows, limit, |row: &Row| row.id))
}

/// The ids of what matches, newest first, `limit` at most. For filters that an index serves.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn ids(db: &Db, filter: &Filter, limit: i64) -> Result<Vec<Uuid>> {
    let branches = indexed(filter).unwrap_or_else(|| vec!["true"]);
    let sql = union("e.id", (&branches, Order::Newest));
    let values = values(filter, Part::default(), limit)?;
    Ok(sqlx::query_scalar_with(AssertSqlSafe(sql), values).persistent(false).fetch_all(db.pool()).await?)
}

/// The conditions that divide what matches so that an index serves each part; none when there is no such index, unless
/// everything is wanted, which the primary key serves.
fn indexed(filter: &Filter) -> Option<Vec<&'static str>> {
    if let Some(id) = &filter.correlation_id {
        return Some(of_chain(id));
    }
    if filter.schedule_id.is_some() {
        return Some(vec!["e.finished_at is not null", "e.state in ('queued', 'running')"]);
    }
    if *filter == Filter::default() {
        return Some(vec!["true"]);
    }
    let by_state: Vec<&'static str> = filter.states.iter().flat_map(|state| of_state(*state)).copied().collect();
    (!by_state.is_empty() && !filter.states.contains(&State::Succeeded)).then_some(by_state)
}

/// An execution in no chain has its own id as its correlation id. Of the others, what has ended is in an index by chain, and
/// what has not is found by the engine's small ones.
fn of_chain(correlation_id: &str) -> Vec<&'static str> {
    let mut branches = vec![
        "e.finished_at is not null and e.correlation_id <> e.id::text",
        "e.state = 'running' and e.correlation_id <> e.id::text",
        "e.state = 'queued' and e.dispatched_at is null and e.correlation_id <> e.id::text",
        "e.state = 'queued' and e.dispatched_at is not null and e.correlation_id <> e.id::text",
    ];
    if Uuid::try_parse(correlation_id).is_ok_and(|id| id.to_string() == correlation_id) {
        branches.push("e.id = $8::text::uuid and e.correlation_id = e.id::text");
    }
    branches
}

fn of_state(state: State) -> &'static [&'static str] {
    match state {
        State::Queued => {
            &["e.state = 'queued' and e.dispatched_at is null", "e.state = 'queued' and e.dispatched_at is not null"]
        }
        State::Running => &["e.state = 'running'"],
        State::Failed => &["e.state = 'failed'"],
        State::Cancelled => &["e.state = 'cancelled'"],
        State::Skipped => &["e.state = 'skipped'"],
        State::Missed => &["e.state = 'missed'"],
        State::Succeeded => &[],
    }
}

/// A statement over all branches: each gives its first rows, and the first of those are the answer.
fn union(columns: &str, (branches, order): (&[&str], Order)) -> String {
    let direction = match order {
        Order::Newest => "desc",
        Order::Oldest => "asc",
    };
    let parts: Vec<String> = branches
        .iter()
        .map(|branch| {
            format!(
                "(select {columns} from executions e where {branch} {CONDITIONS} order by e.id {direction} limit $13)"
            )
        })
        .collect();
    format!("select * from ({}) e order by e.id {direction} limit $13", parts.join(" union all "))
}

/// Planned with its values each time, so that what is not asked for vanishes and the indexes of the rest are used.
const CONDITIONS: &str = "
and ($1::uuid is null or e.schedule_id = $1) and ($2::text is null or e.kind = $2) and ($3::text is null or e.queue = $3)
and ($4::text[] is null or e.state = any($4)) and ($5::text is null or e.trigger = $5)
and ($6::timestamptz is null or e.started_at >= $6) and ($7::timestamptz is null or e.started_at < $7)
and ($8::text is null or e.correlation_id = $8)
and ($9::text is null or e.message ilike $9 or e.errors -> -1 ->> 'error' ilike $9)
and ($10::uuid is null or e.id < $10) and ($11::uuid is null or e.id >= $11) and ($12::uuid is null or e.id > $12)";

async fn read(db: &Db, from: (&[&str], Order), (filter, part): (&Filter, Part), most: i64) -> Result<Vec<Row>> {
    let direction = if from.1 == Order::Newest { "desc" } else { "asc" };
    let rows = union(columns!(), from);
    let sql = format!(
        "select e.*, s.name as schedule_name from ({rows}) e left join schedules s on s.id = e.schedule_id order by e.id {direction}"
    );
    let values = values(filter, part, most)?;
    Ok(sqlx::query_as_with(AssertSqlSafe(sql), values).persistent(false).fetch_all(db.pool()).await?)
}

/// The values of [`CONDITIONS`], and how many rows at most.
fn values(filter: &Filter, part: Part, most: i64) -> Result<PgArguments> {
    let states: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
    let mut values = PgArguments::default();
    let add = || {
        values.add(filter.schedule_id)?;
        values.add(filter.kind.as_deref())?;
        values.add(filter.queue.map(jobs::Queue::name))?;
        values.add((!states.is_empty()).then_some(states))?;
        values.add(filter.cause.map(Cause::name))?;
        values.add(filter.started_from)?;
        values.add(filter.started_to)?;
        values.add(filter.correlation_id.as_deref())?;
        values.add(filter.text.as_deref().map(anywhere))?;
        values.add(part.below)?;
        values.add(part.from)?;
        values.add(part.after)?;
        values.add(most)
    };
    add().map_err(Problem::internal)?;
    Ok(values)
}

/// A pattern for `ilike` that finds `text` itself, wherever it stands.
fn anywhere(text: &str) -> String {
    format!("%{}%", text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_as_it_is() {
        assert_eq!(anywhere(r"50%_\"), r"%50\%\_\\%");
    }

    #[test]
    fn what_an_index_serves_is_divided_accordingly() {
        let parts = |filter: Filter| indexed(&filter).map(|branches| branches.len());
        let states = |states: &[State]| Filter { states: states.to_vec(), ..Filter::default() };
        assert_eq!(parts(Filter::default()), Some(1));
        assert_eq!(parts(states(&[State::Failed, State::Queued])), Some(3));
        assert_eq!(parts(states(&[State::Failed, State::Succeeded])), None);
        assert_eq!(parts(Filter { kind: Some("a".into()), ..Filter::default() }), None);
        assert_eq!(parts(Filter { schedule_id: Some(Uuid::nil()), ..states(&[State::Succeeded]) }), Some(2));
        let chain = |id: &str| parts(Filter { correlation_id: Some(id.into()), ..Filter::default() });
        assert_eq!((chain("a request"), chain(&Uuid::nil().to_string())), (Some(4), Some(5)));
        assert_eq!(chain(&Uuid::nil().urn().to_string()), Some(4), "Postgres cannot read this one");
    }
}
