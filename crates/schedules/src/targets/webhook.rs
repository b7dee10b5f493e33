//! Webhooks: a URL that is called when a schedule runs, with a signed envelope around the payload.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use gateways::{
    problems::WEBHOOK_GONE,
    webhook::{Delivery, Receipt, Webhooks},
};
use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Success};
use kernel::{Problem, Result, ScheduleId, Secret};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Sql, Tx};
use uuid::Uuid;

use super::{Target, WebhookGiven, faults::Faults, payload};
use crate::{Schedules, http::view::ScheduleView, payload::placeholders, react};

/// The kind of job that calls webhooks.
pub(crate) const KIND: &str = "schedules.webhook";

/// The longest one delivery may take, whatever the schedule allows: a receiver has no business in holding a worker.
const LONGEST: Duration = Duration::from_secs(60);
/// What is left of an attempt's time for recording its end.
const MARGIN: Duration = Duration::from_millis(500);

/// The secret that deliveries of `schedule` are signed with; derived, so that it is stored nowhere.
///
/// # Errors
/// None that is known; the cipher's interface has one.
pub(crate) fn secret(cx: &Schedules, schedule: ScheduleId, generation: i32) -> Result<Secret> {
    cx.webhooks.secret(schedule, generation.unsigned_abs())
}

/// The secret of a schedule that was just made, if it calls a webhook.
///
/// # Errors
/// As [`secret`].
pub(crate) fn first_secret(cx: &Schedules, made: &ScheduleView) -> Result<Option<Secret>> {
    made.target.webhook.as_ref().map(|_| secret(cx, made.id.into(), 1)).transpose()
}

/// Checks a URL and its payload.
pub(super) fn target(webhooks: &Webhooks, given: &WebhookGiven, faults: &mut Faults) -> Target {
    let payload = given.payload.clone().unwrap_or_default();
    payload::check(&payload, "/webhook/payload", faults);
    if given.url.contains("{{") {
        faults.push("/webhook/url", "must not have placeholders; they go into the payload");
    } else if let Err(problem) = webhooks.check_url(&given.url) {
        faults.take(&problem);
    }
    let templated = !placeholders(&payload).is_empty();
    let args = json!({ "url": given.url, "payload": payload });
    Target { kind: KIND.to_owned(), args, templated }
}

/// `schedules.webhook`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallWebhook {
    url: String,
    #[serde(default)]
    payload: Value,
}

/// The schedule behind a delivery.
#[derive(FromQueryResult)]
struct Caller {
    id: Uuid,
    name: String,
    secret_generation: i32,
    previous_secret_until: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    /// When the run came about.
    created_at: DateTime<Utc>,
}

const CALLER: &str = "
select s.id, s.name, s.secret_generation, s.previous_secret_until, s.deleted_at, e.created_at
from executions e join schedules s on s.id = e.schedule_id
where e.id = $1";

impl Job for CallWebhook {
    type Cx = Schedules;
    const KIND: &'static str = KIND;
    const POLICY: Policy = Policy::DEFAULT.attempts(4).timeout(Duration::from_secs(30));

    async fn run(&self, cx: &Schedules, me: &Attempt) -> Result<Done, Failure> {
        let caller: Option<Caller> = cx.db.conn().query_opt(CALLER, [me.id().0.into()]).await.or_fail()?;
        let caller = caller.ok_or_else(|| Problem::internal("a webhook is called for a schedule only")).or_fatal()?;
        if caller.deleted_at.is_some() {
            return Ok(Done::Cancel("its schedule was deleted".to_owned()));
        }
        match self.deliver(cx, &caller, me).await {
            Ok(receipt) => Ok(Done::Ok(self.delivered(cx, receipt).or_fatal()?)),
            Err(problem) if problem.is(&WEBHOOK_GONE) => {
                gone(cx, caller.id).await.or_fail()?;
                Err(problem).or_fatal()
            }
            Err(problem) => Err(problem).or_fail(),
        }
    }
}

impl CallWebhook {
    async fn deliver(&self, cx: &Schedules, caller: &Caller, me: &Attempt) -> Result<Receipt> {
        let now = cx.db.clock().now();
        let left = (me.deadline() - now).to_std().unwrap_or_default();
        let delivery = Delivery {
            url: &self.url,
            id: &me.id().to_string(),
            timestamp: now,
            body: serde_json::to_vec(&self.envelope(caller, me))?,
            secrets: &caller.secrets(cx, now)?,
            timeout: left.saturating_sub(MARGIN).clamp(MARGIN, LONGEST),
        };
        cx.webhooks.deliver(delivery).await
    }

    fn envelope(&self, caller: &Caller, me: &Attempt) -> Value {
        json!({
            "type": "schedule.run",
            "timestamp": instant(caller.created_at),
            "data": {
                "schedule_id": caller.id,
                "schedule_name": caller.name,
                "execution_id": me.id(),
                "scheduled_for": me.scheduled_for().map(instant),
                "attempt": me.number(),
                "payload": self.payload,
            },
        })
    }

    /// What is recorded of a delivery. A query may hold what is nobody's business.
    fn delivered(&self, cx: &Schedules, receipt: Receipt) -> Result<Success> {
        let mut url = cx.webhooks.check_url(&self.url)?;
        url.set_query(None);
        let (status, ms) = (receipt.status, receipt.duration.as_millis() as u64);
        let message = format!("delivered to {}: {status} in {ms} ms", url.host_str().unwrap_or_default());
        Ok(Success::new(json!({ "status": status, "duration_ms": ms, "url": url.as_str() }), message))
    }
}

impl Caller {
    /// The secrets that count at `now`: while it is being rotated, the one before signs too.
    fn secrets(&self, cx: &Schedules, now: DateTime<Utc>) -> Result<Vec<Secret>> {
        let generation = self.secret_generation;
        let previous = self.previous_secret_until.filter(|until| *until > now).map(|_| generation - 1);
        [Some(generation), previous].into_iter().flatten().map(|n| secret(cx, self.id.into(), n)).collect()
    }
}

/// The receiver wants no more deliveries, ever: its schedule pauses and says so.
async fn gone(cx: &Schedules, schedule: Uuid) -> Result<()> {
    let registry = cx.registry()?;
    let reason = "the webhook's receiver wants no more deliveries (410)";
    cx.db.tx(async |tx: Tx| react::pause(&tx, registry, (schedule, reason)).await).await
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
