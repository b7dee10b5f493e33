//! From a request to a draft: every rule is asked, and everything that is wrong is told at once.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Problem, Result};
use serde_json::Value;
use store::Tx;

use super::{Fields, ScheduleRequest, ScheduleType, Wrong, timing::Moment};
use crate::{
    Schedules,
    change::Held,
    draft::{After, Draft},
    targets::{self, templates},
    time::Spec,
    timing::{Rhythm, StoredTiming},
};

/// Where `given` keeps what a template was expanded to.
pub(crate) const EXPANDED: &str = "expanded";

impl ScheduleRequest {
    /// What the request makes of a schedule, which replaces `old` if there is one.
    ///
    /// # Errors
    /// `validation-failed` naming every field that is wrong; `unavailable` when Postgres is away.
    pub async fn draft(&self, cx: &Schedules, tx: &Tx, old: Option<&Held>) -> Result<Draft> {
        match self.template.as_deref().filter(|_| !self.wrong.names("/template")) {
            None if self.has("template") => self.clone().finish((cx, tx), old).await,
            None if self.has("parameters") => {
                let mut request = self.clone();
                request.wrong.say("/parameters", "goes with template, which is not given");
                request.finish((cx, tx), old).await
            }
            None => self.clone().finish((cx, tx), old).await,
            Some(template) => {
                self.wrong.clone().check()?;
                let (parameters, overrides) = self.of_template()?;
                let expanded = templates::expand(tx, template, &parameters, overrides).await?;
                let mut draft = Self::read(expanded).finish((cx, tx), old).await?;
                let mut given = self.fields.clone();
                given.insert(EXPANDED.to_owned(), draft.given);
                draft.given = Value::Object(given);
                Ok(draft)
            }
        }
    }

    /// The parameters of the template, and the fields that replace its own.
    fn of_template(&self) -> Result<(Fields, Fields)> {
        let parameters = match self.parameters.clone() {
            None => Fields::new(),
            Some(Value::Object(parameters)) => parameters,
            Some(_) => return Err(crate::problems::invalid("/parameters", "must be an object")),
        };
        let own = |name: &str| !matches!(name, "template" | "parameters");
        let overrides = self.fields.iter().filter(|(name, _)| own(name));
        Ok((parameters, overrides.map(|(name, value)| (name.clone(), value.clone())).collect()))
    }

    async fn finish(mut self, (cx, tx): (&Schedules, &Tx), old: Option<&Held>) -> Result<Draft> {
        let mut wrong = std::mem::take(&mut self.wrong);
        if !self.has("name") {
            wrong.say("/name", "is required");
        }
        let target = match targets::resolve(cx, tx, &self.target()).await {
            Ok(target) => Some(target),
            Err(problem) => wrong.take(problem).map(|()| None)?,
        };
        let moment = moment(tx, old);
        let timed = self.timing(tx, &moment, &mut wrong).await?;
        if let Some((kind, timing, spec)) = &timed {
            let horizon = tx.now() + TimeDelta::days(cx.settings.lookahead_days.into());
            self.check_instants((*kind, timing, spec), (&moment, horizon), &mut wrong);
        }
        wrong.check()?;
        match (target, timed) {
            (Some(target), Some((kind, timing, _))) => Ok(self.into_draft(target, kind, timing)),
            _ => Err(Problem::internal("a request without a fault gave no draft")),
        }
    }

    /// What has passed, lies too far ahead or leaves no due time. What a change leaves as it was is not asked again.
    fn check_instants(
        &self,
        (kind, timing, spec): (ScheduleType, &StoredTiming, &Spec),
        (moment, horizon): (&Moment, DateTime<Utc>),
        wrong: &mut Wrong,
    ) {
        let unchanged = moment.old.as_ref().is_some_and(|old| same(old, timing));
        if unchanged || matches!(kind, ScheduleType::Immediate | ScheduleType::Dependent) {
            return;
        }
        for (field, at) in [("anchor", self.anchor), ("run_at", self.run_at), ("start_at", self.start_at)] {
            if at.is_some_and(|at| at > horizon) {
                wrong.say(format!("/{field}"), format!("lies too far ahead; {horizon} is the latest that is taken"));
            }
        }
        if self.run_at.is_some_and(|at| at < moment.now) {
            wrong.say("/run_at", "has passed");
        }
        let from = moment.now - TimeDelta::microseconds(i64::from(kind == ScheduleType::OneTime));
        if !wrong.any() && spec.next_after(from).is_none() {
            let field = match (&timing.rhythm, self.end_at) {
                (Rhythm::Once { .. }, _) => "run_at",
                (_, Some(_)) => "end_at",
                _ if self.phrase.is_some() => "phrase",
                _ if self.cron_expressions.is_some() => "cron_expressions",
                _ => "cron_expression",
            };
            wrong.say(format!("/{field}"), "leaves no due time from now on");
        }
    }

    fn into_draft(self, target: targets::Target, kind: ScheduleType, timing: StoredTiming) -> Draft {
        let after = self.after.unwrap_or_default().into_iter();
        Draft {
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            schedule_type: kind.name(),
            kind: target.kind,
            args: target.args,
            templated: target.templated,
            calendar_id: timing.calendar.as_ref().map(|calendar| calendar.id),
            exclude_calendar_id: timing.exclude_calendar.as_ref().map(|calendar| calendar.id),
            timing,
            given: Value::Object(self.fields),
            tags: self.tags.unwrap_or_default(),
            priority: self.priority.unwrap_or(5),
            catch_up: self.catch_up.map_or("latest", super::CatchUpWord::name),
            overlap: self.overlap.map_or("skip", super::OverlapWord::name),
            max_instances: self.max_instances.unwrap_or(3),
            misfire_grace_seconds: Some(self.misfire_grace_seconds.unwrap_or(300)),
            max_runs: self.max_runs,
            jitter_seconds: self.jitter_seconds.unwrap_or(0),
            max_attempts: Some(self.max_retries.unwrap_or(3) + 1),
            retry_delay_seconds: Some(self.retry_delay.unwrap_or(300)),
            timeout_seconds: self.timeout_seconds,
            pause_on_failure: self.pause_on_failure.unwrap_or(false),
            join_mode: self.join.map_or("all", super::JoinWord::name),
            after: after.map(|after| After { schedule_id: after.schedule_id, condition: after.on.name() }).collect(),
        }
    }
}

/// A single run at once is due when the schedule was made; changing the schedule later does not run it again.
fn moment(tx: &Tx, old: Option<&Held>) -> Moment {
    let now = old.map_or(tx.now(), |held| held.now);
    let timing = old.and_then(|held| held.row.stored_timing().ok());
    let was_immediate = old.is_some_and(|held| held.row.schedule_type == "immediate");
    let at_once = match &timing {
        Some(StoredTiming { rhythm: Rhythm::Once { at }, .. }) if was_immediate => *at,
        _ => now,
    };
    Moment { now, at_once, old: timing }
}

/// Whether two timings are due at the same times, but for their calendars.
fn same(one: &StoredTiming, other: &StoredTiming) -> bool {
    (&one.rhythm, &one.zone, one.start_at, one.end_at, &one.exclude)
        == (&other.rhythm, &other.zone, other.start_at, other.end_at, &other.exclude)
}
