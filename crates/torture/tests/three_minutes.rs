//! The fault suite as a part of every test run. `cargo xtask torture` runs it with other seeds, and for longer.

use torture::{Options, run};

#[tokio::test(flavor = "multi_thread")]
async fn three_minutes_of_faults_break_no_promise() {
    let report = run(Options { minutes: 3.0, seed: 4, ..Options::default() }).await;
    assert!(report.violations.is_empty(), "{report}");
    println!("{report}");
}
