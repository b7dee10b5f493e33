//! The one clock: the database's time in production, a settable one in tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Where every "now" comes from, in whole microseconds (Postgres' resolution).
///
/// A system clock carries the measured skew against the database, so that processes on machines whose clocks disagree
/// still agree on when a job is due. It reads the machine's clock once and goes on steadily from there: when the machine's
/// clock is set meanwhile, nothing is early and no lease looks expired. A manual clock stands still until a test moves it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System { began: Instant, began_micros: i64, skew_micros: AtomicI64 },
    Manual { micros: AtomicI64 },
}

impl Clock {
    /// The machine's clock, with no skew correction yet.
    pub fn system() -> Self {
        let (began, began_micros) = (Instant::now(), machine_micros());
        Self(Arc::new(Source::System { began, began_micros, skew_micros: AtomicI64::new(0) }))
    }

    /// A clock that stands at `at` until it is moved.
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self(Arc::new(Source::Manual { micros: AtomicI64::new(at.timestamp_micros()) }))
    }

    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.steady_now() + self.skew()
    }

    /// The present instant without the correction: only for measuring skew.
    pub fn steady_now(&self) -> DateTime<Utc> {
        let micros = match &*self.0 {
            Source::System { began, began_micros, .. } => {
                began_micros + i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX)
            }
            Source::Manual { micros } => micros.load(Relaxed),
        };
        DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// The machine's own clock, whatever has been done to it: only for those who compare with it themselves.
    pub fn machine_now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Source::System { .. } => DateTime::from_timestamp_micros(machine_micros()).unwrap_or(DateTime::UNIX_EPOCH),
            Source::Manual { .. } => self.now(),
        }
    }

    /// Sets how far the database is ahead of this machine (negative: behind). A manual clock ignores it.
    pub fn set_skew(&self, skew: TimeDelta) {
        if let Source::System { skew_micros, .. } = &*self.0 {
            skew_micros.store(skew.num_microseconds().unwrap_or(0), Relaxed);
        }
    }

    /// How far the database is ahead of this machine, as last measured.
    pub fn skew(&self) -> TimeDelta {
        match &*self.0 {
            Source::System { skew_micros, .. } => TimeDelta::microseconds(skew_micros.load(Relaxed)),
            Source::Manual { .. } => TimeDelta::zero(),
        }
    }

    /// Moves a manual clock forward; does nothing to a system clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { micros } = &*self.0 {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Relaxed);
        }
    }

    /// Puts a manual clock at `at`; does nothing to a system clock.
    pub fn set(&self, at: DateTime<Utc>) {
        if let Source::Manual { micros } = &*self.0 {
            micros.store(at.timestamp_micros(), Relaxed);
        }
    }
}

#[allow(clippy::disallowed_methods)] // this is the one place that reads the machine's clock
fn machine_micros() -> i64 {
    Utc::now().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().timestamp_millis(), 1500);
    }

    #[test]
    fn skew_shifts_now_but_not_the_machine_time() {
        let clock = Clock::system();
        clock.set_skew(TimeDelta::hours(1));
        let ahead = clock.now() - clock.machine_now();
        assert!((ahead - TimeDelta::hours(1)).abs() < TimeDelta::seconds(5), "{ahead}");
    }
}
