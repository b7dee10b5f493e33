//! The API's document.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Accepted, IdempotencyKey, IfMatch, IfMatchHeader, Json, PageQuery, Paged, Path, Query, Reply};

#[derive(serde::Deserialize, garde::Validate, utoipa::ToSchema)]
struct NewThing {
    #[garde(length(max = 9))]
    name: String,
}

#[derive(serde::Serialize, utoipa::ToSchema)]
struct Thing {
    name: String,
}

#[derive(serde::Deserialize, garde::Validate, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is read")]
struct Filter {
    #[garde(skip)]
    q: Option<String>,
}

#[utoipa::path(get, path = "/things", tag = "things", params(Filter, PageQuery), security(()),
    responses((status = 200, body = Paged<Thing>)))]
async fn list(_: Query<Filter>, page: PageQuery) -> Reply<Paged<Thing>> {
    Ok(page.answer(kernel::Page { items: vec![], next_cursor: None }))
}

#[utoipa::path(post, path = "/things", tag = "things", params(IdempotencyKey), request_body = NewThing,
    responses((status = 202, body = Thing), (status = 403, description = "no quota left")))]
async fn create(Json(new): Json<NewThing>) -> Reply<Accepted<Thing>> {
    Ok(Accepted { location: "/tasks/1".into(), body: Thing { name: new.name } })
}

#[utoipa::path(put, path = "/things/{id}", tag = "things", params(("id" = uuid::Uuid, Path), IfMatchHeader),
    request_body = NewThing, responses((status = 200, body = Thing)))]
async fn change(Path(id): Path<kernel::BookId>, _: IfMatch, Json(new): Json<NewThing>) -> Json<Thing> {
    Json(Thing { name: format!("{id} {}", new.name) })
}

mod other {
    #[utoipa::path(get, path = "/others", tag = "others", responses((status = 200)))]
    pub async fn list() {}
}

fn document() -> Value {
    let routes = OpenApiRouter::<()>::new().routes(routes!(list, create)).routes(routes!(change));
    let (_, api) = routes.routes(routes!(other::list)).split_for_parts();
    serde_json::to_value(crate::document(api)).unwrap()
}

#[test]
fn every_operation_has_its_refusals_and_an_id_of_its_own() {
    let api = document();
    let mut ids = BTreeSet::new();
    for item in api["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
            for status in ["400", "401", "404", "422", "429", "500", "503"] {
                let content = &operation["responses"][status]["content"]["application/problem+json"];
                assert_eq!(content["schema"]["$ref"], "#/components/schemas/ProblemDetails", "{status}");
            }
        }
    }
    let wanted = ["others_list", "things_change", "things_create", "things_list"];
    assert_eq!(ids.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

#[test]
fn refusals_follow_from_what_an_operation_takes_and_its_own_stay() {
    let api = document();
    let of = |path: &str, method: &str| api["paths"][path][method]["responses"].clone();
    let create = of("/things", "post");
    assert_eq!(create["403"]["description"], "no quota left");
    assert!(create["413"].is_object() && create["415"].is_object() && create["409"].is_object());
    let change = of("/things/{id}", "put");
    assert!(change["412"].is_object() && change["428"].is_object() && change["409"].is_null());
    let list = of("/things", "get");
    assert!(list["413"].is_null() && list["428"].is_null());
}

#[test]
fn the_document_says_who_may_call_and_what_a_page_is() {
    let api = document();
    assert_eq!(api["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(api["security"][0]["bearer"].is_array());
    assert_eq!(api["paths"]["/things"]["get"]["security"], serde_json::json!([{}]));
    assert!(api["paths"]["/things"]["post"]["security"].is_null());

    let parameters = api["paths"]["/things"]["get"]["parameters"].as_array().unwrap();
    let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").unwrap();
    assert_eq!((&limit["in"], &limit["required"]), (&"query".into(), &false.into()));
    assert_eq!((&limit["schema"]["minimum"], &limit["schema"]["maximum"]), (&1.into(), &200.into()));
    assert_eq!(parameters.iter().map(|p| p["name"].as_str().unwrap()).collect::<Vec<_>>(), ["q", "limit", "cursor"]);

    let page = &api["components"]["schemas"]["Paged_Thing"];
    assert_eq!(page["properties"]["items"]["items"]["properties"]["name"]["type"], "string");
    assert_eq!(page["required"], serde_json::json!(["items", "next_cursor"]));
    let problem = &api["components"]["schemas"]["ProblemDetails"];
    assert_eq!(problem["required"], serde_json::json!(["type", "title", "status"]));
    assert_eq!(problem["properties"]["detail"]["type"], "string", "absent, never null");
}
