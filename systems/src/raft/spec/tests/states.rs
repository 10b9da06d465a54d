//! I9, I11 and I12.

use super::super::Observation;
use super::{Play, config, gone, mark, synced, told};

/// Everything committed is applied at s1 and s2.
fn applied() -> Play {
    let mut play = Play::committed();
    play.see(told(2, 1, 3));
    for id in [1, 2] {
        play.apply(id, &[mark(1, 1), mark(2, 1), mark(3, 1)]);
    }
    play
}

/// The same, of s1 and s2 two entries alone.
fn applied_two() -> Play {
    let mut play = Play::committed();
    play.see(told(2, 1, 3));
    for id in [1, 2] {
        play.apply(id, &[mark(1, 1), mark(2, 1)]);
    }
    play
}

fn snapshot(server: u64, index: u64, term: u64, digest: u64) -> Observation {
    Observation::Snapshot { server, index, term, digest }
}

#[test]
fn snapshots_up_to_an_index_are_the_same() {
    applied().see(snapshot(1, 3, 1, 7)).see(snapshot(2, 3, 1, 7));
    applied().see(snapshot(1, 3, 1, 7)).breaks("I9", snapshot(2, 3, 1, 8));
    applied().breaks("I9", snapshot(1, 3, 9, 7));
    applied().breaks("I9", snapshot(1, 2, 1, 7));
    applied().breaks("I9", snapshot(3, 1, 1, 7));
}

#[test]
fn a_snapshot_is_restored_as_it_was_made_and_never_goes_back() {
    let installed = |index, term| Observation::Installed { server: 3, index, term, keep_suffix: true };
    let restored = |server, index, digest| Observation::Restored { server, index, digest };
    let made = || {
        let mut play = applied_two();
        play.see(snapshot(1, 2, 1, 7));
        play
    };
    made().see(installed(2, 1)).see(restored(3, 2, 7));
    made().see(installed(2, 1)).breaks("I9", restored(3, 2, 8));
    applied_two().see(installed(2, 1)).breaks("I9", restored(3, 2, 7));
    made().breaks("I9", restored(2, 2, 7));
    let whole = |index, term| Observation::Installed { server: 3, index, term, keep_suffix: false };
    made().breaks("I9", whole(3, 9));
    made().breaks("I9", whole(4, 1));
}

#[test]
fn a_snapshot_found_at_the_start_is_one_that_was_made() {
    let back = |index, term, digest| Observation::Booted {
        server: 1,
        term: 1,
        voted_for: Some(1),
        snapshot: (index, term),
        snapshot_digest: digest,
        log: vec![mark(3, 1)],
        config: config(&[1, 2, 3]),
    };
    let down = || {
        let mut play = applied_two();
        play.see(snapshot(1, 2, 1, 7)).see(Observation::Compacted { server: 1, index: 2 }).see(gone(1));
        play
    };
    let mut play = down();
    play.see(back(2, 1, 7)).see(Observation::Restored { server: 1, index: 2, digest: 7 });
    play.see(told(1, 1, 3)).apply(1, &[mark(3, 1)]);
    down().breaks("I9", back(2, 1, 8));
    // The entries are gone, and so is what stood for them.
    let nothing = Observation::Booted {
        server: 1,
        term: 1,
        voted_for: Some(1),
        snapshot: (0, 0),
        snapshot_digest: 0,
        log: Vec::new(),
        config: config(&[1, 2, 3]),
    };
    down().breaks("D", nothing);
}

#[test]
fn a_restart_finds_the_configuration_that_was_compacted_away() {
    let mut play = Play::committed();
    let four = config(&[1, 2, 3, 4]);
    for id in [1, 2, 3] {
        play.log(id, 4, &[super::change(4, 1, four.clone())]);
        play.see(Observation::Configured { server: id, index: 4, config: four.clone() });
    }
    play.commit(1, 1, 4);
    play.apply(1, &[mark(1, 1), mark(2, 1), mark(3, 1), super::change(4, 1, four.clone())]);
    play.see(snapshot(1, 4, 1, 7)).see(Observation::Compacted { server: 1, index: 4 }).see(gone(1));
    let back = |config| Observation::Booted {
        server: 1,
        term: 1,
        voted_for: Some(1),
        snapshot: (4, 1),
        snapshot_digest: 7,
        log: Vec::new(),
        config,
    };
    play.breaks("I10", back(config(&[1, 2, 3])));
    play.see(back(four));
}

#[test]
fn reads_show_what_was_committed_when_they_began() {
    let begins = |server| Observation::ReadBegins { server, ticket: 5 };
    let served = |server, index| Observation::ReadServed { server, ticket: 5, index };
    applied().see(begins(1)).see(served(1, 3));
    applied().see(begins(1)).breaks("I11", served(1, 2));
    Play::committed().see(begins(1)).breaks("I11", served(1, 3));
    applied().breaks("I11", served(1, 3));
    // What commits while it is under way it may show or not.
    let mut play = applied();
    play.see(begins(1));
    for id in [1, 2] {
        play.see(super::grew(id, 4, &[mark(4, 1)])).see(synced(id, 4));
    }
    play.commit(1, 1, 4);
    play.see(served(1, 3));
}

#[test]
fn what_is_acknowledged_is_committed_and_applied() {
    let acknowledged = |server, index, term| Observation::Acknowledged { server, index, term };
    applied().see(acknowledged(1, 3, 1));
    applied().breaks("I12", acknowledged(1, 4, 1));
    applied().breaks("I12", acknowledged(3, 3, 1));
    applied().breaks("I12", acknowledged(1, 3, 2));
}
