//! `stormglass client kvraft`: the clerk of the stories, for real.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use stormglass_checker::models::kv::Kv;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_sim::real;
use stormglass_systems::kvraft::client::{self, Clerk, WriteError};
use stormglass_systems::kvraft::message::{Page, ReadPath};
use stormglass_systems::kvraft::protocol::PutError;
use stormglass_systems::kvraft::spec::{self, Probe};
use stormglass_systems::retry::Retry;

use super::kv_server::address;
use super::load::{Keys, Load, Mixer, Racer, Unversioned, Versioned};
use super::output::say;
use super::{Answer, args};
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
    /// The way of reads: through the log, or past it after the leader has asked a quorum, or by its lease (not where servers
    /// may sleep: a clock that stands still makes a lease last)
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
    /// Shows keys with their versions and values, as all of them are at one moment
    Scan {
        /// The first key, or where it would stand
        from: String,
        /// All keys are less than this one; without it, to the last
        to: Option<String>,
        /// How many keys at most; an answer has 1000 at most, and ends before it is longer than 128 KiB
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
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
    Load {
        /// Puts at versions, instead of puts, appends and compare-and-set
        #[arg(long)]
        versioned: bool,
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        keys: Keys,
    },
}

impl Client {
    pub(crate) fn answer(self) -> Answer {
        real::block_on(async {
            let mut clerk = self.clerk(Probe::blind());
            match &self.what {
                What::Get { key } => self.get(&mut clerk, key).await,
                What::Scan { from, to, limit } => self.scan(&mut clerk, from, to.as_deref(), *limit).await,
                What::Put { key, value, version: Some(version) } => {
                    self.put_at(&mut clerk, key, value, *version).await
                }
                What::Put { key, value, version: None } => self.written(clerk.put(key, value).await),
                What::Append { key, value } => self.written(clerk.append(key, value).await),
                What::Cas { key, value, from } => match clerk.cas(key, from.as_deref(), value).await {
                    Ok(false) => {
                        say(unlike(from.as_deref()))?;
                        Ok(NO)
                    }
                    result => self.written(result.map(drop)),
                },
                What::Load { versioned, load, keys } => self.load(*versioned, load, keys).await,
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

    async fn scan(&self, clerk: &mut Clerk, from: &str, to: Option<&str>, limit: u32) -> Answer {
        let Ok(Page { entries, next }) = clerk.scan(from, to, limit as usize).await else {
            return self.silence(UNKNOWN, "unknown: nothing was read");
        };
        for (key, found) in &entries {
            say(&format!("{key}\t{}\t{}", found.version, found.value))?;
        }
        match next {
            Some(next) => say(&format!("more from {next} on, as of another moment"))?,
            None if entries.is_empty() => say("no keys")?,
            None => {}
        }
        Ok(if entries.is_empty() { NO } else { 0 })
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

    async fn load(&self, versioned: bool, load: &Load, keys: &Keys) -> Answer {
        let (keys, named) = keys.draw();
        let clock = Stopwatch::start();
        let probe = Probe::new(move || clock.elapsed());
        let clerk = || self.clerk(probe.clone());
        let answered = if versioned {
            let answered = load.run(&named, |client| Racer::new(clerk(), client, &keys)).await?;
            load.write::<VersionedKv>("versioned-kv", &spec::versions(&probe.history()))?;
            answered
        } else {
            let answered = load.run(&named, |client| Mixer::new(clerk(), client, &keys)).await?;
            load.write::<Kv>("kv", &spec::classic(&probe.history()))?;
            answered
        };
        if answered == 0 { self.silence(UNKNOWN, "unknown: nothing was measured") } else { Ok(0) }
    }
}

/// Why a compare-and-set was not done.
pub(super) fn unlike(from: Option<&str>) -> &'static str {
    match from {
        Some(_) => "not done: the key has another value",
        None => "not done: the key exists (--from says which value it must have)",
    }
}

impl Versioned for Clerk {
    async fn version(&mut self, key: &str) -> Option<u64> {
        Some(self.get(key).await.ok()?.map_or(0, |found| found.version))
    }

    async fn put(&mut self, key: &str, value: &str, version: u64) -> Option<bool> {
        let result = self.put_at(key, value, version).await;
        let answered = !matches!(result, Err(PutError::Unknown | PutError::NotDone));
        answered.then_some(result.is_ok())
    }
}

impl Unversioned for Clerk {
    async fn value(&mut self, key: &str) -> Option<Option<String>> {
        Some(self.get(key).await.ok()?.map(|found| found.value))
    }

    async fn set(&mut self, key: &str, value: &str) -> bool {
        self.put(key, value).await.is_ok()
    }

    async fn add(&mut self, key: &str, value: &str) -> bool {
        self.append(key, value).await.is_ok()
    }

    async fn swap(&mut self, key: &str, from: Option<&str>, to: &str) -> bool {
        self.cas(key, from, to).await.is_ok()
    }
}
