//! The signals that end a process: the first one asks, the second one does not wait.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM: the platform.
    Terminate,
}

impl Received {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code of a program that the signal ended at once: 128 and its number.
    pub const fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Both signals, listened to from now on.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Received {
        tokio::select! {
            _ = self.interrupt.recv() => Received::Interrupt,
            _ = self.terminate.recv() => Received::Terminate,
        }
    }

    /// Runs an orderly stop to its end, unless another signal comes first: then the process ends where it stands.
    pub async fn unless_again<T>(&mut self, stop: impl Future<Output = T>) -> T {
        tokio::select! {
            done = stop => done,
            again = self.next() => {
                tracing::warn!(signal = again.name(), "a second signal: ending at once");
                std::process::exit(again.exit_code());
            }
        }
    }
}
