//! The parts of the application, wired by hand.

use std::sync::Arc;

use accounts::{Accounts, Foundations};
use books::Books;
use config::Config;
use edge::Limiter;
use executions::Executions;
use gateways::Gateways;
use kernel::{Clock, Problem, Result, Rng};
use notify::Mailer;
use schedules::Schedules;
use store::Db;

use crate::modules;

/// Every service of the application. Cheap to clone; connects to nothing until it is used.
#[derive(Clone)]
pub struct Parts {
    /// The settings.
    pub config: Arc<Config>,
    /// Chance.
    pub rng: Rng,
    /// The database, which knows the clock.
    pub db: Db,
    /// The outside services.
    pub gateways: Gateways,
    /// The rate limits.
    pub limiter: Limiter,
    /// Users, sessions and plans.
    pub accounts: Accounts,
    /// Schedules by API.
    pub schedules: Schedules,
    /// Books and summaries.
    pub books: Books,
    /// What runs, ran and is to run.
    pub executions: Executions,
}

impl Parts {
    /// Wires everything, as `config` says. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// `internal-error` for a setting that nothing could work with, such as a URL that cannot be parsed.
    pub fn new(config: Config) -> Result<Self> {
        Self::with(config, Clock::system(), Rng::system())
    }

    /// [`Parts::new`] with a clock and chance of the caller's.
    ///
    /// # Errors
    /// As [`Parts::new`].
    pub fn with(config: Config, clock: Clock, rng: Rng) -> Result<Self> {
        let db = Db::lazy(&config.database, clock.clone())?;
        Self::over(db, config, rng)
    }

    /// [`Parts::new`] over a database that is open already.
    ///
    /// # Errors
    /// As [`Parts::new`].
    pub fn over(db: Db, config: Config, rng: Rng) -> Result<Self> {
        let config = Arc::new(config);
        let gateways = Gateways::new(&config)?;
        let limiter = Limiter::new(&config.redis, db.clock().clone())?;
        let mailer = Mailer::new(&config, &gateways);
        let foundations = Foundations { db: db.clone(), rng: rng.clone(), mailer, limiter: limiter.clone() };
        let accounts = Accounts::new(&config, foundations)?;
        let books = Books::new(&config, db.clone(), &gateways)?;
        let schedules = Schedules::new(&config, db.clone(), limiter.clone(), &gateways);
        let executions = Executions::new(db.clone());
        let parts = Self { config, rng, db, gateways, limiter, accounts, schedules, books, executions };
        parts.schedules.know(modules::registry(&parts));
        Ok(parts)
    }

    /// Parts whose routes are read but never served: what the API's document is made from.
    ///
    /// # Errors
    /// As [`Parts::new`].
    pub fn for_document() -> Result<Self> {
        let config = Config::read(&|name| {
            let value = match name {
                "APP_SECRET_KEY" => "no request is ever served with this",
                "DATABASE_URL" => "postgres://127.0.0.1/none",
                "REDIS_URL" => "redis://127.0.0.1",
                _ => return None,
            };
            Some(value.to_owned())
        });
        Self::new(config.map_err(Problem::internal)?)
    }
}
