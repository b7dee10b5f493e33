//! `dev status`, `dev down`, and what a start does about an earlier one that was killed.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use servers::{RECORD, Signal, left_behind, stop_left_behind, write_record};

use super::settings::Settings;
use super::{CHILD_GRACE, backing, children, folder, ready};
use crate::failure::{Failure, Outcome};

/// The record of a running `dev`; removed when dropped.
#[derive(Debug)]
pub struct Record;

impl Record {
    pub fn write() -> Outcome<Record> {
        fs::create_dir_all(folder()).map_err(Failure::said)?;
        write_record(&own_record(), std::process::id(), Signal::Terminate, &["xtask", "dev"])?;
        Ok(Record)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let _ = fs::remove_file(own_record()); // a stale one is seen through
    }
}

fn own_record() -> PathBuf {
    folder().join("dev.pid")
}

/// Fails when another `dev` runs in this folder.
pub fn refuse_second() -> Outcome {
    match left_behind(&own_record()) {
        None => Ok(()),
        Some(other) => Err(Failure::said(format!(
            "`cargo xtask dev` already runs here as process {}: `cargo xtask dev down` stops it",
            other.pid
        ))),
    }
}

/// Ends what an earlier `dev` left running, in order: the processes, then Redis, then Postgres.
pub fn stop_all() -> Outcome {
    for (name, record) in records()? {
        if let Some(ended) = stop_left_behind(&record, CHILD_GRACE)? {
            eprintln!("── stopped {name}, which an earlier `dev` left running as process {}", ended.pid);
        }
    }
    Ok(())
}

/// `dev down`: ends a running `dev`, or what a killed one left.
pub fn down() -> Outcome {
    if let Some(other) = left_behind(&own_record()) {
        Signal::Terminate.send(other.pid);
        let deadline = Instant::now() + CHILD_GRACE * 2;
        while left_behind(&own_record()).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("── stopped `dev`, process {}", other.pid);
    }
    stop_all()
}

/// `dev status`: a line for `dev` and for each process and private server.
pub fn status() -> Outcome {
    let settings = Settings::load()?;
    let others = records()?.into_iter();
    for (name, record) in [("dev".to_owned(), own_record())].into_iter().chain(others) {
        let line = match (left_behind(&record), name.as_str()) {
            (None, _) => "not running".to_owned(),
            (Some(found), "web") => format!("process {}, {}", found.pid, readiness(settings.web_port)),
            (Some(found), "worker") => format!("process {}, {}", found.pid, readiness(settings.worker_port)),
            (Some(found), "postgres" | "redis") => {
                let port = found.marks.last().map_or("", |mark| mark.trim_start_matches("port="));
                format!("process {}, private, 127.0.0.1:{port}", found.pid)
            }
            (Some(found), _) => format!("process {}", found.pid),
        };
        println!("{name:8} {line}");
    }
    Ok(())
}

fn readiness(port: u16) -> String {
    let state = ready::ask(port).map_or_else(|answer| format!("not ready: {answer}"), |()| "ready".to_owned());
    format!("http://127.0.0.1:{port} {state}")
}

/// The records of what `dev` starts, in the order in which it is stopped.
fn records() -> Outcome<Vec<(String, PathBuf)>> {
    let entries = super::procfile::read()?.into_iter().map(|entry| {
        let record = children::records().join(format!("{}.pid", entry.name));
        (entry.name, record)
    });
    let mut all: Vec<_> = entries.collect();
    for name in backing::NAMES {
        all.push((name.to_owned(), servers::data_dir(&folder().join(name))?.join(RECORD)));
    }
    Ok(all)
}
