//! The project's own commands: `cargo xtask help` lists them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod alerts;
mod bench;
mod ci;
mod command;
mod deny;
mod dev;
mod env;
mod failure;
mod generated;
mod http;
mod install;
mod openapi;
mod schemathesis;
mod signals;
mod test;
mod tidy;
mod torture;
mod workspace;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use generated::Mode;

const HELP: &str = "\
cargo xtask dev [--reset]        run everything on this machine; Ctrl-C stops it
            dev status           what runs, and where
            dev down             stop what a killed `dev` left running
            test [ARGS…]         all tests on throw-away servers; ARGS go to cargo-nextest
            ci                   what a change must pass: format, lints, tidy, generated files, alerts, dependencies, tests
            tidy                 the project's own rules
            env [--check]        write .env.example and README's table of variables (or see if they are current)
            openapi [--check]    write docs/openapi.json (or see if it is current)
            alerts                   check docs/alerts.yml with promtool, where it is installed
            deny                     check licences, sources and known holes of dependencies, where cargo-deny is installed
            bench [WORKS…]       the speed of the engine in release, next to the floor; --json for programs
            torture [ARGS…]      faults under load, and proof that nothing was lost: --minutes N, --seed S
            schemathesis [ARGS…] made-up requests by the OpenAPI document, against a running web (needs Python)
            help                 this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(words: &[&str]) -> Outcome {
    match words {
        ["dev"] => dev::start(dev::Data::Keep),
        ["dev", "--reset"] => dev::start(dev::Data::Reset),
        ["dev", "status"] => dev::status(),
        ["dev", "down"] => dev::down(),
        ["test", arguments @ ..] => test::run(arguments),
        ["bench", arguments @ ..] => bench::run(arguments),
        ["torture", arguments @ ..] => torture::run(arguments),
        ["schemathesis", arguments @ ..] => schemathesis::run(arguments),
        ["ci"] => ci::run(),
        ["tidy"] => tidy::run(),
        ["env"] => env::run(Mode::Write),
        ["env", "--check"] => env::run(Mode::Check),
        ["alerts"] => alerts::run(),
        ["deny"] => deny::run(),
        ["openapi"] => openapi::run(Mode::Write),
        ["openapi", "--check"] => openapi::run(Mode::Check),
        [] | ["help" | "--help" | "-h", ..] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::usage(format!("there is no `cargo xtask {}`\n\n{HELP}", words.join(" ")))),
    }
}
