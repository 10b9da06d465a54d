//! Stories of MapReduce: what dies, what lags, and what is nevertheless the output.

mod cast;
mod lost_mapper;
mod reference;

use crate::Story;

/// In the order in which they are best read.
pub(super) fn stories() -> Vec<Story> {
    vec![lost_mapper::story()]
}
