//! Schedules that are due every second, one for each way to overlap and to catch up, and a chain.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use store::Db;
use testkit::{Lane, Planned};
use uuid::Uuid;

const OVERLAPS: [(&str, i32); 4] = [("skip", 1), ("queue_one", 1), ("allow", 3), ("cancel_running", 1)];
const CATCH_UPS: [&str; 3] = ["latest", "all", "none"];
/// More runs at once than there can be: nothing is skipped for want of room.
pub const ROOM: i32 = 1_000;

/// The schedules of a run.
pub struct Schedules {
    /// With due times of their own.
    pub due: Vec<(Uuid, Planned)>,
    /// Each runs after the one before it; the first is one of `due`.
    pub chain: Vec<Uuid>,
    /// Never due; the API runs it.
    pub by_hand: Uuid,
}

/// What has due times from `anchor` on; the last of them begins the chain.
fn planned(anchor: DateTime<Utc>) -> Vec<Planned> {
    let every = |(overlap, most)| {
        CATCH_UPS.map(|catch_up| {
            // What catches up on all and may overlap without end runs at each due time, which the checker relies on.
            let most = if (overlap, catch_up) == ("allow", "all") { ROOM } else { most };
            Planned::every(1, anchor).overlap(overlap, most).catch_up(catch_up).takes(700)
        })
    };
    let first = Planned::every(2, anchor).catch_up("all").takes(50);
    OVERLAPS.into_iter().flat_map(every).chain([first]).collect()
}

impl Schedules {
    /// Writes them; they are due from the second second on.
    pub async fn insert(db: &Db) -> Self {
        let anchor = db.clock().now().with_nanosecond(0).unwrap() + TimeDelta::seconds(2);
        let mut due = Vec::new();
        for planned in planned(anchor) {
            due.push((planned.insert(db).await, planned));
        }
        let mut chain = vec![due.last().unwrap().0];
        for _ in 0..2 {
            chain.push(Planned::after(chain.last_chunk::<1>().unwrap()).takes(50).insert(db).await);
        }
        let far = Planned::every(86_400, anchor + TimeDelta::days(365)).overlap("allow", ROOM);
        Self { due, chain, by_hand: far.insert(db).await }
    }

    /// Pauses each by the API: what was due until then is dealt with.
    pub async fn pause(&self, lane: &Lane) {
        let token = lane.log_in("system_admin").await;
        for (id, _) in &self.due {
            let url = format!("{}/api/v1/schedules/{id}/pause", lane.web(0).url());
            let reason = serde_json::json!({ "reason": "the load is over" });
            let answer = lane.http().post(url).bearer_auth(&token).json(&reason).send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        }
    }
}
