//! I1, I2, I4, I7 and I10.

use super::super::{Observation, configurations_overlap, overlap};
use super::{Play, booted, change, config, gone, grew, joint, leads, mark, synced, told};

#[test]
fn one_leader_a_term() {
    Play::led().breaks("I1", leads(2, 1, &[2, 3]));
    Play::led().breaks("I1", leads(1, 1, &[1, 2]));
    let mut play = Play::led();
    play.elect(2, 2, &[2, 3]);
    assert_eq!(play.ghost().leader_of(2), Some(2));
}

#[test]
fn a_leader_has_a_quorum_of_votes_that_were_given() {
    let voted = || {
        let mut play = Play::of(4);
        for voter in [1, 2] {
            play.see(Observation::Voted { server: voter, term: 1, candidate: 1 });
        }
        play
    };
    voted().breaks("I1", leads(1, 1, &[1, 2]));
    voted().breaks("I1", leads(1, 1, &[1, 2, 2]));
    voted().breaks("I1", leads(1, 1, &[1, 2, 3]));
    voted().see(Observation::Voted { server: 3, term: 1, candidate: 1 }).see(leads(1, 1, &[1, 2, 3]));
}

#[test]
fn a_leader_only_appends() {
    let mut play = Play::committed();
    play.log(1, 4, &[mark(4, 1)]);
    play.breaks("I2", grew(1, 4, &[]));
    let mut deposed = Play::committed();
    deposed.log(1, 4, &[mark(4, 1)]);
    deposed.see(Observation::SteppedDown { server: 1, term: 1 }).see(grew(1, 4, &[]));
    let snapshot = Observation::Installed { server: 1, index: 2, term: 1, keep_suffix: true };
    Play::committed().breaks("I2", snapshot);
}

#[test]
fn a_leader_has_what_was_committed() {
    let behind = || {
        let mut play = Play::led();
        for id in [1, 2] {
            play.log(id, 1, &[mark(1, 1)]);
        }
        play.commit(1, 1, 1);
        for voter in [1, 3] {
            play.see(Observation::Voted { server: voter, term: 2, candidate: 3 });
        }
        play
    };
    behind().breaks("I4", leads(3, 2, &[1, 3]));
    let mut right = behind();
    right.log(3, 1, &[mark(1, 1)]);
    right.see(leads(3, 2, &[1, 3]));
}

#[test]
fn an_old_leaders_decision_is_known_to_the_new_one() {
    let mut play = Play::of(5);
    play.elect(1, 1, &[1, 2, 3]);
    for id in [1, 2, 3] {
        play.log(id, 1, &[mark(1, 1)]);
    }
    play.elect(4, 2, &[4, 5, 3]);
    play.breaks("I4", Observation::Committed { server: 1, term: 1, leads: true, index: 1 });
}

#[test]
fn what_is_committed_later_need_not_be_known_to_a_leader_of_before() {
    let mut play = Play::of(5);
    for voter in [1, 2, 3] {
        play.see(Observation::Voted { server: voter, term: 1, candidate: 1 });
    }
    play.elect(5, 2, &[5, 4, 3]);
    for id in [5, 4, 3] {
        play.log(id, 1, &[mark(1, 2)]);
    }
    play.commit(5, 2, 1);
    // The votes of term 1 arrive now.
    play.see(leads(1, 1, &[1, 2, 3]));
}

#[test]
fn a_server_votes_once_a_term() {
    let mut play = Play::led();
    play.see(Observation::Voted { server: 2, term: 1, candidate: 1 });
    play.breaks("I7", Observation::Voted { server: 2, term: 1, candidate: 3 });
}

