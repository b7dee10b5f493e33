//! Pushing tickets: one round trip that stores them, queues them and wakes a worker.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use kernel::{Problem, Result, kinds};
use redis::Script;
use store::{AfterCommit, Db, Note};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use uuid::Uuid;

use super::{Patience, Ticket, Wire, hide, ticket};
use crate::{job::Queue, tasks};

/// Notes that may wait for the pushing task; more are left to the relay.
const WAITING: usize = 20_000;
/// Tickets of one push.
const MOST: usize = 1_000;
/// The least time between two pushes, so that they carry more when there is much to push.
const APART: Duration = Duration::from_millis(1);
/// Due executions of queue default that share a ticket when many are pushed at once.
const SHARED: usize = 16;

/// Writes apalis-redis 1.0's own layout (payload, metadata, list), so that its workers fetch and acknowledge as usual.
static PUSH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("push.lua")));

impl Wire {
    /// Pushes tickets of one queue and wakes whoever waits for them. `now` decides which of them are due.
    ///
    /// # Errors
    /// `unavailable` when Redis did not take them in time; some of them may have been taken.
    pub async fn push(&self, queue: Queue, now: DateTime<Utc>, tickets: &[Ticket]) -> Result<()> {
        let mut invocation = PUSH.prepare_invoke();
        let keys = &self.keys;
        for key in [keys.data(queue), keys.active(queue), keys.meta(queue), keys.delayed(queue), keys.channel()] {
            invocation.key(key);
        }
        invocation.arg(queue.name()).arg(now.timestamp_micros());
        for (first, shared) in share(queue, now, tickets) {
            // A ticket id is never used twice: apalis drops one that it has seen, even when it is long done.
            invocation.arg(Uuid::now_v7().to_string()).arg(ticket::encode(shared));
            invocation.arg(first.due.timestamp_micros()).arg(side(first));
        }
        let mut conn = self.conn.clone();
        match tokio::time::timeout(self.patience, invocation.invoke_async::<()>(&mut conn)).await {
            Ok(pushed) => pushed.map_err(hide),
            Err(_) => Err(Problem::new(&kinds::UNAVAILABLE).detail("Redis took too long")),
        }
    }
}

fn side(ticket: &Ticket) -> &'static str {
    if ticket.priority > 5 { "front" } else { "back" }
}

/// Groups executions into tickets. A burst of short jobs shares them, so that the cost per ticket is not the limit;
/// long ones (the other queues) get one each, so that every worker can take its share.
fn share(queue: Queue, now: DateTime<Utc>, tickets: &[Ticket]) -> impl Iterator<Item = (&Ticket, &[Ticket])> {
    let size = if queue == Queue::Default && tickets.len() > SHARED { SHARED } else { 1 };
    let alike = move |a: &Ticket, b: &Ticket| side(a) == side(b) && (a.due == b.due || (a.due <= now && b.due <= now));
    tickets
        .chunk_by(alike)
        .flat_map(move |run| run.chunks(size))
        .filter_map(|shared| shared.first().map(|first| (first, shared)))
}

/// What waits in line for the pushing task.
enum Line {
    Ticket(Ticket),
    /// Answered when everything before it is pushed.
    Flush(oneshot::Sender<()>),
}

/// Pushes the tickets of committed executions, in the background and best effort.
#[derive(Clone)]
pub struct Pusher {
    sender: mpsc::Sender<Line>,
    wire: Wire,
    db: Db,
}

impl Pusher {
    /// A pusher for this process. Redis need not be there.
    ///
    /// # Errors
    /// `internal-error` when the Redis URL cannot be parsed.
    pub fn new(db: Db, redis: &config::Redis) -> Result<Self> {
        let wire = Wire::lazy(redis, Patience::Short)?;
        let (sender, receiver) = mpsc::channel(WAITING);
        tasks::spawn("pusher", push_forever(wire.clone(), db.clone(), receiver));
        Ok(Self { sender, wire, db })
    }

    /// Makes it hear of every commit of its database.
    pub fn attach(&self) {
        self.db.tell_after_commit(Arc::new(self.clone()));
    }

