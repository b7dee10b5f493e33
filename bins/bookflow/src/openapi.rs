//! `bookflow openapi`: needs no configuration.

use app::Parts;
use kernel::Result;

use crate::output;

/// Prints the document.
pub fn run() -> Result<()> {
    output::write(&serde_json::to_string_pretty(&app::openapi::document(&Parts::for_document()?))?)
}
