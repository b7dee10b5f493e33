//! The limits of one process, for as long as Redis is away.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::gcra::{Rate, decide};

/// Subjects that are remembered at most: about 2 MB.
const CAPACITY: usize = 16_384;

/// By key: the instant (microseconds) by which its calls are paid off.
#[derive(Default)]
pub(super) struct Local(Mutex<HashMap<String, i64>>);

impl Local {
    pub fn check(&self, key: String, rate: Rate, now: i64) -> Result<(), Duration> {
        let mut paid_off = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = decide(paid_off.get(&key).copied(), rate, now)?;
        if paid_off.len() >= CAPACITY && !paid_off.contains_key(&key) {
            make_room(&mut paid_off, now);
        }
        paid_off.insert(key, next);
        Ok(())
    }
}

/// Forgets whoever is paid off; when nobody is, anyone: a flood of subjects must not fill the memory.
fn make_room(paid_off: &mut HashMap<String, i64>, now: i64) {
    paid_off.retain(|_, until| *until > now);
    if paid_off.len() >= CAPACITY {
        let mut keep = CAPACITY / 2;
        paid_off.retain(|_, _| {
            keep = keep.saturating_sub(1);
            keep > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_do_not_share_and_the_map_stays_bounded() {
        let (local, rate) = (Local::default(), Rate::per_minute(1));
        assert!(local.check("a".into(), rate, 0).is_ok() && local.check("b".into(), rate, 0).is_ok());
        assert!(local.check("a".into(), rate, 0).is_err());
        for n in 0..3 * CAPACITY {
            let _ = local.check(n.to_string(), rate, 0);
        }
        assert!(local.0.lock().unwrap().len() <= CAPACITY);
    }
}
