//! The workers of this machine: started by the coordinator's process, and started again when they end.

use std::cell::Cell;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stormglass_sim::net::rpc;
use stormglass_sim::time::{Instant, sleep};
use stormglass_systems::mapreduce::message::Gone;

use super::mapreduce_worker::{LOCK, address_in, holder, is_free, lock_of};
use super::output::note;

/// A worker that has lived so long was no failure to start one.
const LASTED: Duration = Duration::from_secs(10);

/// After so many failures in a row at every place there is no hope.
const HOPELESS: u32 = 6;

/// The workers, and where they are kept.
pub(super) struct Crew {
    places: Vec<Place>,
    join: SocketAddr,
    memory: u64,
    /// Where the coordinator was before, if elsewhere.
    moved: Option<SocketAddr>,
    /// The last error of a start; shown once.
    failed: Option<io::Error>,
    /// Under which addresses workers had joined that have ended. The coordinator is to know.
    gone: Vec<String>,
}

struct Place {
    directory: PathBuf,
    child: Option<(Child, Instant)>,
    /// How often the worker here could not be started or has ended too soon, in a row.
    deaths: u32,
    rests_until: Instant,
    /// It was said that somebody is here still.
    told: bool,
    /// Its worker has left, because the job is over.
    left: bool,
}

impl Crew {
    /// Nobody is started yet. `name` is that of this run in this directory: who is left of one whose output was removed
    /// has other places.
    pub(super) fn new(
        below: &Path,
        name: u32,
        workers: u32,
        memory: u64,
        join: SocketAddr,
        moved: Option<SocketAddr>,
    ) -> Crew {
        let place = |number| Place {
            directory: below.join(format!("worker-{number}-{name:08x}")),
            child: None,
            deaths: 0,
            rests_until: Instant::now(),
            told: false,
            left: false,
        };
        let places = (0..workers).map(place).collect();
        Crew { places, join, memory, moved, failed: None, gone: dead_of_earlier_runs(below) }
    }

    /// Starts workers, and starts again those that end, for ever; or until none can be started, and none is alive anywhere.
    pub(super) async fn keep(&mut self, alive: &Cell<u32>) -> io::Error {
        loop {
            for place in &mut self.places {
                self.gone.extend(place.look());
                if !place.wants_a_worker(self.moved) {
                    continue;
                }
                // Of an earlier run, and ended since.
                self.gone.extend(address_in(&lock_of(&place.directory)));
                match start(&place.directory, self.join, self.memory) {
                    Ok(child) => place.child = Some((child, Instant::now())),
                    Err(error) => {
                        place.rest();
                        if self.failed.is_none() {
                            note(format_args!("a worker cannot be started: {error}"));
                        }
                        self.failed = Some(error);
                    }
                }
            }
            let hopeless = |place: &Place| place.child.is_none() && place.deaths >= HOPELESS;
            if !self.places.is_empty() && self.places.iter().all(hopeless) && alive.get() == 0 {
                let ended = || io::Error::other("they end as soon as they have begun");
                return self.failed.take().unwrap_or_else(ended);
            }
            self.tell().await;
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Tells the coordinator who has ended, so that it need not wait for their silence.
    async fn tell(&mut self) {
        for address in std::mem::take(&mut self.gone) {
            let gone = Gone { address };
            if rpc::call(self.join, &gone, Duration::from_secs(1)).await.is_err() {
                self.gone.push(gone.address);
            }
        }
    }

    /// Waits for the workers, which know that the job is over, or ends them.
    pub(super) async fn dismiss(&mut self, gently: bool) {
        let mut naps = if gently { 30 } else { 0 };
        for (child, _) in self.places.iter_mut().filter_map(|place| place.child.as_mut()) {
            while naps > 0 && matches!(child.try_wait(), Ok(None)) {
                sleep(Duration::from_millis(100)).await;
                naps -= 1;
            }
            // It may be gone already.
            _ = child.kill();
            _ = child.wait();
        }
    }
}

impl Place {
    /// Whether the worker has ended; its address if it has died.
    fn look(&mut self) -> Option<String> {
        let (child, since) = self.child.as_mut()?;
        let ended = child.try_wait().ok()??;
        let (pid, lasted) = (child.id(), since.elapsed() > LASTED);
        self.child = None;
        if ended.success() {
            self.left = true;
            return None;
        }
        if lasted {
            self.deaths = 0;
        }
        self.rest();
        let lock = lock_of(&self.directory);
        let its = holder(&lock).is_ok_and(|holder| holder == Some(pid));
        address_in(&lock).filter(|_| its)
    }

    /// One that dies at once shall not be all that this machine does.
    fn rest(&mut self) {
        self.deaths += 1;
        self.rests_until = Instant::now() + Duration::from_millis(100 << self.deaths.min(6));
    }

    fn wants_a_worker(&mut self, moved: Option<SocketAddr>) -> bool {
        if self.left || self.child.is_some() || Instant::now() < self.rests_until {
            return false;
        }
        let lock = lock_of(&self.directory);
        let free = is_free(&lock);
        if let (false, false, Some(before)) = (free, self.told, moved) {
            self.told = true;
            let who =
                holder(&lock).ok().flatten().map_or_else(String::new, |pid| format!(", process {pid},"));
            note(format_args!(
                "a worker of the earlier run{who} still looks for its coordinator at {before}: its place is free when it \
                 gives up, within a minute, or is ended"
            ));
        }
        free
    }
}

/// Who of earlier runs in this directory had joined, and has ended.
fn dead_of_earlier_runs(below: &Path) -> Vec<String> {
    let entries = fs::read_dir(below).into_iter().flatten().flatten();
    let locks = entries.map(|entry| entry.path());
    let locks = locks.filter(|path| path.to_str().is_some_and(|path| path.ends_with(LOCK)));
    locks.filter(|lock| is_free(lock)).filter_map(|lock| address_in(&lock)).collect()
}

fn start(directory: &Path, join: SocketAddr, memory: u64) -> io::Result<Child> {
    let (join, memory) = (join.to_string(), memory.to_string());
    Command::new(std::env::current_exe()?)
        .args(["mapreduce", "worker", "--near", "--join", &join, "--memory", &memory, "--data"])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_left_is_not_called_back_and_who_has_died_is() {
        let folder = tempfile::tempdir().unwrap();
        let join: SocketAddr = "127.0.0.1:7".parse().unwrap();
        let ended = |command: &str| {
            let mut place = Crew::new(folder.path(), 1, 1, 0, join, None).places.remove(0);
            let child = Command::new(command).spawn().unwrap();
            let pid = child.id();
            fs::write(lock_of(&place.directory), format!("{pid}\n127.0.0.1:8\n")).unwrap();
            place.child = Some((child, Instant::now()));
            while place.child.is_some() {
                if let Some(address) = place.look() {
                    assert_eq!((command, address.as_str()), ("false", "127.0.0.1:8"));
                }
            }
            place.rests_until = Instant::now();
            place
        };
        assert!(!ended("true").wants_a_worker(None));
        assert!(ended("false").wants_a_worker(None));
        // The next run tells of whoever was here.
        assert_eq!(dead_of_earlier_runs(folder.path()), ["127.0.0.1:8"]);
    }
}
