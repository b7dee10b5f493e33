//! Jitter: a delay by chance that is the same whenever it is asked for.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// How long after `due` the schedule `seed` starts: the same for the same two, evenly spread from nothing to `most`
/// seconds in steps of a microsecond, and always less than `gap_to_next`, so that runs keep their order.
pub fn jitter(seed: Uuid, due: DateTime<Utc>, most: u32, gap_to_next: Option<TimeDelta>) -> TimeDelta {
    let most = i64::from(most) * 1_000_000;
    let gap = gap_to_next.and_then(|gap| gap.num_microseconds()).map_or(i64::MAX, |gap| gap - 1);
    let most = most.min(gap).max(0) as u64;
    let (high, low) = seed.as_u64_pair();
    let chance = mixed(mixed(mixed(high) ^ low) ^ due.timestamp_micros() as u64);
    // The upper half of the product: even over 0..=most.
    TimeDelta::microseconds(((u128::from(chance) * (u128::from(most) + 1)) >> 64) as i64)
}

/// The finaliser of SplitMix64: every bit of the input changes half of the bits of the output.
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn it_is_the_same_for_the_same_due_time_and_differs_between_schedules() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(jitter(one, at(60), 300, None), jitter(one, at(60), 300, None));
        // What a stored schedule was given yesterday it is given after an update of this program.
        assert_eq!(jitter(one, at(60), 300, None).num_microseconds(), Some(FIXED));
        let differ = (0..100).filter(|n| jitter(one, at(*n), 300, None) != jitter(other, at(*n), 300, None)).count();
        assert_eq!(differ, 100);
    }

    const FIXED: i64 = 278_545_423;

    #[test]
    fn it_is_spread_evenly_from_nothing_to_the_most() {
        let mut tenths = [0_u32; 10];
        for n in 0..10_000 {
            let micros = jitter(Uuid::from_u128(n), at(1_767_225_600), 60, None).num_microseconds().unwrap();
            assert!((0..=60_000_000).contains(&micros));
            tenths[(micros / 6_000_001) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
        assert_eq!(jitter(Uuid::from_u128(7), at(0), 0, None), TimeDelta::zero());
    }

    #[test]
    fn it_never_reaches_the_next_due_time() {
        for n in 0..2_000 {
            let jitter = |gap| jitter(Uuid::from_u128(n), at(n as i64), 3600, Some(gap));
            assert!(jitter(TimeDelta::seconds(1)) < TimeDelta::seconds(1));
            assert!(jitter(TimeDelta::microseconds(2)) < TimeDelta::microseconds(2));
            assert_eq!(jitter(TimeDelta::microseconds(1)), TimeDelta::zero());
            assert_eq!(jitter(TimeDelta::zero()), TimeDelta::zero());
            assert_eq!(jitter(TimeDelta::seconds(-5)), TimeDelta::zero());
        }
    }
}
