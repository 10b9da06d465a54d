//! Nodes die at chosen instants of their own doing.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::fs::{self, File};
use stormglass_sim::net::{UdpSocket, rpc};
use stormglass_sim::{Juncture, NodeId, Seed, Sim, World, node, task, time};

#[derive(Serialize, Deserialize)]
struct Add;

impl rpc::Request for Add {
    type Reply = u64;
    const NAME: &'static str = "Add";
}

/// Counts calls in memory and on disk; `done` outlives it.
async fn counter(done: Rc<Cell<u64>>) -> std::io::Result<()> {
    let mut calls = rpc::listen::<Add>("0.0.0.0:7").await?;
    while let Ok(call) = calls.next().await {
        let file = File::create("count").await?;
        file.write_all_at(b"1", 0).await?;
        file.sync_all().await?;
        done.set(done.get() + 1);
        fs::sync_dir(".").await?;
        call.reply(&done.get());
        done.set(done.get() + 100);
    }
    Ok(())
}

/// One call to a server that dies where `strikes` says; what the caller heard, what the server had done, and the junctures.
fn ambushed(
    strikes: impl Fn(Juncture, usize) -> bool + 'static,
) -> (Option<u64>, u64, Vec<Juncture>, Option<Vec<u8>>) {
    Sim::new(Seed(1))
        .run(|world: World| async move {
            let (done, seen) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
            let progress = done.clone();
            let server = world.node("server", move || counter(progress.clone()));
            let client = world.node("client", std::future::pending::<()>);
            let junctures = seen.clone();
            world.ambush(move |node: NodeId, juncture| {
                assert_eq!(node, server);
                junctures.borrow_mut().push(juncture);
                strikes(juncture, junctures.borrow().len())
            });
            let call = async { rpc::call("server:7", &Add, Duration::from_secs(1)).await };
            let heard = world.spawn_on(client, call).await.unwrap().ok();
            world.power_off(server);
            let durable = world.disk(server, |disk| disk.content("count").ok());
            (heard, done.get(), seen.take(), durable)
        })
        .unwrap()
}

#[test]
fn who_is_not_struck_goes_on() {
    use Juncture::{Replying, Synced};
    let (heard, done, seen, durable) = ambushed(|_, _| false);
    assert_eq!((heard, done), (Some(1), 101));
    assert_eq!(seen, [Synced, Synced, Replying]);
    assert_eq!(durable.as_deref(), Some(&b"1"[..]));
}

#[test]
fn right_after_an_fsync_the_data_is_safe_and_nobody_knows() {
    let (heard, done, seen, _) = ambushed(|juncture, _| juncture == Juncture::Synced);
    assert_eq!((heard, done, seen.len()), (None, 0, 1), "the code did not go on after its fsync");
    let (heard, done, seen, durable) = ambushed(|_, nth| nth == 2);
    assert_eq!((heard, done, seen.len()), (None, 1, 2), "nor after that of the directory");
    assert_eq!(durable.as_deref(), Some(&b"1"[..]), "what was synced survives the loss of power");
}

#[test]
fn right_before_a_reply_all_is_done_and_nothing_said() {
    let (heard, done, _, durable) = ambushed(|juncture, _| juncture == Juncture::Replying);
    assert_eq!((heard, done), (None, 1));
    assert_eq!(durable.as_deref(), Some(&b"1"[..]));
}

#[test]
fn an_ambush_ends_when_it_is_lifted_and_with_its_world() {
    let life = Rc::new(());
    let held = life.clone();
    let mut sim = Sim::new(Seed(1));
    let outcome = sim.run(|world: World| async move {
        let server = world.node("server", || counter(Rc::default()));
        world.ambush(move |_, _| Rc::strong_count(&held) > 0);
        time::sleep(Duration::from_millis(1)).await;
        world.lift_ambush();
        let client = world.node("client", std::future::pending::<()>);
        let call = async { rpc::call("server:7", &Add, Duration::from_secs(1)).await.unwrap() };
        let heard = world.spawn_on(client, call).await.unwrap();
        world.ambush(|_, _| true);
        (heard, world.is_up(server))
    });
    assert_eq!(outcome.unwrap(), (1, true));
    drop(sim);
    assert_eq!(Rc::strong_count(&life), 1, "nobody holds the closure any more");
    let next = Sim::new(Seed(1)).run(|world: World| async move {
        let server = world.node("server", || counter(Rc::default()));
        let client = world.node("client", std::future::pending::<()>);
        let call = async { rpc::call("server:7", &Add, Duration::from_secs(1)).await.unwrap() };
        (world.spawn_on(client, call).await.unwrap(), world.is_up(server))
    });
    assert_eq!(next.unwrap(), (1, true), "no world inherits an ambush");
}

/// A node's main function that `ends` its node in the middle of a step and would still say so to the world, and how its
/// destructor would.
async fn ends(told: Rc<Cell<u32>>, end: impl FnOnce()) {
    struct Farewell(UdpSocket, Rc<Cell<u32>>);
    impl Farewell {
        fn say(&self) {
            let mut send = std::pin::pin!(self.0.send_to(b"x", "world:1"));
            let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
            drop(send.as_mut().poll(cx));
            let told = self.1.clone();
            drop(task::spawn(async move { told.set(told.get() + 1) }));
        }
    }
    impl Drop for Farewell {
        fn drop(&mut self) {
            self.say();
        }
    }
    let farewell = Farewell(UdpSocket::bind("0.0.0.0:0").await.expect("a port"), told);
    time::sleep(Duration::from_millis(1)).await;
    let _ = catch_unwind(AssertUnwindSafe(end));
    farewell.say();
    std::future::pending().await
}

/// Whether the world hears of a node that ends itself, how many tasks that it started then ran, and whether it is up.
fn heard_of(end: impl Fn(World) + Copy + 'static) -> (bool, u32, bool) {
    Sim::new(Seed(1))
        .run(|world: World| async move {
            let inbox = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
            let told = Rc::new(Cell::new(0));
            let progress = told.clone();
            let node = world.node("a", move || ends(progress.clone(), move || end(world)));
            let heard = time::timeout(Duration::from_millis(500), inbox.recv(&mut [0])).await.is_ok();
            world.node("b", || async {
                let socket = UdpSocket::bind("0.0.0.0:1").await.expect("others live");
                socket.send_to(b"y", "world:1").await.expect("others live");
            });
            inbox.recv(&mut [0]).await.expect("others live");
            (heard, told.get(), world.is_up(node))
        })
        .unwrap()
}

#[test]
fn who_catches_the_unwinding_of_an_abort_dies_all_the_same() {
    assert_eq!(heard_of(|_| node::abort()), (false, 0, false));
}

#[test]
fn who_crashes_itself_does_nothing_more_in_that_step() {
    assert_eq!(heard_of(|world| world.crash(world.id("a").unwrap())), (false, 0, false));
}
