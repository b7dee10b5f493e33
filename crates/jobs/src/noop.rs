//! The engine's own job for demos, drills and measurements: does nothing, or exactly the trouble it is asked for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Db, Sql};

use crate::{
    attempt::Attempt,
    job::{Done, Failure, Job, OrFail, Policy, Success},
};

const LONGEST_SLEEP_MS: u64 = 3_600_000;

/// `engine.noop`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noop {
    /// Milliseconds to sleep before it ends, at most an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_ms: Option<u64>,
    /// What goes wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<Trouble>,
    /// Writes a row of `drill_effects` in the transaction of its completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Two of the same key do not wait at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Ballast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<String>,
}

/// What a drill does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Fails on every attempt and is retried.
    Always,
    /// Fails once, then succeeds.
    Once,
    /// Fails for good.
    Fatal,
    /// Panics on every attempt.
    Panic,
}

/// What a drill leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// One row of `drill_effects`.
    Row,
}

impl Job for Noop {
    type Cx = Db;
    const KIND: &'static str = "engine.noop";
    const POLICY: Policy =
        Policy::DEFAULT.timeout(Duration::from_secs(3600)).backoff(Duration::from_millis(200), Duration::from_secs(30));

    fn unique_key(&self) -> Option<String> {
        self.key.clone()
    }

    /// For demos and drills; the other fields are the tests' own, and taken where they can be read.
    fn schema() -> Option<Value> {
        Some(json!({
            "type": "object",
            "title": "Nothing, or the trouble asked for",
            "description": "For demos and drills: sleeps, then succeeds or fails as told.",
            "properties": {
                "sleep_ms": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": LONGEST_SLEEP_MS,
                    "description": "Milliseconds to sleep before it ends.",
                    "examples": [250],
                },
                "fail": {
                    "type": "string",
                    "enum": ["always", "once", "fatal", "panic"],
                    "description": "Fails on every attempt; on the first one only; for good; by a panic on every attempt.",
                    "examples": ["once"],
                },
            },
            "examples": [{ "sleep_ms": 250 }],
        }))
    }

    async fn run(&self, _: &Db, me: &Attempt) -> Result<Done, Failure> {
        if let Some(ms) = self.sleep_ms {
            let sleep = tokio::time::sleep(Duration::from_millis(ms.min(LONGEST_SLEEP_MS)));
            if me.cancelled().run_until_cancelled(sleep).await.is_none() {
                return Err(std::io::Error::other("interrupted")).or_retry();
            }
        }
        match self.fail {
            Some(Trouble::Fatal) => return Err(std::io::Error::other("asked to fail for good")).or_fatal(),
            #[allow(clippy::panic)] // this is what the drill is for
            Some(Trouble::Panic) => panic!("asked to panic"),
            Some(Trouble::Always) => return Err(std::io::Error::other("asked to fail")).or_retry(),
            Some(Trouble::Once) if me.number() == 1 => {
                return Err(std::io::Error::other("asked to fail once")).or_retry();
            }
            _ => {}
        }
        match self.effect {
            None => Ok(Done::Ok(Success::default())),
            Some(Effect::Row) => {
                me.commit(async |tx| {
                    let values = [me.id().0.into(), i64::from(me.number()).into(), tx.now().into()];
                    tx.run("insert into drill_effects (execution_id, attempt, at) values ($1, $2, $3)", values).await?;
                    Ok(Success::default())
                })
                .await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn wrong(args: &Value) -> Vec<kernel::FieldError> {
        let schema = Noop::schema().unwrap();
        let mut wrong = schema::check(&schema, args, "").unwrap();
        wrong.extend(schema::read::<Noop>(args, "").err());
        wrong
    }

    #[test]
    fn the_schema_offers_every_trouble_and_bounds_the_sleep() {
        for trouble in [Trouble::Always, Trouble::Once, Trouble::Fatal, Trouble::Panic] {
            assert!(wrong(&json!({ "fail": trouble })).is_empty(), "{trouble:?}");
        }
        let offered = &Noop::schema().unwrap()["properties"]["fail"]["enum"];
        serde_json::from_value::<Vec<Trouble>>(offered.clone()).unwrap();
        assert!(wrong(&json!({ "sleep_ms": 3_600_000, "key": "k" })).is_empty());
        assert_eq!(wrong(&json!({ "sleep_ms": 3_600_001 }))[0].message, "must be at most 3600000");
        assert_eq!(wrong(&json!({ "sleep": 1 }))[0].pointer, "/sleep");
    }
}
