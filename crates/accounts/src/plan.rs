//! Plans: what a reader may use per period of 30 days. Pure rules.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// How long a usage period is, in days of 24 hours.
pub const PERIOD_DAYS: i64 = 30;

/// What a reader pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// What every account begins with, and goes back to.
    Free,
    /// What a trial gives.
    Basic,
    /// For those who read a lot.
    Premium,
    /// For those who read for a living.
    Scholar,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Books whose summary was asked for.
    Summaries,
    /// Notes that were written.
    Notes,
    /// Reminders that were set.
    Reminders,
    /// Searches by meaning.
    SmartSearches,
}

impl Plan {
    /// Every plan, the smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Basic, Self::Premium, Self::Scholar];

    /// The name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Basic => "basic",
            Self::Premium => "premium",
            Self::Scholar => "scholar",
        }
    }

    /// How often `feature` may be used in one period.
    pub const fn limit(self, feature: Feature) -> u32 {
        let by_plan = match feature {
            Feature::Summaries => [1, 10, 25, 60],
            Feature::Notes => [3, 25, 50, 150],
            Feature::Reminders => [2, 10, 20, 150],
            Feature::SmartSearches => [3, 10, 25, 70],
        };
        by_plan[self as usize]
    }

    /// The plan that counts at `now`: a trial that has ended is free, whether or not a job has noticed it.
    #[must_use]
    pub fn at(self, trial_ends_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        if trial_ends_at.is_some_and(|end| end <= now) { Self::Free } else { self }
    }
}

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(name: &str) -> Result<Self, UnknownPlan> {
        Self::ALL.into_iter().find(|plan| plan.name() == name).ok_or(UnknownPlan)
    }
}

/// No plan has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPlan;

impl std::fmt::Display for UnknownPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no plan has that name")
    }
}

impl std::error::Error for UnknownPlan {}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 4] = [Self::Summaries, Self::Notes, Self::Reminders, Self::SmartSearches];

    /// The name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Summaries => "summaries",
            Self::Notes => "notes",
            Self::Reminders => "reminders",
            Self::SmartSearches => "smart_searches",
        }
    }
}

/// One usage period: `start` belongs to it, `end` to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// When it began.
    pub start: DateTime<Utc>,
    /// When the next one begins.
    pub end: DateTime<Utc>,
}

impl Period {
    /// The period that `now` is in, counted from `anchor`. Before the anchor it is the first one.
    pub fn at(anchor: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let length = TimeDelta::days(PERIOD_DAYS);
        let passed = (now - anchor).num_milliseconds().max(0) / length.num_milliseconds();
        let start = anchor + TimeDelta::milliseconds(passed * length.num_milliseconds());
        Self { start, end: start + length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap() + TimeDelta::days(days)
    }

    #[test]
    fn the_limits_are_the_published_ones() {
        let table: Vec<Vec<u32>> =
            Plan::ALL.iter().map(|plan| Feature::ALL.iter().map(|feature| plan.limit(*feature)).collect()).collect();
        assert_eq!(table, [vec![1, 3, 2, 3], vec![10, 25, 10, 10], vec![25, 50, 20, 25], vec![60, 150, 150, 70]]);
    }

    #[test]
    fn names_are_read_back() {
        for plan in Plan::ALL {
            assert_eq!(plan.name().parse(), Ok(plan));
            assert_eq!(serde_json::to_value(plan).unwrap(), plan.name());
        }
        assert_eq!("gold".parse::<Plan>(), Err(UnknownPlan));
        for feature in Feature::ALL {
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.name());
        }
    }

    #[test]
    fn a_trial_counts_until_the_instant_it_ends() {
        let moment = TimeDelta::microseconds(1);
        assert_eq!(Plan::Basic.at(Some(day(30)), day(30) - moment), Plan::Basic);
        assert_eq!(Plan::Basic.at(Some(day(30)), day(30)), Plan::Free);
        assert_eq!(Plan::Premium.at(None, day(3000)), Plan::Premium);
    }

    #[test]
    fn periods_follow_each_other_without_gap_or_overlap() {
        let moment = TimeDelta::microseconds(1);
        assert_eq!(Period::at(day(0), day(0)), Period { start: day(0), end: day(30) });
        assert_eq!(Period::at(day(0), day(30) - moment).start, day(0));
        assert_eq!(Period::at(day(0), day(30)), Period { start: day(30), end: day(60) });
        assert_eq!(Period::at(day(0), day(3599)).start, day(3570));
        assert_eq!(Period::at(day(0), day(-1)).start, day(0), "a clock that went back opens no earlier period");
    }
}
