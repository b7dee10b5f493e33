//! Local times that a schedule names and no clock ever shows: for previews.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::{
    Cron, DropReason, Dropped, DstGap, Spec, Timing,
    field::LAST_YEAR,
    first_instant,
    local::{Gap, Instants},
};

impl Spec {
    /// The local times that a change of the clock between `from` (exclusive) and `to` jumped over and that have no run for
    /// it, in order, at most `bound` of them. Only cron expressions name local times.
    pub fn dropped(&self, from: DateTime<Utc>, to: DateTime<Utc>, bound: usize) -> Vec<Dropped> {
        let Timing::Cron { exprs, gap: policy, .. } = &self.timing else {
            return Vec::new();
        };
        if *policy == DstGap::Shift {
            return Vec::new();
        }
        let inside = |at: DateTime<Utc>| {
            self.start_at.is_none_or(|start| at >= start) && self.end_at.is_none_or(|end| at <= end)
        };
        let mut found: Vec<Dropped> = Vec::new();
        for gap in self.gaps(from, to).filter(|gap| inside(gap.end)) {
            if found.len() >= bound {
                break;
            }
            let mut here: Vec<Dropped> = exprs.iter().flat_map(|cron| dropped(cron, *policy, gap, bound)).collect();
            here.retain(|dropped| !self.exclude.iter().any(|cron| cron.matches_until(dropped.local).is_some()));
            here.sort_unstable_by_key(|dropped| dropped.local);
            here.dedup_by_key(|dropped| dropped.local);
            found.append(&mut here);
        }
        found.truncate(bound);
        found
    }

    /// The jumps of the clock after `from` and not after `to`.
    fn gaps(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = Gap> + '_ {
        let last = DateTime::from_timestamp((i64::from(LAST_YEAR) - 1969) * 31_556_952, 0).unwrap_or_default();
        let (from, to) = (from.max(first_instant()), to.min(last));
        // No two changes of a clock lie within a day of each other.
        let day = TimeDelta::days(1);
        std::iter::successors(Some(from), move |at| Some(*at + day))
            .take_while(move |at| *at < to)
            .filter_map(move |at| self.zone.jump_within(at, (at + day).min(to)))
    }
}

/// What of one expression is lost in one gap.
fn dropped(cron: &Cron, policy: DstGap, gap: Gap, bound: usize) -> impl Iterator<Item = Dropped> {
    let begin = gap.begin();
    let moved = policy == DstGap::NextValid && !cron.is_wildcard();
    let reason = if moved { DropReason::Merged } else { DropReason::Gap };
    // The first of those that are moved runs after the gap, unless the end of the gap is due anyway.
    let skipped = usize::from(moved && !cron.matches(gap.resumes));
    let second = TimeDelta::seconds(1);
    let inside = move |local: &NaiveDateTime| *local < gap.resumes;
    std::iter::successors(cron.at_or_after(begin), move |local| cron.at_or_after(*local + second))
        .take_while(inside)
        .skip(skipped)
        .map(move |local| Dropped { local, at: gap.end, reason })
        .take(bound)
}

impl Gap {
    /// The first local time that is jumped over.
    fn begin(&self) -> NaiveDateTime {
        self.resumes - self.length
    }
}

impl super::Zone {
    /// The jump of the clock after `from` and not after `to`, which lie a day apart at most, if there is one.
    fn jump_within(self, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Gap> {
        if self.offset(to) <= self.offset(from) {
            return None;
        }
        let change = self.change_between(from, to);
        match self.instants(self.local(change) - TimeDelta::seconds(1))? {
            Instants::None(gap) => Some(gap),
            Instants::One(_) | Instants::Two { .. } => None,
        }
    }
}
