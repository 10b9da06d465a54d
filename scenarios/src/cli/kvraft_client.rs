//! `stormglass client kvraft`: the clerk of the stories, for real.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use stormglass_checker::format::jsonl;
use stormglass_checker::models::kv::Kv;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_sim::rand::{below, random_u64};
use stormglass_sim::real;
use stormglass_sim::task::JoinSet;
use stormglass_sim::time::sleep;
use stormglass_systems::kvraft::client::{self, Clerk, WriteError};
use stormglass_systems::kvraft::message::ReadPath;
use stormglass_systems::kvraft::protocol::PutError;
use stormglass_systems::kvraft::spec::{self, Probe};
use stormglass_systems::retry::Retry;

use super::kv_server::address;
use super::output::say;
use super::{Answer, Complaint, args, load};
use crate::report::span;
use crate::wall::Stopwatch;

/// Exit code of an operation that was answered, with no.
const NO: u8 = 1;

/// Exit code of an operation of unknown outcome.
const UNKNOWN: u8 = 3;

#[derive(Args)]
pub(crate) struct Client {
    /// Where the servers listen
    #[arg(long, value_name = "ADDR,…", required = true, value_delimiter = ',', value_parser = address)]
    servers: Vec<String>,
    /// How long an operation may take in all
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = args::duration)]
    patience: Duration,
    /// The way of reads: through the log, or past it after the leader has asked a quorum, or by its lease
    #[arg(long, value_name = "WAY", value_enum, default_value_t = Reads::Quorum)]
    reads: Reads,
    #[command(subcommand)]
    what: What,
}

/// See [`ReadPath`].
#[derive(Clone, Copy, ValueEnum)]
enum Reads {
    Log,
    Quorum,
    Lease,
}

#[derive(Subcommand)]
enum What {
    /// Shows a key's version and value
    Get {
        /// The key
        key: String,
    },
    /// Sets the value of a key, once; with --version, if the key has that version
    Put {
        /// The key
        key: String,
        /// The value
        value: String,
        /// The version the key must have; 0: it must not exist
        #[arg(long)]
        version: Option<u64>,
    },
    /// Adds to the end of the value of a key, once
    Append {
        /// The key
        key: String,
        /// What to add
        value: String,
    },
    /// Sets the value of a key that has another, once
    Cas {
        /// The key
        key: String,
        /// Its new value
        value: String,
        /// The value it must have; without it, the key must not exist
        #[arg(long, value_name = "VALUE")]
        from: Option<String>,
    },
    /// Many clients at once; their history can be judged
    Load(Load),
}

#[derive(Args)]
struct Load {
    /// Puts at versions, instead of puts, appends and compare-and-set
    #[arg(long)]
    versioned: bool,
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1000))]
    clients: u64,
    /// How many keys, of a name that no other load has had
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    keys: u64,
    /// How long they go on; Ctrl-C ends it at once
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = args::duration)]
    time: Duration,
    /// How long each client pauses before each operation; without it, not at all
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    pause: Option<Duration>,
    /// Write the history to FILE, as JSON lines
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

impl Client {
    pub(crate) fn answer(self) -> Answer {
        real::block_on(async {
            let mut clerk = self.clerk(Probe::blind());
            match &self.what {
                What::Get { key } => self.get(&mut clerk, key).await,
                What::Put { key, value, version: Some(version) } => {
                    self.put_at(&mut clerk, key, value, *version).await
                }
                What::Put { key, value, version: None } => self.written(clerk.put(key, value).await),
                What::Append { key, value } => self.written(clerk.append(key, value).await),
                What::Cas { key, value, from } => match clerk.cas(key, from.as_deref(), value).await {
                    Ok(false) => {
                        say("not done: the key has another value")?;
                        Ok(NO)
                    }
                    result => self.written(result.map(drop)),
                },
                What::Load(load) => self.load(load).await,
            }
        })?
    }

    fn clerk(&self, probe: Probe) -> Clerk {
        let retry = Retry { patience: Some(self.patience), ..Retry::default() };
        let reads = match self.reads {
            Reads::Log => ReadPath::Log,
            Reads::Quorum => ReadPath::Quorum,
            Reads::Lease => ReadPath::Lease,
        };
        Clerk::new(self.servers.clone(), client::Config { retry, reads, probe, ..client::Config::default() })
    }

    /// No leader answered in time: says so, `fate` being what that means.
    fn silence(&self, code: u8, fate: &str) -> Answer {
        let (servers, patience) = (self.servers.join(","), span(self.patience));
        say(&format!("no leader of {servers} answered in {patience} (--servers, --patience); {fate}"))?;
        Ok(code)
    }

    async fn get(&self, clerk: &mut Clerk, key: &str) -> Answer {
        match clerk.get(key).await {
            Ok(Some(found)) => {
                say(&format!("{}\t{}", found.version, found.value))?;
                Ok(0)
            }
            Ok(None) => {
                say("no key")?;
                Ok(NO)
            }
            Err(_) => self.silence(UNKNOWN, "unknown: nothing was read"),
        }
    }

