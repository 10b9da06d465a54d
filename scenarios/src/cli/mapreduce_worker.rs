//! `stormglass mapreduce worker`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use stormglass_sim::net::rpc;
use stormglass_sim::{real, signal};
use stormglass_systems::mapreduce::client::{self, Error, Joining};
use stormglass_systems::mapreduce::message::{Brief, Gone};

use super::args::duration;
use super::kv_server::address;
use super::mapreduce::{free_port, size};
use super::output::note;
use super::{Answer, Complaint};

/// How the name of a lock ends.
pub(super) const LOCK: &str = ".stormglass-lock";

/// How the names of directories begin that nobody has asked for.
const TEMPORARY: &str = "stormglass-worker-";

/// Works for a coordinator, on this machine or another
#[derive(Args)]
pub(crate) struct Worker {
    /// Where the coordinator is
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    join: String,
    /// By which address of this machine other workers fetch from it; the one that reaches the coordinator unless said
    #[arg(long, value_name = "IP")]
    listen: Option<IpAddr>,
    /// A directory for its files, of no other use: it is wiped
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// About how many bytes of pairs it holds in memory
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size)]
    memory: u64,
    /// How long it waits for a coordinator that does not answer
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    patience: Duration,
    /// The coordinator's input files are on this machine, under the same paths
    #[arg(long, hide = true)]
    near: bool,
}

impl Worker {
    pub(crate) fn answer(self) -> Answer {
        let ip = match self.listen {
            Some(ip) => ip,
            None => self
                .own_address()
                .map_err(|error| Complaint::usage(format!("--join {}: {error}", self.join)))?,
        };
        let listen = free_port(ip).map_err(|error| Complaint::usage(format!("--listen {ip}: {error}")))?;
        let directory = match self.data.clone() {
            Some(directory) => directory,
            None => {
                let all = std::env::temp_dir();
                remove_what_the_dead_left(&all);
                all.join(format!("{TEMPORARY}{}", std::process::id()))
            }
        };
        let _owned = own(&directory, listen)?;
        if !self.near {
            let Worker { join, patience, .. } = &self;
            note(format_args!(
                "asking the coordinator at {join} for work, for {patience:?} at most (--patience)"
            ));
        }
        let said = format!("of the coordinator at {}", self.join);
        let joined = move |brief: &Brief| {
            let Brief { job, app, maps, reduces, .. } = brief;
            note(format_args!("joined job {job:016x} {said}: {app}, {maps} map and {reduces} reduce tasks"));
        };
        let config = client::Config {
            // The coordinator's process speaks for the workers that it has started.
            joined: (!self.near).then(|| Rc::new(joined) as Joining),
            listen: listen.to_string(),
            directory: directory.clone(),
            near_store: self.near,
            memory: usize::try_from(self.memory).unwrap_or(usize::MAX),
            patience: self.patience,
            reply: Duration::from_secs(10),
            poll: Duration::from_millis(50),
            ..client::Config::of(self.join.clone())
        };
        let ended = real::block_on(async {
            let ended = stormglass_sim::select! {
                ended = client::run(config) => Some(ended),
                _ = signal::ctrl_c() => None,
                _ = signal::terminate() => None,
            };
            if ended.is_none() {
                // So that nobody waits for it. Where it is not heard, its silence will be.
                let gone = Gone { address: listen.to_string() };
                _ = rpc::call(&self.join, &gone, Duration::from_secs(1)).await;
            }
            ended
        })?;
        // Nobody else will; what cannot be removed does no harm.
        _ = fs::remove_dir_all(&directory);
        // A coordinator that was interrupted with it reads there who is gone.
        if ended.is_some() || !self.near {
            _ = fs::remove_file(lock_of(&directory));
        }
        match ended {
            Some(Ok(())) => {
                if !self.near {
                    note("the job is over");
                }
                Ok(0)
            }
            None => Ok(1),
            Some(Err(error @ Error::Alone(_))) => {
                note(format_args!("{error} (--join, --patience)"));
                Ok(1)
            }
            Some(Err(error @ Error::Directory { .. })) => Err(Complaint::usage(format!("--data: {error}"))),
            Some(Err(error)) => Err(Complaint::Internal(error.to_string())),
        }
    }

