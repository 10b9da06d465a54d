//! Stories of the replicated key/value store.

mod cast;
mod lab;
mod lab_rsm;
mod lab_singular;
mod leaders;
mod messages;
mod scans;
mod sessions;
mod swarm;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories = messages::stories();
    stories.extend(sessions::stories());
    stories.extend(leaders::stories());
    stories.extend(scans::stories());
    stories.extend(swarm::stories());
    stories.extend(lab_rsm::stories());
    stories.extend(lab::stories());
    stories.extend(lab_singular::stories());
    stories
}

/// What a story must catch of the store's bugs and of raft's.
fn catching(story: Story) -> Story {
    let name = story.name();
    story
        .catches(super::caught_by::<stormglass_systems::kvraft::bugs::Bug>(name))
        .catches(super::caught_by::<stormglass_systems::raft::bugs::Bug>(name))
        .withstands(super::withstood_by::<stormglass_systems::kvraft::bugs::Bug>(name))
}
