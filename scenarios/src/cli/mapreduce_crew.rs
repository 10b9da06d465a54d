//! The workers of this machine: started by the coordinator's process, and started again when they end.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stormglass_sim::time::{Instant, sleep};

use super::mapreduce_worker::{holder, lock_of};
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
}

struct Place {
    directory: PathBuf,
    child: Option<(Child, Instant)>,
    /// How often the worker here could not be started or has ended too soon, in a row.
    deaths: u32,
    rests_until: Instant,
    /// It was said that somebody is here still.
    told: bool,
}

impl Crew {
    /// Nobody is started yet.
    pub(super) fn new(
        below: &Path,
        workers: u32,
        memory: u64,
        join: SocketAddr,
        moved: Option<SocketAddr>,
    ) -> Crew {
        let place = |number| Place {
            directory: below.join(format!("worker-{number}")),
            child: None,
            deaths: 0,
            rests_until: Instant::now(),
            told: false,
        };
        Crew { places: (0..workers).map(place).collect(), join, memory, moved, failed: None }
    }

    /// Starts workers, and starts again those that end, for ever; or until none can be started, and none is alive anywhere.
    pub(super) async fn keep(&mut self, alive: &Cell<u32>) -> io::Error {
        loop {
            for place in &mut self.places {
                place.look();
                if !place.wants_a_worker(self.moved) {
                    continue;
                }
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
            sleep(Duration::from_millis(100)).await;
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
    /// Whether the worker has ended.
    fn look(&mut self) {
        if let Some((child, since)) = &mut self.child
            && let Ok(Some(_)) = child.try_wait()
        {
            if since.elapsed() > LASTED {
                self.deaths = 0;
            }
            self.child = None;
            self.rest();
        }
    }

    /// One that dies at once shall not be all that this machine does.
    fn rest(&mut self) {
        self.deaths += 1;
        self.rests_until = Instant::now() + Duration::from_millis(100 << self.deaths.min(6));
    }

    fn wants_a_worker(&mut self, moved: Option<SocketAddr>) -> bool {
        if self.child.is_some() || Instant::now() < self.rests_until {
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

/// Whether no worker of an earlier run is still at work here.
fn is_free(lock: &Path) -> bool {
    let file = File::options().create(true).append(true).open(lock);
    file.is_ok_and(|file| file.try_lock().is_ok())
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