#[test]
fn votes_and_terms_survive() {
    let back = |term, voted_for| Observation::Booted {
        server: 2,
        term,
        voted_for,
        snapshot: (0, 0),
        snapshot_digest: 0,
        log: Vec::new(),
        config: config(&[1, 2, 3]),
    };
    let mut play = Play::of(3);
    play.see(gone(2)).see(back(1, Some(1)));
    play.see(Observation::Voted { server: 1, term: 1, candidate: 1 }).see(leads(1, 1, &[1, 2]));
    play.breaks("I7", Observation::Voted { server: 2, term: 1, candidate: 3 });
    for (term, voted_for) in [(0, None), (1, None), (1, Some(3))] {
        Play::led().see(gone(2)).breaks("I7", back(term, voted_for));
    }
    Play::led().see(gone(2)).see(back(1, Some(1))).see(gone(2)).see(back(4, None));

    // A term that only rose is on disk as soon as anything that followed it is.
    let mut play = Play::led();
    play.see(Observation::TermRose { server: 3, term: 5 });
    play.see(gone(3)).see(booted(3, 0, &[], config(&[1, 2, 3])));
    play.see(Observation::TermRose { server: 3, term: 5 }).see(synced(3, 0));
    play.see(gone(3)).breaks("I7", booted(3, 4, &[], config(&[1, 2, 3])));

    let mut play = Play::led();
    play.see(grew(1, 1, &[mark(1, 1)])).see(grew(3, 1, &[mark(1, 1)])).see(gone(3));
    play.breaks("I7", booted(3, 0, &[mark(1, 1)], config(&[1, 2, 3])));
    Play::led().see(Observation::TermRose { server: 1, term: 3 }).breaks("I7", told(1, 2, 0));
}

#[test]
fn the_latest_configuration_in_the_log_decides() {
    let mut play = Play::committed();
    play.log(1, 4, &[change(4, 1, config(&[1, 2, 3, 4]))]);
    play.log(2, 4, &[change(4, 1, config(&[1, 2, 3, 4]))]);
    play.log(3, 4, &[change(4, 1, config(&[1, 2, 3, 4]))]);
    play.breaks("I10", Observation::Committed { server: 1, term: 1, leads: true, index: 4 });

    let mut play = Play::committed();
    let four = config(&[1, 2, 3, 4]);
    for id in [1, 2, 3] {
        play.log(id, 4, &[change(4, 1, four.clone())]);
        play.see(Observation::Configured { server: id, index: 4, config: four.clone() });
    }
    play.commit(1, 1, 4);
    play.see(gone(3)).breaks(
        "I10",
        booted(3, 1, &[mark(1, 1), mark(2, 1), mark(3, 1), change(4, 1, four)], config(&[1, 2, 3])),
    );
}

#[test]
fn one_change_at_a_time_and_none_before_its_term() {
    let four = || change(4, 1, config(&[1, 2, 3, 4]));
    let mut play = Play::committed();
    play.log(1, 4, &[four()]);
    play.breaks("I10", grew(1, 5, &[change(5, 1, config(&[1, 2, 3, 4, 5]))]));

    let mut play = Play::committed();
    play.see(told(2, 1, 3));
    play.elect(2, 2, &[2, 3]);
    play.breaks("I10", grew(2, 4, &[change(4, 2, config(&[1, 2, 3, 4]))]));
}

#[test]
fn decisions_follow_one_another_by_configurations_that_overlap() {
    let (four, five) = (config(&[1, 2, 3, 4]), config(&[1, 2, 3, 4, 5]));
    let mut play = Play::committed();
    play.log(1, 4, &[change(4, 1, four)]);
    // Two changes at once; the rule against that is the first to say so.
    play.breaks("I10", grew(1, 5, &[change(5, 1, five.clone())]));
    play.see(Observation::Configured { server: 1, index: 5, config: five });
    // By five servers three may decide of which none was among the two that are a quorum of three.
    let seen = Observation::Committed { server: 1, term: 1, leads: true, index: 5 };
    let verdict = configurations_overlap(play.ghost(), &seen);
    assert!(verdict.unwrap_err().contains("may know nothing"));
}

#[test]
fn quorums_overlap_or_not() {
    let (three, four, five) = (config(&[1, 2, 3]), config(&[1, 2, 3, 4]), config(&[1, 2, 3, 4, 5]));
    assert!(overlap(&three, &four) && overlap(&four, &five) && !overlap(&three, &five));
    let (new, both) = (config(&[4, 5, 6]), joint(&[4, 5, 6], &[1, 2, 3]));
    assert!(!overlap(&three, &new) && overlap(&three, &both) && overlap(&both, &new));
}
