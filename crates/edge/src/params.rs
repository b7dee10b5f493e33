//! Query and path parameters.

use axum::{
    extract::{FromRequestParts, RawPathParams, path::ErrorKind, rejection::PathRejection},
    http::{Uri, request::Parts},
};
use chrono::{DateTime, Datelike, Utc};
use garde::Validate;
use kernel::{Problem, kinds};
use serde::de::DeserializeOwned;

use crate::{Refusal, pointer};

/// The query string. `T` derives `garde::Validate`; what is wrong is `validation-failed` (422) naming the parameter.
///
/// Beside a [`crate::PageQuery`] `T` must not deny unknown fields: both read the same query string.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let value: T = parse_query(&parts.uri)?;
        value.validate().map_err(pointer::from_report)?;
        Ok(Self(value))
    }
}

pub(crate) fn parse_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    if let Some((name, _)) = pairs.clone().find(|(_, value)| is_beyond_calendars(value)) {
        let message = "must be in the years 1 to 9999";
        return Err(Problem::new(&kinds::VALIDATION_FAILED).field(format!("/{name}"), message));
    }
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
        .map_err(|error| pointer::from_serde(error.path(), &error.inner().to_string()))
}

/// Whether it is an instant so far away that neither arithmetic nor Postgres can be trusted with it.
fn is_beyond_calendars(value: &str) -> bool {
    value.parse::<DateTime<Utc>>().is_ok_and(|at| !(1..=9999).contains(&at.year()))
}

/// The path's parameters: one value, a tuple in the order of the path, or a struct by name.
/// What cannot be read (a malformed UUID) is `validation-failed` (422) naming the parameter.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let names = RawPathParams::from_request_parts(parts, state).await;
                let names = names.iter().flatten().map(|(name, _)| name.to_owned()).collect();
                Err(refuse_path(error.into_kind(), names).into())
            }
            Err(error) => Err(Problem::internal(error).into()),
        }
    }
}

fn refuse_path(kind: ErrorKind, names: Vec<String>) -> Problem {
    let (name, message) = match kind {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => (key, format!("must be a {expected_type}")),
        ErrorKind::ParseErrorAtIndex { index, expected_type, .. } => {
            (names.get(index).cloned().unwrap_or_default(), format!("must be a {expected_type}"))
        }
        ErrorKind::ParseError { expected_type, .. } => (names.concat(), format!("must be a {expected_type}")),
        ErrorKind::DeserializeError { key, message, .. } => (key, pointer::without_value(&message)),
        ErrorKind::InvalidUtf8InPathParam { key } => (key, "is not UTF-8".to_owned()),
        ErrorKind::Message(message) if names.len() == 1 => (names.concat(), pointer::without_value(&message)),
        // A handler that asks for other parameters than its route has.
        other => return Problem::internal(other.to_string()),
    };
    Problem::new(&kinds::VALIDATION_FAILED).field(pointer::join("", &name), message)
}
