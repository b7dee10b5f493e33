//! `cargo xtask ci`: what a change must pass.

use std::time::Instant;

use crate::command::{cargo, finish};
use crate::failure::Outcome;
use crate::generated::Mode;
use crate::signals::Signals;
use crate::{alerts, deny, env, test, tidy};

/// A step's name and what it does.
type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 7] = [
    ("format", || run_cargo(&["fmt", "--all", "--check"])),
    ("lints", || run_cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("tidy", tidy::run),
    ("generated files", || env::run(Mode::Check)),
    ("alerts", alerts::run),
    ("dependencies", deny::run),
    ("tests", || test::run(&["--profile", "ci"])),
];

/// Runs the steps in order and stops at the first that fails. The tests' summary is the last thing printed.
pub fn run() -> Outcome {
    let mut durations = Vec::new();
    for (name, step) in STEPS {
        if name == "tests" {
            eprintln!("── before the tests: {}", durations.join(", "));
        }
        eprintln!("── {name}");
        let start = Instant::now();
        step()?;
        durations.push(format!("{name} {:.1} s", start.elapsed().as_secs_f32()));
    }
    Ok(())
}

fn run_cargo(arguments: &[&str]) -> Outcome {
    finish(cargo(arguments), &Signals::listen()?)
}
