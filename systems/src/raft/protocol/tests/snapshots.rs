//! Snapshots, sentence by sentence (§7, Figure 13).

use bytes::Bytes;

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::{
    InstallSnapshot, Installed, Outcome, Reply, Request, ServerId, SnapshotMeta, Term,
};
use super::super::{Effects, HardState, Input, Persist, Restore, SendChunk};
use super::single::{Single, append};
use super::voters;

fn meta(last_index: u64, last_term: Term) -> SnapshotMeta {
    SnapshotMeta { last_index, last_term, config: voters(1..=3) }
}

/// The chunk `from..to` of a snapshot of 10 bytes.
fn chunk(term: Term, meta: &SnapshotMeta, from: usize, to: usize) -> Request {
    Request::InstallSnapshot(InstallSnapshot {
        term,
        meta: meta.clone(),
        total: 10,
        offset: from as u64,
        chunk: Bytes::from(vec![7; to - from]),
        round: 3,
    })
}

/// Where the follower wants the next chunk to begin.
fn next(effects: &Effects) -> u64 {
    match effects.reply {
        Some(Reply::Installed(Installed { next: Some(next), round: 3, .. })) => next,
        ref other => panic!("no answer to InstallSnapshot but {other:?}"),
    }
}

/// A follower in term 4 with this log gets a snapshot whole. How it stands then, and what it did.
fn installed(bugs: Bugs, log: &[Term], meta: &SnapshotMeta) -> (Single, Effects) {
    let mut follower = Single::new(3, bugs, 4, log);
    let effects = follower.request(2, chunk(4, meta, 0, 10));
    (follower, effects)
}

#[test]
fn chunks_are_written_before_they_are_answered_and_the_last_installs() {
    let mut follower = Single::new(3, Bugs::NONE, 4, &[]);
    let first = follower.request(2, chunk(4, &meta(5, 3), 0, 6));
    assert_eq!(next(&first), 6);
    assert!(matches!(&first.persist[..], [Persist::Chunk { offset: 0, bytes, .. }] if bytes.len() == 6));
    // A copy, and a chunk from elsewhere: the answer says where to go on.
    assert_eq!(next(&follower.request(2, chunk(4, &meta(5, 3), 0, 6))), 6);
    assert_eq!(next(&follower.request(2, chunk(4, &meta(5, 3), 8, 10))), 6);
    let last = follower.request(2, chunk(4, &meta(5, 3), 6, 10));
    assert_eq!(next(&last), 10);
    assert!(matches!(
        &last.persist[..],
        [Persist::Chunk { offset: 6, .. }, Persist::Install { keep_suffix: false, .. }]
    ));
    assert_eq!(last.restore, Some(Restore(meta(5, 3))));
    let raft = &follower.raft;
    assert_eq!((raft.commit(), raft.applied_handed(), raft.last_index()), (5, 5, 5));
    // What follows it follows.
    let (outcome, effects) = follower.append(2, append(4, (5, 3), &[4], 6));
    assert_eq!(outcome, Outcome::Matched(6));
    assert_eq!(effects.apply.len(), 1);
}

#[test]
fn what_follows_the_snapshot_stays_only_if_the_log_has_its_last_entry() {
    let (follower, effects) = installed(Bugs::NONE, &[1, 1, 3, 3, 3], &meta(3, 3));
    assert_eq!(follower.terms(), [3, 3]);
    assert!(matches!(&effects.persist[1], Persist::Install { keep_suffix: true, .. }));
    let (follower, effects) = installed(Bugs::NONE, &[1, 1, 2, 2, 2], &meta(3, 3));
    assert!(follower.terms().is_empty());
    assert!(matches!(&effects.persist[1], Persist::Install { keep_suffix: false, .. }));
    let (follower, _) = installed(Bugs::only(Bug::KeepsConflictingSuffix), &[1, 1, 2, 2, 2], &meta(3, 3));
    assert_eq!(follower.terms(), [2, 2]);
}

#[test]
fn an_old_snapshot_is_answered_and_not_installed() {
    let after = |bugs| {
        let (mut follower, _) = installed(bugs, &[], &meta(5, 3));
        follower.request(2, chunk(4, &meta(3, 2), 0, 10))
    };
    let ignored = after(Bugs::NONE);
    assert_eq!((next(&ignored), ignored.restore, ignored.persist), (10, None, vec![]));
    assert!(after(Bugs::only(Bug::StaleSnapshotAccepted)).restore.is_some());
}

#[test]
fn a_snapshot_of_a_leader_of_an_older_term_is_refused() {
    let mut follower = Single::new(3, Bugs::NONE, 4, &[]);
    let effects = follower.request(2, chunk(3, &meta(5, 3), 0, 10));
    let refused = Installed { term: 4, last_index: 5, next: None, round: 3 };
    assert_eq!((effects.reply, effects.persist), (Some(Reply::Installed(refused)), vec![]));
}

#[test]
fn its_own_snapshot_that_comes_after_a_leaders_is_only_a_file() {
    let mut follower = Single::new(3, Bugs::NONE, 4, &[1, 1]);
    follower.append(2, append(4, (2, 1), &[], 2));
    let own = follower.raft.snapshot_meta(2).unwrap();
    follower.request(2, chunk(4, &meta(5, 3), 0, 10));
    let effects = follower.step(Input::Snapshotted { meta: own, length: 10 });
    assert_eq!(effects.persist, [Persist::Overtaken(2)]);
    assert_eq!(follower.raft.status().snapshot, 5);
}

