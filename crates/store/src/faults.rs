//! What a database error means to a caller.

use std::time::Duration;

use kernel::{Kind, Problem, kinds};
use sea_orm::{DbErr, RuntimeErr};

/// Makes an outage `unavailable`; leaves refusals and other errors as they are.
pub fn classify(problem: Problem) -> Problem {
    if problem.is(&kinds::INTERNAL) && (is_connection_loss(&problem) || is_retryable(&problem)) {
        return problem.recast(&kinds::UNAVAILABLE).retry_after(Duration::from_secs(1));
    }
    problem
}

/// Turns the violation of the constraint `name` into a problem of `kind`; for `map_err`.
pub fn on_constraint(name: &'static str, kind: &'static Kind) -> impl Fn(Problem) -> Problem {
    move |problem| {
        if constraint(&problem).as_deref() == Some(name) { Problem::new(kind) } else { problem }
    }
}

/// The name of the constraint that was violated, if that is what happened.
pub fn constraint(problem: &Problem) -> Option<String> {
    with_sqlx(problem, |error| error.as_database_error()?.constraint().map(str::to_owned)).flatten()
}

/// A serialization failure (40001) or a deadlock (40P01): the transaction may succeed when it is run again.
pub fn is_retryable(problem: &Problem) -> bool {
    code(problem).is_some_and(|code| code == "40001" || code == "40P01")
}

/// A lock was waited for longer than `lock_timeout` (55P03).
pub fn is_lock_timeout(problem: &Problem) -> bool {
    code(problem).is_some_and(|code| code == "55P03")
}

/// Postgres cannot be reached, went away, is starting or stopping, is read-only or full, or the pool is exhausted.
pub fn is_connection_loss(problem: &Problem) -> bool {
    if let Some(DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) = problem.cause::<DbErr>() {
        return true;
    }
    let lost = with_sqlx(problem, |error| {
        matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        )
    });
    // Classes 08 (connection), 53 (resources), 57P (shutdown, starting up); 25006: read-only while failing over.
    let by_code = code(problem)
        .is_some_and(|c| c.starts_with("08") || c.starts_with("53") || c.starts_with("57P") || c == "25006");
    lost == Some(true) || by_code
}

fn code(problem: &Problem) -> Option<String> {
    with_sqlx(problem, |error| Some(error.as_database_error()?.code()?.into_owned())).flatten()
}

fn with_sqlx<T>(problem: &Problem, look: impl Fn(&sqlx::Error) -> T) -> Option<T> {
    if let Some(
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)),
    ) = problem.cause::<DbErr>()
    {
        return Some(look(e));
    }
    problem.cause::<sqlx::Error>().map(look)
}
