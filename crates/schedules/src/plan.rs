//! What is going to be written for schedules that came due, or are run for another reason: gathered, then written together.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jobs::{Correlation, KindInfo, NewExecution, NewState, Registry, Trigger};
use kernel::{ExecutionId, Result};
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use crate::{
    change::just_before,
    due::{self, CatchUp, Fate},
    metrics,
    overlap::{self, Active, Overlap},
    payload,
    row::Due,
    spans,
    time::{Spec, jitter},
    timing::StoredTiming,
};

/// What is going to be written.
#[derive(Default)]
pub(crate) struct Plans {
    executions: Vec<NewExecution>,
    cancel: Vec<Uuid>,
    next: Vec<Next>,
    broken: Vec<(Uuid, String)>,
    misfires: Vec<(&'static str, u64)>,
}

/// Where a schedule goes on.
struct Next {
    id: Uuid,
    /// The next due time; none when it is over.
    at: Option<DateTime<Utc>>,
    /// The last due time that was dealt with.
    handled: DateTime<Utc>,
    /// Set when due times from this one on wait for a run to end; `at` is when to look again.
    due_from: Option<DateTime<Utc>>,
    runs: i64,
}

/// What becomes of a due time to be caught up while the overlap rule admits no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It waits until the rule does.
    GoesOn,
    /// It is skipped: the schedule is about to change.
    Ends,
}

/// How long until a schedule that catches up looks whether its run is over: less than the second between ticks, so each looks.
const LOOK_AGAIN: TimeDelta = TimeDelta::milliseconds(500);

/// Why an execution is made other than for a due time.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub trigger: Trigger,
    pub triggered_by: String,
    pub correlation: Correlation,
    pub round: Option<String>,
    /// Replaces the schedule's own arguments.
    pub args: Option<Value>,
    /// The due time it is, when it is one.
    pub scheduled_for: Option<DateTime<Utc>>,
}

/// The computation and the kind of a schedule.
///
/// # Errors
/// In plain words, why it cannot be read.
pub(crate) fn readable(row: &Due, registry: &Registry) -> Result<(Arc<Spec>, KindInfo), String> {
    let timing: StoredTiming = serde_json::from_value(row.timing.clone()).map_err(|error| error.to_string())?;
    let args = if row.templated { &sample(&row.args) } else { &row.args };
    let kind = registry.check(&row.kind, args).map_err(|problem| problem.to_string())?;
    Ok((crate::cache::spec(&timing)?, kind))
}

/// Arguments with sample values for their placeholders.
pub(crate) fn sample(args: &Value) -> Value {
    payload::fill(args, &payload::values(Uuid::nil(), DateTime::UNIX_EPOCH, Some(DateTime::UNIX_EPOCH)))
}

impl Plans {
    /// Decides over every due time of `row` up to `now`.
    pub fn due(
        &mut self,
        row: &Due,
        (spec, kind): (&Spec, KindInfo),
        mut active: Active,
        (now, waiting): (DateTime<Utc>, Waiting),
    ) {
        let Some(first) = row.first_due() else { return };
        let grace = row.misfire_grace_seconds.map(|seconds| TimeDelta::seconds(i64::from(seconds)));
        let (policy, catch_up) = (Overlap::parse(&row.overlap), CatchUp::parse(&row.catch_up));
        let fates = due::decide(spec, first, now, (catch_up, grace));
        let last = fates.len().saturating_sub(1);
        let mut next = Next { id: row.id, at: None, handled: just_before(first), due_from: None, runs: 0 };
        for (index, fate) in fates.into_iter().enumerate() {
            if next.runs >= row.runs_left() {
                self.next.push(next);
                return;
            }
            let at = fate.first();
            let state = match fate {
                Fate::Missed { .. } => self.missed(fate),
                Fate::Run { late: Some(_), .. } if catch_up == CatchUp::All && policy.lets_wait() => {
                    match self.admit(row, policy, &mut active) {
                        Ok(()) => NewState::Queued,
                        Err(_) if waiting == Waiting::GoesOn => {
                            next.due_from = Some(at);
                            next.at = Some(now + LOOK_AGAIN);
                            self.next.push(next);
                            return;
                        }
                        Err(reason) => skipped(reason, "overlap"),
                    }
                }
                Fate::Run { .. } if index < last && !policy.allows_several() => {
                    skipped("a later due time of its schedule stands for it", "collapsed")
                }
                Fate::Run { .. } => match self.admit(row, policy, &mut active) {
                    Ok(()) => NewState::Queued,
                    Err(reason) => skipped(reason, "overlap"),
                },
            };
            next.handled = fate.last();
            next.runs += i64::from(state == NewState::Queued);
            self.occurrence(row, kind, (spec, fate), state);
        }
        next.at = spec.next_after(now.max(next.handled)).filter(|_| next.runs < row.runs_left());
        self.next.push(next);
    }

