//! Ctrl-C and its like, received instead of dying of them, so that servers are stopped in order.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use servers::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;

use crate::failure::{Failure, Outcome};

/// The signals that arrived and were not looked at yet.
#[derive(Debug)]
pub struct Signals(Receiver<Signal>);

impl Signals {
    /// From now on SIGINT, SIGTERM and SIGHUP do not end this process.
    pub fn listen() -> Outcome<Signals> {
        let mut signals = iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Failure::said)?;
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for number in signals.forever() {
                let signal = if number == SIGINT { Signal::Interrupt } else { Signal::Terminate };
                let _ = sender.send(signal); // the process is ending anyway
            }
        });
        Ok(Signals(receiver))
    }

    /// The next signal, waited for at most `patience`.
    pub fn next(&self, patience: Duration) -> Option<Signal> {
        self.0.recv_timeout(patience).ok()
    }
}
