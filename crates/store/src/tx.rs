//! One open transaction, and what is told when it commits.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use kernel::{Problem, Result};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
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

/// An open transaction. When the last handle is dropped without a commit, it rolls back.
pub struct Tx(Arc<Open>);

struct Open {
    inner: OpenTx,
    now: DateTime<Utc>,
    listener: Option<Arc<dyn AfterCommit>>,
    notes: Mutex<Vec<Note>>,
}

impl Tx {
    pub(crate) async fn begin(conn: &Conn, now: DateTime<Utc>, listener: Option<Arc<dyn AfterCommit>>) -> Result<Self> {
        let inner = conn.begin().await?;
        Ok(Self(Arc::new(Open { inner, now, listener, notes: Mutex::default() })))
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

    pub(crate) async fn commit(self) -> Result<()> {
        let Some(open) = Arc::into_inner(self.0) else {
            return Err(Problem::internal("a transaction was kept beyond its closure"));
        };
        open.inner.commit().await?;
        let notes = open.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = open.listener.filter(|_| !notes.is_empty()) {
            listener.committed(notes);
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.0.inner.execute_raw(stmt).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.inner.query_one_raw(stmt).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.inner.query_all_raw(stmt).await
    }
}
