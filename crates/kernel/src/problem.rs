//! The one error type: what a caller is told (RFC 9457), with the cause kept for the log.
//!
//! - An operation that refuses says `Problem::new(&KIND).detail(…)`; each crate owns its kinds in `problems.rs`.
//! - Any other error becomes `internal-error` through `?`. Its cause is kept for the log and never shown.
//! - `store` turns database causes into `unavailable` or into the problem of a named constraint.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use serde::Serialize;
use serde_json::Value;

/// A kind of problem: a stable slug, its title and its HTTP status.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable, kebab-case; the `type` member is `/problems/{slug}`.
    pub slug: &'static str,
    /// A short sentence that does not change from case to case.
    pub title: &'static str,
    /// The HTTP status that it is answered with.
    pub status: u16,
}

/// The kinds that belong to no domain.
pub mod kinds {
    use super::Kind;

    macro_rules! kinds {
        ($($name:ident = $status:literal $slug:literal $title:literal;)+) => {
            $(#[doc = $title] pub static $name: Kind = Kind { slug: $slug, title: $title, status: $status };)+
            /// Every kind of this module, for the list of problems.
            pub static ALL: &[&Kind] = &[$(&$name),+];
        };
    }

    kinds! {
        MALFORMED = 400 "malformed-request" "The request could not be read";
        UNAUTHENTICATED = 401 "unauthenticated" "This needs a valid access token";
        FORBIDDEN = 403 "forbidden" "You may not do this";
        NOT_FOUND = 404 "not-found" "There is nothing here";
        METHOD_NOT_ALLOWED = 405 "method-not-allowed" "This address does not take that method";
        CONFLICT = 409 "conflict" "The request conflicts with the present state";
        PRECONDITION_FAILED = 412 "precondition-failed" "The resource has changed since you read it";
        PAYLOAD_TOO_LARGE = 413 "payload-too-large" "The request body is too large";
        UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type" "The body must be JSON";
        VALIDATION_FAILED = 422 "validation-failed" "Some fields are not valid";
        PRECONDITION_REQUIRED = 428 "precondition-required" "This write needs an If-Match header";
        RATE_LIMITED = 429 "rate-limited" "Too many requests";
        INTERNAL = 500 "internal-error" "Something went wrong on our side";
        UNAVAILABLE = 503 "unavailable" "The service cannot answer right now";
        TIMEOUT = 503 "timeout" "The request took too long";
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// A JSON pointer into the body (`/email`), or `/name` of a query or path parameter.
    pub pointer: String,
    /// What is wrong, as the rest of a sentence that starts with the field's name.
    pub message: String,
}

/// Why something was not done.
///
/// It deliberately does not implement [`Error`], so that every other error converts into it with `?`.
pub struct Problem(Box<Inner>);

struct Inner {
    kind: &'static Kind,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    members: Vec<(&'static str, Value)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem of `kind`.
    pub fn new(kind: &'static Kind) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            members: Vec::new(),
            source: None,
        }))
    }

    /// An `internal-error` with a message for the log only.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(&kinds::INTERNAL).caused_by(cause)
    }

    /// Says what happened in this case. Shown to the caller.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { pointer: pointer.into(), message: message.into() });
        self
    }

    /// When to try again; answered in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Adds an extension member such as `plan`.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.push((member, value.into()));
        self
    }

    /// Keeps the cause for the log. Never shown to the caller.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    /// The same cause under another kind.
    #[must_use]
    pub fn recast(mut self, kind: &'static Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The kind.
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// Whether it is of `kind`.
    pub fn is(&self, kind: &Kind) -> bool {
        self.0.kind.slug == kind.slug
    }

    /// What happened, if it was said.
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// When to try again.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The extension members.
    pub fn members(&self) -> &[(&'static str, Value)] {
        &self.0.members
    }

    /// The cause, for the log.
    pub fn source(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// The first cause in the chain that is an `E`.
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn Error + 'static)> = match self.0.source.as_deref() {
            Some(source) => Some(source),
            None => None,
        };
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Whether trying again later may help: our own faults and those of the services behind us.
    pub fn is_transient(&self) -> bool {
        self.0.kind.status >= 500 || self.0.kind.status == 429
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::internal(error)
    }
}

/// One line for the log: the slug, the detail, the fields, and the chain of causes.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.slug)?;
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        for error in &self.0.errors {
            write!(f, "; {} {}", error.pointer, error.message)?;
        }
        let mut next: Option<&(dyn Error + 'static)> = match self.0.source.as_deref() {
            Some(source) => Some(source),
            None => None,
        };
        let mut last = String::new();
        while let Some(error) = next {
            let text = error.to_string();
            // Many errors repeat their source's text in their own.
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            next = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_an_internal_problem_that_keeps_its_cause() {
        let problem = Problem::from(std::io::Error::other("disk on fire"));
        assert!(problem.is(&kinds::INTERNAL) && problem.is_transient());
        assert!(problem.cause::<std::io::Error>().is_some());
        assert_eq!(problem.to_string(), "internal-error: disk on fire");
    }

    #[test]
    fn a_refusal_names_its_fields() {
        let problem = Problem::new(&kinds::VALIDATION_FAILED).field("/email", "is not an address");
        assert_eq!(problem.to_string(), "validation-failed; /email is not an address");
        assert!(!problem.is_transient());
    }
}
