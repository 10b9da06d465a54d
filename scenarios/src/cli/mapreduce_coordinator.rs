//! The coordinator's process: it owns the output directory, starts workers and starts them again, and shows how far the
//! job is.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::time::{Instant, sleep};
use stormglass_sim::{real, signal};
use stormglass_systems::mapreduce::bugs::Bugs;
use stormglass_systems::mapreduce::protocol::{Job, Policy};
use stormglass_systems::mapreduce::server::{self, Error, MadeFor, Summary, store};
use stormglass_systems::mapreduce::spec::Probe;

use super::mapreduce::free_port;
use super::mapreduce_progress::{Bar, result};
use super::output::{say, say_json};
use super::{Answer, Complaint};

/// Below the output directory, as long as the job is not done: its checkpoint, its address, its workers' files.
const UNFINISHED: &str = ".mapreduce";

/// A job that is to be done here.
pub(super) struct Work {
    pub(super) job: Job,
    pub(super) policy: Policy,
    pub(super) output: PathBuf,
    pub(super) listen: Option<SocketAddr>,
    pub(super) workers: u32,
    pub(super) memory: u64,
    pub(super) json: bool,
}

impl Work {
    pub(super) fn answer(self) -> Answer {
        let owned = self.own()?;
        let address = self.address(&owned)?;
        if owned.resumes {
            anstream::eprintln!("stormglass: resuming the job in {}", self.output.display());
        }
        anstream::eprintln!(
            "stormglass: {} map and {} reduce tasks; more workers: stormglass mapreduce worker --join {address}",
            self.job.splits.len(),
            self.job.reduces
        );
        let begun = Instant::now();
        let ended = real::block_on(self.coordinate(&owned, address))?;
        let summary = match ended {
            Some(Ok(summary)) => summary,
            Some(Err(Error::Job(why))) => {
                // It would fail again: nothing is left to resume.
                _ = fs::remove_dir_all(&owned.unfinished);
                anstream::eprintln!("stormglass: the job has failed: {why}");
                return Ok(1);
            }
            Some(Err(Error::Port { address, source })) => {
                return Err(Complaint::usage(format!("--listen {address}: {source}")));
            }
            Some(Err(Error::Store { source, .. })) => return Err(self.wrong(&source)),
            Some(Err(Error::Checkpoint(error))) => {
                return Err(Complaint::Internal(format!("{error}; the same command again resumes the job")));
            }
            None => {
                anstream::eprintln!("stormglass: interrupted; the same command again resumes the job");
                return Ok(1);
            }
        };
        self.tidy(&owned)?;
        let result = result(&summary, begun.elapsed(), &self.output);
        if self.json {
            say_json(&result)?
        } else {
            say(&result.to_string())?
        }
        Ok(0)
    }

    /// The coordinator, until its job is over; `None` when interrupted.
    async fn coordinate(&self, owned: &Owned, address: SocketAddr) -> Option<Result<Summary, Error>> {
        let bar = Rc::new(Bar::new());
        let shown = bar.clone();
        let store = store::Config {
            inputs: self.job.inputs.iter().map(|input| input.path.clone()).collect(),
            output: self.output.clone(),
            bugs: Bugs::NONE,
            probe: Probe::blind(),
        };
        let config = server::Config {
            address: address.to_string(),
            policy: self.policy.clone(),
            checkpoint: Some(owned.unfinished.clone()),
            store: Some(store),
            report: Some(Rc::new(move |progress| shown.show(progress))),
            ..server::Config::new(self.job.clone())
        };
        let mut crew = Crew::new(self, owned, address);
        let ended = stormglass_sim::select! {
            ended = server::run(config) => Some(ended),
            () = crew.keep() => None,
            _ = signal::ctrl_c() => None,
            _ = signal::terminate() => None,
        };
        bar.clear();
        crew.dismiss(matches!(ended, Some(Ok(_)))).await;
        ended
    }

    fn wrong(&self, error: &io::Error) -> Complaint {
        Complaint::usage(format!("--output {}: {error}", self.output.display()))
    }

