//! Stories of the sharded store.

mod admin;
mod cast;
mod controllers;
mod decrees;
mod give_up;
mod hand;
mod lab;
mod lab_challenges;
mod lab_clerks;
mod lab_controller;
mod lab_controllers;
mod lab_groups;
mod lab_recovery;
mod leases;
mod moves;
mod parts;
mod plan;
mod sizes;
mod swarm;

use stormglass_systems::shardkv::bugs::Bug;

use super::{caught_by, withstood_by};
use crate::{Stage, Story};

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories = moves::stories();
    stories.extend(sizes::stories());
    stories.extend(parts::stories());
    stories.extend(controllers::stories());
    stories.extend(leases::stories());
    stories.extend(decrees::stories());
    stories.extend(give_up::stories());
    stories.extend(swarm::stories());
    stories.extend(lab_controller::stories());
    stories.extend(lab_groups::stories());
    stories.extend(lab_challenges::stories());
    stories.extend(lab_controllers::stories());
    stories.extend(lab_clerks::stories());
    stories.extend(lab_recovery::stories());
    stories
}

/// A story with the bugs that name it.
fn story<F, T>(name: &'static str, claim: &'static str, tell: F) -> Story
where
    F: Fn(Stage) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + 'static,
{
    Story::new(name, claim, tell).catches(caught_by::<Bug>(name)).withstands(withstood_by::<Bug>(name))
}
