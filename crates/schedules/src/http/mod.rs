//! The routes of schedules, one endpoint family per file.

pub(crate) mod commands;
mod control;
mod create;
mod executions;
mod jobs;
pub(crate) mod list;
mod preview;
pub(crate) mod request;
mod secret;
mod show;
mod templates;
pub(crate) mod view;
mod write;

use axum::extract::{FromRequest, Request};
use edge::{Idempotency, Json};
use garde::Validate;
use kernel::Result;
use serde::Deserialize;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use self::request::Fields;
use crate::Schedules;

/// The media type of problems, for the document.
const PROBLEM: &str = edge::PROBLEM_JSON;

pub(crate) fn routes(cx: &Schedules) -> OpenApiRouter<Schedules> {
    let once = Idempotency::new(cx.db.clone());
    OpenApiRouter::new()
        .routes(routes!(create::create).layer(once.clone()))
        .routes(routes!(list::list))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(preview::preview))
        .routes(routes!(show::show, write::replace, write::change, write::delete))
        .routes(routes!(show::upcoming))
        .routes(routes!(executions::list_executions))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::trigger).layer(once.clone()))
        .routes(routes!(secret::rotate_secret)) // its answer must not be kept
        .routes(routes!(commands::list_patterns))
        .routes(routes!(commands::add_pattern).layer(once.clone()))
        .routes(routes!(commands::remove_pattern))
        .routes(routes!(templates::list_templates))
        .routes(routes!(templates::create_template).layer(once))
        .routes(routes!(templates::show_template, templates::replace_template, templates::delete_template))
}

/// A body whose fields are looked at one by one.
#[derive(Deserialize)]
#[serde(transparent)]
struct Object(Fields);

impl Validate for Object {
    type Context = ();

    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

/// The fields of a JSON object in the body.
async fn fields(request: Request) -> Result<Fields> {
    let Json(Object(fields)) = Json::<Object>::from_request(request, &()).await.map_err(|refusal| refusal.0)?;
    Ok(fields)
}
