//! I3, I5, I6, I8 and D.

use super::super::Observation;
use super::{Play, booted, config, gone, grew, mark, synced, told};

#[test]
fn an_index_and_a_term_are_one_entry_with_one_predecessor() {
    let mut other = mark(1, 1);
    other.digest += 1;
    let mut play = Play::led();
    play.log(1, 1, &[mark(1, 1)]);
    play.breaks("I3", grew(2, 1, &[other]));

    let mut play = Play::committed();
    play.elect(2, 2, &[2, 3]);
    play.log(2, 4, &[mark(4, 2), mark(5, 2)]);
    play.see(grew(1, 4, &[mark(4, 1)]));
    play.breaks("I3", grew(1, 5, &[mark(5, 2)]));

    let mut play = Play::led();
    play.log(1, 1, &[mark(1, 1)]);
    play.breaks("I3", grew(2, 2, &[mark(2, 1)]));
    Play::led().breaks("I3", grew(2, 1, &[mark(1, 1)]));
}

#[test]
fn a_snapshot_is_a_predecessor_too() {
    let installed = |keep_suffix| Observation::Installed { server: 3, index: 3, term: 1, keep_suffix };
    let divergent = || {
        let mut play = Play::of(3);
        play.elect(3, 1, &[2, 3]);
        play.see(grew(3, 1, &[mark(1, 1), mark(2, 1), mark(3, 1), mark(4, 1)]));
        play.see(Observation::SteppedDown { server: 3, term: 1 });
        play.elect(1, 2, &[1, 2]);
        for id in [1, 2] {
            play.log(id, 1, &[mark(1, 2), mark(2, 2), mark(3, 2)]);
        }
        play.commit(1, 2, 3);
        play
    };
    let wrong = Observation::Installed { server: 3, index: 3, term: 2, keep_suffix: true };
    divergent().breaks("I3", wrong);
    let right = Observation::Installed { server: 3, index: 3, term: 2, keep_suffix: false };
    let mut play = divergent();
    play.see(right).see(synced(3, 3));
    play.log(1, 4, &[mark(4, 2)]);
    play.log(3, 4, &[mark(4, 2)]);
    let mut same = Play::committed();
    same.log(1, 4, &[mark(4, 1)]);
    same.log(3, 4, &[mark(4, 1)]);
    same.see(installed(true)).see(grew(3, 5, &[]));
    assert_eq!(same.ghost().server(3).unwrap().last(), (4, 1));
}

#[test]
fn servers_apply_what_was_committed_once_and_in_order() {
    let applied = |server, index, term| Observation::Applied { server, mark: mark(index, term) };
    let mut play = Play::committed();
    play.apply(1, &[mark(1, 1), mark(2, 1)]);
    play.breaks("I5", applied(1, 2, 1));
    let mut play = Play::committed();
    play.see(told(2, 1, 3));
    play.breaks("I5", applied(2, 2, 1));
    let mut play = Play::committed();
    play.see(told(2, 1, 3));
    play.breaks("I5", applied(2, 1, 9));
    Play::committed().breaks("I8", applied(2, 1, 1));
}

#[test]
fn another_entry_is_not_taken_for_the_committed_one() {
    let mut play = Play::led();
    play.see(grew(1, 1, &[mark(1, 1)]));
    play.elect(2, 2, &[2, 3]);
    for id in [2, 3] {
        play.log(id, 1, &[mark(1, 2)]);
    }
    play.commit(2, 2, 1);
    play.breaks("I5", told(1, 2, 1));
}

#[test]
fn a_quorum_has_it_on_disk() {
    let declared = |index| Observation::Committed { server: 1, term: 1, leads: true, index };
    let written = || {
        let mut play = Play::led();
        play.see(grew(1, 1, &[mark(1, 1)])).see(grew(2, 1, &[mark(1, 1)]));
        play
    };
    written().breaks("I6", declared(1));
    written().see(synced(2, 1)).breaks("I6", declared(1));
    written().see(synced(1, 1)).see(synced(2, 1)).see(declared(1));
    // What is down has a disk all the same.
    written().see(synced(1, 1)).see(synced(2, 1)).see(gone(2)).see(declared(1));
    Play::committed().breaks("I6", told(2, 1, 4));
}

