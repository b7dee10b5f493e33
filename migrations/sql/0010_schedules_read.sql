-- Lists of schedules, in each of their orders: a page is read from an index where the one before ended.

create index schedules_by_name on schedules (name collate "C", id) where deleted_at is null;
-- Those without a next run come last.
create index schedules_by_next_run on schedules (coalesce(next_run_at, 'infinity'), id) where deleted_at is null;
create index schedules_by_creator on schedules (created_by, created_at, id) where deleted_at is null;
create index schedules_by_status on schedules (state, created_at, id) where deleted_at is null;
