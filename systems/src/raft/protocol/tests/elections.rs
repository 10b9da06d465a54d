//! Elections, sentence by sentence (§5.2, §5.4.1, §6; thesis §4.2.3, §6.2, §9.6).

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::{
    Appended, Outcome, PreVote, Reply, Request, RequestVote, ServerId, Term, TimeoutNow, Vote,
};
use super::super::super::spec::Observation;
use super::super::{Config, Effects, HardState, Input, Persist, Role};
use super::single::{Single, append};
use super::{config, ms, voters};

fn vote_request(term: Term, transfer: bool) -> Request {
    Request::RequestVote(RequestVote { term, last_index: 9, last_term: 9, transfer })
}

fn grants(effects: &Effects) -> bool {
    matches!(
        effects.reply,
        Some(Reply::Vote(Vote { granted: true, .. }) | Reply::PreVote(Vote { granted: true, .. }))
    )
}

fn yes(from: ServerId, term: Term) -> Input {
    Input::Reply(from, Reply::Vote(Vote { term, granted: true }))
}

/// A server of 5 that campaigns in term 1, with its own vote on disk.
fn candidate(bugs: Bugs) -> Single {
    let mut server = Single::of(Config { pre_vote: false, ..config(1, bugs) }, voters(1..=5), 0, vec![]);
    let effects = server.tick();
    let vote = if bugs.has(Bug::ForgetsOwnVote) { None } else { Some(1) };
    assert_eq!(effects.persist, [Persist::HardState(HardState { term: 1, voted_for: vote })]);
    assert_eq!(effects.send.len(), 4);
    server.sync();
    server
}

#[test]
fn one_vote_a_term_and_it_is_persisted_with_the_answer() {
    let mut server = Single::new(3, Bugs::NONE, 0, &[]);
    let effects = server.request(2, vote_request(5, false));
    assert!(grants(&effects));
    assert_eq!(effects.persist, [Persist::HardState(HardState { term: 5, voted_for: Some(2) })]);
    assert!(!grants(&server.request(3, vote_request(5, false))));
    // The same candidate asks again: its first answer may be lost.
    assert!(grants(&server.request(2, vote_request(5, false))));
    assert!(!grants(&server.request(2, vote_request(4, false))));

    let mut fickle = Single::new(3, Bugs::only(Bug::VotesTwiceInTerm), 0, &[]);
    fickle.request(2, vote_request(5, false));
    assert!(grants(&fickle.request(3, vote_request(5, false))));
}

#[test]
fn a_vote_is_shown_once_it_is_on_disk() {
    let mut server = Single::new(3, Bugs::NONE, 0, &[]);
    let voted = Observation::Voted { server: 1, term: 5, candidate: 2 };
    assert!(!server.request(2, vote_request(5, false)).seen.contains(&voted));
    assert_eq!(server.sync().seen, [voted]);
    server.request(2, vote_request(5, false));
    assert!(server.sync().seen.is_empty());
}

#[test]
fn a_candidate_needs_a_majority_of_servers_not_of_replies() {
    let mut server = candidate(Bugs::NONE);
    server.step(yes(2, 1));
    server.step(yes(2, 1));
    server.step(yes(9, 1));
    assert_eq!(server.raft.role(), Role::Candidate);
    server.step(yes(3, 1));
    assert_eq!(server.raft.role(), Role::Leader);

    let mut counting = candidate(Bugs::only(Bug::VotesCounted));
    counting.step(yes(2, 1));
    counting.step(yes(2, 1));
    assert_eq!(counting.raft.role(), Role::Leader);
}

#[test]
fn votes_of_an_earlier_term_do_not_count() {
    let role = |bugs| {
        let mut server = candidate(bugs);
        server.time_out();
        server.sync();
        assert_eq!(server.raft.term(), 2);
        server.step(yes(2, 1));
        server.step(yes(3, 1));
        server.raft.role()
    };
    assert_eq!(role(Bugs::NONE), Role::Candidate);
    assert_eq!(role(Bugs::only(Bug::StaleVoteCounted)), Role::Leader);
}

#[test]
fn a_candidate_has_given_its_vote_away() {
    assert!(!grants(&candidate(Bugs::NONE).request(2, vote_request(1, false))));
    assert!(grants(&candidate(Bugs::only(Bug::ForgetsOwnVote)).request(2, vote_request(1, false))));
}

