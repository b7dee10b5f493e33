-- Which keyed requests have committed something: such a request is not run again, whatever became of its answer.

alter table idempotency_keys add column committed_at timestamptz;

comment on column idempotency_keys.committed_at is 'set by each transaction of the request; null: nothing was done yet';
