//! `stormglass client kv`: the clerk of the stories, for real.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use futures::{FutureExt, poll};
use stormglass_checker::format::jsonl;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_sim::net::lookup_host;
use stormglass_sim::rand::{below, chance, random_u64};
use stormglass_sim::signal::ctrl_c;
use stormglass_sim::task::JoinSet;
use stormglass_sim::time::{sleep, system_now, timeout};
use stormglass_sim::{Ratio, real};
use stormglass_systems::kv::client::{self, Clerk};
use stormglass_systems::kv::lock::{self, Lock};
use stormglass_systems::kv::protocol::PutError;
use stormglass_systems::kv::spec::{self, Probe};
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
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7000", value_parser = address)]
    server: String,
    /// How long an operation may take in all
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = args::duration)]
    patience: Duration,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Shows a key's version and value
    Get {
        /// The key
        key: String,
    },
    /// Installs a value if the key has the version
    Put {
        /// The key
        key: String,
        /// The value
        value: String,
        /// The version the key must have; 0: it must not exist. Without it, the version it has now
        #[arg(long)]
        version: Option<u64>,
    },
    /// Takes a lock and gives it back after a while; says when, in nanoseconds since 1970
    Lock {
        /// The lock
        name: String,
        /// How long to hold it; Ctrl-C gives it back at once
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = args::duration)]
        hold: Duration,
    },
    /// Many clients at once; their history can be judged
    Load {
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
    },
}

impl Client {
    pub(crate) fn answer(self) -> Answer {
        real::block_on(async {
            let wrong = |error| Complaint::usage(format!("--server {}: {error}", self.server));
            lookup_host(&self.server).await.map(drop).map_err(wrong)?;
            let clerk = self.clerk(Probe::blind());
            match &self.what {
                What::Get { key } => self.get(&clerk, key).await,
                What::Put { key, value, version } => self.put(&clerk, key, value, *version).await,
                What::Lock { name, hold } => self.lock(clerk, name, *hold).await,
                What::Load { clients, keys, time, pause, history } => {
                    self.load(*clients, *keys, *time, *pause, history.as_deref()).await
                }
            }
        })?
    }

    fn clerk(&self, probe: Probe) -> Clerk {
        let retry = Retry { patience: Some(self.patience), ..Retry::default() };
        Clerk::new(self.server.clone(), client::Config { retry, probe, ..client::Config::default() })
    }

    /// Nobody answered in time: says so, `fate` being what that means.
    fn silence(&self, fate: &str) -> Answer {
        let (server, patience) = (&self.server, span(self.patience));
        say(&format!("unknown: no answer from {server} in {patience} (--server, --patience); {fate}"))?;
        Ok(UNKNOWN)
    }

    async fn get(&self, clerk: &Clerk, key: &str) -> Answer {
        match clerk.get(key).await {
            Ok(Some(found)) => {
                say(&format!("{}\t{}", found.version, found.value))?;
                Ok(0)
            }
            Ok(None) => {
                say("no key")?;
                Ok(NO)
            }
            Err(_) => self.silence("nothing was read"),
        }
    }

    async fn put(&self, clerk: &Clerk, key: &str, value: &str, version: Option<u64>) -> Answer {
        let version = match version {
            Some(version) => version,
            None => match clerk.get(key).await {
                Ok(found) => found.map_or(0, |found| found.version),
                Err(_) => return self.silence("nothing was put"),
            },
        };
        let (text, code) = match clerk.put(key, value, version).await {
            Ok(()) => (format!("installed as version {}", version.saturating_add(1)), 0),
            Err(PutError::Unknown) => return self.silence("perhaps installed"),
            Err(error @ PutError::Maybe) => (error.to_string(), UNKNOWN),
            Err(error) => (error.to_string(), NO),
        };
        say(&text)?;
        Ok(code)
    }

