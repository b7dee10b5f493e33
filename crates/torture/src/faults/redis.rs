//! What happens to Redis and to the way to it.

use std::time::Duration;

use testkit::{Lane, Link, Server, Service};

use crate::script::{Fault, Kind};

/// How long a reply takes when it is slow.
const SLOW: Duration = Duration::from_millis(300);

/// Returns nothing: what Redis does is nobody's fault.
pub async fn inflict(lane: &Lane, fault: &Fault) -> Vec<String> {
    let redis = lane.redis();
    let all: Vec<&Service> = lane.services().collect();
    let links = || all.iter().map(|process| lane.link(process.name(), Server::Redis));
    let pause = tokio::time::sleep(fault.lasts);
    match fault.kind {
        Kind::RedisKilled => {
            redis.kill9().await;
            pause.await;
            redis.start_again().await;
        }
        Kind::RedisEmptied => {
            redis.stop().await;
            pause.await;
            redis.start_again().await;
        }
        Kind::RedisFlushed => redis.flushall().await,
        Kind::RedisFrozen => {
            redis.pause().await;
            pause.await;
            redis.resume().await;
        }
        Kind::RedisFull => {
            limit_memory(lane, "1").await;
            pause.await;
            limit_memory(lane, "0").await;
        }
        Kind::RedisSlow => {
            links().for_each(|link| link.slow(SLOW));
            pause.await;
            links().for_each(Link::mend);
        }
        _ => {
            let link = lane.link(all[fault.target % all.len()].name(), Server::Redis);
            link.cut();
            pause.await;
            link.mend();
        }
    }
    Vec::new()
}

/// With less than it has, Redis refuses whatever needs memory: `noeviction` is how it is run.
async fn limit_memory(lane: &Lane, bytes: &str) {
    let mut connection = lane.redis().connection().await;
    let set = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query_async::<()>(&mut connection).await;
    set.expect("Redis can be told");
}
