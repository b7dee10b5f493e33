//! The web process: serves the HTTP API and enqueues work.

use std::process::ExitCode;

use app::Role;

fn main() -> ExitCode {
    app::run(Role::Web)
}