    /// Asks Redis whether it answers.
    ///
    /// # Errors
    /// `unavailable` when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.wire.ping().await
    }

    /// Hands a ticket over; a full line drops it, and the relay finds its execution.
    pub(crate) fn hand_over(&self, ticket: Ticket) {
        let _ = self.sender.try_send(Line::Ticket(ticket));
    }

    /// Waits until what was handed over is pushed, half a second at most.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.sender.try_send(Line::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(Duration::from_millis(500), flushed).await;
        }
    }
}

/// The topic of a note that asks a running execution to stop.
pub(crate) const CANCEL: &str = "cancel";

impl AfterCommit for Pusher {
    fn committed(&self, notes: Vec<Note>) {
        for note in notes {
            if let Some(ticket) = Ticket::from_note(&note) {
                self.hand_over(ticket);
            } else if note.topic == CANCEL {
                let wire = self.wire.clone();
                tasks::spawn("cancel", async move {
                    let _ = wire.tell_cancelled(note.id).await;
                });
            }
        }
    }
}

async fn push_forever(wire: Wire, db: Db, mut receiver: mpsc::Receiver<Line>) {
    let (mut waiting, mut next) = (Vec::with_capacity(MOST), Instant::now());
    while receiver.recv_many(&mut waiting, MOST).await > 0 {
        tokio::time::sleep_until(next).await;
        while waiting.len() < MOST
            && let Ok(line) = receiver.try_recv()
        {
            waiting.push(line);
        }
        let mut by_queue: BTreeMap<Queue, Vec<Ticket>> = BTreeMap::new();
        let mut flushes = Vec::new();
        for line in waiting.drain(..) {
            match line {
                Line::Ticket(ticket) => by_queue.entry(ticket.queue).or_default().push(ticket),
                Line::Flush(done) => flushes.push(done),
            }
        }
        for (queue, tickets) in by_queue {
            push_or_leave(&wire, &db, queue, &tickets).await;
        }
        for done in flushes {
            let _ = done.send(());
        }
        next = Instant::now() + APART;
    }
}

/// Pushes, or leaves the tickets to the relay.
async fn push_or_leave(wire: &Wire, db: &Db, queue: Queue, tickets: &[Ticket]) {
    let Err(problem) = wire.push(queue, db.clock().now(), tickets).await else {
        return;
    };
    tracing::warn!(queue = queue.name(), count = tickets.len(), %problem, "tickets were not pushed; the relay will");
    let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.id).collect();
    if let Err(problem) = undispatch(db, ids).await {
        tracing::warn!(%problem, "the relay will find them when they are stale");
    }
}

/// Says in the rows that their tickets have to be pushed.
///
/// # Errors
/// `unavailable` when Postgres is away; then the relay finds them when they are stale.
pub(crate) async fn undispatch(db: &Db, ids: Vec<Uuid>) -> Result<()> {
    tasks::bounded(sqlx::query(UNDISPATCH).bind(ids).execute(db.pool())).await?;
    Ok(())
}

const UNDISPATCH: &str = "update executions set dispatched_at = null where id = any($1) and state = 'queued'";

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn tickets(queue: Queue, count: usize) -> Vec<Ticket> {
        (0..count).map(|_| Ticket { queue, id: Uuid::now_v7(), due: DateTime::UNIX_EPOCH, priority: 5 }).collect()
    }

    fn sizes(queue: Queue, tickets: &[Ticket]) -> Vec<usize> {
        share(queue, DateTime::UNIX_EPOCH, tickets).map(|(_, shared)| shared.len()).collect()
    }

    #[test]
    fn a_burst_shares_tickets_and_a_few_do_not() {
        assert_eq!(sizes(Queue::Default, &tickets(Queue::Default, 3)), [1, 1, 1]);
        assert_eq!(sizes(Queue::Default, &tickets(Queue::Default, 40)), [16, 16, 8]);
        assert_eq!(sizes(Queue::Ai, &tickets(Queue::Ai, 20)).len(), 20);
    }

    #[test]
    fn what_is_due_at_different_times_does_not_share() {
        let mut burst = tickets(Queue::Default, 18);
        burst[17].due += TimeDelta::seconds(1);
        assert_eq!(sizes(Queue::Default, &burst), [16, 1, 1]);
    }
}
