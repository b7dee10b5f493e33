//! The network between one process and one server: a TCP proxy that can be cut and slowed down.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Each piece of data takes so much longer, in each direction.
    Slow(Duration),
    /// Nothing arrives and nobody is told; what was sent arrives when it is mended, as TCP would have it.
    Cut,
}

/// What a server is called by those who use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// The lane's Postgres.
    Postgres,
    /// The lane's Redis.
    Redis,
}

/// One process's way to one server.
pub struct Link {
    url: String,
    weather: watch::Sender<Weather>,
}

impl Link {
    /// A way to the server of `url`, `scheme://[user@]127.0.0.1:port[/path]`.
    pub(super) async fn to(url: &str) -> Self {
        let port: u16 = url.rsplit(':').next().and_then(|end| end.split('/').next()?.parse().ok()).expect("a port");
        let own = servers::free_port().expect("a free port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, own)).await.expect("a free port");
        let (weather, seen) = watch::channel(Weather::Fair);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, seen.clone()));
            }
        });
        Self { url: url.replace(&format!(":{port}"), &format!(":{own}")), weather }
    }

    /// The server's URL, by this way.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Nothing arrives any more, in either direction; connections stay open.
    pub fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// A round trip takes `longer` than it would.
    pub fn slow(&self, longer: Duration) {
        self.weather.send_replace(Weather::Slow(longer / 2));
    }

    /// As if nothing had been.
    pub fn mend(&self) {
        self.weather.send_replace(Weather::Fair);
    }
}

async fn carry(client: TcpStream, port: u16, mut weather: watch::Receiver<Weather>) {
    if weather.wait_for(|now| *now != Weather::Cut).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return; // the client sees its connection end
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true)); // slower without, but right
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(pump(from_client, to_server, weather.clone()), pump(from_server, to_client, weather));
}

/// Carries one direction to its end.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let now = weather.wait_for(|now| *now != Weather::Cut).await.map(|now| *now);
        match now {
            Ok(Weather::Slow(longer)) => tokio::time::sleep(longer).await,
            Ok(_) => {}
            Err(_) => return,
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await; // the other side is gone already
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each byte with the same.
    async fn echo() -> Link {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await; // until the client leaves
                });
            }
        });
        Link::to(&format!("redis://127.0.0.1:{port}/0")).await
    }

    #[tokio::test]
    async fn what_was_sent_while_the_link_was_cut_arrives_when_it_is_mended() {
        let link = echo().await;
        let address = link.url().strip_prefix("redis://").unwrap().strip_suffix("/0").unwrap().to_owned();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut byte = [0];
        for weather in ["fair", "slow"] {
            let began = std::time::Instant::now();
            stream.write_all(b"a").await.unwrap();
            stream.read_exact(&mut byte).await.unwrap();
            assert_eq!(began.elapsed() >= Duration::from_millis(200), weather == "slow");
            link.slow(Duration::from_millis(200));
        }
        link.cut();
        stream.write_all(b"b").await.unwrap();
        let silence = tokio::time::timeout(Duration::from_millis(100), stream.read_exact(&mut byte)).await;
        assert!(silence.is_err());
        link.mend();
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"b");
    }
}
