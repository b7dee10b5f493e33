//! The one source of chance: the operating system's in production, a seeded one in tests.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{Rng as _, RngExt as _, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// A cryptographically strong generator, shared and cheap to clone.
#[derive(Clone)]
pub struct Rng(Arc<Mutex<StdRng>>);

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rng")
    }
}

impl Rng {
    /// Seeded from the operating system.
    pub fn system() -> Self {
        #[allow(clippy::disallowed_methods)] // the one place that asks the system for chance
        let rng = StdRng::from_rng(&mut rand::rng());
        Self(Arc::new(Mutex::new(rng)))
    }

    /// The same sequence for the same seed: for tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// An even number in `0.0..1.0`.
    pub fn unit(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// 256 bits as 43 URL-safe characters: for opaque tokens.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A random UUIDv4: for ids that must not be guessed.
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}
