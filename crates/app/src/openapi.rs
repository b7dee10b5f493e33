//! The API's document: what the domains declare, and what all operations have in common.

use utoipa::openapi::{Info, InfoBuilder, OpenApi, Tag, tag::TagBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::{Parts, health, modules, problem_pages, tasks};

/// The sections of the document, in reading order.
const TAGS: &[(&str, &str)] = &[
    ("auth", "Registration, login, tokens and passwords."),
    ("me", "The reader's own account and usage."),
    ("plans", "What the plans allow, and trials."),
    ("books", "The catalogue."),
    ("summaries", "Summaries of books, made when a reader asks."),
    ("schedules", "Work that is due by the clock."),
    ("calendars", "Opening hours that schedules run inside of, or leave out."),
    ("commands", "Which commands schedules may send."),
    ("templates", "Schedules with parameters, to make schedules from."),
    ("api-keys", "Keys by which services call this API."),
    ("audit", "Who changed what, and who was refused."),
    ("executions", "Every run of every job: what it did, why it ran, how late it was, and how to run it again."),
    ("scheduled-jobs", "The jobs that the code declares: when they run, how they went, pausing and running them."),
    ("tasks", "Work that was asked for, and how it goes."),
    ("health", "How the service does."),
    ("problems", "What the kinds of problems mean."),
];

/// The whole document, OpenAPI 3.1: the domains' routes and the application's own.
pub fn document(parts: &Parts) -> OpenApi {
    let mut routes: OpenApiRouter = modules::routes(parts);
    for own in [
        tasks::routes().to_openapi(),
        health::probes().to_openapi(),
        health::details().to_openapi(),
        problem_pages::routes().to_openapi(),
    ] {
        routes.get_openapi_mut().merge(own);
    }
    let mut document = edge::document(routes.into_openapi());
    document.info = info();
    document.tags = Some(TAGS.iter().map(|(name, says)| tag(name, says)).collect());
    document
}

fn info() -> Info {
    InfoBuilder::new()
        .title("BookFlow")
        .version(crate::VERSION)
        .description(Some(
            "Book summaries, and the work behind them. Times are RFC 3339 in UTC. Lists answer `items` and `next_cursor`. \
             Errors are `application/problem+json` (RFC 9457); see `/problems` for their kinds. Work that takes time \
             answers 202 with the `Location` of a task.",
        ))
        .build()
}

fn tag(name: &str, says: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(says)).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn every_operation_has_a_summary_and_stands_in_a_section_that_is_described() {
        let document = serde_json::to_value(document(&Parts::for_document().unwrap())).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let described: BTreeSet<_> = TAGS.iter().map(|(name, _)| *name).collect();
        let mut used = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let summary = operation["summary"].as_str().unwrap_or_default();
                assert!(summary.ends_with('.'), "{path}: {summary:?}");
                used.insert(operation["tags"][0].as_str().unwrap_or_default().to_owned());
            }
        }
        assert!(used.iter().map(String::as_str).eq(described), "{used:?}");
    }
}
