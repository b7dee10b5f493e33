//! `cargo xtask schemathesis`: requests made up from the OpenAPI document, against a running web.
//!
//! Every answer has to be one that the document names, with the body it names, and none may be a server error. Not a step of
//! `ci`: it needs Python and, the first time, the network.

mod python;
mod site;

use std::process::Command;

use crate::command::finish;
use crate::failure::{Failure, Outcome};
use crate::signals::Signals;
use site::Site;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Requests per operation that are made up freely, beside the examples and the boundaries of every parameter.
const EXAMPLES: &str = "40";
const SEED: &str = "20260105";
/// What would end the session, or the account, that the other requests need.
const ENDS_SESSION: [&str; 2] = ["POST /api/v1/auth/logout", "DELETE /api/v1/me"];

/// Runs it as the system's administrator and as nobody; `arguments` go to schemathesis.
pub fn run(arguments: &[&str]) -> Outcome {
    let signals = Signals::listen()?;
    let program = python::schemathesis(&signals)?;
    let site = Site::start(&signals)?;
    let token = site.log_in("system_admin")?;
    let mut found = Vec::new();
    for (who, token) in [("system_admin", Some(token)), ("nobody", None)] {
        eprintln!("── as {who}");
        let mut command = python::command(&program);
        command.args(["run", &site.document(), "--url", &site.url()]);
        command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES]);
        command.args(["--seed", SEED, "--generation-database", "none", "--continue-on-failure", "--no-color"]);
        command.args(["--workers", "2", "--request-timeout", "20", "--warnings", "off"]);
        if let Some(token) = token {
            as_somebody(&mut command, &token);
        }
        command.args(arguments);
        match finish(command, &signals) {
            Err(failure) if failure.is_interruption() => return Err(failure),
            Err(_) => found.push(who),
            Ok(()) => {}
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::said(format!(
        "schemathesis has findings as {}; the log of web is {}",
        found.join(" and as "),
        Site::log()
    )))
}

fn as_somebody(command: &mut Command, token: &str) {
    command.args(["--header", &format!("Authorization: Bearer {token}")]);
    for operation in ENDS_SESSION {
        command.args(["--exclude-name", operation]);
    }
}
