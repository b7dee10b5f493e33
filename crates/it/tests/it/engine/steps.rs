//! The statements of two engines in random order against the model of `crates/jobs/tests/protocol`: every answer and every row.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use jobs::{Enqueue, InHand, Noop, Steps, Success};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sea_orm::FromQueryResult;
use store::Sql;
use testkit::TestApp;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::rules::{End, Phase, Protocol, Row};

const LEASE: Duration = Duration::from_secs(30);
const JOBS: usize = 2;
const ENGINES: usize = 2;
/// Sequences for proptest's usual 256 cases.
const SEQUENCES: u32 = 80;

/// One thing to do; numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Claim {
        engine: usize,
        job: usize,
    },
    /// Succeeds with an effect, in one transaction.
    Commit {
        held: usize,
    },
    Succeed {
        held: usize,
    },
    Fail {
        held: usize,
    },
    /// The worker dies: nobody has the attempt in hand any more.
    Die {
        held: usize,
    },
    Renew {
        engine: usize,
    },
    Rescue {
        engine: usize,
    },
    Expire {
        job: usize,
    },
    ComesDue {
        job: usize,
    },
    /// What a crash of Postgres does to a claim that is not on disk.
    LoseClaim {
        job: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (engine, job, held) = (0..ENGINES, 0..JOBS, 0..8_usize);
    let step = prop_oneof![
        9 => (engine.clone(), job.clone()).prop_map(|(engine, job)| Step::Claim { engine, job }),
        1 => held.clone().prop_map(|held| Step::Commit { held }),
        1 => held.clone().prop_map(|held| Step::Succeed { held }),
        2 => held.clone().prop_map(|held| Step::Fail { held }),
        1 => held.prop_map(|held| Step::Die { held }),
        2 => engine.clone().prop_map(|engine| Step::Renew { engine }),
        3 => engine.prop_map(|engine| Step::Rescue { engine }),
        4 => job.clone().prop_map(|job| Step::Expire { job }),
        3 => job.clone().prop_map(|job| Step::ComesDue { job }),
        5 => job.prop_map(|job| Step::LoseClaim { job }),
    ];
    vec(step, 20..50)
}

/// An attempt in hand: where, as the model numbers its lease, and the real one.
struct Held {
    engine: usize,
    job: usize,
    lease: u8,
    attempt: u8,
    real: InHand,
}

/// The engines, and what the model expects of the rows.
struct Bench<'a> {
    app: &'a TestApp,
    engines: Vec<Steps>,
    ids: Vec<Uuid>,
    rows: Vec<Row>,
    /// The row before its last change, if that was a claim.
    before: Vec<Option<Row>>,
    held: Vec<Held>,
    leases: HashMap<Uuid, u8>,
}

#[derive(FromQueryResult)]
struct Real {
    state: String,
    attempt: i32,
    lease_id: Option<Uuid>,
    lease_until: Option<DateTime<Utc>>,
    run_at: DateTime<Utc>,
    ended: bool,
    effects: i64,
}

const ROW: &str = "
select state, attempt, lease_id, lease_until, run_at, finished_at is not null as ended,
       (select count(*) from drill_effects where execution_id = e.id) as effects
from executions e where id = $1";
const EXPIRE: &str = "update executions set lease_until = $2 - interval '1 second' where id = $1 and state = 'running'";
const COMES_DUE: &str = "update executions set run_at = $2 where id = $1 and state = 'queued' and run_at > $2";
const LOSE_CLAIM: &str = "
update executions set state = 'queued', attempt = attempt - 1, lease_id = null, lease_until = null, worker = null, started_at = null
where id = $1 and state = 'running'";

/// The protocol with the attempts that the jobs here have.
const OURS: Protocol = Protocol { attempts: 3, ..Protocol::OURS };

impl<'a> Bench<'a> {
    async fn new(app: &'a TestApp) -> Self {
        let mut ids = Vec::new();
        for _ in 0..JOBS {
            let options = Enqueue::now().max_attempts(u16::from(OURS.attempts));
            ids.push(app.enqueue(&Noop::default(), options).await.0);
        }
        Self {
            app,
            engines: (0..ENGINES).map(|_| Steps::new(app.db().clone(), LEASE)).collect(),
            ids,
            rows: vec![Row::NEW; JOBS],
            before: vec![None; JOBS],
            held: Vec::new(),
            leases: HashMap::new(),
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Claim { engine, job } => self.claim(engine, job).await,
            Step::Commit { held } => self.end(held, End::Success, true).await,
            Step::Succeed { held } => self.end(held, End::Success, false).await,
            Step::Fail { held } => self.end(held, End::Failure, false).await,
            Step::Die { held } if !self.held.is_empty() => drop(self.held.swap_remove(held % self.held.len())),
            Step::Die { .. } => {}
            Step::Renew { engine } => self.renew(engine).await,
            Step::Rescue { engine } => self.rescue(engine).await,
            Step::Expire { job } => {
                self.write(EXPIRE, job).await;
                let row = &mut self.rows[job];
                row.expired |= row.phase == Phase::Running;
            }
            Step::ComesDue { job } => {
                self.write(COMES_DUE, job).await;
                let row = &mut self.rows[job];
                row.due |= row.phase == Phase::Queued;
            }
            Step::LoseClaim { job } => {
                if let Some(before) = self.before[job].take() {
                    self.app.db().conn().run(LOSE_CLAIM, [self.ids[job].into()]).await.unwrap();
                    self.rows[job] = before;
                }
            }
        }
    }

