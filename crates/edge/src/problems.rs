//! The problem kinds this crate owns.

use kernel::Kind;

/// The key was used for another request.
pub static KEY_REUSED: Kind =
    Kind { slug: "idempotency-key-reused", title: "This Idempotency-Key belongs to a different request", status: 422 };

/// The first request with the key is not finished.
pub static KEY_IN_FLIGHT: Kind = Kind {
    slug: "idempotency-in-flight",
    title: "A request with this Idempotency-Key is still being worked on",
    status: 409,
};

/// The first request with the key committed something, and left no answer.
pub static KEY_ANSWER_LOST: Kind = Kind {
    slug: "idempotency-answer-lost",
    title: "The request with this Idempotency-Key was carried out, but its answer was lost",
    status: 409,
};

/// Every kind of this crate, for the list of problems.
pub static ALL: &[&Kind] = &[&KEY_REUSED, &KEY_IN_FLIGHT, &KEY_ANSWER_LOST];
