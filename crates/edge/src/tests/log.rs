//! What is written about a request, and what is not.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    routing::get,
};
use kernel::UserId;
use serde_json::Value;
use tower::ServiceExt as _;
use tracing_subscriber::fmt::MakeWriter;

use super::{actor, get_with, wrapped};
use crate::Reply;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn record(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(self.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn all(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn fail() -> Reply<()> {
    tracing::info!("inside");
    Err(io::Error::other("disk on fire"))?
}

fn app(user: Option<UserId>) -> Router {
    let routes = Router::new().route("/things/{id}", get(fail)).route("/slow", get(std::future::pending::<()>));
    wrapped(routes.layer(from_fn(move |mut request: Request, next: Next| {
        if let Some(user_id) = user {
            crate::authenticate(request.extensions_mut(), kernel::Actor { user_id, ..actor() });
        }
        next.run(request)
    })))
}

#[tokio::test]
async fn a_failed_request_leaves_its_cause_once_and_one_canonical_line() {
    let (lines, user) = (Lines::default(), UserId::new());
    let _guard = lines.record();
    let headers = [
        ("x-request-id", "req-1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("authorization", "Bearer hunter2"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    get_with(&app(Some(user)), "/things/42?token=hunter2", &headers).await;

    let all = lines.all();
    assert_eq!(all.len(), 3, "{}", lines.text());
    assert_eq!(all[0]["span"]["request_id"], "req-1");
    assert_eq!((&all[1]["level"], &all[1]["problem"]), (&"ERROR".into(), &"internal-error: disk on fire".into()));
    assert_eq!(all[1]["request_id"], "req-1");
    let line = &all[2];
    assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"request".into()));
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&"GET".into(), &"/things/{id}".into(), &500.into())
    );
    assert_eq!((&line["request_id"], &line["actor"]), (&"req-1".into(), &user.to_string().into()));
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    for secret in ["hunter2", "203.0.113.9", "/things/42"] {
        assert!(!lines.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_is_logged_too() {
    let lines = Lines::default();
    let _guard = lines.record();
    let request = Request::get("/slow").body(Body::empty()).unwrap();
    let hung_up = tokio::time::timeout(Duration::from_millis(20), app(None).oneshot(request)).await;
    assert!(hung_up.is_err());
    let all = lines.all();
    assert_eq!((all.len(), &all[0]["status"], &all[0]["route"]), (1, &499.into(), &"/slow".into()));
    assert!(all[0].get("actor").is_none());
}

#[test]
fn requests_are_counted_by_method_route_and_status() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let app = app(None);
            super::get(&app, "/things/1").await;
            super::get(&app, "/things/2").await;
            super::get(&app, "/nowhere/1").await;
        });
    });
    let text = handle.render();
    for line in [
        "http_requests_total{method=\"GET\",route=\"/things/{id}\",status=\"500\"} 2",
        "http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "http_request_duration_seconds_count{method=\"GET\",route=\"/things/{id}\"} 2",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
}
