#!/usr/bin/env bash
# Builds the release programs into target/release, exactly as Cargo.lock says. Render runs this as the build command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v cargo >/dev/null; then
  # Installed, but not on the PATH of a non-login shell.
  [ -f "${CARGO_HOME:-$HOME/.cargo}/env" ] && . "${CARGO_HOME:-$HOME/.cargo}/env"
fi
if ! command -v cargo >/dev/null; then
  echo "build.sh: cargo is not installed; install Rust (the version is in rust-toolchain.toml)" >&2
  exit 1
fi
if ! command -v cc >/dev/null && ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
  echo "build.sh: no C compiler found; install gcc or clang (the TLS library needs it)" >&2
  exit 1
fi

cargo build --release --locked --package web --package worker --package bookflow
ls -l target/release/web target/release/worker target/release/bookflow
