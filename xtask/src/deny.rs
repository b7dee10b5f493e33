//! `cargo xtask deny`: what may become part of the product, by `deny.toml`, where cargo-deny is installed.

use crate::command::{cargo, cargo_has, finish};
use crate::failure::Outcome;
use crate::signals::Signals;

/// What `Cargo.lock` and the packages themselves answer.
const OFFLINE: [&str; 5] = ["deny", "check", "bans", "licenses", "sources"];
/// The database of known holes.
const FETCH: [&str; 3] = ["deny", "fetch", "db"];
/// What that database answers.
const ADVISORIES: [&str; 3] = ["deny", "check", "advisories"];

/// Runs the checks, or says which were skipped.
pub fn run() -> Outcome {
    if !cargo_has("deny") {
        eprintln!("skipped: cargo-deny is not installed: run `cargo install --locked cargo-deny`");
        return Ok(());
    }
    let signals = Signals::listen()?;
    finish(cargo(&OFFLINE), &signals)?;
    match finish(cargo(&FETCH), &signals) {
        Ok(()) => finish(cargo(&ADVISORIES), &signals),
        Err(failure) if failure.is_interruption() => Err(failure),
        Err(_) => {
            eprintln!("skipped: advisories were NOT checked, since their database cannot be fetched (see above)");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::workspace;

    const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

    #[test]
    fn every_dependency_is_of_the_one_registry_and_has_a_checksum() {
        let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).unwrap();
        let from_elsewhere: Vec<&str> =
            lock.split("[[package]]").filter(|package| package.contains("\nsource = ")).collect();
        assert!(from_elsewhere.len() > 100, "{}", from_elsewhere.len());
        for package in from_elsewhere {
            assert!(package.contains(REGISTRY) && package.contains("\nchecksum = "), "{package}");
        }
    }
}
