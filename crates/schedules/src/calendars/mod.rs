//! Business calendars that schedules run inside of, or leave out. Owns the table `calendars`.
//!
//! A schedule keeps a copy of its calendar's rules, so that a tick reads one row and the ledger judges each due time by the
//! rules of its day. A change of a calendar is brought to the schedules that use it in the same transaction ([`apply`]).

mod apply;
mod http;
mod view;

use chrono::{DateTime, Utc};
use kernel::{Problem, Result, kinds};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Sql, Tx, on_constraint};
use uuid::Uuid;

pub(crate) use http::routes;

use crate::{problems, time::Calendar, timing::KeptCalendar};

/// A calendar as it stands in its row.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct CalendarRow {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub rules: Value,
    pub version: i64,
    pub created_by: String,
    pub updated_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl CalendarRow {
    /// Its rules.
    ///
    /// # Errors
    /// `internal-error` when the row cannot be read.
    pub fn rules(&self) -> Result<Calendar> {
        Ok(serde_json::from_value(self.rules.clone())?)
    }

    /// The copy that a schedule keeps.
    ///
    /// # Errors
    /// As [`CalendarRow::rules`].
    pub fn kept(&self) -> Result<KeptCalendar> {
        Ok(KeptCalendar { id: self.id, name: self.name.clone(), version: self.version, rules: self.rules()? })
    }
}

/// The calendar of that id or name, if there is one.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn find(sql: &impl Sql, id_or_name: &str) -> Result<Option<CalendarRow>> {
    match id_or_name.parse::<Uuid>() {
        Ok(id) => sql.query_opt("select * from calendars where id = $1 and deleted_at is null", [id.into()]).await,
        Err(_) => {
            sql.query_opt("select * from calendars where name = $1 and deleted_at is null", [id_or_name.into()]).await
        }
    }
}

/// As [`find`], for a schedule that is going to keep a copy: nobody changes the calendar before this transaction ends.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn find_to_use(tx: &Tx, id_or_name: &str) -> Result<Option<CalendarRow>> {
    let Some(found) = find(tx, id_or_name).await? else { return Ok(None) };
    tx.query_opt("select * from calendars where id = $1 and deleted_at is null for share", [found.id.into()]).await
}

/// What a calendar is to be.
pub(crate) struct NewCalendar {
    pub name: String,
    pub description: String,
    pub rules: Calendar,
}

/// # Errors
/// `calendar-name-taken`.
async fn create(tx: &Tx, new: &NewCalendar, by: &str) -> Result<CalendarRow> {
    let values = [
        Uuid::now_v7().into(),
        new.name.as_str().into(),
        new.description.as_str().into(),
        serde_json::to_value(&new.rules)?.into(),
        by.into(),
        tx.now().into(),
    ];
    tx.query_opt(INSERT, values).await.map_err(name_taken)?.ok_or_else(|| Problem::internal("no row came back"))
}

const INSERT: &str = "
insert into calendars (id, name, description, rules, created_by, updated_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $5, $6, $6) returning *";

/// Locks a calendar for a change.
///
/// # Errors
/// `not-found`.
async fn lock(tx: &Tx, id: Uuid) -> Result<CalendarRow> {
    tx.query_opt("select * from calendars where id = $1 and deleted_at is null for update", [id.into()])
        .await?
        .ok_or_else(|| Problem::new(&kinds::NOT_FOUND).detail("there is no such calendar"))
}

/// # Errors
/// `calendar-name-taken`.
async fn replace(tx: &Tx, id: Uuid, (new, by): (&NewCalendar, &str)) -> Result<CalendarRow> {
    let values = [
        id.into(),
        new.name.as_str().into(),
        new.description.as_str().into(),
        serde_json::to_value(&new.rules)?.into(),
        by.into(),
        tx.now().into(),
    ];
    tx.query_opt(REPLACE, values).await.map_err(name_taken)?.ok_or_else(|| Problem::internal("no row came back"))
}

const REPLACE: &str = "
update calendars set name = $2, description = $3, rules = $4, updated_by = $5, updated_at = $6, version = version + 1
where id = $1 returning *";

/// # Errors
/// `calendar-in-use` while a schedule uses it.
async fn delete(tx: &Tx, id: Uuid) -> Result<()> {
    let users: i64 = tx.scalar(USERS, [id.into()]).await?.unwrap_or_default();
    if users > 0 {
        let detail = format!("{users} schedules use it");
        return Err(Problem::new(&problems::CALENDAR_IN_USE).detail(detail).with("schedules", users));
    }
    tx.run("update calendars set deleted_at = $2 where id = $1", [id.into(), tx.now().into()]).await?;
    Ok(())
}

const USERS: &str = "
select count(*) from schedules where (calendar_id = $1 or exclude_calendar_id = $1) and deleted_at is null";

fn name_taken(problem: Problem) -> Problem {
    match on_constraint("calendars_name", &problems::CALENDAR_NAME_TAKEN)(problem) {
        problem if problem.is(&problems::CALENDAR_NAME_TAKEN) => {
            problem.field("/name", "is the name of another calendar")
        }
        problem => problem,
    }
}
