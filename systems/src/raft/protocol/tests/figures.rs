//! Replication and commitment after the figures of the paper.

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::{
    AppendEntries, Appended, Index, Outcome, Reply, Request, RequestVote, ServerId, Term, Vote,
};
use super::super::{Effects, Input, Persist};
use super::single::{Single, append};

const FIGURE_7: [(&str, &[Term]); 6] = [
    ("a", &[1, 1, 1, 4, 4, 5, 5, 6, 6]),
    ("b", &[1, 1, 1, 4]),
    ("c", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]),
    ("d", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]),
    ("e", &[1, 1, 1, 4, 4, 4, 4]),
    ("f", &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]),
];
const LEADER: [Term; 10] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

/// Lets the leader talk to `follower` alone, until nothing more is said. Returns how many requests that took.
fn converse(leader: &mut Single, first: Effects, id: ServerId, follower: &mut Single) -> usize {
    let mut requests: Vec<AppendEntries> = sent_to(&first, id);
    let mut count = 0;
    while !requests.is_empty() && count < 100 {
        let mut next = Vec::new();
        for request in requests {
            count += 1;
            let reply = follower.request(7, Request::AppendEntries(request)).reply.unwrap();
            next.extend(sent_to(&leader.step(Input::Reply(id, reply)), id));
        }
        requests = next;
    }
    count
}

fn sent_to(effects: &Effects, id: ServerId) -> Vec<AppendEntries> {
    let to = effects.send_early.iter().filter(|(to, _)| *to == id);
    to.filter_map(|(_, request)| match request {
        Request::AppendEntries(append) => Some(append.clone()),
        _ => None,
    })
    .collect()
}

fn mend(log: &[Term], bugs: Bugs) -> (usize, Vec<Term>) {
    let mut leader = Single::new(7, bugs, 7, &LEADER);
    let first = leader.elect(&[3, 4, 5]);
    let mut follower = Single::new(7, bugs, 7, log);
    let count = converse(&mut leader, first, 2, &mut follower);
    (count, follower.terms())
}

#[test]
fn figure_7_every_follower_is_brought_to_the_leaders_log() {
    for (name, log) in FIGURE_7 {
        let (requests, terms) = mend(log, Bugs::NONE);
        assert_eq!(terms, [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8], "follower {name}");
        // One request a term of conflict (§5.3), and the entries in batches of four.
        assert!(requests <= 6, "follower {name} took {requests} requests");
    }
}

#[test]
fn figure_7_a_wrong_hint_or_none_never_ends() {
    for bug in [Bug::NextNotCorrected, Bug::ConflictHintOffByOne] {
        let (_, terms) = mend(FIGURE_7[1].1, Bugs::only(bug));
        assert_eq!(terms, FIGURE_7[1].1, "{bug}");
    }
}

#[test]
fn figure_7_who_may_lead_term_8() {
    // By the log alone: a vote goes to whoever is at least as up to date (§5.4.1).
    let votes = |voter: &[Term], candidate: &[Term], bugs| {
        let mut voter = Single::new(7, bugs, 7, voter);
        voter.pass(super::ms(1000));
        let (last_index, last_term) = (candidate.len() as Index, *candidate.last().unwrap());
        let request = RequestVote { term: 8, last_index, last_term, transfer: false };
        let reply = voter.request(2, Request::RequestVote(request)).reply;
        reply == Some(Reply::Vote(Vote { term: 8, granted: true }))
    };
    let voters_for = |candidate| FIGURE_7.iter().filter(|(_, log)| votes(log, candidate, Bugs::NONE)).count();
    // Of seven, four decide: a, c, d and the leader itself may win; b, e, f cannot.
    let counts = FIGURE_7.map(|(_, log)| voters_for(log));
    assert_eq!(counts, [4, 2, 5, 6, 3, 1]);
    assert_eq!(voters_for(&LEADER), 4);
    assert!(votes(&LEADER, FIGURE_7[5].1, Bugs::only(Bug::ComparesLengthOnly)));
    assert!(votes(&LEADER, FIGURE_7[5].1, Bugs::only(Bug::VotesWithoutLogCheck)));
    assert!(!votes(FIGURE_7[5].1, &LEADER, Bugs::only(Bug::ComparesBothTermAndIndex)));
}

