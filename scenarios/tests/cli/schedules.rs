//! Schedules as a user meets them: by name, as a portfolio, and all of them.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use stormglass::sim::net::{Latency, LinkConfig, UdpSocket};
use stormglass::{Stage, Story};

use crate::Test;
use crate::shell::{alone, call};

pub(crate) const TESTS: &[Test] = &[
    ("a_schedule_has_a_name", names),
    ("the_share_of_a_seed_is_printed_with_its_replay", portfolio),
    ("a_file_has_its_own_schedule", file),
    ("what_is_late_is_found_by_every_strategy_and_shrinks", overtaken),
    ("guidance_climbs_where_luck_would_have_to_leap", ladder),
    ("liveness_is_judged_under_a_fair_schedule", punctual),
    ("small_casts_are_explored_completely", complete),
    ("the_order_that_breaks_is_found_and_replays", found),
];

const STRATEGIES: [&str; 9] = ["walk", "pos", "pct1", "pct2", "pct3", "pctcp1", "pctcp2", "pctcp3", "starve"];

pub(crate) fn stories() -> Vec<Story> {
    vec![
        Story::new("order/overtaken", "News do not come before the event", overtaken_news),
        Story::new("order/ladder", "Nobody gets to the top", climb),
        Story::new("order/punctual", "Twenty rounds take twenty milliseconds", rounds),
        Story::new("order/calm", "Twenty rounds take twenty milliseconds of calm", rounds_and_calm),
        Story::new("order/timed", "Twenty rounds take thirty milliseconds", rounds_in_time).timed(),
    ]
}

fn steady() -> LinkConfig {
    LinkConfig::with_latency(Latency::Constant(Duration::from_micros(500)))
}

async fn said(socket: &UdpSocket, what: u8, to: &str) {
    socket.send_to(&[what], to).await.expect("sent");
}

/// `a` tells `b`, which tells `c`, and then `c` itself: only on a slow link is that the wrong way round.
async fn overtaken_news(stage: Stage) {
    let world = stage.world();
    world.links(steady());
    world.node("b", || async {
        let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
        socket.recv(&mut [0]).await.expect("heard");
        said(&socket, 2, "c:1").await;
    });
    world.node("a", || async {
        let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
        stormglass::sim::time::sleep(Duration::from_millis(1)).await;
        said(&socket, 1, "b:1").await;
        stormglass::sim::time::sleep(Duration::from_micros(200)).await;
        said(&socket, 1, "c:1").await;
    });
    let first = std::rc::Rc::new(std::cell::Cell::new(0));
    let heard = first.clone();
    world.node("c", move || {
        let heard = heard.clone();
        async move {
            let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
            let mut what = [0];
            socket.recv(&mut what).await.expect("heard");
            heard.set(what[0]);
        }
    });
    stage.converges(Duration::from_secs(10), "c hears", || first.get() != 0, String::new).await;
    stage.claim(first.get() == 1, "the event comes first", || "the news did".into());
}

/// Six steps, each of which one in six makes: one run in 46,656 makes them all.
async fn climb(stage: Stage) {
    let top = std::rc::Rc::new(std::cell::Cell::new(0));
    let height = top.clone();
    stage.world().node("climber", move || {
        let height = height.clone();
        async move {
            while height.get() < 6 && stormglass::sim::rand::below(6) == 0 {
                height.set(height.get() + 1);
                stormglass::sim::coverage::passed("ladder", height.get());
            }
        }
    });
    stormglass::sim::time::sleep(Duration::from_millis(1)).await;
    stage.claim(top.get() < 6, "nobody gets to the top", String::new);
}

/// So many times there and back.
async fn ping(world: stormglass::sim::World) -> std::rc::Rc<std::cell::Cell<u32>> {
    world.links(steady());
    let rounds = std::rc::Rc::new(std::cell::Cell::new(0));
    let made = rounds.clone();
    world.node("echo", || async {
        let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
        while let Ok((_, from)) = socket.recv_from(&mut [0]).await {
            socket.send_to(&[0], from).await.expect("sent");
        }
    });
    world.node("asks", move || {
        let made = made.clone();
        async move {
            stormglass::sim::time::sleep(Duration::from_millis(1)).await;
            let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
            loop {
                said(&socket, 1, "echo:1").await;
                // Whether anybody listens yet is a matter of order, too.
                let heard =
                    stormglass::sim::time::timeout(Duration::from_millis(5), socket.recv(&mut [0])).await;
                made.set(made.get() + u32::from(heard.is_ok()));
            }
        }
    });
    rounds
}

async fn rounds(stage: Stage) {
    let rounds = ping(stage.world()).await;
    let goal = 20;
    stage
        .converges(
            Duration::from_millis(40),
            "twenty rounds",
            || rounds.get() >= goal,
            || rounds.get().to_string(),
        )
        .await;
    if !stage.fair() {
        stage.sometimes("another schedule was ended");
    }
}

/// Somebody else ends the other schedule, shortly before this gate's time is over.
async fn rounds_and_calm(stage: Stage) {
    let calm = stage.clone();
    drop(stormglass::sim::task::spawn(async move {
        stormglass::sim::time::sleep(Duration::from_millis(35)).await;
        calm.fair();
    }));
    rounds(stage).await;
}

async fn rounds_in_time(stage: Stage) {
    let rounds = ping(stage.world()).await;
    stormglass::sim::time::sleep(Duration::from_millis(30)).await;
    stage.claim(rounds.get() >= 20, "twenty rounds", || rounds.get().to_string());
}

