//! Passwords: Argon2id, computed off the async threads and only so many at a time.

use std::{fmt, num::NonZero, sync::Arc, thread};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use kernel::{Problem, Result, Rng};
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// 19 MiB, two passes, one lane: the least that OWASP's password storage cheat sheet recommends.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Characters of a password.
const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 128;

/// Belongs to no account: what is checked when there is none, so that the answer takes as long.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Ym9va2Zsb3ctbm9ib2R5IQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password as it came in. Never prints itself.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "password", min_length = 8, max_length = 128, example = "correct horse battery")]
pub struct Password(String);

impl Password {
    /// Wraps a password that came from elsewhere than a request.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl garde::Validate for Password {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if !(MIN_CHARS..=MAX_CHARS).contains(&self.0.chars().count()) {
            let message = format!("must have {MIN_CHARS} to {MAX_CHARS} characters");
            report.append(parent(), garde::Error::new(message));
        }
    }
}

/// Hashes and verifies, as many at a time as there are cores: each one takes a core and 19 MiB.
#[derive(Clone)]
pub(crate) struct Hasher {
    permits: Arc<Semaphore>,
    rng: Rng,
}

impl Hasher {
    pub fn new(rng: Rng) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self { permits: Arc::new(Semaphore::new(cores)), rng }
    }

    /// The hash to store, in PHC format with its own salt.
    pub async fn hash(&self, password: &Password) -> Result<String> {
        let (password, salt) = (password.clone(), self.rng.bytes::<16>());
        self.off_thread(move || {
            let hash: Result<PasswordHash, _> = argon2()?.hash_password_with_salt(password.0.as_bytes(), &salt);
            Ok(hash.map_err(|error| Problem::internal(error.to_string()))?.to_string())
        })
        .await
    }

    /// Whether the password is the one of `hash`; without a hash, or with an empty one, it is not, and that takes as long.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool> {
        let hash = hash.filter(|hash| !hash.is_empty());
        let (password, known) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or(NOBODYS_HASH).to_owned();
        self.off_thread(move || {
            let same = argon2()?.verify_password(password.0.as_bytes(), hash.as_str()).is_ok();
            Ok(known && same)
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit; // given back when the core is free, also when the caller has gone away
            work()
        })
        .await?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use garde::Validate;

    use super::*;

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_only() {
        let hasher = Hasher::new(Rng::seeded(1));
        let password = Password::new("correct horse");
        let hash = hasher.hash(&password).await.unwrap();
        assert_ne!(hash, hasher.hash(&password).await.unwrap(), "each hash has its own salt");
        assert!(hasher.verify(&password, Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&Password::new("correct horsf"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&password, None).await.unwrap());
        assert!(!hasher.verify(&password, Some("")).await.unwrap());
    }

    /// An unknown account costs what a known one costs only if the dummy hash has the same parameters.
    #[tokio::test]
    async fn nobodys_hash_is_as_dear_as_a_real_one() {
        let real = Hasher::new(Rng::seeded(1)).hash(&Password::new("password")).await.unwrap();
        let (real, dummy) = (PasswordHash::new(&real).unwrap(), PasswordHash::new(NOBODYS_HASH).unwrap());
        assert_eq!(real.algorithm, dummy.algorithm);
        assert_eq!(real.version, dummy.version);
        assert_eq!(real.params, dummy.params);
        assert_eq!(real.hash.unwrap().len(), dummy.hash.unwrap().len());
        assert_eq!(real.salt.unwrap().len(), dummy.salt.unwrap().len());
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        for (text, valid) in [("ä".repeat(8), true), ("a".repeat(7), false), ("ä".repeat(128), true)] {
            assert_eq!(Password::new(text.clone()).validate().is_ok(), valid, "{text}");
        }
        assert!(Password::new("a".repeat(129)).validate().is_err());
    }
}
