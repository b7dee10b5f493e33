//! Real processes, and everything that is done to them.

mod commit;
mod crash;
mod effects;
mod exclusive;
mod lateness;
mod leases;
mod outage;
mod schedules;
mod smoke;
mod trouble;
