//! Redis: reachable, and never throwing a ticket away.

use app::{Parts, health::RedisProbe};

use super::finding::Finding;

/// Older ones may do, but nobody tries them or repairs them any more.
const OLDEST: (u32, u32) = (6, 2);

/// Looks at Redis.
pub async fn check(parts: &Parts) -> Vec<Finding> {
    let todo = "start Redis or Valkey, or correct REDIS_URL; until then jobs wait in Postgres";
    let probe = match RedisProbe::lazy(&parts.config.redis) {
        Ok(probe) => probe,
        Err(problem) => return vec![Finding::fail("redis", problem.to_string(), todo)],
    };
    if let Err(words) = probe.ping().await {
        return vec![Finding::fail("redis", words, todo)];
    }
    vec![version(probe.version().await), policy(probe.eviction_policy().await)]
}

fn version(told: Option<(&'static str, String)>) -> Finding {
    let Some((server, version)) = told else {
        let todo = "make sure that it is Redis 6.2 or newer, or Valkey";
        return Finding::warn("redis", "answers, but does not tell its version", todo);
    };
    let found = format!("{server} {version}");
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if number >= OLDEST {
        Finding::ok("redis", found)
    } else {
        Finding::warn("redis", found, "upgrade to Redis 6.2 or newer, or to Valkey")
    }
}

fn policy(policy: Option<String>) -> Finding {
    let name = "redis memory";
    match policy.as_deref() {
        Some("noeviction") => Finding::ok(name, "maxmemory-policy is noeviction"),
        Some(other) => Finding::fail(
            name,
            format!("maxmemory-policy is {other}: tickets and locks can vanish"),
            "set maxmemory-policy to noeviction",
        ),
        None => Finding::warn(name, "maxmemory-policy cannot be read", "make sure that it is noeviction"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn a_version_is_shown_and_an_old_or_hidden_one_is_worth_a_look() {
        let level = |told: &str| version(Some(("redis", told.to_owned()))).level;
        assert_eq!((level("7.0.15"), level("6.2.0"), level("10.1")), (Level::Ok, Level::Ok, Level::Ok));
        assert_eq!((level("6.0.16"), level("odd")), (Level::Warn, Level::Warn));
        assert_eq!(version(None).level, Level::Warn);
        assert_eq!(version(Some(("valkey", "8.1.4".to_owned()))).found, "valkey 8.1.4");
    }
}
