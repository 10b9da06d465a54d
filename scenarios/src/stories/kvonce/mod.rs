//! Stories of the server that executes each operation exactly once.

mod cast;
mod lab_memory;
mod lab_own_keys;
mod late_copies;
mod lost_messages;
mod many_clerks;
mod swarm;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories =
        vec![lost_messages::story(), late_copies::story(), many_clerks::story(), swarm::story()];
    stories.extend(lab_own_keys::stories());
    stories.extend(lab_memory::stories());
    stories
}
