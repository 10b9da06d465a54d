//! `stormglass client kv`: the clerk of the stories, for real.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use futures::{FutureExt, poll};
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_sim::net::lookup_host;
use stormglass_sim::real;
use stormglass_sim::signal::ctrl_c;
use stormglass_sim::time::{sleep, system_now, timeout};
use stormglass_systems::kv::client::{self, Clerk};
use stormglass_systems::kv::lock::{self, Lock};
use stormglass_systems::kv::protocol::PutError;
use stormglass_systems::kv::spec::{self, Probe};
use stormglass_systems::retry::Retry;

use super::kv_server::address;
use super::load::{Keys, Load, Racer, Versioned};
use super::output::say;
use super::{Answer, Complaint, args};
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
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        keys: Keys,
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
                What::Load { load, keys } => self.load(load, keys).await,
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

    async fn load(&self, load: &Load, keys: &Keys) -> Answer {
        let (keys, named) = keys.draw();
        let clock = Stopwatch::start();
        let probe = Probe::new(move || clock.elapsed());
        let hire = |client| Racer::new(self.clerk(probe.clone()), client, &keys);
        let answered = load.run(&named, hire).await?;
        load.write::<VersionedKv>("versioned-kv", &spec::checkable(&probe.history()))?;
        if answered == 0 { self.silence("nothing was measured") } else { Ok(0) }
    }
}

/// The machine's clock, which all its processes share.
fn since_1970() -> Result<u128, Complaint> {
    let since = system_now().duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_err(|_| Complaint::Internal("the machine's clock is before 1970".into()))?;
    Ok(since.as_nanos())
}

impl Versioned for Clerk {
    async fn version(&mut self, key: &str) -> Option<u64> {
        Some(self.get(key).await.ok()?.map_or(0, |found| found.version))
    }

    async fn put(&mut self, key: &str, value: &str, version: u64) -> Option<bool> {
        let result = Clerk::put(self, key, value, version).await;
        (result != Err(PutError::Unknown)).then_some(result.is_ok())
    }
}
