//! `cargo xtask test`: every test, on servers that live as long as the run.

use std::thread;

use servers::{Postgres, Program, Redis, Scratch};

use crate::command::{cargo, cargo_has, finish};
use crate::failure::{Failure, Outcome};
use crate::install;
use crate::signals::Signals;

/// Runs cargo-nextest with `arguments` on the whole workspace, or on the packages that they name.
pub fn run(arguments: &[&str]) -> Outcome {
    let signals = Signals::listen()?;
    require_nextest()?;
    Scratch::sweep();
    let (postgres, redis) = throw_away_servers()?;
    let whole = !arguments.iter().any(|word| ["-p", "--package", "--workspace"].contains(word));
    if whole || arguments.iter().any(|word| ["it", "torture"].contains(word)) {
        // The tests of whole processes start what `cargo build` makes, which nextest alone would not bring up to date.
        finish(cargo(&["build", "--workspace", "--bins"]), &signals)?;
    }
    let mut nextest = cargo(&["nextest", "run"]);
    if whole {
        nextest.arg("--workspace");
    }
    nextest.args(arguments);
    nextest.env("TEST_DATABASE_URL", postgres.url("postgres"));
    nextest.env("TEST_REDIS_URL", redis.url());
    finish(nextest, &signals)
}

fn require_nextest() -> Outcome {
    if cargo_has("nextest") {
        return Ok(());
    }
    Err(Failure::said("cargo-nextest is not installed: run `cargo install --locked cargo-nextest`"))
}

/// Both servers, installed first where they are missing, with PgBouncer, which a test starts itself.
fn throw_away_servers() -> Outcome<(Postgres, Redis)> {
    install::missing(&[Program::Postgres, Program::Redis, Program::PgBouncer])?;
    let (postgres, redis) = thread::scope(|scope| {
        let postgres = scope.spawn(Postgres::throw_away);
        let redis = Redis::throw_away();
        (postgres.join(), redis)
    });
    let postgres = postgres.map_err(|_| Failure::said("starting Postgres panicked"))??;
    Ok((postgres, redis?))
}
