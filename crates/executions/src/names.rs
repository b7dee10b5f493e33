//! The words for states and causes, as they stand in rows and in the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! names {
    ($(#[$doc:meta] $name:ident { $($(#[$what:meta])+ $variant:ident = $word:literal),+ $(,)? })+) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name {
            $($(#[$what])+ $variant),+
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in rows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// What the word stands for.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == word)
            }
        }
    )+};
}

names! {
    /// Where an execution stands.
    State {
        /// It waits for its time or for a worker.
        Queued = "queued",
        /// A worker has it.
        Running = "running",
        /// It is done.
        Succeeded = "succeeded",
        /// No attempt is left, or none can help.
        Failed = "failed",
        /// It is no longer wanted.
        Cancelled = "cancelled",
        /// A due time that was left out, for a reason.
        Skipped = "skipped",
        /// A due time, or a range of them, that passed while nothing could run it.
        Missed = "missed",
    }
    /// Why an execution exists.
    Cause {
        /// A request, or another job on its behalf.
        Api = "api",
        /// A schedule that came due.
        Schedule = "schedule",
        /// Somebody asked for this run.
        Manual = "manual",
        /// Somebody asked for it again.
        Retry = "retry",
        /// Somebody asked for past due times.
        Backfill = "backfill",
        /// Another execution ended.
        Chain = "chain",
    }
}

impl State {
    /// Those that can be run again.
    pub const RETRYABLE: [Self; 4] = [Self::Failed, Self::Cancelled, Self::Skipped, Self::Missed];
}

/// `a, b or c`, for a message.
pub(crate) fn one_of(words: impl IntoIterator<Item = &'static str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_in_rows_are_the_words_in_json() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            assert_eq!(State::parse(state.name()), Some(*state));
        }
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
        assert_eq!((State::parse("done"), Cause::parse("API")), (None, None));
    }

    #[test]
    fn a_choice_reads_as_one() {
        assert_eq!((one_of(["a", "b", "c"]), one_of(["a"])), ("a, b or c".into(), "a".into()));
    }
}