    fn missed(&mut self, fate: Fate) -> NewState {
        let Fate::Missed { from, to, count, reason } = fate else { return NewState::Queued };
        self.misfires.push((reason.label(), count));
        let extent = json!({"from": from, "to": to, "count": count, "cause": reason.label()});
        NewState::Missed(reason.text(from, to, count), extent)
    }

    fn occurrence(&mut self, row: &Due, kind: KindInfo, (spec, fate): (&Spec, Fate), state: NewState) {
        let at = fate.first();
        let mut execution = Self::execution(row, kind, at, state);
        match fate {
            Fate::Missed { to, .. } => execution.covers_to = Some(to),
            Fate::Run { late, .. } => execution.triggered_by = Some(by_schedule(row, late)),
        }
        if row.jitter_seconds > 0 {
            let gap = spec.next_after(at).map(|next| next - at);
            execution.run_at = at + jitter(row.id, at, row.jitter_seconds.unsigned_abs(), gap);
        }
        self.executions.push(execution);
    }

    /// One execution for another reason than a due time, if the overlap rule admits it.
    ///
    /// # Errors
    /// Why it is not admitted; nothing is planned then.
    pub fn once(
        &mut self,
        row: &Due,
        kind: KindInfo,
        (mut active, cause): (Active, Cause),
        now: DateTime<Utc>,
    ) -> Result<ExecutionId, String> {
        self.admit(row, Overlap::parse(&row.overlap), &mut active)?;
        Ok(self.caused(row, kind, cause, (NewState::Queued, now)))
    }

    /// One execution for another reason than a due time, in any state and whatever else runs.
    pub fn caused(
        &mut self,
        row: &Due,
        kind: KindInfo,
        cause: Cause,
        (state, now): (NewState, DateTime<Utc>),
    ) -> ExecutionId {
        let mut execution = Self::execution(row, kind, cause.scheduled_for.unwrap_or(now), state);
        execution.scheduled_for = cause.scheduled_for;
        execution.run_at = now;
        execution.trigger = cause.trigger;
        execution.triggered_by = Some(cause.triggered_by);
        execution.correlation = cause.correlation;
        execution.round = cause.round;
        if let Some(args) = cause.args {
            execution.args = args;
        }
        let id = execution.id;
        self.executions.push(execution);
        id
    }

    /// A schedule that cannot be read is disabled, and its due time leaves a row as well.
    pub fn disable(&mut self, row: &Due, registry: &Registry, (reason, now): (String, DateTime<Utc>)) {
        if let (Some(kind), Some(at)) = (registry.info(&row.kind), row.first_due()) {
            let missed = NewState::Missed(format!("the schedule is not valid: {reason}"), json!({"cause": "disabled"}));
            let mut execution = Self::execution(row, kind, at, missed);
            execution.args = row.args.clone();
            execution.covers_to = Some(now.max(at));
            self.executions.push(execution);
            self.misfires.push(("invalid", 1));
        }
        self.broken.push((row.id, reason));
    }

    fn admit(&mut self, row: &Due, policy: Overlap, active: &mut Active) -> Result<(), String> {
        overlap::admit(policy, row.max_instances, *active)?;
        if policy == Overlap::CancelRunning && *active != Active::default() {
            self.cancel.push(row.id);
        }
        active.queued += 1;
        Ok(())
    }

    fn execution(row: &Due, kind: KindInfo, at: DateTime<Utc>, state: NewState) -> NewExecution {
        let id = ExecutionId::new();
        let args = if row.templated {
            payload::fill(&row.args, &payload::values(id.0, at, row.last_success_at))
        } else {
            row.args.clone()
        };
        let attempts = row.max_attempts.and_then(|attempts| u16::try_from(attempts).ok());
        NewExecution {
            id,
            kind: kind.kind,
            queue: kind.queue,
            args,
            schedule: Some(row.id.into()),
            scheduled_for: Some(at),
            covers_to: None,
            run_at: at,
            priority: row.priority,
            max_attempts: attempts.unwrap_or(kind.policy.max_attempts),
            retry_delay_seconds: row.retry_delay_seconds,
            timeout_seconds: row.timeout_seconds,
            unique_key: None,
            trigger: Trigger::Schedule,
            triggered_by: Some(by_schedule(row, None)),
            correlation: Correlation::Own,
            round: None,
            state,
        }
    }

