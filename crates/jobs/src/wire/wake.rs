//! Wake-ups: what is published when tickets arrive, and who is woken by it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, task::AtomicWaker};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Wire, pause};
use crate::job::Queue;

/// A wake-up that comes while a fetch is on its way could be missed by it: it is repeated once, after this.
const REPEAT: Duration = Duration::from_millis(3);

/// The sleepers of this process.
#[derive(Clone, Default)]
pub(crate) struct Wakers(Arc<Sleepers>);

#[derive(Default)]
struct Sleepers {
    queues: [AtomicWaker; Queue::ALL.len()],
    later: Notify,
}

impl Wakers {
    /// Where the consumer of `queue` waits.
    pub fn queue(&self, queue: Queue) -> &AtomicWaker {
        &self.0.queues[queue as usize]
    }

    /// Wakes the consumer of `queue`.
    pub fn wake(&self, queue: Queue) {
        self.queue(queue).wake();
    }

    /// Waits until tickets were pushed that are due later.
    pub async fn later(&self) {
        self.0.later.notified().await;
    }
}

/// Listens until `stop`: wakes consumers and the promoter, and passes cancellations on. Reconnects by itself; while it is
/// not connected the safety polls go on.
pub(crate) async fn listen(wire: Wire, wakers: Wakers, cancelled: impl Fn(Uuid), stop: CancellationToken) {
    loop {
        let heard = stop.run_until_cancelled(hear(&wire, &wakers, &cancelled)).await;
        if let Some(Err(error)) = heard {
            tracing::debug!(%error, "the wake-up subscription ended");
        }
        if !pause(&stop, Duration::from_millis(200)).await {
            return;
        }
    }
}

async fn hear(wire: &Wire, wakers: &Wakers, cancelled: &impl Fn(Uuid)) -> redis::RedisResult<()> {
    let mut subscription = wire.client.get_async_pubsub().await?;
    subscription.subscribe(wire.keys.channel()).await?;
    let mut messages = subscription.on_message();
    let mut again = Vec::new();
    let mut repeat = Instant::now();
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            () = tokio::time::sleep_until(repeat), if !again.is_empty() => {
                again.drain(..).for_each(|queue| wakers.wake(queue));
                continue;
            }
        };
        let Some(message) = message else { return Ok(()) };
        let text: String = message.get_payload()?;
        if let Some(queue) = Queue::parse(&text) {
            wakers.wake(queue);
            if again.is_empty() {
                repeat = Instant::now() + REPEAT;
            }
            if !again.contains(&queue) {
                again.push(queue);
            }
        } else if let Some(id) = text.strip_prefix("cancel:").and_then(|id| id.parse().ok()) {
            cancelled(id);
        } else {
            wakers.0.later.notify_one();
        }
    }
}
