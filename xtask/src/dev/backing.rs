//! Postgres and Redis for `dev`: the user's own if they answer, else private ones that live with `dev`.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use servers::{Durability, Options, Postgres, Program, Redis};

use super::folder;
use super::settings::Settings;
use crate::failure::Outcome;
use crate::install;

/// The folders of the private servers, in the order in which they are stopped.
pub const NAMES: [&str; 2] = ["redis", "postgres"];
const DATABASE: &str = "bookflow";
const PATIENCE: Duration = Duration::from_secs(2);
/// The ports that the private servers take if they are free, so that a client's settings go on working.
const POSTGRES_PORT: u16 = 15_432;
const REDIS_PORT: u16 = 16_379;

/// The servers; those that are ours stop when this is dropped, Redis first.
#[derive(Debug)]
pub struct Backing {
    redis: Option<Redis>,
    postgres: Option<Postgres>,
}

impl Backing {
    /// Starts what the user does not have, installing it when it is missing.
    pub fn start(settings: &Settings) -> Outcome<Backing> {
        let theirs = (has_postgres(settings), has_redis(settings));
        let mut needed = Vec::new();
        if !theirs.0 {
            needed.push(Program::Postgres);
        }
        if !theirs.1 {
            needed.push(Program::Redis);
        }
        install::missing(&needed)?;
        let redis = (!theirs.1).then(|| Redis::start(&folder().join("redis"), options(REDIS_PORT))).transpose()?;
        let postgres =
            (!theirs.0).then(|| Postgres::start(&folder().join("postgres"), options(POSTGRES_PORT))).transpose()?;
        let places = [redis.as_ref().map(Redis::dir), postgres.as_ref().map(Postgres::dir)];
        for dir in places.into_iter().flatten().filter(|dir| !dir.starts_with(folder())) {
            eprintln!("── the server's account cannot reach .dev: its data is in {}", dir.display());
        }
        Ok(Backing { redis, postgres })
    }

    /// The addresses of the private servers.
    pub fn environment(&self) -> Vec<(String, String)> {
        let database = self.postgres.as_ref().map(|postgres| ("DATABASE_URL".to_owned(), postgres.url(DATABASE)));
        let redis = self.redis.as_ref().map(|redis| ("REDIS_URL".to_owned(), redis.url()));
        database.into_iter().chain(redis).collect()
    }
}

fn options(port: u16) -> Options {
    Options { durability: Durability::Durable, port: servers::port_is_free(port).then_some(port) }
}

fn has_postgres(settings: &Settings) -> bool {
    let from_parts = || {
        let (host, port) = (settings.get("DB_HOST_NAME")?, settings.get("DB_PORT"));
        Some(("DB_HOST_NAME", format!("{host}:{}", port.as_deref().unwrap_or("5432"))))
    };
    let url = settings.get("DATABASE_URL");
    let address = url.and_then(|url| address(&url, 5432)).map(|address| ("DATABASE_URL", address));
    // The request for TLS, which every Postgres answers with S or N before asking who is there.
    let hello = [0, 0, 0, 8, 4, 210, 22, 47];
    answers(address.or_else(from_parts), &hello, |answer| b"SN".contains(&answer))
}

fn has_redis(settings: &Settings) -> bool {
    let Some(url) = settings.get("REDIS_URL") else {
        return false;
    };
    let address = address(&url, 6379).map(|address| ("REDIS_URL", address));
    // Behind TLS only the handshake would answer: that somebody listens has to do.
    let hello: &[u8] = if url.starts_with("rediss:") { b"" } else { b"PING\r\n" };
    answers(address, hello, |answer| b"+-".contains(&answer))
}

/// Whether a server that speaks the protocol is there; says so when one was named and is not.
fn answers(named: Option<(&str, String)>, hello: &[u8], expected: fn(u8) -> bool) -> bool {
    let Some((variable, address)) = named else {
        return false;
    };
    let ask = || -> std::io::Result<bool> {
        let address = address.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        if hello.is_empty() {
            return Ok(true);
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(hello)?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(expected(answer[0]))
    };
    let answers = ask().unwrap_or(false);
    if answers {
        eprintln!("── using {variable} ({address})");
    } else {
        eprintln!("── {variable} ({address}) does not answer: using a private server instead");
    }
    answers
}

/// `host:port` of a URL, without the user and the password.
fn address(url: &str, default_port: u16) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    match host {
        "" => None,
        host if has_port => Some(host.to_owned()),
        host => Some(format!("{host}:{default_port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_url_has_neither_user_nor_password() {
        let cases = [
            ("postgres://u:p%40@db.example:6543/x?sslmode=require", Some("db.example:6543")),
            ("postgres://db.example/x", Some("db.example:5432")),
            ("postgres://u@[::1]:6543/x", Some("[::1]:6543")),
            ("postgres://[::1]/x", Some("[::1]:5432")),
            ("postgres:///x", None),
            ("nonsense", None),
        ];
        for (url, expected) in cases {
            assert_eq!(address(url, 5432).as_deref(), expected, "{url}");
        }
    }
}
