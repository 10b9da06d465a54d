//! 3A: elections.

use std::time::Duration;

use stormglass_sim::time::sleep;
use stormglass_systems::raft::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::lab::{ELECTION, cast};
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new("raft/lab_initial_election", "A leader is elected within 5 s, and stays one", initial)
            .catches(caught_by::<Bug>("raft/lab_initial_election")),
        Story::new(
            "raft/lab_re_election",
            "Whoever can hear a majority elects a leader within 5 s, and nobody else does",
            again,
        )
        .catches(caught_by::<Bug>("raft/lab_re_election")),
        Story::new(
            "raft/lab_many_elections",
            "With three of seven cut off, the others elect a leader within 5 s",
            many,
        )
        .catches(caught_by::<Bug>("raft/lab_many_elections")),
    ]
}

fn terms(cast: &Cast) -> Vec<u64> {
    cast.all().into_iter().filter_map(|at| cast.status(at)).map(|status| status.term).collect()
}

/// `TestInitialElection3A`. Theirs only warns when the term changes without a failure.
async fn initial(stage: Stage) {
    let cast = cast(&stage, 3, Profile::LabReliable, None);
    cast.one_leader().await;
    sleep(Duration::from_millis(50)).await;
    let first = terms(&cast);
    stage.claim(first.iter().all(|term| *term == first[0]) && first[0] >= 1, "the terms agree", || {
        format!("{first:?}")
    });
    sleep(Duration::from_secs(2)).await;
    let later = terms(&cast);
    stage
        .claim(first == later, "a term lasts until something fails", || format!("{first:?}, then {later:?}"));
    cast.one_leader().await;
}

/// `TestReElection3A`.
async fn again(stage: Stage) {
    let cast = cast(&stage, 3, Profile::LabReliable, None);
    let first = cast.one_leader().await;
    cast.cut(first);
    cast.one_leader().await;
    cast.join(first);
    let second = cast.agree(&cast.all(), ELECTION).await;
    let next = (second + 1) % 3;
    cast.cut(second);
    cast.cut(next);
    sleep(Duration::from_secs(2)).await;
    for at in cast.all() {
        let leads = cast.status(at).is_some_and(|status| status.leads);
        stage.claim(!leads, "without a quorum nobody leads", || cast.standing(&cast.all()));
    }
    cast.join(next);
    cast.one_leader().await;
    cast.join(second);
    cast.all_agree().await;
}

/// `TestManyElections3A`, with six rounds.
async fn many(stage: Stage) {
    let cast = cast(&stage, 7, Profile::LabReliable, None);
    cast.one_leader().await;
    for _ in 0..6 {
        let mut chosen = cast.all();
        cast.stream().shuffle(&mut chosen);
        chosen.truncate(3);
        chosen.iter().for_each(|&at| cast.cut(at));
        cast.one_leader().await;
        chosen.iter().for_each(|&at| cast.join(at));
    }
    cast.all_agree().await;
}
