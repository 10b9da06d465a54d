//! Membership, sentence by sentence (§6; thesis §4; Ongaro, raft-dev, 2015).

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::{AppendEntries, Configuration, Entry, Outcome, Payload, ServerId};
use super::super::{Answer, Change, Effects, Input, Refusal, Role};
use super::network::Network;
use super::single::{Single, append};
use super::{config, ms, voters};

fn set(ids: impl IntoIterator<Item = ServerId>) -> BTreeSet<ServerId> {
    ids.into_iter().collect()
}

fn change(server: &mut Single, change: Change) -> Effects {
    server.step(Input::Change { ticket: 4, change })
}

fn taken(effects: &Effects) -> bool {
    matches!(effects.answers[..], [Answer::Proposed { ticket: 4, .. }])
}

fn refused(effects: &Effects, why: &Refusal) -> bool {
    matches!(&effects.answers[..], [Answer::Refused { ticket: 4, why: told }] if told == why)
}

/// A leader of term 1 of these voters that has committed its first entry, by the answers of `by`.
fn leader(ids: impl IntoIterator<Item = ServerId>, by: &[ServerId], bugs: Bugs) -> Single {
    let mut leader = Single::of(config(1, bugs), voters(ids), 0, vec![]);
    leader.elect(by);
    leader.sync();
    for &from in by {
        leader.matched(from, 1);
    }
    assert_eq!(leader.raft.commit(), 1);
    leader
}

#[test]
fn joint_decisions_need_both_majorities() {
    // Figure 11: while joint, neither the old nor the new majority decides alone.
    let commit = |bugs, by: &[ServerId]| {
        let mut leader = leader(1..=3, &[2], bugs);
        change(&mut leader, Change::Replace(set(4..=6)));
        assert_eq!(leader.raft.configuration().outgoing, set(1..=3));
        leader.sync();
        for &from in by {
            leader.matched(from, 2);
        }
        leader.raft.commit()
    };
    assert_eq!(commit(Bugs::NONE, &[2, 3]), 1);
    assert_eq!(commit(Bugs::NONE, &[4, 5, 6]), 1);
    assert_eq!(commit(Bugs::NONE, &[2, 4]), 1);
    assert_eq!(commit(Bugs::NONE, &[2, 4, 5]), 2);
    assert_eq!(commit(Bugs::only(Bug::JointNeedsOneMajority), &[4, 5]), 2);
}

#[test]
fn after_the_joint_configuration_the_new_one_and_the_leader_goes_if_it_is_not_in_it() {
    let mut leader = leader(1..=3, &[2], Bugs::NONE);
    let effects = change(&mut leader, Change::Replace(set(2..=4)));
    assert!(effects.answers.is_empty(), "answered with the last entry");
    leader.sync();
    leader.matched(2, 2);
    let effects = leader.matched(4, 2);
    assert_eq!(effects.answers, [Answer::Proposed { ticket: 4, index: 3, term: 1 }]);
    assert_eq!(*leader.raft.configuration(), voters(2..=4));
    leader.sync();
    // It does not count itself any more, and leads until the new configuration is committed.
    leader.matched(2, 3);
    assert_eq!((leader.raft.commit(), leader.raft.role()), (2, Role::Leader));
    let effects = leader.matched(3, 3);
    assert_eq!((leader.raft.commit(), leader.raft.role()), (3, Role::Follower));
    assert!(effects.send_early.iter().any(|(to, _)| *to == 4), "they learn of the commit");
    leader.tick();
    assert_eq!(leader.raft.role(), Role::Follower, "it does not campaign");
}

#[test]
fn who_leads_after_a_leader_that_died_half_way_completes_the_change() {
    let joint = Configuration { outgoing: set(1..=3), ..voters(1..=2) };
    let log = vec![Entry { index: 1, term: 1, payload: Payload::Config(joint) }];
    let mut leader = Single::of(config(1, Bugs::NONE), voters(1..=3), 1, log);
    leader.elect(&[2]);
    leader.sync();
    leader.matched(2, 2);
    assert_eq!(*leader.raft.configuration(), voters(1..=2));
}

