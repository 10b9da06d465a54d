//! Reads by quorum and by lease (§8; thesis §6.4).

use std::time::Duration;

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::{Appended, Installed, Outcome, Reply, ServerId};
use super::super::{Answer, Config, Effects, Input, ReadProof, Refusal};
use super::single::Single;
use super::{config, ms, voters};

/// A leader of `n` that has committed the first entry of its term.
fn leader(n: u64, bugs: Bugs) -> Single {
    let mut leader = Single::new(n, bugs, 0, &[]);
    let majority: Vec<ServerId> = (2..=n / 2 + 1).collect();
    leader.elect(&majority);
    leader.sync();
    for &from in &majority {
        leader.matched(from, 1);
    }
    assert_eq!(leader.raft.commit(), 1);
    leader
}

fn round(leader: &Single) -> u64 {
    leader.raft.leading.as_ref().unwrap().round
}

fn answer(leader: &mut Single, from: ServerId, round: u64) -> Effects {
    let (term, outcome) = (leader.raft.term(), Outcome::Matched(1));
    leader.step(Input::Reply(from, Reply::Appended(Appended { term, outcome, round })))
}

fn read(leader: &mut Single, ticket: u64, proof: ReadProof) -> Effects {
    leader.step(Input::Read { ticket, proof })
}

fn at(ticket: u64, index: u64) -> Answer {
    Answer::ReadAt { ticket, index }
}

#[test]
fn a_read_waits_for_a_quorum_in_a_round_that_began_after_it() {
    let served = |bugs| {
        let mut leader = leader(3, bugs);
        leader.tick();
        let before = round(&leader);
        let asked = read(&mut leader, 5, ReadProof::Quorum);
        assert!(round(&leader) > before || !asked.answers.is_empty());
        let old = answer(&mut leader, 2, before);
        let now = round(&leader);
        let new = answer(&mut leader, 2, now);
        [asked, old, new].map(|effects| effects.answers == [at(5, 1)])
    };
    assert_eq!(served(Bugs::NONE), [false, false, true]);
    assert_eq!(served(Bugs::only(Bug::ReadsLocally)), [true, false, false]);
    assert_eq!(served(Bugs::only(Bug::ReadTrustsOldRound)), [false, true, false]);
}

/// A follower that refused a chunk was of an earlier term then: it may have voted for another leader before it answered.
#[test]
fn a_refused_snapshot_answers_no_read() {
    let served = |next| {
        let mut leader = leader(3, Bugs::NONE);
        read(&mut leader, 5, ReadProof::Quorum);
        let (term, round) = (leader.raft.term(), round(&leader));
        let reply = Reply::Installed(Installed { term, last_index: 1, next, round });
        leader.step(Input::Reply(2, reply)).answers == [at(5, 1)]
    };
    assert_eq!([None, Some(1)].map(served), [false, true]);
}

#[test]
fn of_five_one_answer_is_too_few() {
    let served = |bugs| {
        let mut leader = leader(5, bugs);
        read(&mut leader, 5, ReadProof::Quorum);
        let now = round(&leader);
        [2, 3].map(|from| answer(&mut leader, from, now).answers == [at(5, 1)])
    };
    assert_eq!(served(Bugs::NONE), [false, true]);
    assert_eq!(served(Bugs::only(Bug::ReadQuorumShort)), [true, false]);
}

#[test]
fn reads_that_come_during_a_round_share_the_next() {
    let mut leader = leader(3, Bugs::NONE);
    read(&mut leader, 1, ReadProof::Quorum);
    let first = round(&leader);
    assert!(read(&mut leader, 2, ReadProof::Quorum).send_early.is_empty());
    assert!(read(&mut leader, 3, ReadProof::Quorum).send_early.is_empty());
    let effects = answer(&mut leader, 2, first);
    assert_eq!(effects.answers, [at(1, 1)]);
    let second = round(&leader);
    assert!(second > first);
    assert_eq!(answer(&mut leader, 3, second).answers, [at(2, 1), at(3, 1)]);
}

