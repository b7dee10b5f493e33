//! Bulk operations by filter: a task that goes on where it was when its worker dies.
//!
//! Each batch is one transaction with the position behind it ([`progress`]), under the lock of the position: what is done is
//! done once, even if two attempts should overlap. The caller's permissions are those of the time of asking: they stand in
//! the job's arguments, and taking them away later does not stop what was asked for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use edge::Label;
use jobs::{Attempt, Done, Failure, Job, OrFail, Policy, Queue, Success};
use kernel::{Actor, ApiKeyRef, Problem, Result, UserId, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Tx;
use uuid::Uuid;

use super::{
    apply::apply,
    progress::{self, Progress},
    request::{Act, FilterGiven},
};
use crate::{Schedules, listing, who::Who};

/// Schedules per transaction.
const BATCH: usize = 500;
/// What the work may depend on.
const PERMISSIONS: [&str; 2] = ["schedule.write", "schedule.admin"];

/// Does something to every schedule that a filter matches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkOperation {
    pub(super) act: Act,
    pub(super) filter: FilterGiven,
    /// Schedules that are made later do not match.
    pub(super) asked_at: DateTime<Utc>,
    pub(super) by: Asker,
}

/// Who asked, as it was then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asker {
    user_id: UserId,
    key: Option<(Uuid, String)>,
    role: String,
    permissions: Vec<String>,
    label: Option<String>,
}

impl From<&Who> for Asker {
    fn from(who: &Who) -> Self {
        let Who { actor, label } = who;
        Self {
            user_id: actor.user_id,
            key: actor.key.as_ref().map(|key| (key.id, key.name.to_string())),
            role: actor.role.clone(),
            permissions: PERMISSIONS.into_iter().filter(|held| actor.may(held)).map(str::to_owned).collect(),
            label: label.0.clone(),
        }
    }
}

impl Asker {
    fn who(&self) -> Who {
        let permissions: BTreeSet<String> = self.permissions.iter().cloned().collect();
        let actor = Actor {
            user_id: self.user_id,
            session_id: Uuid::nil(),
            key: self.key.clone().map(|(id, name)| ApiKeyRef { id, name: name.into() }),
            role: self.role.clone(),
            permissions: Arc::new(permissions),
        };
        Who { actor, label: Label(self.label.clone()) }
    }
}

impl Job for BulkOperation {
    type Cx = Schedules;
    const KIND: &'static str = "schedules.bulk_operation";
    const QUEUE: Queue = Queue::Bulk;
    const POLICY: Policy = Policy::DEFAULT.attempts(10).timeout(Duration::from_secs(3600));

    async fn run(&self, cx: &Schedules, me: &Attempt) -> Result<Done, Failure> {
        let (who, execution) = (self.by.who(), me.id().0);
        let filter = self.filter.filter();
        let begin = cx.db.tx(async |tx: Tx| {
            if progress::is_begun(&tx, execution).await? {
                return Ok(());
            }
            let matched = listing::count(&tx, &filter, self.asked_at).await?;
            progress::begin(&tx, execution, matched).await
        });
        begin.await.or_fail()?;
        while let Some(so_far) =
            cx.db.tx(async |tx: Tx| self.batch((cx, &tx), &who, execution).await).await.or_fail()?
        {
            me.progress(so_far.percent()).await.or_fail()?;
            if me.cancelled().is_cancelled() {
                let stopped = format!("stopped after {} of {} schedules", so_far.dealt_with(), so_far.matched);
                return Err(Problem::new(&kinds::UNAVAILABLE).detail(stopped)).or_retry();
            }
        }
        me.commit(async |tx: Tx| self.finish(&tx, execution).await).await
    }
}

impl BulkOperation {
    /// The next batch; nothing when there is none left.
    async fn batch(&self, (cx, tx): (&Schedules, &Tx), who: &Who, execution: Uuid) -> Result<Option<Progress>> {
        let Some(so_far) = progress::lock(tx, execution).await? else { return Ok(None) };
        let ids = listing::ids(tx, &self.filter.filter(), (self.asked_at, so_far.after_id), BATCH).await?;
        let Some(last) = ids.last() else { return Ok(None) };
        let outcome = apply((cx, tx), who, (&self.act, &ids)).await?;
        progress::advance(tx, so_far, (*last, &outcome)).await.map(Some)
    }

    async fn finish(&self, tx: &Tx, execution: Uuid) -> Result<Success> {
        let so_far = progress::end(tx, execution).await?;
        let message =
            format!("{} {} of {} schedules", self.act.operation.done(), so_far.succeeded, so_far.dealt_with());
        let result = json!({
            "matched": so_far.dealt_with(),
            "success": so_far.succeeded,
            "failed_count": so_far.failed,
            "failed": so_far.failures,
            "result_url": format!("/api/v1/schedules/bulk/operations/{execution}"),
        });
        Ok(Success::new(result, message))
    }
}
