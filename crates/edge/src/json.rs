//! JSON bodies, in and out.

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequest, OptionalFromRequest, Request},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use garde::Validate;
use kernel::{Problem, kinds};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{Refusal, pointer};

/// A JSON body.
///
/// As an extractor it validates: `T` derives `garde::Validate`, and `deny_unknown_fields` if it should refuse them.
/// Refuses with `unsupported-media-type` (415), `payload-too-large` (413), `malformed-request` (400: not JSON) and
/// `validation-failed` (422: each field by its JSON pointer). `Option<Json<T>>` takes an absent body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE)
                .detail("send Content-Type: application/json")
                .into());
        }
        let bytes = body(request, state).await?;
        let value: T = parse(&bytes)?;
        value.validate().map_err(pointer::from_report)?;
        Ok(Self(value))
    }
}

impl<T, S> OptionalFromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// Reads a part of a body that was taken as plain JSON.
///
/// # Errors
/// `validation-failed` naming the field that is wrong, by its pointer inside of `value`.
pub fn from_value<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| pointer::from_serde(error.path(), &error.inner().to_string()))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The whole body, within the limit that stands for the route.
pub(crate) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status().as_u16() {
        413 => Problem::new(&kinds::PAYLOAD_TOO_LARGE),
        _ => Problem::new(&kinds::MALFORMED).detail("the body could not be read to its end"),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner().classify() {
            Category::Data => pointer::from_serde(error.path(), &error.inner().to_string()),
            Category::Syntax | Category::Eof | Category::Io => not_json(error.inner()),
        })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Says where the JSON breaks off, without repeating any of it.
fn not_json(error: &serde_json::Error) -> Problem {
    let at = format!("the body is not JSON: line {}, column {}", error.line(), error.column());
    Problem::new(&kinds::MALFORMED).detail(at)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use garde::Validate;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[garde(length(min = 1, max = 3), dive)]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[garde(length(min = 2))]
        name: String,
        #[garde(range(min = 1, max = 9))]
        count: u8,
        #[serde(default)]
        #[garde(inner(length(max = 3)))]
        note: Option<String>,
    }

    async fn read(content_type: &str, body: &str) -> Result<Json<Order>, Problem> {
        let request =
            Request::builder().header("content-type", content_type).body(Body::from(body.to_owned())).unwrap();
        <Json<Order> as FromRequest<()>>::from_request(request, &()).await.map_err(|refusal| refusal.0)
    }

    async fn refused(body: &str) -> Problem {
        read("application/json", body).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_good_body_arrives() {
        let Json(order) =
            read("Application/JSON; charset=utf-8", r#"{"items":[{"name":"ab","count":1}]}"#).await.unwrap();
        assert_eq!((order.items[0].name.as_str(), order.items[0].count), ("ab", 1));
        assert_eq!(order.items[0].note, None);
    }

    #[tokio::test]
    async fn every_wrong_field_is_named_by_its_pointer() {
        let body = r#"{"items":[{"name":"ab","count":1},{"name":"a","count":0,"note":"long"}]}"#;
        let problem = refused(body).await;
        assert!(problem.is(&kinds::VALIDATION_FAILED));
        let pointers: BTreeSet<_> = problem.errors().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, BTreeSet::from(["/items/1/count", "/items/1/name", "/items/1/note"]));
    }

    #[tokio::test]
    async fn a_field_that_is_missing_unknown_or_of_another_type_is_named() {
        for (body, pointer, message) in [
            (r#"{"items":[{"name":"ab"}]}"#, "/items/0/count", "is required"),
            ("{}", "/items", "is required"),
            (r#"{"items":[],"extra":1}"#, "/extra", "is not a field that is known here"),
            (r#"{"items":[{"name":"ab","count":1,"a/b":1}]}"#, "/items/0/a~1b", "is not a field that is known here"),
            (r#"{"items":[{"name":"ab","count":"x"}]}"#, "/items/0/count", "is not valid: expected u8"),
        ] {
            let problem = refused(body).await;
            assert!(problem.is(&kinds::VALIDATION_FAILED), "{problem}");
            assert_eq!(problem.errors().len(), 1, "{problem}");
            assert_eq!((&*problem.errors()[0].pointer, &*problem.errors()[0].message), (pointer, message));
        }
    }

    #[tokio::test]
    async fn a_value_in_the_wrong_place_is_never_repeated() {
        for value in ["12345678", "true", r#""hunter2, expected x""#, r#"["hunter2"]"#] {
            let body = format!(r#"{{"items":[{{"name":12345678,"count":{value}}}]}}"#);
            let numbers = format!(r#"{{"items":[{{"name":"ab","count":{value}}}]}}"#);
            for body in [body, numbers] {
                let problem = refused(&body).await;
                let message = &problem.errors()[0].message;
                assert!(message.starts_with("is not valid: expected "), "{message}");
                assert!(!message.contains("hunter2") && !message.contains("12345678"), "{message}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_json_is_malformed_and_other_media_types_are_unsupported() {
        for broken in ["", "{", "hello", r#"{"items":[{"name":"ab","count":1}]} more"#] {
            assert!(refused(broken).await.is(&kinds::MALFORMED), "{broken}");
        }
        for other in ["text/plain", "application/x-www-form-urlencoded", "text/json+xml"] {
            assert!(read(other, "{}").await.unwrap_err().is(&kinds::UNSUPPORTED_MEDIA_TYPE), "{other}");
        }
    }
}
