//! What must not be left in Redis.

use std::time::{Duration, Instant};

use ::redis::{AsyncCommands, aio::MultiplexedConnection};
use jobs::Enqueue;
use schedules::DeleteOldExecutions;
use store::{Db, Tx};

use super::Violation;

/// A ticket that is stale is taken by the next worker.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Locks that are held although nothing runs, and tickets that nobody takes within `patience`. What a dead holder left expires
/// within `ttl`: a lock that is there for longer, or does not expire, is held by something that does not end.
pub async fn leftovers(
    connection: &mut MultiplexedConnection,
    prefix: &str,
    (ttl, patience): (Duration, Duration),
) -> Vec<Violation> {
    let mut left = last(connection, (prefix, &["lock:*"]), ttl + ttl / 4).await;
    left.extend(last(connection, (prefix, &["queue:*:active", "queue:*:delayed"]), patience).await);
    left.into_iter().map(violation).collect()
}

fn violation(evidence: String) -> Violation {
    Violation { what: "no lock and no ticket is left in Redis", evidence, at: None }
}

/// Runs an exclusive job, whose lock must be released at its end: sooner than it could have expired, since it is renewed each
/// quarter of its `ttl`.
pub(super) async fn kept(
    db: &Db,
    (connection, prefix): (&mut MultiplexedConnection, &str),
    ttl: Duration,
) -> Vec<Violation> {
    let enqueue = async |tx: Tx| jobs::enqueue(&tx, &DeleteOldExecutions {}, Enqueue::now()).await;
    let id = db.tx(enqueue).await.unwrap().id;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let execution = jobs::executions::find(db, id).await.unwrap().unwrap();
        if execution.state == "succeeded" {
            return last(connection, (prefix, &["lock:*"]), ttl / 2).await.into_iter().map(violation).collect();
        }
        tokio::time::sleep(PAUSE).await;
    }
    vec![Violation { what: "an exclusive job runs when no other does", evidence: id.to_string(), at: None }]
}

/// What of `ends` is there after `patience`.
async fn last(
    connection: &mut MultiplexedConnection,
    (prefix, ends): (&str, &[&str]),
    patience: Duration,
) -> Vec<String> {
    let began = Instant::now();
    loop {
        let mut left: Vec<String> = Vec::new();
        for end in ends {
            // An empty list is no key; in a Redis of its own there is little to read.
            let keys: Vec<String> = connection.keys(format!("{{{prefix}}}:{end}")).await.unwrap();
            left.extend(keys);
        }
        if left.is_empty() || began.elapsed() > patience {
            return left;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
