//! `cargo xtask openapi`: the API's document, as the operator's program prints it.

use crate::command::{cargo, command, finish, output};
use crate::failure::Outcome;
use crate::generated::{Mode, keep};
use crate::signals::Signals;
use crate::workspace;

const DOCUMENT: &str = "docs/openapi.json";

/// Brings `docs/openapi.json` up to date, or checks that it is.
pub fn run(mode: Mode) -> Outcome {
    finish(cargo(&["build", "--package", "bookflow"]), &Signals::listen()?)?;
    let mut program = command(workspace::program("bookflow"));
    program.arg("openapi");
    keep(mode, DOCUMENT, &output(program)?, "openapi")
}
