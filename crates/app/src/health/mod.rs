//! Health: alive, ready, and how each dependency does.
//!
//! - `/healthz`, `/live`: the process runs. Asks nobody.
//! - `/readyz`, `/ready`: it may be given work: Postgres answers, the schema is current, it is not stopping.
//! - `/health`: each dependency up or down, for a monitor; 503 when one is down.
//! - `/health/detailed`: the same with latencies, engines and processes, for operators (`health.read`).

mod checks;
mod detailed;
mod readiness;
mod redis;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use edge::{Json, Reply};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use std::sync::Arc;

use self::checks::{Check, Status, check, postgres, schema};
pub use self::{
    readiness::{NotReady, Readiness},
    redis::RedisProbe,
};
use crate::{Parts, Role};

/// One round of checks serves everybody who asks within this time.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// What the health endpoints look at. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    role: Role,
    parts: Parts,
    readiness: Readiness,
    redis: RedisProbe,
    born: Instant,
    last: Mutex<Option<(Instant, Dependencies)>>,
}

impl Health {
    /// The health of a process in `role`.
    ///
    /// # Errors
    /// `internal-error` when the URL of Redis cannot be parsed.
    pub fn new(role: Role, parts: Parts, readiness: Readiness) -> kernel::Result<Self> {
        let redis = RedisProbe::lazy(&parts.config.redis)?;
        Ok(Self(Arc::new(Inner { role, parts, readiness, redis, born: Instant::now(), last: Mutex::default() })))
    }

    async fn dependencies(&self) -> Dependencies {
        let Inner { parts, redis, last, .. } = &*self.0;
        let mut last = last.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < SHARED_FOR
        {
            return found.clone();
        }
        let (postgres, schema, redis) =
            tokio::join!(check(postgres(&parts.db)), check(schema(&parts.db)), check(redis.ping()));
        let found = Dependencies { postgres, schema, redis };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// What probes and monitors ask; the same on web and worker. Needs no token, and looks at none.
pub fn probes() -> OpenApiRouter<Health> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(live))
        .routes(routes!(readyz))
        .routes(routes!(ready))
        .routes(routes!(short))
}

/// What operators ask; goes behind authentication.
pub fn details() -> OpenApiRouter<Health> {
    OpenApiRouter::new().routes(routes!(detailed::detailed))
}

#[derive(Clone)]
struct Dependencies {
    postgres: Check,
    schema: Check,
    redis: Check,
}

impl Dependencies {
    fn all(&self) -> [&Check; 3] {
        [&self.postgres, &self.schema, &self.redis]
    }

    fn status(&self) -> Status {
        let down = self.all().iter().any(|check| check.status == Status::Down);
        if down { Status::Down } else { Status::Up }
    }
}

/// A state in one word.
#[derive(Serialize, ToSchema)]
struct Word {
    /// `alive` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Says whether the process runs.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, body = Word)))]
async fn healthz() -> Json<Word> {
    Json(Word { status: "alive" })
}

/// The same as `/healthz`.
#[utoipa::path(get, path = "/live", tag = "health", security(()), responses((status = 200, body = Word)))]
async fn live() -> Json<Word> {
    healthz().await
}

/// Says whether the process may be given work.
///
/// 503 with the reason while Postgres is away, migrations are missing, or the process starts or stops.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses((status = 200, body = Word)))]
async fn readyz(State(health): State<Health>) -> Reply<Json<Word>> {
    match health.0.readiness.check().await {
        Ok(()) => Ok(Json(Word { status: "ready" })),
        Err(reason) => Err(reason.problem().into()),
    }
}

/// The same as `/readyz`.
#[utoipa::path(get, path = "/ready", tag = "health", security(()), responses((status = 200, body = Word)))]
async fn ready(health: State<Health>) -> Reply<Json<Word>> {
    readyz(health).await
}

/// Each dependency in one word.
#[derive(Serialize, ToSchema)]
struct Short {
    /// `down` when one of them is.
    status: Status,
    postgres: Status,
    schema: Status,
    redis: Status,
}

/// Says how the dependencies do, in one word each.
///
/// 503 when one of them is down. For monitors: requests are served without Redis too (see `/readyz`).
#[utoipa::path(get, path = "/health", tag = "health", security(()),
    responses((status = 200, body = Short), (status = 503, body = Short, description = "One of them is down")))]
async fn short(State(health): State<Health>) -> Response {
    let found = health.dependencies().await;
    let status = found.status();
    let short =
        Short { status, postgres: found.postgres.status, schema: found.schema.status, redis: found.redis.status };
    (code(status), Json(short)).into_response()
}

fn code(status: Status) -> StatusCode {
    match status {
        Status::Up => StatusCode::OK,
        Status::Down => StatusCode::SERVICE_UNAVAILABLE,
    }
}