    async fn lock(&self, clerk: Clerk, name: &str, hold: Duration) -> Answer {
        let lock = Lock::new(clerk, name, lock::Config::default());
        let Ok(grant) = timeout(self.patience, lock.acquire()).await else {
            let (server, patience) = (&self.server, span(self.patience));
            say(&format!(
                "unknown: the lock was not ours in {patience} (--server {server}, --patience); \
                 a last attempt may have taken it, and then nobody frees it"
            ))?;
            return Ok(UNKNOWN);
        };
        let mut interrupted = pin!(ctrl_c().fuse());
        // The first poll installs the handler: whoever reads the line may interrupt.
        _ = poll!(interrupted.as_mut());
        say(&format!("held as {} from {}", grant.id(), since_1970()?))?;
        stormglass_sim::select! {
            () = sleep(hold) => {}
            _ = interrupted => {}
        }
        let until = since_1970()?;
        if timeout(self.patience, lock.release(grant)).await.is_err() {
            return self.silence(&format!("held until {until}, perhaps longer"));
        }
        say(&format!("released, held until {until}"))?;
        Ok(0)
    }

    async fn load(
        &self,
        clients: u64,
        keys: u64,
        time: Duration,
        pause: Option<Duration>,
        history: Option<&Path>,
    ) -> Answer {
        if let Some(path) = history {
            load::writable(path)?;
        }
        let name = format!("load-{:08x}", random_u64() as u32);
        let keys: Rc<[String]> = (0..keys).map(|n| format!("{name}-{n}")).collect();
        let range =
            if let [only] = &*keys { only.clone() } else { format!("{name}-0 to {}", keys[keys.len() - 1]) };
        say(&format!("{clients} clients for {}, keys {range}", span(time)))?;
        let clock = Stopwatch::start();
        let probe = Probe::new(move || clock.elapsed());
        let answered = Rc::new(Cell::new(0_u64));
        let mut working = JoinSet::new();
        for client in 0..clients {
            let clerk = self.clerk(probe.clone());
            working.spawn(work(clerk, client, keys.clone(), clock, time, pause, answered.clone()));
        }
        load::finish(working).await?;
        let (count, took) = (answered.get(), clock.elapsed());
        let rate = count as f64 / took.as_secs_f64();
        say(&format!("{count} operations of {clients} clients in {}, {rate:.0} a second", span(took)))?;
        if let Some(path) = history {
            let mut lines = Vec::new();
            jsonl::write::<VersionedKv>(&mut lines, &spec::checkable(&probe.history()))?;
            load::write(path, &lines, "versioned-kv")?;
        }
        if count == 0 { self.silence("nothing was measured") } else { Ok(0) }
    }
}

/// The machine's clock, which all its processes share.
fn since_1970() -> Result<u128, Complaint> {
    let since = system_now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_err(|_| Complaint::Internal("the machine's clock is before 1970".into()))?;
    Ok(since.as_nanos())
}

/// One client of a load: reads, and puts at the version last seen.
async fn work(
    clerk: Clerk,
    client: u64,
    keys: Rc<[String]>,
    clock: Stopwatch,
    time: Duration,
    pause: Option<Duration>,
    answered: Rc<Cell<u64>>,
) {
    let mut known = vec![0; keys.len()];
    let mut written = 0;
    while clock.elapsed() < time {
        if let Some(pause) = pause {
            sleep(pause).await;
        }
        let at = below(keys.len() as u64) as usize;
        let key = &keys[at];
        if chance(Ratio::percent(50)) {
            written += 1;
            let outcome = clerk.put(key, &format!("{client}.{written}"), known[at]).await;
            answered.set(answered.get() + u64::from(outcome != Err(PutError::Unknown)));
            if outcome.is_ok() {
                known[at] += 1;
                continue;
            }
        }
        if let Ok(found) = clerk.get(key).await {
            known[at] = found.map_or(0, |found| found.version);
            answered.set(answered.get() + 1);
        }
    }
}
