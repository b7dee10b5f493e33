//! What every operation of the API's document has in common.

use std::collections::BTreeSet;

use kernel::{Kind, kinds};
use utoipa::{
    PartialSchema as _, ToSchema,
    openapi::{
        Components, Content, OpenApi, Ref, RefOr, Response,
        path::{Operation, PathItem},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    problems,
    refusal::{InvalidField, PROBLEM_JSON, ProblemDetails},
};

/// The name of the security scheme.
pub const BEARER: &str = "bearer";

/// Refusals that any operation may answer with.
static ALWAYS: &[&Kind] = &[
    &kinds::MALFORMED,
    &kinds::UNAUTHENTICATED,
    &kinds::FORBIDDEN,
    &kinds::NOT_FOUND,
    &kinds::VALIDATION_FAILED,
    &kinds::RATE_LIMITED,
    &kinds::INTERNAL,
    &kinds::UNAVAILABLE,
];
static WITH_BODY: &[&Kind] = &[&kinds::PAYLOAD_TOO_LARGE, &kinds::UNSUPPORTED_MEDIA_TYPE];
static WITH_IF_MATCH: &[&Kind] = &[&kinds::PRECONDITION_FAILED, &kinds::PRECONDITION_REQUIRED];
static WITH_KEY: &[&Kind] = &[&problems::KEY_IN_FLIGHT];

/// Completes the document: the problem schema and responses, the bearer scheme, and ids that are unique.
///
/// An operation needs a token unless it says `security(())`. A response that a handler declared itself stays.
/// An operation id is the handler's name, with the first tag before it: `books_list`.
pub fn document(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemDetails::name().into_owned(), ProblemDetails::schema());
    components.schemas.insert(InvalidField::name().into_owned(), InvalidField::schema());
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("An access token from `POST /api/v1/auth/login`, or an API key (`bf_…`).".to_owned());
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    api.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);

    let mut ids = BTreeSet::new();
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        name(operation, &mut ids);
        refuse(operation);
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    all.into_iter().flatten()
}

/// The tag and the handler's name, and a number should that be taken.
fn name(operation: &mut Operation, taken: &mut BTreeSet<String>) {
    let handler = operation.operation_id.take().unwrap_or_else(|| "operation".to_owned());
    let tag = operation.tags.iter().flatten().next();
    let wanted = tag.map_or_else(|| handler.clone(), |tag| format!("{tag}_{handler}"));
    let mut id = wanted.clone();
    let mut number = 1;
    while !taken.insert(id.clone()) {
        number += 1;
        id = format!("{wanted}_{number}");
    }
    operation.operation_id = Some(id);
}

fn refuse(operation: &mut Operation) {
    let sends = |header: &str| {
        let parameters = operation.parameters.iter().flatten();
        parameters.into_iter().any(|parameter| matches!(parameter, RefOr::T(p) if p.name == header))
    };
    let mut refusals = ALWAYS.to_vec();
    for (applies, kinds) in [
        (operation.request_body.is_some(), WITH_BODY),
        (sends("If-Match"), WITH_IF_MATCH),
        (sends("Idempotency-Key"), WITH_KEY),
    ] {
        refusals.extend(kinds.iter().filter(|_| applies));
    }
    for kind in refusals {
        let declared = &mut operation.responses.responses;
        declared.entry(kind.status.to_string()).or_insert_with(|| RefOr::T(response(kind)));
    }
}

fn response(kind: &Kind) -> Response {
    let details = Ref::from_schema_name(ProblemDetails::name());
    let mut response = Response::new(kind.title);
    response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(Content::new(Some(details))));
    response
}
