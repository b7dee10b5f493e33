//! Real processes, and everything that is done to them.

mod answers;
mod commit;
mod crash;
mod effects;
mod exclusive;
mod floors;
mod lateness;
mod leases;
mod many;
mod outage;
mod partitions;
mod pgbouncer;
mod schedules;
mod smoke;
mod trouble;
