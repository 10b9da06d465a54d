//! 3C: persistence, and networks that lose messages. Where the labs crash, power fails here as often.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;
use stormglass_systems::raft::bugs::Bug;
use stormglass_systems::raft::message::Index;

use super::super::caught_by;
use super::cast::{Cast, Server};
use super::lab::cast;
use crate::weather::Profile;
use crate::{Stage, Story};

pub(super) fn stories() -> Vec<Story> {
    let restarts = "What was agreed on survives crashes of some and of all";
    let churn = "What a client saw committed is there when leaders, links and crashes have come to rest";
    let mut stories = vec![
        Story::new("raft/lab_persist_1", restarts, persist_1),
        Story::new("raft/lab_persist_2", restarts, persist_2),
        Story::new("raft/lab_persist_3", restarts, persist_3),
        Story::new(
            "raft/lab_figure_8",
            "Leaders crash as soon as they have appended, and yet all agree",
            figure_8,
        )
        .sometimes("leadership changed"),
        Story::new(
            "raft/lab_unreliable_agree",
            "Commands proposed by five at once are applied, though one message in ten is lost",
            unreliable_agree,
        ),
        Story::new(
            "raft/lab_figure_8_unreliable",
            "While replies are lost and seconds late, five servers agree within 10 s",
            figure_8_unreliable,
        )
        .sometimes("a log was cut"),
        Story::new("raft/lab_reliable_churn", churn, |stage| churns(stage, Profile::LabReliable)),
        Story::new("raft/lab_unreliable_churn", churn, |stage| churns(stage, Profile::LabUnreliable)),
    ];
    stories = stories
        .into_iter()
        .map(|story| {
            let bugs = caught_by::<Bug>(story.name());
            story.catches(bugs)
        })
        .collect();
    stories
}

fn restart_all(cast: &Cast) {
    cast.all().into_iter().for_each(|at| cast.kill(at));
    cast.all().into_iter().for_each(|at| cast.restart(at));
}

/// `TestPersist13C`.
async fn persist_1(stage: Stage) {
    let cast = cast(&stage, 3, Profile::LabReliable, None);
    cast.one(3, true).await;
    restart_all(&cast);
    cast.one(3, true).await;
    let leader = cast.one_leader().await;
    cast.kill(leader);
    cast.restart(leader);
    cast.one(3, true).await;
    let leader = cast.one_leader().await;
    cast.kill(leader);
    cast.one(2, true).await;
    cast.restart(leader);
    let follower = (cast.one_leader().await + 1) % 3;
    cast.kill(follower);
    cast.one(2, true).await;
    cast.restart(follower);
    cast.one(3, true).await;
    cast.all_agree().await;
}

/// `TestPersist23C`, with three rounds.
async fn persist_2(stage: Stage) {
    let cast = cast(&stage, 5, Profile::LabReliable, None);
    for _ in 0..3 {
        cast.one(5, true).await;
        let leader = cast.one_leader().await;
        let at = |more| (leader + more) % 5;
        [1, 2].map(at).into_iter().for_each(|at| cast.kill(at));
        cast.one(3, true).await;
        [0, 3, 4].map(at).into_iter().for_each(|at| cast.kill(at));
        [1, 2].map(at).into_iter().for_each(|at| cast.restart(at));
        sleep(Duration::from_secs(1)).await;
        cast.restart(at(3));
        cast.one(3, true).await;
        [0, 4].map(at).into_iter().for_each(|at| cast.restart(at));
    }
    cast.one(5, true).await;
    cast.all_agree().await;
}

/// `TestPersist33C`: one copy on a disk is what is left of a quorum.
async fn persist_3(stage: Stage) {
    let cast = cast(&stage, 3, Profile::LabReliable, None);
    cast.one(3, true).await;
    let leader = cast.one_leader().await;
    let (cut, other) = ((leader + 2) % 3, (leader + 1) % 3);
    cast.cut(cut);
    cast.one(2, true).await;
    cast.kill(leader);
    cast.kill(other);
    cast.join(cut);
    cast.restart(leader);
    cast.one(2, true).await;
    cast.restart(other);
    cast.one(3, true).await;
    cast.all_agree().await;
}

/// `TestFigure83C`, with three hundred rounds.
async fn figure_8(stage: Stage) {
    let cast = cast(&stage, 5, Profile::LabReliable, None);
    let stream = cast.stream();
    cast.one(1, true).await;
    for _ in 0..300 {
        let leader = propose_everywhere(&cast).await;
        pause(&cast).await;
        if let Some(leader) = leader {
            cast.kill(leader);
        }
        let (up, down): (Vec<usize>, Vec<usize>) =
            cast.all().into_iter().partition(|&at| cast.world.is_up(cast.servers[at].node));
        if up.len() < 3
            && let Some(&at) = stream.pick(&down)
        {
            cast.restart(at);
        }
    }
    cast.all().into_iter().for_each(|at| cast.restart(at));
    cast.one(5, true).await;
    cast.all_agree().await;
}

