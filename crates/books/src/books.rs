//! The services of this domain.

use chrono::TimeDelta;
use config::Config;
use gateways::{Gateways, cloudinary::Cloudinary};
use kernel::{ExecutionId, Result, UserId};
use std::time::Duration;
use store::Db;

use crate::{catalogue::Provider, summariser::Summariser, summary};

/// The state of the routes of this domain, and what its jobs run with. Cheap to clone.
#[derive(Clone)]
pub struct Books {
    pub(crate) db: Db,
    pub(crate) provider: Provider,
    pub(crate) summariser: Summariser,
    pub(crate) covers: Option<Cloudinary>,
    /// How long an answer of an outside catalogue serves alone.
    pub(crate) ttl: TimeDelta,
    /// How long after the request a summary is made.
    pub(crate) delay: Duration,
}

impl Books {
    /// The services, as `config` says.
    ///
    /// # Errors
    /// `internal-error` when a duration does not fit.
    pub fn new(config: &Config, db: Db, gateways: &Gateways) -> Result<Self> {
        Ok(Self {
            db,
            provider: Provider::choose(gateways),
            summariser: Summariser::choose(gateways),
            covers: gateways.cloudinary.clone(),
            ttl: TimeDelta::from_std(config.catalogue.cache_ttl)?,
            delay: config.summarizer.delay,
        })
    }

    /// Who makes summaries.
    pub fn summariser(&self) -> &Summariser {
        &self.summariser
    }

    /// Which catalogue readers search, for people.
    pub fn catalogue(&self) -> &'static str {
        self.provider.name()
    }

    /// Whether `reader` asked for what `execution` makes: many readers wait for one execution, and each may watch it.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away.
    pub async fn may_watch(&self, reader: UserId, execution: ExecutionId) -> Result<bool> {
        summary::may_watch(&self.db, reader, execution).await
    }
}
