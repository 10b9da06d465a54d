//! `stormglass client raft`: the clerk of the stories, for real, and what an operator asks.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, Subcommand};
use stormglass_checker::models::append_list::AppendList;
use stormglass_sim::net::rpc;
use stormglass_sim::rand::chance;
use stormglass_sim::{Ratio, real};
use stormglass_systems::probe::Operation;
use stormglass_systems::raft::admin::{self, Inspect, Order, OrderError};
use stormglass_systems::raft::client::{self, AppendError, Clerk};
use stormglass_systems::raft::message::{Configuration, ServerId};
use stormglass_systems::raft::server::Status;
use stormglass_systems::raft::spec::{self, Op, Outcome, Probe};
use stormglass_systems::retry::Retry;

use super::kv_server::address;
use super::load::{self, Load, Worker};
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
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Appends a value to the list, once
    Append {
        /// The value
        value: String,
    },
    /// Shows the list, a value a line
    Read {
        /// Trust the leader's lease instead of asking a quorum
        #[arg(long)]
        lease: bool,
    },
    /// Many clients at once; their history can be judged
    Load {
        /// How many of a hundred operations read the whole list
        #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=100))]
        reads: u64,
        #[command(flatten)]
        load: Load,
    },
    /// Shows how each server stands
    Status,
    /// Shows who belongs to the cluster, or changes it
    Members {
        #[command(subcommand)]
        change: Option<Members>,
    },
    /// Hands leadership over
    Transfer {
        /// To this server; without it, to the one that is most up to date
        to: Option<ServerId>,
    },
    /// Has every server make a snapshot
    Snapshot,
}

#[derive(Subcommand)]
enum Members {
    /// Adds a server that was started with --join: it receives the log and has no vote
    Add {
        /// The server
        id: ServerId,
    },
    /// Gives a vote to a server that was added and has caught up
    Promote {
        /// The server
        id: ServerId,
    },
    /// Removes a server
    Remove {
        /// The server
        id: ServerId,
    },
    /// Makes these servers the voters, all at once
    Set {
        /// The servers: 1,2,4
        #[arg(required = true, value_delimiter = ',')]
        ids: Vec<ServerId>,
    },
}

impl Client {
    pub(crate) fn answer(self) -> Answer {
        real::block_on(async {
            match &self.what {
                What::Append { value } => self.append(value).await,
                What::Read { lease } => self.read(*lease).await,
                What::Load { reads, load } => self.load(Ratio::percent(*reads), load).await,
                What::Status => self.status().await,
                What::Members { change: None } => self.members().await,
                What::Members { change: Some(change) } => self.order(&change.order()).await,
                What::Transfer { to } => self.order(&Order::Transfer(*to)).await,
                What::Snapshot => self.snapshot().await,
            }
        })?
    }

    fn clerk(&self, lease: bool, probe: Probe) -> Clerk {
        let retry = Retry { patience: Some(self.patience), ..Retry::default() };
        Clerk::new(self.servers.clone(), client::Config { retry, lease, probe })
    }

    /// No leader answered in time: says so, `fate` being what that means.
    fn silence(&self, code: u8, fate: &str) -> Answer {
        let (servers, patience) = (self.servers.join(","), span(self.patience));
        say(&format!("no leader of {servers} answered in {patience} (--servers, --patience); {fate}"))?;
        Ok(code)
    }

    async fn append(&self, value: &str) -> Answer {
        match self.clerk(false, Probe::blind()).append(value).await {
            Ok(()) => {
                say("appended")?;
                Ok(0)
            }
            Err(AppendError::NotDone) => self.silence(NO, "certainly not appended"),
            Err(AppendError::Unknown) => self.silence(UNKNOWN, "unknown: perhaps appended"),
        }
    }

    async fn read(&self, lease: bool) -> Answer {
        match self.clerk(lease, Probe::blind()).read().await {
            Ok(list) if list.is_empty() => Ok(0),
            Ok(list) => {
                say(&list.join("\n"))?;
                Ok(0)
            }
            Err(_) => self.silence(UNKNOWN, "unknown: nothing was read"),
        }
    }

    async fn load(&self, reads: Ratio, load: &Load) -> Answer {
        let name = load::name();
        let clock = Stopwatch::start();
        let probe = Probe::new(move || clock.elapsed());
        let clerk = || self.clerk(false, probe.clone());
        let hire = |client| Appender { clerk: clerk(), name: format!("{name}-{client}"), written: 0, reads };
        let answered = load.run(&format!("values {name}-…"), hire).await?;
        load.write::<AppendList>("append-list", &spec::checkable(&of_load(&name, &probe)))?;
        if answered == 0 { self.silence(UNKNOWN, "unknown: nothing was measured") } else { Ok(0) }
    }

