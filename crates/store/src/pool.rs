//! The driver's pool, and how statements go to a server that is shared by transactions.
//!
//! PgBouncer in transaction mode gives a connection of ours another server connection for each transaction. sqlx prepares a
//! statement and runs it in two steps, and gives it a name even when it keeps no statements, so outside a transaction the second
//! step may meet a server that does not know the name, and inside one a name that somebody else left there. So without a cache
//! of statements every statement is unnamed, and runs in a transaction.

use std::ops::Deref;

use futures::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Either, Error, Execute, Executor, PgPool, Postgres, SqlStr,
    error::BoxDynError,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

/// How statements are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statements {
    /// By name, and kept for as long as the connection.
    Kept,
    /// Without a name, for one transaction.
    Unnamed,
}

/// A pool of connections that takes the driver's statements. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    driver: PgPool,
    statements: Statements,
}

impl Pool {
    pub(crate) fn new(driver: PgPool, statements: Statements) -> Self {
        Self { driver, statements }
    }

    pub(crate) fn statements(&self) -> Statements {
        self.statements
    }
}

/// A connection taken from it by hand stays what it is: behind PgBouncer only `sqlx::raw_sql` is safe on it.
impl Deref for Pool {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.driver
    }
}

type Step = Either<PgQueryResult, PgRow>;

impl<'c> Executor<'c> for &'c Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.statements {
            Statements::Kept => self.driver.fetch_many(query),
            Statements::Unnamed => {
                let steps = in_transaction(&self.driver, query);
                steps.map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten_stream().boxed()
            }
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.statements {
            Statements::Kept => self.driver.fetch_optional(query),
            Statements::Unnamed => {
                let steps = in_transaction(&self.driver, query);
                steps.map_ok(|steps| steps.into_iter().find_map(Either::right)).boxed()
            }
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.driver.prepare_with(sql, types)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.driver.describe(sql)
    }
}

/// Everything that the statement answers, after the commit.
async fn in_transaction<'q, E: 'q + Execute<'q, Postgres>>(driver: &PgPool, query: E) -> Result<Vec<Step>, Error> {
    #[allow(clippy::disallowed_methods)] // around a single statement
    let mut tx = driver.begin().await?;
    let steps = tx.fetch_many(Unnamed(query)).try_collect().await?;
    tx.commit().await?;
    Ok(steps)
}

/// The statement, without a name.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}
