//! A lock server, and clients that take the lock twice each. Releasing is a datagram that nobody answers, so the next
//! request may overtake it: a release that comes late must not take away what was granted since.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use stormglass::sim::net::UdpSocket;
use stormglass::sim::time::sleep;
use stormglass::{Stage, Story};

/// The server frees the lock for whoever has it, whichever turn the release is for.
const RELEASES_ANY: &str = "releases-any";

/// How often each client takes the lock.
const TURNS: u8 = 2;

/// What client and server say: the first byte, then the client, then its turn.
const ACQUIRE: u8 = 1;
const RELEASE: u8 = 2;
const GRANTED: u8 = 3;
const BUSY: u8 = 4;

/// Client and turn.
type Grant = (u8, u8);

pub(crate) fn stories() -> Vec<Story> {
    let claim = "The lock belongs to one client at a time: to whom the server says";
    let two = Story::new("lock/two_nodes", claim, |stage| tell(stage, 1));
    let three = Story::new("lock/three_nodes", claim, |stage| tell(stage, 2));
    vec![two.catches([RELEASES_ANY]), three.catches([RELEASES_ANY])]
}

/// What an observer outside of all nodes knows.
#[derive(Clone, Default)]
struct Observer {
    /// To whom the server has given it.
    given: Rc<Cell<Option<Grant>>>,
    /// Who believes to have it.
    inside: Rc<RefCell<Vec<Grant>>>,
    finished: Rc<Cell<u8>>,
}

async fn tell(stage: Stage, clients: u8) {
    let (observer, world) = (Observer::default(), stage.world());
    let (seen, any) = (observer.clone(), stage.bug() == Some(RELEASES_ANY));
    world.node("server", move || serve(seen.clone(), any));
    sleep(Duration::from_millis(1)).await;
    for me in 0..clients {
        let (stage, observer) = (stage.clone(), observer.clone());
        world.node(&format!("c{me}"), move || take_turns(stage.clone(), observer.clone(), me));
    }
    let done = || observer.finished.get() == clients;
    stage.converges(Duration::from_secs(10), "every client has its turns", done, String::new).await;
}

async fn serve(observer: Observer, any: bool) {
    let socket = UdpSocket::bind("0.0.0.0:1").await.expect("the port is free");
    let mut holder: Option<Grant> = None;
    let mut request = [0; 3];
    while let Ok((_, from)) = socket.recv_from(&mut request).await {
        let [what, client, turn] = request;
        match what {
            RELEASE if any || holder == Some((client, turn)) => {
                holder = holder.filter(|(other, _)| *other != client);
            }
            // Who asks for its next turn is done with the one before.
            ACQUIRE if holder.is_none_or(|(other, last)| other == client && last <= turn) => {
                holder = Some((client, turn));
                socket.send_to(&[GRANTED, client, turn], from).await.expect("sent");
            }
            ACQUIRE => drop(socket.send_to(&[BUSY, client, turn], from).await.expect("sent")),
            _ => {}
        }
        observer.given.set(holder);
    }
}

async fn take_turns(stage: Stage, observer: Observer, me: u8) {
    let socket = UdpSocket::bind("0.0.0.0:0").await.expect("a port");
    let mut answer = [0; 3];
    for turn in 1..=TURNS {
        loop {
            socket.send_to(&[ACQUIRE, me, turn], "server:1").await.expect("sent");
            socket.recv_from(&mut answer).await.expect("answered");
            if answer[0] == GRANTED {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        let mine = (me, turn);
        stage.world().now(); // what follows is an observation: when it is made matters
        observer.inside.borrow_mut().push(mine);
        let inside = observer.inside.borrow().clone();
        stage.claim(inside == [mine], "one client at a time has the lock", || format!("{inside:?} have it"));
        sleep(Duration::from_millis(1)).await;
        let given = observer.given.get();
        stage.claim(given == Some(mine), "who has the lock is who the server says", || {
            format!("client {me} has it for its turn {turn}, the server says {given:?}")
        });
        stage.world().now();
        observer.inside.borrow_mut().retain(|other| *other != mine);
        socket.send_to(&[RELEASE, me, turn], "server:1").await.expect("sent");
    }
    observer.finished.set(observer.finished.get() + 1);
}
