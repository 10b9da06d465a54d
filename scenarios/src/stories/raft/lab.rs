//! What the raft tests of 6.5840 have in common: their servers, their network, and their ways to ask.

use std::time::Duration;

use stormglass_sim::chance::Stream;
use stormglass_sim::time::sleep;
use stormglass_systems::raft::message::Index;

use super::cast::{Cast, Plan};
use super::ledger::command;
use crate::Stage;
use crate::weather::Profile;

/// What an election may take, as the labs' page has it.
pub(super) const ELECTION: Duration = Duration::from_secs(5);

/// What one agreement may take.
const AGREEMENT: Duration = Duration::from_secs(10);

/// The labs' servers on one of the labs' networks: ten heartbeats a second, and no entry of their own at the start of
/// a term, so that the first command has index 1.
pub(super) fn cast(stage: &Stage, servers: u64, profile: Profile, snapshots: Option<u64>) -> Cast {
    let mut plan = Plan::of(stage, servers);
    plan.protocol.noop = false;
    plan.protocol.heartbeat = Duration::from_millis(100);
    plan.protocol.election = Duration::from_millis(300)..=Duration::from_millis(600);
    plan.snapshots.entries = snapshots;
    plan.segment = 512;
    // Late replies are replies.
    plan.patience = Duration::from_secs(2);
    let cast = Cast::new(stage, plan);
    profile.among(stage.world(), &cast.nodes());
    cast
}

impl Cast {
    pub(super) fn stream(&self) -> Stream {
        self.world.stream("workload")
    }

    /// On how many servers the entry at this index was applied.
    pub(super) fn applied(&self, index: Index) -> usize {
        let book = self.book.borrow();
        match book.value(index) {
            None => 0,
            Some(_) => self.servers.iter().filter(|server| book.reached(server.id) >= index).count(),
        }
    }

    /// `checkOneLeader`: of the servers that are not cut off.
    pub(super) async fn one_leader(&self) -> usize {
        self.elected(&self.connected(), ELECTION).await
    }

    /// `one`: a command is applied by so many servers; by the first leader that takes it, or else by another.
    pub(super) async fn one(&self, expected: usize, retry: bool) -> Index {
        self.one_of(0, expected, retry).await
    }

    /// The same for a command that is so many bytes longer.
    pub(super) async fn one_of(&self, more: usize, expected: usize, retry: bool) -> Index {
        let (start, value) = (self.world.now(), self.fresh());
        while self.world.now() - start < AGREEMENT {
            let mut taken = None;
            for at in self.connected() {
                taken = self.propose_bytes(at, command(value, more)).await;
                if taken.is_some() {
                    break;
                }
            }
            match taken {
                None => sleep(Duration::from_millis(50)).await,
                Some((index, _)) if self.reaches(index, value, expected).await => return index,
                Some(_) if retry => {}
                Some((index, _)) => {
                    let witness = format!("{value} at index {index}: {}", self.standing(&self.all()));
                    self.stage.fail("what a leader took is applied within 2 s", witness);
                }
            }
        }
        self.stalled("a command is applied within 10 s", &self.all()).await;
        0
    }

    /// Within 2 s, is this value applied at this index by so many?
    pub(super) async fn reaches(&self, index: Index, value: u64, expected: usize) -> bool {
        let start = self.world.now();
        let mut pause = Duration::from_millis(1);
        while self.world.now() - start < Duration::from_secs(2) {
            if self.applied(index) >= expected {
                return self.book.borrow().value(index) == Some(value);
            }
            sleep(pause).await;
            pause = (2 * pause).min(Duration::from_millis(20));
        }
        false
    }

    /// Whatever was put into a log at this index, it is not applied within 2 s.
    pub(super) async fn never_applied(&self, index: Index) {
        sleep(Duration::from_secs(2)).await;
        let applied = self.applied(index);
        self.stage.claim(applied == 0, "without a quorum nothing is applied", || {
            format!("the entry at {index} was applied by {applied}")
        });
    }

    /// A crash or a loss of power, as the seed will have it: the labs' disks lose nothing in either.
    pub(super) fn kill(&self, at: usize) {
        let crashes = self.stream().below(2) == 0;
        if !self.stage.strikes(if crashes { "crash" } else { "power loss" }) {
            return;
        }
        if crashes {
            self.crash(at);
        } else {
            self.power_off(at);
        }
    }

    /// Requests that servers have sent each other so far.
    pub(super) fn requests(&self) -> u64 {
        let kinds = self.world.counters().kinds;
        let requests = ["PreVote", "RequestVote", "AppendEntries", "InstallSnapshot", "TimeoutNow"];
        requests.iter().filter_map(|name| kinds.get(*name)).map(|tally| tally.messages).sum()
    }

    /// The end of a lab story: every server runs and hears every other, and all agree.
    pub(super) async fn all_agree(&self) {
        let all = self.all();
        self.agree(&all, ELECTION).await;
        self.tell();
    }
}
