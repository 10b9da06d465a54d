//! What a story may say to its world.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

use stormglass_checker::Model;
use stormglass_sim::task::JoinHandle;
use stormglass_sim::{NodeId, Seed, World};

use crate::history::History;
use crate::outcome::{Fall, Verdict};
use crate::run::Seen;
use crate::weather::{Forecast, Weather};

/// Says what fell in a history, if anything did.
pub(crate) type Judge = Box<dyn FnOnce() -> Option<(Verdict, Fall)>>;

/// Says what a client waits for, if it knows.
type Waits = Box<dyn Fn(&str) -> Option<String>>;

/// How often the gates of the calm are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Whose steps the servers are of which a story could have fewer.
pub(crate) const SERVERS: &str = "servers";

/// What a story leaves behind for the verdict.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) fall: Option<(Verdict, Fall)>,
    pub(crate) excuse: Option<String>,
    pub(crate) seen: Seen,
    pub(crate) weather: Vec<String>,
    pub(crate) judges: Vec<Judge>,
    pub(crate) converged: Option<Duration>,
    /// When a schedule that was not fair was ended; zero if none was.
    fair_from: Duration,
    clients: Vec<Client>,
    waits: Vec<Waits>,
}

struct Client {
    name: String,
    task: JoinHandle<()>,
}

/// The stage of one run: its world, the planted bug, and the verbs that are a story's and not the world's.
#[derive(Clone)]
pub struct Stage {
    world: World,
    seed: Seed,
    bug: Option<Rc<str>>,
    script: Rc<RefCell<Script>>,
}

impl Stage {
    pub(crate) fn new(world: World, seed: Seed, bug: Option<String>, script: Rc<RefCell<Script>>) -> Stage {
        Stage { world, seed, bug: bug.map(Into::into), script }
    }

    /// The world: nodes, links, faults, time.
    pub fn world(&self) -> World {
        self.world
    }

    /// The seed of this run: for what a story says, never for what it decides. Decisions are drawn from the world.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The name of the planted bug, for the system to switch on.
    pub fn bug(&self) -> Option<&str> {
        self.bug.as_deref()
    }

    /// A client: a node of its own on which `work` runs once. [`clients_finish`](Stage::clients_finish) waits for it.
    #[track_caller]
    pub fn client(&self, name: &str, work: impl Future<Output = ()> + 'static) -> NodeId {
        let node = self.world.node(name, pending::<()>);
        let task = self.world.spawn_on(node, work);
        self.script.borrow_mut().clients.push(Client { name: name.into(), task });
        node
    }

    /// Whether a part of the story takes place: a client, an operation. It does, unless the run is being made small.
    ///
    /// Whatever a story could do without and still be a story should ask: `for n in stage.each("c1", 0..20)`.
    pub fn happens(&self, what: &str) -> bool {
        self.world.stream(&format!("story/{what}")).happens()
    }

    /// Whether a fault that the story itself brings on strikes. It does, unless the run is being made small.
    ///
    /// Not for faults on which the story's own claims rest: without them it would claim what nobody promised.
    pub fn strikes(&self, fault: &str) -> bool {
        self.happens(&format!("faults/{fault}"))
    }

    /// Those of `steps` that take place: all, unless the run is being made small. `who` names whose steps they are.
    pub fn each<I: IntoIterator>(&self, who: &str, steps: I) -> impl Iterator<Item = I::Item> + use<I> {
        let stream = self.world.stream(&format!("story/{who}"));
        steps.into_iter().filter(move |_| stream.happens())
    }

    /// How many servers there are: `least`, and those of `more` that take place, which is all unless the run is being made
    /// small.
    pub fn servers(&self, least: u64, more: u64) -> u64 {
        least + self.each(SERVERS, 0..more).count() as u64
    }

    /// Counts an event the story declared with [`Story::sometimes`](crate::Story::sometimes).
    pub fn sometimes(&self, event: &str) {
        *self.script.borrow_mut().seen.entry(event.into()).or_default() += 1;
    }

    /// An invariant, looked at after every step of every task. Its first fall ends the run.
    pub fn watch(&self, check: impl Fn() -> Result<(), Fall> + 'static) {
        let script = self.script.clone();
        self.world.watch("story", move || {
            check().map_err(|fall| {
                let message = format!("{}: {}", fall.claim, fall.witness);
                script.borrow_mut().fall.get_or_insert((Verdict::Safety, fall));
                message
            })
        });
    }

