//! The world around the rows: Redis with its tickets, workers, a Postgres whose disk is behind, and everything that can go wrong.

use std::fmt;

use crate::rules::{Ack, Completion, End, Phase, Protocol, Row};

/// Executions and workers, at most.
pub const EXECUTIONS: usize = 2;
pub const WORKERS: usize = 3;
/// Tickets of one execution that Redis holds at once, at most.
const TICKETS: u8 = 2;

/// What a worker has in its hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hands {
    Empty,
    /// A ticket that it has not claimed by yet.
    Ticket {
        job: u8,
    },
    /// An attempt, as its claim was answered. `wrote`: its effect is committed, its end is not.
    Attempt {
        job: u8,
        lease: u8,
        attempt: u8,
        wrote: bool,
    },
}

/// Everything at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct World {
    pub rows: [Row; EXECUTIONS],
    /// The rows as Postgres would find them after a crash.
    disk: [Row; EXECUTIONS],
    /// Rows whose last change is not on disk, in the order of the log; 0 for none, else its number from 1.
    log: [u8; EXECUTIONS],
    tickets: [u8; EXECUTIONS],
    workers: [Hands; WORKERS],
    /// Claims so far: where lease ids come from.
    claims: [u8; EXECUTIONS],
    /// Faults that may still happen.
    faults: u8,
}

/// What can go wrong; a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u16);

impl Faults {
    pub const NONE: Self = Self(0);
    /// A ticket is lost: not pushed, dropped, or its Redis is flushed.
    pub const LOSS: Self = Self(1);
    /// Redis shows a ticket that nobody pushed: a copy, a late one, a forged one.
    pub const FORGERY: Self = Self(2);
    /// A worker process dies.
    pub const DEATH: Self = Self(4);
    /// A worker stalls for longer than its lease, or its clock is wrong.
    pub const STALL: Self = Self(8);
    /// Postgres dies and comes back with what was on disk.
    pub const CRASH: Self = Self(16);
    /// A statement is committed, but its answer does not arrive.
    pub const SILENCE: Self = Self(32);
    pub const ALL: Self = Self(63);

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What must never be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// What the job writes stands there twice.
    DoubleEffect,
    /// It succeeded, and what it writes is not there.
    NoEffect,
    /// An end was recorded by an attempt that did not hold the row (any more).
    StaleCompletion,
    /// A row was taken from a worker that lives and whose lease has not run out.
    Robbed,
    /// It started before its time.
    Early,
    /// What was over is not over any more.
    Undone,
    /// It waits, and whatever happens next, nobody will ever run it.
    LostJob,
    /// It runs for ever in nobody's hands.
    StuckRow,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Take { worker: u8, job: u8 },
    Claim { worker: u8 },
    Refused { worker: u8 },
    Write { worker: u8 },
    Finish { worker: u8, end: End },
    Renew { worker: u8 },
    Due { job: u8 },
    Expire { job: u8 },
    Relay { job: u8 },
    Rescue { job: u8 },
    Flush,
    // Faults from here on.
    TakeEarly { worker: u8, job: u8 },
    Lose { job: u8 },
    LoseAll,
    Forge { job: u8 },
    Die { worker: u8 },
    Stall { job: u8 },
    Crash,
    ClaimUnheard { worker: u8 },
    FinishUnheard { worker: u8 },
}

