//! What a test must not leave behind: looked at when its [`TestApp`] is dropped.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use crate::{TestApp, logs};

const LEFT: &str = "
select kind || ' is ' || state || ' since ' || run_at from executions
where state = 'running' or (state = 'queued' and run_at <= $1) order by run_at, id";

impl Drop for TestApp {
    fn drop(&mut self) {
        self.clear();
        let mut faults: Vec<String> = logs::take_errors();
        faults.retain(|error| !self.is_allowed(error));
        if std::thread::panicking() {
            return; // the test has said what is wrong
        }
        faults.extend(self.fakes().unexpected());
        faults.extend(left(self.database().url().to_owned(), self.clock().now()));
        assert!(faults.is_empty(), "the test ended, but:\n  {}", faults.join("\n  "));
    }
}

/// The executions that are due or running. In a thread with a runtime of its own: a destructor cannot wait in the test's.
fn left(url: String, now: DateTime<Utc>) -> Vec<String> {
    let look = async move {
        let mut connection = PgConnection::connect(&url).await?;
        let left = sqlx::query_scalar(LEFT).bind(now).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<Vec<String>, sqlx::Error>(left)
    };
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(look)
    });
    thread.join().expect("the look at what is left").expect("Postgres answers")
}
