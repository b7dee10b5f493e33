//! Consumers: one apalis worker per queue, started again with a fresh name whenever its stream ends.

use std::{convert::Infallible, sync::Arc, time::Duration};

use apalis::prelude::{ParallelizeExt, WorkerBuilder, WorkerBuilderExt};
use apalis_core::{
    backend::{
        codec::Codec,
        ext::{poll_strategy::PollWith, with_codec::WithCodec},
    },
    error::WorkerError,
};
use apalis_redis::{Config, RedisStorage};
use futures::{FutureExt, future::BoxFuture};
use redis::AsyncCommands;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Wakers, Wire, pause, poll::Woken};
use crate::{job::Queue, tasks};

/// Tickets fetched at a time by a queue of short jobs. A queue of long ones fetches what it can start: what waits in a
/// worker's hands another one cannot take.
const BATCH: usize = 10;
const SHORT_JOBS: usize = 32;
/// apalis' liveness is not ours: leases in Postgres are. Its heartbeat is kept as a probe for a Redis that lost its data,
/// and its orphan recovery is put off for a day, since a busy worker may not beat for a while and must not be robbed.
const HEARTBEAT: Duration = Duration::from_secs(5);
const MISSED: usize = 17_280;
/// The wait before a consumer is started again: doubled from the first to the second while it keeps ending at once.
const RESTART: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Takes what a ticket names and returns when all of it has ended.
pub(crate) type Deliver = Arc<dyn Fn(Queue, Vec<u8>) -> BoxFuture<'static, ()> + Send + Sync>;

/// What the consumers of one process share.
#[derive(Clone)]
pub(crate) struct Consumers {
    pub wire: Wire,
    pub wakers: Wakers,
    pub deliver: Deliver,
    pub process: Uuid,
}

impl Consumers {
    /// Consumes `queue` until `stop`; then gives back what was fetched. Deliveries under way go on by themselves.
    pub async fn consume(self, queue: Queue, concurrency: usize, stop: CancellationToken) {
        let mut wait = RESTART.0;
        for restart in 0_u64.. {
            // Worker names are never used twice: apalis refuses one for a while after any exit, and two of one name rob
            // each other.
            let name = format!("{}-{}-{restart}", queue.name(), self.process);
            let began = tokio::time::Instant::now();
            let ended = stop.run_until_cancelled(self.run(queue, concurrency, &name)).await;
            self.give_back(queue, &name).await;
            match ended {
                None => return,
                Some(Err(error)) => {
                    tracing::warn!(queue = queue.name(), %error, "the consumer ended; starting it again");
                }
                Some(Ok(())) => tracing::warn!(queue = queue.name(), "the consumer ended by itself; starting it again"),
            }
            wait = if began.elapsed() > RESTART.1 { RESTART.0 } else { (wait * 2).min(RESTART.1) };
            if !pause(&stop, wait).await {
                return;
            }
        }
    }

    #[allow(clippy::redundant_closure)] // `spawn_job` itself is not general enough over lifetimes
    fn run(&self, queue: Queue, concurrency: usize, name: &str) -> BoxFuture<'static, Result<(), WorkerError>> {
        let config = Config::default()
            .queue(self.wire.keys.queue(queue))
            .batch_size(if concurrency >= SHORT_JOBS { BATCH } else { 1 })
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED)
            .lock_tasks(false)
            .emit_events(false)
            .persist_results(true); // off, tickets are never acknowledged
        let storage = WithCodec::new(RedisStorage::<Vec<u8>>::new(self.wire.conn.clone()).with_config(config), Raw);
        let deliver = self.deliver.clone();
        WorkerBuilder::new(name)
            .backend(PollWith::new(storage, Woken::new(self.wakers.clone(), queue)))
            .concurrency(concurrency)
            .parallelize(|delivery| tasks::spawn_job(delivery)) // a delivery outlives the stream it came from
            // Always well: retries are ours, and an error here would be retried by apalis.
            .build(move |payload: Vec<u8>| deliver(queue, payload))
            .run()
            .boxed()
    }

    /// Puts the tickets that this worker had fetched back in line. Those of executions that run, or have run, are stale
    /// by then and do nothing.
    async fn give_back(&self, queue: Queue, name: &str) {
        let inflight = self.wire.keys.inflight(queue, name);
        let mut conn = self.wire.conn.clone();
        let fetched: Vec<String> = conn.smembers(&inflight).await.unwrap_or_default();
        if fetched.is_empty() {
            return;
        }
        let mut pipe = redis::pipe();
        pipe.atomic().lpush(self.wire.keys.active(queue), &fetched).ignore().del(&inflight).ignore();
        pipe.publish(self.wire.keys.channel(), queue.name()).ignore();
        if let Err(error) = pipe.query_async::<()>(&mut conn).await {
            tracing::debug!(queue = queue.name(), %error, "fetched tickets are left to the relay");
        }
    }
}

/// Payloads as they are: nothing fails to decode before it is in our hands. (apalis kills the worker for it.)
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec<Vec<u8>> for Raw {
    type Error = Infallible;
    type Compact = Vec<u8>;

    fn encode(&self, payload: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(payload.clone())
    }

    fn decode(&self, payload: &Vec<u8>) -> Result<Vec<u8>, Infallible> {
        Ok(payload.clone())
    }
}
