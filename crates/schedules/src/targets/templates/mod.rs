//! Schedule templates: the fields of a schedule, with parameters. Owns the table `schedule_templates`.
//!
//! A schedule that is made from one keeps what it came to: a change of the template changes no schedule.

mod check;
mod expand;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use kernel::{Problem, Result, kinds};
use sea_orm::{FromQueryResult, Value as Param};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Sql, Tx, on_constraint};
use utoipa::ToSchema;
use uuid::Uuid;

#[cfg(test)]
pub(crate) use self::check::FIELDS;
pub(crate) use self::{check::faults, expand::expand};
use crate::problems;

/// The fields of a schedule's request.
pub(crate) type Fields = Map<String, Value>;

/// A parameter of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateParameter, example = json!({ "name": "hour", "type": "number", "default": 6, "description": "When it runs" }))]
pub(crate) struct Parameter {
    /// What the texts of the template call it: `{{name}}`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z_][a-z0-9_]*$")]
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Whether it must be given. One that need not be and has no default is null.
    #[serde(default)]
    #[schema(required = false, default = false)]
    pub required: bool,
    /// What it is when it is not given; of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub description: Option<String>,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParameterType {
    String,
    Number,
    Boolean,
}

impl ParameterType {
    /// Whether `value` is of it.
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// What a template is to be.
#[derive(Clone, Debug)]
pub(crate) struct NewTemplate {
    pub name: String,
    pub description: String,
    pub parameters: Vec<Parameter>,
    pub schedule: Fields,
}

/// A template as it stands in its row.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct TemplateRow {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub parameters: Value,
    pub schedule: Value,
    pub version: i64,
    pub created_by: String,
    pub updated_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl TemplateRow {
    /// Its parameters.
    ///
    /// # Errors
    /// `internal-error` when the row cannot be read.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        Ok(serde_json::from_value(self.parameters.clone())?)
    }
}

/// At most `limit` templates after the one of that name, by name.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn list(sql: &impl Sql, after: Option<String>, limit: u64) -> Result<Vec<TemplateRow>> {
    sql.query(LIST, [after.into(), (limit as i64).into()]).await
}

const LIST: &str = "
select * from schedule_templates where deleted_at is null and ($1::text is null or name > $1) order by name limit $2";

/// The template of that id or name, if there is one.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn find(sql: &impl Sql, id_or_name: &str) -> Result<Option<TemplateRow>> {
    match id_or_name.parse::<Uuid>() {
        Ok(id) => sql.query_opt(BY_ID, [id.into()]).await,
        Err(_) if id_or_name.contains('\0') => Ok(None),
        Err(_) => sql.query_opt(BY_NAME, [id_or_name.into()]).await,
    }
}

const BY_ID: &str = "select * from schedule_templates where id = $1 and deleted_at is null";

const BY_NAME: &str = "select * from schedule_templates where name = $1 and deleted_at is null";

/// Locks a template for a change.
///
/// # Errors
/// `not-found`.
pub(crate) async fn lock(tx: &Tx, id: Uuid) -> Result<TemplateRow> {
    tx.query_opt(LOCK, [id.into()]).await?.ok_or_else(not_found)
}

const LOCK: &str = "select * from schedule_templates where id = $1 and deleted_at is null for update";

pub(crate) fn not_found() -> Problem {
    Problem::new(&kinds::NOT_FOUND).detail("there is no such template")
}

/// Creates a template that [`faults`] found nothing wrong with.
///
/// # Errors
/// `template-name-taken`.
pub(crate) async fn create(tx: &Tx, new: &NewTemplate, by: &str) -> Result<TemplateRow> {
    write(tx, INSERT, (Uuid::now_v7(), new, by)).await
}

const INSERT: &str = "
insert into schedule_templates (id, name, description, parameters, schedule, created_by, updated_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6, $7, $7) returning *";

/// Makes a template, which is locked, another one.
///
/// # Errors
/// `template-name-taken`.
pub(crate) async fn replace(tx: &Tx, id: Uuid, (new, by): (&NewTemplate, &str)) -> Result<TemplateRow> {
    write(tx, REPLACE, (id, new, by)).await
}

const REPLACE: &str = "
update schedule_templates
set name = $2, description = $3, parameters = $4, schedule = $5, updated_by = $6, updated_at = $7, version = version + 1
where id = $1 returning *";

async fn write(tx: &Tx, sql: &'static str, (id, new, by): (Uuid, &NewTemplate, &str)) -> Result<TemplateRow> {
    let values: [Param; 7] = [
        id.into(),
        new.name.as_str().into(),
        new.description.as_str().into(),
        serde_json::to_value(&new.parameters)?.into(),
        Value::Object(new.schedule.clone()).into(),
        by.into(),
        tx.now().into(),
    ];
    tx.query_opt(sql, values).await.map_err(name_taken)?.ok_or_else(|| Problem::internal("no row came back"))
}

fn name_taken(problem: Problem) -> Problem {
    match on_constraint("schedule_templates_name", &problems::TEMPLATE_NAME_TAKEN)(problem) {
        problem if problem.is(&problems::TEMPLATE_NAME_TAKEN) => {
            problem.field("/name", "is the name of another template")
        }
        problem => problem,
    }
}

/// Deletes a template, which is locked: its name becomes free, the schedules made from it stay.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub(crate) async fn delete(tx: &Tx, id: Uuid) -> Result<()> {
    tx.run("update schedule_templates set deleted_at = $2 where id = $1", [id.into(), tx.now().into()]).await?;
    Ok(())
}
