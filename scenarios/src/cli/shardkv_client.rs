//! `stormglass client shardkv`: the clerk of the stories, for real, and what an operator asks of the controller.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, Subcommand};
use stormglass_checker::models::kv::Kv;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_sim::real;
use stormglass_systems::retry::Retry;
use stormglass_systems::shardkv::client::{self, Clerk, DecreeError, Decrees, Directory, WriteError};
use stormglass_systems::shardkv::message::{Config, Gid, Num, Shard, Version};
use stormglass_systems::shardkv::protocol::PutError;
use stormglass_systems::shardkv::spec::{self, Probe};

use super::kv_server::address;
use super::kvraft_client::unlike;
use super::load::{Keys, Load, Mixer, Racer, Unversioned, Versioned};
use super::output::say;
use super::{Answer, Complaint, args, shardkv_doctor as doctor};
use crate::report::span;
use crate::wall::Stopwatch;

/// Exit code of an operation that was answered, with no.
const NO: u8 = 1;

/// Exit code of an operation of unknown outcome.
const UNKNOWN: u8 = 3;

#[derive(Args)]
pub(crate) struct Client {
    /// Where the servers of the controller listen
    #[arg(long, value_name = "ADDR,…", required = true, value_delimiter = ',', value_parser = address)]
    controller: Vec<String>,
    /// How long an operation may take in all
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = args::duration)]
    patience: Duration,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Lets groups take part: GID=host:port,host:port,… of its servers
    Join {
        /// The groups
        #[arg(required = true, value_name = "GID=ADDR,…", value_parser = group)]
        groups: Vec<(Gid, Vec<String>)>,
        /// Do not ask first whether servers of these groups are at these addresses
        #[arg(long)]
        unchecked: bool,
    },
    /// Lets groups take part no longer: their shards go to the others
    Leave {
        /// The groups
        #[arg(required = true, value_name = "GID")]
        groups: Vec<Gid>,
    },
    /// Gives a shard to a group, until the next join or leave
    Move {
        /// The shard, from 0
        shard: Shard,
        /// The group
        group: Gid,
    },
    /// Shows who serves what
    Query {
        /// In this configuration; without it, in the latest
        num: Option<Num>,
    },
    /// Shows the version and the value of a key
    Get {
        /// The key
        key: String,
    },
    /// Installs a value
    Put {
        /// The key
        key: String,
        /// The value
        value: String,
        /// The version the key must have; 0: it must not exist. Without it, whatever is there
        #[arg(long)]
        version: Option<Version>,
    },
    /// Appends to a value, once
    Append {
        /// The key
        key: String,
        /// What to append
        value: String,
    },
    /// Sets a key that has one value to another
    Cas {
        /// The key
        key: String,
        /// The value it gets
        value: String,
        /// The value it must have; without it, it must not exist
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
            match &self.what {
                What::Join { groups, unchecked } => self.join(groups, *unchecked).await,
                What::Leave { groups } => self.decreed(self.decrees().leave(groups.clone()).await).await,
                What::Move { shard, group } => {
                    self.decreed(self.decrees().move_shard(*shard, *group).await).await
                }
                What::Query { num } => match (self.decrees().query(*num).await, num) {
                    (Ok(config), Some(num)) if config.num != *num => {
                        let latest = config.num;
                        told(&format!("there is no configuration {num}; the latest is {latest}"), NO)
                    }
                    (Ok(config), _) => shown(&config),
                    (Err(_), _) => self.no_controller("unknown: nothing was read", UNKNOWN).await,
                },
                What::Get { key } => self.get(key).await,
                What::Put { key, value, version } => self.put(key, value, *version).await,
                What::Append { key, value } => {
                    let result = self.clerk(Probe::blind()).append(key, value).await;
                    self.written(key, result, "appended").await
                }
                What::Cas { key, value, from } => {
                    match self.clerk(Probe::blind()).cas(key, from.as_deref(), value).await {
                        Ok(false) => told(unlike(from.as_deref()), NO),
                        result => self.written(key, result.map(drop), "done").await,
                    }
                }
                What::Load { versioned, load, keys } => self.load(*versioned, load, keys).await,
            }
        })?
    }

    fn retry(&self) -> Retry {
        Retry { patience: Some(self.patience), ..client::Config::default().retry }
    }

    fn decrees(&self) -> Decrees {
        Decrees::new(self.controller.clone(), self.retry())
    }

    fn clerk(&self, probe: Probe) -> Clerk {
        let config = client::Config { retry: self.retry(), probe, ..client::Config::default() };
        Clerk::new(Directory::controller(self.controller.clone()), config)
    }

    /// No group answered in time, for this key if there is one: says why, `fate` being what that means.
    async fn no_group(&self, key: Option<&str>, fate: &str, code: u8) -> Answer {
        self.unanswered(&doctor::silent_group(&self.controller, key).await, fate, code)
    }

    /// No controller did.
    async fn no_controller(&self, fate: &str, code: u8) -> Answer {
        self.unanswered(&doctor::silent_controller(&self.controller).await, fate, code)
    }

    fn unanswered(&self, why: &str, fate: &str, code: u8) -> Answer {
        let patience = span(self.patience);
        told(&format!("no answer in {patience} (--patience): {why} (--controller); {fate}"), code)
    }

    /// A decree is final: no group follows the controller any further that has shards for one that is not there.
    async fn join(&self, groups: &[(Gid, Vec<String>)], unchecked: bool) -> Answer {
        let mut named = BTreeMap::new();
        for (gid, servers) in groups {
            if named.insert(*gid, servers.clone()).is_some() {
                return Err(Complaint::usage(format!("join: group {gid} is named twice")));
            }
        }
        let mut decrees = self.decrees();
        if !unchecked {
            let Ok(config) = decrees.query(Some(0)).await else {
                return self.no_controller("certainly nothing was done", NO).await;
            };
            let controller = (self.controller.as_slice(), config.shards.len());
            for (gid, servers) in groups {
                if let Some(why) = doctor::objection(*gid, servers, controller, self.retry()).await {
                    let text =
                        format!("refused: group {gid} at {why} (--unchecked lets it join all the same)");
                    return told(&text, NO);
                }
            }
        }
        self.decreed(decrees.join(named).await).await
    }

    async fn written(&self, key: &str, result: Result<(), WriteError>, done: &str) -> Answer {
        match result {
            Ok(()) => told(done, 0),
            Err(WriteError::NotDone) => self.no_group(Some(key), "certainly not done", NO).await,
            Err(WriteError::Unanswered) => {
                self.no_group(Some(key), "unknown: perhaps done, or will be", UNKNOWN).await
            }
            Err(error @ WriteError::Full) => told(&error.to_string(), NO),
            Err(error @ WriteError::Forgotten) => told(&error.to_string(), UNKNOWN),
        }
    }

    async fn decreed(&self, result: Result<Num, DecreeError>) -> Answer {
        match result {
            Ok(num) => told(&format!("configuration {num}"), 0),
            Err(DecreeError::Refused(why)) => told(&format!("refused: {why}"), NO),
            Err(DecreeError::NotDone) => self.no_controller("certainly nothing was done", NO).await,
            Err(DecreeError::Unknown) => self.no_controller("unknown: perhaps it is done", UNKNOWN).await,
        }
    }

    async fn get(&self, key: &str) -> Answer {
        match self.clerk(Probe::blind()).get(key).await {
            Ok(Some(found)) => told(&format!("{}\t{}", found.version, found.value), 0),
            Ok(None) => told("no key", NO),
            Err(_) => self.no_group(Some(key), "unknown: nothing was read", UNKNOWN).await,
        }
    }

    async fn put(&self, key: &str, value: &str, version: Option<Version>) -> Answer {
        let mut clerk = self.clerk(Probe::blind());
        let Some(version) = version else {
            return self.written(key, clerk.set(key, value).await, "installed").await;
        };
        let (text, code) = match clerk.put(key, value, version).await {
            Ok(()) => (format!("installed as version {}", version.saturating_add(1)), 0),
            Err(PutError::Unknown) => {
                return self.no_group(Some(key), "unknown: perhaps installed, or will be", UNKNOWN).await;
            }
            Err(PutError::NotDone) => {
                return self.no_group(Some(key), "certainly not installed", NO).await;
            }
            Err(error @ PutError::Maybe) => (error.to_string(), UNKNOWN),
            Err(error) => (error.to_string(), NO),
        };
        told(&text, code)
    }

    async fn load(&self, versioned: bool, load: &Load, keys: &Keys) -> Answer {
        let (keys, named) = keys.draw();
        let clock = Stopwatch::start();
        let probe = Probe::new(move || clock.elapsed());
        let clerk = || self.clerk(probe.clone());
        let answered = if versioned {
            let answered = load.run(&named, |client| Racer::new(clerk(), client, &keys)).await?;
            load.write::<VersionedKv>("versioned-kv", &spec::versioned(&probe.history()))?;
            answered
        } else {
            let answered = load.run(&named, |client| Mixer::new(clerk(), client, &keys)).await?;
            load.write::<Kv>("kv", &spec::unversioned(&probe.history()))?;
            answered
        };
        if answered == 0 {
            return self.no_group(None, "unknown: nothing was measured", UNKNOWN).await;
        }
        Ok(0)
    }
}