/// A command to every server that runs: whichever leads takes it.
async fn propose_everywhere(cast: &Cast) -> Option<usize> {
    let mut leader = None;
    for at in cast.all() {
        if cast.propose(at, cast.fresh()).await.is_some() {
            leader = Some(at);
        }
    }
    leader
}

async fn pause(cast: &Cast) {
    let stream = cast.stream();
    let most = if stream.below(10) == 0 { 500 } else { 13 };
    sleep(Duration::from_millis(stream.below(most))).await;
}

/// `TestUnreliableAgree3C`, with ten rounds.
async fn unreliable_agree(stage: Stage) {
    let cast = cast(&stage, 5, Profile::LabUnreliable, None);
    for _ in 0..10 {
        join_all((0..5).map(|_| cast.one(1, true))).await;
    }
    Profile::LabReliable.among(cast.world, &cast.nodes());
    cast.one(5, true).await;
    cast.all_agree().await;
}

/// `TestFigure8Unreliable3C`, with three hundred rounds; replies come late from the sixtieth on, and to the end.
async fn figure_8_unreliable(stage: Stage) {
    let cast = cast(&stage, 5, Profile::LabUnreliable, None);
    let stream = cast.stream();
    cast.one(1, true).await;
    for round in 0..300 {
        if round == 60 {
            Profile::LabReordering.among(cast.world, &cast.nodes());
        }
        let leader = propose_everywhere(&cast).await;
        pause(&cast).await;
        if let Some(leader) = leader
            && stream.below(2) == 0
            && stage.strikes("partition")
        {
            cast.cut(leader);
        }
        let connected = cast.connected();
        let cut: Vec<usize> = cast.all().into_iter().filter(|at| !connected.contains(at)).collect();
        if connected.len() < 3
            && let Some(&at) = stream.pick(&cut)
        {
            cast.join(at);
        }
    }
    cast.all().into_iter().for_each(|at| cast.join(at));
    cast.one(5, true).await;
    cast.tell();
}

/// `TestReliableChurn3C` and `TestUnreliableChurn3C`, with eight rounds.
async fn churns(stage: Stage, profile: Profile) {
    let cast = cast(&stage, 5, profile, None);
    let stream = cast.stream();
    let (over, seen) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Vec::new())));
    let clients: Vec<_> =
        (0..3).map(|me| spawn(client(cast.clone(), me, over.clone(), seen.clone()))).collect();
    for _ in 0..8 {
        if stream.below(1000) < 200 {
            let at = stream.below(5) as usize;
            if stage.strikes("partition") {
                cast.cut(at);
            }
        }
        if stream.below(1000) < 500 {
            let at = stream.below(5) as usize;
            cast.restart(at);
            cast.join(at);
        }
        if stream.below(1000) < 200 {
            cast.kill(stream.below(5) as usize);
        }
        sleep(Duration::from_millis(700)).await;
    }
    sleep(Duration::from_secs(1)).await;
    Profile::LabReliable.among(cast.world, &cast.nodes());
    for at in cast.all() {
        cast.restart(at);
        cast.join(at);
    }
    over.set(true);
    for client in clients {
        _ = client.await;
    }
    cast.one(5, true).await;
    cast.all_agree().await;
    let reached = |server: &Server| cast.book.borrow().reached(server.id);
    let least = cast.servers.iter().map(reached).min().unwrap_or(0);
    let lost: Vec<Index> = seen.borrow().iter().filter(|index| **index > least).copied().collect();
    let claim = "what a client saw committed is in all logs";
    stage.claim(lost.is_empty(), claim, || format!("entries {lost:?} are not in one that ends with {least}"));
    if !seen.borrow().is_empty() {
        stage.sometimes("a client saw its value committed");
    }
}

async fn client(cast: Cast, me: u64, over: Rc<Cell<bool>>, seen: Rc<RefCell<Vec<Index>>>) {
    while !over.get() {
        let value = cast.fresh();
        let mut taken = None;
        for at in cast.all() {
            taken = cast.propose(at, value).await.or(taken);
        }
        let Some((index, _)) = taken else {
            sleep(Duration::from_millis(79 + 17 * me)).await;
            continue;
        };
        for millis in [10, 20, 50, 100, 200] {
            let applied = cast.book.borrow().value(index);
            if applied.is_some() {
                seen.borrow_mut().extend(applied.filter(|applied| *applied == value).map(|_| index));
                break;
            }
            sleep(Duration::from_millis(millis)).await;
        }
    }
}