    /// The address of this machine that a packet to the coordinator would have. None is sent.
    fn own_address(&self) -> io::Result<IpAddr> {
        use std::net::ToSocketAddrs;
        let found = self.join.to_socket_addrs()?.next();
        let coordinator: SocketAddr = found.ok_or_else(|| io::Error::other("no such host"))?;
        let unspecified: SocketAddr = if coordinator.is_ipv4() {
            (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(unspecified)?;
        socket.connect(coordinator)?;
        Ok(socket.local_addr()?.ip())
    }
}

/// The lock of a worker's directory, beside it: the directory itself is wiped.
pub(super) fn lock_of(directory: &Path) -> PathBuf {
    // Without a slash at its end, or a dot for a name.
    let whole = directory.canonicalize().unwrap_or_else(|_| directory.components().collect());
    let mut name = whole.into_os_string();
    name.push(LOCK);
    name.into()
}

/// The process that holds or held a lock; `None` when the file is new.
///
/// # Errors
/// It is not a worker's.
pub(super) fn holder(lock: &Path) -> io::Result<Option<u32>> {
    let bytes = match fs::read(lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let text = str::from_utf8(&bytes).unwrap_or("?").trim();
    match text.lines().next().unwrap_or_default().parse() {
        Ok(pid) => Ok(Some(pid)),
        Err(_) if text.is_empty() => Ok(None),
        Err(_) => Err(io::Error::other(format!("{} was not made by a worker; move it away", lock.display()))),
    }
}

/// Under which address the worker that holds or held a lock has joined.
pub(super) fn address_in(lock: &Path) -> Option<String> {
    let text = fs::read_to_string(lock).ok()?;
    text.lines().nth(1).filter(|line| line.parse::<SocketAddr>().is_ok()).map(str::to_owned)
}

/// Whether no process holds this lock.
pub(super) fn is_free(lock: &Path) -> bool {
    let file = File::options().create(true).append(true).open(lock);
    file.is_ok_and(|file| file.try_lock().is_ok())
}

/// Removes the directories of workers that were given none, and killed.
fn remove_what_the_dead_left(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let (name, lock) = (entry.file_name(), entry.path());
        let directory = name.to_str().and_then(|name| name.strip_suffix(LOCK));
        let Some(directory) = directory.filter(|name| name.starts_with(TEMPORARY)) else { continue };
        // Another user's cannot be opened.
        if is_free(&lock) {
            _ = fs::remove_dir_all(all.join(directory));
            _ = fs::remove_file(&lock);
        }
    }
}

/// Takes a directory for this process, which will be at this address: it will be wiped, so it must be ours or empty.
fn own(directory: &Path, listen: SocketAddr) -> Result<File, Complaint> {
    let shown = directory.display();
    let wrong = |error: io::Error| Complaint::usage(format!("--data {shown}: {error}"));
    holder(&lock_of(directory)).map_err(wrong)?;
    let ours = |name: &str| name.starts_with("map-") || name.starts_with("reduce-");
    match fs::read_dir(directory) {
        Ok(entries) => {
            let foreign = entries.flatten().find(|entry| !entry.file_name().to_str().is_some_and(ours));
            if let Some(entry) = foreign {
                let text = format!(
                    "--data {shown}: {} in it was not made by a worker; name an empty directory",
                    entry.file_name().display()
                );
                return Err(Complaint::usage(text));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(directory).map_err(wrong)?
        }
        Err(error) => return Err(wrong(error)),
    }
    let path = lock_of(directory);
    let mut options = File::options();
    let mut lock = options.create(true).truncate(false).write(true).open(&path).map_err(wrong)?;
    match lock.try_lock() {
        // Whom to blame, and whom to end.
        Ok(()) => {
            let written = lock.set_len(0).and_then(|()| writeln!(lock, "{}\n{listen}", std::process::id()));
            written.map_err(wrong)?;
            // Whoever cleans up may have removed it just before: then it would keep nobody out.
            let is_it = fs::metadata(&path).is_ok_and(|named| {
                lock.metadata().is_ok_and(|held| (named.dev(), named.ino()) == (held.dev(), held.ino()))
            });
            if is_it { Ok(lock) } else { own(directory, listen) }
        }
        Err(TryLockError::WouldBlock) => {
            Err(Complaint::usage(format!("--data {shown}: another worker is at work in it")))
        }
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let address: SocketAddr = "127.0.0.1:8".parse().unwrap();
        let directory = |name: &str| folder.path().join(name);
        let names = ["stormglass-worker-1", "stormglass-worker-2", "other"];
        let [dead, alive, other] = names.map(|name| own(&directory(name), address).unwrap());
        drop((dead, other));
        fs::write(directory("stormglass-worker-1").join("map-0-1.0"), "x").unwrap();
        remove_what_the_dead_left(folder.path());
        assert_eq!(names.map(|name| directory(name).exists()), [false, true, true]);
        assert_eq!(names.map(|name| lock_of(&directory(name)).exists()), [false, true, true]);
        assert_eq!(address_in(&lock_of(&directory(names[1]))).as_deref(), Some("127.0.0.1:8"));
        assert_eq!(holder(&lock_of(&directory(names[1]))).unwrap(), Some(std::process::id()));
        assert!(own(&directory(names[1]), address).is_err(), "somebody is at work in it");
        drop(alive);
    }
}
