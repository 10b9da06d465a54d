//! The built-in stories, a folder a system.
//!
//! A story is named by what happens in it. Those called `lab_…` are the tests of MIT 6.5840, retold: same clients,
//! same network, and limits that can be broken. Those called `swarm…` draw everything from the seed.

mod kv;
mod kvonce;
mod kvraft;
mod mapreduce;
mod raft;
mod shardkv;

use std::time::Duration;

use stormglass_sim::chance::Stream;

use crate::Story;

/// Every built-in story, system by system.
pub fn all() -> Vec<Story> {
    let mut stories = kv::stories();
    stories.extend(kvonce::stories());
    stories.extend(raft::stories());
    stories.extend(kvraft::stories());
    stories.extend(mapreduce::stories());
    stories.extend(shardkv::stories());
    stories.into_iter().map(|story| if is_lab(&story) { story.timed() } else { story }).collect()
}

/// The labs' tests judge by time from beginning to end: two seconds for an agreement, five for an election.
fn is_lab(story: &Story) -> bool {
    story.name().contains("/lab_")
}

/// A pause around a mean, never regular. The calm one is the mean: a run without any pause is a busy one.
fn about(stream: Stream, mean: Duration) -> Duration {
    let mean = mean.as_micros() as u64;
    Duration::from_micros(1 + (mean + stream.below(2 * mean)) % (2 * mean))
}

/// The judge's word on a history, as a story passes it on.
fn fell(verdict: stormglass_checker::Verdict) -> Option<(crate::Verdict, crate::Fall)> {
    crate::history::fell(verdict)
}

/// The names of the bugs that name this story as the one that must catch them.
fn caught_by<B: stormglass_systems::bugs::Known>(story: &str) -> Vec<&'static str> {
    B::ALL.iter().filter(|bug| !bug.is_harmless() && bug.story() == story).map(|bug| bug.name()).collect()
}

/// The names of the harmless variants that name this story as one that must not flag them.
fn withstood_by<B: stormglass_systems::bugs::Known>(story: &str) -> Vec<&'static str> {
    B::ALL.iter().filter(|bug| bug.is_harmless() && bug.story() == story).map(|bug| bug.name()).collect()
}

/// The bugs a run has switched on: the planted one, if the system knows it.
fn planted<B: stormglass_systems::bugs::Known>(stage: &crate::Stage) -> stormglass_systems::bugs::Bugs<B> {
    B::ALL.iter().copied().filter(|bug| Some(bug.name()) == stage.bug()).collect()
}
