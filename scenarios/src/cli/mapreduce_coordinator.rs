//! The coordinator's process: it owns the output directory, keeps workers, and shows how far the job is.

use std::cell::Cell;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use stormglass_sim::rand::random_u64;
use stormglass_sim::time::Instant;
use stormglass_sim::{real, signal};
use stormglass_systems::mapreduce::bugs::Bugs;
use stormglass_systems::mapreduce::protocol::{Job, Policy};
use stormglass_systems::mapreduce::server::{self, CheckpointError, Error, MadeFor, Summary, store};
use stormglass_systems::mapreduce::spec::Probe;

use super::mapreduce::free_port;
use super::mapreduce_crew::Crew;
use super::mapreduce_progress::{Bar, result};
use super::output::{note, say, say_json};
use super::{Answer, Complaint};

/// Below the output directory, as long as the job is not done: its checkpoint, its address, its workers' files.
const UNFINISHED: &str = ".mapreduce";

/// What it is called while it is removed.
const FINISHED: &str = ".mapreduce-done";

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
            note(format_args!("resuming the job in {}", self.output.display()));
        }
        note(format_args!(
            "{} map and {} reduce tasks; more workers: stormglass mapreduce worker --join {address}",
            self.job.splits.len(),
            self.job.reduces
        ));
        let begun = Instant::now();
        let ended = real::block_on(self.coordinate(&owned, address))?;
        let summary = match ended {
            Some(Ok(summary)) => summary,
            Some(Err(error @ Error::Job(_))) => {
                // It would fail again: nothing is left to resume.
                _ = fs::remove_dir_all(&owned.unfinished);
                note(error);
                return Ok(1);
            }
            Some(Err(error @ Error::Stopped(_))) => {
                note(format_args!("{error}; when that is mended, the same command again resumes the job"));
                return Ok(1);
            }
            Some(Err(Error::Port { address, source })) => {
                return Err(Complaint::usage(format!("--listen {address}: {source}")));
            }
            Some(Err(Error::Store { source, .. })) => return Err(self.wrong(&source)),
            Some(Err(Error::Checkpoint(error @ CheckpointError::Io { .. }))) => {
                note(format_args!(
                    "the job has stopped: {error}; when that is mended, the same command again resumes the job"
                ));
                return Ok(1);
            }
            Some(Err(Error::Checkpoint(error))) => return Err(Complaint::Internal(error.to_string())),
            None => {
                note("interrupted; the same command again resumes the job");
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
        let (shown, alive) = (bar.clone(), Rc::new(Cell::new(0)));
        let seen = alive.clone();
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
            report: Some(Rc::new(move |progress| {
                seen.set(progress.workers);
                shown.show(progress);
            })),
            ..server::Config::new(self.job.clone())
        };
        let moved = owned.before.filter(|before| *before != address);
        let mut crew = Crew::new(&owned.unfinished, owned.crew, self.workers, self.memory, address, moved);
        let ended = stormglass_sim::select! {
            ended = server::run(config) => Some(ended),
            error = crew.keep(&alive) => Some(Err(Error::Stopped(format!("no worker can be started: {error}")))),
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
        let foreign = listing.flatten().any(|entry| entry.file_name() != UNFINISHED);
        // Nobody knows whose output it is without the checkpoint: its first record comes before all output.
        let begun = fs::metadata(unfinished.join("checkpoint")).is_ok_and(|found| found.len() > 0);
        if foreign && !begun {
            let text = format!(
                "--output {shown}: it is not empty, and no unfinished job is in it; name a new directory, or remove this one"
            );
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
            Ok(bytes) if bytes.is_empty() => false,
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
        let before = fs::read_to_string(unfinished.join("address")).ok();
        let before = before.and_then(|text| text.trim().parse().ok());
        let crew = crew(&unfinished).map_err(|error| self.wrong(&error))?;
        Ok(Owned { unfinished, _lock: lock, resumes, before, crew })
    }

    /// Where to listen: where it was asked for, or where workers of an interrupted run look for their coordinator, or
    /// anywhere.
    fn address(&self, owned: &Owned) -> Result<SocketAddr, Complaint> {
        let free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
        let address = match (self.listen, owned.before.filter(free)) {
            (Some(asked), _) if asked.port() > 0 => {
                drop(TcpListener::bind(asked).map_err(|error| taken(asked, &error))?);
                asked
            }
            (Some(asked), _) => free_port(asked.ip()).map_err(|error| taken(asked, &error))?,
            (None, Some(before)) => before,
            (None, None) => free_port(IpAddr::V4(Ipv4Addr::LOCALHOST))?,
        };
        let file = File::create(owned.unfinished.join("address"));
        let written = file.and_then(|mut file| writeln!(file, "{address}"));
        written.map_err(|error| self.wrong(&error))?;
        Ok(address)
    }

    /// Nothing but the output remains.
    fn tidy(&self, owned: &Owned) -> Result<(), Complaint> {
        let wrong = |error: io::Error| self.wrong(&error);
        // Its files vanish in any order. Without its name they are no job's, whoever interrupts this.
        let finished = self.output.join(FINISHED);
        fs::rename(&owned.unfinished, &finished).map_err(wrong)?;
        fs::remove_dir_all(&finished).map_err(wrong)?;
        for entry in fs::read_dir(&self.output).map_err(wrong)?.flatten() {
            if entry.file_name().to_str().is_some_and(store::is_temporary) {
                fs::remove_file(entry.path()).map_err(wrong)?;
            }
        }
        Ok(())
    }
}

/// A name for the workers of this directory: that of an earlier run, or a new one.
fn crew(unfinished: &Path) -> io::Result<u32> {
    let path = unfinished.join("crew");
    let known = fs::read_to_string(&path).ok();
    if let Some(name) = known.and_then(|text| u32::from_str_radix(text.trim(), 16).ok()) {
        return Ok(name);
    }
    let name = random_u64() as u32;
    fs::write(path, format!("{name:08x}\n"))?;
    Ok(name)
}

fn taken(address: SocketAddr, error: &io::Error) -> Complaint {
    Complaint::usage(format!("--listen {address}: {error}"))
}

/// The output directory, held for as long as this lives.
struct Owned {
    unfinished: PathBuf,
    _lock: File,
    resumes: bool,
    /// Where an earlier run listened.
    before: Option<SocketAddr>,
    /// The name of the crew, the same in all runs of this job.
    crew: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crew_keeps_its_name_as_long_as_its_directory() {
        let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let first = crew(one.path()).unwrap();
        assert_eq!(crew(one.path()).unwrap(), first);
        // One chance in four billion that this fails.
        assert_ne!(crew(other.path()).unwrap(), first);
    }
}