    fn written(&self, result: Result<(), WriteError>) -> Answer {
        match result {
            Ok(()) => {
                say("done")?;
                Ok(0)
            }
            Err(WriteError::NotDone) => self.silence(NO, "certainly not done"),
            Err(WriteError::Unknown) => self.silence(UNKNOWN, "unknown: perhaps done, or will be"),
            Err(error @ WriteError::Expired) => {
                say(&error.to_string())?;
                Ok(UNKNOWN)
            }
        }
    }

    async fn put_at(&self, clerk: &mut Clerk, key: &str, value: &str, version: u64) -> Answer {
        let (text, code) = match clerk.put_at(key, value, version).await {
            Ok(()) => (format!("installed as version {}", version.saturating_add(1)), 0),
            Err(PutError::NotDone) => return self.silence(NO, "certainly not installed"),
            Err(PutError::Unknown) => return self.silence(UNKNOWN, "unknown: perhaps installed, or will be"),
            Err(error @ PutError::Maybe) => (error.to_string(), UNKNOWN),
            Err(error) => (error.to_string(), NO),
        };
        say(&text)?;
        Ok(code)
    }

    async fn load(&self, load: &Load) -> Answer {
        if let Some(path) = &load.history {
            load::writable(path)?;
        }
        let name = format!("load-{:08x}", random_u64() as u32);
        let keys: Rc<[String]> = (0..load.keys).map(|n| format!("{name}-{n}")).collect();
        say(&format!(
            "{} clients for {}, keys {name}-0 to {name}-{}",
            load.clients,
            span(load.time),
            load.keys - 1
        ))?;
        let clock = Stopwatch::start();
        let probe = Probe::new(move || clock.elapsed());
        let answered = Rc::new(Cell::new(0_u64));
        let mut working = JoinSet::new();
        for client in 0..load.clients {
            let (clerk, keys, answered) = (self.clerk(probe.clone()), keys.clone(), answered.clone());
            let (versioned, time, pause) = (load.versioned, load.time, load.pause);
            working.spawn(async move {
                let mut worker = Worker { clerk, keys, client, written: 0, known: Vec::new() };
                worker.known.resize(worker.keys.len(), 0);
                while clock.elapsed() < time {
                    if let Some(pause) = pause {
                        sleep(pause).await;
                    }
                    let done = if versioned { worker.race().await } else { worker.mix().await };
                    answered.set(answered.get() + u64::from(done));
                }
            });
        }
        load::finish(working).await?;
        let (count, took) = (answered.get(), clock.elapsed());
        let rate = count as f64 / took.as_secs_f64();
        let clients = load.clients;
        say(&format!("{count} operations of {clients} clients in {}, {rate:.0} a second", span(took)))?;
        if let Some(path) = &load.history {
            write(path, load.versioned, &probe)?;
        }
        if count == 0 { self.silence(UNKNOWN, "unknown: nothing was measured") } else { Ok(0) }
    }
}

/// Writes the history of a load.
fn write(path: &Path, versioned: bool, probe: &Probe) -> Result<(), Complaint> {
    let (history, mut lines) = (probe.history(), Vec::new());
    if versioned {
        jsonl::write::<VersionedKv>(&mut lines, &spec::versions(&history))?;
        return load::write(path, &lines, "versioned-kv");
    }
    jsonl::write::<Kv>(&mut lines, &spec::classic(&history))?;
    load::write(path, &lines, "kv")
}

/// One client of a load.
struct Worker {
    clerk: Clerk,
    keys: Rc<[String]>,
    client: u64,
    written: u64,
    /// The version of each key, as far as it knows.
    known: Vec<u64>,
}

impl Worker {
    fn draw(&mut self) -> (usize, String, String) {
        let at = below(self.keys.len() as u64) as usize;
        self.written += 1;
        (at, self.keys[at].clone(), format!("{}.{},", self.client, self.written))
    }

    /// A get, a put at the version last seen, or both. Whether it was answered.
    async fn race(&mut self) -> bool {
        let (at, key, value) = self.draw();
        if below(2) == 0 {
            let result = self.clerk.put_at(&key, &value, self.known[at]).await;
            self.known[at] += u64::from(result.is_ok());
            if result.is_ok() || result == Err(PutError::Unknown) {
                return result.is_ok();
            }
        }
        let found = self.clerk.get(&key).await;
        found.map(|found| self.known[at] = found.map_or(0, |found| found.version)).is_ok()
    }

    /// A get, put, append or compare-and-set. Whether it was answered. Values stay short: a put comes often enough.
    async fn mix(&mut self) -> bool {
        let (_, key, value) = self.draw();
        match below(10) {
            0..4 => self.clerk.get(&key).await.is_ok(),
            4 => self.clerk.put(&key, &value).await.is_ok(),
            5 => match self.clerk.get(&key).await {
                Ok(found) => {
                    let found = found.map(|found| found.value);
                    self.clerk.cas(&key, found.as_deref(), &value).await.is_ok()
                }
                Err(_) => false,
            },
            _ => self.clerk.append(&key, &value).await.is_ok(),
        }
    }
}
