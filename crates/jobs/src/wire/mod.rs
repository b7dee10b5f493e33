//! The wire: tickets over Redis through apalis. The only module that names apalis; replacing the transport is replacing
//! this folder.
//!
//! What apalis-redis 1.0 gives: the list of tickets per queue, fetching, acknowledging, back-pressure, concurrency.
//! What it does not (each seen in a measurement, see docs/adr/0002-apalis-as-a-wire.md) is done here: pushing in one
//! round trip with a wake-up, delays to the millisecond, bounded promotion, restarting with fresh worker names,
//! cleaning up what it keeps for ever.

mod clean;
mod consume;
mod keys;
mod lock;
mod poll;
mod promote;
mod push;
mod ticket;
mod wake;

use std::time::Duration;

use kernel::{Problem, Result, kinds};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use clean::clean_forever;
pub(crate) use consume::Consumers;
pub(crate) use keys::Keys;
pub(crate) use lock::{Held, Locks};
pub(crate) use promote::promote_forever;
pub use push::Pusher;
pub(crate) use push::{CANCEL, undispatch};
pub(crate) use ticket::{Ticket, decode};
pub(crate) use wake::{Wakers, listen};

/// A connection to Redis with this product's keys. Connects on first use, reconnects by itself.
#[derive(Clone)]
pub(crate) struct Wire {
    conn: ConnectionManager,
    client: redis::Client,
    keys: Keys,
    /// The longest a push may take; what is not pushed by then is left to the relay.
    patience: Duration,
}

/// How a connection answers a slow or absent Redis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Producers: the request must go on; the relay will push what could not be pushed.
    Short,
    /// Consumers: a slow reply must not end the worker's stream.
    Long,
}

impl Wire {
    /// A wire that connects when it is first used.
    ///
    /// # Errors
    /// `internal-error` when the URL cannot be parsed; the URL is not repeated.
    pub fn lazy(redis: &config::Redis, patience: Patience) -> Result<Self> {
        let client = redis::Client::open(redis.url.expose().as_str())
            .map_err(|_| Problem::internal("REDIS_URL is not a Redis URL"))?;
        let (connect, response, push) = match patience {
            Patience::Short => (200, 500, 300),
            Patience::Long => (500, 5_000, 5_000),
        };
        let options = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100))
            .set_connection_timeout(Some(Duration::from_millis(connect)))
            .set_response_timeout(Some(Duration::from_millis(response)));
        let conn = ConnectionManager::new_lazy_with_config(client.clone(), options).map_err(hide)?;
        Ok(Self { conn, client, keys: Keys::new(&redis.prefix), patience: Duration::from_millis(push) })
    }

    /// Asks Redis whether it answers.
    ///
    /// # Errors
    /// `unavailable` when it does not.
    pub async fn ping(&self) -> Result<()> {
        redis::cmd("PING").query_async::<()>(&mut self.conn.clone()).await.map_err(hide)
    }

    /// The mark of this Redis' present contents: set once, gone when the data is gone.
    ///
    /// # Errors
    /// `unavailable` when Redis does not answer.
    pub async fn epoch(&self) -> Result<Uuid> {
        let fresh = Uuid::now_v7();
        let mut pipe = redis::pipe();
        pipe.set_nx(self.keys.epoch(), fresh.to_string()).ignore().get(self.keys.epoch());
        let (kept,): (String,) = pipe.query_async(&mut self.conn.clone()).await.map_err(hide)?;
        Ok(kept.parse().unwrap_or(fresh))
    }

    /// How many tickets wait in the list of `queue`, those in the hands of workers not counted.
    ///
    /// # Errors
    /// `unavailable` when Redis does not answer.
    pub async fn waiting(&self, queue: crate::Queue) -> Result<u64> {
        redis::cmd("LLEN").arg(self.keys.active(queue)).query_async(&mut self.conn.clone()).await.map_err(hide)
    }

    /// Tells every process that the execution shall stop.
    ///
    /// # Errors
    /// `unavailable` when Redis does not answer; the lease's renewal brings the news then.
    pub async fn tell_cancelled(&self, id: Uuid) -> Result<()> {
        redis::cmd("PUBLISH")
            .arg(self.keys.channel())
            .arg(format!("cancel:{id}"))
            .query_async::<()>(&mut self.conn.clone())
            .await
            .map_err(hide)
    }
}

/// A Redis error as a problem: an outage, unless Redis understood us and refused. The client never puts the URL into its
/// errors, and the detail stays in the log.
fn hide(error: redis::RedisError) -> Problem {
    let refused = matches!(error.kind(), redis::ErrorKind::Server(redis::ServerErrorKind::ResponseError));
    let kind = if refused { &kinds::INTERNAL } else { &kinds::UNAVAILABLE };
    Problem::new(kind).retry_after(Duration::from_secs(1)).caused_by(error)
}

/// Sleeps; returns `false` when `stop` came first.
async fn pause(stop: &CancellationToken, time: Duration) -> bool {
    stop.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
}
