//! The fault suite as a part of every test run. `cargo xtask torture` runs it with other seeds, and for longer.

use std::collections::BTreeSet;

use torture::{Options, run, script::Kind};

#[tokio::test(flavor = "multi_thread")]
async fn three_minutes_of_faults_break_no_promise() {
    let report = run(Options { minutes: 3.0, seed: 4, rounds: 1, ..Options::default() }).await;
    println!("{report}");
    assert!(report.violations.is_empty(), "{report}");
    let kinds: BTreeSet<Kind> = report.recoveries.iter().flat_map(|recovery| recovery.kinds.clone()).collect();
    assert_eq!(kinds, BTreeSet::from(Kind::ALL), "every kind of fault");
    // A quarter of the 4 500 that are asked for, and a few of what only some answers are: less would show little.
    let [committed, refused, uncertain] = report.told;
    assert!(committed >= 1_000 && refused >= 5 && uncertain >= 5, "{:?}", report.told);
}
