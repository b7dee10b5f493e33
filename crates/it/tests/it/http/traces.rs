//! What ties a request to the work that it causes, and that work to its outgoing calls.

use testkit::{TestApp, gemini_says};

use crate::shelf::{book, good_answer, summary_of};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn the_request_id_and_the_trace_stand_in_the_jobs_that_it_causes() {
    let app = TestApp::start().await;
    let ann = app.reader().await;
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let ask = |path: &str| ann.post(path).header("x-request-id", "request-1").header("traceparent", &traceparent);
    ask(&summary_of(book())).await.expect(202);
    ask("/api/v1/trials").idempotency_key("k").await.expect(202);
    app.drain_all_jobs().await;
    // The mail about the trial was enqueued by the job that granted it.
    for kind in ["books.summarise", "accounts.grant_trial", "accounts.mail_trial"] {
        let execution = &app.executions(kind).await[0];
        assert_eq!(execution.correlation_id, "request-1", "{kind}");
        let trace = execution.traceparent.as_deref().unwrap_or_default();
        assert!(trace.contains(TRACE), "{kind}: {trace}");
    }
}

#[tokio::test]
async fn outgoing_calls_carry_the_trace_of_the_request_that_caused_them() {
    let app = TestApp::builder().gemini().start().await;
    app.fakes().gemini.answer(gemini_says(&good_answer()));
    let ann = app.reader().await;
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    ann.post(&summary_of(book())).header("traceparent", &traceparent).await.expect(202);
    app.drain_all_jobs().await;
    let calls = app.fakes().gemini.calls();
    assert!(calls[0].header("traceparent").unwrap_or_default().contains(TRACE), "{:?}", calls[0].headers);
}
