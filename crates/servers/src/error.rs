//! Why a server could not be found, installed, started or stopped: one readable message.

use std::fmt::{self, Display};
use std::io;

/// A failure, told in a form that a developer can act on.
#[derive(Debug)]
pub struct Error {
    message: String,
    source: Option<io::Error>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), source: None }
    }

    /// For `map_err`: an I/O error together with what was being done.
    pub(crate) fn io(doing: impl Display) -> impl FnOnce(io::Error) -> Error {
        move |source| Error { message: format!("{doing}: {source}"), source: Some(source) }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