    /// Takes the output directory for this process: a new one, or that of an interrupted run of this very job.
    fn own(&self) -> Result<Owned, Complaint> {
        let shown = self.output.display();
        if self.output.is_file() {
            return Err(Complaint::usage(format!("--output {shown}: it is a file, not a directory")));
        }
        fs::create_dir_all(&self.output).map_err(|error| self.wrong(&error))?;
        let unfinished = self.output.join(UNFINISHED);
        let listing = fs::read_dir(&self.output).map_err(|error| self.wrong(&error))?;
        let empty = listing.into_iter().next().is_none();
        if !empty && !unfinished.is_dir() {
            let text = format!("--output {shown}: it is not empty; name a new directory, or remove this one");
            return Err(Complaint::usage(text));
        }
        fs::create_dir_all(&unfinished).map_err(|error| self.wrong(&error))?;
        let lock = File::options().create(true).append(true).open(unfinished.join("coordinator.lock"));
        let lock = lock.map_err(|error| self.wrong(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Complaint::usage(format!(
                    "--output {shown}: another coordinator is at work in it"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(self.wrong(&error)),
        }
        let resumes = match fs::read(unfinished.join("checkpoint")) {
            Ok(bytes) => {
                if MadeFor::read(&bytes).is_some_and(|job| job != MadeFor(self.job.fingerprint())) {
                    return Err(Complaint::usage(format!(
                        "--output {shown}: an unfinished job is in it, of another command line or other input; finish it \
                         with the same arguments, or remove the directory"
                    )));
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(self.wrong(&error)),
        };
        Ok(Owned { unfinished, _lock: lock, resumes })
    }

    /// Where to listen: where it was asked for, or where workers of an interrupted run look for their coordinator, or
    /// anywhere.
    fn address(&self, owned: &Owned) -> Result<SocketAddr, Complaint> {
        let file = owned.unfinished.join("address");
        let before = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
        let address = match (self.listen, before.filter(free)) {
            (Some(asked), _) if asked.port() > 0 => {
                drop(TcpListener::bind(asked).map_err(|error| taken(asked, &error))?);
                asked
            }
            (Some(asked), _) => free_port(asked.ip()).map_err(|error| taken(asked, &error))?,
            (None, Some(before)) => before,
            (None, None) => free_port(IpAddr::V4(Ipv4Addr::LOCALHOST))?,
        };
        let written = File::create(&file).and_then(|mut file| writeln!(file, "{address}"));
        written.map_err(|error| self.wrong(&error))?;
        Ok(address)
    }

    /// Nothing but the output remains.
    fn tidy(&self, owned: &Owned) -> Result<(), Complaint> {
        fs::remove_dir_all(&owned.unfinished).map_err(|error| self.wrong(&error))?;
        for entry in fs::read_dir(&self.output).map_err(|error| self.wrong(&error))?.flatten() {
            if entry.file_name().to_str().is_some_and(store::is_temporary) {
                fs::remove_file(entry.path()).map_err(|error| self.wrong(&error))?;
            }
        }
        Ok(())
    }
}

fn taken(address: SocketAddr, error: &io::Error) -> Complaint {
    Complaint::usage(format!("--listen {address}: {error}"))
}

/// The output directory, held for as long as this lives.
struct Owned {
    unfinished: PathBuf,
    _lock: File,
    resumes: bool,
}

/// The workers of this machine.
struct Crew {
    places: Vec<Place>,
    join: SocketAddr,
    memory: u64,
}

struct Place {
    directory: PathBuf,
    child: Option<Child>,
    /// How often the worker here has ended too soon, in a row.
    deaths: u32,
    rests_until: Instant,
}

impl Crew {
    fn new(work: &Work, owned: &Owned, join: SocketAddr) -> Crew {
        let place = |number| Place {
            directory: owned.unfinished.join(format!("worker-{number}")),
            child: None,
            deaths: 0,
            rests_until: Instant::now(),
        };
        Crew { places: (0..work.workers).map(place).collect(), join, memory: work.memory }
    }

    /// Starts workers, and starts again those that end; for ever.
    async fn keep(&mut self) {
        loop {
            for place in &mut self.places {
                if let Some(child) = &mut place.child
                    && let Ok(Some(_)) = child.try_wait()
                {
                    place.child = None;
                    place.deaths += 1;
                    // One that dies at once shall not be all that this machine does.
                    let rest = Duration::from_millis(100 << place.deaths.min(6));
                    place.rests_until = Instant::now() + rest;
                }
                if place.child.is_none() && Instant::now() >= place.rests_until && is_free(&place.directory) {
                    place.child = start(&place.directory, self.join, self.memory).ok();
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the workers, which know that the job is over, or ends them.
    async fn dismiss(&mut self, gently: bool) {
        let mut naps = if gently { 30 } else { 0 };
        for child in self.places.iter_mut().filter_map(|place| place.child.as_mut()) {
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

/// Whether no worker of an earlier run is still at work here.
fn is_free(directory: &Path) -> bool {
    let file = File::options().create(true).append(true).open(directory.with_extension("lock"));
    file.is_ok_and(|file| file.try_lock().is_ok())
}

fn start(directory: &Path, join: SocketAddr, memory: u64) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([
            "mapreduce",
            "worker",
            "--near",
            "--join",
            &join.to_string(),
            "--memory",
            &memory.to_string(),
            "--data",
        ])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
}
