//! One transaction, and what is told when it commits.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use chrono::{DateTime, Utc};
use kernel::{Problem, Result};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, Value};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::conn::{Conn, OpenTx};

/// Something that was written, for whoever acts on it once it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who cares: the queue of an execution.
    pub topic: &'static str,
    /// What was written.
    pub id: Uuid,
    /// When it matters.
    pub at: DateTime<Utc>,
    /// How urgent it is; higher goes first.
    pub rank: i16,
}

/// Hears the notes of a transaction right after its commit. Must not block.
pub trait AfterCommit: Send + Sync {
    /// The transaction that wrote `notes` is durable.
    fn committed(&self, notes: Vec<Note>);
}

/// A transaction. It begins with its first statement; when the last handle is dropped without a commit, it rolls back.
pub struct Tx(Arc<Open>);

struct Open {
    conn: Arc<Conn>,
    begun: OnceCell<OpenTx>,
    later: Mutex<VecDeque<Statement>>,
    /// One of `later` was sent, and is not known to have been done.
    doubtful: AtomicBool,
    now: DateTime<Utc>,
    listener: Option<Arc<dyn AfterCommit>>,
    notes: Mutex<Vec<Note>>,
}

impl Tx {
    pub(crate) fn new(conn: Arc<Conn>, now: DateTime<Utc>, listener: Option<Arc<dyn AfterCommit>>) -> Self {
        let (begun, later, notes) = (OnceCell::new(), Mutex::default(), Mutex::default());
        Self(Arc::new(Open { conn, begun, later, doubtful: AtomicBool::new(false), now, listener, notes }))
    }

    /// A second handle on the same transaction, for a nested closure that takes one by value.
    pub fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// The instant the transaction began: one "now" for everything it writes.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.now
    }

    /// Remembers `note` for after the commit; dropped when nobody listens (see [`Tx::is_heard`]).
    pub fn note(&self, note: Note) {
        if self.0.listener.is_some() {
            self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        }
    }

    /// Whether notes of this transaction will be heard.
    pub fn is_heard(&self) -> bool {
        self.0.listener.is_some()
    }

    /// Runs a statement whose outcome nothing depends on: right before the next statement of this transaction, or with the
    /// commit. Alone in its transaction it costs one round trip instead of three. Its error is that of whatever it ran with.
    pub fn run_later<V: IntoIterator<Item = Value>>(&self, sql: &'static str, values: V) {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        self.0.later.lock().unwrap_or_else(PoisonError::into_inner).push_back(statement);
    }

    pub(crate) async fn commit(self) -> Result<()> {
        let Some(mut open) = Arc::into_inner(self.0) else {
            return Err(Problem::internal("a transaction was kept beyond its closure"));
        };
        open.commit().await?;
        let notes = open.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = open.listener.filter(|_| !notes.is_empty()) {
            listener.committed(notes);
        }
        Ok(())
    }
}

impl Open {
    /// The transaction, begun, with everything in it that was to run before its next statement.
    async fn ready(&self) -> Result<&OpenTx, DbErr> {
        let begun = self.begun.get_or_try_init(|| self.conn.begin()).await?;
        while let Some(statement) = self.next_later() {
            self.doubtful.store(true, Relaxed);
            begun.execute_raw(statement).await?;
            self.doubtful.store(false, Relaxed);
        }
        Ok(begun)
    }

    fn next_later(&self) -> Option<Statement> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    async fn commit(&mut self) -> Result<(), DbErr> {
        let later = self.later.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !self.begun.initialized() && later.len() <= 1 {
            // A statement by itself is a transaction.
            if let Some(only) = later.pop_front() {
                self.conn.execute_raw(only).await?;
            }
            return Ok(());
        }
        self.ready().await?;
        if self.doubtful.load(Relaxed) {
            // The caller went on although it was refused, or gave up waiting for it.
            return Err(DbErr::Custom("a statement of this transaction was not done".to_owned()));
        }
        match self.begun.take() {
            Some(begun) => begun.commit().await,
            None => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.0.ready().await?.execute_raw(stmt).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.ready().await?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.ready().await?.query_one_raw(stmt).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.ready().await?.query_all_raw(stmt).await
    }
}
