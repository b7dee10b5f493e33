//! The speed of the engine: real processes, durable Postgres, and the floor measured in the same run. Run by
//! `cargo xtask bench`, which builds everything in release; arguments choose works by name, `--json` prints JSON.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a command-line program; what fails here fails the run"
)]

mod backlog;
mod burst;
mod drain;
mod figures;
mod floors;
mod growth;
mod hour;
mod http;
mod idle;
mod kill;
mod lateness;
mod processor;
mod schedules;

use figures::Figures;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| {
        let mut names = arguments.iter().filter(|argument| !argument.starts_with("--")).peekable();
        names.peek().is_none() || names.any(|argument| argument == name)
    };
    let mut figures = Figures::default();
    if wanted("drain") {
        drain::measure(&mut figures).await;
    }
    if wanted("workers") {
        drain::scale(&mut figures).await;
    }
    if wanted("lateness") {
        lateness::measure(&mut figures).await;
    }
    if wanted("burst") {
        burst::measure(&mut figures).await;
    }
    if wanted("kill") {
        kill::measure(&mut figures).await;
    }
    if wanted("idle") {
        idle::measure(&mut figures).await;
    }
    if wanted("http") {
        http::measure(&mut figures).await;
    }
    if wanted("schedules") {
        schedules::measure(&mut figures).await;
    }
    // These are long: only when they are asked for.
    if arguments.iter().any(|argument| argument == "growth") {
        growth::measure(&mut figures).await;
    }
    if arguments.iter().any(|argument| argument == "hour") {
        hour::measure(&mut figures).await;
    }
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", figures.json());
    } else {
        print!("{}", figures.table());
    }
}
