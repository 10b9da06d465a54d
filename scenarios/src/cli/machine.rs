//! What runs may have of the machine: arguments of every command that makes some.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::args;
use crate::campaign::{self, Pool};

/// What one run may have.
#[derive(Args, Clone, Copy)]
pub(crate) struct Limits {
    /// Processor time after which a run counts as hung; ten times as much real time does, too
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = args::duration)]
    patience: Duration,
    /// Memory a worker process may take: a run that wants more ends as an abort
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = args::bytes)]
    memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { patience: Duration::from_secs(30), memory: 4 << 30 }
    }
}

impl Limits {
    pub(crate) fn memory(self) -> u64 {
        self.memory
    }

    pub(crate) fn patience(self) -> Duration {
        self.patience
    }

    /// So many processes that keep to them.
    pub(crate) fn pool(self, jobs: usize) -> Pool {
        Pool::new(jobs, campaign::Limits { patience: self.patience, memory: self.memory })
    }
}

/// How many runs at once, and what each of them may have.
#[derive(Args, Clone, Copy)]
pub(crate) struct Workers {
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    jobs: Option<usize>,
    #[command(flatten)]
    limits: Limits,
}

impl Workers {
    pub(crate) fn count(self) -> usize {
        self.jobs.unwrap_or_else(args::cores)
    }

    pub(crate) fn pool(self) -> Pool {
        self.limits.pool(self.count())
    }

    /// One process alone.
    pub(crate) fn one(self) -> Pool {
        self.limits.pool(1)
    }
}
