-- Audit: every change and every refused attempt, by whom. Rows are added and never touched again (owned by crate audit).

create table audit_log (
    id         uuid primary key,
    at         timestamptz not null,
    actor      text,
    actor_name text,
    label      text,
    action     text not null,
    target     text,
    outcome    text not null constraint audit_log_outcome check (outcome in ('done', 'refused')),
    problem    text,
    changes    jsonb not null default '[]',
    request_id text not null,
    method     text,
    path       text,
    constraint audit_log_problem check ((outcome = 'refused') = (problem is not null))
);

comment on column audit_log.id is 'UUIDv7: later rows sort after earlier ones';
comment on column audit_log.actor is 'user:<uuid> or key:<uuid>; null: nobody known';
comment on column audit_log.label is 'what the caller said of itself; never verified';
comment on column audit_log.changes is 'list of {pointer, before, after}; secrets as ***';
comment on column audit_log.path is 'without its query';

-- What GET /api/v1/audit filters by, newest first.
create index audit_log_actor on audit_log (actor, id);
create index audit_log_action on audit_log (action text_pattern_ops, id);
create index audit_log_target on audit_log (target, id) where target is not null;
create index audit_log_request on audit_log (request_id);
create index audit_log_refused on audit_log (id) where outcome = 'refused';
create index audit_log_at on audit_log (at);

-- A grant keeps ordinary roles away, the owner among them until it grants itself the right again; the trigger stops
-- whoever is left: a superuser is bound by no grant.
create function audit_log_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit_log is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_log_append_only before update or delete or truncate on audit_log
    for each statement execute function audit_log_is_append_only();
-- Also where triggers of replication only are fired.
alter table audit_log enable always trigger audit_log_append_only;

revoke update, delete, truncate on audit_log from public;
revoke update, delete, truncate on audit_log from current_user;
