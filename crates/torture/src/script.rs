//! What goes wrong and when: made from the seed alone, so that the seed brings it back.

use std::{fmt, time::Duration};

use kernel::Rng;

/// The processes of a run.
pub const WEBS: usize = 2;
/// See [`WEBS`].
pub const WORKERS: usize = 3;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Killed,
    Stopped,
    Frozen,
    LogDiskFull,
    WrongClock,
    Deployed,
    RedisKilled,
    RedisEmptied,
    RedisFlushed,
    RedisFrozen,
    RedisFull,
    RedisSlow,
    RedisCutOff,
    PostgresRestarted,
    PostgresCrashed,
    PostgresReadOnly,
    PostgresSlow,
    PostgresCutOff,
    ConnectionsEnded,
    ConnectionsUsedUp,
    TableLocked,
}

/// What a fault is done to; two faults at once are done to different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Process,
    Redis,
    Postgres,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::Killed,
        Self::Stopped,
        Self::Frozen,
        Self::LogDiskFull,
        Self::WrongClock,
        Self::Deployed,
        Self::RedisKilled,
        Self::RedisEmptied,
        Self::RedisFlushed,
        Self::RedisFrozen,
        Self::RedisFull,
        Self::RedisSlow,
        Self::RedisCutOff,
        Self::PostgresRestarted,
        Self::PostgresCrashed,
        Self::PostgresReadOnly,
        Self::PostgresSlow,
        Self::PostgresCutOff,
        Self::ConnectionsEnded,
        Self::ConnectionsUsedUp,
        Self::TableLocked,
    ];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Killed => "process killed (SIGKILL)",
            Self::Stopped => "process stopped (SIGTERM)",
            Self::Frozen => "process frozen beyond its lease",
            Self::LogDiskFull => "disk of its logs full",
            Self::WrongClock => "clock jumps",
            Self::Deployed => "rolling restart of everything",
            Self::RedisKilled => "Redis killed, back empty",
            Self::RedisEmptied => "Redis restarted empty",
            Self::RedisFlushed => "FLUSHALL",
            Self::RedisFrozen => "Redis frozen",
            Self::RedisFull => "Redis out of memory",
            Self::RedisSlow => "Redis slow to reply",
            Self::RedisCutOff => "network to Redis cut",
            Self::PostgresRestarted => "Postgres restarted",
            Self::PostgresCrashed => "Postgres crashed",
            Self::PostgresReadOnly => "Postgres read-only",
            Self::PostgresSlow => "200 ms to Postgres",
            Self::PostgresCutOff => "network to Postgres cut",
            Self::ConnectionsEnded => "connections to Postgres ended",
            Self::ConnectionsUsedUp => "connections to Postgres used up",
            Self::TableLocked => "lock on a hot table",
        }
    }

    pub const fn victim(self) -> Victim {
        match self {
            Self::Killed | Self::Stopped | Self::Frozen | Self::LogDiskFull | Self::WrongClock | Self::Deployed => {
                Victim::Process
            }
            Self::RedisKilled
            | Self::RedisEmptied
            | Self::RedisFlushed
            | Self::RedisFrozen
            | Self::RedisFull
            | Self::RedisSlow
            | Self::RedisCutOff => Victim::Redis,
            _ => Victim::Postgres,
        }
    }

    /// Whether two exclusive runs may overlap meanwhile: their lock may get lost in Redis, or expire while its holder stands
    /// still, or a statement that waits for a table may outlive its process.
    pub fn excuses_overlap(self) -> bool {
        self.victim() == Victim::Redis || matches!(self, Self::Frozen | Self::TableLocked)
    }

    /// The shortest and the longest time that it lasts, in milliseconds.
    const fn lasts(self) -> (f64, f64) {
        match self {
            // Longer than the lease of two seconds.
            Self::Frozen => (2_500.0, 6_000.0),
            Self::WrongClock => (3_000.0, 8_000.0),
            Self::RedisFlushed | Self::Deployed | Self::PostgresRestarted | Self::PostgresCrashed => (0.0, 0.0),
            _ => (500.0, 4_000.0),
        }
    }
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    pub kind: Kind,
    /// Which process or table, in the order in which they are listed; taken modulo their number.
    pub target: usize,
    pub lasts: Duration,
    /// How much later than its step it begins.
    pub after: Duration,
}

/// One or two faults, after a while of peace.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub peace: Duration,
    pub faults: Vec<Fault>,
}

impl Step {
    /// What sort of faults.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.faults.iter().map(|fault| fault.kind)
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        match self.faults.as_slice() {
            [alone] => alone.kind.name(),
            _ => "two of them at once",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = |fault: &Fault| {
            let Fault { kind, target, lasts, after } = fault;
            format!("{} (no. {target}, for {lasts:.1?}, after {after:.1?})", kind.name())
        };
        write!(f, "{}", self.faults.iter().map(fault).collect::<Vec<_>>().join(" and "))
    }
}

/// Rounds in which faults are short, so that three minutes hold one of each; in later ones they may last longer.
const SHORT: usize = 1;
/// How much longer.
const LONGER: f64 = 4.0;

/// The steps of a run: every kind once in each round, in an order of chance, a third of them with another one beside.
pub fn write(seed: u64, rounds: usize) -> Vec<Step> {
    let rng = Rng::seeded(seed);
    let between = |least: f64, most: f64| least + rng.unit() * (most - least);
    let fault = |kind: Kind, (round, after): (usize, f64)| {
        let (least, most) = kind.lasts();
        let longest = if round < SHORT { most } else { most * LONGER };
        let [lasts, after] = [between(least, longest), after].map(|ms| Duration::from_millis(ms as u64));
        Fault { kind, target: between(0.0, 60.0) as usize, lasts, after }
    };
    let mut steps = Vec::new();
    for round in 0..rounds {
        let mut kinds = Kind::ALL.map(|kind| (rng.unit(), kind));
        kinds.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, kind) in kinds {
            let mut faults = vec![fault(kind, (round, 0.0))];
            let other = Kind::ALL[between(0.0, Kind::ALL.len() as f64) as usize];
            if rng.unit() < 0.33 && other.victim() != kind.victim() {
                faults.push(fault(other, (round, between(0.0, 1_500.0))));
            }
            steps.push(Step { peace: Duration::from_millis(between(200.0, 1_500.0) as u64), faults });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_makes_the_script() {
        assert_eq!(write(7, 2), write(7, 2));
        assert_ne!(write(7, 2), write(8, 2));
    }

    #[test]
    fn every_kind_comes_in_every_round_and_two_at_once_have_different_victims() {
        for seed in 0..50 {
            let steps = write(seed, 1);
            let mut kinds: Vec<Kind> = steps.iter().map(|step| step.faults[0].kind).collect();
            kinds.sort_unstable();
            assert_eq!(kinds, Kind::ALL);
            let pairs = steps.iter().filter(|step| step.faults.len() == 2);
            assert!(pairs.clone().count() > 0);
            assert!(pairs.clone().all(|pair| pair.faults[0].kind.victim() != pair.faults[1].kind.victim()));
        }
    }
}
