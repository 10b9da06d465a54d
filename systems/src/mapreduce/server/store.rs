//! The store: where input is read and output published; in the paper, GFS.
//!
//! A reduce attempt writes under a name of its own. Committing syncs the file, renames it, and syncs the directory, so
//! that at every instant, and after every crash, the final name is absent or names the whole output of one attempt (§3.3).
//! Writes and commits can be repeated: a copy of one that comes late changes nothing that counts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use stormglass_sim::fs::{self, File};
use stormglass_sim::net::rpc::{Request, Server};
use stormglass_sim::reachable;
use stormglass_sim::sync::Mutex;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Answer, Attempt, Bytes, CommitOutput, JobId, ReadInput, WriteOutput};
use super::super::spec::{Observation, Probe};

impl Request for ReadInput {
    type Reply = Answer<Bytes>;
    const NAME: &'static str = "ReadInput";
}

impl Request for WriteOutput {
    type Reply = Answer<()>;
    const NAME: &'static str = "WriteOutput";
}

impl Request for CommitOutput {
    type Reply = Answer<()>;
    const NAME: &'static str = "CommitOutput";
}

/// How a store is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The input files that it serves, and no others, in the order of the job's.
    pub inputs: Vec<String>,
    /// The directory of the output; made if need be.
    pub output: PathBuf,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

/// The name of an output file.
pub fn name(reduce: u32) -> String {
    format!("mr-out-{reduce}")
}

/// Whether a file of the output's directory is an attempt's, left behind: once the job is done it may be removed.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(".mr-out-")
}

/// Runs the store of this job on a node of its own.
///
/// # Errors
/// When its port or its directory fails.
pub async fn run(address: String, job: JobId, config: Config) -> io::Result<()> {
    let mut server = Server::bind(&address).await?;
    serve(&mut server, job, config).await?;
    server.serve().await
}

/// Serves the store's requests beside others.
pub(super) async fn serve(server: &mut Server, job: JobId, config: Config) -> io::Result<()> {
    fs::create_dir_all(&config.output).await?;
    // A directory whose own name is lost takes all in it along.
    let above = config.output.parent().filter(|above| !above.as_os_str().is_empty());
    fs::sync_dir(above.unwrap_or(Path::new("."))).await?;
    // Nobody can go on with what an earlier process had taken. Whatever cannot be removed does no harm but take room.
    for entry in fs::read_dir(&config.output).await? {
        if is_temporary(&entry.name) {
            _ = fs::remove_file(config.output.join(&entry.name)).await;
        }
    }
    let (durable, taken) = (RefCell::default(), RefCell::default());
    let shared = Rc::new(Store { job, config, durable, taken, commits: Mutex::new(()) });
    let store = shared.clone();
    server.on(move |_, request: ReadInput| {
        let store = store.clone();
        async move { store.read(request).await.map(Bytes) }
    });
    let store = shared.clone();
    server.on(move |_, request: WriteOutput| {
        let store = store.clone();
        async move { store.write(request).await }
    });
    server.on(move |_, request: CommitOutput| {
        let store = shared.clone();
        async move {
            let _alone = store.commits.lock().await;
            store.commit(request).await
        }
    });
    Ok(())
}

/// How much of one attempt's output is there; nothing where it is not to be committed. Whoever changes the file holds it: a
/// copy of a piece that fails takes the file away, and a piece that is written meanwhile must not count as there.
type Taken = Rc<Mutex<Option<u64>>>;

/// A store at work.
struct Store {
    job: JobId,
    config: Config,
    /// Outputs that this process knows to be durable. That a name is there does not say so: an earlier fsync of its
    /// directory may have failed and dropped the change, after which the next one succeeds over nothing.
    durable: RefCell<BTreeSet<u32>>,
    /// How much of each attempt's output this process has taken, from its beginning. What an earlier one took may be lost,
    /// and so may what a failed fsync was to keep: such an attempt has to be made again.
    taken: RefCell<BTreeMap<(u32, Attempt), Taken>>,
    /// Commits come one at a time: of two attempts the second must find what the first has published.
    commits: Mutex<()>,
}

