//! Parsed timings: parsing an expression costs a hundred times what evaluating it does.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use kernel::FieldError;

use crate::{
    time::{Calendar, OpenHours, Spec},
    timing::StoredTiming,
};

/// Different timings kept; beyond that the cache starts anew.
const MOST_SPECS: usize = 20_000;
/// Different calendars kept beside them. Schedules share them.
const MOST_CALENDARS: usize = 1_000;

static SPECS: LazyLock<Cache<Spec>> = LazyLock::new(Cache::default);
static CALENDARS: LazyLock<Cache<OpenHours>> = LazyLock::new(Cache::default);

/// The computation of `timing`, parsed at most once.
pub(crate) fn spec(timing: &StoredTiming) -> Result<Arc<Spec>, String> {
    SPECS.get(timing, MOST_SPECS, || timing.spec())
}

/// Keeps a computation that was made otherwise, for those who ask next.
pub(crate) fn keep(timing: &StoredTiming, made: &Spec) {
    drop(SPECS.get::<()>(timing, MOST_SPECS, || Ok(made.clone())));
}

/// What follows from the rules of a calendar, computed at most once.
pub(crate) fn open_hours(calendar: &Calendar) -> Result<Arc<OpenHours>, Vec<FieldError>> {
    CALENDARS.get(calendar, MOST_CALENDARS, || calendar.open_hours())
}

/// Results by the keyed hash of what they were made from: 128 bits of it, so that the texts need not be kept.
struct Cache<T> {
    hashers: [RandomState; 2],
    known: Mutex<HashMap<[u64; 2], Arc<T>>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { hashers: [RandomState::new(), RandomState::new()], known: Mutex::default() }
    }
}

impl<T> Cache<T> {
    fn get<E>(&self, from: &impl Hash, most: usize, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let key = self.hashers.each_ref().map(|hasher| hasher.hash_one(from));
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let made = Arc::new(make()?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= most {
            known.clear();
        }
        known.insert(key, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timing_is_parsed_once_and_what_cannot_be_read_is_not_kept() {
        let first = spec(&StoredTiming::utc_cron("17 3 * * *")).unwrap();
        assert!(Arc::ptr_eq(&first, &spec(&StoredTiming::utc_cron("17 3 * * *")).unwrap()));
        assert!(!Arc::ptr_eq(&first, &spec(&StoredTiming::utc_cron("18 3 * * *")).unwrap()));
        assert!(spec(&StoredTiming::utc_cron("61 3 * * *")).is_err());
    }

    #[test]
    fn a_full_cache_starts_anew() {
        let cache = Cache::default();
        let get = |n: u32| cache.get(&n, 2, || Ok::<_, ()>(n)).unwrap();
        let first = get(1);
        assert!(Arc::ptr_eq(&first, &get(1)));
        assert_eq!([*get(2), *get(3)], [2, 3]);
        assert!(!Arc::ptr_eq(&first, &get(1)));
    }
}
