//! What has the last word before a commit.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use futures::future::BoxFuture;
use kernel::{Problem, Result, kinds};
use sea_orm::ConnectionTrait;
use store::{BeforeCommit, Sql, Tx, guarded};
use testkit::TestApp;

use crate::shelf::count;

const DONE: &str = "insert into roles (name) values ('by a guarded transaction')";
const FOUND: &str = "select count(*) from roles where name like 'by a%'";

/// Lets so many pass.
struct Turnstile {
    left: usize,
    seen: AtomicUsize,
}

impl Turnstile {
    fn of(left: usize) -> Arc<Self> {
        Arc::new(Self { left, seen: AtomicUsize::new(0) })
    }
}

impl BeforeCommit for Turnstile {
    fn check<'a>(&'a self, tx: &'a Tx) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.seen.fetch_add(1, Relaxed) == self.left {
                return Err(Problem::new(&kinds::CONFLICT));
            }
            tx.run("insert into roles (name) values ('by a guard')", []).await?;
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_transaction_that_its_guard_refuses_rolls_back() {
    let app = TestApp::start().await;
    let turnstile = Turnstile::of(0);
    let refused = guarded(turnstile.clone(), app.db().tx(async |tx: Tx| tx.run(DONE, []).await)).await;
    assert!(refused.unwrap_err().is(&kinds::CONFLICT));
    assert_eq!((count(&app, FOUND).await, turnstile.seen.load(Relaxed)), (0, 1));
}

#[tokio::test]
async fn what_the_guard_writes_is_committed_with_the_work_that_it_guards_and_no_other() {
    let app = TestApp::start().await;
    let turnstile = Turnstile::of(1);
    guarded(turnstile.clone(), app.db().tx(async |tx: Tx| tx.run(DONE, []).await)).await.unwrap();
    assert_eq!((count(&app, FOUND).await, turnstile.seen.load(Relaxed)), (2, 1));
    let delete = "delete from roles where name like 'by a%'";
    app.db().tx(async |tx: Tx| tx.run(delete, []).await).await.unwrap();
    assert_eq!((count(&app, FOUND).await, turnstile.seen.load(Relaxed)), (0, 1));
}

#[tokio::test]
async fn the_guard_runs_in_each_try_of_a_transaction() {
    let app = TestApp::start().await;
    // The first commit fails, as it may when transactions are in each other's way.
    let refuse = "create sequence tries;
                  create function once() returns trigger language plpgsql as $$ begin
                      if nextval('tries') = 1 then raise exception 'again' using errcode = '40001'; end if;
                      return null;
                  end $$;
                  create constraint trigger once after insert on roles deferrable initially deferred
                      for each row when (new.name like '%transaction') execute function once()";
    app.db().conn().execute_unprepared(refuse).await.unwrap();
    let turnstile = Turnstile::of(9);
    guarded(turnstile.clone(), app.db().tx(async |tx: Tx| tx.run(DONE, []).await)).await.unwrap();
    assert_eq!((count(&app, FOUND).await, turnstile.seen.load(Relaxed)), (2, 2));
}
