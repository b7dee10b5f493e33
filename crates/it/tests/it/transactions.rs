//! When the statements of a transaction run, and what of them stays.

use kernel::{Problem, Result, kinds};
use store::{Sql, Tx};
use testkit::TestApp;
use uuid::Uuid;

const INSERT: &str = "insert into processes (id, role, version, started_at, heartbeat_at, clock_skew_ms)
values ($1, $2, 'test', now(), now(), 0)";
const ROLE: &str = "select role from processes where id = $1";

/// Puts a row off: one that can be written, or one that Postgres refuses.
fn put_off(tx: &Tx, id: Uuid, role: &str) {
    tx.run_later(INSERT, [id.into(), role.into()]);
}

async fn role(db: &impl Sql, id: Uuid) -> Option<String> {
    db.scalar(ROLE, [id.into()]).await.unwrap()
}

#[tokio::test]
async fn what_is_put_off_is_there_for_the_next_statement_and_goes_with_a_rollback() {
    let app = TestApp::start().await;
    let id = Uuid::now_v7();
    let ended: Result<()> = app
        .db()
        .tx(async |tx: Tx| {
            put_off(&tx, id, "web");
            assert_eq!(role(&tx, id).await.as_deref(), Some("web"));
            Err(Problem::new(&kinds::NOT_FOUND))
        })
        .await;
    assert!(ended.unwrap_err().is(&kinds::NOT_FOUND));
    assert_eq!(role(app.db().conn(), id).await, None);
}

#[tokio::test]
async fn what_is_put_off_is_written_with_the_commit_alone_in_company_and_after_others() {
    let app = TestApp::start().await;
    for (others, before) in [(0, false), (1, false), (0, true), (2, true)] {
        let ids: Vec<Uuid> = (0..=others).map(|_| Uuid::now_v7()).collect();
        let written = app.db().tx(async |tx: Tx| {
            if before {
                role(&tx, ids[0]).await;
            }
            for &id in &ids {
                put_off(&tx, id, "worker");
            }
            Ok(())
        });
        written.await.unwrap();
        for id in ids {
            assert_eq!(role(app.db().conn(), id).await.as_deref(), Some("worker"));
        }
    }
}

#[tokio::test]
async fn what_is_put_off_and_refused_takes_the_whole_transaction_with_it() {
    let app = TestApp::start().await;
    for wrong_first in [true, false] {
        let (good, wrong) = (Uuid::now_v7(), Uuid::now_v7());
        let ended: Result<()> = app
            .db()
            .tx(async |tx: Tx| {
                let mut rows = [(good, "web"), (wrong, "\0")];
                if wrong_first {
                    rows.reverse();
                }
                for (id, role) in rows {
                    put_off(&tx, id, role);
                }
                Ok(())
            })
            .await;
        assert!(ended.is_err());
        assert_eq!(role(app.db().conn(), good).await, None);
    }
}

#[tokio::test]
async fn a_statement_alone_that_is_refused_is_the_transaction_s_error() {
    let app = TestApp::start().await;
    let refused: Result<()> = app
        .db()
        .tx(async |tx: Tx| {
            put_off(&tx, Uuid::now_v7(), "\0");
            Ok(())
        })
        .await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_refusal_that_is_ignored_is_not_committed_over() {
    let app = TestApp::start().await;
    let ended: Result<()> = app
        .db()
        .tx(async |tx: Tx| {
            put_off(&tx, Uuid::now_v7(), "\0");
            let ignored: Result<Option<String>> = tx.scalar(ROLE, [Uuid::now_v7().into()]).await;
            assert!(ignored.is_err());
            Ok(())
        })
        .await;
    assert!(ended.is_err());
}

/// Upstream issue 4385 of sqlx: what comes next by that connection would be rolled back with it.
#[tokio::test]
async fn a_transaction_whose_caller_leaves_while_it_begins_is_not_left_open() {
    let app = TestApp::start().await;
    let beside = app.db().beside(1); // by the same connection it would be busy with the question
    let open = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    // Sooner or later: one of them leaves when the beginning is sent and not yet answered.
    for polls in 1..=40 {
        app.db().ping().await.unwrap(); // there is a connection to begin by
        let mut leaves = Box::pin(app.db().tx(async |tx: Tx| Ok(role(&tx, Uuid::now_v7()).await)));
        for _ in 0..polls {
            if futures::poll!(&mut leaves).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(leaves);
        let mut looks = 0;
        while beside.conn().scalar::<i64, _>(open, []).await.unwrap() != Some(0) {
            looks += 1;
            assert!(looks < 100, "left after {polls} polls, and open for a second since");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}
