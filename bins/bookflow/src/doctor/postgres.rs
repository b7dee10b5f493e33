//! Postgres: reachable, new enough, migrated, and of the same time.

use app::Parts;
use chrono::{DateTime, Utc};
use kernel::{Problem, kinds};
use store::{SchemaState, Sql as _};

use super::finding::Finding;

/// The oldest version that is tried.
const OLDEST: i32 = 140_000;
/// A larger difference between the clocks is worth repairing, in milliseconds; the processes correct for it.
const TOLERABLE_SKEW_MS: i64 = 1000;

/// Looks at the database.
pub async fn check(parts: &Parts) -> Vec<Finding> {
    if let Err(problem) = parts.db.ping().await {
        let todo =
            "start Postgres, or correct DATABASE_URL (or DB_HOST_NAME, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD)";
        return vec![Finding::fail("postgres", refusal(&problem), todo)];
    }
    vec![version(parts).await, schema(parts).await, clock(parts).await]
}

/// Nobody answers, or what the server says against us (the password, the database's name).
fn refusal(problem: &Problem) -> String {
    match problem.source() {
        Some(source) if !problem.is(&kinds::UNAVAILABLE) => source.to_string(),
        _ => "cannot be reached".to_owned(),
    }
}

const VERSION: &str = "select current_setting('server_version_num')::int";

async fn version(parts: &Parts) -> Finding {
    match parts.db.conn().scalar::<i32, _>(VERSION, []).await {
        Ok(Some(number)) if number >= OLDEST => Finding::ok("postgres", format!("version {}", spoken(number))),
        Ok(Some(number)) => Finding::fail(
            "postgres",
            format!("version {} is older than {}", spoken(number), spoken(OLDEST)),
            format!("upgrade Postgres to {} or newer", OLDEST / 10_000),
        ),
        Ok(None) | Err(_) => {
            Finding::fail("postgres", "does not tell its version", "check that DATABASE_URL is a Postgres server")
        }
    }
}

/// 150004 is 15.4.
fn spoken(number: i32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

async fn schema(parts: &Parts) -> Finding {
    match parts.db.schema().await {
        Ok(SchemaState::Current) => Finding::ok("schema", "current"),
        Ok(SchemaState::Older { missing }) => {
            Finding::fail("schema", format!("migrations missing: {missing}"), "run `bookflow migrate`")
        }
        Err(problem) => Finding::fail("schema", problem.to_string(), "check that the user may read the database"),
    }
}

async fn clock(parts: &Parts) -> Finding {
    let before = parts.db.clock().machine_now();
    let Ok(Some(theirs)) = parts.db.conn().scalar::<DateTime<Utc>, _>("select clock_timestamp()", []).await else {
        return Finding::fail("clock", "Postgres does not tell the time", "look at Postgres' log");
    };
    let after = parts.db.clock().machine_now();
    let skew = (theirs - (before + (after - before) / 2)).num_milliseconds();
    let found = format!("this machine is {} ms {} Postgres", skew.abs(), if skew > 0 { "behind" } else { "ahead of" });
    if skew.abs() <= TOLERABLE_SKEW_MS {
        Finding::ok("clock", found)
    } else {
        Finding::warn("clock", found, "synchronise both clocks (NTP); until then the processes go by Postgres' time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_number_is_spoken_as_people_do() {
        assert_eq!((spoken(150_004), spoken(140_000)), ("15.4".to_owned(), "14.0".to_owned()));
    }
}
