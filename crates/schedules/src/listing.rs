//! Lists of schedules whose pages cost the same however deep they are: each is read from an index in its order.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use kernel::{Page, Problem, Result, kinds};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use store::{Db, Sql};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::read::ScheduleRow;

/// Which schedules; what is absent matches all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    pub creator: Option<String>,
    pub any_tag: Vec<String>,
    pub all_tags: Vec<String>,
    /// A word of rows.
    pub status: Option<&'static str>,
    /// A word of rows.
    pub schedule_type: Option<&'static str>,
    /// In the name or the description.
    pub text: Option<String>,
    pub next_run_from: Option<DateTime<Utc>>,
    pub next_run_to: Option<DateTime<Utc>>,
}

/// By what a list is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortKey {
    /// When it was made.
    CreatedAt,
    /// By the bytes of its name.
    Name,
    /// When it is due next.
    NextRunAt,
}

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// The smallest first.
    Asc,
    /// The largest first.
    Desc,
}

/// Where a page ended: the key of its last schedule, and its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    key: String,
    id: Uuid,
}

impl SortKey {
    /// As the index of that order has it.
    fn expression(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Name => "name collate \"C\"",
            Self::NextRunAt => "coalesce(next_run_at, 'infinity')",
        }
    }

    fn of(self, row: &ScheduleRow) -> String {
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        match self {
            Self::CreatedAt => instant(row.created_at),
            Self::Name => row.name.clone(),
            Self::NextRunAt => row.next_run_at.map_or_else(|| "infinity".to_owned(), instant),
        }
    }

    /// Refuses a cursor of another order, or one that somebody made up.
    fn check(self, position: &Position) -> Result<()> {
        let instant = || DateTime::parse_from_rfc3339(&position.key).is_ok_and(|at| (1..=9999).contains(&at.year()));
        let fits = match self {
            Self::CreatedAt => instant(),
            Self::Name => !position.key.contains('\0'),
            Self::NextRunAt => position.key == "infinity" || instant(),
        };
        if fits {
            return Ok(());
        }
        Err(Problem::new(&kinds::VALIDATION_FAILED).field("/cursor", "is not a cursor that this list gave out"))
    }

    fn cast(self) -> &'static str {
        match self {
            Self::Name => "text",
            Self::CreatedAt | Self::NextRunAt => "timestamptz",
        }
    }
}

/// One page of what matches.
///
/// # Errors
/// `validation-failed` naming `cursor`; `unavailable` when Postgres is away.
pub(crate) async fn page(
    db: &Db,
    filter: &Filter,
    (key, order): (SortKey, Order),
    (after, limit): (Option<Position>, u64),
) -> Result<Page<ScheduleRow>> {
    let mut wanted = filter.conditions();
    let expression = key.expression();
    let (beyond, direction) = match order {
        Order::Asc => (">", "asc"),
        Order::Desc => ("<", "desc"),
    };
    if let Some(position) = after {
        key.check(&position)?;
        let (at, id) = (wanted.value(position.key.into()), wanted.value(position.id.into()));
        let beyond = format!(" and ({expression}, id) {beyond} ({at}::text::{}, {id}::uuid)", key.cast());
        wanted.sql.push_str(&beyond);
    }
    let most = wanted.value((limit as i64 + 1).into());
    let sql = format!(
        "select * from schedules where {} order by {expression} {direction}, id {direction} limit {most}",
        wanted.sql
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, wanted.values);
    let rows = db.conn().query_all_raw(statement).await?;
    let rows: Result<Vec<ScheduleRow>, _> = rows.iter().map(|row| ScheduleRow::from_query_result(row, "")).collect();
    Ok(Page::cut(rows?, limit, |row| Position { key: key.of(row), id: row.id }))
}

/// How many match of those that were made by then.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn count(sql: &impl Sql, filter: &Filter, made_by: DateTime<Utc>) -> Result<i64> {
    let mut wanted = filter.conditions();
    wanted.and("created_at <= ?", Some(made_by.into()));
    let text = format!("select count(*) from schedules where {}", wanted.sql);
    let row = sql.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, text, wanted.values)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

/// At most `most` of those that match and were made by then, in the order of their ids, beyond `after`.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn ids(
    sql: &impl Sql,
    filter: &Filter,
    (made_by, after): (DateTime<Utc>, Uuid),
    most: usize,
) -> Result<Vec<Uuid>> {
    let mut wanted = filter.conditions();
    wanted.and("created_at <= ?", Some(made_by.into()));
    wanted.and("id > ?", Some(after.into()));
    let most = wanted.value((most as i64).into());
    let text = format!("select id from schedules where {} order by id limit {most}", wanted.sql);
    let rows = sql.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, text, wanted.values)).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Conditions and their values: only what is asked for, so that the planner sees no more.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Takes a value in; its place in the statement.
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn and(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            let place = self.value(value);
            self.sql.push_str(" and ");
            self.sql.push_str(&condition.replace('?', &place));
        }
    }
}

impl Filter {
    fn conditions(&self) -> Conditions {
        let mut found = Conditions { sql: "deleted_at is null".to_owned(), values: Vec::new() };
        let tags = |tags: &Vec<String>| (!tags.is_empty()).then(|| tags.clone().into());
        found.and("created_by = ?", self.creator.clone().map(Into::into));
        found.and("tags && ?::text[]", tags(&self.any_tag));
        found.and("tags @> ?::text[]", tags(&self.all_tags));
        // Our own words, few and unevenly spread: the planner is to see which one it is.
        for (column, word) in [("state", self.status), ("schedule_type", self.schedule_type)] {
            found.sql += &word.map(|word| format!(" and {column} = '{word}'")).unwrap_or_default();
        }
        let text = self.text.as_deref().map(like);
        found.and("(name ilike ? or description ilike ?)", text.map(Into::into));
        found.and("next_run_at >= ?", self.next_run_from.map(Into::into));
        found.and("next_run_at < ?", self.next_run_to.map(Into::into));
        found
    }
}

/// A pattern for a text that is meant as it is.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

/// Refuses instants that Postgres does not know.
///
/// # Errors
/// `validation-failed` naming the parameter.
pub(crate) fn reckonable<const N: usize>(instants: [(&'static str, Option<DateTime<Utc>>); N]) -> Result<()> {
    for (pointer, at) in instants {
        if at.is_some_and(|at| !(0..=9999).contains(&at.year())) {
            return Err(Problem::new(&kinds::VALIDATION_FAILED).field(pointer, "is not in the years 0 to 9999"));
        }
    }
    Ok(())
}
