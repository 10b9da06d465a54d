//! Leadership transfer (thesis §3.10).

use std::time::Duration;

use super::super::message::{ServerId, TimeoutNow};
use super::effects::{Answer, Refusal};
use super::raft::{Raft, Role};

/// A transfer under way. Meanwhile no command is taken, so that the target can catch up.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) ticket: u64,
    to: ServerId,
    /// When the leader gives up and goes on.
    pub(super) until: Duration,
}

impl Raft {
    pub(super) fn transfer(&mut self, ticket: u64, to: Option<ServerId>) {
        match self.target(to) {
            Err(why) => self.out.answers.push(Answer::Refused { ticket, why }),
            Ok(to) => {
                let until = self.now.saturating_add(*self.config.election.end());
                let Some(leading) = self.leading.as_deref_mut() else { return };
                leading.transfer = Some(Transfer { ticket, to, until });
                self.replicate(to);
                self.hasten_transfer(to);
            }
        }
    }

    fn target(&self, to: Option<ServerId>) -> Result<ServerId, Refusal> {
        let Some(leading) = self.leading.as_deref() else { return Err(Refusal::NotLeader(self.leader)) };
        if leading.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        let config = self.configuration();
        let votes = |id: &ServerId| *id != self.config.id && config.voters.contains(id);
        let others = leading.peers.iter().filter(|(id, _)| votes(id));
        let best = others.max_by_key(|(id, progress)| (progress.matched, std::cmp::Reverse(**id)));
        match to {
            Some(to) if votes(&to) => Ok(to),
            Some(to) => Err(Refusal::Pointless(format!("server {to} is not another voter"))),
            None => best
                .map(|(id, _)| *id)
                .ok_or_else(|| Refusal::Pointless("there is no other voter".to_owned())),
        }
    }

    /// The target of the transfer, if `peer` is, has all that the leader has: it is told to campaign.
    pub(super) fn hasten_transfer(&mut self, peer: ServerId) {
        let last = self.log.last_index();
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let target = leading.transfer.as_ref().is_some_and(|transfer| transfer.to == peer);
        let has_all = leading.peers.get(&peer).is_some_and(|progress| progress.matched >= last);
        if target && has_all {
            // A late TimeoutNow makes the target campaign at any time of this term, and others vote for it.
            leading.lease_void = true;
            self.send_timeout_now(peer);
        }
    }

    /// Half-way through: tells the target again, if it has not taken over; gives up after an election timeout.
    pub(super) fn nudge_transfer(&mut self) {
        let Some(leading) = self.leading.as_deref_mut() else { return };
        let Some(transfer) = &leading.transfer else { return };
        let (to, ticket) = (transfer.to, transfer.ticket);
        if self.now < transfer.until {
            return self.hasten_transfer(to);
        }
        leading.transfer = None;
        self.out.answers.push(Answer::NotTransferred { ticket });
    }

    /// The leader wants this server to lead: it campaigns at once, without asking first.
    pub(super) fn on_timeout_now(&mut self, from: ServerId, request: &TimeoutNow) {
        let leads = self.leader.is_none_or(|leader| leader == from);
        let waits = matches!(self.role, Role::Follower | Role::PreCandidate);
        if request.term == self.hard.term && leads && waits && self.is_electable() {
            self.stand(true);
        }
    }
}
