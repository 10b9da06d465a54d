//! Who is told of decisions while a run goes on.

use std::fmt;
use std::sync::Arc;

use super::Decision;

/// Is told of every decision the moment it is taken: all that is known of a run that takes its process with it.
#[derive(Clone)]
pub struct Witness(Arc<dyn Fn(&Decision) + Send + Sync>);

impl Witness {
    /// One that does this. It stands outside the world and must not come back into it.
    pub fn new(hears: impl Fn(&Decision) + Send + Sync + 'static) -> Witness {
        Witness(Arc::new(hears))
    }

    pub(super) fn hear(&self, decision: &Decision) {
        crate::guard::suspend(|| (self.0)(decision));
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}