#[test]
fn a_snapshot_of_an_older_term_changes_neither_term_nor_vote() {
    let hard = |bugs| installed(bugs, &[], &meta(5, 3)).1.persist.into_iter().next();
    assert!(matches!(hard(Bugs::NONE), Some(Persist::Chunk { .. })));
    let lowered = Persist::HardState(HardState { term: 3, voted_for: None });
    assert_eq!(hard(Bugs::only(Bug::SnapshotLowersTerm)), Some(lowered));
}

#[test]
fn chunks_of_two_snapshots_do_not_mix() {
    let resumed = |bugs, from: ServerId, other: SnapshotMeta| {
        let mut follower = Single::new(3, bugs, 4, &[]);
        follower.request(2, chunk(4, &meta(5, 3), 0, 6));
        next(&follower.request(from, chunk(5, &other, 6, 10)))
    };
    assert_eq!(resumed(Bugs::NONE, 2, meta(6, 3)), 0);
    // Another leader's snapshot of the same state may look otherwise.
    assert_eq!(resumed(Bugs::NONE, 3, meta(5, 3)), 0);
    // The same leader, elected again, goes on.
    assert_eq!(resumed(Bugs::NONE, 2, meta(5, 3)), 10);
    assert_eq!(resumed(Bugs::only(Bug::MixesChunks), 2, meta(6, 3)), 10);
}

/// A leader of term 4 whose log is compacted up to 3, and who has committed 5.
fn compacted_leader(bugs: Bugs) -> Single {
    let mut leader = Single::new(3, bugs, 3, &[1, 1, 1, 1]);
    leader.elect(&[2]);
    leader.sync();
    leader.matched(2, 5);
    assert_eq!(leader.raft.commit(), 5);
    let meta = leader.raft.snapshot_meta(3).unwrap();
    let effects = leader.step(Input::Snapshotted { meta, length: 10 });
    assert_eq!(effects.persist, [Persist::Compact(3)]);
    assert_eq!(leader.terms(), [1, 4]);
    leader
}

#[test]
fn a_laggard_gets_the_snapshot_chunk_by_chunk_then_the_rest() {
    let mut leader = compacted_leader(Bugs::NONE);
    let round = leader.raft.leading.as_ref().unwrap().round;
    let refused = Outcome::Conflict { term: None, first: 1, refused: 4 };
    let appended = super::super::super::message::Appended { term: 4, outcome: refused, round };
    let effects = leader.step(Input::Reply(3, Reply::Appended(appended)));
    let wanted = |offset, round| SendChunk { to: 3, term: 4, meta: meta(3, 1), offset, round };
    assert_eq!(effects.send_chunk, [wanted(0, round)]);
    let holds = |leader: &mut Single, next| {
        let round = leader.raft.leading.as_ref().unwrap().round;
        leader.step(Input::Reply(
            3,
            Reply::Installed(Installed { term: 4, last_index: 3, next: Some(next), round }),
        ))
    };
    assert_eq!(holds(&mut leader, 6).send_chunk, [wanted(6, round)]);
    // Lost: the same chunk goes again, with a later round.
    leader.step(Input::Silence(3));
    let again = leader.tick();
    assert_eq!(again.send_chunk.iter().map(|chunk| chunk.offset).collect::<Vec<_>>(), [6]);
    let rest = holds(&mut leader, 10);
    let (to, Request::AppendEntries(append)) = &rest.send_early[0] else { panic!("{rest:?}") };
    assert_eq!((*to, append.prev_index, append.entries.len()), (3, 3, 2));
}

#[test]
fn a_newer_snapshot_begins_at_its_beginning() {
    let mut leader = compacted_leader(Bugs::NONE);
    let round = leader.raft.leading.as_ref().unwrap().round;
    leader.raft.leading.as_mut().unwrap().peers.get_mut(&3).unwrap().need_snapshot(3);
    leader
        .step(Input::Reply(3, Reply::Installed(Installed { term: 4, last_index: 3, next: Some(6), round })));
    let meta = leader.raft.snapshot_meta(5).unwrap();
    leader.step(Input::Snapshotted { meta: meta.clone(), length: 20 });
    leader.step(Input::Silence(3));
    let effects = leader.tick();
    let chunks: Vec<_> = effects.send_chunk.iter().map(|chunk| (&chunk.meta, chunk.offset)).collect();
    assert_eq!(chunks, [(&meta, 0)]);
}

#[test]
fn entries_that_a_snapshot_stands_for_are_neither_a_conflict_nor_new() {
    let late = || append(4, (1, 1), &[1, 3, 3, 3, 4], 0);
    let follower = |bugs| {
        let (mut follower, _) = installed(bugs, &[1, 1, 3, 3, 3], &meta(3, 3));
        let outcome = follower.append(2, late()).0;
        (outcome, follower.terms())
    };
    assert_eq!(follower(Bugs::NONE), (Outcome::Matched(6), vec![3, 3, 4]));
    let (outcome, terms) = follower(Bugs::only(Bug::CompactedPrevIsConflict));
    assert_eq!((outcome, terms), (Outcome::Conflict { term: None, first: 4, refused: 1 }, vec![]));
    let blind = |bugs| {
        let mut follower = installed(bugs, &[1, 1, 3, 3, 3], &meta(3, 3)).0;
        follower.append(2, append(4, (0, 0), &[1, 1, 3], 0));
        follower.terms()
    };
    assert_eq!(blind(Bugs::NONE), [3, 3]);
    assert_eq!(blind(Bugs::only(Bug::PrevZeroAppends)), [3, 3, 1, 1, 3]);
}

#[test]
fn a_snapshot_is_only_of_what_was_applied_and_tells_the_configuration() {
    let leader = compacted_leader(Bugs::NONE);
    assert_eq!(leader.raft.snapshot_meta(6), None);
    assert_eq!(leader.raft.snapshot_meta(2), None);
    assert_eq!(leader.raft.snapshot_meta(5).unwrap().config, voters(1..=3));
}
