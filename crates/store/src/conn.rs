//! What SeaORM's statements go to: a pool or one transaction, by sea-orm's own way or, behind PgBouncer, unnamed.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    SqlxPostgresConnector, Statement, TransactionTrait,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Error, Postgres, Transaction, query::Query};
use tokio::sync::Mutex;

use crate::pool::{Pool, Statements};

/// The pool, for single statements outside a transaction.
#[derive(Clone, Debug)]
pub struct Conn {
    orm: DatabaseConnection,
    pool: Pool,
}

impl Conn {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { orm: SqlxPostgresConnector::from_sqlx_postgres_pool((*pool).clone()), pool }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// In a task of its own, which its caller cannot cancel half-way: sqlx 0.9 gives a connection whose `begin` was dropped back to
    /// the pool with the transaction open, and whatever comes next ends in it (upstream issue 4385).
    pub(crate) async fn begin(&self) -> Result<OpenTx, DbErr> {
        let this = self.clone();
        #[allow(clippy::disallowed_methods)] // the one place that begins transactions
        let begun = tokio::spawn(async move {
            match this.pool.statements() {
                Statements::Kept => this.orm.begin().await.map(OpenTx::Kept),
                Statements::Unnamed => {
                    let tx = this.pool.begin().await.map_err(conn_error)?;
                    Ok(OpenTx::Unnamed(Mutex::new(tx)))
                }
            }
        });
        begun.await.unwrap_or_else(|ended| Err(DbErr::Custom(ended.to_string())))
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Conn {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        match self.pool.statements() {
            Statements::Kept => self.orm.execute_raw(stmt).await,
            Statements::Unnamed => Ok(query(stmt).execute(&self.pool).await.map_err(exec_error)?.into()),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.orm.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.pool.statements() {
            Statements::Kept => self.orm.query_one_raw(stmt).await,
            Statements::Unnamed => {
                Ok(query(stmt).fetch_optional(&self.pool).await.map_err(query_error)?.map(Into::into))
            }
        }
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.pool.statements() {
            Statements::Kept => self.orm.query_all_raw(stmt).await,
            Statements::Unnamed => {
                let rows = query(stmt).fetch_all(&self.pool).await.map_err(query_error)?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
        }
    }
}

/// An open transaction of either way.
pub(crate) enum OpenTx {
    Kept(DatabaseTransaction),
    Unnamed(Mutex<Transaction<'static, Postgres>>),
}

impl OpenTx {
    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Kept(tx) => tx.commit().await,
            Self::Unnamed(tx) => tx.into_inner().commit().await.map_err(exec_error),
        }
    }

    pub async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Kept(tx) => tx.execute_raw(stmt).await,
            Self::Unnamed(tx) => {
                let mut tx = tx.lock().await;
                Ok(query(stmt).execute(&mut **tx).await.map_err(exec_error)?.into())
            }
        }
    }

    pub async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Kept(tx) => tx.execute_unprepared(sql).await,
            Self::Unnamed(tx) => {
                let mut tx = tx.lock().await;
                let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                Ok(sql.execute(&mut **tx).await.map_err(exec_error)?.into())
            }
        }
    }

    pub async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Kept(tx) => tx.query_one_raw(stmt).await,
            Self::Unnamed(tx) => {
                let mut tx = tx.lock().await;
                Ok(query(stmt).fetch_optional(&mut **tx).await.map_err(query_error)?.map(Into::into))
            }
        }
    }

    pub async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Kept(tx) => tx.query_all_raw(stmt).await,
            Self::Unnamed(tx) => {
                let mut tx = tx.lock().await;
                let rows = query(stmt).fetch_all(&mut **tx).await.map_err(query_error)?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
        }
    }
}

fn query(stmt: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = SqlxValues(stmt.values.unwrap_or_else(|| sea_orm::Values(Vec::new())));
    sqlx::query_with(AssertSqlSafe(stmt.sql), values).persistent(false)
}

fn conn_error(error: Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

fn exec_error(error: Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

fn query_error(error: Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}
