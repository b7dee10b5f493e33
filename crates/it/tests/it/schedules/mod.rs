//! Recurring work: declared in code, due by the clock, and accounted for.

mod api;
mod backfill;
mod bulk;
mod calendars;
mod classic;
mod declared;
mod due;
mod history;
mod housekeeping;
mod ledger;
mod targets;

/// An application whose access tokens outlive the days that these tests let pass.
async fn start() -> testkit::TestApp {
    testkit::TestApp::with(|config| config.accounts.access_token_ttl = std::time::Duration::from_secs(30 * 86_400))
        .await
}
