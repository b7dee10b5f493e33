//! The log of a test: printed, so that a failing test shows it, and its ERROR lines kept.

use std::{
    fmt::{Debug, Write as _},
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    EnvFilter, Layer, fmt, layer::Context, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins to print and to collect. A second call changes nothing.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let printed = fmt::layer().compact().without_time().with_test_writer().with_filter(filter);
        let _ = registry().with(Collector).with(printed).try_init(); // a test may have a subscriber of its own
    });
}

/// From now on a line or a span with `secret` in it, of whatever level, counts as an error.
pub(crate) fn watch_for(secret: &str) {
    SECRETS.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
}

/// The ERROR lines so far, which are forgotten.
pub(crate) fn take_errors() -> Vec<String> {
    std::mem::take(&mut *errors())
}

fn errors() -> MutexGuard<'static, Vec<String>> {
    ERRORS.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Collector;

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let is_error = *event.metadata().level() == Level::ERROR;
        if is_error || watches() {
            let mut line = Line(event.metadata().target().to_owned());
            event.record(&mut line);
            if is_error || is_secret(&line.0) {
                errors().push(line.0);
            }
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if watches() {
            let mut line = Line(format!("the span {}", attributes.metadata().name()));
            attributes.record(&mut line);
            if is_secret(&line.0) {
                errors().push(line.0);
            }
        }
    }
}

fn watches() -> bool {
    !SECRETS.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

fn is_secret(line: &str) -> bool {
    SECRETS.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|secret| line.contains(secret))
}

/// The target and the fields of an event.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
