//! Work that goes on in the background of a story, and ways to arrange who hears whom.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use stormglass_sim::NodeId;
use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::task::spawn;
use stormglass_sim::time::sleep;
use stormglass_systems::raft::protocol::ReadProof;

use super::cast::Cast;
use super::ledger::command;
use crate::stories::about;

/// Background work; it ends when this is dropped.
pub(in super::super) struct Work(Rc<Cell<bool>>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

pub(in super::super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A link on which most messages are quick and some are late, so that they overtake one another.
pub(in super::super) fn late(slow: (u64, u64), share: u64) -> LinkConfig {
    LinkConfig {
        reorder: Ratio::percent(20),
        duplicate: Ratio::percent(20),
        ..LinkConfig::with_latency(Latency::TwoHumped {
            fast: (millis(1), millis(8)),
            slow: (millis(slow.0), millis(slow.1)),
            slow_share: Ratio::percent(share),
        })
    }
}

impl Cast {
    /// Proposes something to every server, now and then; whoever leads takes it.
    #[must_use]
    pub(in super::super) fn proposals(&self, pace: Duration) -> Work {
        self.proposals_of(0, pace)
    }

    /// The same, of commands that are up to so many bytes longer.
    #[must_use]
    pub(in super::super) fn proposals_of(&self, most: u64, pace: Duration) -> Work {
        self.work(pace, "proposals", move |cast, at| {
            let door = cast.servers[at].door.clone();
            let command = command(cast.fresh(), cast.stream().below(most + 1) as usize);
            if cast.stage.happens("proposals") {
                drop(spawn(async move { door.propose(command).await }));
            }
        })
    }

    /// Reads at every server, now and then; whoever leads answers, and the observer judges what it answers.
    #[must_use]
    pub(in super::super) fn reads(&self, proof: ReadProof, pace: Duration) -> Work {
        self.work(pace, "reads", move |cast, at| {
            let door = cast.servers[at].door.clone();
            if cast.stage.happens("reads") {
                drop(spawn(async move { door.read(Vec::new(), proof).await }));
            }
        })
    }

    fn work(&self, pace: Duration, name: &str, act: impl Fn(&Cast, usize) + 'static) -> Work {
        let over = Rc::new(Cell::new(false));
        let (cast, stop, stream) = (self.clone(), over.clone(), self.world.stream(name));
        let working = async move {
            while !stop.get() {
                for at in cast.all() {
                    if cast.status(at).is_some_and(|status| status.leads) {
                        act(&cast, at);
                    }
                }
                sleep(about(stream, pace)).await;
            }
        };
        drop(spawn(working));
        Work(over)
    }

    /// The server in the middle hears these, and they hear it; nobody else hears anybody. So nobody else can be elected
    /// where it takes more than two.
    pub(in super::super) fn star(&self, middle: usize, others: &[usize]) {
        let nodes = self.nodes();
        self.world.heal();
        for (place, &one) in nodes.iter().enumerate() {
            for (beyond, &other) in nodes.iter().enumerate().skip(place + 1) {
                let is_ray = |a: usize, b: usize| a == middle && others.contains(&b);
                if !is_ray(place, beyond) && !is_ray(beyond, place) {
                    self.world.partition(&[one], &[other]);
                }
            }
        }
    }

    pub(in super::super) fn node(&self, at: usize) -> NodeId {
        self.servers[at].node
    }

    /// One of all servers.
    pub(in super::super) fn any(&self) -> usize {
        self.stream().below(self.servers.len() as u64) as usize
    }

    /// So many of all servers.
    pub(in super::super) fn some(&self, count: usize) -> Vec<usize> {
        let mut all = self.all();
        self.stream().shuffle(&mut all);
        all.truncate(count);
        all
    }
}
