//! `stormglass worker`: what a campaign starts to run its seeds.

use clap::Args;

use super::{Answer, Complaint};
use crate::campaign::serve;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Worker {
    /// Bytes of memory this process may take
    #[arg(long)]
    memory: Option<u64>,
}

impl Worker {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        if let Some(bytes) = self.memory {
            limit_memory(bytes)?;
        }
        serve(stories);
        Ok(0)
    }
}

/// What a run asks for beyond this it is not given, which ends its process, and not the machine.
#[cfg(unix)]
fn limit_memory(bytes: u64) -> Result<(), Complaint> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::As).maximum;
    let limit = Rlimit { current: Some(most.map_or(bytes, |most| bytes.min(most))), maximum: most };
    setrlimit(Resource::As, limit)
        .map_err(|error| Complaint::Internal(format!("the memory of a worker cannot be limited: {error}")))
}

#[cfg(not(unix))]
fn limit_memory(_: u64) -> Result<(), Complaint> {
    Ok(())
}
