//! Stories of MapReduce: what dies, what lags, and what is nevertheless the output.

mod bad_records;
mod cast;
mod clock_is_set;
mod coordinator_restarts;
mod coordinator_sleeps;
mod cut_off_worker;
mod disk_is_full;
mod input_shrinks;
mod lab;
mod lost_mapper;
mod next_job;
mod play;
mod reference;
mod short_patience;
mod small_disks;
mod store_loses_power;
mod stragglers;
mod swarm;
mod told_of_deaths;
mod unreachable_mapper;
mod zombie_reducer;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories = vec![
        lost_mapper::story(),
        stragglers::story(),
        zombie_reducer::story(),
        unreachable_mapper::story(),
        cut_off_worker::story(),
        next_job::story(),
        coordinator_restarts::story(),
        coordinator_sleeps::story(),
        short_patience::story(),
        told_of_deaths::story(),
        store_loses_power::story(),
        clock_is_set::story(),
        bad_records::story(),
        input_shrinks::story(),
        disk_is_full::story(),
        small_disks::story(),
    ];
    stories.extend(swarm::stories());
    stories.extend(lab::stories());
    stories
}
