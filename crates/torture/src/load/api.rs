//! Runs of a schedule over HTTP, each with an `Idempotency-Key`: what is uncertain is asked again until it is certain.

use std::time::{Duration, Instant};

use jobs::Noop;
use serde_json::Value;
use testkit::Lane;
use uuid::Uuid;

use super::Answer;

/// The pause before a request is sent again.
const AGAIN: Duration = Duration::from_secs(1);
/// A web that was killed holds its keys for a minute more, and by then another fault may be under way.
const PATIENCE: Duration = Duration::from_secs(150);

/// How to run something over HTTP.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    webs: [String; 2],
    schedule: Uuid,
    token: String,
}

impl Api {
    /// Jobs by way of `schedule`.
    pub async fn new(lane: &Lane, schedule: Uuid) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap();
        Self { http, webs: [0, 1].map(|web| lane.web(web).url()), schedule, token: lane.log_in("system_admin").await }
    }

    /// Runs the schedule with these arguments, by one web and the other in turn until one gives a certain answer.
    pub async fn run(&self, job: &Noop, key: &str, first: usize) -> Answer {
        let began = Instant::now();
        for web in first.. {
            if let Some(answer) = self.ask(job, key, &self.webs[web % self.webs.len()]).await {
                return answer;
            }
            if began.elapsed() > PATIENCE {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        Answer::Unanswered
    }

    /// None: nothing certain.
    async fn ask(&self, job: &Noop, key: &str, web: &str) -> Option<Answer> {
        let url = format!("{web}/api/v1/schedules/{}/trigger", self.schedule);
        let body = serde_json::json!({ "payload": job });
        let request = self.http.post(url).bearer_auth(&self.token).header("Idempotency-Key", key).json(&body);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        let problem = body["type"].as_str().and_then(|kind| kind.rsplit('/').next());
        let id = body["execution_id"].as_str().and_then(|id| id.parse().ok());
        match (status, problem) {
            (202, _) => id.map(Answer::Committed),
            (409, Some("idempotency-answer-lost")) => Some(Answer::Done),
            // Without a body, that was cut off on its way.
            (409, Some("idempotency-in-flight") | None) | (500.., _) => None,
            _ => panic!("the API refused a run: {status} {body}"),
        }
    }
}