/// Figure 8 (c): the leader of term 4 has an entry of term 2 on a majority, and one of its own nowhere else.
fn figure_8(bugs: Bugs) -> Single {
    let mut leader = Single::new(5, bugs, 3, &[1, 2]);
    leader.elect(&[2, 3]);
    leader.sync();
    leader.matched(2, 2);
    leader.matched(3, 2);
    leader
}

#[test]
fn figure_8_an_entry_of_an_older_term_does_not_commit_by_counting() {
    let mut leader = figure_8(Bugs::NONE);
    assert_eq!(leader.raft.commit(), 0);
    // (e): once one of its own does, those before it commit with it.
    leader.matched(2, 3);
    let effects = leader.matched(3, 3);
    assert_eq!(leader.raft.commit(), 3);
    assert_eq!(effects.apply.iter().map(|entry| entry.term).collect::<Vec<_>>(), [1, 2, 4]);

    assert_eq!(figure_8(Bugs::only(Bug::CommitsOldTerms)).raft.commit(), 2);
    let mut stuck = figure_8(Bugs::only(Bug::CommitScanStops));
    stuck.matched(2, 3);
    stuck.matched(3, 3);
    assert_eq!(stuck.raft.commit(), 0);
}

#[test]
fn a_leader_counts_itself_only_when_its_disk_has_it() {
    let commit_after_one_answer = |bugs, synced: bool| {
        let mut leader = Single::new(3, bugs, 0, &[]);
        leader.elect(&[2]);
        if synced {
            leader.sync();
        }
        leader.matched(2, 1);
        leader.raft.commit()
    };
    assert_eq!(commit_after_one_answer(Bugs::NONE, false), 0);
    assert_eq!(commit_after_one_answer(Bugs::NONE, true), 1);
    assert_eq!(commit_after_one_answer(Bugs::only(Bug::CountsUnsyncedSelf), false), 1);
    // Two followers are a quorum without it.
    let mut leader = Single::new(3, Bugs::NONE, 0, &[]);
    leader.elect(&[2]);
    leader.matched(2, 1);
    leader.matched(3, 1);
    assert_eq!(leader.raft.commit(), 1);
}

#[test]
fn a_conflict_tells_where_to_go_on() {
    let refusal = |prev, prev_term| {
        let mut follower = Single::new(3, Bugs::NONE, 7, &[1, 1, 4, 4, 4]);
        follower.append(2, append(7, (prev, prev_term), &[], 0)).0
    };
    assert_eq!(refusal(9, 7), Outcome::Conflict { term: None, first: 6, refused: 9 });
    assert_eq!(refusal(5, 5), Outcome::Conflict { term: Some(4), first: 3, refused: 5 });
    assert_eq!(refusal(5, 4), Outcome::Matched(5));
    assert_eq!(refusal(0, 0), Outcome::Matched(0));
}

#[test]
fn an_old_short_request_takes_nothing_back() {
    let after = |bugs| {
        let mut follower = Single::new(3, bugs, 2, &[1, 1]);
        follower.append(2, append(2, (2, 1), &[2, 2, 2], 0));
        let (outcome, effects) = follower.append(2, append(2, (2, 1), &[2], 0));
        assert_eq!(outcome, Outcome::Matched(3));
        (follower.terms(), effects.persist)
    };
    assert_eq!(after(Bugs::NONE), (vec![1, 1, 2, 2, 2], vec![]));
    assert_eq!(after(Bugs::only(Bug::TruncatesMatching)).0, [1, 1, 2]);
}

#[test]
fn what_conflicts_goes_with_all_after_it_before_the_new_is_written() {
    let mut follower = Single::new(3, Bugs::NONE, 2, &[1, 1, 1, 1]);
    let (outcome, effects) = follower.append(2, append(3, (1, 1), &[1, 3], 0));
    assert_eq!(outcome, Outcome::Matched(3));
    assert_eq!(follower.terms(), [1, 1, 3]);
    let kinds: Vec<&str> = effects.persist.iter().map(kind).collect();
    assert_eq!(kinds, ["hard", "truncate", "append"]);
    assert!(matches!(&effects.persist[1], Persist::Truncate(3)));
}

