//! The log of a test: printed, so that a failing test shows it, and its ERROR lines kept.

use std::{
    fmt::{Debug, Write as _},
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer, fmt, layer::Context, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins to print and to collect. A second call changes nothing.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let printed = fmt::layer().compact().without_time().with_test_writer().with_filter(filter);
        let _ = registry().with(Collector).with(printed).try_init(); // a test may have a subscriber of its own
    });
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
        if *event.metadata().level() == Level::ERROR {
            let mut line = Line(event.metadata().target().to_owned());
            event.record(&mut line);
            errors().push(line.0);
        }
    }
}

/// The target and the fields of an event.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
