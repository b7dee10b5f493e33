//! Throw-away servers to test against by hand: prints their URLs as shell exports, keeps them until its input ends (Ctrl-D).

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::io;

use servers::{Error, Postgres, Redis, Scratch};

fn main() -> Result<(), Error> {
    Scratch::sweep();
    servers::install(&servers::missing())?;
    let (postgres, redis) = (Postgres::throw_away()?, Redis::throw_away()?);
    println!("# postgres {} {}", postgres.pid(), postgres.dir().display());
    println!("# redis {} {}", redis.pid(), redis.dir().display());
    println!("export TEST_DATABASE_URL={}", postgres.url("postgres"));
    println!("export TEST_REDIS_URL={}", redis.url());
    let _ = io::copy(&mut io::stdin(), &mut io::sink()); // an input that fails has ended too
    Ok(())
}