    async fn write(&self, sql: &'static str, job: usize) {
        self.app.db().conn().run(sql, [self.ids[job].into(), self.app.clock().now().into()]).await.unwrap();
    }

    async fn claim(&mut self, engine: usize, job: usize) {
        let real = self.engines[engine].claim(self.ids[job]).await.unwrap();
        let lease = self.leases.len() as u8 + 1;
        let expected = OURS.claim(self.rows[job], lease);
        assert_eq!(real.is_some(), expected.is_some(), "whether it is claimed");
        if let (Some(real), Some(row)) = (real, expected) {
            assert_eq!(self.leases.insert(real.lease_id(), lease), None, "a lease id is used twice");
            self.before[job] = Some(self.rows[job]);
            self.rows[job] = row;
            self.held.push(Held { engine, job, lease, attempt: row.attempt, real });
        }
    }

    async fn end(&mut self, held: usize, end: End, with_effect: bool) {
        if self.held.is_empty() {
            return;
        }
        let Held { engine, job, lease, attempt, real } = self.held.swap_remove(held % self.held.len());
        let engine = &self.engines[engine];
        let recorded = match end {
            End::Success if with_effect => commit(engine, &real).await,
            End::Success => engine.succeed(&real).await.unwrap(),
            End::Failure => engine.fail(&real, Duration::from_secs(60)).await.unwrap(),
        };
        let expected = OURS.finish(self.rows[job], lease, attempt, end);
        assert_eq!(recorded, expected.is_some(), "whether its end is recorded");
        if let Some(row) = expected {
            let effects = self.rows[job].effects + u8::from(with_effect);
            self.rows[job] = Row { effects, ..row };
            self.before[job] = None;
        }
    }

    async fn renew(&mut self, engine: usize) {
        self.engines[engine].renew().await.unwrap();
        for held in self.held.iter().filter(|held| held.engine == engine) {
            let renewed = Protocol::renew(self.rows[held.job], held.lease);
            let lost = self.engines[engine].knows_it_is_lost(&held.real);
            assert_eq!(lost, renewed.is_none(), "whether it is told that its lease is lost");
            if let Some(row) = renewed {
                self.rows[held.job] = row;
                self.before[held.job] = None;
            }
        }
    }

    async fn rescue(&mut self, engine: usize) {
        let rescued = self.engines[engine].rescue().await.unwrap();
        for job in 0..JOBS {
            let expected = OURS.rescue(self.rows[job]);
            let queued = expected.is_some_and(|row| row.phase == Phase::Queued);
            assert_eq!(rescued.contains(&self.ids[job]), queued, "whether it gets a ticket");
            if let Some(row) = expected {
                self.rows[job] = row;
                self.before[job] = None;
            }
        }
    }

    /// Every row is as the model has it.
    async fn compare(&self) {
        let now = self.app.clock().now();
        for (id, expected) in self.ids.iter().zip(&self.rows) {
            let real: Real = self.app.db().conn().query_opt(ROW, [(*id).into()]).await.unwrap().unwrap();
            let phase = match real.state.as_str() {
                "queued" => Phase::Queued,
                "running" => Phase::Running,
                "succeeded" => Phase::Succeeded,
                "failed" => Phase::Failed,
                other => panic!("{other}"),
            };
            assert_eq!(real.ended, expected.is_over());
            let found = Row {
                phase,
                attempt: real.attempt as u8,
                lease: real.lease_id.map_or(0, |lease| self.leases[&lease]),
                expired: real.lease_until.is_some_and(|until| until < now),
                due: real.run_at <= now,
                dispatched: expected.dispatched, // no wire here
                effects: real.effects as u8,
            };
            assert_eq!(found, *expected);
        }
    }
}

/// Success with an effect in the same transaction, as a job does it; whether it was committed.
async fn commit(engine: &Steps, held: &InHand) -> bool {
    let me = engine.attempt(held);
    let committed = me.commit(async |tx| {
        let effect = "insert into drill_effects (execution_id, attempt, at) values ($1, $2, $3)";
        tx.run(effect, [me.id().0.into(), i64::from(me.number()).into(), tx.now().into()]).await?;
        Ok(Success::default())
    });
    committed.await.is_ok()
}

#[test]
fn two_engines_in_any_order_do_to_the_rows_what_the_model_says() {
    let runtime = Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::start());
    let usual = Config::default();
    let config = Config { cases: (usual.cases * SEQUENCES / 256).max(1), failure_persistence: None, ..usual };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let mut bench = Bench::new(&app).await;
            for step in steps {
                bench.step(step).await;
                bench.compare().await;
            }
            app.db().conn().run("delete from executions", []).await.unwrap();
        });
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let _inside = runtime.enter();
    drop(app);
}
