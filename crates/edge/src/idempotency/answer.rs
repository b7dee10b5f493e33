//! The part of an answer that is kept, and how it is given again.

use std::convert::Infallible;

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, IntoResponseParts, Response, ResponseParts},
};
use kernel::Problem;
use serde_json::{Map, Value};

use super::REPLAYED;
use crate::Refusal;

/// The largest body that is kept, in bytes.
const MAX_BODY: u64 = 256 * 1024;
/// The headers that are part of the answer; the others belong to the request at hand.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// What is kept of an answer in place of its body: the same without what is shown once only. A part of the answer, before
/// the body.
#[derive(Clone, Debug)]
pub struct KeptBody(pub Vec<u8>);

impl IntoResponseParts for KeptBody {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

pub(super) struct Stored {
    pub status: i16,
    pub headers: Value,
    pub body: Vec<u8>,
}

impl Stored {
    /// What to keep of `response`, if anything: not our own faults, nor what a later try may well change (401, 429),
    /// nor streams and large bodies.
    pub async fn take(response: Response) -> (Response, Option<Self>) {
        let status = response.status();
        let passing = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
        let small = response.body().size_hint().exact().is_some_and(|size| size <= MAX_BODY);
        if status.is_server_error() || passing || !small {
            return (response, None);
        }
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, MAX_BODY as usize).await else {
            let lost = Problem::internal("a body of known size could not be read");
            return (Refusal(lost).into_response(), None);
        };
        let text = |name: &HeaderName| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.into()));
        let headers = KEPT.iter().filter_map(text).collect::<Map<_, _>>();
        let body = parts.extensions.get().map_or_else(|| bytes.to_vec(), |KeptBody(kept)| kept.clone());
        let stored = Self { status: status.as_u16() as i16, headers: headers.into(), body };
        (Response::from_parts(parts, Body::from(bytes)), Some(stored))
    }

    /// The same answer again.
    pub fn replay(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        let status = u16::try_from(self.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for name in KEPT {
            let value = self.headers.get(name.as_str()).and_then(Value::as_str);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}