fn kind(persist: &Persist) -> &'static str {
    match persist {
        Persist::HardState(_) => "hard",
        Persist::Truncate(_) => "truncate",
        Persist::Append(_) => "append",
        Persist::Chunk { .. } => "chunk",
        Persist::Install { .. } => "install",
        Persist::Compact(_) => "compact",
        Persist::Overtaken(_) => "overtaken",
    }
}

#[test]
fn a_follower_commits_what_the_request_verified_and_never_less() {
    let commit = |bugs, requests: &[AppendEntries]| {
        let mut follower = Single::new(3, bugs, 2, &[1, 1, 1, 1]);
        for request in requests {
            follower.append(2, request.clone());
        }
        follower.raft.commit()
    };
    let short = append(2, (1, 1), &[1], 4);
    assert_eq!(commit(Bugs::NONE, std::slice::from_ref(&short)), 2);
    assert_eq!(commit(Bugs::only(Bug::CommitBeyondVerified), std::slice::from_ref(&short)), 4);
    let late = append(2, (1, 1), &[1], 1);
    assert_eq!(commit(Bugs::NONE, &[short.clone(), late.clone()]), 2);
    assert_eq!(commit(Bugs::only(Bug::CommitGoesBack), &[short, late]), 1);
    // A heartbeat rests on its prev like any other.
    let divergent = append(3, (4, 2), &[], 4);
    assert_eq!(commit(Bugs::NONE, std::slice::from_ref(&divergent)), 0);
    assert_eq!(commit(Bugs::only(Bug::HeartbeatSkipsCheck), &[divergent]), 4);
}

#[test]
fn a_deposed_leader_is_refused_and_told_the_term() {
    let stale = append(2, (1, 1), &[2], 0);
    let mut follower = Single::new(3, Bugs::NONE, 3, &[1]);
    let reply = follower.request(2, Request::AppendEntries(stale.clone())).reply;
    let refused = Appended { term: 3, outcome: Outcome::Stale, round: 7 };
    assert_eq!(reply, Some(Reply::Appended(refused)));
    assert_eq!(follower.terms(), [1]);
    let mut gullible = Single::new(3, Bugs::only(Bug::AcceptsStaleTerm), 3, &[1]);
    gullible.append(2, stale.clone());
    assert_eq!(gullible.terms(), [1, 2]);
    let mut mute = Single::new(3, Bugs::only(Bug::CheckQuorumIgnoresLowerTerm), 3, &[1]);
    assert_eq!(mute.request(2, Request::AppendEntries(stale)).reply, None);
}

#[test]
fn late_replies_say_nothing_about_this_term_and_take_nothing_back() {
    let matched = |bugs, replies: &[(Term, Index)]| {
        let mut leader = Single::new(5, bugs, 3, &[1, 1, 1]);
        leader.elect(&[2, 3]);
        for &(term, index) in replies {
            let reply = Appended { term, outcome: Outcome::Matched(index), round: 0 };
            leader.step(Input::Reply(2, Reply::Appended(reply)));
        }
        leader.raft.leading.as_ref().unwrap().peers[&2].matched
    };
    assert_eq!(matched(Bugs::NONE, &[(3, 3)]), 0);
    assert_eq!(matched(Bugs::only(Bug::StaleReplyCounted), &[(3, 3)]), 3);
    assert_eq!(matched(Bugs::NONE, &[(4, 3), (4, 2)]), 3);
    assert_eq!(matched(Bugs::only(Bug::MatchGoesBack), &[(4, 3), (4, 2)]), 2);
    assert_eq!(matched(Bugs::only(Bug::MatchIsLastIndex), &[(4, 2)]), 4);
    // Nor does a claim to more than the leader has.
    assert_eq!(matched(Bugs::NONE, &[(4, 99)]), 0);
}

#[test]
fn who_leads_again_knows_nothing_of_the_others() {
    let matched = |bugs| {
        let mut leader = Single::new(5, bugs, 0, &[]);
        leader.elect(&[2, 3]);
        leader.matched(2, 1);
        leader.append(3, append(2, (0, 0), &[2], 0));
        leader.elect(&[2, 3]);
        leader.raft.leading.as_ref().unwrap().peers[&2].matched
    };
    assert_eq!(matched(Bugs::NONE), 0);
    assert_eq!(matched(Bugs::only(Bug::DeposedLeaderCounts)), 1);
}
