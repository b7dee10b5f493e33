//! The HTTP listener of a process.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt as _};
use config::Http;
use kernel::{Problem, Result};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Takes the port `port` of `http.host`; `variable` is what sets it.
///
/// # Errors
/// `internal-error`, in words for a person, when the port is taken or may not be used.
pub async fn bind(http: &Http, port: u16, variable: &'static str) -> Result<TcpListener> {
    let host = &http.host;
    TcpListener::bind((host.as_str(), port)).await.map_err(|error| {
        Problem::internal(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} of {host} is taken by another program; stop that one, or set {variable}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("port {port} of {host} may not be used by this user; set {variable} to one above 1023")
            }
            io::ErrorKind::AddrNotAvailable => format!("this machine has no address {host}; set HOST"),
            _ => format!("cannot listen on port {port} of {host}: {error}"),
        })
    })
}

/// A listener at work.
pub struct Server {
    task: JoinSet<io::Result<()>>,
    stop: CancellationToken,
}

impl Server {
    /// Begins to serve `router`.
    pub fn start(listener: TcpListener, router: Router) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        // Small answers must not wait for the acknowledgement of the one before.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, service).with_graceful_shutdown(stopped).await });
        Self { task, stop }
    }

    /// Waits until it ends by itself, and says how.
    pub async fn failed(&mut self) -> Problem {
        match self.task.join_next().await {
            Some(Ok(Err(error))) => Problem::internal(format!("the listener broke: {error}")),
            Some(Err(error)) => Problem::internal(format!("the listener broke: {error}")),
            Some(Ok(Ok(()))) | None => Problem::internal("the listener ended by itself"),
        }
    }

    /// Takes no more connections and waits `within` for the requests in flight; then cuts them off.
    pub async fn stop(mut self, within: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(within, self.task.join_next()).await.is_err() {
            tracing::warn!(within_ms = within.as_millis() as u64, "requests in flight were cut off");
        }
    }
}
