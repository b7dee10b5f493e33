//! What the database itself saw: a trigger writes down each change of an execution's state, in its transaction.

use store::{Db, Sql};

/// `seen` has one row for each change of a state; effects and changes know their transaction and the real time.
const INSTALL: [&str; 6] = [
    "create table seen (
        id           bigint generated always as identity primary key,
        execution_id uuid not null,
        was          text not null,
        became       text not null,
        lease_id     uuid,
        attempt      integer not null,
        run_at       timestamptz not null,
        xact         xid8 not null default pg_current_xact_id(),
        at           timestamptz not null default clock_timestamp()
    )",
    "create index seen_execution on seen (execution_id, id)",
    // The lease of a claim is the new one, that of an end the one that it gives up.
    "create function see() returns trigger language plpgsql as $$
    begin
        insert into seen (execution_id, was, became, lease_id, attempt, run_at)
        values (new.id, old.state, new.state, coalesce(new.lease_id, old.lease_id), new.attempt, new.run_at);
        return null;
    end $$",
    "create trigger see after update of state on executions for each row
     when (old.state is distinct from new.state) execute function see()",
    "alter table drill_effects add column xact xid8 default pg_current_xact_id()",
    "create table told (marker text not null, id uuid, answer text not null, at timestamptz not null)",
];

/// Installs it; to be called before anything is enqueued.
pub async fn install(db: &Db) {
    for statement in INSTALL {
        db.conn().run(statement, []).await.unwrap();
    }
}
