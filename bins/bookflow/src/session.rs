//! What every command has at hand.

use app::Parts;

use crate::output::Output;

/// The parts of the application, and where the answers go.
pub struct Session {
    /// The wired services.
    pub parts: Parts,
    /// Standard output.
    pub output: Output,
}
