//! Stories of the versioned key/value server, its durable variant and its lock.

mod cast;
mod contended_puts;
mod duplicated_requests;
mod fsync_fails;
mod full_queue;
mod lab_lock;
mod lab_many_clerks;
mod lab_puts;
mod lost_reply;
mod power_loss;
mod rare_puts;
mod swarm;
mod two_lock_holders;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    let mut stories = vec![
        lost_reply::story(),
        contended_puts::story(),
        duplicated_requests::story(),
        two_lock_holders::story(),
        power_loss::story(),
        rare_puts::story(),
        fsync_fails::story(),
        full_queue::story(),
    ];
    stories.extend(swarm::stories());
    stories.extend(lab_puts::stories());
    stories.push(lab_many_clerks::story());
    stories.extend(lab_lock::stories());
    stories
}
