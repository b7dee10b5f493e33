//! What ties the lines of one request together: its id, and the trace it belongs to.

use std::{convert::Infallible, fmt, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
};
use kernel::Rng;
use uuid::Uuid;

/// Carries the request's id, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Carries the trace context (W3C Trace Context).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The id of a request: the caller's if it is up to 64 letters, digits, `.`, `_` and `-`, else a fresh UUIDv7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_safe(id));
        given.map_or_else(Self::fresh, |id| Self(id.into()))
    }

    fn fresh() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_safe(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// The request's own span in its trace. `Display` writes the `traceparent` to hand on to jobs and outgoing calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceContext {
    /// A new span in the caller's trace, or in a new one.
    pub(crate) fn of(headers: &HeaderMap, rng: &Rng) -> Self {
        let span = u64::from_be_bytes(rng.bytes()).max(1); // all zeroes is not an id
        match headers.get(TRACEPARENT).and_then(|value| parse(value.to_str().ok()?)) {
            Some((trace, flags)) => Self { trace, span, flags },
            None => Self { trace: rng.uuid().as_u128(), span, flags: 0 },
        }
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// The caller's trace and flags, from any version of the header that begins like version 00.
fn parse(text: &str) -> Option<(u128, u8)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version = hex(version, 2)?;
    let (trace, span, flags) = (hex(trace, 32)?, hex(span, 16)?, hex(flags, 2)?);
    let well_formed = version != 0xff && (version != 0 || parts.next().is_none()) && trace != 0 && span != 0;
    // Of the flags only `sampled` is defined for all versions.
    well_formed.then_some((trace, (flags & 1) as u8))
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    valid.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

impl<S: Send + Sync> FromRequestParts<S> for TraceContext {
    type Rejection = crate::Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, crate::Refusal> {
        let known = parts.extensions.get::<Self>().copied();
        Ok(known.ok_or_else(|| kernel::Problem::internal("the route is outside edge::stack"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_safe_request_id_is_kept_and_any_other_replaced() {
        assert_eq!(RequestId::of(&headers(X_REQUEST_ID, "abc-1.2_3")).as_str(), "abc-1.2_3");
        for unsafe_id in ["", "a b", "a\"b", &"x".repeat(65)] {
            let id = RequestId::of(&headers(X_REQUEST_ID, unsafe_id));
            assert!(id.as_str().parse::<Uuid>().is_ok(), "{id}");
        }
    }

    #[test]
    fn a_trace_is_taken_over_with_a_span_of_our_own() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext::of(&headers(TRACEPARENT, given), &Rng::seeded(1));
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let text = trace.to_string();
        assert!(text.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && text.ends_with("-01"), "{text}");
        assert!(!text.contains("00f067aa0ba902b7") && text.len() == given.len(), "{text}");
    }

    #[test]
    fn a_malformed_trace_is_replaced() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    }
}
