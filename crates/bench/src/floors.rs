//! What Postgres and Redis do at most with the same rows and values, measured beside the engine.

use std::time::Instant;

use futures::{StreamExt, future::join_all, stream};
use sqlx::PgPool;
use testkit::Lane;
use uuid::Uuid;

use crate::figures::{Figures, Rounds};

const ROWS: usize = 20_000;
const SINGLE: usize = 20_000;
const BATCH: usize = 1_000;
const AT_ONCE: usize = 50;

/// Measures raw inserts, claims and completions, and raw pushes.
pub async fn measure(figures: &mut Figures, lane: &Lane) {
    let pool = lane.db().pool();
    let mut rounds = Rounds::default();
    for _ in 0..3 {
        rounds.note("floor: single inserts", single_inserts(pool).await);
        let ids: Vec<Uuid> = (0..ROWS).map(|_| Uuid::now_v7()).collect();
        for (name, sql) in [
            ("floor: inserts in batches of 1000", INSERT),
            ("floor: claims in batches of 1000", CLAIM),
            ("floor: completions in batches of 1000", COMPLETE),
        ] {
            rounds.note(name, in_batches(pool, sql, &ids).await);
        }
        rounds.note("floor: Redis LPUSH, 50 at once", pushes(lane, (AT_ONCE, 1)).await);
        rounds.note("floor: Redis LPUSH, pipelined", pushes(lane, (1, BATCH)).await);
        sqlx::query("delete from executions where kind = 'bench.floor'").execute(pool).await.unwrap();
    }
    rounds.add_to(figures, "/s");
}

/// One statement a row, each its own transaction.
pub async fn single_inserts(pool: &PgPool) -> f64 {
    let began = Instant::now();
    let work = stream::iter(0..SINGLE).for_each_concurrent(AT_ONCE, async |_| {
        sqlx::query(INSERT).bind(vec![Uuid::now_v7()]).execute(pool).await.unwrap();
    });
    work.await;
    SINGLE as f64 / began.elapsed().as_secs_f64()
}

/// What a summary request asks of Postgres, without the request: one transaction for each of `books`, by readers who have not
/// asked for them.
pub async fn summary_requests(pool: &PgPool, books: &[Uuid]) -> f64 {
    let readers: Vec<(Uuid,)> =
        sqlx::query_as("select id from users where plan = 'scholar' limit 64").fetch_all(pool).await.unwrap();
    sqlx::query("delete from usage_counters").execute(pool).await.unwrap();
    let began = Instant::now();
    let each = books.len().div_ceil(readers.len());
    let work = readers.iter().zip(books.chunks(each)).map(|((reader,), books)| async move {
        for book in books {
            let execution = Uuid::now_v7();
            #[allow(clippy::disallowed_methods)] // the floor is below our own transactions
            let mut tx = pool.begin().await.unwrap();
            sqlx::query(LOCK).bind(book).fetch_one(&mut *tx).await.unwrap();
            sqlx::query(REQUEST).bind(reader).bind(book).fetch_optional(&mut *tx).await.unwrap();
            sqlx::query(SUMMARY).bind(book).fetch_optional(&mut *tx).await.unwrap();
            sqlx::query(READER).bind(reader).fetch_one(&mut *tx).await.unwrap();
            sqlx::query(SPEND).bind(reader).execute(&mut *tx).await.unwrap();
            sqlx::query(SUMMARISE).bind(execution).bind(book).execute(&mut *tx).await.unwrap();
            sqlx::query(RECORD).bind(reader).bind(book).bind(execution).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
    });
    join_all(work).await;
    books.len() as f64 / began.elapsed().as_secs_f64()
}

async fn in_batches(pool: &PgPool, sql: &'static str, ids: &[Uuid]) -> f64 {
    let began = Instant::now();
    for batch in ids.chunks(BATCH) {
        sqlx::query(sql).bind(batch).execute(pool).await.unwrap();
    }
    ids.len() as f64 / began.elapsed().as_secs_f64()
}

async fn pushes(lane: &Lane, (at_once, pipelined): (usize, usize)) -> f64 {
    let conn = lane.redis().connection().await;
    let began = Instant::now();
    let work = stream::iter(0..ROWS / pipelined).for_each_concurrent(at_once, async |_| {
        let mut pipe = redis::pipe();
        for _ in 0..pipelined {
            pipe.lpush("bench.floor", "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e@1700000000000000").ignore();
        }
        pipe.query_async::<()>(&mut conn.clone()).await.unwrap();
    });
    work.await;
    let rate = ROWS as f64 / began.elapsed().as_secs_f64();
    redis::cmd("DEL").arg("bench.floor").query_async::<()>(&mut conn.clone()).await.unwrap();
    rate
}

const INSERT: &str = "
insert into executions (id, kind, queue, args, state, max_attempts, run_at, dispatched_at, trigger, correlation_id, created_at)
select id, 'bench.floor', 'bench', jsonb_build_object('padding', repeat('x', 180)), 'queued', 1, now(), now(), 'api', id::text, now()
from unnest($1::uuid[]) as new (id)";

const CLAIM: &str = "
update executions set state = 'running', attempt = 1, lease_id = id, lease_until = now() + interval '1 hour', started_at = now()
where id = any($1) and state || '' = 'queued'";

const COMPLETE: &str = "
update executions set state = 'succeeded', finished_at = now(), duration_ms = 1, lease_id = null, lease_until = null
where id = any($1) and lease_id = id";

const LOCK: &str = "select id from books where id = $1 for no key update";
const REQUEST: &str = "select state, execution_id from summary_requests where user_id = $1 and book_id = $2";
const SUMMARY: &str = "select engine, model, content, created_at from summaries where book_id = $1";
const READER: &str = "select plan, trial_ends_at, period_anchor from users where id = $1 and deleted_at is null";
const SPEND: &str = "
insert into usage_counters (user_id, feature, period_start, used) values ($1, 'summaries', 'epoch', 1)
on conflict (user_id, feature, period_start) do update set used = usage_counters.used + 1 where usage_counters.used < 60";
const SUMMARISE: &str = "
insert into executions (id, kind, queue, args, state, max_attempts, run_at, dispatched_at, unique_key, trigger, correlation_id, created_at)
values ($1::uuid, 'bench.summarise', 'bench', jsonb_build_object('book_id', $2::uuid), 'queued', 4, now(), now(), $2::uuid::text, 'api',
        $1::uuid::text, now())
on conflict do nothing";
const RECORD: &str = "
insert into summary_requests (user_id, book_id, execution_id, state, paid_at) values ($1, $2, $3, 'waiting', now())
on conflict (user_id, book_id) do update set execution_id = excluded.execution_id, state = excluded.state";
