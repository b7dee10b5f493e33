//! Versions of resources: `ETag`, `If-Match` for writes, and 304 for reads.

use axum::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponseParts, Response, ResponseParts},
};
use kernel::{Problem, kinds};
use utoipa::IntoParams;

use crate::Refusal;

/// The entity tag of a row's version: `"7"`. Part of an answer: `Ok((ETag(row.version), Json(view)))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag(pub i64);

/// The entity tag of a row whose answer also shows what changes without a new version, such as counters: `"7-1f2e3d4c"`. As
/// [`IfMatch`] it counts as its version; as `If-None-Match` only for the very same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentTag {
    version: i64,
    digest: u64,
}

impl ContentTag {
    /// The tag of `content` at `version`.
    pub fn of(version: i64, content: &[u8]) -> Self {
        let bytes = content.iter().map(|byte| u64::from(*byte));
        // FNV-1a: nobody gains anything by two answers of their own with one tag.
        let digest = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ byte).wrapping_mul(0x0100_0000_01b3));
        Self { version, digest }
    }
}

impl IntoResponseParts for ContentTag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let tag = HeaderValue::from_str(&format!("\"{}-{:016x}\"", self.version, self.digest));
        parts.headers_mut().extend(tag.ok().map(|tag| (header::ETAG, tag)));
        Ok(parts)
    }
}

/// The entity tag of `version` as a header value.
pub fn etag(version: i64) -> HeaderValue {
    // A quoted number is always a valid header value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

impl IntoResponseParts for ETag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.headers_mut().insert(header::ETAG, etag(self.0));
        Ok(parts)
    }
}

/// Which version the caller wants to change.
///
/// As an extractor refuses with `precondition-required` (428) when the header is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever version there is.
    Any,
    /// One of these versions; empty when none of the tags is one of ours.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Demands that `current` is a version the caller has seen. Check it in the transaction that writes.
    ///
    /// # Errors
    /// `precondition-failed` (412).
    pub fn check(&self, current: i64) -> Result<(), Problem> {
        match self {
            Self::Versions(seen) if !seen.contains(&current) => Err(Problem::new(&kinds::PRECONDITION_FAILED)),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let tags = tags(&parts.headers, &header::IF_MATCH);
        if tags.is_empty() {
            return Err(Problem::new(&kinds::PRECONDITION_REQUIRED).into());
        }
        if tags.contains(&"*") {
            return Ok(Self::Any);
        }
        // If-Match compares strongly: a weak tag (`W/"7"`) never matches (RFC 9110 §13.1.1).
        Ok(Self::Versions(tags.into_iter().filter_map(version).collect()))
    }
}

/// `Option<IfMatch>` demands nothing of a caller who names no version.
impl<S: Send + Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        if tags(&parts.headers, &header::IF_MATCH).is_empty() {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

/// The header's line in the API's document: `#[utoipa::path(params(IfMatchHeader))]`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is read")]
pub struct IfMatchHeader {
    /// The `ETag` of the version that you have seen.
    #[param(rename = "If-Match", example = "\"7\"")]
    if_match: String,
}

/// Answers 304 without a body when the caller already has what would be sent.
pub(crate) async fn not_modified(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = reads.then(|| request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>());
    let mut response = next.run(request).await;
    let Some(known) = known.filter(|known| !known.is_empty() && response.status() == StatusCode::OK) else {
        return response;
    };
    let headers = known.into_iter().map(|value| (header::IF_NONE_MATCH, value)).collect::<HeaderMap>();
    let current = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(weakly);
    let same = |tag: &str| tag == "*" || Some(weakly(tag)) == current;
    if current.is_some() && tags(&headers, &header::IF_NONE_MATCH).into_iter().any(same) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|tag| !tag.is_empty()).collect()
}

fn version(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    tag.split_once('-').map_or(tag, |(version, _)| version).parse().ok()
}

fn weakly(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use axum::{http::Request, response::IntoResponse as _};
    use futures::FutureExt as _;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn read(values: Vec<HeaderValue>) -> Result<IfMatch, Refusal> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers = values.into_iter().map(|value| (header::IF_MATCH, value)).collect();
        let read = <IfMatch as FromRequestParts<()>>::from_request_parts(&mut parts, &()).now_or_never();
        read.expect("it waits for nothing")
    }

    proptest! {
        #[test]
        fn a_version_is_matched_by_its_own_tags_alone(version in 0..=i64::MAX, other in 0..=i64::MAX, content in vec(any::<u8>(), 0..40)) {
            let response = (ContentTag::of(version, &content), ()).into_response();
            for tag in [etag(version), response.headers()[header::ETAG].clone()] {
                let seen = read(vec![etag(other), tag.clone()]).unwrap();
                prop_assert!(seen.check(version).is_ok() && seen.check(other).is_ok(), "{:?}", tag);
                prop_assert_eq!(read(vec![tag]).unwrap().check(other).is_ok(), other == version);
            }
        }

        #[test]
        fn any_header_is_read_and_matches_nothing_that_it_does_not_name(
            bytes in prop_oneof![vec(any::<u8>(), 0..60), r#"(W/)?"?-?[0-9]{0,22}"?(-[0-9a-f]{0,4}"?)?(, ?"[0-9]")?"#.prop_map(String::into_bytes)],
            version in 10..i64::MAX,
        ) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            match read(vec![value]) {
                Ok(IfMatch::Any) => prop_assert!(bytes.contains(&b'*')),
                Ok(seen) => {
                    let named = String::from_utf8_lossy(&bytes).contains(&version.to_string());
                    prop_assert!(seen.check(version).is_err() || named);
                }
                Err(_) => prop_assert!(!bytes.iter().any(|byte| byte.is_ascii_graphic() && *byte != b',') || !bytes.is_ascii()),
            }
        }
    }
}