    /// Writes everything; returns how many executions are new.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn write(self, tx: &Tx) -> Result<usize> {
        if !self.cancel.is_empty() {
            for asked in tx.query::<Asked, _>(CANCEL_RUNNING, [self.cancel.into(), tx.now().into()]).await? {
                jobs::executions::tell_cancelled(tx, asked.id.into());
            }
        }
        let written = jobs::insert_many(tx, &self.executions).await?.len();
        advance(tx, self.next).await?;
        let (ids, reasons): (Vec<Uuid>, Vec<String>) = self.broken.into_iter().unzip();
        if !ids.is_empty() {
            spans::close(tx, ids.clone(), vec![tx.now(); ids.len()]).await?;
            tx.run(DISABLE, [ids.into(), reasons.into(), tx.now().into()]).await?;
        }
        metrics::misfires(&self.misfires);
        Ok(written)
    }
}

/// An execution that is left out, for people and for programs.
pub(crate) fn skipped(reason: impl Into<String>, cause: &'static str) -> NewState {
    NewState::Skipped(reason.into(), json!({"cause": cause}))
}

fn by_schedule(row: &Due, late: Option<TimeDelta>) -> String {
    let caught_up = late.map(|late| format!(", caught up {} s late: no worker ran at its time", late.num_seconds()));
    format!("schedule {}{}", row.name, caught_up.unwrap_or_default())
}

async fn advance(tx: &Tx, next: Vec<Next>) -> Result<()> {
    if next.is_empty() {
        return Ok(());
    }
    let over: Vec<&Next> = next.iter().filter(|next| next.at.is_none()).collect();
    spans::close(tx, over.iter().map(|next| next.id).collect(), over.iter().map(|next| next.handled).collect()).await?;
    let values = [
        next.iter().map(|next| next.id).collect::<Vec<Uuid>>().into(),
        next.iter().map(|next| next.at.unwrap_or(next.handled)).collect::<Vec<_>>().into(),
        next.iter().map(|next| next.at.is_none()).collect::<Vec<bool>>().into(),
        next.iter().map(|next| next.handled).collect::<Vec<_>>().into(),
        next.iter().map(|next| next.runs).collect::<Vec<i64>>().into(),
        next.iter().map(|next| next.due_from.unwrap_or(NEVER)).collect::<Vec<_>>().into(),
    ];
    tx.run(ADVANCE, values).await?;
    Ok(())
}

/// Stands for null in an array.
const NEVER: DateTime<Utc> = DateTime::UNIX_EPOCH;

const ADVANCE: &str = "
update schedules s
set next_run_at = case when n.over then null else n.next end, due_from = nullif(n.due_from, 'epoch'::timestamptz),
    last_due_at = greatest(s.last_due_at, n.handled), run_count = s.run_count + n.runs,
    state = case when n.over then 'completed' else s.state end
from unnest($1::uuid[], $2::timestamptz[], $3::bool[], $4::timestamptz[], $5::int8[], $6::timestamptz[])
     as n (id, next, over, handled, runs, due_from)
where s.id = n.id";

const DISABLE: &str = "
update schedules s set state = 'disabled', state_reason = n.reason, next_run_at = null, due_from = null, updated_at = $3, version = version + 1
from unnest($1::uuid[], $2::text[]) as n (id, reason)
where s.id = n.id";

/// A running execution that was asked to stop.
#[derive(FromQueryResult)]
struct Asked {
    id: Uuid,
}

/// Waiting ones end at once; running ones, which it returns, are asked. One that is just being committed is left alone.
const CANCEL_RUNNING: &str = "
with others as (
    select id from executions
    where schedule_id is not null and schedule_id = any($1) and state in ('queued', 'running')
    order by id for update skip locked
), changed as (
    update executions e
    set cancel_requested_at = $2,
        state = case state when 'queued' then 'cancelled' else state end,
        finished_at = case state when 'queued' then $2 end,
        message = case state when 'queued' then 'a later run of its schedule was due' else message end
    from others where e.id = others.id
    returning e.id, e.state
)
select id from changed where state = 'running'";
