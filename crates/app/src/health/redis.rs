//! Whether Redis answers.

use std::time::Duration;

use kernel::{Problem, Result};
use redis::{
    AsyncCommands as _, Client, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};

/// The longest that Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection of its own for questions about Redis. Connects when it is first asked.
#[derive(Clone)]
pub struct RedisProbe(ConnectionManager);

impl RedisProbe {
    /// Reads the settings. Nothing is contacted yet.
    ///
    /// # Errors
    /// `internal-error` when the URL cannot be parsed; the URL is not repeated.
    pub fn lazy(redis: &config::Redis) -> Result<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = Client::open(redis.url.expose().as_str())
            .and_then(|client| ConnectionManager::new_lazy_with_config(client, config))
            .map_err(|_| Problem::internal("REDIS_URL is not a Redis URL"))?;
        Ok(Self(connection))
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// In words, when there is none.
    pub async fn ping(&self) -> Result<(), String> {
        // The first question after an outage only makes the manager notice that its connection is gone.
        if self.pong().await || self.pong().await { Ok(()) } else { Err("cannot be reached".to_owned()) }
    }

    async fn pong(&self) -> bool {
        let pong: RedisResult<String> = self.0.clone().ping().await;
        pong.is_ok()
    }

    /// Which server answers and of which version, such as `("valkey", "8.1.4")`; `None` when it does not tell.
    pub async fn version(&self) -> Option<(&'static str, String)> {
        let told: RedisResult<String> = cmd("INFO").arg("server").query_async(&mut self.0.clone()).await;
        version(&told.ok()?)
    }

    /// What Redis does when its memory is full; `None` when it does not tell, as some hosted ones do.
    pub async fn eviction_policy(&self) -> Option<String> {
        let answer: RedisResult<Vec<String>> =
            cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut self.0.clone()).await;
        answer.ok()?.into_iter().nth(1)
    }
}

/// Valkey tells the version of Redis that it stands in for, too: its own counts.
fn version(info: &str) -> Option<(&'static str, String)> {
    let told = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|version| version.trim().to_owned())
    };
    let valkey = told("valkey_version").map(|version| ("valkey", version));
    valkey.or_else(|| told("redis_version").map(|version| ("redis", version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_tells_its_version_in_its_own_words() {
        let redis = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n";
        assert_eq!(version(redis), Some(("redis", "7.0.15".to_owned())));
        let valkey = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.4\r\n";
        assert_eq!(version(valkey), Some(("valkey", "8.1.4".to_owned())));
        assert_eq!(version(""), None);
    }
}
