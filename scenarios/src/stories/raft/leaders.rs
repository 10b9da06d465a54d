//! Who may lead: elections among logs that differ.

use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::LinkConfig;
use stormglass_sim::time::{ClockFault, sleep};
use stormglass_systems::raft::bugs::Bug;

use super::super::caught_by;
use super::cast::{Cast, Plan};
use super::work::millis;
use crate::stories::about;
use crate::{Stage, Story};

const CALM: Duration = Duration::from_secs(10);

pub(super) fn stories() -> Vec<Story> {
    vec![
        Story::new(
            "raft/figure_7",
            "Whatever logs leaders that were cut off have left behind, a quorum elects a leader and is made equal",
            figure_7,
        )
        .sometimes("a log was cut"),
        Story::new(
            "raft/figure_8",
            "An entry of an older term is committed by an entry of the leader's own term and not by counting",
            figure_8,
        )
        .timed() // each step of the figure waits for the one before by the clock
        .sometimes("a log was cut"),
        Story::new(
            "raft/stale_candidate",
            "Who lacks committed entries is not elected, and keeps nobody else from it",
            stale_candidate,
        )
        .sometimes("leadership changed"),
        Story::new("raft/halves", "Of two halves none decides", halves),
        Story::new("raft/duplicated_replies", "A voter is one voter, however often its vote arrives", duplicated),
    ]
    .into_iter()
    .map(|story| {
        let bugs = caught_by::<Bug>(story.name());
        story.catches(bugs)
    })
    .collect()
}

/// Proposes so many commands to a server, as long as it takes them.
async fn vainly(cast: &Cast, at: usize, count: u64) {
    for _ in 0..count {
        cast.propose(at, cast.fresh()).await;
    }
}

/// Leaders are cut off with less than a quorum, where they append in vain; then all lose power, and of a quorum that
/// comes back the logs are as in Figure 7. The others stay away for good.
async fn figure_7(stage: Stage) {
    let size = stage.servers(3, 2 * stage.world().stream("size").below(2));
    let cast = Cast::new(&stage, Plan::of(&stage, size));
    let stream = cast.stream();
    let size = size as usize;
    for _ in 0..3 + stream.below(3) {
        let leader = cast.elected(&cast.all(), CALM).await;
        vainly(&cast, leader, stream.below(3)).await;
        let mut few = vec![leader];
        few.extend(
            cast.all().into_iter().filter(|&at| at != leader).take(stream.below(size as u64 / 2) as usize),
        );
        let others: Vec<usize> = cast.all().into_iter().filter(|at| !few.contains(at)).collect();
        if stage.strikes("partition") {
            cast.split(&[&few, &others]);
        }
        vainly(&cast, leader, 1 + stream.log_uniform(1.0, 16.0) as u64).await;
        sleep(about(stream, millis(400))).await;
        cast.world.heal();
        if stream.below(2) == 0 {
            cast.all().into_iter().filter(|_| stage.strikes("power loss")).for_each(|at| cast.power_off(at));
            cast.all().into_iter().for_each(|at| cast.restart(at));
        }
    }
    cast.all().into_iter().for_each(|at| cast.power_off(at));
    let core = cast.some(size / 2 + 1);
    core.iter().for_each(|&at| cast.restart(at));
    cast.settle(&core, CALM).await;
    cast.tell();
}

