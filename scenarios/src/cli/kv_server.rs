//! `stormglass serve kv`.

use std::path::PathBuf;

use clap::Args;
use stormglass_sim::real;
use stormglass_systems::kv::log;
use stormglass_systems::kv::server::{self, Error, Storage};

use super::{Answer, Complaint};

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7000")]
    listen: String,
    /// Keep what was answered in a log, so that it survives a crash
    #[arg(long)]
    durable: bool,
    /// The log's directory; implies --durable
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn answer(self) -> Answer {
        let defaults = log::Config::default();
        let directory = self.data.or_else(|| self.durable.then_some(defaults.directory));
        let kept = directory
            .as_ref()
            .map_or_else(|| "in memory".to_owned(), |directory| format!("in {}", directory.display()));
        let storage = directory.map_or(Storage::Volatile, |directory| {
            Storage::Durable(log::Config { directory, ..log::Config::default() })
        });
        let config = server::Config { address: self.listen.clone(), storage, ..server::Config::default() };
        anstream::eprintln!("stormglass: serving kv at {}, data {kept}; Ctrl-C ends it", self.listen);
        let served = real::block_on(async {
            stormglass_sim::select! {
                ended = server::run(config) => ended,
                _ = stormglass_sim::signal::ctrl_c() => Ok(()),
            }
        })?;
        match served {
            Ok(()) => Ok(0),
            Err(error @ Error::Port { .. }) => {
                Err(Complaint::usage(format!("--listen {}: {error}", self.listen)))
            }
            Err(error) => Err(Complaint::Internal(error.to_string())),
        }
    }
}
