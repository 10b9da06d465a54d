//! `stormglass serve kv`.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use clap::Args;
use stormglass_sim::net::Target;
use stormglass_sim::real;
use stormglass_systems::kv::log;
use stormglass_systems::kv::protocol::wal;
use stormglass_systems::kv::server::{self, Error, Storage};

use super::data::{Owner, own};
use super::{Answer, Complaint};

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7000", value_parser = address)]
    listen: String,
    /// Keep what was answered in a log, so that it survives a crash
    #[arg(long)]
    durable: bool,
    /// The log's directory, of no other use; implies --durable
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn answer(self) -> Answer {
        let taken = |error: io::Error| Complaint::usage(format!("--listen {}: {error}", self.listen));
        // Before anything is touched or announced; the server binds again.
        drop(TcpListener::bind(&self.listen).map_err(taken)?);
        let defaults = log::Config::default();
        let directory = self.data.or_else(|| self.durable.then_some(defaults.directory));
        let _owned = directory.as_deref().map(take).transpose()?;
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
            Err(Error::Port { source, .. }) => Err(taken(source)),
            Err(error) => Err(Complaint::Internal(error.to_string())),
        }
    }
}

/// Takes the data directory, and keeps what recovery will drop of its log.
fn take(directory: &Path) -> Result<File, Complaint> {
    let mark = "A server of `stormglass serve kv` keeps its data here.\n";
    let file = own(directory, &Owner { system: "kv", mark })?;
    keep_torn_tail(directory, &directory.join("log"))?;
    Ok(file)
}

/// Recovery drops what it cannot read at the end of a log, because nobody was promised it. Whether that is true of a
/// file which someone has changed, only its owner can tell; so it is kept, and said.
fn keep_torn_tail(directory: &Path, log: &Path) -> Result<(), Complaint> {
    let shown = log.display();
    let data = directory.display();
    let wrong = |error: io::Error| Complaint::usage(format!("--data {data}: {shown}: {error}"));
    if !log.try_exists().map_err(wrong)? {
        return Ok(());
    }
    let bytes = fs::read(log).map_err(wrong)?;
    let content =
        wal::decode(&bytes).map_err(|error| Complaint::usage(format!("--data {data}: {shown}: {error}")))?;
    let torn = bytes.len() as u64 - content.length;
    if torn > 0 {
        let copy = directory.join("log.torn");
        fs::write(&copy, &bytes).map_err(wrong)?;
        anstream::eprintln!(
            "stormglass: {shown}: its last {torn} bytes are no whole record, as a power loss leaves it, and are dropped; \
             the file as it was is kept as {}",
            copy.display()
        );
    }
    Ok(())
}

/// `host:port`, with a port that a client can be told.
pub(super) fn address(text: &str) -> Result<String, String> {
    match Target::from(text) {
        Target::Address(address) if address.port() > 0 => Ok(text.to_owned()),
        Target::Name(_, 1..) => Ok(text.to_owned()),
        _ => Err(format!("'{text}' is no address: write host:port, as 127.0.0.1:7000")),
    }
}
