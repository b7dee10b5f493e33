//! The generic cell rate algorithm: one instant per subject says everything.

use std::time::Duration;

/// How many calls at once, and how long until that many are allowed again; they come back one by one, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls at once; 0 counts as 1.
    pub burst: u32,
    /// The time in which a spent burst is restored; at least a microsecond per call.
    pub per: Duration,
}

impl Rate {
    /// `burst` calls per minute.
    pub const fn per_minute(burst: u32) -> Self {
        Self { burst, per: Duration::from_secs(60) }
    }

    /// The time that restores one call, in microseconds.
    pub(super) fn interval(self) -> i64 {
        (self.window() / i64::from(self.burst.max(1))).max(1)
    }

    /// The time that restores all, in microseconds.
    pub(super) fn window(self) -> i64 {
        i64::try_from(self.per.as_micros()).unwrap_or(i64::MAX / 4).clamp(1, i64::MAX / 4)
    }
}

/// Decides at `now` (microseconds), given the instant by which all calls so far are paid off.
/// Returns that instant after this call, or how long to wait.
pub(super) fn decide(paid_off: Option<i64>, rate: Rate, now: i64) -> Result<i64, Duration> {
    let next = paid_off.unwrap_or(now).max(now) + rate.interval();
    let wait = next - rate.window() - now;
    if wait > 0 { Err(micros(wait)) } else { Ok(next) }
}

pub(super) fn micros(wait: i64) -> Duration {
    Duration::from_micros(wait.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_call_per_interval() {
        let rate = Rate { burst: 3, per: Duration::from_secs(30) };
        let mut paid_off = None;
        for _ in 0..3 {
            paid_off = Some(decide(paid_off, rate, 0).unwrap());
        }
        assert_eq!(decide(paid_off, rate, 0), Err(Duration::from_secs(10)));
        assert_eq!(decide(paid_off, rate, 9_999_999), Err(Duration::from_micros(1)));
        let later = decide(paid_off, rate, 10_000_000).unwrap();
        assert_eq!(decide(Some(later), rate, 10_000_000), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_whole_burst_is_back_after_the_period() {
        let rate = Rate::per_minute(2);
        let spent = decide(Some(decide(None, rate, 0).unwrap()), rate, 0).unwrap();
        let first = decide(Some(spent), rate, 60_000_000).unwrap();
        assert!(decide(Some(first), rate, 60_000_000).is_ok());
    }
}
