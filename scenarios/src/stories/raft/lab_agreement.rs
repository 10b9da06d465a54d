//! 3B: agreement.

use std::time::Duration;

use futures::future::{LocalBoxFuture, join_all};
use stormglass_sim::time::{sleep, timeout};
use stormglass_systems::raft::bugs::Bug;

use super::super::caught_by;
use super::cast::Cast;
use super::lab::cast;
use super::ledger::command;
use crate::weather::Profile;
use crate::{Stage, Story};

/// Name, claim, what happens, and among how many servers.
type Test = (&'static str, &'static str, fn(Cast) -> LocalBoxFuture<'static, ()>, u64);

pub(super) fn stories() -> Vec<Story> {
    let story = |name, claim, tell: fn(Cast) -> _, servers| {
        Story::new(name, claim, move |stage: Stage| tell(cast(&stage, servers, Profile::LabReliable, None)))
            .catches(caught_by::<Bug>(name))
    };
    let boxed: [Test; 10] = [
        ("raft/lab_basic_agree", "Three commands are applied at 1, 2 and 3", |cast| Box::pin(basic(cast)), 3),
        (
            "raft/lab_rpc_bytes",
            "A command is sent about once to each server",
            |cast| Box::pin(rpc_bytes(cast)),
            3,
        ),
        (
            "raft/lab_follower_failure",
            "A leader without followers applies nothing",
            |cast| Box::pin(follower_failure(cast)),
            3,
        ),
        (
            "raft/lab_leader_failure",
            "What leaders took that were cut off is not applied, nor acknowledged",
            |cast| Box::pin(leader_failure(cast)),
            3,
        ),
        (
            "raft/lab_fail_agree",
            "A follower that was cut off catches up",
            |cast| Box::pin(fail_agree(cast)),
            3,
        ),
        (
            "raft/lab_fail_no_agree",
            "With three of five cut off nothing is applied, and afterwards it goes on",
            |cast| Box::pin(fail_no_agree(cast)),
            5,
        ),
        (
            "raft/lab_concurrent_starts",
            "Commands proposed at once are all applied",
            |cast| Box::pin(concurrent(cast)),
            3,
        ),
        (
            "raft/lab_rejoin",
            "What a leader took in vain is overwritten when it comes back",
            |cast| Box::pin(rejoin(cast)),
            3,
        ),
        (
            "raft/lab_backup",
            "Logs that differ in fifty entries are made equal at once",
            |cast| Box::pin(backup(cast)),
            5,
        ),
        (
            "raft/lab_count",
            "An election, ten agreements and an idle second take few requests",
            |cast| Box::pin(count(cast)),
            3,
        ),
    ];
    boxed.into_iter().map(|(name, claim, tell, servers)| story(name, claim, tell, servers)).collect()
}

/// `TestBasicAgree3B`.
async fn basic(cast: Cast) {
    for index in 1..=3 {
        let early = cast.applied(index);
        cast.stage.claim(early == 0, "nothing is applied before it is proposed", || format!("index {index}"));
        let at = cast.one(3, false).await;
        cast.stage
            .claim(at == index, "the first command has index 1", || format!("{at} in place of {index}"));
    }
    cast.all_agree().await;
}

/// `TestRPCBytes3B`: 200,000 bytes for ten commands of 5,000.
async fn rpc_bytes(cast: Cast) {
    cast.one(3, false).await;
    let before = cast.world.counters().total().bytes;
    for index in 2..12 {
        let at = cast.one_of(4992, 3, false).await;
        cast.stage.claim(at == index, "commands follow one another", || format!("{at} in place of {index}"));
    }
    let sent = cast.world.counters().total().bytes - before;
    cast.stage.claim(sent <= 200_000, "each command is sent once to each server", || {
        format!("{sent} bytes for 50,000 to two followers")
    });
}

/// `TestFollowerFailure3B`.
async fn follower_failure(cast: Cast) {
    cast.one(3, false).await;
    let leader = cast.one_leader().await;
    cast.cut((leader + 1) % 3);
    cast.one(2, false).await;
    sleep(Duration::from_secs(1)).await;
    cast.one(2, false).await;
    let leader = cast.one_leader().await;
    cast.cut((leader + 2) % 3);
    cast.cut((leader + 1) % 3);
    let taken = cast.propose(leader, cast.fresh()).await.map(|(index, _)| index);
    cast.stage.claim(taken == Some(4), "a leader takes a command", || format!("{taken:?} in place of 4"));
    cast.never_applied(4).await;
}

/// `TestLeaderFailure3B`; clients wait for their answers here, too, and none may come.
async fn leader_failure(cast: Cast) {
    cast.one(3, false).await;
    let first = cast.one_leader().await;
    cast.cut(first);
    cast.one(2, true).await;
    sleep(Duration::from_secs(1)).await;
    let last = cast.one(2, true).await;
    let second = cast.one_leader().await;
    cast.cut(second);
    for server in cast.servers.iter() {
        let asked = timeout(Duration::from_millis(100), server.door.submit(command(cast.fresh(), 0))).await;
        let done = asked.is_ok_and(|answer| answer.is_ok());
        cast.stage.claim(!done, "nobody acknowledges what only it has", || format!("s{} did", server.id));
    }
    cast.never_applied(last + 1).await;
}

/// `TestFailAgree3B`.
async fn fail_agree(cast: Cast) {
    cast.one(3, false).await;
    let follower = (cast.one_leader().await + 1) % 3;
    cast.cut(follower);
    for _ in 0..2 {
        cast.one(2, false).await;
        cast.one(2, false).await;
        sleep(Duration::from_secs(1)).await;
    }
    cast.join(follower);
    cast.one(3, true).await;
    sleep(Duration::from_secs(1)).await;
    cast.one(3, true).await;
    cast.all_agree().await;
}

/// `TestFailNoAgree3B`.
async fn fail_no_agree(cast: Cast) {
    cast.one(5, false).await;
    let leader = cast.one_leader().await;
    let others = [1, 2, 3].map(|more| (leader + more) % 5);
    others.iter().for_each(|&at| cast.cut(at));
    let taken = cast.propose(leader, cast.fresh()).await.map(|(index, _)| index);
    cast.stage.claim(taken == Some(2), "a leader takes a command", || format!("{taken:?} in place of 2"));
    cast.never_applied(2).await;
    others.iter().for_each(|&at| cast.join(at));
    let leader = cast.agree_but_for_applying().await;
    let taken = cast.propose(leader, cast.fresh()).await.map(|(index, _)| index);
    cast.stage.claim(matches!(taken, Some(2 | 3)), "a new leader goes on where the log ends", || {
        format!("{taken:?} in place of 2 or 3")
    });
    cast.one(5, true).await;
    cast.all_agree().await;
}

impl Cast {
    /// A leader that its followers know.
    async fn agree_but_for_applying(&self) -> usize {
        self.one_leader().await;
        sleep(Duration::from_secs(1)).await;
        self.one_leader().await
    }
}

/// `TestConcurrentStarts3B`: five tries, because the term may change meanwhile.
async fn concurrent(cast: Cast) {
    for _ in 0..5 {
        let leader = cast.one_leader().await;
        let Some((_, term)) = cast.propose(leader, cast.fresh()).await else { continue };
        let values: Vec<u64> = (0..5).map(|_| cast.fresh()).collect();
        let taken = join_all(values.iter().map(|&value| cast.propose(leader, value))).await;
        if !taken.iter().all(|taken| taken.is_some_and(|(_, other)| other == term)) {
            continue;
        }
        for ((index, _), &value) in taken.into_iter().flatten().zip(&values) {
            let reached = cast.reaches(index, value, 3).await;
            cast.stage.claim(reached, "what the leader took is applied", || {
                format!("entry {index} by {} of 3", cast.applied(index))
            });
        }
        let applied: Vec<u64> = cast.book.borrow().values().collect();
        cast.stage.claim(values.iter().all(|value| applied.contains(value)), "all five are there", || {
            format!("{values:?} among {applied:?}")
        });
        return;
    }
    cast.stalled("a leader lasts for a moment", &cast.all()).await;
}

/// `TestRejoin3B`.
async fn rejoin(cast: Cast) {
    cast.one(3, true).await;
    let first = cast.one_leader().await;
    cast.cut(first);
    for _ in 0..3 {
        cast.propose(first, cast.fresh()).await;
    }
    cast.one(2, true).await;
    let second = cast.one_leader().await;
    cast.cut(second);
    cast.join(first);
    cast.one(2, true).await;
    cast.join(second);
    cast.one(3, true).await;
    cast.all_agree().await;
}

/// `TestBackup3B`.
async fn backup(cast: Cast) {
    cast.one(5, true).await;
    let first = cast.one_leader().await;
    let at = |more| (first + more) % 5;
    let vainly = async |leader: usize| {
        for value in (0..50).map(|_| cast.fresh()) {
            cast.propose(leader, value).await;
        }
        sleep(Duration::from_millis(500)).await;
    };
    [2, 3, 4].map(at).into_iter().for_each(|at| cast.cut(at));
    vainly(first).await;
    [0, 1].map(at).into_iter().for_each(|at| cast.cut(at));
    [2, 3, 4].map(at).into_iter().for_each(|at| cast.join(at));
    for _ in 0..50 {
        cast.one(3, true).await;
    }
    let second = cast.one_leader().await;
    let other = if second == at(2) { at(3) } else { at(2) };
    cast.cut(other);
    vainly(second).await;
    cast.all().into_iter().for_each(|at| cast.cut(at));
    [at(0), at(1), other].into_iter().for_each(|at| cast.join(at));
    for _ in 0..50 {
        cast.one(3, true).await;
    }
    cast.all().into_iter().for_each(|at| cast.join(at));
    let start = cast.world.now();
    cast.one(5, true).await;
    let took = cast.world.now() - start;
    cast.stage.claim(took < Duration::from_secs(3), "a follower is brought up to date at once", || {
        format!("it took {took:?} to overwrite fifty entries")
    });
    cast.all_agree().await;
}

/// `TestCount3B`: 30 requests until there is a leader, 42 for eleven commands, 60 in an idle second.
async fn count(cast: Cast) {
    let limited = |requests: u64, most: u64, what: &str| {
        cast.stage.claim((1..=most).contains(&requests), "few requests are sent", || {
            format!("{requests} for {what}; at most {most}")
        });
    };
    cast.one_leader().await;
    limited(cast.requests(), 30, "an election");
    for _ in 0..5 {
        let leader = cast.agree(&cast.all(), Duration::from_secs(5)).await;
        let before = cast.requests();
        let Some((first, term)) = cast.propose(leader, cast.fresh()).await else { continue };
        let mut taken = Vec::new();
        for value in (0..10).map(|_| cast.fresh()) {
            taken.extend(cast.propose(leader, value).await.map(|(index, other)| (index, other, value)));
        }
        let places = taken.iter().zip(first + 1..);
        if taken.len() < 10 || !places.clone().all(|((index, other, _), at)| (*index, *other) == (at, term)) {
            continue;
        }
        for (index, _, value) in &taken {
            let reached = cast.reaches(*index, *value, 3).await;
            cast.stage.claim(reached, "what the leader took is applied", || format!("entry {index} is not"));
        }
        limited(cast.requests() - before, 42, "eleven commands");
        let before = cast.requests();
        sleep(Duration::from_secs(1)).await;
        limited(cast.requests() - before, 60, "an idle second");
        return;
    }
    cast.stalled("a leader lasts for a moment", &cast.all()).await;
}