#[test]
fn its_own_vote_counts_once_it_is_on_disk() {
    let alone = Config { pre_vote: true, ..config(1, Bugs::NONE) };
    let mut server = Single::of(alone, voters([1]), 0, vec![]);
    let effects = server.tick();
    assert_eq!(server.raft.role(), Role::Candidate);
    assert_eq!(effects.persist, [Persist::HardState(HardState { term: 1, voted_for: Some(1) })]);
    server.sync();
    assert_eq!(server.raft.role(), Role::Leader);
    assert_eq!(server.raft.commit(), 0);
    server.sync();
    assert_eq!(server.raft.commit(), 1);
}

#[test]
fn half_of_four_is_no_majority() {
    let lead = |bugs| {
        let mut server = Single::of(Config { pre_vote: false, ..config(1, bugs) }, voters(1..=4), 0, vec![]);
        server.tick();
        server.sync();
        server.step(yes(2, 1));
        server.raft.role() == Role::Leader
    };
    assert!(!lead(Bugs::NONE));
    assert!(lead(Bugs::only(Bug::QuorumIsHalf)));
}

#[test]
fn a_candidate_follows_the_leader_of_its_term() {
    let mut server = candidate(Bugs::NONE);
    assert_eq!(server.append(2, append(1, (0, 0), &[1], 0)).0, Outcome::Matched(1));
    assert_eq!((server.raft.role(), server.raft.leader()), (Role::Follower, Some(2)));
    let mut stubborn = candidate(Bugs::only(Bug::CandidateIgnoresLeader));
    assert_eq!(stubborn.append(2, append(1, (0, 0), &[1], 0)).0, Outcome::Stale);
}

#[test]
fn a_pre_vote_changes_nothing() {
    let mut server = Single::new(3, Bugs::NONE, 4, &[1]);
    let effects = server.tick();
    assert_eq!((server.raft.role(), server.raft.term()), (Role::PreCandidate, 4));
    assert!(effects.persist.is_empty() && effects.send.is_empty());
    let asked = Request::PreVote(PreVote { term: 5, last_index: 1, last_term: 1 });
    assert_eq!(effects.send_early, [(2, asked.clone()), (3, asked.clone())]);

    let mut voter = Single::new(3, Bugs::NONE, 2, &[1]);
    voter.pass(ms(1000));
    let answer = voter.request(2, asked);
    assert_eq!(answer.reply, Some(Reply::PreVote(Vote { term: 5, granted: true })));
    assert!(answer.persist.is_empty());
    assert_eq!(voter.raft.term(), 2);

    let mut eager = Single::new(3, Bugs::only(Bug::PreVoteBumpsTerm), 4, &[1]);
    eager.tick();
    assert_eq!((eager.raft.role(), eager.raft.term()), (Role::PreCandidate, 5));
    let mut hasty = Single::new(3, Bugs::only(Bug::NoPreVote), 4, &[1]);
    hasty.tick();
    assert_eq!((hasty.raft.role(), hasty.raft.term()), (Role::Candidate, 5));
}

#[test]
fn who_hears_a_leader_votes_for_nobody_else_unless_the_leader_wants_it() {
    let mut server = Single::new(3, Bugs::NONE, 2, &[]);
    server.append(2, append(2, (0, 0), &[2], 0));
    server.pass(ms(149));
    assert!(!grants(&server.request(3, vote_request(3, false))));
    assert_eq!(server.raft.term(), 2, "not even the term is taken over");
    let asked = PreVote { term: 3, last_index: 9, last_term: 9 };
    assert!(!grants(&server.request(3, Request::PreVote(asked.clone()))));
    server.pass(ms(1));
    assert!(grants(&server.request(3, Request::PreVote(asked))));
    assert!(grants(&server.request(3, vote_request(3, false))));

    let mut loyal = Single::new(3, Bugs::NONE, 2, &[]);
    loyal.append(2, append(2, (0, 0), &[2], 0));
    assert!(grants(&loyal.request(3, vote_request(3, true))));
    let mut fickle = Single::new(3, Bugs::only(Bug::NoLeaderStickiness), 2, &[]);
    fickle.append(2, append(2, (0, 0), &[2], 0));
    assert!(grants(&fickle.request(3, vote_request(3, false))));
}

#[test]
fn who_restarts_may_have_heard_a_leader_just_before() {
    let mut server = Single::new(3, Bugs::NONE, 2, &[]);
    server.pass(ms(149));
    assert!(!grants(&server.request(3, vote_request(3, false))));
    server.pass(ms(1));
    assert!(grants(&server.request(3, vote_request(3, false))));
}

