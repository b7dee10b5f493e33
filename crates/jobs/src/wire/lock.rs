//! The lock of exclusive jobs: `SET NX PX` with the lease's id, renewed, released by compare-and-delete.

use std::{sync::LazyLock, time::Duration};

use kernel::Result;
use redis::Script;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Wire, hide, pause};
use crate::{metrics, tasks};

static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end",
    )
});
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end")
});

/// Locks of exclusive kinds.
#[derive(Clone)]
pub(crate) struct Locks {
    wire: Wire,
    ttl: Duration,
}

/// A lock that is held and renewed until it is dropped.
pub(crate) struct Held {
    _until: DropGuard,
}

impl Locks {
    pub fn new(wire: Wire, ttl: Duration) -> Self {
        Self { wire, ttl }
    }

    /// Takes the lock of `kind`; `None` when another run has it. `lost` is called when it slips away.
    ///
    /// # Errors
    /// `unavailable` when Redis does not answer: without the lock an exclusive job does not run.
    pub async fn acquire(
        &self,
        kind: &'static str,
        token: String,
        lost: impl FnOnce() + Send + 'static,
    ) -> Result<Option<Held>> {
        let key = self.wire.keys.lock(kind);
        let taken_at = Instant::now();
        let taken: bool = redis::cmd("SET")
            .arg(&key)
            .arg(&token)
            .arg("NX")
            .arg("PX")
            .arg(self.ttl.as_millis() as u64)
            .query_async::<Option<String>>(&mut self.wire.conn.clone())
            .await
            .map_err(hide)
            .inspect_err(|_| metrics::lock(kind, "error"))?
            .is_some();
        if !taken {
            metrics::lock(kind, "held_elsewhere");
            return Ok(None);
        }
        metrics::lock(kind, "acquired");
        let until = CancellationToken::new();
        let locks = self.clone();
        let end = until.clone();
        tasks::spawn("lock", async move {
            if locks.keep(&key, &token, taken_at, &end).await == Kept::Lost {
                metrics::lock(kind, "lost");
                lost();
            }
        });
        Ok(Some(Held { _until: until.drop_guard() }))
    }

    /// Renews until `end`, then releases. Lost when another holds it, or in time before it can expire unrenewed.
    async fn keep(&self, key: &str, token: &str, taken_at: Instant, end: &CancellationToken) -> Kept {
        let mut conn = self.wire.conn.clone();
        let ttl = self.ttl.as_millis() as u64;
        let mut renewed = taken_at;
        while pause(end, self.ttl / 4).await {
            let asked_at = Instant::now();
            let mut renewal = RENEW.key(key);
            let renewal = renewal.arg(token).arg(ttl).invoke_async::<bool>(&mut conn);
            match tokio::time::timeout(self.ttl / 6, renewal).await {
                Ok(Ok(true)) => renewed = asked_at,
                Ok(Err(_)) | Err(_) if renewed.elapsed() < self.ttl / 2 => {}
                _ => return Kept::Lost,
            }
        }
        let _ = RELEASE.key(key).arg(token).invoke_async::<i64>(&mut conn).await;
        Kept::Released
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Released,
    Lost,
}
