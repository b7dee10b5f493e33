//! The kinds of problems that accounts own.

use kernel::{Kind, Problem};

/// The address belongs to an account already.
pub static EMAIL_TAKEN: Kind = Kind { slug: "email-taken", title: "This address has an account already", status: 409 };
/// Wrong password, or no such account: which one is not told.
pub static INVALID_CREDENTIALS: Kind =
    Kind { slug: "invalid-credentials", title: "The address or the password is wrong", status: 401 };
/// The password is right, but the address was never confirmed.
pub static EMAIL_NOT_VERIFIED: Kind =
    Kind { slug: "email-not-verified", title: "The address is not confirmed yet", status: 403 };
/// The one-time code is wrong, used, expired, replaced, or was tried too often: which one is not told.
pub static INVALID_CODE: Kind =
    Kind { slug: "invalid-code", title: "The code is wrong or no longer valid", status: 422 };
/// The refresh token is unknown, expired, used already, or its session has ended.
pub static INVALID_REFRESH_TOKEN: Kind =
    Kind { slug: "invalid-refresh-token", title: "The refresh token is not valid; log in again", status: 401 };
/// The plan's limit for the period is reached. Members: `plan`, `feature`, `limit`, `used`, `period_ends_at`.
pub static USAGE_LIMIT_REACHED: Kind =
    Kind { slug: "usage-limit-reached", title: "The limit of your plan is reached", status: 403 };
/// The reader's one trial was requested or used before.
pub static TRIAL_USED: Kind = Kind { slug: "trial-used", title: "The trial can be had only once", status: 409 };
/// Trials are for readers on the free plan.
pub static TRIAL_NOT_FREE: Kind =
    Kind { slug: "trial-not-free", title: "Trials are for readers on the free plan", status: 409 };
/// The owner has another key of that name which is not revoked.
pub static API_KEY_NAME_TAKEN: Kind =
    Kind { slug: "api-key-name-taken", title: "You have an API key of this name already", status: 409 };
/// A revoked key stays what it was.
pub static API_KEY_REVOKED: Kind = Kind { slug: "api-key-revoked", title: "The API key is revoked", status: 409 };

/// All of them, for the list of problems.
pub static ALL: &[&Kind] = &[
    &EMAIL_TAKEN,
    &INVALID_CREDENTIALS,
    &EMAIL_NOT_VERIFIED,
    &INVALID_CODE,
    &INVALID_REFRESH_TOKEN,
    &USAGE_LIMIT_REACHED,
    &TRIAL_USED,
    &TRIAL_NOT_FREE,
    &API_KEY_NAME_TAKEN,
    &API_KEY_REVOKED,
];

pub(crate) fn invalid_credentials() -> Problem {
    Problem::new(&INVALID_CREDENTIALS)
}

pub(crate) fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(&kernel::kinds::UNAUTHENTICATED).detail(detail)
}

/// The caller's account went away between the check of the token and the operation.
pub(crate) fn account_gone() -> Problem {
    unauthenticated("the account does not exist any more")
}
