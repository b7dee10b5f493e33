//! `/health/detailed`: for operators.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use edge::{Authenticated, Json, Reply};
use jobs::Alive;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Health,
    checks::{self, Check, Status},
    code,
};

/// How each dependency does, and what this installation is made of.
#[derive(Serialize, ToSchema)]
pub(super) struct Detailed {
    /// `down` when Postgres, the schema or Redis is.
    status: Status,
    /// `web` or `worker`.
    role: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    dependencies: Looked,
    /// What makes the summaries.
    #[schema(example = "built-in extractive")]
    summarizer: String,
    /// Where the books come from.
    #[schema(example = "built-in")]
    catalogue: &'static str,
    /// The processes that are alive, by role.
    processes: Vec<Processes>,
}

/// What was looked at.
#[derive(Serialize, ToSchema)]
struct Looked {
    postgres: Check,
    schema: Check,
    redis: Check,
    mail: Check,
}

/// The processes of one role.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Processes {
    role: String,
    alive: usize,
    /// The largest difference between a machine's clock and the database's, in milliseconds.
    largest_clock_skew_ms: i64,
}

/// Says how the dependencies do, in detail.
///
/// Needs the permission `health.read`.
#[utoipa::path(get, path = "/health/detailed", tag = "health",
    responses((status = 200, body = Detailed), (status = 503, body = Detailed, description = "One of them is down")))]
pub(super) async fn detailed(State(health): State<Health>, Authenticated(actor): Authenticated) -> Reply<Response> {
    actor.require("health.read")?;
    let inner = &*health.0;
    let mail =
        checks::check(async { inner.parts.gateways.mail.probe().await.map_err(|problem| checks::words(&problem)) });
    let (found, mail, alive) = tokio::join!(health.dependencies(), mail, jobs::alive(&inner.parts.db));
    let status = found.status();
    let detailed = Detailed {
        status,
        role: inner.role.name(),
        version: crate::VERSION,
        uptime_seconds: inner.born.elapsed().as_secs(),
        dependencies: Looked { postgres: found.postgres, schema: found.schema, redis: found.redis, mail },
        summarizer: inner.parts.books.summariser().name(),
        catalogue: inner.parts.books.catalogue(),
        // Postgres is away: that is said above.
        processes: by_role(&alive.unwrap_or_default()),
    };
    Ok((code(status), Json(detailed)).into_response())
}

fn by_role(alive: &[Alive]) -> Vec<Processes> {
    let mut roles: Vec<Processes> = Vec::new();
    for process in alive {
        let skew = process.clock_skew_ms;
        match roles.iter_mut().find(|known| known.role == process.role) {
            Some(known) => {
                known.alive += 1;
                if skew.abs() > known.largest_clock_skew_ms.abs() {
                    known.largest_clock_skew_ms = skew;
                }
            }
            None => roles.push(Processes { role: process.role.clone(), alive: 1, largest_clock_skew_ms: skew }),
        }
    }
    roles
}
