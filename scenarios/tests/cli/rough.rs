//! Stories that go wrong, each in its own way, on seeds of their own.

use std::cell::Cell;
use std::time::Duration;

use stormglass::{Stage, Story};
use stormglass_sim::time::sleep;

/// The seed on which a dying story dies; all others hold.
pub(crate) const FATAL: u64 = 7;

pub(crate) fn stories() -> Vec<Story> {
    let mut stories = lively();
    stories.extend(deadly());
    stories
}

fn lively() -> Vec<Story> {
    vec![
        Story::new("rough/holds", "Nothing goes wrong", |stage| async move { wander(&stage).await }),
        Story::new("rough/bites", "The bug is caught by a claim", bites)
            .catches(["bites-often", "bites-rarely"]),
        Story::new("rough/blind", "The bug is never caught", |_| async {}).catches(["unseen"]),
        Story::new("rough/barks", "What only barks is not flagged", bites).withstands(["barks"]),
        Story::new("rough/jumps", "The claim is too strong", bites).withstands(["bites-often"]),
        Story::new("rough/panics", "One seed panics", panics),
        Story::new("rough/stalls", "It never converges", stalls),
        Story::new("rough/undecided", "Nobody can say", undecided),
        Story::new("rough/excused", "There is always an excuse", |stage| async move {
            stage.excuse("all disks burnt").await
        }),
        Story::new("rough/vacuous", "Nothing ever happens", |_| async {})
            .sometimes("something happens")
            .enough(5),
        Story::new("rough/bugged", "Places misbehave", |stage| async move {
            for _ in 0..20 {
                if stormglass_sim::buggify!() {
                    stage.sometimes("a place misbehaved");
                }
            }
        })
        .sometimes("a place misbehaved")
        .enough(20),
        Story::new("rough/chatters", "It prints to stdout", chatters),
        Story::new("rough/mute", "It closes stderr", mute),
        Story::new("rough/mixes", "It makes one pipe of stdout and stderr", |stage| async move {
            wander(&stage).await;
            eprintln!("a line");
            rustix::stdio::dup2_stderr(rustix::stdio::stdout()).unwrap();
            assert!(!fatal(&stage), "seed {FATAL} is cursed");
        }),
        Story::new("rough/leaks", "A thread-local outlives no seed", leaks),
        Story::new("rough/differs", "Its process decides", differs),
        Story::new("rough/by_address", "What lies lower in memory comes first", by_address),
        Story::new("rough/unordered", "Whoever comes first in a table is told first", unordered),
        Story::new("rough/fragile", "The count never goes back", crate::fragile::fragile)
            .catches(["forgets-count"]),
        Story::new("rough/hasty", "Nobody is late", crate::fragile::hasty),
        Story::new("rough/poisoned", "What is drawn early is felt late", poisoned),
        Story::new("rough/goes_on", "What is wrong early is judged late", goes_on),
        Story::new("rough/lingers", "Each seed takes some real time", lingers),
        Story::new("rough/slow", "Each seed takes real time", slow),
    ]
}

/// Each takes its process with it, or its time.
fn deadly() -> Vec<Story> {
    vec![
        Story::new("rough/aborts", "One seed aborts", |stage| async move {
            die(&stage, || std::process::abort()).await
        }),
        Story::new("rough/falls", "A crash after the third step ends the process", falls),
        Story::new("rough/exits", "One seed exits", |stage| async move {
            die(&stage, || std::process::exit(3)).await
        }),
        Story::new("rough/killed", "One seed is killed", |stage| async move {
            die(&stage, || {
                let this = rustix::process::getpid();
                rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            })
            .await
        }),
        Story::new("rough/hangs", "One seed hangs", |stage| async move {
            die(&stage, || {
                loop {
                    std::hint::spin_loop()
                }
            })
            .await
        }),
        Story::new("rough/waits", "One seed waits for nobody", |stage| async move {
            die(&stage, || {
                loop {
                    std::thread::park()
                }
            })
            .await
        }),
        Story::new("rough/starves", "One seed has no core for a while", |stage| async move {
            die(&stage, || {
                // By a call that no world sees.
                let pause = rustix::thread::Timespec { tv_sec: 0, tv_nsec: 600_000_000 };
                assert!(matches!(
                    rustix::thread::nanosleep(&pause),
                    rustix::thread::NanosleepRelativeResult::Ok
                ));
            })
            .await
        }),
        Story::new("rough/overflows", "One seed overflows its stack", |stage| async move {
            die(&stage, || assert!(deep(0) == 0)).await
        }),
        Story::new("rough/hungry", "One seed wants all memory", |stage| async move {
            die(&stage, || {
                let hoard: Vec<Vec<u8>> = (0..1024).map(|_| vec![1; 1 << 20]).collect();
                std::hint::black_box(hoard);
            })
            .await
        }),
    ]
}

async fn wander(stage: &Stage) {
    let stream = stage.world().stream("rough");
    for _ in 0..3 {
        sleep(Duration::from_millis(1 + stream.below(50))).await;
    }
}

/// Whether this is the seed on which things go wrong.
fn fatal(stage: &Stage) -> bool {
    stage.seed().0 == FATAL
}

async fn die(stage: &Stage, how: fn()) {
    wander(stage).await;
    if fatal(stage) {
        how();
    }
}

