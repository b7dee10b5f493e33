//! Where a search along an index begins, so that it does not read what a long transaction keeps.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use kernel::Result;
use tokio::time::Instant;

/// A whole search that takes no longer than this is made every time.
const CHEAP: Duration = Duration::from_millis(10);
/// A dearer one is made again after so many times as long as it took, so that it costs a fiftieth of the time …
const SELDOM: u32 = 50;
/// … but at the latest after this.
const LATEST: Duration = Duration::from_secs(60);

/// The time below which an index of times holds nothing alive, as far as is known.
///
/// Rows that are done with leave dead entries at the beginning of such an index until a vacuum takes them out, and while a
/// transaction is open none is: a search from the beginning reads all of them, an hour's worth. So while that is dear, it is
/// made seldom, and the searches in between begin at the floor. What a floor hides (an entry that was written below it) is found
/// by the next whole search: a floor is a hint, nothing may depend on it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Floor(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    at: DateTime<Utc>,
    whole_again: Option<Instant>,
}

impl Floor {
    /// Where to begin: the floor, or the Unix epoch for the whole.
    pub fn at(&self) -> DateTime<Utc> {
        self.known(|known| known.at)
    }

    /// Forgets it, because much has been written below: the next search is whole.
    pub fn reset(&self) {
        self.known(|known| *known = Known::default());
    }

    /// Searches from the floor, or the whole when its time has come. After a dear search `rise` tells where the next one may begin,
    /// given where this one did. It cannot fail: what was found is not to be lost for a hint.
    ///
    /// # Errors
    /// What `search` returns; then the floor stays where it is.
    pub async fn search<T>(
        &self,
        search: impl AsyncFnOnce(DateTime<Utc>) -> Result<T>,
        rise: impl AsyncFnOnce(DateTime<Utc>, &T) -> DateTime<Utc>,
    ) -> Result<T> {
        let began = Instant::now();
        let whole = self.known(|known| known.whole_again.is_none_or(|at| at <= began));
        let from = if whole { DateTime::default() } else { self.at() };
        let found = search(from).await;
        let took = began.elapsed();
        if whole {
            self.known(|known| known.whole_again = (took > CHEAP).then(|| Instant::now() + LATEST.min(took * SELDOM)));
        }
        let found = found?;
        let at = if whole && took <= CHEAP { from } else { rise(from, &found).await };
        self.known(|known| known.at = at);
        Ok(found)
    }

    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use kernel::Problem;

    use super::*;

    /// Makes searches dear, and the whole one due again after a second.
    const DEAR: Duration = Duration::from_millis(20);

    fn hour(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    /// Searches for so long, then lets the floor rise to `to`; returns where the search began.
    async fn search(floor: &Floor, takes: Duration, to: DateTime<Utc>) -> DateTime<Utc> {
        let begin = async |from| {
            tokio::time::sleep(takes).await;
            Ok(from)
        };
        floor.search(begin, async |_, _| to).await.unwrap()
    }

    #[tokio::test]
    async fn a_dear_search_is_made_seldom_and_the_others_begin_at_the_floor() {
        let floor = Floor::default();
        let began = Instant::now();
        assert_eq!(search(&floor, DEAR, hour(1)).await, hour(0), "whole");
        assert_eq!(search(&floor, DEAR, hour(2)).await, hour(1));
        assert_eq!(floor.at(), hour(2));
        while search(&floor, Duration::ZERO, hour(3)).await != hour(0) {
            tokio::time::sleep(DEAR).await;
        }
        assert!(began.elapsed() > DEAR * SELDOM, "whole again after {:?}", began.elapsed());
    }

    #[tokio::test]
    async fn after_a_reset_the_next_search_is_whole() {
        let floor = Floor::default();
        search(&floor, DEAR, hour(1)).await;
        floor.reset();
        assert_eq!(search(&floor, DEAR, hour(2)).await, hour(0));
    }

    #[tokio::test]
    async fn a_search_that_fails_leaves_the_floor_and_counts_by_what_it_took() {
        let floor = Floor::default();
        let fail = async |_| {
            tokio::time::sleep(DEAR).await;
            Err::<(), _>(Problem::internal("away"))
        };
        floor.search(fail, async |_, ()| hour(9)).await.unwrap_err();
        assert_eq!(floor.at(), hour(0));
        search(&floor, Duration::ZERO, hour(1)).await;
        assert_eq!(search(&floor, Duration::ZERO, hour(2)).await, hour(1), "not whole again at once");
    }
}
