//! Processes: who is alive, and how far each one's clock is from the database's.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Problem, Result};
use sqlx::Row;
use store::Db;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{metrics, tasks};

/// Whose numbers are counted, zero too.
const ROLES: [&str; 2] = ["web", "worker"];
/// The time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A process that was silent for longer is recorded as dead. Its work is given away by lease, not by this.
const SILENT: TimeDelta = TimeDelta::seconds(20);
/// A skew beyond this is worth a warning.
const SKEW_WARNING: TimeDelta = TimeDelta::seconds(1);

/// This process, in the table `processes`.
pub struct Process {
    /// Its id: also the `worker` of executions.
    pub id: Uuid,
    db: Db,
    stop: CancellationToken,
}

impl Process {
    /// Registers the process and starts its heartbeat, which also keeps the clock at the database's time. Needs no
    /// database yet: it registers when there is one.
    pub fn start(db: &Db, role: &'static str, version: &'static str) -> Self {
        let (id, stop) = (Uuid::now_v7(), CancellationToken::new());
        tracing::info!(process = %id, role, version, "starting"); // the id is the `worker` of executions
        tasks::spawn("heartbeat", beat(db.clone(), (id, role, version), stop.clone()));
        Self { id, db: db.clone(), stop }
    }

    /// Records that it stopped in order.
    pub async fn stopped(self) {
        self.stop.cancel();
        let now = self.db.clock().now();
        if let Err(error) = sqlx::query(STOPPED).bind(self.id).bind(now).execute(self.db.pool()).await {
            tracing::debug!(problem = %Problem::from(error), "the end of the process was not recorded");
        }
    }
}

const STOPPED: &str = "update processes set ended_at = $2, ended_how = 'stopped', heartbeat_at = $2 where id = $1";

async fn beat(db: Db, me: (Uuid, &'static str, &'static str), stop: CancellationToken) {
    let started_at = db.clock().now();
    loop {
        let beaten = beat_once(&db, me, started_at).await;
        if let Err(problem) = &beaten {
            tracing::warn!(%problem, "no heartbeat: Postgres did not take it");
        }
        let wait = if beaten.is_ok() { HEARTBEAT } else { Duration::from_secs(1) };
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return;
        }
    }
}

async fn beat_once(db: &Db, (id, role, version): (Uuid, &str, &str), started_at: DateTime<Utc>) -> Result<()> {
    let skew = measure_skew(db).await?;
    if (skew - db.clock().skew()).abs() > SKEW_WARNING {
        tracing::warn!(
            skew_ms = skew.num_milliseconds(),
            "this machine's clock differs from the database's; following the database"
        );
    }
    db.clock().set_skew(skew);
    let now = db.clock().now();
    let query = sqlx::query_as(BEAT).bind(id).bind(role).bind(version).bind(started_at).bind(now);
    let others: Vec<(String, i64)> =
        query.bind(skew.num_milliseconds()).bind(now - SILENT).fetch_all(db.pool()).await?;
    for counted in ROLES {
        let others = others.iter().find(|(other, _)| other == counted).map_or(0, |(_, count)| *count);
        metrics::processes_alive(counted, others + i64::from(counted == role));
    }
    Ok(())
}

/// How far the database is ahead of this machine.
///
/// # Errors
/// `unavailable` when Postgres is away.
pub async fn measure_skew(db: &Db) -> Result<TimeDelta> {
    // Waiting for a connection, or making one, must not count as the network's delay.
    let mut conn = db.pool().acquire().await?;
    let sent = db.clock().steady_now();
    // Not prepared: that is a round trip of its own, and two that may end at different servers behind PgBouncer.
    let answer = sqlx::raw_sql("select clock_timestamp()").fetch_one(&mut *conn).await?;
    let theirs: DateTime<Utc> = answer.try_get(0)?;
    let received = db.clock().steady_now();
    Ok(corrected(db.clock().skew(), (sent, theirs, received)))
}

/// Their clock was read between our two readings, nobody knows when: what is known already is kept unless it cannot be
/// right, so that one slow answer does not put the clock wrong by half of its delay.
fn corrected(known: TimeDelta, (sent, theirs, received): (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)) -> TimeDelta {
    let possible = theirs - received..=theirs - sent;
    if possible.contains(&known) { known } else { theirs - (sent + (received - sent) / 2) }
}

/// Says that this process is alive, then buries those that were silent, and counts the others. After an outage all of them
/// were silent: none waits for a row that another one has locked.
const BEAT: &str = "
with me as (
    insert into processes (id, role, version, started_at, heartbeat_at, clock_skew_ms) values ($1, $2, $3, $4, $5, $6)
    on conflict (id) do update set heartbeat_at = $5, clock_skew_ms = $6, ended_at = null, ended_how = null
    where processes.ended_how is distinct from 'stopped'
    returning id
), silent as (
    select p.id from processes p, me where p.ended_at is null and p.heartbeat_at < $7 and p.id <> me.id
    for update of p skip locked
), buried as (
    update processes p set ended_at = $5, ended_how = 'died' from silent where p.id = silent.id
)
select role, count(*) from processes where ended_at is null and heartbeat_at >= $7 and id <> $1 group by role";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_changes_nothing_that_may_be_right() {
        let at = |ms| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms);
        let after = |known, sent, theirs, received| {
            corrected(TimeDelta::milliseconds(known), (at(sent), at(theirs), at(received))).num_milliseconds()
        };
        assert_eq!(after(0, 1_000, 5_990, 6_000), 0, "the question was under way for five seconds");
        assert_eq!(after(0, 1_000, 31_001, 1_004), 29_999, "theirs is half a minute ahead");
        assert_eq!(after(30_000, 1_000, 31_001, 1_004), 30_000, "as known");
    }
}
