//! Where things are in this workspace.

use std::env;
use std::path::{Path, PathBuf};

/// The folder with the workspace's Cargo.toml.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The path of a program built by `cargo build`.
pub fn program(name: &str) -> PathBuf {
    built("debug", name)
}

/// The path of a program built by `cargo build --release`.
pub fn release_program(name: &str) -> PathBuf {
    built("release", name)
}

fn built(profile: &str, name: &str) -> PathBuf {
    #[allow(clippy::disallowed_methods, reason = "Cargo's variable, not the product's")]
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(target).join(profile).join(name)
}
