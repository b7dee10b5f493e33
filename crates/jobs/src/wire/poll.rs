//! When an apalis worker looks for tickets: when it is woken, and otherwise once a second.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::backend::ext::poll_strategy::{PollSnapshot, PollStrategy};
use tokio::time::{Instant, Sleep};

use super::Wakers;
use crate::job::Queue;

/// What a lost wake-up costs at most.
const SAFETY: Duration = Duration::from_secs(1);

/// Polls on a wake-up or on a timer that re-arms itself. (apalis' interval strategy waits for its heartbeat after a
/// Redis stall as long as the interval.)
pub(crate) struct Woken {
    wakers: Wakers,
    queue: Queue,
    timer: Pin<Box<Sleep>>,
}

impl Woken {
    pub fn new(wakers: Wakers, queue: Queue) -> Self {
        Self { wakers, queue, timer: Box::pin(tokio::time::sleep(SAFETY)) }
    }
}

impl PollStrategy for Woken {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        self.wakers.queue(self.queue).register(cx.waker());
        while self.timer.as_mut().poll(cx).is_ready() {
            self.timer.as_mut().reset(Instant::now() + SAFETY);
        }
        Poll::Ready(Some(()))
    }
}
