//! Stories of the sharded store.

mod admin;
mod cast;
mod controllers;
mod hand;
mod lab;
mod lab_challenges;
mod lab_controller;
mod lab_controllers;
mod lab_groups;
mod lab_recovery;
mod moves;
mod plan;
mod swarm;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories = moves::stories();
    stories.extend(controllers::stories());
    stories.extend(swarm::stories());
    stories.extend(lab_controller::stories());
    stories.extend(lab_groups::stories());
    stories.extend(lab_challenges::stories());
    stories.extend(lab_controllers::stories());
    stories.extend(lab_recovery::stories());
    stories
}
