//! Which catalogue readers search.

use gateways::{Gateways, google_books::GoogleBooks};

/// The catalogue of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Provider {
    /// Google Books, with Postgres behind it.
    Google(Box<GoogleBooks>),
    /// What stands in Postgres.
    BuiltIn,
}

impl Provider {
    /// Google Books if it has a key.
    pub fn choose(gateways: &Gateways) -> Self {
        gateways.google_books.clone().map_or(Self::BuiltIn, |google| Self::Google(Box::new(google)))
    }

    /// For people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Google(_) => "google books",
            Self::BuiltIn => "built-in",
        }
    }
}
