//! The worker process: runs the jobs and the schedules.

use std::process::ExitCode;

use app::Role;

fn main() -> ExitCode {
    app::run(Role::Worker)
}
