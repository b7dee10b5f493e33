//! Putting views together from rows: a constant number of statements for any number of schedules.

use std::{collections::HashMap, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use kernel::Result;
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::Sql;
use uuid::Uuid;

use super::{CalendarUse, CountersView, ExcludeView, Origin, ScheduleView, Status, TargetView, TimingView};
use crate::{
    http::request::{AfterGiven, ConditionWord, EXPANDED, Fields},
    read::{Counters, ScheduleRow},
    timing::{Rhythm, StoredTiming},
};

#[derive(FromQueryResult)]
struct Dependency {
    schedule_id: Uuid,
    after_id: Uuid,
    condition: String,
}

const DEPENDENCIES: &str = "
select schedule_id, after_id, condition from schedule_dependencies where schedule_id = any($1) order by after_id";

#[derive(FromQueryResult)]
struct Counted {
    schedule_id: Uuid,
    #[sea_orm(nested)]
    counters: Counters,
}

const COUNTERS: &str = "select * from schedule_counters where schedule_id = any($1)";

impl ScheduleView {
    /// The view of one row.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn of(sql: &impl Sql, row: ScheduleRow) -> Result<Self> {
        let mut views = Self::of_many(sql, vec![row]).await?;
        views.pop().ok_or_else(|| kernel::Problem::internal("a row gave no view"))
    }

    /// The views of rows, in their order.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn of_many(sql: &impl Sql, rows: Vec<ScheduleRow>) -> Result<Vec<Self>> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut after: HashMap<Uuid, Vec<AfterGiven>> = HashMap::new();
        for found in sql.query::<Dependency, _>(DEPENDENCIES, [ids.clone().into()]).await? {
            let on = match found.condition.as_str() {
                "failure" => ConditionWord::Failure,
                "completion" => ConditionWord::Completion,
                _ => ConditionWord::Success,
            };
            after.entry(found.schedule_id).or_default().push(AfterGiven { schedule_id: found.after_id, on });
        }
        let counted = sql.query::<Counted, _>(COUNTERS, [ids.into()]).await?;
        let mut counted: HashMap<Uuid, Counters> =
            counted.into_iter().map(|found| (found.schedule_id, found.counters)).collect();
        let view = |row: ScheduleRow| {
            let (after, counters) = (after.remove(&row.id), counted.remove(&row.id));
            assemble(row, after.unwrap_or_default(), counters.unwrap_or_default())
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

fn assemble(row: ScheduleRow, after: Vec<AfterGiven>, counters: Counters) -> ScheduleView {
    let given = row.given.as_object().cloned().unwrap_or_default();
    let fields = given.get(EXPANDED).and_then(Value::as_object).cloned().unwrap_or_else(|| given.clone());
    let timing = timing(&row, &fields);
    ScheduleView {
        next_run_local: row.next_run_at.map(|at| local(at, &timing.timezone)),
        target: target(&row, &fields),
        timing,
        id: row.id,
        name: row.name,
        description: row.description,
        priority: row.priority,
        tags: row.tags,
        max_retries: row.max_attempts.map(|attempts| attempts - 1),
        retry_delay: row.retry_delay_seconds,
        timeout_seconds: row.timeout_seconds,
        misfire_grace_seconds: row.misfire_grace_seconds,
        catch_up: row.catch_up,
        overlap: row.overlap,
        max_instances: row.max_instances,
        max_runs: row.max_runs,
        pause_on_failure: row.pause_on_failure,
        after,
        join: row.join_mode,
        template: given.get("template").cloned(),
        parameters: given.get("parameters").cloned(),
        status: status(&row.state),
        status_reason: row.state_reason,
        next_run_at: row.next_run_at,
        last_run_at: counters.last_run_at,
        last_execution_id: counters.last_execution_id,
        counters: CountersView {
            runs: counters.runs,
            succeeded: counters.succeeded,
            failed: counters.failed,
            missed: counters.missed,
            skipped: counters.skipped,
            cancelled: counters.cancelled,
        },
        created_by: row.created_by,
        created_by_label: row.created_by_label,
        updated_by: row.updated_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: row.version,
        origin: if row.origin == "code" { Origin::Code } else { Origin::Api },
    }
}

fn timing(row: &ScheduleRow, fields: &Fields) -> TimingView {
    let mut view = TimingView {
        schedule_type: row.schedule_type.clone(),
        cron_expression: None,
        cron_expressions: None,
        phrase: fields.get("phrase").and_then(Value::as_str).map(str::to_owned),
        exclude: Vec::new(),
        interval_seconds: None,
        anchor: None,
        run_at: None,
        timezone: "UTC".to_owned(),
        start_at: None,
        end_at: None,
        jitter_seconds: row.jitter_seconds,
        calendar: None,
        dst_gap: None,
        dst_overlap: None,
    };
    // One that cannot be read is disabled; the rest of it can be shown all the same.
    if let Ok(stored) = row.stored_timing() {
        fill(&mut view, stored, fields.contains_key("cron_expressions"));
    }
    view
}

fn fill(view: &mut TimingView, stored: StoredTiming, as_list: bool) {
    match stored.rhythm {
        Rhythm::Cron { mut expressions, dst_gap, dst_overlap } => {
            (view.dst_gap, view.dst_overlap) = (Some(dst_gap), Some(dst_overlap));
            if expressions.len() == 1 && !as_list {
                view.cron_expression = expressions.pop();
            } else {
                view.cron_expressions = Some(expressions);
            }
        }
        Rhythm::Interval { every_seconds, anchor } => {
            (view.interval_seconds, view.anchor) = (Some(every_seconds), Some(anchor));
        }
        Rhythm::Once { at } => view.run_at = Some(at),
        Rhythm::None => {}
    }
    view.exclude = stored.exclude.into_iter().map(ExcludeView::Expression).collect();
    let left_out = stored.exclude_calendar;
    view.exclude.extend(left_out.map(|kept| ExcludeView::Calendar { calendar: kept.id, name: kept.name }));
    (view.timezone, view.start_at, view.end_at) = (stored.zone, stored.start_at, stored.end_at);
    view.calendar = stored.calendar.map(|c| CalendarUse { id: c.id, name: c.name, outside: c.outside });
}

/// What was given; of a schedule that the code declares, the job of its row.
fn target(row: &ScheduleRow, fields: &Fields) -> TargetView {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let webhook = fields.get("webhook").and_then(|webhook| serde_json::from_value(webhook.clone()).ok());
    let target_command = text("target_command");
    if webhook.is_some() || target_command.is_some() {
        return TargetView {
            webhook,
            target_command,
            command_payload: fields.get("command_payload").cloned(),
            ..TargetView::default()
        };
    }
    let job = text("job").unwrap_or_else(|| row.kind.clone());
    TargetView { job: Some(job), args: Some(row.args.clone()), ..TargetView::default() }
}

fn status(state: &str) -> Status {
    match state {
        "active" => Status::Active,
        "paused" => Status::Paused,
        "completed" => Status::Completed,
        "failed" => Status::Failed,
        _ => Status::Disabled,
    }
}

/// What the clock of `zone` shows at an instant, with its distance from UTC.
pub(crate) fn local(at: DateTime<Utc>, zone: &str) -> String {
    let zone = Tz::from_str(zone).unwrap_or(Tz::UTC);
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}
