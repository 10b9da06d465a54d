//! `stormglass worker`: what a campaign starts to run its seeds.

use clap::Args;

use super::machine::Limits;
use super::{Answer, Complaint};
use crate::campaign::serve;
use crate::story::Story;

#[derive(Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    limits: Limits,
}

impl Worker {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        limit_memory(self.limits.memory())?;
        serve(stories, self.limits.patience());
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