#[test]
fn one_change_at_a_time_and_none_before_an_entry_of_the_own_term() {
    let add = |bugs| {
        let mut leader = leader(1..=3, &[2], bugs);
        let first = change(&mut leader, Change::AddLearner(4));
        assert!(taken(&first));
        change(&mut leader, Change::AddLearner(5))
    };
    assert!(refused(&add(Bugs::NONE), &Refusal::ChangeInProgress));
    assert!(taken(&add(Bugs::only(Bug::TwoChangesInFlight))));

    let early = |bugs| {
        let mut leader = Single::of(config(1, bugs), voters(1..=3), 0, vec![]);
        leader.elect(&[2]);
        change(&mut leader, Change::Remove(3))
    };
    assert!(refused(&early(Bugs::NONE), &Refusal::ChangeInProgress));
    assert!(taken(&early(Bugs::only(Bug::ChangesBeforeOwnTerm))));
}

#[test]
fn a_learner_counts_for_nothing_until_it_has_caught_up_and_is_promoted() {
    let commit = |bugs| {
        let mut leader = leader(1..=3, &[2], bugs);
        change(&mut leader, Change::AddLearner(4));
        leader.sync();
        leader.matched(4, 2);
        leader.raft.commit()
    };
    assert_eq!(commit(Bugs::NONE), 1);
    assert_eq!(commit(Bugs::only(Bug::LearnersCount)), 2);

    let mut leader = leader(1..=3, &[2], Bugs::NONE);
    change(&mut leader, Change::AddLearner(4));
    leader.sync();
    leader.matched(2, 2);
    let effects = change(&mut leader, Change::Promote(4));
    assert!(matches!(effects.answers[..], [Answer::Refused { why: Refusal::Pointless(_), .. }]));
    leader.matched(4, 2);
    assert!(taken(&change(&mut leader, Change::Promote(4))));
    assert_eq!(*leader.raft.configuration(), voters(1..=4));
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let mut leader = leader(1..=3, &[2], Bugs::NONE);
    let changes = [
        Change::AddLearner(2),
        Change::Promote(2),
        Change::Promote(9),
        Change::Remove(9),
        Change::Replace(set([])),
        Change::Replace(set(1..=3)),
    ];
    for senseless in changes {
        let effects = change(&mut leader, senseless.clone());
        let pointless = matches!(effects.answers[..], [Answer::Refused { why: Refusal::Pointless(_), .. }]);
        assert!(pointless, "{senseless:?}: {effects:?}");
    }
    let mut alone = self::leader([1], &[], Bugs::NONE);
    let effects = change(&mut alone, Change::Remove(1));
    assert!(matches!(effects.answers[..], [Answer::Refused { why: Refusal::Pointless(_), .. }]));
    let mut follower = Single::new(3, Bugs::NONE, 0, &[]);
    assert!(refused(&change(&mut follower, Change::Remove(2)), &Refusal::NotLeader(None)));
}

#[test]
fn a_configuration_is_in_force_from_its_entry_to_its_truncation() {
    let after = |bugs| {
        let mut follower = Single::new(3, bugs, 1, &[1]);
        let mut request = append(1, (1, 1), &[1], 0);
        request.entries[0].payload = Payload::Config(voters(1..=4));
        follower.append(2, request);
        let appended = follower.raft.configuration().clone();
        assert_eq!(follower.append(3, append(2, (1, 1), &[2], 0)).0, Outcome::Matched(2));
        (appended, follower.raft.configuration().clone())
    };
    assert_eq!(after(Bugs::NONE), (voters(1..=4), voters(1..=3)));
    assert_eq!(after(Bugs::only(Bug::ConfigNotRolledBack)), (voters(1..=4), voters(1..=4)));
    assert_eq!(after(Bugs::only(Bug::ConfigAtCommit)), (voters(1..=3), voters(1..=3)));
}

