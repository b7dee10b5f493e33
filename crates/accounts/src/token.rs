//! Access tokens: JWT, HS256 and nothing else, valid for minutes; time comes from the clock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use kernel::{Result, Rng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{keys::Keys, problems};

const ISSUER: &str = "bookflow";
/// How far the clocks of two processes may disagree, in seconds.
const LEEWAY: i64 = 5;

/// What an access token says. The role is for clients: what a caller may do is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    pub role: String,
    /// Issued at and expires at, in seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    pub iss: String,
    pub jti: Uuid,
}

/// Signs and verifies access tokens.
pub(crate) struct AccessTokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    ttl: Duration,
    rng: Rng,
}

/// Whom a token is for.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub user_id: Uuid,
    pub session_id: Uuid,
    pub role: String,
}

impl AccessTokens {
    pub fn new(keys: &Keys, ttl: Duration, rng: Rng) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.validate_exp = false; // against our clock, not the machine's: see `verify`
        Self {
            signing: EncodingKey::from_secret(&keys.access_token),
            verifying: DecodingKey::from_secret(&keys.access_token),
            validation,
            ttl,
            rng,
        }
    }

    /// How long a token is valid, in seconds.
    pub fn ttl_seconds(&self) -> u64 {
        self.ttl.as_secs()
    }

    /// A token for `subject`, from `now` on.
    pub fn issue(&self, subject: Subject, now: DateTime<Utc>) -> Result<String> {
        let claims = Claims {
            sub: subject.user_id,
            sid: subject.session_id,
            role: subject.role,
            iat: now.timestamp(),
            exp: (now + self.ttl).timestamp(),
            iss: ISSUER.to_owned(),
            jti: self.rng.uuid(),
        };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?)
    }

    /// What a valid token says. Whether its session still lives is not looked at here.
    ///
    /// # Errors
    /// `unauthenticated`, saying only whether it has expired.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        let decoded = decode::<Claims>(token, &self.verifying, &self.validation);
        let claims = decoded.map_err(|_| problems::unauthenticated("the access token is not valid"))?.claims;
        if claims.exp.saturating_add(LEEWAY) <= now.timestamp() {
            return Err(problems::unauthenticated("the access token has expired"));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use kernel::{Rng, Secret};
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    fn tokens(secret: &str) -> AccessTokens {
        let keys = Keys::derive(&Secret::new(secret.to_owned())).unwrap();
        AccessTokens::new(&keys, Duration::from_secs(900), Rng::seeded(1))
    }

    fn subject() -> Subject {
        Subject { user_id: Uuid::from_u128(1), session_id: Uuid::from_u128(2), role: "reader".to_owned() }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_token_is_valid_for_its_time_by_our_clock() {
        let tokens = tokens("secret");
        let token = tokens.issue(subject(), at(0)).unwrap();
        let claims = tokens.verify(&token, at(900 + LEEWAY - 1)).unwrap();
        assert_eq!((claims.sub, claims.sid), (Uuid::from_u128(1), Uuid::from_u128(2)));
        assert_eq!(claims.exp - claims.iat, 900);
        let problem = tokens.verify(&token, at(900 + LEEWAY)).unwrap_err();
        assert_eq!(problem.detail_text(), Some("the access token has expired"));
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let tokens = tokens("secret");
        assert_ne!(tokens.issue(subject(), at(0)).unwrap(), tokens.issue(subject(), at(0)).unwrap());
    }

    #[test]
    fn a_token_of_another_key_algorithm_issuer_or_content_is_refused() {
        let ours = tokens("secret");
        let good = ours.issue(subject(), at(0)).unwrap();
        let foreign = tokens("another").issue(subject(), at(0)).unwrap();
        let claims = ours.verify(&good, at(0)).unwrap();
        let sign = |algorithm, claims: &Claims| encode(&Header::new(algorithm), claims, &ours.signing).unwrap();
        let other_issuer = Claims { iss: "other".to_owned(), ..claims.clone() };
        let parts: Vec<&str> = good.split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let admin = URL_SAFE_NO_PAD
            .encode(serde_json::to_vec(&Claims { role: "system_admin".to_owned(), ..claims.clone() }).unwrap());
        for wrong in [
            foreign,
            sign(Algorithm::HS384, &claims),
            sign(Algorithm::HS256, &other_issuer),
            format!("{none}.{}.", parts[1]),
            format!("{}.{admin}.{}", parts[0], parts[2]),
            format!("{}.{}", parts[0], parts[1]),
            String::new(),
        ] {
            assert!(ours.verify(&wrong, at(0)).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_valid_until_its_time_and_not_after(seconds in -2000..2000_i64, user in any::<u128>(), role in "[a-z_]{1,20}") {
            let tokens = tokens("secret");
            let subject = Subject { user_id: Uuid::from_u128(user), session_id: Uuid::from_u128(2), role: role.clone() };
            let token = tokens.issue(subject, at(0)).unwrap();
            let valid = tokens.verify(&token, at(seconds));
            prop_assert_eq!(valid.is_ok(), seconds < 900 + LEEWAY);
            prop_assert!(valid.is_err() || valid.is_ok_and(|claims| (claims.sub, claims.role) == (Uuid::from_u128(user), role)));
        }

        #[test]
        fn a_token_with_any_character_changed_is_refused(at_char in any::<Index>(), other in "[A-Za-z0-9_.=-]") {
            let tokens = tokens("secret");
            let good = tokens.issue(subject(), at(0)).unwrap();
            let place = at_char.index(good.len());
            let changed = format!("{}{other}{}", &good[..place], &good[place + 1..]);
            prop_assert_eq!(tokens.verify(&changed, at(0)).is_ok(), changed == good, "{}", changed);
            prop_assert!(tokens.verify(&good[..place], at(0)).is_err());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}", parts in vec(vec(any::<u8>(), 0..60), 0..5)) {
            let parts: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
            for wrong in [text, parts.join(".")] {
                prop_assert!(tokens("secret").verify(&wrong, at(0)).is_err());
            }
        }
    }
}
