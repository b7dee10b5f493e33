//! Promotion: tickets whose time has come move to their queue, to the millisecond and in bounded steps.

use std::{sync::LazyLock, time::Duration};

use chrono::{DateTime, Utc};
use kernel::{Clock, Result};
use redis::Script;
use tokio_util::sync::CancellationToken;

use super::{Wakers, Wire, hide};
use crate::{job::Queue, tasks};

/// Tickets moved per queue and call: a script blocks Redis while it runs.
const BOUND: usize = 500;
/// The longest sleep: what a lost wake-up costs at most.
const SAFETY: Duration = Duration::from_secs(1);

static PROMOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("promote.lua")));

/// What one call found.
struct Promoted {
    queues: Vec<Queue>,
    more: bool,
    next: Option<DateTime<Utc>>,
}

impl Wire {
    async fn promote(&self, now: DateTime<Utc>) -> Result<Promoted> {
        let mut invocation = PROMOTE.prepare_invoke();
        for queue in Queue::ALL {
            invocation.key(self.keys.delayed(queue)).key(self.keys.active(queue));
        }
        invocation.arg(now.timestamp_micros()).arg(BOUND);
        let answer: Vec<redis::Value> = invocation.invoke_async(&mut self.conn.clone()).await.map_err(hide)?;
        let mut promoted = Promoted { queues: Vec::new(), more: false, next: None };
        for (queue, pair) in Queue::ALL.into_iter().zip(answer.as_chunks::<2>().0) {
            let moved: usize = redis::from_redis_value(pair[0].clone()).unwrap_or_default();
            let next: String = redis::from_redis_value(pair[1].clone()).unwrap_or_default();
            // Redis prints scores as floating-point numbers.
            let next = next.parse::<f64>().ok().and_then(|micros| DateTime::from_timestamp_micros(micros as i64));
            promoted.more |= moved == BOUND;
            promoted.next = [promoted.next, next].into_iter().flatten().min();
            if moved > 0 {
                promoted.queues.push(queue);
            }
        }
        Ok(promoted)
    }
}

/// Promotes until `stop`, sleeping until the next ticket is due or a wake-up says that there may be an earlier one.
pub(crate) async fn promote_forever(wire: Wire, clock: Clock, wakers: Wakers, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let sleep = match wire.promote(clock.now()).await {
            Ok(promoted) => {
                for queue in &promoted.queues {
                    wakers.wake(*queue);
                }
                match promoted.next {
                    _ if promoted.more => Duration::ZERO,
                    // A ticket that has come due meanwhile is taken at once.
                    Some(next) => (next - clock.now()).to_std().unwrap_or_default().min(SAFETY),
                    None => SAFETY,
                }
            }
            Err(problem) => {
                tasks::report("promotion", &problem);
                SAFETY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = wakers.later() => {}
            () = stop.cancelled() => {}
        }
    }
}
