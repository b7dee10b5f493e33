//! What the statements of the engine do to one row, as pure functions, and the ways to get them wrong.
//!
//! The explorer next to this file walks through every interleaving of them; `it::engine::steps` compares them with the
//! real statements in a real Postgres. Time is two facts: whether `run_at` has come, and whether the lease has run out.

/// `executions.state`, as far as this protocol goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    Queued,
    Running,
    Succeeded,
    Failed,
}

/// One row of `executions`, with what its job wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub phase: Phase,
    pub attempt: u8,
    /// Which claim holds it; 0 for none. Never used twice.
    pub lease: u8,
    /// `lease_until` has passed.
    pub expired: bool,
    /// `run_at` has come.
    pub due: bool,
    /// `dispatched_at` is set: somebody says that there is a ticket.
    pub dispatched: bool,
    /// How often the job's effect stands in Postgres.
    pub effects: u8,
}

impl Row {
    /// As it is enqueued: for now, its ticket pushed after the commit.
    pub const NEW: Self =
        Self { phase: Phase::Queued, attempt: 0, lease: 0, expired: false, due: true, dispatched: true, effects: 0 };

    pub fn is_over(self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }
}

/// What a completion has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// The lease of its claim.
    Lease,
    /// The number of its attempt.
    Attempt,
    /// That the row is running, in whosever hands.
    Running,
    Nothing,
}

/// Which rows a claim may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `state = 'queued' and run_at <= now`.
    QueuedAndDue,
    /// `state = 'queued'`.
    Queued,
    /// Whatever the ticket names.
    Anything,
}

/// Which queued rows get a ticket again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// Those never dispatched, and those whose ticket has led to nothing for a while.
    Stale,
    /// Those never dispatched.
    Undispatched,
    Absent,
}

/// Which running rows are taken from their worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweeper {
    Expired,
    Anything,
    Absent,
}

/// When a ticket that was fetched is gone from Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Before the claim: a worker that dies in between takes it along.
    BeforeClaim,
    /// After the claim: until then it goes back in line when its worker dies.
    AfterClaim,
}

/// What waits for the disk, and what an effect is committed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// One transaction with the effect, on disk before it counts.
    Durable,
    /// One transaction with the effect, not waiting for the disk.
    InMemory,
    /// The effect is committed first, then the completion.
    AfterTheEffect,
}

/// The protocol: ours, or one of its broken relatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    pub fence: Fence,
    pub claim: Claim,
    pub relay: Relay,
    pub sweeper: Sweeper,
    pub ack: Ack,
    pub completion: Completion,
    /// `max_attempts`.
    pub attempts: u8,
}

impl Protocol {
    /// What the engine does. apalis gives a dead worker's tickets back after a day, which is as good as never.
    pub const OURS: Self = Self {
        fence: Fence::Lease,
        claim: Claim::QueuedAndDue,
        relay: Relay::Stale,
        sweeper: Sweeper::Expired,
        ack: Ack::BeforeClaim,
        completion: Completion::Durable,
        attempts: 2,
    };

    /// `claim.rs`: the compare-and-set from queued to running.
    pub fn claim(self, row: Row, lease: u8) -> Option<Row> {
        let takes = match self.claim {
            Claim::QueuedAndDue => row.phase == Phase::Queued && row.due,
            Claim::Queued => row.phase == Phase::Queued,
            Claim::Anything => true,
        };
        takes.then_some(Row { phase: Phase::Running, attempt: row.attempt + 1, lease, expired: false, ..row })
    }

    /// `finish.rs` and `Attempt::commit`: the end of the attempt that claimed with `lease`.
    pub fn finish(self, row: Row, lease: u8, attempt: u8, end: End) -> Option<Row> {
        let running = row.phase == Phase::Running;
        let holds = match self.fence {
            Fence::Lease => running && row.lease == lease,
            Fence::Attempt => running && row.attempt == attempt,
            Fence::Running => running,
            Fence::Nothing => true,
        };
        let row = Row { lease: 0, expired: false, ..row };
        let with_it = u8::from(self.completion != Completion::AfterTheEffect);
        let ended = match end {
            End::Success => Row { phase: Phase::Succeeded, effects: row.effects + with_it, ..row },
            End::Failure if attempt >= self.attempts => Row { phase: Phase::Failed, ..row },
            // The next attempt waits for a while; whoever records this pushes its ticket.
            End::Failure => Row { phase: Phase::Queued, due: false, dispatched: true, ..row },
        };
        holds.then_some(ended)
    }

    /// `sweeper.rs`: what becomes of a row whose worker went silent.
    pub fn rescue(self, row: Row) -> Option<Row> {
        let takes = row.phase == Phase::Running
            && match self.sweeper {
                Sweeper::Expired => row.expired,
                Sweeper::Anything => true,
                Sweeper::Absent => false,
            };
        let phase = if row.attempt >= self.attempts { Phase::Failed } else { Phase::Queued };
        takes.then_some(Row { phase, lease: 0, expired: false, due: true, dispatched: true, ..row })
    }

    /// `leases.rs`: the holder says that it lives.
    pub fn renew(row: Row, lease: u8) -> Option<Row> {
        (row.phase == Phase::Running && row.lease == lease).then_some(Row { expired: false, ..row })
    }

    /// `relay.rs`: whether the row gets a ticket again.
    pub fn relays(self, row: Row) -> bool {
        row.phase == Phase::Queued
            && match self.relay {
                Relay::Stale => true,
                Relay::Undispatched => !row.dispatched,
                Relay::Absent => false,
            }
    }
}

/// How an attempt ended, by its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Success,
    Failure,
}