    /// How the servers stand, in the order of `--servers`; `None`: no answer.
    async fn inspect(&self) -> Vec<(&str, Option<Status>)> {
        let ask = |server: &'_ String| {
            let server = server.clone();
            async move {
                rpc::call(&server, &Inspect, self.patience.min(Duration::from_secs(1))).await.ok().flatten()
            }
        };
        let answers = futures::future::join_all(self.servers.iter().map(ask)).await;
        self.servers.iter().map(String::as_str).zip(answers).collect()
    }

    async fn status(&self) -> Answer {
        let stand = self.inspect().await;
        for (server, status) in &stand {
            let Some(status) = status else {
                say(&format!("{server}\tno answer"))?;
                continue;
            };
            let Status { id, term, commit, applied, first_index, last_index, snapshot, log_bytes, .. } =
                status;
            let role = match (status.leads, status.leader) {
                (true, _) => "leads".to_owned(),
                (false, Some(leader)) => format!("follows {leader}"),
                (false, None) => "knows no leader".to_owned(),
            };
            let log = if first_index > last_index {
                "empty".into()
            } else {
                format!("{first_index} to {last_index}")
            };
            say(&format!(
                "{server}\tserver {id}\t{role}\tterm {term}\tcommitted {commit}\tapplied {applied}\tlog {log}, \
                 {log_bytes} bytes\tsnapshot {snapshot}"
            ))?;
        }
        let answers = || stand.iter().filter_map(|(_, status)| status.as_ref());
        Ok(if answers().any(|status| status.leads) {
            0
        } else if answers().next().is_some() {
            NO
        } else {
            UNKNOWN
        })
    }

    async fn members(&self) -> Answer {
        let stand = self.inspect().await;
        let leader = stand.iter().filter_map(|(_, status)| status.as_ref()).filter(|status| status.leads);
        let Some(leader) = leader.max_by_key(|status| status.term) else {
            return self.silence(UNKNOWN, "unknown: only the leader knows the members");
        };
        say(&shown(&leader.configuration))?;
        Ok(0)
    }

    async fn order(&self, order: &Order) -> Answer {
        match admin::order(&self.servers, order, self.patience).await {
            Ok(0) => say("done")?,
            Ok(index) => say(&format!("done, as of entry {index}"))?,
            Err(OrderError::NoLeader) => return self.silence(NO, "certainly nothing was done"),
            Err(error @ OrderError::Refused(_)) => {
                say(&format!("refused: {error}"))?;
                return Ok(NO);
            }
            Err(error @ OrderError::Unknown) => {
                say(&error.to_string())?;
                return Ok(UNKNOWN);
            }
        }
        Ok(0)
    }

    async fn snapshot(&self) -> Answer {
        let mut code = 0;
        for server in &self.servers {
            let one = std::slice::from_ref(server);
            match admin::order(one, &Order::Snapshot, self.patience).await {
                Ok(index) => say(&format!("{server}\tsnapshot {index}"))?,
                Err(error) => {
                    let text =
                        if error == OrderError::NoLeader { "no answer".into() } else { error.to_string() };
                    say(&format!("{server}\t{text}"))?;
                    code = UNKNOWN;
                }
            }
        }
        Ok(code)
    }
}

impl Members {
    fn order(&self) -> Order {
        match self {
            Members::Add { id } => Order::AddLearner(*id),
            Members::Promote { id } => Order::Promote(*id),
            Members::Remove { id } => Order::Remove(*id),
            Members::Set { ids } => Order::Replace(ids.iter().copied().collect()),
        }
    }
}

fn shown(configuration: &Configuration) -> String {
    let Configuration { voters, outgoing, learners } = configuration;
    let list = |ids: &BTreeSet<ServerId>| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let mut text = format!("voters {}", list(voters));
    for (what, ids) in [("outgoing", outgoing), ("learners", learners)] {
        if !ids.is_empty() {
            text += &format!("\t{what} {}", list(ids));
        }
    }
    text
}

/// The history of a load. The list may hold what others appended: of that this history says nothing.
fn of_load(name: &str, probe: &Probe) -> Vec<Operation<Op, Outcome>> {
    let mut history = probe.history();
    for operation in &mut history {
        if let Some((_, Outcome::List(values))) = &mut operation.ret {
            values.retain(|value| value.starts_with(name));
        }
    }
    history
}

/// A client that appends, and reads now and then.
struct Appender {
    clerk: Clerk,
    name: String,
    written: u64,
    reads: Ratio,
}

impl Worker for Appender {
    async fn work(&mut self) -> u64 {
        if chance(self.reads) {
            return u64::from(self.clerk.read().await.is_ok());
        }
        self.written += 1;
        u64::from(self.clerk.append(&format!("{}.{}", self.name, self.written)).await.is_ok())
    }
}
