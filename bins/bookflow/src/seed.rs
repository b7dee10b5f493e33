//! `bookflow seed`: what a development machine needs to be tried out.

use accounts::DemoLogin;
use clap::Args;
use config::Config;
use kernel::{Problem, Result, kinds};
use serde::Serialize;

use crate::{output::table, session::Session};

/// How careful to be.
#[derive(Args)]
pub struct Seed {
    /// Make the demo logins also where readers or the database are on another machine
    #[arg(long)]
    demo: bool,
}

#[derive(Serialize)]
struct Seeded {
    logins: Vec<DemoLogin>,
}

/// Fills in the built-in catalogue and the demo logins. Running it again changes nothing.
pub async fn run(session: &Session, seed: Seed) -> Result<()> {
    let parts = &session.parts;
    allow(&parts.config, &seed)?;
    books::seed(&parts.db).await?;
    let logins = accounts::seed(&parts.db, &parts.rng).await?;
    session.output.print(&Seeded { logins }, |seeded| {
        let row = |login: &DemoLogin| [login.role, login.email, login.password].map(str::to_owned);
        let rows: Vec<_> = seeded.logins.iter().map(row).collect();
        table(["ROLE", "EMAIL", "PASSWORD"], &rows)
    })
}

/// The demo logins have passwords that everybody knows.
fn allow(config: &Config, seed: &Seed) -> Result<()> {
    if seed.demo || config.is_local() {
        return Ok(());
    }
    Err(Problem::new(&kinds::FORBIDDEN).detail(
        "demo logins have passwords that everybody knows, and PUBLIC_URL or the database is not on this machine; \
         `bookflow seed --demo` makes them all the same",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(public_url: &str, database: &str, seed: &Seed) -> bool {
        let config = Config::read(&|name| {
            let value = match name {
                "APP_SECRET_KEY" => "0123456789abcdef0123456789abcdef",
                "DATABASE_URL" => database,
                "REDIS_URL" => "redis://localhost",
                "PUBLIC_URL" => public_url,
                _ => return None,
            };
            Some(value.to_owned())
        });
        allow(&config.unwrap(), seed).is_ok()
    }

    #[test]
    fn demo_logins_stay_on_this_machine_unless_they_are_asked_for() {
        let (here, db) = ("http://127.0.0.1:10000", "postgres://b@127.0.0.1/b");
        let careful = Seed { demo: false };
        assert!(allowed(here, db, &careful));
        assert!(allowed(here, "postgres:///b?host=/run/postgresql", &careful));
        let away = "postgres://b@db.example/b";
        for (public_url, database) in [("http://books.example", db), ("https://books.example", db), (here, away)] {
            assert!(!allowed(public_url, database, &careful), "{public_url} {database}");
            assert!(allowed(public_url, database, &Seed { demo: true }));
        }
    }
}
