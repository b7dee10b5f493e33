//! What the database itself saw: triggers write down each change of an execution's state, and each exclusive run, in its
//! transaction.

use store::{Db, Sql};

/// `seen` has one row for each change of a state; effects and changes know their transaction and the real time.
const INSTALL: [&str; 9] = [
    "create table seen (
        id           bigint generated always as identity primary key,
        execution_id uuid not null,
        was          text not null,
        became       text not null,
        lease_id     uuid,
        attempt      integer not null,
        max_attempts integer not null,
        run_at       timestamptz not null,
        xact         xid8 not null default pg_current_xact_id(),
        at           timestamptz not null default clock_timestamp()
    )",
    "create index seen_execution on seen (execution_id, id)",
    // The lease of a claim is the new one, that of an end the one that it gives up.
    "create function see() returns trigger language plpgsql as $$
    begin
        insert into seen (execution_id, was, became, lease_id, attempt, max_attempts, run_at)
        values (new.id, old.state, new.state, coalesce(new.lease_id, old.lease_id), new.attempt, new.max_attempts, new.run_at);
        return null;
    end $$",
    "create trigger see after update of state on executions for each row
     when (old.state is distinct from new.state) execute function see()",
    "alter table drill_effects add column xact xid8 default pg_current_xact_id()",
    "create table told (marker text not null, id uuid, answer text not null, key text, at timestamptz not null)",
    "create table exclusive_runs (overlapping boolean not null, at timestamptz not null default clock_timestamp())",
    // The load's exclusive job is the only one that deletes executions, with one statement, and leaves nothing else to see. The
    // statement takes a while here, so that two of them meet; the lock is the transaction's, so that one that is cut off gives it up.
    "create function see_exclusive() returns trigger language plpgsql as $$
    begin
        insert into exclusive_runs (overlapping) values (not pg_try_advisory_xact_lock(hashtextextended('torture', 0)));
        perform pg_sleep(0.1);
        return null;
    end $$",
    "create trigger see_exclusive before delete on executions for each statement execute function see_exclusive()",
];

/// Installs it; to be called before anything is enqueued.
pub async fn install(db: &Db) {
    for statement in INSTALL {
        db.conn().run(statement, []).await.unwrap();
    }
}
