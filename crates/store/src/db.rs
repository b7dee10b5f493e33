//! The connection pool.

use std::{
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use kernel::{Clock, Problem, Result};
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    conn::Conn,
    faults, guard,
    pool::{Pool, Statements},
    tx::{AfterCommit, Tx},
};

/// How long to wait for a free connection before the caller hears `unavailable`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is pinged before it is used.
const PING_AFTER_IDLE: Duration = Duration::from_secs(10);
/// How often a transaction is tried when Postgres reports a serialization failure or a deadlock.
const TX_ATTEMPTS: u32 = 5;

/// The database: cheap to clone, connects lazily, and knows the clock.
#[derive(Clone)]
pub struct Db {
    conn: Arc<Conn>,
    clock: Clock,
    after_commit: Arc<OnceLock<Arc<dyn AfterCommit>>>,
}

impl Db {
    /// A pool for `database`. Opens no connection yet, so a process can start while Postgres is away.
    ///
    /// # Errors
    /// `internal-error` when the URL cannot be parsed; the URL is not repeated.
    pub fn lazy(database: &config::Database, clock: Clock) -> Result<Self> {
        let options = PgConnectOptions::from_str(database.url.expose())
            .map_err(|_| Problem::internal("DATABASE_URL is not a Postgres URL"))?
            .statement_cache_capacity(database.statement_cache)
            .extra_float_digits(None) // Postgres' own default serves, and PgBouncer refuses to be told
            .application_name("bookflow");
        let pool = pool_options(database.max_connections).connect_lazy_with(options);
        let statements = if database.statement_cache == 0 { Statements::Unnamed } else { Statements::Kept };
        Ok(Self::over(Pool::new(pool, statements), clock))
    }

    /// Wraps a pool that exists already.
    pub fn from_pool(pool: PgPool, clock: Clock) -> Self {
        Self::over(Pool::new(pool, Statements::Kept), clock)
    }

    /// The same database by connections of its own, `most` of them: whoever uses these does not wait for those who use the others.
    /// Nobody hears of its commits.
    #[must_use]
    pub fn beside(&self, most: u32) -> Self {
        let options = self.pool().connect_options();
        let pool = pool_options(most).connect_lazy_with(PgConnectOptions::clone(&options));
        Self::over(Pool::new(pool, self.pool().statements()), self.clock.clone())
    }

    fn over(pool: Pool, clock: Clock) -> Self {
        Self { conn: Arc::new(Conn::new(pool)), clock, after_commit: Arc::default() }
    }

    /// For reads and single statements outside a transaction.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// For the driver's own statements: the engine's batched ones, and migrations.
    pub fn pool(&self) -> &Pool {
        self.conn.pool()
    }

    /// The clock that this process shares.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Sets who hears of what was noted in a transaction, once it is committed. Only the first call counts.
    pub fn tell_after_commit(&self, listener: Arc<dyn AfterCommit>) {
        let _ = self.after_commit.set(listener);
    }

    /// Runs `work` in a transaction: commits on `Ok`, rolls back on `Err`, and tries again (so `work` may run several
    /// times) when Postgres reports a serialization failure or a deadlock. What [`guarded`](crate::guarded) set for the task
    /// has the last word before the commit.
    ///
    /// `work` gets the transaction by value, because only a closure without a borrowed argument gives futures that the
    /// compiler can prove to be `Send`: `db.tx(async |tx| operation(&tx, &request).await)`.
    ///
    /// # Errors
    /// What `work` returns; `unavailable` when Postgres cannot be reached.
    pub async fn tx<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(Tx) -> Result<T> + Clone,
    {
        let mut attempt = 1;
        loop {
            match self.try_tx(work.clone()).await {
                Err(problem) if attempt < TX_ATTEMPTS && faults::is_retryable(&problem) => {
                    tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
                    attempt += 1;
                }
                Err(problem) => return Err(faults::classify(problem)),
                Ok(value) => return Ok(value),
            }
        }
    }

    async fn try_tx<T>(&self, work: impl AsyncFnOnce(Tx) -> Result<T>) -> Result<T> {
        let tx = Tx::new(self.conn.clone(), self.clock.now(), self.after_commit.get().cloned());
        let value = work(tx.share()).await?; // dropping the last handle rolls back
        guard::pass(&tx).await?;
        tx.commit().await?;
        Ok(value)
    }

    /// Asks Postgres for one row, to see that it answers.
    ///
    /// # Errors
    /// `unavailable` when it does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("select 1").execute(self.pool()).await.map_err(|error| faults::classify(error.into()))?;
        Ok(())
    }
}

fn pool_options(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_secs(300))
        .test_before_acquire(false) // a round trip per use; `before_acquire` pings only what was idle
        .before_acquire(|conn, meta| {
            Box::pin(async move { Ok(meta.idle_for < PING_AFTER_IDLE || conn.ping().await.is_ok()) })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn must_be_send<T: Send>(value: T) -> T {
        value
    }

    /// A handler's future has to be `Send`, with borrowed captures too; this is a test of the signature.
    #[tokio::test]
    async fn a_transaction_that_borrows_is_send_and_reports_a_lost_server_as_unavailable() {
        let database = config::Database {
            url: kernel::Secret::new("postgres://nobody@127.0.0.1:1/none".into()),
            max_connections: 4,
            statement_cache: 0,
        };
        let db = Db::lazy(&database, Clock::system()).unwrap();
        let name = String::from("borrowed");
        let outcome = must_be_send(db.tx(async |tx| {
            let one: Option<i32> = crate::Sql::scalar(&tx, "select 1", []).await?;
            Ok((one, name.len()))
        }))
        .await;
        assert!(outcome.unwrap_err().is(&kernel::kinds::UNAVAILABLE));
    }
}