#[test]
fn a_snapshot_brings_its_configuration_and_one_that_forgot_does_not() {
    let told = |bugs| {
        let mut leader = leader(1..=3, &[2], bugs);
        change(&mut leader, Change::AddLearner(4));
        leader.sync();
        leader.matched(2, 2);
        leader.raft.snapshot_meta(2).unwrap().config.learners
    };
    assert_eq!(told(Bugs::NONE), set([4]));
    assert_eq!(told(Bugs::only(Bug::SnapshotForgetsConfig)), set([]));
}

#[test]
fn who_joins_makes_no_snapshot_before_the_first_configuration_in_its_log() {
    let mut joins = Single::of(config(3, Bugs::NONE), Configuration::default(), 1, vec![]);
    let command = |index| Entry { index, term: 1, payload: Payload::Command(Bytes::from_static(b"x")) };
    let learns = Configuration { learners: set([3]), ..voters(1..=2) };
    let told = Entry { index: 3, term: 1, payload: Payload::Config(learns.clone()) };
    let entries = vec![command(1), command(2), told];
    joins.append(1, AppendEntries { entries, ..append(1, (0, 0), &[], 3) });
    assert_eq!(joins.raft.commit(), 3);
    assert_eq!(joins.raft.snapshot_meta(2), None);
    assert_eq!(joins.raft.snapshot_meta(3).map(|meta| meta.config), Some(learns));
}

#[test]
fn who_is_left_out_campaigns_only_while_that_may_not_be_committed() {
    // Figure 4.6 of the thesis: without it, those who still hold to the old configuration may lack a majority.
    let out = Entry { index: 1, term: 1, payload: Payload::Config(voters(2..=2)) };
    let mut leaver = Single::of(config(1, Bugs::NONE), voters(1..=2), 1, vec![out.clone()]);
    leaver.tick();
    assert_eq!(leaver.raft.role(), Role::PreCandidate);
    leaver.append(2, append(2, (1, 1), &[], 1));
    leaver.tick();
    assert_eq!(leaver.raft.role(), Role::Follower);
    let learner = Configuration { learners: set([1]), ..voters(2..=4) };
    let mut learner = Single::of(config(1, Bugs::NONE), learner, 1, vec![]);
    learner.tick();
    assert_eq!(learner.raft.role(), Role::Follower);
}

/// Waits until somebody leads, asks it for `what`, and waits until that has committed there.
fn carry_out(network: &mut Network, what: &Change) {
    for _ in 0..50 {
        network.run(ms(100));
        let Some(leader) = network.leader() else { continue };
        let ticket = network.change(leader, what.clone());
        network.run(ms(300));
        let done = network.answers.iter().any(|(_, answer)| {
            matches!(answer, Answer::Proposed { ticket: asked, index, .. }
                if *asked == ticket && network.ghost.decided.contains_key(index))
        });
        if done {
            return;
        }
    }
    panic!("{what:?} never happens: {:?} {:?}", network.broken, network.answers);
}

#[test]
fn a_cluster_grows_shrinks_and_moves() {
    let mut network = Network::new(1, 6, &voters(1..=3), Bugs::NONE);
    for id in [4, 5] {
        carry_out(&mut network, &Change::AddLearner(id));
        carry_out(&mut network, &Change::Promote(id));
    }
    carry_out(&mut network, &Change::Remove(1));
    carry_out(&mut network, &Change::Replace(set([4, 5, 6])));
    let leader = network.leader().unwrap();
    let before = network.servers[&leader].raft.term();
    network.run(ms(3000));
    assert_eq!(network.broken, None);
    let leader = network.leader().unwrap();
    assert!([4, 5, 6].contains(&leader));
    assert_eq!(network.servers[&leader].raft.term(), before, "those who are out disturb nobody");
    let ticket = network.propose(leader);
    network.run(ms(300));
    for id in 4..=6 {
        let machine = &network.servers[&id].machine;
        assert_eq!(
            machine.commands.last().map(|(_, command)| command.clone()),
            Some(ticket.to_le_bytes().to_vec())
        );
    }
}