#[test]
fn what_is_committed_is_not_taken_back() {
    Play::committed().breaks("I6", grew(2, 3, &[]));
    Play::committed().breaks("I6", grew(2, 3, &[mark(3, 1)]));
    let dropped = Observation::Installed { server: 2, index: 2, term: 1, keep_suffix: false };
    Play::committed().breaks("I6", dropped);
    let mut play = Play::committed();
    play.log(1, 4, &[mark(4, 1)]);
    play.log(2, 4, &[mark(4, 1)]);
    play.see(grew(2, 4, &[]));
}

/// Decided by a later leader than the one who takes it back: who holds it was not needed.
#[test]
fn what_is_committed_later_may_be_taken_back() {
    let taken_back = |term| {
        let mut play = Play::of(5);
        play.elect(1, 1, &[1, 2, 3]);
        play.log(1, 1, &[mark(1, 1)]);
        play.log(2, 1, &[mark(1, 1)]);
        play.elect(4, 2, &[3, 4, 5]);
        play.log(4, 1, &[mark(1, 2)]);
        play.elect(2, 3, &[2, 3, 5]);
        play.log(2, 2, &[mark(2, 3)]);
        for id in [3, 5] {
            play.log(id, 1, &[mark(1, 1), mark(2, 3)]);
        }
        play.commit(2, 3, 2);
        play.see(Observation::SteppedDown { server: 1, term: 1 });
        play.see(Observation::TermRose { server: 1, term });
        play
    };
    taken_back(2).see(grew(1, 1, &[])).see(grew(1, 1, &[mark(1, 2)]));
    taken_back(3).breaks("I6", grew(1, 1, &[]));
}

#[test]
fn the_commit_index_only_grows_within_the_log() {
    let mut play = Play::committed();
    play.see(told(2, 1, 3)).breaks("I8", told(2, 1, 2));
    let mut play = Play::committed();
    play.see(told(2, 1, 3)).see(gone(2));
    let log = [mark(1, 1), mark(2, 1), mark(3, 1)];
    play.see(Observation::Booted {
        server: 2,
        term: 1,
        voted_for: Some(1),
        snapshot: (0, 0),
        snapshot_digest: 0,
        log: log.to_vec(),
        config: config(&[1, 2, 3]),
    });
    play.see(told(2, 1, 1));

    let mut play = Play::led();
    play.log(1, 1, &[mark(1, 1)]);
    play.log(2, 1, &[mark(1, 1)]);
    play.commit(1, 1, 1);
    play.breaks("I8", told(3, 1, 1));
}

#[test]
fn copies_of_old_terms_do_not_count() {
    let mut play = Play::led();
    for id in [1, 2, 3] {
        play.log(id, 1, &[mark(1, 1)]);
    }
    play.see(Observation::SteppedDown { server: 1, term: 1 });
    play.elect(1, 2, &[1, 2]);
    let declared = |index| Observation::Committed { server: 1, term: 2, leads: true, index };
    play.log(1, 2, &[mark(2, 2)]);
    play.log(2, 2, &[mark(2, 2)]);
    play.breaks("I8", declared(1));
}

#[test]
fn committed_entries_are_found_again() {
    let back = |log: &[_]| Observation::Booted {
        server: 2,
        term: 1,
        voted_for: Some(1),
        snapshot: (0, 0),
        snapshot_digest: 0,
        log: log.to_vec(),
        config: config(&[1, 2, 3]),
    };
    let whole = [mark(1, 1), mark(2, 1), mark(3, 1)];
    Play::committed().see(gone(2)).breaks("D", back(&whole[..2]));
    Play::committed().see(gone(2)).see(back(&whole));
    let unreadable = Observation::Unreadable { server: 2, reason: "a gap".into() };
    Play::committed().see(gone(2)).breaks("D", unreadable);

    // What was never on its disk may be gone.
    let mut play = Play::led();
    for id in [1, 2] {
        play.log(id, 1, &[mark(1, 1)]);
    }
    play.commit(1, 1, 1);
    play.see(grew(3, 1, &[mark(1, 1)])).see(gone(3)).see(booted(3, 1, &[], config(&[1, 2, 3])));
    play.see(gone(3)).breaks("I3", booted(3, 9, &[mark(1, 9)], config(&[1, 2, 3])));
}