/// Figure 8, step by step. Who leads is settled by who hears whom; leaders append nothing of their own.
async fn figure_8(stage: Stage) {
    let mut plan = Plan::of(&stage, 5);
    plan.protocol.noop = false;
    let cast = Cast::new(&stage, plan);
    let stream = cast.stream();
    let mut order = cast.all();
    stream.shuffle(&mut order);
    let [s1, s2, s3, s4, s5] = order[..] else { return };
    cast.star(s1, &[s2, s3, s4, s5]);
    cast.elected(&[s1], CALM).await;
    cast.propose(s1, cast.fresh()).await;
    sleep(millis(200)).await;
    // (a) S1 leads and replicates an entry to S2 alone.
    cast.split(&[&[s1, s2], &[s3, s4, s5]]);
    vainly(&cast, s1, 1 + stream.below(2)).await;
    sleep(millis(20 + stream.below(60))).await;
    // (b) S1 fails, S5 is elected by the others and appends another entry there.
    cast.power_off(s1);
    cast.star(s5, &[s3, s4]);
    cast.elected(&[s5], CALM).await;
    cast.split(&[&[s5], &[s2, s3, s4]]);
    vainly(&cast, s5, 1 + stream.below(2)).await;
    cast.power_off(s5);
    // (c) S1 is elected again and brings its entry to S3: a majority has it, and still it is not committed.
    cast.restart(s1);
    cast.star(s1, &[s2, s3]);
    cast.elected(&[s1], CALM).await;
    sleep(millis(stream.below(300))).await;
    if stream.below(2) == 0 {
        cast.propose(s1, cast.fresh()).await;
        sleep(millis(stream.below(40))).await;
    }
    // (d) or (e): S5 may be elected now, or may not.
    cast.power_off(s1);
    cast.restart(s5);
    cast.star(s5, &[s2, s3, s4]);
    sleep(millis(600 + stream.below(600))).await;
    cast.restart(s1);
    cast.world.heal();
    cast.settle(&cast.all(), CALM).await;
    cast.tell();
}

/// A server misses what is committed. Then the leader dies for good, and all it takes to elect another is the vote of
/// the one that cannot win, whose clock runs fast.
async fn stale_candidate(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 3));
    let stream = cast.stream();
    let leader = cast.agree(&cast.all(), CALM).await;
    let stale = (leader + 1 + stream.below(2) as usize) % 3;
    let fresh = 3 - leader - stale;
    cast.cut(stale);
    if stream.below(2) == 0 {
        // It is the leader who misses it, and has something else instead, and more.
        cast.join(stale);
        cast.cut(leader);
        vainly(&cast, leader, 3).await;
        let next = cast.elected(&[stale, fresh], CALM).await;
        vainly(&cast, next, 1).await;
        sleep(millis(200)).await;
        cast.power_off(3 - leader - next);
        cast.power_off(leader);
        cast.power_off(next);
        cast.join(leader);
        cast.restart(next);
        cast.restart(leader);
        cast.settle(&[leader, next], CALM).await;
        return cast.tell();
    }
    vainly(&cast, leader, 1 + stream.below(4)).await;
    sleep(millis(200)).await;
    cast.world.skew(cast.node(stale), ClockFault::Drift(4_000_000));
    cast.power_off(leader);
    cast.join(stale);
    cast.settle(&[stale, fresh], CALM).await;
    cast.tell();
}

/// An even number of servers, cut in the middle, again and again.
async fn halves(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 4));
    let stream = cast.stream();
    let work = cast.proposals(millis(20));
    for _ in 0..4 {
        let half = cast.some(2);
        let other: Vec<usize> = cast.all().into_iter().filter(|at| !half.contains(at)).collect();
        if stage.strikes("partition") {
            cast.split(&[&half, &other]);
        }
        sleep(millis(300 + stream.below(700))).await;
        cast.world.heal();
        sleep(about(stream, millis(200))).await;
    }
    drop(work);
    cast.settle(&cast.all(), CALM).await;
}

/// Two of five hear each other and get everything twice.
async fn duplicated(stage: Stage) {
    let cast = Cast::new(&stage, Plan::of(&stage, 5));
    let stream = cast.stream();
    let twice = LinkConfig {
        duplicate: Ratio::percent(60),
        reorder: Ratio::percent(20),
        loss: Ratio::percent(20),
        ..LinkConfig::default()
    };
    cast.world.links(twice);
    for _ in 0..4 {
        let two = cast.some(2);
        let others: Vec<usize> = cast.all().into_iter().filter(|at| !two.contains(at)).collect();
        if stage.strikes("partition") {
            cast.split(&[&two, &others]);
        }
        sleep(about(stream, millis(700))).await;
        cast.world.heal();
        sleep(about(stream, millis(100))).await;
    }
    cast.world.links(LinkConfig::default());
    cast.settle(&cast.all(), CALM).await;
}
