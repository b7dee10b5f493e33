//! The names of keys and channels, with one hash tag for all of ours.

use std::sync::Arc;

use crate::job::Queue;

/// Builds key names under a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    tag: Arc<str>,
}

impl Keys {
    pub fn new(prefix: &str) -> Self {
        Self { tag: format!("{{{prefix}}}").into() }
    }

    /// What apalis calls the queue: the base of its own keys.
    pub fn queue(&self, queue: Queue) -> String {
        format!("{}:queue:{}", self.tag, queue.name())
    }

    /// apalis' list of tickets that are due.
    pub fn active(&self, queue: Queue) -> String {
        self.queue(queue) + ":active"
    }

    /// apalis' payloads by ticket.
    pub fn data(&self, queue: Queue) -> String {
        self.queue(queue) + ":data"
    }

    /// The base of apalis' metadata hashes, one per ticket.
    pub fn meta(&self, queue: Queue) -> String {
        self.queue(queue) + ":meta"
    }

    /// apalis' sets of finished tickets.
    pub fn finished(&self, queue: Queue) -> [String; 2] {
        [self.queue(queue) + ":done", self.queue(queue) + ":dead"]
    }

    /// apalis' set of the tickets that a worker holds.
    pub fn inflight(&self, queue: Queue, worker: &str) -> String {
        format!("{}:inflight:{worker}", self.queue(queue))
    }

    /// Ours: tickets by the microsecond they are due. (apalis' own scheduled set knows whole seconds only.)
    pub fn delayed(&self, queue: Queue) -> String {
        self.queue(queue) + ":delayed"
    }

    /// Where wake-ups and cancellations are published.
    pub fn channel(&self) -> String {
        format!("{}:wake", self.tag)
    }

    /// The mark of the data's lifetime.
    pub fn epoch(&self) -> String {
        format!("{}:epoch", self.tag)
    }

    /// The lock of an exclusive kind.
    pub fn lock(&self, kind: &str) -> String {
        format!("{}:lock:{kind}", self.tag)
    }
}