    /// A history that is judged when the run is over, whatever ended it.
    pub fn history<M: Model + 'static>(&self, model: M) -> History<M> {
        let history = History::new(self.world, model);
        let mut script = self.script.borrow_mut();
        let (judged, waited) = (history.clone(), history.clone());
        script.judges.push(Box::new(move || judged.judge()));
        script.waits.push(Box::new(move |client| waited.waits_for(client)));
        history
    }

    /// A history that somebody else records: `judge` says what fell in it, if anything did, when the run is over. See
    /// [`linearizable`](crate::linearizable).
    pub fn judge(&self, judge: impl FnOnce() -> Option<(Verdict, Fall)> + 'static) {
        self.script.borrow_mut().judges.push(Box::new(judge));
    }

    /// Who asks why a client has not finished gets this answer, where it has one.
    pub fn waits(&self, waits: impl Fn(&str) -> Option<String> + 'static) {
        self.script.borrow_mut().waits.push(Box::new(waits));
    }

    /// A safety claim has fallen; the run ends. The witness is a sentence that a person can check.
    pub fn fail(&self, claim: &str, witness: impl Into<String>) {
        self.end(Verdict::Safety, Fall::new("claim", claim, witness));
    }

    /// A safety claim: unless it holds, the run ends with the witness.
    pub fn claim(&self, holds: bool, claim: &str, witness: impl FnOnce() -> String) {
        if !holds {
            self.fail(claim, witness());
        }
    }

    /// The environment has destroyed what the protocol needs, so that its not getting on is no failure.
    /// What it did wrong all the same stays one. The run ends.
    pub async fn excuse(&self, why: impl Into<String>) {
        let why = why.into();
        self.script.borrow_mut().excuse.get_or_insert_with(|| why.clone());
        self.world.fail(format!("excused: {why}"));
        pending::<()>().await;
    }

    /// The storm: draws the weather from the seed, lets it rage over the cast, then calms it. Clients go on meanwhile.
    pub async fn storm(&self, weather: Weather, servers: &[NodeId], clients: &[NodeId]) {
        let forecast = Forecast::draw(&weather, self.world);
        self.script.borrow_mut().weather.extend(forecast.lines());
        forecast.rage(self.world, servers, clients).await;
        self.fair();
    }

    /// From here on the schedule is the default, which is fair: the calm. True when another has ruled until now, which may
    /// have kept what is waited for from happening; then whatever is judged by time begins anew.
    pub fn fair(&self) -> bool {
        let ended = self.world.default_schedule();
        if ended {
            self.script.borrow_mut().fair_from = self.world.now();
        }
        ended
    }

    /// Waits until every client has finished its work; after `within` the run is a liveness violation that names the
    /// clients and the operation each waits for.
    pub async fn clients_finish(&self, within: Duration) {
        let finished = || self.script.borrow().clients.iter().all(|client| client.task.is_finished());
        self.converges(within, "every client finishes", finished, || self.unfinished()).await;
    }

    /// Waits until the gate is `open`; after `within` the run is a liveness violation with what it `waits` for. That is
    /// judged only under a fair schedule: one that is not is ended first, and every gate has its time anew.
    pub async fn converges(
        &self,
        within: Duration,
        claim: &str,
        open: impl Fn() -> bool,
        waits: impl Fn() -> String,
    ) {
        let start = self.world.now();
        // Another gate may have ended the schedule that was not fair.
        let waited = || self.world.now().saturating_sub(start.max(self.script.borrow().fair_from));
        while !open() {
            if waited() >= within && !self.fair() {
                let mut told = vec![waits()];
                told.extend(self.world.errors());
                let witness =
                    format!("{} after the calm began: {}", crate::report::span(waited()), told.join("; "));
                self.end(Verdict::Liveness, Fall::new("converges", claim, witness));
                pending::<()>().await;
            }
            stormglass_sim::time::sleep(LOOK).await;
        }
        let took = waited();
        let mut script = self.script.borrow_mut();
        script.converged = Some(script.converged.unwrap_or_default().max(took));
    }

    /// The clients that have not finished, with what each waits for.
    fn unfinished(&self) -> String {
        let script = self.script.borrow();
        let waiting: Vec<String> = script
            .clients
            .iter()
            .filter(|client| !client.task.is_finished())
            .map(|client| {
                let operation = script.waits.iter().find_map(|waits| waits(&client.name));
                operation.unwrap_or_else(|| format!("{} has not finished", client.name))
            })
            .collect();
        waiting.join("; ")
    }

    fn end(&self, verdict: Verdict, fall: Fall) {
        let message = format!("{}: {}", fall.claim, fall.witness);
        self.script.borrow_mut().fall.get_or_insert((verdict, fall));
        self.world.fail(message);
    }
}
