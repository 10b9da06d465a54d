//! Stories of the replicated log.

mod calm;
pub(super) mod cast;
mod disks;
mod lab;
mod lab_agreement;
mod lab_elections;
mod lab_persistence;
mod lab_snapshots;
mod leaders;
mod ledger;
mod membership;
mod messages;
mod partitions;
mod reads;
mod snapshots;
mod swarm;
pub(super) mod work;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories = leaders::stories();
    stories.extend(messages::stories());
    stories.extend(partitions::stories());
    stories.extend(reads::stories());
    stories.extend(disks::stories());
    stories.extend(snapshots::stories());
    stories.extend(membership::stories());
    stories.extend(swarm::stories());
    stories.extend(lab_elections::stories());
    stories.extend(lab_agreement::stories());
    stories.extend(lab_persistence::stories());
    stories.extend(lab_snapshots::stories());
    stories
}
