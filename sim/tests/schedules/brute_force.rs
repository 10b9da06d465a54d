//! The search against one that tries every choice: it sees whatever there is to be seen, in fewer runs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use proptest::prelude::*;
use stormglass_sim::net::UdpSocket;
use stormglass_sim::schedule::search::explore;
use stormglass_sim::schedule::{Dice, Event, Lateness, Strategy as Chooses};
use stormglass_sim::time::{Duration, sleep};
use stormglass_sim::{Config, Seed, Sim, World};

/// Choices made, and out of how many.
type Path = Rc<RefCell<Vec<(usize, usize)>>>;

/// Every choice there is, the last varied first.
struct Everything {
    path: Path,
    at: usize,
}

impl Chooses for Everything {
    fn choose(&mut self, enabled: &[Event], _: &mut Dice) -> usize {
        let mut path = self.path.borrow_mut();
        if self.at == path.len() {
            path.push((0, enabled.len()));
        }
        self.at += 1;
        path[self.at - 1].0
    }

    fn lateness(&self) -> Lateness {
        Lateness::Any
    }
}

/// Runs the test in every order; `None` when there are more than `most`.
fn everything<F: Future>(test: impl Fn(World) -> F, most: u64) -> Option<u64> {
    let path = Path::default();
    for run in 1..=most {
        let strategy = Everything { path: path.clone(), at: 0 };
        drop(Sim::scheduled(Seed(0), Config::default(), Box::new(strategy)).run(&test));
        let mut path = path.borrow_mut();
        while path.pop_if(|(choice, of)| *choice + 1 == *of).is_some() {}
        match path.last_mut() {
            None => return Some(run),
            Some((choice, _)) => *choice += 1,
        }
    }
    None
}

/// What happens in a run: whom the world sends something, and whom each node does on the first messages that it hears.
#[derive(Clone, Debug)]
struct Script {
    starts: Vec<usize>,
    replies: Vec<Vec<usize>>,
    /// The run ends when so many nodes have told that they heard something, whatever is under way; 0: when nothing is.
    until: usize,
}

/// What was seen in a run: by each node the senders of what it heard, in order; or by an observer, all of it.
type Seen = Vec<(usize, u8)>;

async fn play(world: World, script: Rc<Script>, observed: bool, seen: Rc<RefCell<BTreeSet<Seen>>>) {
    let heard: Rc<RefCell<Seen>> = Rc::default();
    for (me, replies) in script.replies.iter().enumerate() {
        let (replies, heard, mut tells) = (replies.clone(), heard.clone(), script.until > 0);
        world.node(&format!("n{me}"), move || {
            let (replies, heard) = (replies.clone(), heard.clone());
            async move {
                let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
                let (mut replies, mut from) = (replies.into_iter(), [0]);
                while socket.recv(&mut from).await.is_ok() {
                    if observed {
                        world.now();
                    }
                    heard.borrow_mut().push((me, from[0]));
                    let name = u8::try_from(me).expect("few");
                    if let Some(to) = replies.next() {
                        socket.send_to(&[name], format!("n{to}:1")).await.expect("sent");
                    }
                    if std::mem::take(&mut tells) {
                        socket.send_to(&[name], "world:1").await.expect("sent");
                    }
                }
            }
        });
        // One after the other: how they start is not the matter.
        sleep(Duration::from_millis(1)).await;
    }
    let socket = UdpSocket::bind("0.0.0.0:1").await.expect("a port");
    for (n, to) in (10..).zip(&script.starts) {
        socket.send_to(&[n], format!("n{to}:1")).await.expect("sent");
    }
    for _ in 0..script.until {
        let mut from = [0];
        socket.recv(&mut from).await.expect("told");
        heard.borrow_mut().push((script.replies.len(), from[0]));
    }
    if script.until == 0 {
        sleep(Duration::from_secs(1)).await;
    }
    let mut heard = heard.take();
    if !observed {
        heard.sort_by_key(|(node, _)| *node); // stable: each node's own order stays
    }
    seen.borrow_mut().insert(heard);
}

fn scripts() -> impl Strategy<Value = Script> {
    let replies = prop::collection::vec(prop::collection::vec(0..3_usize, 0..=1), 3);
    let starts = prop::collection::vec(0..3_usize, 2..=3);
    (starts, replies, 0..=1_usize).prop_map(|(starts, replies, until)| Script { starts, replies, until })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_sees_what_there_is_to_be_seen(script in scripts(), observed: bool) {
        let script = Rc::new(script);
        let (all, reduced) = (Rc::default(), Rc::default());
        let runs = everything(|world| play(world, script.clone(), observed, Rc::clone(&all)), 2000);
        prop_assume!(runs.is_some());
        let test = |world| play(world, script.clone(), observed, Rc::clone(&reduced));
        let (explored, _) = explore(Seed(0), &Config::default(), 2000, test);
        prop_assert!(explored.complete);
        prop_assert!(explored.schedules <= runs.unwrap_or(0));
        prop_assert_eq!(&*all.borrow(), &*reduced.borrow());
    }
}