#[test]
fn a_newer_term_in_a_reply_ends_leadership() {
    let reply = Reply::Appended(Appended { term: 9, outcome: Outcome::Stale, round: 0 });
    let mut leader = Single::new(3, Bugs::NONE, 0, &[]);
    leader.elect(&[2]);
    leader.step(Input::Reply(2, reply.clone()));
    assert_eq!((leader.raft.role(), leader.raft.term()), (Role::Follower, 9));
    let mut deaf = Single::new(3, Bugs::only(Bug::IgnoresTermInReplies), 0, &[]);
    deaf.elect(&[2]);
    deaf.step(Input::Reply(2, reply));
    assert_eq!(deaf.raft.role(), Role::Leader);
}

#[test]
fn a_leader_that_hears_no_quorum_steps_down() {
    let still_leads = |bugs, answers: bool| {
        let mut leader = Single::new(3, bugs, 0, &[]);
        leader.elect(&[2]);
        for _ in 0..10 {
            leader.tick();
            if answers {
                leader.matched(3, 1);
            }
        }
        leader.raft.role() == Role::Leader
    };
    assert!(!still_leads(Bugs::NONE, false));
    assert!(still_leads(Bugs::NONE, true));
    assert!(still_leads(Bugs::only(Bug::NoCheckQuorum), false));
}

#[test]
fn only_a_leader_and_a_vote_put_off_the_election() {
    let due = |bugs, request: Request| {
        let mut server = Single::new(3, bugs, 2, &[1]);
        let before = server.raft.deadline();
        server.pass(ms(100));
        server.request(3, request);
        server.raft.deadline() > before
    };
    let stale = Request::AppendEntries(append(1, (0, 0), &[], 0));
    assert!(!due(Bugs::NONE, stale.clone()));
    assert!(due(Bugs::only(Bug::AnyRpcResetsTimer), stale));
    assert!(due(Bugs::NONE, Request::AppendEntries(append(2, (0, 0), &[], 0))));
    let hopeless = RequestVote { term: 3, last_index: 0, last_term: 0, transfer: true };
    assert!(!due(Bugs::NONE, Request::RequestVote(hopeless)));
    assert!(due(Bugs::NONE, vote_request(3, true)));
}

#[test]
fn timeouts_differ_from_draw_to_draw() {
    let timeouts = |bugs| {
        let mut server = Single::new(3, bugs, 0, &[]);
        let mut all = std::collections::BTreeSet::new();
        for _ in 0..20 {
            server.time_out();
            all.insert(server.raft.election_due.checked_sub(server.now).unwrap());
        }
        assert!(all.iter().all(|timeout| super::ELECTION.contains(timeout)));
        all.len()
    };
    assert!(timeouts(Bugs::NONE) > 15);
    assert_eq!(timeouts(Bugs::only(Bug::FixedElectionTimeout)), 1);
}

#[test]
fn who_was_not_heard_is_asked_again_each_heartbeat() {
    let mut server = candidate(Bugs::NONE);
    server.step(yes(3, 1));
    for _ in 0..2 {
        let before = server.now;
        let effects = server.tick();
        assert_eq!((server.now - before, server.raft.term()), (ms(40), 1));
        assert_eq!(effects.send.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [2, 4, 5]);
    }
    server.step(Input::Reply(2, Reply::Vote(Vote { term: 1, granted: false })));
    assert_eq!(server.tick().send.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [4, 5]);
}

/// A promise for an earlier term comes late: it counts for nothing, and its voter is asked again.
#[test]
fn who_promised_an_earlier_term_was_not_heard() {
    let mut server = Single::new(3, Bugs::NONE, 4, &[1]);
    server.tick();
    let promise = |term, granted| Input::Reply(2, Reply::PreVote(Vote { term, granted }));
    let asked = |effects: Effects| effects.send_early.iter().map(|(to, _)| *to).collect::<Vec<_>>();
    server.step(promise(4, true));
    assert_eq!((server.raft.role(), asked(server.tick())), (Role::PreCandidate, vec![2, 3]));
    server.step(promise(4, false));
    assert_eq!(asked(server.tick()), [3], "a refusal bears the refuser's own term");
    server.step(promise(5, true));
    assert_eq!((server.raft.role(), server.raft.term()), (Role::Candidate, 5));
}

#[test]
fn timeout_now_is_obeyed_in_its_own_term_only() {
    let role = |term| {
        let mut server = Single::new(3, Bugs::NONE, 4, &[1]);
        server.request(2, Request::TimeoutNow(TimeoutNow { term }));
        server.raft.role()
    };
    assert_eq!([3, 4, 5].map(role), [Role::Follower, Role::Candidate, Role::Follower]);
}