#[test]
fn a_new_leader_does_not_know_what_has_committed() {
    let served = |bugs| {
        let mut leader = Single::new(3, bugs, 3, &[1, 2]);
        leader.elect(&[2]);
        read(&mut leader, 5, ReadProof::Quorum);
        let now = round(&leader);
        let early = answer(&mut leader, 2, now).answers == [at(5, 0)];
        leader.sync();
        leader.matched(2, 3);
        let now = round(&leader);
        (early, answer(&mut leader, 2, now).answers == [at(5, 3)])
    };
    assert_eq!(served(Bugs::NONE), (false, true));
    assert_eq!(served(Bugs::only(Bug::ReadsBeforeNoop)), (true, false));
}

#[test]
fn without_noop_a_read_waits_for_the_first_command() {
    let quiet = Config { noop: false, ..config(1, Bugs::NONE) };
    let mut leader = Single::of(quiet, voters([1]), 0, vec![]);
    leader.elect(&[]);
    leader.sync();
    assert_eq!(leader.raft.last_index(), 0);
    assert!(read(&mut leader, 5, ReadProof::Quorum).answers.is_empty());
    leader.propose();
    assert_eq!(leader.sync().answers, [at(5, 1)]);
}

/// Whether a read by lease is served at once, `age` after the round began that was answered after `delay`.
fn by_lease(bugs: Bugs, delay: Duration, age: Duration) -> bool {
    let mut leader = leader(3, bugs);
    leader.tick();
    let now = round(&leader);
    leader.pass(delay);
    answer(&mut leader, 2, now);
    leader.pass(age - delay);
    read(&mut leader, 5, ReadProof::Lease).answers == [at(5, 1)]
}

#[test]
fn a_lease_counts_from_the_rounds_beginning_and_ends_early_by_the_drift() {
    // 150 ms less 0.1 %.
    let end = Duration::from_micros(149_850);
    assert!(by_lease(Bugs::NONE, ms(10), end - ms(1)));
    assert!(!by_lease(Bugs::NONE, ms(10), end));
    assert!(by_lease(Bugs::only(Bug::LeaseIgnoresDrift), ms(10), end));
    assert!(by_lease(Bugs::only(Bug::LeaseFromReply), ms(100), ms(200)));
    assert!(!by_lease(Bugs::NONE, ms(100), ms(200)));
}

#[test]
fn no_lease_once_another_was_told_to_campaign() {
    let mut leader = leader(3, Bugs::NONE);
    leader.tick();
    let now = round(&leader);
    answer(&mut leader, 2, now);
    assert_eq!(read(&mut leader, 5, ReadProof::Lease).answers, [at(5, 1)]);
    leader.step(Input::Transfer { ticket: 6, to: Some(2) });
    assert!(read(&mut leader, 7, ReadProof::Lease).answers.is_empty());
    // The transfer fails, but the word may still be on its way.
    for _ in 0..3 {
        leader.pass(ms(110));
        leader.tick();
        let now = round(&leader);
        answer(&mut leader, 2, now);
    }
    assert!(leader.raft.leading.as_ref().unwrap().transfer.is_none());
    assert!(read(&mut leader, 8, ReadProof::Lease).answers.is_empty());
}

#[test]
fn who_loses_leadership_refuses_the_reads_that_wait() {
    let mut leader = leader(3, Bugs::NONE);
    read(&mut leader, 1, ReadProof::Quorum);
    read(&mut leader, 2, ReadProof::Quorum);
    let reply = Reply::Appended(Appended { term: 9, outcome: Outcome::Stale, round: 0 });
    let refused = |ticket| Answer::Refused { ticket, why: Refusal::NotLeader(None) };
    let mut answers = leader.step(Input::Reply(2, reply)).answers;
    answers.extend(read(&mut leader, 3, ReadProof::Quorum).answers);
    answers.sort_by_key(|answer| format!("{answer:?}"));
    assert_eq!(answers, [1, 2, 3].map(refused));
}
