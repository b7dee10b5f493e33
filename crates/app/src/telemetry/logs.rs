//! Log lines: JSON, one object per line with `timestamp`, `level`, `target`, `message` and the fields, or readable ones.

use std::{fmt, io, panic};

use config::{LogFormat, Telemetry};
use tracing_subscriber::{
    EnvFilter, Layer, fmt::layer, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

/// `RUST_LOG` is not in tracing's filter syntax. The value is not repeated.
#[derive(Debug)]
pub struct BadFilter;

impl fmt::Display for BadFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:\n  RUST_LOG must be a filter such as info or info,jobs=debug")
    }
}

/// Begins to write log lines to standard output. Panics become log lines too. A second call changes nothing.
///
/// # Errors
/// [`BadFilter`] when `RUST_LOG` cannot be read.
pub fn start(telemetry: &Telemetry) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(&telemetry.filter).map_err(|_| BadFilter)?;
    let lines = match telemetry.format {
        LogFormat::Json => layer().json().flatten_event(true).with_span_list(false).with_writer(io::stdout).boxed(),
        LogFormat::Pretty => layer().compact().with_writer(io::stdout).boxed(),
    };
    if registry().with(lines.with_filter(filter)).try_init().is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

/// A panic as one log line instead of several lines of text.
fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("(no message)");
    let location = info.location().map(ToString::to_string);
    tracing::error!(target: "panic", location, "a task panicked: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_filter_is_told_by_name_and_not_repeated() {
        let telemetry = Telemetry { format: LogFormat::Json, filter: "info,=hunter2=".into() };
        let wrong = start(&telemetry).unwrap_err().to_string();
        assert!(wrong.contains("RUST_LOG") && !wrong.contains("hunter2"), "{wrong}");
    }
}
