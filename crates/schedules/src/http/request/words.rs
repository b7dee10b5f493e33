//! The words that fields of a schedule take.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub(crate) enum $name {
            $($(#[$about])* #[serde(rename = $text)] $word),+
        }

        impl $name {
            /// The word in rows and in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $text),+ }
            }
        }
    };
}

words! {
    /// What makes a schedule run.
    ScheduleType {
        /// Cron expressions, or a phrase.
        Cron = "cron",
        /// A fixed distance.
        Interval = "interval",
        /// A single run.
        OneTime = "one_time",
        /// A single run, at once.
        Immediate = "immediate",
        /// The end of other schedules' runs.
        Dependent = "dependent",
    }
}

words! {
    /// What becomes of due times that passed while nothing could run them.
    CatchUpWord {
        /// The last one runs and stands for the others.
        Latest = "latest",
        /// Each runs, the last hundred at most.
        All = "all",
        /// None runs.
        None = "none",
    }
}

words! {
    /// What happens when a run is due while an earlier one is not over.
    OverlapWord {
        /// It is skipped.
        Skip = "skip",
        /// One may wait.
        QueueOne = "queue_one",
        /// They overlap, up to `max_instances`.
        Allow = "allow",
        /// The earlier ones are cancelled.
        CancelRunning = "cancel_running",
    }
}

words! {
    /// The end of a run after which another schedule runs.
    ConditionWord {
        /// It succeeded.
        Success = "success",
        /// It failed.
        Failure = "failure",
        /// It ended, in whatever way.
        Completion = "completion",
    }
}

words! {
    /// How many of the schedules that one runs after must have ended.
    JoinWord {
        /// All of them, in the same round.
        All = "all",
        /// Any: it runs after each.
        Any = "any",
    }
}
