//! A load balancer in front of a lane's webs: each new connection goes to the next of them that takes it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{Lane, Service};

/// A running balancer. Dropping it stops it.
pub struct Balancer {
    url: String,
    taken: Arc<[AtomicUsize]>,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// `http://…`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many connections each web took, by its index.
    pub fn taken(&self) -> Vec<usize> {
        self.taken.iter().map(|count| count.load(Relaxed)).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Lane {
    /// Starts a balancer over all webs. A web that is killed is left out, and is back when it listens again.
    pub async fn balancer(&self) -> Balancer {
        let targets: Arc<[String]> = self.webs.iter().map(Service::address).collect();
        let taken: Arc<[AtomicUsize]> = targets.iter().map(|_| AtomicUsize::new(0)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let accepting = tokio::spawn(accept(listener, targets, taken.clone()));
        Balancer { url, taken, accepting }
    }
}

async fn accept(listener: TcpListener, targets: Arc<[String]>, taken: Arc<[AtomicUsize]>) {
    for turn in 0.. {
        let Ok((client, _)) = listener.accept().await else { return };
        let (targets, taken) = (targets.clone(), taken.clone());
        tokio::spawn(async move { forward(client, turn, (&targets, &taken)).await });
    }
}

/// To the web whose turn it is, or the next one that listens; without any, the connection is closed.
async fn forward(mut client: TcpStream, turn: usize, (targets, taken): (&[String], &[AtomicUsize])) {
    for offset in 0..targets.len() {
        let index = (turn + offset) % targets.len();
        if let Ok(mut web) = TcpStream::connect(&targets[index]).await {
            taken[index].fetch_add(1, Relaxed);
            let _ = copy_bidirectional(&mut client, &mut web).await; // whoever ended it has seen why
            return;
        }
    }
}