impl Store {
    /// Who worked for an earlier job at this address may go on with it for a while.
    fn refuse_foreign(&self, job: JobId) -> Answer<()> {
        if job == self.job || self.config.bugs.has(Bug::JobNotLookedAt) {
            return Ok(());
        }
        reachable!("mapreduce: a store was asked for another job");
        Err("it serves another job".to_owned())
    }

    fn taken(&self, reduce: u32, attempt: Attempt) -> Taken {
        self.taken.borrow_mut().entry((reduce, attempt)).or_default().clone()
    }

    fn final_path(&self, reduce: u32) -> PathBuf {
        self.config.output.join(name(reduce))
    }

    fn temporary_path(&self, reduce: u32, attempt: Attempt) -> PathBuf {
        if self.config.bugs.has(Bug::TemporaryNameWithoutAttempt) {
            return self.config.output.join(format!(".mr-out-{reduce}"));
        }
        self.config.output.join(format!(".mr-out-{reduce}.{attempt}"))
    }

    async fn read(&self, request: ReadInput) -> Answer<Vec<u8>> {
        self.refuse_foreign(request.job)?;
        let path = self.config.inputs.get(request.input as usize);
        let path = path.ok_or_else(|| format!("there is no input {}", request.input))?;
        let failed = |error: io::Error| format!("{path}: {error}");
        let file = File::open(path).await.map_err(failed)?;
        let mut bytes = vec![0; request.length.min(1 << 22) as usize];
        let count = file.read_at(&mut bytes, request.offset).await.map_err(failed)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    async fn write(&self, request: WriteOutput) -> Answer<()> {
        self.refuse_foreign(request.job)?;
        let path = if self.config.bugs.has(Bug::WritesFinalName) {
            self.final_path(request.reduce)
        } else {
            self.temporary_path(request.reduce, request.attempt)
        };
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let taken = self.taken(request.reduce, request.attempt);
        let mut taken = taken.lock().await;
        if request.offset > taken.unwrap_or(0) {
            return Err(format!("{}: what comes before byte {} is lost", path.display(), request.offset));
        }
        // Not cut: a late copy of the first piece must not undo the others, and what an earlier process took of this
        // attempt were the same bytes.
        let mut options = File::options();
        let written = async {
            let file = options.write(true).create(true).open(&path).await?;
            file.write_all_at(&request.bytes.0, request.offset).await
        };
        let written = written.await;
        if let Err(error) = written
            && !self.config.bugs.has(Bug::WriteNotLookedAt)
        {
            // The disk may be full, of just this: the attempt has failed.
            self.forget(request.reduce, request.attempt, &mut taken).await;
            return Err(failed(error));
        }
        let end = request.offset + request.bytes.0.len() as u64;
        *taken = taken.max(Some(end));
        Ok(())
    }

    async fn commit(&self, request: CommitOutput) -> Answer<()> {
        self.refuse_foreign(request.job)?;
        let (temporary, path) =
            (self.temporary_path(request.reduce, request.attempt), self.final_path(request.reduce));
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        if fs::try_exists(&path).await.map_err(failed)? {
            if !self.durable.borrow().contains(&request.reduce) {
                self.publish_again(request.reduce).await.map_err(failed)?;
            }
            if fs::remove_file(&temporary).await.is_ok() {
                reachable!("mapreduce: an output was there before an attempt could commit its own");
            }
            return Ok(());
        }
        let taken = self.taken(request.reduce, request.attempt);
        let mut taken = taken.lock().await;
        if *taken != Some(request.length) {
            return Err(format!(
                "{}: not all of its {} bytes are there",
                temporary.display(),
                request.length
            ));
        }
        let file = File::open(&temporary).await.map_err(failed)?;
        if let Err(error) = file.sync_all().await {
            // Its pages may be gone although the next fsync succeeds.
            *taken = None;
            return Err(failed(error));
        }
        self.config.probe.observe(|| Observation::Committing { reduce: request.reduce });
        if self.config.bugs.has(Bug::PublishesByCopy) {
            let bytes = fs::read(&temporary).await.map_err(failed)?;
            fs::write(&path, &bytes).await.map_err(failed)?;
        } else {
            fs::rename(&temporary, &path).await.map_err(failed)?;
        }
        fs::sync_dir(&self.config.output).await.map_err(failed)?;
        self.durable.borrow_mut().insert(request.reduce);
        self.forget_others(request.reduce, request.attempt).await;
        Ok(())
    }

    /// An attempt that is not to be committed any more. What cannot be removed goes when the job is done.
    async fn forget(&self, reduce: u32, attempt: Attempt, taken: &mut Option<u64>) {
        *taken = None;
        if fs::remove_file(self.temporary_path(reduce, attempt)).await.is_ok() {
            reachable!("mapreduce: a store removed what a failed attempt had written");
        }
    }

    async fn forget_others(&self, reduce: u32, winner: Attempt) {
        let losers = |(of, attempt): &&(u32, Attempt)| *of == reduce && *attempt != winner;
        let losers: Vec<_> = self.taken.borrow().keys().filter(losers).copied().collect();
        for (reduce, loser) in losers {
            let taken = self.taken(reduce, loser);
            self.forget(reduce, loser, &mut *taken.lock().await).await;
        }
    }

    /// Puts a copy in the place of an output of which nobody knows whether it would survive.
    async fn publish_again(&self, reduce: u32) -> io::Result<()> {
        let (path, copy) =
            (self.final_path(reduce), self.config.output.join(format!(".mr-out-{reduce}.copy")));
        let from = File::open(&path).await?;
        let to = File::create(&copy).await?;
        let mut at = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = from.read_at(&mut buffer, at).await?;
            if count == 0 {
                break;
            }
            to.write_all_at(&buffer[..count], at).await?;
            at += count as u64;
        }
        to.sync_all().await?;
        fs::rename(&copy, &path).await?;
        fs::sync_dir(&self.config.output).await?;
        self.durable.borrow_mut().insert(reduce);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use stormglass_sim::fs::{Fault, FaultRule};
    use stormglass_sim::{Seed, Sim};

    use super::*;

    /// A copy of the first piece fails while the second is written: what comes next must not lie behind a hole.
    #[test]
    fn a_piece_that_is_written_while_another_fails_is_not_there() {
        let outcome = Sim::new(Seed(1)).run(|world| async move {
            let node = world.node("store", || async {});
            world.disk(node, |disk| {
                disk.fault(
                    FaultRule::new(Fault::WriteError).when(|path| path.ends_with(".mr-out-0.1.0")).nth(3),
                );
            });
            let stored = world.spawn_on(node, async {
                let (output, probe) = (PathBuf::from("out"), Probe::blind());
                fs::create_dir_all(&output).await.unwrap();
                let config = Config { inputs: Vec::new(), output, bugs: Bugs::NONE, probe };
                let (durable, taken) = (RefCell::default(), RefCell::default());
                let store = Store { job: 7, config, durable, taken, commits: Mutex::new(()) };
                let attempt = Attempt { epoch: 1, number: 0 };
                let piece = |offset| {
                    let bytes = Bytes(b"piece".to_vec());
                    store.write(WriteOutput { job: 7, reduce: 0, attempt, offset, bytes })
                };
                piece(0).await.unwrap();
                let (copy, second) = futures::join!(piece(0), piece(5));
                assert!(copy.is_err(), "the disk said so");
                let third = piece(10).await;
                let whole = CommitOutput { job: 7, reduce: 0, attempt, length: 15 };
                let committed = store.commit(whole).await;
                assert!(second.is_err() && third.is_err() && committed.is_err(), "{second:?} {third:?}");
                for offset in [0, 5, 10] {
                    piece(offset).await.unwrap();
                }
                store.commit(whole).await.unwrap();
                fs::read(store.final_path(0)).await.unwrap()
            });
            stored.await.unwrap()
        });
        assert_eq!(outcome.unwrap(), b"piecepiecepiece");
    }
}