impl Step {
    /// Whether it happens only when something breaks.
    pub fn is_fault(self) -> bool {
        use Step::*;
        matches!(
            self,
            TakeEarly { .. }
                | Lose { .. }
                | LoseAll
                | Forge { .. }
                | Die { .. }
                | Stall { .. }
                | Crash
                | ClaimUnheard { .. }
                | FinishUnheard { .. }
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Step::*;
        let name = |worker: u8| char::from(b'A' + worker);
        match *self {
            Take { worker, job } => write!(f, "{} takes a ticket of job {}", name(worker), job + 1),
            Claim { worker } => write!(f, "{} claims", name(worker)),
            Refused { worker } => write!(f, "{} drops its ticket: nothing to claim", name(worker)),
            Write { worker } => write!(f, "{} commits the effect", name(worker)),
            Finish { worker, end: End::Success } => write!(f, "{} records success", name(worker)),
            Finish { worker, end: End::Failure } => write!(f, "{} records a failure", name(worker)),
            Renew { worker } => write!(f, "{} renews its lease", name(worker)),
            Due { job } => write!(f, "the time of job {} comes", job + 1),
            Expire { job } => write!(f, "the dead worker's lease on job {} runs out", job + 1),
            Relay { job } => write!(f, "the relay pushes a ticket of job {}", job + 1),
            Rescue { job } => write!(f, "the sweeper takes job {} from its worker", job + 1),
            Flush => write!(f, "the oldest claim reaches the disk"),
            TakeEarly { worker, job } => {
                write!(f, "! {} gets a ticket of job {} before its time", name(worker), job + 1)
            }
            Lose { job } => write!(f, "! a ticket of job {} is lost", job + 1),
            LoseAll => write!(f, "! Redis loses its data"),
            Forge { job } => write!(f, "! a second ticket of job {} appears", job + 1),
            Die { worker } => write!(f, "! {} dies", name(worker)),
            Stall { job } => write!(f, "! the worker of job {} stalls, and its lease runs out", job + 1),
            Crash => write!(f, "! Postgres crashes and loses what was not on disk"),
            ClaimUnheard { worker } => write!(f, "! {} claims and does not hear of it", name(worker)),
            FinishUnheard { worker } => write!(f, "! {} records success and does not hear of it", name(worker)),
        }
    }
}

/// What follows from a step.
pub struct Next {
    pub step: Step,
    pub world: World,
    pub violation: Option<Violation>,
}

/// Where an exploration begins.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub protocol: Protocol,
    pub executions: u8,
    pub workers: u8,
    pub kinds: Faults,
    pub faults: u8,
}

impl World {
    /// Every execution enqueued with its ticket pushed.
    pub fn first(setting: &Setting) -> Self {
        let absent = Row { phase: Phase::Succeeded, effects: 1, ..Row::NEW };
        let exists = |job: usize| job < usize::from(setting.executions);
        let rows = std::array::from_fn(|job| if exists(job) { Row::NEW } else { absent });
        Self {
            rows,
            disk: rows,
            log: [0; EXECUTIONS],
            tickets: std::array::from_fn(|job| u8::from(exists(job))),
            workers: [Hands::Empty; WORKERS],
            claims: [0; EXECUTIONS],
            faults: setting.faults,
        }
    }

    /// Workers are alike: two worlds that differ in who is who are one.
    pub fn key(&self) -> Self {
        let mut key = *self;
        key.workers.sort_unstable();
        key
    }

    pub fn is_over(&self) -> bool {
        self.rows.iter().all(|row| row.is_over())
    }

    /// A commit that waits for the disk takes everything before it along.
    fn commit(&mut self, job: u8, row: Row) {
        self.rows[usize::from(job)] = row;
        self.disk = self.rows;
        self.log = [0; EXECUTIONS];
    }

    /// A commit that does not.
    fn commit_in_memory(&mut self, job: u8, row: Row) {
        self.rows[usize::from(job)] = row;
        if !self.log.contains(&(job + 1))
            && let Some(free) = self.log.iter_mut().find(|entry| **entry == 0)
        {
            *free = job + 1;
        }
    }

    fn push(&mut self, job: u8) {
        let tickets = &mut self.tickets[usize::from(job)];
        *tickets = (*tickets + 1).min(TICKETS);
    }

    fn row(&self, job: u8) -> Row {
        self.rows[usize::from(job)]
    }

    fn holder_lives(&self, job: u8) -> bool {
        let lease = self.row(job).lease;
        self.workers
            .iter()
            .any(|hands| matches!(*hands, Hands::Attempt { job: j, lease: l, .. } if (j, l) == (job, lease)))
    }

    /// Everything that can happen now.
    pub fn successors(&self, setting: &Setting, out: &mut Vec<Next>) {
        let mut ways = Ways { from: self, setting, out };
        for worker in 0..setting.workers {
            match self.workers[usize::from(worker)] {
                Hands::Empty => ways.take(worker),
                Hands::Ticket { job } => ways.claim(worker, job),
                Hands::Attempt { .. } => ways.attempt(worker),
            }
            if self.workers[usize::from(worker)] != Hands::Empty {
                ways.die(worker);
            }
        }
        for job in 0..setting.executions {
            ways.time(job);
            ways.repair(job);
            ways.redis(job);
        }
        ways.disk();
    }
}

