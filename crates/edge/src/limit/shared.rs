//! The limits that all processes share, in Redis.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use kernel::{Problem, Result as Outcome};
use redis::{
    Client, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::gcra::{Rate, micros};

/// How long a request waits for Redis at most.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long Redis is left alone after it failed.
const BACK_OFF: Duration = Duration::from_secs(1);

/// `gcra::decide` in Redis: returns 0, or the microseconds to wait. The time is ours, so that it is the one clock's.
static DECIDE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local now, interval, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local paid_off = tonumber(redis.call('get', KEYS[1]) or now)
if paid_off < now then paid_off = now end
local following = paid_off + interval
local wait = following - window - now
if wait > 0 then return wait end
-- tostring() would keep 14 digits only
redis.call('set', KEYS[1], string.format('%.0f', following), 'px', math.ceil((following - now) / 1000))
return 0
",
    )
});

pub(super) struct Shared {
    connection: ConnectionManager,
    prefix: String,
    born: Instant,
    /// Milliseconds after `born` until which Redis is left alone.
    away_until: AtomicU64,
}

impl Shared {
    pub fn lazy(redis: &config::Redis) -> Outcome<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_millis(200)))
            .set_response_timeout(Some(PATIENCE));
        let connection = Client::open(redis.url.expose().as_str())
            .and_then(|client| ConnectionManager::new_lazy_with_config(client, config))
            .map_err(|_| Problem::internal("REDIS_URL is not a Redis URL"))?;
        // The hash tag of all our keys: one node of a cluster has them.
        let prefix = format!("{{{}}}:limit:", redis.prefix);
        Ok(Self { connection, prefix, born: Instant::now(), away_until: AtomicU64::new(0) })
    }

    /// `None`: Redis did not answer, decide without it.
    pub async fn check(&self, key: &str, rate: Rate, now: i64) -> Option<Result<(), Duration>> {
        let elapsed = self.born.elapsed().as_millis() as u64;
        if elapsed < self.away_until.load(Relaxed) {
            return None;
        }
        match tokio::time::timeout(PATIENCE, self.ask(key, rate, now)).await {
            Ok(Ok(0)) => Some(Ok(())),
            Ok(Ok(wait)) => Some(Err(micros(wait))),
            Ok(Err(error)) => self.away(&error.to_string()),
            Err(_) => self.away("it did not answer in time"),
        }
    }

    async fn ask(&self, key: &str, rate: Rate, now: i64) -> RedisResult<i64> {
        let mut invocation = DECIDE.key(format!("{}{key}", self.prefix));
        invocation.arg(now).arg(rate.interval()).arg(rate.window());
        invocation.invoke_async(&mut self.connection.clone()).await
    }

    fn away<T>(&self, why: &str) -> Option<T> {
        let until = self.born.elapsed() + BACK_OFF;
        self.away_until.store(until.as_millis() as u64, Relaxed);
        tracing::warn!(why, "rate limits are kept per process: Redis is away");
        None
    }
}