fn told(text: &str, code: u8) -> Answer {
    say(text)?;
    Ok(code)
}

/// `100=host:port,host:port`.
fn group(text: &str) -> Result<(Gid, Vec<String>), String> {
    let wrong =
        || format!("'{text}' is no group: write GID=host:port,host:port, as 1=127.0.0.1:7001,127.0.0.1:7002");
    let (gid, servers) = text.split_once('=').ok_or_else(wrong)?;
    let servers: Result<Vec<String>, String> = servers.split(',').map(address).collect();
    Ok((gid.parse().ok().filter(|gid| *gid > 0).ok_or_else(wrong)?, servers?))
}

fn shown(config: &Config) -> Answer {
    say(&format!("configuration {}", config.num))?;
    for (gid, servers) in &config.groups {
        let shards = config.shards.iter().enumerate().filter(|(_, owner)| *owner == gid);
        let shards: Vec<String> = shards.map(|(shard, _)| shard.to_string()).collect();
        say(&format!("group {gid}\t{}\tshards {}", servers.join(","), shards.join(",")))?;
    }
    Ok(0)
}

impl Unversioned for Clerk {
    async fn value(&mut self, key: &str) -> Option<Option<String>> {
        Some(self.get(key).await.ok()?.map(|found| found.value))
    }

    async fn set(&mut self, key: &str, value: &str) -> bool {
        Clerk::set(self, key, value).await.is_ok()
    }

    async fn add(&mut self, key: &str, value: &str) -> bool {
        self.append(key, value).await.is_ok()
    }

    async fn swap(&mut self, key: &str, from: Option<&str>, to: &str) -> bool {
        self.cas(key, from, to).await.is_ok()
    }
}

impl Versioned for Clerk {
    async fn version(&mut self, key: &str) -> Option<u64> {
        Some(self.get(key).await.ok()?.map_or(0, |found| found.version))
    }

    async fn put(&mut self, key: &str, value: &str, version: u64) -> Option<bool> {
        let result = Clerk::put(self, key, value, version).await;
        let answered = !matches!(result, Err(PutError::Unknown | PutError::NotDone));
        answered.then_some(result.is_ok())
    }
}
