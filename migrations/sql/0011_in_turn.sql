-- Runs of a schedule with the overlap policy queue_one start one after the other: one may wait while another runs.

-- Whether an execution may start now. Runs of one schedule go by id, so that two that wait cannot start together, whichever
-- processes claim them. In plpgsql, whose plans are kept from call to call.
create function execution_may_start(execution uuid, schedule uuid) returns boolean language plpgsql stable as $$
begin
    if not exists (select 1 from schedules s where s.id = schedule and s.overlap = 'queue_one') then
        return true;
    end if;
    return not exists (
        select 1 from executions other
        where other.schedule_id = schedule and other.id <> execution
          and (other.state = 'running' or (other.state = 'queued' and other.id < execution))
    );
end
$$;
