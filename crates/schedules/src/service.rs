//! The scheduler service: the state of its routes and what its jobs run with.

use std::sync::{Arc, OnceLock};

use edge::{Limiter, Rate};
use gateways::{Gateways, webhook::Webhooks};
use jobs::Registry;
use kernel::{Problem, Result};
use store::Db;

use crate::targets::command::Transport;

/// The scheduler service. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    pub(crate) db: Db,
    pub(crate) settings: Arc<config::Schedules>,
    pub(crate) limiter: Limiter,
    /// Requests that change something, per creator.
    pub(crate) rate: Rate,
    /// Delivers to the receivers of schedules.
    pub(crate) webhooks: Webhooks,
    registry: Arc<OnceLock<Registry>>,
    transport: Arc<OnceLock<Arc<dyn Transport>>>,
}

impl Schedules {
    /// The service, as `config` says. It can run nothing before [`Schedules::know`].
    pub fn new(config: &config::Config, db: Db, limiter: Limiter, gateways: &Gateways) -> Self {
        Self {
            db,
            rate: Rate::per_minute(config.schedules.rate_limit_per_minute),
            settings: Arc::new(config.schedules.clone()),
            limiter,
            webhooks: gateways.webhooks.clone(),
            registry: Arc::default(),
            transport: Arc::default(),
        }
    }

    /// Tells which jobs exist: some of them are built on this service, so that it cannot know from the start.
    pub fn know(&self, registry: Registry) {
        let _ = self.registry.set(registry); // the first one stays
    }

    /// Sends the commands of schedules through `transport`. Without one, no schedule can have a command.
    pub fn connect(&self, transport: Arc<dyn Transport>) {
        let _ = self.transport.set(transport); // the first one stays
    }

    /// What carries commands, if something does.
    pub(crate) fn transport(&self) -> Option<&Arc<dyn Transport>> {
        self.transport.get()
    }

    /// Every job there is.
    ///
    /// # Errors
    /// `internal-error` before [`Schedules::know`].
    pub(crate) fn registry(&self) -> Result<&Registry> {
        self.registry.get().ok_or_else(|| Problem::internal("the scheduler service was not told which jobs exist"))
    }
}
