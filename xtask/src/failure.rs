//! How a command fails: with words for the reader, or with the exit code of a program that has spoken already.

use std::fmt::Display;
use std::process::ExitCode;

pub type Outcome<T = ()> = Result<T, Failure>;

/// The code that shells give to a program that was stopped by SIGINT.
const INTERRUPTED: u8 = 130;

#[derive(Debug)]
pub struct Failure {
    words: Option<String>,
    code: u8,
}

impl Failure {
    pub fn said(words: impl Display) -> Failure {
        Failure { words: Some(words.to_string()), code: 1 }
    }

    /// The command line was not understood.
    pub fn usage(words: impl Display) -> Failure {
        Failure { code: 2, ..Failure::said(words) }
    }

    /// A program failed and said why itself.
    pub fn code(code: i32) -> Failure {
        Failure { words: None, code: u8::try_from(code).unwrap_or(1).max(1) }
    }

    /// Stopped from outside before it was done.
    pub fn interrupted() -> Failure {
        Failure::code(i32::from(INTERRUPTED))
    }

    pub fn is_interruption(&self) -> bool {
        self.words.is_none() && self.code == INTERRUPTED
    }

    #[cfg(test)]
    pub fn words(&self) -> Option<&str> {
        self.words.as_deref()
    }

    pub fn report(self) -> ExitCode {
        if let Some(words) = self.words {
            eprintln!("error: {words}");
        }
        ExitCode::from(self.code)
    }
}

impl From<servers::Error> for Failure {
    fn from(error: servers::Error) -> Failure {
        Failure::said(error)
    }
}