fn names() {
    for line in ["run order/punctual", "fuzz order/punctual", "replay order/punctual:1", "bugs rough/bites"] {
        let said = alone(&format!("{line} --schedule pct9")).ends(64);
        said.complains("'pct9' is no schedule").complains("pctcp3");
    }
    let digest = |schedule: &str| {
        let said = alone(&format!("run order/punctual --seed 5 --json --schedule {schedule}"));
        serde_json::from_str::<Value>(&said.out).unwrap()["digest"].as_str().unwrap().to_owned()
    };
    for strategy in STRATEGIES {
        assert_eq!(digest(strategy), digest(strategy), "{strategy}");
        assert_ne!(digest(strategy), digest("fifo"), "{strategy}");
    }
}

fn portfolio() {
    let folder = tempfile::tempdir().unwrap();
    let said = call(folder.path(), "fuzz order/overtaken --from 0 --seeds 300 --json r.json").ends(1);
    let said = said.says("distinct failure").says("  under pos");
    let replay = said.out.lines().find_map(|line| line.trim().strip_prefix("replay:  rough ")).unwrap();
    assert!(replay.contains(" --schedule "), "{replay}");
    call(folder.path(), replay).ends(1).says("the news did");
    let without = replay.split(" --schedule").next().unwrap();
    call(folder.path(), without).ends(0);
    call(folder.path(), &format!("{without} --schedule portfolio")).ends(1);

    let result: Value = serde_json::from_slice(&fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    let runs = result["stories"][0]["schedules"].as_object().unwrap();
    assert_eq!(runs.values().map(|runs| runs.as_u64().unwrap()).sum::<u64>(), 300);
    assert!(runs.len() > 6, "{runs:?}");
    let failure = result["stories"][0]["failures"].as_object().unwrap().values().next().unwrap();
    let found = failure["schedules"].as_object().unwrap();
    assert!(found.len() > 2 && !found.contains_key("random"), "{found:?}");
}

fn file() {
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz order/overtaken --from 0 --seeds 40 --schedule walk").ends(1);
    let mut files: Vec<String> = fs::read_dir(folder.path().join("findings"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert!(files[0].ends_with("-walk.json"), "{files:?}");
    call(folder.path(), &format!("replay findings/{}", files[0])).ends(1).says("under walk");
    call(folder.path(), &format!("replay findings/{} --schedule pos", files[0]))
        .ends(64)
        .complains("is a run under walk");
}

fn overtaken() {
    let folder = tempfile::tempdir().unwrap();
    for schedule in ["fifo", "random"] {
        let line = format!("fuzz order/overtaken --from 0 --seeds 100 --schedule {schedule}");
        call(folder.path(), &line).ends(0);
    }
    for schedule in STRATEGIES {
        let line =
            format!("fuzz order/overtaken --from 0 --seeds 100 --schedule {schedule} --findings {schedule}");
        call(folder.path(), &line).ends(1).says("claim: the event comes first");
    }
    let mut files: Vec<_> =
        fs::read_dir(folder.path().join("pos")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let line = format!("shrink {} -o small.json", files[0].display());
    call(folder.path(), &line).ends(1).says("is now:  one choice of the schedule");
    call(folder.path(), "replay small.json").ends(1).says("the news did");
}

fn ladder() {
    let folder = tempfile::tempdir().unwrap();
    let fuzz = "fuzz order/ladder --from 0 --seeds 1500 --jobs 1 --schedule";
    call(folder.path(), &format!("{fuzz} pct1")).ends(0);
    let found = call(folder.path(), &format!("{fuzz} guided")).ends(1).says("nobody gets to the top");
    let file = found.out.split_whitespace().find(|word| word.ends_with(".json")).expect("a file replays it");
    assert!(found.out.contains(&format!("replay {file}")), "{}", found.out);
    call(folder.path(), &format!("replay {file}")).ends(1).says("nobody gets to the top");
    call(folder.path(), &format!("shrink {file} -o small.json")).ends(1);
    call(folder.path(), "replay small.json").ends(1).says("nobody gets to the top");
}

fn punctual() {
    for schedule in STRATEGIES {
        alone(&format!("fuzz order/punctual --from 0 --seeds 30 --schedule {schedule}")).ends(0);
        alone(&format!("fuzz order/calm --from 0 --seeds 30 --schedule {schedule}")).ends(0);
        alone(&format!("fuzz order/timed --from 0 --seeds 30 --schedule {schedule}")).ends(0);
    }
    let folder = tempfile::tempdir().unwrap();
    call(folder.path(), "fuzz order/punctual --from 0 --seeds 30 --schedule starve --json r.json").ends(0);
    let result: Value = serde_json::from_slice(&fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    let ended = result["stories"][0]["seen"]["another schedule was ended"].as_u64();
    assert!(ended.is_some_and(|ended| ended > 5), "a gate has its time anew: {result}");
}

fn complete() {
    for (story, schedules) in [
        ("lock/two_nodes", 4),
        ("lock/three_nodes", 1792),
        ("vote/two_nodes", 23),
        ("vote/three_nodes", 9394),
    ] {
        alone(&format!("explore {story}"))
            .ends(0)
            .says(&format!("explored completely: {schedules} schedules"));
    }
    alone("explore lock/three_nodes --most 100").ends(3).says("not explored completely: 100 schedules hold");
}

fn found() {
    for (story, bug) in [
        ("lock/two_nodes", "releases-any"),
        ("lock/three_nodes", "releases-any"),
        ("vote/two_nodes", "votes-late"),
        ("vote/three_nodes", "votes-late"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let said =
            call(folder.path(), &format!("explore {story} --bug {bug}")).ends(1).says("found in schedule ");
        let replay = said.out.lines().find_map(|line| line.trim().strip_prefix("replay:  rough ")).unwrap();
        call(folder.path(), replay).ends(1).says("under asynchronous");
    }
}
