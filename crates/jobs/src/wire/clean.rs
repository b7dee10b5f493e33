//! Cleaning up: apalis-redis keeps finished tickets for ever, and its own vacuum can delete the payload of a live one.

use std::{sync::LazyLock, time::Duration};

use kernel::Result;
use redis::Script;
use tokio_util::sync::CancellationToken;

use super::{Wire, hide, pause};
use crate::job::Queue;

/// Tickets freed per set and call.
const BOUND: usize = 1000;

static CLEAN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("clean.lua")));

impl Wire {
    async fn clean(&self) -> Result<usize> {
        let mut invocation = CLEAN.prepare_invoke();
        for queue in Queue::ALL {
            for finished in self.keys.finished(queue) {
                invocation.key(finished).key(self.keys.data(queue)).key(self.keys.meta(queue));
            }
        }
        invocation.arg(BOUND).invoke_async(&mut self.conn.clone()).await.map_err(hide)
    }
}

/// Frees what finished tickets left, once a second, until `stop`.
pub(crate) async fn clean_forever(wire: Wire, stop: CancellationToken) {
    loop {
        let freed = wire.clean().await.unwrap_or_default(); // with Redis away there is nothing to free
        let wait = if freed >= BOUND { Duration::from_millis(10) } else { Duration::from_secs(1) };
        if !pause(&stop, wait).await {
            return;
        }
    }
}
