//! What must not be left in Redis.

use std::time::{Duration, Instant};

use ::redis::{AsyncCommands, aio::MultiplexedConnection};
use testkit::Lane;

use super::Violation;

/// A lock lives for two seconds without its holder; a ticket that is stale is taken by the next worker.
const PATIENCE: Duration = Duration::from_secs(20);

/// Locks that are held, and tickets that nobody takes.
pub async fn leftovers(lane: &Lane) -> Vec<Violation> {
    let mut connection = lane.redis().connection().await;
    let prefix = &lane.config().redis.prefix;
    let began = Instant::now();
    loop {
        let left = left(&mut connection, prefix).await;
        if left.is_empty() || began.elapsed() > PATIENCE {
            let violation = |key| Violation { what: "no lock and no ticket is left in Redis", evidence: key, at: None };
            return left.into_iter().map(violation).collect();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn left(connection: &mut MultiplexedConnection, prefix: &str) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    for end in ["lock:*", "queue:*:active", "queue:*:delayed"] {
        // An empty list is no key; in a Redis of its own there is little to read.
        let keys: Vec<String> = connection.keys(format!("{{{prefix}}}:{end}")).await.unwrap();
        left.extend(keys);
    }
    left
}
