//! Requests: how many a second, and how long they take.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::Sql;
use testkit::{Backing, Lane, LaneOptions};
use uuid::Uuid;

use crate::{
    figures::{Figures, Rounds, quantile},
    floors,
};

const CONNECTIONS: usize = 64;
const WATCHED: Duration = Duration::from_secs(3);
const ROUNDS: i64 = 3;
/// What the largest plan allows.
const SUMMARIES: usize = 60;
/// Connections that enqueue, each by a schedule of its own.
const PRODUCERS: usize = 50;
const TRIGGERS: usize = 100;

/// Measures the health check, a book's page, asking for summaries, and enqueuing through the API.
pub async fn measure(figures: &mut Figures) {
    let options = LaneOptions { workers: 0, postgres: Backing::Private, ..LaneOptions::default() };
    let options = options.env("RUST_LOG", "warn").env("SCHEDULE_RATE_LIMIT_PER_MINUTE", "1000000");
    let lane = Lane::start(options).await;
    let found = Client::new(&lane, String::new()).ask(Method::GET, "/api/v1/books?q=walden", None).await.1;
    let book = found["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let mut measured = Measured::default();
    for round in 0..ROUNDS {
        reads(&mut measured, &lane, book).await;
        summaries(&mut measured, &lane, (book, round)).await;
        triggers(&mut measured, &lane, round).await;
    }
    measured.rates.add_to(figures, "/s");
    measured.times.add_to(figures, "ms");
    measured.shares.add_to(figures, "%");
}

#[derive(Default)]
struct Measured {
    rates: Rounds,
    times: Rounds,
    shares: Rounds,
}

impl Measured {
    /// Notes the rate of what `clients` sent since `began`, and how long the answers took; returns the rate.
    fn note(&mut self, name: &str, began: Instant, clients: Vec<Client<'_>>) -> f64 {
        let took = began.elapsed().as_secs_f64();
        let mut times: Vec<f64> = clients.into_iter().flat_map(|client| client.times).collect();
        times.sort_by(f64::total_cmp);
        let rate = times.len() as f64 / took;
        self.rates.note(name, rate);
        self.times.note(format!("{name}: p50"), quantile(&times, 0.5));
        self.times.note(format!("{name}: p99"), quantile(&times, 0.99));
        rate
    }
}

/// What one connection sends, and how long each answer took in milliseconds.
struct Client<'a> {
    lane: &'a Lane,
    token: String,
    times: Vec<f64>,
}

impl<'a> Client<'a> {
    fn new(lane: &'a Lane, token: String) -> Self {
        Self { lane, token, times: Vec::new() }
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let request = self.lane.http().request(method, format!("{}{path}", self.lane.web(0).url()));
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        let request = if let Some(body) = body { request.json(body) } else { request };
        let asked = Instant::now();
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.bytes().await.unwrap());
        self.times.push(asked.elapsed().as_secs_f64() * 1e3);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

async fn reads(measured: &mut Measured, lane: &Lane, book: Uuid) {
    let token = lane.log_in("reader").await;
    let book = format!("/api/v1/books/{book}");
    for (name, path) in [("GET /healthz", "/healthz"), ("GET a book", &book)] {
        let began = Instant::now();
        let clients = (0..CONNECTIONS).map(|_| async {
            let mut client = Client::new(lane, token.clone());
            while began.elapsed() < WATCHED {
                assert_eq!(client.ask(Method::GET, path, None).await.0, StatusCode::OK, "{name}");
            }
            client
        });
        let clients = join_all(clients).await;
        measured.note(name, began, clients);
    }
}

/// Each reader asks for as many books as the plan allows, which nobody has asked for before; then for the same again.
async fn summaries(measured: &mut Measured, lane: &Lane, (book, round): (Uuid, i64)) {
    let mut readers = Vec::new();
    for _ in 0..CONNECTIONS {
        readers.push(lane.log_in("reader").await);
    }
    let conn = lane.db().conn();
    conn.run("update users set plan = 'scholar', period_anchor = now()", []).await.unwrap();
    let copies = [book.into(), ((2 * CONNECTIONS * SUMMARIES) as i64).into(), round.into()];
    conn.run(COPIES, copies).await.unwrap();
    let copies = sqlx::query_scalar("select id from books where title = 'copy ' || $1::int8").bind(round);
    let copies: Vec<Uuid> = copies.fetch_all(lane.db().pool()).await.unwrap();
    let (asked, raw) = copies.split_at(CONNECTIONS * SUMMARIES);
    let mut rates = Vec::new();
    for name in ["POST a summary request", "POST a summary request again"] {
        let began = Instant::now();
        let clients = readers.iter().zip(asked.chunks(SUMMARIES)).map(|(token, books)| async move {
            let mut client = Client::new(lane, token.clone());
            for book in books {
                let path = format!("/api/v1/books/{book}/summary");
                assert_eq!(client.ask(Method::POST, &path, None).await.0, StatusCode::ACCEPTED, "{name}");
            }
            client
        });
        let clients = join_all(clients).await;
        rates.push(measured.note(name, began, clients));
    }
    let floor = floors::summary_requests(lane.db().pool(), raw).await;
    measured.rates.note("floor: the statements of a summary request", floor);
    measured.shares.note("POST a summary request: of the floor", rates[0] / floor * 100.0);
}

const COPIES: &str = "
insert into books (id, source, source_id, title, authors, categories, language, fetched_at)
select gen_random_uuid(), source, 'copy ' || $3::int8 || '-' || n, 'copy ' || $3::int8, authors, categories, language, fetched_at
from books, generate_series(1, $2::int8) n where id = $1";

/// Enqueues no-op jobs of 200 bytes: each request is a run of a schedule that is asked for.
async fn triggers(measured: &mut Measured, lane: &Lane, round: i64) {
    let mut admin = Client::new(lane, lane.log_in("system_admin").await);
    let mut paths = Vec::new();
    for number in 0..PRODUCERS {
        let schedule = json!({ "name": format!("producer {round}-{number}"), "cron_expression": "0 0 1 1 *", "job": "engine.noop",
            "args": { "padding": "x".repeat(180) }, "overlap": "allow", "max_instances": TRIGGERS });
        let (status, made) = admin.ask(Method::POST, "/api/v1/schedules", Some(&schedule)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        paths.push(format!("/api/v1/schedules/{}/trigger", made["id"].as_str().unwrap()));
    }
    let began = Instant::now();
    let clients = paths.iter().map(|path| async {
        let mut client = Client::new(lane, admin.token.clone());
        for _ in 0..TRIGGERS {
            assert_eq!(client.ask(Method::POST, path, None).await.0, StatusCode::ACCEPTED);
        }
        client
    });
    let clients = join_all(clients).await;
    measured.note("enqueue, through the HTTP API", began, clients);
}
