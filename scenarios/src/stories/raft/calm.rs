//! Cutting servers off and joining them again, and the gates of the calm.

use std::cell::Cell;
use std::time::Duration;

use futures::future::pending;
use stormglass_sim::time::{sleep, timeout};
use stormglass_systems::raft::server::Status;

use super::cast::Cast;
use super::ledger::command;

/// For so long no term may rise before a cluster counts as calm: several election timeouts.
const QUIET: Duration = Duration::from_millis(1500);

impl Cast {
    /// Cuts a server off from all others, both ways.
    pub(in super::super) fn cut(&self, at: usize) {
        self.connected.borrow_mut()[at] = false;
        let others: Vec<_> = self.nodes().into_iter().filter(|node| *node != self.servers[at].node).collect();
        self.world.partition(&[self.servers[at].node], &others);
    }

    /// Joins a server to all others that are not cut off.
    pub(in super::super) fn join(&self, at: usize) {
        self.connected.borrow_mut()[at] = true;
        for other in self.connected() {
            if other != at {
                self.world.heal_between(self.servers[at].node, self.servers[other].node);
            }
        }
    }

    /// Cuts the links between groups; within each, all are joined.
    pub(in super::super) fn split(&self, groups: &[&[usize]]) {
        let nodes = |group: &[usize]| group.iter().map(|&at| self.servers[at].node).collect::<Vec<_>>();
        self.world.heal();
        for (place, one) in groups.iter().enumerate() {
            for other in &groups[place + 1..] {
                self.world.partition(&nodes(one), &nodes(other));
            }
        }
    }

    /// The servers that are not cut off.
    pub(in super::super) fn connected(&self) -> Vec<usize> {
        let connected = self.connected.borrow();
        (0..connected.len()).filter(|&at| connected[at]).collect()
    }

    pub(in super::super) fn crash(&self, at: usize) {
        self.world.crash(self.servers[at].node);
    }

    pub(in super::super) fn power_off(&self, at: usize) {
        self.world.power_off(self.servers[at].node);
    }

    pub(in super::super) fn restart(&self, at: usize) {
        self.world.restart(self.servers[at].node);
    }

    /// Waits until one of these servers leads, and no other of them in a term as high.
    pub(in super::super) async fn elected(&self, among: &[usize], within: Duration) -> usize {
        let standing = || self.standing(among);
        self.stage.converges(within, "a leader is elected", || self.leader(among).is_some(), standing).await;
        match self.leader(among) {
            Some(leader) => leader,
            None => pending().await,
        }
    }

    /// Waits until one of these servers leads and the others of them follow it, everything proposed being applied.
    pub(in super::super) async fn agree(&self, core: &[usize], within: Duration) -> usize {
        let standing = || self.standing(core);
        let claim = "the servers agree under one leader";
        self.stage.converges(within, claim, || self.agreed(core).is_some(), standing).await;
        match self.agreed(core) {
            Some(leader) => leader,
            None => pending().await,
        }
    }

    fn agreed(&self, core: &[usize]) -> Option<usize> {
        let leader = self.leader(core)?;
        let Status { term, last_index, configuration, .. } = self.status(leader)?;
        let follows = |at: usize| {
            let id = self.servers[at].id;
            let is_member = configuration.voters.contains(&id) || configuration.learners.contains(&id);
            let behind = |status: Status| {
                status.term != term
                    || (status.commit, status.applied, status.last_index)
                        != (last_index, last_index, last_index)
                    || status.leads && at != leader
            };
            !is_member || self.status(at).is_some_and(|status| !behind(status))
        };
        core.iter().all(|&at| follows(at)).then_some(leader)
    }

    /// Somebody leads, and a proposal of its clients commits.
    pub(in super::super) async fn commits(&self, core: &[usize], within: Duration) {
        self.stage.fair();
        let start = self.world.now();
        let left = || within.saturating_sub(self.world.now().saturating_sub(start));
        loop {
            let leader = self.elected(core, left()).await;
            let door = self.servers[leader].door.clone();
            let value = command(self.fresh(), 0);
            if timeout(Duration::from_secs(2), door.submit(value)).await.is_ok_and(|done| done.is_ok()) {
                break;
            }
            if left().is_zero() {
                self.stalled("a proposal of a live client commits", core).await;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The gates of the calm, for servers that can all hear each other: a leader, whose proposal commits, equal replicas,
    /// and terms that stop rising.
    pub(in super::super) async fn settle(&self, core: &[usize], within: Duration) {
        self.stage.fair();
        let start = self.world.now();
        let left = || within.saturating_sub(self.world.now().saturating_sub(start));
        self.commits(core, within).await;
        self.agree(core, left().max(QUIET)).await;
        self.quiet(core, left()).await;
        self.agree(core, left().max(QUIET)).await;
    }

    /// Terms stop rising, at those of these servers that are members: who was removed may campaign for ever.
    pub(in super::super) async fn quiet(&self, core: &[usize], within: Duration) {
        self.stage.fair();
        let highest = || {
            let leader = self.leader(core).and_then(|leader| self.status(leader));
            let is_member = |id| {
                leader.as_ref().is_none_or(|Status { configuration: members, .. }| {
                    members.voters.contains(&id) || members.learners.contains(&id)
                })
            };
            let members = core.iter().filter_map(|&at| self.status(at)).filter(|status| is_member(status.id));
            members.map(|status| status.term).max()
        };
        let last = Cell::new((highest(), self.world.now()));
        let start = self.world.now();
        loop {
            sleep(Duration::from_millis(50)).await;
            let now = self.world.now();
            if last.get().0 != highest() {
                last.set((highest(), now));
            }
            if now.saturating_sub(last.get().1) >= QUIET {
                return;
            }
            if now.saturating_sub(start) > within + QUIET {
                self.stalled("terms stop rising", core).await;
            }
        }
    }

    /// Ends the run: something that must happen has not.
    pub(in super::super) async fn stalled(&self, claim: &str, core: &[usize]) {
        self.stage.converges(Duration::ZERO, claim, || false, || self.standing(core)).await;
    }

    /// How each of these servers stands.
    pub(in super::super) fn standing(&self, among: &[usize]) -> String {
        let line = |&at: &usize| match self.status(at) {
            None => format!("s{} is down", self.servers[at].id),
            Some(status) => {
                let role = match (status.leads, status.leader) {
                    (true, _) => "leads".to_owned(),
                    (false, Some(leader)) => format!("follows s{leader}"),
                    (false, None) => "knows no leader".to_owned(),
                };
                let Status { id, term, applied, commit, last_index, .. } = status;
                format!(
                    "s{id} {role} in term {term}, applied {applied} of {commit} committed of {last_index}"
                )
            }
        };
        among.iter().map(line).collect::<Vec<_>>().join("; ")
    }
}