/// Collects what can follow from a world.
struct Ways<'a> {
    from: &'a World,
    setting: &'a Setting,
    out: &'a mut Vec<Next>,
}

impl Ways<'_> {
    fn add(&mut self, step: Step, world: World, violation: Option<Violation>) {
        if world != *self.from || violation.is_some() {
            self.out.push(Next { step, world, violation });
        }
    }

    /// The world after a fault of this kind, if one may happen.
    fn broken(&self, kind: Faults) -> Option<World> {
        let faults = self.from.faults.checked_sub(1).filter(|_| self.setting.kinds.has(kind))?;
        Some(World { faults, ..*self.from })
    }

    fn take(&mut self, worker: u8) {
        for job in 0..self.setting.executions {
            if self.from.tickets[usize::from(job)] == 0 {
                continue;
            }
            // A delayed ticket leaves its set when it is due, by some machine's clock.
            let row = self.from.row(job);
            let early = row.phase == Phase::Queued && !row.due;
            let world = if early { self.broken(Faults::STALL) } else { Some(*self.from) };
            let Some(mut world) = world else { continue };
            world.tickets[usize::from(job)] -= 1;
            world.workers[usize::from(worker)] = Hands::Ticket { job };
            self.add(if early { Step::TakeEarly { worker, job } } else { Step::Take { worker, job } }, world, None);
        }
    }

    fn claim(&mut self, worker: u8, job: u8) {
        let (slot, at, row) = (usize::from(worker), usize::from(job), self.from.row(job));
        let lease = self.from.claims[at] + 1;
        let Some(claimed) = self.setting.protocol.claim(row, lease) else {
            let mut world = *self.from;
            world.workers[slot] = Hands::Empty;
            return self.add(Step::Refused { worker }, world, None);
        };
        let violation = match row.phase {
            Phase::Running if !row.expired && self.from.holder_lives(job) => Some(Violation::Robbed),
            Phase::Queued if !row.due => Some(Violation::Early),
            Phase::Succeeded | Phase::Failed => Some(Violation::Undone),
            _ => None,
        };
        let claim = |mut world: World, hands| {
            world.claims[at] = lease;
            world.commit_in_memory(job, claimed);
            world.workers[slot] = hands;
            world
        };
        let hands = Hands::Attempt { job, lease, attempt: claimed.attempt, wrote: false };
        self.add(Step::Claim { worker }, claim(*self.from, hands), violation);
        if let Some(world) = self.broken(Faults::SILENCE) {
            self.add(Step::ClaimUnheard { worker }, claim(world, Hands::Empty), violation);
        }
    }

    fn attempt(&mut self, worker: u8) {
        let Hands::Attempt { job, lease, attempt, wrote } = self.from.workers[usize::from(worker)] else { return };
        let row = self.from.row(job);
        if let Some(renewed) = Protocol::renew(row, lease) {
            let mut world = *self.from;
            world.commit(job, renewed);
            self.add(Step::Renew { worker }, world, None);
        }
        if self.setting.protocol.completion == Completion::AfterTheEffect && !wrote {
            let mut world = *self.from;
            world.commit(job, Row { effects: row.effects + 1, ..row });
            world.workers[usize::from(worker)] = Hands::Attempt { job, lease, attempt, wrote: true };
            let violation = (row.effects > 0).then_some(Violation::DoubleEffect);
            self.add(Step::Write { worker }, world, violation);
        } else {
            self.finish(worker, End::Success);
        }
        if !wrote {
            self.finish(worker, End::Failure);
        }
    }

    fn finish(&mut self, worker: u8, end: End) {
        let Hands::Attempt { job, lease, attempt, .. } = self.from.workers[usize::from(worker)] else { return };
        let (row, protocol) = (self.from.row(job), self.setting.protocol);
        let recorded = protocol.finish(row, lease, attempt, end);
        let violation = recorded.and_then(|after| match after {
            _ if after.effects > 1 => Some(Violation::DoubleEffect),
            _ if row.lease != lease => Some(Violation::StaleCompletion),
            _ if after.phase == Phase::Succeeded && after.effects == 0 => Some(Violation::NoEffect),
            _ => None,
        });
        let finish = |mut world: World| {
            match recorded {
                Some(after) if protocol.completion == Completion::InMemory => world.commit_in_memory(job, after),
                Some(after) => world.commit(job, after),
                None => {}
            }
            if recorded.is_some_and(|after| after.phase == Phase::Queued) {
                world.push(job);
            }
            world
        };
        let mut heard = finish(*self.from);
        heard.workers[usize::from(worker)] = Hands::Empty;
        self.add(Step::Finish { worker, end }, heard, violation);
        // Not heard of, it is tried again.
        if end == End::Success
            && recorded.is_some()
            && let Some(world) = self.broken(Faults::SILENCE)
        {
            self.add(Step::FinishUnheard { worker }, finish(world), violation);
        }
    }

    fn die(&mut self, worker: u8) {
        let Some(mut world) = self.broken(Faults::DEATH) else { return };
        if let Hands::Ticket { job } = self.from.workers[usize::from(worker)]
            && self.setting.protocol.ack == Ack::AfterClaim
        {
            world.push(job);
        }
        world.workers[usize::from(worker)] = Hands::Empty;
        self.add(Step::Die { worker }, world, None);
    }

    fn time(&mut self, job: u8) {
        let row = self.from.row(job);
        if row.phase == Phase::Queued && !row.due {
            let mut world = *self.from;
            world.rows[usize::from(job)].due = true;
            world.disk[usize::from(job)].due = true;
            self.add(Step::Due { job }, world, None);
        }
        if row.phase == Phase::Running && !row.expired {
            let lives = self.from.holder_lives(job);
            if let Some(mut world) = if lives { self.broken(Faults::STALL) } else { Some(*self.from) } {
                world.rows[usize::from(job)].expired = true;
                let disk = &mut world.disk[usize::from(job)];
                disk.expired = disk.phase == Phase::Running;
                self.add(if lives { Step::Stall { job } } else { Step::Expire { job } }, world, None);
            }
        }
    }

    fn repair(&mut self, job: u8) {
        let (row, protocol) = (self.from.row(job), self.setting.protocol);
        if protocol.relays(row) && self.from.tickets[usize::from(job)] < TICKETS {
            let mut world = *self.from;
            world.commit(job, Row { dispatched: true, ..row });
            world.push(job);
            self.add(Step::Relay { job }, world, None);
        }
        if let Some(rescued) = protocol.rescue(row) {
            let robbed = !row.expired && self.from.holder_lives(job);
            let mut world = *self.from;
            world.commit(job, rescued);
            if rescued.phase == Phase::Queued {
                world.push(job);
            }
            self.add(Step::Rescue { job }, world, robbed.then_some(Violation::Robbed));
        }
    }

    fn redis(&mut self, job: u8) {
        if self.from.tickets[usize::from(job)] > 0
            && let Some(mut world) = self.broken(Faults::LOSS)
        {
            world.tickets[usize::from(job)] -= 1;
            self.add(Step::Lose { job }, world, None);
            world.tickets = [0; EXECUTIONS];
            self.add(Step::LoseAll, world, None);
        }
        if let Some(mut world) = self.broken(Faults::FORGERY) {
            world.push(job);
            self.add(Step::Forge { job }, world, None);
        }
    }

    fn disk(&mut self) {
        let Some(oldest) = self.from.log[0].checked_sub(1) else { return };
        let mut flushed = *self.from;
        flushed.disk[usize::from(oldest)] = flushed.rows[usize::from(oldest)];
        flushed.log.rotate_left(1);
        flushed.log[EXECUTIONS - 1] = 0;
        self.add(Step::Flush, flushed, None);
        if let Some(mut world) = self.broken(Faults::CRASH) {
            let undone = self.from.rows.iter().zip(&self.from.disk).any(|(now, disk)| now.is_over() && !disk.is_over());
            world.rows = world.disk;
            world.log = [0; EXECUTIONS];
            self.add(Step::Crash, world, undone.then_some(Violation::Undone));
        }
    }
}
