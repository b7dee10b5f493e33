//! How a program ends before it could do anything: in words on standard error, with the exit code that says why.

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

/// `EX_CONFIG` of sysexits.h: the configuration is wrong, so starting again does not help.
pub const EX_CONFIG: u8 = 78;

/// Prints what is wrong with the configuration; exit code 78.
pub fn misconfigured(wrong: &dyn Display) -> ExitCode {
    complain(wrong);
    ExitCode::from(EX_CONFIG)
}

/// Prints why the program could not do its work; exit code 1.
pub fn failed(why: &dyn Display) -> ExitCode {
    complain(why);
    ExitCode::FAILURE
}

fn complain(words: &dyn Display) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "bookflow: {words}");
}
