//! Files that are made from the code: written, or checked to be current.

use std::fs;

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// Whether to bring a generated file up to date or to complain that it is not.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    Write,
    Check,
}

/// Makes `path`, relative to the root, hold `wanted`; in check mode fails when it does not. `made_by` is the subcommand.
pub fn keep(mode: Mode, path: &str, wanted: &str, made_by: &str) -> Outcome {
    if read(path).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    match mode {
        Mode::Check => Err(Failure::said(format!("{path} is out of date: run `cargo xtask {made_by}`"))),
        Mode::Write => {
            let file = workspace::root().join(path);
            fs::write(&file, wanted).map_err(|error| Failure::said(format!("{path}: {error}")))?;
            println!("wrote {path}");
            Ok(())
        }
    }
}

/// The text of `path`, relative to the root.
pub fn read(path: &str) -> Outcome<String> {
    fs::read_to_string(workspace::root().join(path)).map_err(|error| Failure::said(format!("{path}: {error}")))
}
