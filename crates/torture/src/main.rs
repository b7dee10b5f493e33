//! `torture [--minutes N] [--seed S]`: one run; its exit code says whether a promise was broken.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::process::ExitCode;

use torture::{Options, run};

const USAGE: &str = "cargo xtask torture [--minutes N] [--seed S] [--rate JOBS_PER_SECOND]";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(options) = read(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let report = run(options).await;
    println!("\n{report}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(arguments: &[String]) -> Option<Options> {
    let mut options = Options::default();
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--minutes" => options.minutes = value.parse().ok()?,
            [name, value] if name == "--seed" => options.seed = value.parse().ok()?,
            [name, value] if name == "--rate" => options.rate = value.parse().ok().filter(|rate| *rate > 0)?,
            _ => return None,
        }
    }
    Some(options)
}
