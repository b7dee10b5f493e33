//! The check of access tokens and API keys that stands around all routes.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::Refusal;
use kernel::{Actor, Result};

use crate::{Accounts, api_key::PREFIX, problems};

/// For `axum::middleware::from_fn_with_state`: makes the bearer of a valid access token or API key the request's actor.
/// A request without `Authorization: Bearer` passes as nobody's.
///
/// Refuses with `unauthenticated` (401) when the token or key is malformed or expired, its session has ended, or it was revoked. Which of these is
/// in the log; the token is not.
pub async fn authenticate(State(accounts): State<Accounts>, mut request: Request, next: Next) -> Response {
    if let Some(value) = request.headers_mut().get_mut(header::AUTHORIZATION) {
        value.set_sensitive(true); // whoever prints the headers does not print it
    }
    match actor(&accounts, request.headers()).await {
        Ok(Some(actor)) => edge::authenticate(request.extensions_mut(), actor),
        Ok(None) => {}
        Err(problem) => {
            tracing::info!(why = problem.detail_text(), "nobody known");
            return Refusal(problem).into_response();
        }
    }
    next.run(request).await
}

async fn actor(accounts: &Accounts, headers: &HeaderMap) -> Result<Option<Actor>> {
    let Some(token) = bearer(headers)? else {
        return Ok(None);
    };
    if token.starts_with(PREFIX) {
        return accounts.admit_key(token).await.map(Some);
    }
    let claims = accounts.tokens.verify(token, accounts.db.clock().now())?;
    accounts.gate.admit(&accounts.db, &claims).await.map(Some)
}

/// The token, if the header is there and of that scheme (RFC 6750 §2.1; schemes are case-insensitive).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| problems::unauthenticated("the Authorization header is not readable"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &[u8]) -> Result<Option<String>> {
        let value = header::HeaderValue::from_bytes(value).unwrap();
        bearer(&HeaderMap::from_iter([(header::AUTHORIZATION, value)])).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn only_a_bearer_is_looked_at() {
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read(b"Bearer abc").unwrap().as_deref(), Some("abc"));
        assert_eq!(read(b"bearer  abc ").unwrap().as_deref(), Some("abc"));
        assert_eq!(read(b"Bearer").unwrap().as_deref(), Some(""), "an empty token is a wrong one");
        assert_eq!(read(b"Basic abc").unwrap(), None);
        assert!(read(b"Bearer \xff").unwrap_err().is(&kernel::kinds::UNAUTHENTICATED));
    }
}
