//! Plain SQL on a pool or a transaction, for the engine and the read models.

use kernel::Result;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement, Value};

use crate::faults::classify;

/// Runs one statement with its parameters. Implemented for pools and transactions.
pub trait Sql: ConnectionTrait {
    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// `unavailable` when Postgres is away, else `internal-error`.
    fn run<V>(&self, sql: &'static str, values: V) -> impl Future<Output = Result<u64>> + Send
    where
        V: IntoIterator<Item = Value> + Send,
    {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        async move { Ok(self.execute_raw(statement).await.map_err(|e| classify(e.into()))?.rows_affected()) }
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// As [`Sql::run`].
    fn query<T, V>(&self, sql: &'static str, values: V) -> impl Future<Output = Result<Vec<T>>> + Send
    where
        T: FromQueryResult + Send,
        V: IntoIterator<Item = Value> + Send,
    {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        async move {
            let rows = self.query_all_raw(statement).await.map_err(|e| classify(e.into()))?;
            rows.iter().map(|row| T::from_query_result(row, "").map_err(Into::into)).collect()
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Sql::run`].
    fn query_opt<T, V>(&self, sql: &'static str, values: V) -> impl Future<Output = Result<Option<T>>> + Send
    where
        T: FromQueryResult + Send,
        V: IntoIterator<Item = Value> + Send,
    {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        async move {
            let row = self.query_one_raw(statement).await.map_err(|e| classify(e.into()))?;
            row.map(|row| T::from_query_result(&row, "").map_err(Into::into)).transpose()
        }
    }

    /// The first column of the first row, if there is one.
    ///
    /// # Errors
    /// As [`Sql::run`].
    fn scalar<T, V>(&self, sql: &'static str, values: V) -> impl Future<Output = Result<Option<T>>> + Send
    where
        T: sea_orm::TryGetable + Send,
        V: IntoIterator<Item = Value> + Send,
    {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        async move {
            let row: Option<QueryResult> = self.query_one_raw(statement).await.map_err(|e| classify(e.into()))?;
            row.map(|row| row.try_get_by_index(0).map_err(Into::into)).transpose()
        }
    }
}

impl<C: ConnectionTrait> Sql for C {}
