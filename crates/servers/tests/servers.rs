//! Real servers: they start, answer, come back on their port, and end with their owner.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use servers::{Durability, Options, Postgres, Redis, Scratch, Shutdown, Signal};

const DURABLE: Options = Options { durability: Durability::Durable, port: None };

fn ask_redis(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    if line.starts_with('$') && line.trim() != "$-1" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    line.trim().to_owned()
}

/// Whether the user may enter the database: the server's answer to the start message begins with R (authentication ok).
fn is_postgres(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let text = b"\0\x03\0\0user\0bookflow\0database\0bookflow\0\0";
    let mut message = (text.len() as u32 + 4).to_be_bytes().to_vec();
    message.extend(text);
    stream.write_all(&message).unwrap();
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let _ = stream.read_to_end(&mut answer); // ends by the timeout, waiting for a query
    answer.starts_with(b"R") && answer.ends_with(b"I")
}

/// An orphan may stay a zombie where nobody reaps.
fn is_running(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    output.status.success() && !output.stdout.starts_with(b"Z")
}

fn until(what: &str, mut check: impl FnMut() -> bool) {
    let start = Instant::now();
    while !check() {
        assert!(start.elapsed() < Duration::from_secs(20), "not {what} after 20 s");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn postgres_comes_back_on_its_port_after_each_way_to_go_down() {
    let mut postgres = Postgres::throw_away().unwrap();
    let (port, first) = (postgres.port(), postgres.pid());
    assert!(is_postgres(port));
    assert!(postgres.url("bookflow").ends_with(&format!("@127.0.0.1:{port}/bookflow")));
    for how in [Shutdown::Fast, Shutdown::Immediate] {
        postgres.restart(how).unwrap();
        assert!(is_postgres(port), "{how:?}");
    }
    postgres.signal(Signal::Kill);
    until("down", || !is_postgres(port));
    postgres.start_again().unwrap();
    assert!(is_postgres(port) && postgres.pid() != first);
    let dir = postgres.dir().to_owned();
    drop(postgres);
    assert!(!is_postgres(port) && !dir.exists());
}

#[test]
fn a_throw_away_redis_forgets_and_a_durable_one_remembers() {
    let mut forgetful = Redis::throw_away().unwrap();
    assert_eq!(ask_redis(forgetful.port(), "SET word whale"), "+OK");
    forgetful.restart().unwrap();
    assert_eq!(ask_redis(forgetful.port(), "GET word"), "$-1");

    let scratch = Scratch::create().unwrap();
    let mut durable = Redis::start(&scratch.dir().join("redis"), DURABLE).unwrap();
    assert_eq!(ask_redis(durable.port(), "SET word whale"), "+OK");
    durable.restart().unwrap();
    assert_eq!(ask_redis(durable.port(), "GET word"), "whale");
}

#[test]
fn a_paused_redis_is_silent_until_it_is_resumed_and_can_be_stopped_meanwhile() {
    let mut redis = Redis::throw_away().unwrap();
    redis.signal(Signal::Pause);
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 5];
    assert!(stream.read_exact(&mut answer).is_err());
    redis.signal(Signal::Resume);
    assert_eq!(ask_redis(redis.port(), "PING"), "+PONG");
    redis.signal(Signal::Pause);
    redis.stop().unwrap();
    assert!(servers::port_is_free(redis.port()));
}

#[test]
fn a_durable_cluster_keeps_its_folder_and_a_taken_port_is_named() {
    let scratch = Scratch::create().unwrap();
    let dir = scratch.dir().join("postgres");
    let first = Postgres::start(&dir, DURABLE).unwrap();
    let port = first.port();
    drop(first);
    let again = Options { port: Some(port), ..DURABLE };
    let second = Postgres::start(&dir, again).unwrap();
    assert_eq!(second.port(), port);
    let error = Redis::start(&scratch.dir().join("redis"), again).unwrap_err().to_string();
    assert!(error.contains(&port.to_string()) && error.contains("Address already in use"), "{error}");
}

#[test]
fn servers_end_with_an_owner_that_was_killed() {
    let mut owner =
        Command::new(env!("CARGO_BIN_EXE_servers")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take(2).collect();
    let [postgres, redis] = [0, 1].map(|line| {
        let words: Vec<&str> = said[line].split_whitespace().collect();
        (words[2].parse().unwrap(), words[3])
    });
    assert!(is_running(postgres.0) && is_running(redis.0));
    owner.kill().unwrap();
    owner.wait().unwrap();
    for (pid, dir) in [postgres, redis] {
        until("gone", || !is_running(pid));
        until("removed", || !Path::new(dir).exists());
    }
}

#[test]
fn a_server_left_behind_is_ended_by_its_record_and_another_program_with_its_pid_is_not() {
    let scratch = Scratch::create().unwrap();
    let record = scratch.dir().join("pid");
    let mut orphan = Command::new("sleep").arg("61").spawn().unwrap();
    servers::write_record(&record, orphan.id(), Signal::Terminate, &["sleep", "61"]).unwrap();
    // A program that has just started has no command line for a moment.
    until("listed", || servers::left_behind(&record).is_some());

    servers::write_record(&record, orphan.id(), Signal::Terminate, &["sleep", "62"]).unwrap();
    assert_eq!(servers::stop_left_behind(&record, Duration::from_secs(5)).unwrap(), None);
    assert!(orphan.try_wait().unwrap().is_none());

    servers::write_record(&record, orphan.id(), Signal::Terminate, &["sleep", "61"]).unwrap();
    let ended = servers::stop_left_behind(&record, Duration::from_secs(5)).unwrap();
    assert_eq!(ended.map(|left| left.pid), Some(orphan.id()));
    assert!(!orphan.wait().unwrap().success() && !record.exists());
}
