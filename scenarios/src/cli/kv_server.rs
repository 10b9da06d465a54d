//! `stormglass serve kv`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use clap::Args;
use stormglass_sim::net::Target;
use stormglass_sim::real;
use stormglass_systems::kv::log;
use stormglass_systems::kv::protocol::wal;
use stormglass_systems::kv::server::{self, Error, Storage};

use super::{Answer, Complaint};

/// The file that says whose a data directory is, and that a server at work in it holds locked.
const OWNER: &str = "stormglass-kv";

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
        let _owned = directory.as_deref().map(own).transpose()?;
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

/// Takes a data directory for this process, for as long as the file returned is open, and makes it if need be. Of two
/// servers in one directory, the second would put a log of its own in place of the one that the first goes on writing.
fn own(directory: &Path) -> Result<File, Complaint> {
    let shown = directory.display();
    let wrong = |error: io::Error| Complaint::usage(format!("--data {shown}: {error}"));
    if directory.is_file() {
        return Err(Complaint::usage(format!("--data {shown}: it is a file, not a directory")));
    }
    fs::create_dir_all(directory).map_err(wrong)?;
    let owner = directory.join(OWNER);
    let empty = fs::read_dir(directory).map_err(wrong)?.next().is_none();
    if !empty && !owner.try_exists().map_err(wrong)? {
        let text =
            format!("--data {shown}: it holds files that `serve kv` did not make; name an empty directory");
        return Err(Complaint::usage(text));
    }
    let mut file = File::options().create(true).append(true).open(&owner).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Complaint::usage(format!("--data {shown}: another server is at work in it")));
        }
        Err(TryLockError::Error(error)) => return Err(wrong(error)),
    }
    if empty {
        file.write_all(b"A server of `stormglass serve kv` keeps its data here.\n").map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        // A log without its owner would be refused, so the owner's name comes first.
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(wrong)?;
    }
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
