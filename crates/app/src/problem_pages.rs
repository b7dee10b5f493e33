//! `/problems`: what each kind of problem means, where the `type` of a problem points.

use edge::{Json, Path, Reply};
use kernel::{Kind, Problem, kinds};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::modules;

/// A kind of problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemKind)]
struct Entry {
    /// What a problem of this kind has as `type`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    kind: String,
    /// What it means.
    title: &'static str,
    /// The HTTP status that it is answered with.
    status: u16,
}

impl From<&'static Kind> for Entry {
    fn from(kind: &'static Kind) -> Self {
        Self { kind: format!("/problems/{}", kind.slug), title: kind.title, status: kind.status }
    }
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
struct Entries {
    items: Vec<Entry>,
}

/// The routes.
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Lists the kinds of problems.
#[utoipa::path(get, path = "/problems", tag = "problems", security(()), responses((status = 200, body = Entries)))]
async fn list() -> Json<Entries> {
    Json(Entries { items: modules::problem_kinds().into_iter().map(Entry::from).collect() })
}

/// Says what a kind of problem means.
#[utoipa::path(get, path = "/problems/{slug}", tag = "problems", security(()), params(("slug" = String, Path)),
    responses((status = 200, body = Entry)))]
async fn show(Path(slug): Path<String>) -> Reply<Json<Entry>> {
    let kind = modules::problem_kind(&slug).ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    Ok(Json(kind.into()))
}
