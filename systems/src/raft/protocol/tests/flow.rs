//! Pipelining, batching, back-pressure, retransmission, and leadership transfer.

use super::super::super::bugs::Bugs;
use super::super::super::message::{AppendEntries, Request, ServerId};
use super::super::{Answer, Config, Effects, Input, Refusal, Role};
use super::single::{Single, entries};
use super::{config, ms, voters};

/// A leader of three that has committed the first entry of its term; all have it.
fn leader() -> Single {
    let mut leader = Single::new(3, Bugs::NONE, 0, &[]);
    leader.elect(&[2]);
    leader.sync();
    leader.matched(2, 1);
    leader.matched(3, 1);
    leader
}

fn sent_to(effects: &Effects, id: ServerId) -> Vec<&AppendEntries> {
    let to = effects.send_early.iter().filter(|(to, _)| *to == id);
    to.filter_map(|(_, request)| match request {
        Request::AppendEntries(append) => Some(append),
        _ => None,
    })
    .collect()
}

#[test]
fn entries_leave_before_they_are_on_the_leaders_disk_and_before_answers_are_back() {
    let mut leader = leader();
    let sizes: Vec<usize> = (0..5).map(|_| sent_to(&leader.propose(), 2).len()).collect();
    // Three requests may be under way; the rest waits.
    assert_eq!(sizes, [1, 1, 1, 0, 0]);
    let effects = leader.matched(2, 2);
    let requests = sent_to(&effects, 2);
    // One answer makes room for one request, with all that waited.
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].prev_index, requests[0].entries.len()), (4, 2));
}

#[test]
fn a_request_carries_at_most_a_batch() {
    let mut leader = leader();
    for _ in 0..12 {
        leader.propose();
    }
    let effects = leader.matched(2, 4);
    let sizes: Vec<usize> = sent_to(&effects, 2).iter().map(|append| append.entries.len()).collect();
    assert_eq!(sizes, [4, 4, 1]);
    let long = bytes::Bytes::from(vec![0; 100]);
    for _ in 0..2 {
        leader.step(Input::Propose { ticket: 1, command: long.clone() });
    }
    // A command that is longer than a batch goes alone.
    let effects = leader.matched(2, 13);
    let sizes: Vec<usize> = sent_to(&effects, 2).iter().map(|append| append.entries.len()).collect();
    assert_eq!(sizes, [1, 1]);
}

#[test]
fn too_much_that_is_not_committed_is_refused() {
    let mut leader = leader();
    for _ in 0..64 {
        assert!(matches!(leader.propose().answers[..], [Answer::Proposed { .. }]));
    }
    let busy = Answer::Refused { ticket: 1, why: Refusal::Busy };
    assert_eq!(leader.propose().answers, [busy]);
    leader.sync();
    leader.matched(2, 65);
    assert!(matches!(leader.propose().answers[..], [Answer::Proposed { index: 66, .. }]));
}

#[test]
fn what_a_leader_inherited_does_not_make_it_busy() {
    let quiet = Config { noop: false, uncommitted: 2, ..config(1, Bugs::NONE) };
    let mut leader = Single::of(quiet, voters(1..=3), 1, entries(1, &[1, 1, 1]));
    leader.elect(&[2]);
    let taken = |leader: &mut Single| matches!(leader.propose().answers[..], [Answer::Proposed { .. }]);
    assert_eq!([(); 3].map(|()| taken(&mut leader)), [true, true, false]);
}

#[test]
fn what_was_lost_is_sent_again_though_not_to_the_dead_without_end() {
    let mut leader = leader();
    leader.propose();
    assert!(leader.step(Input::Silence(2)).send_early.is_empty(), "a refused connection is no clock");
    leader.pass(ms(40));
    let effects = leader.step(Input::Silence(2));
    assert_eq!(sent_to(&effects, 2).len(), 1);
    // Twice silent: it is asked without entries, until it answers.
    leader.step(Input::Silence(2));
    let effects = leader.tick();
    assert_eq!(sent_to(&effects, 2)[0].entries.len(), 0);
    let effects = leader.matched(2, 1);
    assert_eq!(sent_to(&effects, 2)[0].entries.len(), 1);
}

#[test]
fn a_follower_gets_heartbeats_while_nothing_is_said() {
    let mut leader = leader();
    for _ in 0..5 {
        let before = leader.now;
        let effects = leader.tick();
        assert_eq!(leader.now - before, ms(40));
        assert_eq!(effects.send_early.len(), 2);
        leader.matched(2, 1);
    }
}

fn told_to_campaign(effects: &Effects) -> bool {
    effects.send_early.iter().any(|(to, request)| *to == 2 && matches!(request, Request::TimeoutNow(_)))
}

#[test]
fn a_transfer_waits_until_the_target_has_all_and_takes_no_command_meanwhile() {
    let mut leader = leader();
    leader.propose();
    assert!(!told_to_campaign(&leader.step(Input::Transfer { ticket: 9, to: Some(2) })));
    assert_eq!(leader.propose().answers, [Answer::Refused { ticket: 1, why: Refusal::Transferring }]);
    assert!(told_to_campaign(&leader.matched(2, 2)));
    let vote = super::super::super::message::RequestVote {
        term: leader.raft.term() + 1,
        last_index: 2,
        last_term: 1,
        transfer: true,
    };
    let effects = leader.request(2, Request::RequestVote(vote));
    assert_eq!(effects.answers, [Answer::Transferred { ticket: 9 }]);
    assert_eq!(leader.raft.role(), Role::Follower);
}

#[test]
fn a_transfer_that_fails_is_given_up_after_an_election_timeout() {
    let mut leader = leader();
    assert!(told_to_campaign(&leader.step(Input::Transfer { ticket: 9, to: None })));
    for _ in 0..7 {
        // The word may be lost: it goes again with each round.
        assert!(told_to_campaign(&leader.tick()));
        leader.matched(2, 1);
    }
    let effects = leader.tick();
    assert_eq!(effects.answers, [Answer::NotTransferred { ticket: 9 }]);
    assert!(matches!(leader.propose().answers[..], [Answer::Proposed { .. }]));
}

#[test]
fn a_transfer_to_nobody_is_pointless() {
    let mut leader = leader();
    for to in [1, 7] {
        let effects = leader.step(Input::Transfer { ticket: 9, to: Some(to) });
        assert!(matches!(effects.answers[..], [Answer::Refused { why: Refusal::Pointless(_), .. }]));
    }
}