async fn falls(stage: Stage) {
    let mut done = Vec::new();
    for step in stage.each("c1", 0..12) {
        done.push(step);
        sleep(Duration::from_millis(1)).await;
    }
    if (0..4).filter(|_| stage.strikes("crash")).count() > 0 && done.contains(&3) {
        std::process::abort();
    }
}

fn deep(n: u64) -> u64 {
    let room = std::hint::black_box([n; 512]);
    if n == u64::MAX { 0 } else { deep(n + 1) + room[(n % 512) as usize] }
}

async fn bites(stage: Stage) {
    wander(&stage).await;
    let rarity = match stage.bug() {
        Some("bites-often") => 2,
        Some("bites-rarely") => 40,
        _ => return,
    };
    let bites = stage.world().stream("bite").below(rarity) == 0;
    stage.claim(!bites, "nobody is bitten", || "a was bitten by b, although b was on a leash".into());
}

async fn panics(stage: Stage) {
    wander(&stage).await;
    assert!(!fatal(&stage), "seed {FATAL} is cursed");
}

async fn stalls(stage: Stage) {
    let gone = || async { Err::<(), _>(std::io::Error::other("no such disk")) };
    stage.world().node("server", gone);
    let back = stage.world().node("backup", gone);
    stage.world().crash(back);
    stage.client("c1", async { std::future::pending().await });
    stage.clients_finish(Duration::from_secs(2)).await;
}

async fn undecided(stage: Stage) {
    stage.judge(|| {
        let fall = stormglass::Fall::new(
            "linearizable",
            "the history can be judged",
            "the budget of states ran out",
        );
        Some((stormglass::Verdict::Undecided, fall))
    });
}

async fn chatters(stage: Stage) {
    wander(&stage).await;
    print!("half a line, ");
    eprintln!("a line on stderr");
}

async fn mute(stage: Stage) {
    wander(&stage).await;
    if fatal(&stage) {
        let elsewhere = std::fs::File::create("/dev/null").unwrap();
        rustix::stdio::dup2_stderr(elsewhere).unwrap();
    }
}

async fn leaks(stage: Stage) {
    thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });
    RUNS.set(RUNS.get() + 1);
    stage.claim(RUNS.get() == 1, "no seed sees another", || {
        format!("this thread has run {} seeds", RUNS.get())
    });
}

async fn differs(stage: Stage) {
    let nanos = u64::from(std::process::id());
    sleep(Duration::from_nanos(1 + nanos)).await;
    wander(&stage).await;
}

/// Lets an address decide: the one leak that no call to the machine gives away.
async fn by_address(stage: Stage) {
    let thing = Box::new(0_u64);
    let page = std::ptr::from_ref(&*thing).addr() as u64 >> 12;
    sleep(Duration::from_nanos(1 + page % 1_000_000)).await;
    wander(&stage).await;
}

/// A client reads what it has overwritten, and goes on for a minute.
async fn goes_on(stage: Stage) {
    use stormglass_checker::models::register::{Input, Output, Register};
    let history = stage.history(Register);
    let value = |text: &'static str| async move { Some(Output::Value(Some(text.into()))) };
    for written in ["1", "2"] {
        let done = async { Some(Output::Done) };
        history.record("c1", Input::write("x", written), done).await;
        wander(&stage).await;
    }
    history.record("c1", Input::read("x"), value("1")).await;
    for _ in stage.each("c1", 0..20) {
        sleep(Duration::from_secs(3)).await;
        history.record("c1", Input::read("x"), value("2")).await;
    }
    sleep(Duration::from_secs(60)).await;
}

async fn lingers(stage: Stage) {
    wander(&stage).await;
    for n in 0..1_000_000_u64 {
        std::hint::black_box(n);
    }
}

async fn slow(stage: Stage) {
    wander(&stage).await;
    // A world refuses to sleep in real time, so it works for a while.
    for n in 0..1_000_000_u64 {
        std::hint::black_box(n);
    }
    stage.claim(!fatal(&stage), "seed 7 is lucky", || "it is not".into());
}

/// Every 50 ms a coin with twelve sides. When it shows its last, all is lost, and nobody notices until the end. Others draw
/// meanwhile, and much.
async fn poisoned(stage: Stage) {
    let world = stage.world();
    let (coin, noise) = (world.stream("coin"), world.stream("noise"));
    let poisoned = Cell::new(false);
    for round in 0..40 {
        sleep(Duration::from_millis(50)).await;
        noise.below(1000);
        if coin.below(12) == 11 && !poisoned.replace(true) {
            world.note(&format!("poisoned in round {round}"));
        }
        noise.below(1000);
    }
    stage.claim(!poisoned.get(), "nobody is poisoned", || "somebody is".into());
}

/// Goes through a table whose order the process decides, as that of a hash table with keys of its own would be.
async fn unordered(stage: Stage) {
    let world = stage.world();
    let mut table: Vec<String> = (0..9).map(|n| format!("n{n}")).collect();
    for name in &table {
        world.node(name, std::future::pending::<()>);
    }
    let key = |name: &String| {
        (u64::from(std::process::id()) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let turn = (key(&table[0]) >> 40) as usize % table.len();
    let sender = world.node("sender", std::future::pending::<()>);
    sleep(Duration::from_millis(3)).await;
    table.rotate_left(turn);
    let telling = async move {
        let socket = stormglass::sim::net::UdpSocket::bind("0.0.0.0:0").await.unwrap();
        for name in table {
            socket.send_to(b"hello", &format!("{name}:7")).await.unwrap();
        }
    };
    world.spawn_on(sender, telling).await.unwrap();
}
