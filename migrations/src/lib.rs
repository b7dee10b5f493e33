//! The schema: forward-only SQL files in one global order, applied under an advisory lock and checksummed.

use sqlx::{
    Executor, PgPool, Postgres,
    migrate::{MigrateError, Migrator},
};

const MIGRATOR: Migrator = sqlx::migrate!("./sql");

/// Applies what is missing; returns how many migrations that was. Concurrent calls wait for each other: by a lock of the session,
/// so `pool` must reach Postgres itself, not PgBouncer in transaction mode.
///
/// # Errors
/// When a migration fails, or an applied one was edited afterwards (its checksum differs).
pub async fn run(pool: &PgPool) -> Result<usize, MigrateError> {
    let missing = missing(pool).await?;
    let mut migrator = MIGRATOR;
    // After a rollback the database is ahead of the code; migrations only extend, so that is fine.
    migrator.set_ignore_missing(true).run(pool).await?;
    Ok(missing)
}

/// How many migrations of this code are not applied yet.
///
/// # Errors
/// When Postgres cannot be asked.
pub async fn missing<'c>(on: impl Executor<'c, Database = Postgres> + Copy) -> Result<usize, sqlx::Error> {
    let known = sqlx::query_scalar::<_, bool>("select to_regclass('_sqlx_migrations') is not null");
    if !known.fetch_one(on).await? {
        return Ok(MIGRATOR.iter().count());
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(on).await?;
    Ok(MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version)).count())
}

/// A digest of all migrations: names a database that was made from exactly these.
pub fn fingerprint() -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325; // FNV-1a over checksums that are cryptographic themselves
    for byte in MIGRATOR.iter().flat_map(|migration| migration.checksum.iter()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}
