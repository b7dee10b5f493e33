//! Requests at 64 connections: how many a second, and how long they take.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use testkit::{Backing, Lane, LaneOptions};

use crate::{
    figures::{Figures, quantile},
    floors,
};

const CONNECTIONS: usize = 64;
const WATCHED: Duration = Duration::from_secs(5);

/// Measures the health check, a book's page, and asking for a summary.
pub async fn measure(figures: &mut Figures) {
    let options = LaneOptions { workers: 0, postgres: Backing::Private, ..LaneOptions::default() };
    let lane = Lane::start(options.env("RUST_LOG", "warn")).await;
    let token = lane.log_in("reader").await;
    let found = lane.http().get(format!("{}/api/v1/books?q=walden", lane.web(0).url())).send().await.unwrap();
    let found: serde_json::Value = serde_json::from_slice(&found.bytes().await.unwrap()).unwrap();
    let book = format!("/api/v1/books/{}", found["items"][0]["id"].as_str().unwrap());
    let summary = format!("{book}/summary");
    let requests = [
        ("GET /healthz", Method::GET, "/healthz", StatusCode::OK),
        ("GET a book", Method::GET, &book, StatusCode::OK),
        ("POST a summary request", Method::POST, &summary, StatusCode::ACCEPTED),
    ];
    let mut rates = Vec::new();
    for (name, method, path, status) in requests {
        let url = format!("{}{path}", lane.web(0).url());
        let request = || lane.http().request(method.clone(), &url).bearer_auth(&token);
        assert_eq!(request().send().await.unwrap().status(), status, "{name}");
        let began = Instant::now();
        let times = join_all((0..CONNECTIONS).map(|_| async {
            let mut times = Vec::new();
            while began.elapsed() < WATCHED {
                let asked = Instant::now();
                let answer = request().send().await.unwrap();
                assert_eq!(answer.status(), status, "{name}");
                answer.bytes().await.unwrap();
                times.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            times
        }));
        let mut times = times.await.concat();
        times.sort_by(f64::total_cmp);
        let rate = times.len() as f64 / WATCHED.as_secs_f64();
        let note = format!(
            "p50 {:.1} ms, p99 {:.1} ms; client on the same machine",
            quantile(&times, 0.5),
            quantile(&times, 0.99)
        );
        figures.add(name, rate, "req/s", note);
        rates.push(rate);
    }
    let floor = floors::single_inserts(lane.db().pool()).await;
    figures.add(
        "POST a summary request: of single inserts",
        rates[2] / floor * 100.0,
        "%",
        format!("floor {floor:.0}/s"),
    );
}
