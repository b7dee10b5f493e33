//! The outside services: one module for each, and nothing else in the project speaks to them.
//!
//! Every call is bounded in time, tries transient failures again a few times (webhooks once: their jobs have the
//! patience), and answers a [`kernel::Problem`] that says by [`kernel::Problem::is_transient`] whether trying later can
//! help. Keys travel in headers only; no key, address, body or URL ever reaches an error or the log.

mod answer;
pub mod cloudinary;
pub mod gemini;
pub mod google_books;
mod http;
pub mod openai;
pub mod problems;
pub mod smtp;
pub mod webhook;

#[cfg(test)]
mod fake;

use config::Config;
use kernel::Result;

pub use http::Fetched;

/// The services this process may speak to; an absent one is not configured. Cheap to clone.
#[derive(Clone)]
pub struct Gateways {
    /// Mail, into a folder or to a server.
    pub mail: smtp::Smtp,
    /// The book catalogue of Google.
    pub google_books: Option<google_books::GoogleBooks>,
    /// Google's model.
    pub gemini: Option<gemini::Gemini>,
    /// Any model behind an OpenAI-compatible endpoint.
    pub openai: Option<openai::OpenAi>,
    /// Delivery of cover images.
    pub cloudinary: Option<cloudinary::Cloudinary>,
    /// Deliveries to the receivers of schedules.
    pub webhooks: webhook::Webhooks,
}

impl Gateways {
    /// Builds what is configured. Nothing is contacted yet.
    ///
    /// # Errors
    /// `internal-error` for a setting that no service could work with, such as a sender that is not an address.
    pub fn new(config: &Config) -> Result<Self> {
        let client = http::client()?;
        let summarizer = &config.summarizer;
        Ok(Self {
            mail: smtp::Smtp::new(&config.mail)?,
            google_books: (config.catalogue.google_books_key.as_ref())
                .map(|key| google_books::GoogleBooks::new(&client, &config.catalogue.google_books_url, key))
                .transpose()?,
            gemini: (summarizer.gemini_key.as_ref())
                .map(|key| gemini::Gemini::new(&client, summarizer, key))
                .transpose()?,
            openai: (summarizer.openai_url.as_ref())
                .map(|url| openai::OpenAi::new(&client, summarizer, url))
                .transpose()?,
            cloudinary: config.cloudinary.as_ref().map(cloudinary::Cloudinary::new),
            webhooks: webhook::Webhooks::new(config)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(extra: &[(&str, &str)]) -> Config {
        let required = [
            ("APP_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("DATABASE_URL", "postgres://b@localhost/b"),
            ("REDIS_URL", "redis://localhost"),
        ];
        let find =
            |name: &str| required.iter().chain(extra).find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        Config::read(&find).unwrap()
    }

    fn gateways(extra: &[(&str, &str)]) -> Result<Gateways> {
        Gateways::new(&settings(extra))
    }

    #[test]
    fn what_has_no_key_is_absent() {
        let none = gateways(&[]).unwrap();
        assert!(none.google_books.is_none() && none.gemini.is_none() && none.openai.is_none());
        assert!(none.cloudinary.is_none());
        let all = gateways(&[
            ("GOOGLE_BOOKS_API_KEY", "k"),
            ("GOOGLE_API_KEY", "k"),
            ("SUMMARIZER_URL", "http://127.0.0.1:11434/v1"),
            ("CLOUDINARY_CLOUD_NAME", "c"),
            ("CLOUDINARY_API_SECRET", "s"),
        ])
        .unwrap();
        assert!(all.google_books.is_some() && all.gemini.is_some() && all.openai.is_some());
        assert!(all.cloudinary.is_some());
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_being_repeated() {
        let mut config = settings(&[]);
        config.summarizer.gemini_key = Some(kernel::Secret::new("hun\nter2".to_owned()));
        let problem = Gateways::new(&config).err().unwrap();
        assert!(problem.to_string().contains("Gemini") && !problem.to_string().contains("ter2"), "{problem}");
    }
}
