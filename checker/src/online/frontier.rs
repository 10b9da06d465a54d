//! The configurations of one key, and what an event does to them.

use super::Fault;
use super::configuration::{Antichain, Configuration};
use super::scale::{Scale, Shared, states};
use crate::model::Model;
use crate::verdict::{Budget, Why};
use std::collections::BTreeMap;

/// How an operation ended.
pub(super) enum Event<O> {
    Returned(O),
    Lost,
    Withdrawn,
}

/// Why a key is not followed any further.
pub(super) enum Halt {
    /// No configuration is left; what is wrong, in words.
    Refuted(String),
    Exhausted(Why),
}

/// An operation that may be placed.
struct Open<M: Model> {
    client: u64,
    input: M::Input,
    /// It never changes a state, whatever it answers: it is not placed ahead of its reply.
    reads: bool,
    /// It will never return.
    lost: bool,
}

/// One way in which all replies of a key fit.
type At<M> = Configuration<Shared<<M as Model>::State>>;

pub(super) struct Frontier<M: Model> {
    configurations: Vec<At<M>>,
    scale: Scale,
    open: BTreeMap<u64, Open<M>>,
    /// The budget ran out: nothing is followed any more.
    exhausted: bool,
}

impl<M: Model> Frontier<M> {
    pub(super) fn new(model: &M) -> Self {
        let scale = Scale::default();
        let configurations = vec![Configuration::first(scale.put(model, model.init()))];
        Self { configurations, scale, open: BTreeMap::new(), exhausted: false }
    }

    /// What the configurations count for in a budget.
    pub(super) fn held(&self) -> usize {
        self.configurations.len() + self.scale.entries()
    }

    pub(super) fn call(&mut self, model: &M, id: u64, client: u64, input: M::Input) {
        if self.exhausted {
            return;
        }
        let reads = model.read_only(&input, None);
        for configuration in &mut self.configurations {
            // Ids grow, so they stay in their order.
            configuration.met.push((id, vec![configuration.state.clone()]));
        }
        self.open.insert(id, Open { client, input, reads, lost: false });
    }

    pub(super) fn end(
        &mut self,
        model: &M,
        key: Option<&str>,
        id: u64,
        event: Event<M::Output>,
        budget: Budget,
        fault: Fault,
    ) -> Result<(), Halt> {
        if self.exhausted {
            return Ok(());
        }
        let left = match &event {
            Event::Returned(output) => self.returned(model, id, output, budget, fault),
            Event::Lost => Ok(self.lost(id, fault)),
            Event::Withdrawn => Ok(self.withdrawn(id)),
        };
        match left {
            Ok(left) if left.is_empty() => Err(Halt::Refuted(self.sentence(model, key, id, &event))),
            Err(why) => Err(self.exhaust(why)),
            Ok(left) => {
                self.configurations = left;
                if self.held() > budget.memo {
                    return Err(self.exhaust(Why::Memo));
                }
                if !matches!(event, Event::Lost) {
                    self.open.remove(&id);
                }
                self.forget_used();
                Ok(())
            }
        }
    }

    fn exhaust(&mut self, why: Why) -> Halt {
        let (configurations, open) = (Vec::new(), BTreeMap::new());
        *self = Self { configurations, scale: Scale::default(), open, exhausted: true };
        Halt::Exhausted(why)
    }

    /// Every order of open operations that ends with this one, from every configuration.
    fn returned(
        &self,
        model: &M,
        id: u64,
        output: &M::Output,
        budget: Budget,
        fault: Fault,
    ) -> Result<Vec<At<M>>, Why> {
        let operation = &self.open[&id];
        let legal = |from: &M::State| states(model.step(from, &operation.input, Some(output)));
        let read_only = model.read_only(&operation.input, Some(output));
        let (mut entered, mut left) = (Antichain::new(fault), Antichain::new(fault));
        let starts = self.configurations.iter().cloned();
        let mut waiting: Vec<usize> = starts.filter_map(|start| entered.admit(start)).collect();
        let mut explored = 0;
        while let Some(place) = waiting.pop() {
            let Some(at) = entered.get(place).cloned() else { continue };
            explored += 1;
            if explored > budget.states {
                return Err(Why::States);
            }
            if let Some((_, from, to)) = at.step_of(id) {
                if fault == Fault::EarlyStepsBelieved || legal(&from.state).contains(&to.state) {
                    left.admit(at.without(id));
                }
                continue;
            }
            let met = at.met.iter().find(|(open, _)| *open == id).map(|(_, met)| &met[..]);
            let met = match fault {
                Fault::ReadsSeeTheLastState => std::slice::from_ref(&at.state),
                _ => met.unwrap_or_default(),
            };
            if met.iter().any(|state| legal(&state.state).contains(&state.state)) {
                left.admit(at.clone().without(id));
                if read_only {
                    continue;
                }
            }
            if !read_only {
                for state in legal(&at.state.state).into_iter().filter(|state| *state != at.state.state) {
                    left.admit(at.clone().without(id).moved(self.scale.put(model, state)));
                }
            }
            if entered.held() + left.held() + self.scale.entries() > budget.memo {
                return Err(Why::Memo);
            }
            if fault != Fault::NothingAhead {
                self.place_another(model, id, &at, fault, |next| waiting.extend(entered.admit(next)));
            }
        }
        Ok(left.into_vec())
    }

    /// Places one operation other than `id` ahead of its reply.
    fn place_another(&self, model: &M, id: u64, at: &At<M>, fault: Fault, mut enter: impl FnMut(At<M>)) {
        for (other, open) in &self.open {
            let ignored = open.lost && fault == Fault::LostTakenAsFailed;
            if *other == id || open.reads || ignored || at.has(*other) {
                continue;
            }
            for state in self.scale.put_all(model, model.step(&at.state.state, &open.input, None)) {
                // A lost operation that changes nothing need not have been.
                if open.lost && state == at.state {
                    continue;
                }
                let moved = at.clone().moved(state);
                enter(if open.lost {
                    moved.using(*other)
                } else {
                    moved.with_step(*other, at.state.clone())
                });
            }
        }
    }

    /// From now on it is optional, and nobody will ask which step it took.
    fn lost(&mut self, id: u64, fault: Fault) -> Vec<At<M>> {
        if self.open.get(&id).is_some_and(|operation| operation.reads) {
            return self.withdrawn(id);
        }
        if let Some(operation) = self.open.get_mut(&id) {
            operation.lost = true;
        }
        let mut left = Antichain::new(fault);
        for configuration in &self.configurations {
            let taken = configuration.step_of(id).is_some();
            let without = configuration.clone().without(id);
            let now = if taken { without.using(id) } else { without };
            left.admit(now);
        }
        left.into_vec()
    }

    fn withdrawn(&mut self, id: u64) -> Vec<At<M>> {
        let left = self.configurations.iter().filter(|configuration| configuration.step_of(id).is_none());
        left.map(|configuration| configuration.clone().without(id)).collect()
    }

    /// What every configuration has used will be placed in none.
    fn forget_used(&mut self) {
        let everywhere = |id: &u64| self.configurations.iter().all(|at| at.used.contains(id));
        let over: Vec<u64> =
            self.open.iter().filter(|(id, open)| open.lost && everywhere(id)).map(|(id, _)| *id).collect();
        for id in over {
            self.open.remove(&id);
            self.configurations.iter_mut().for_each(|at| at.used.retain(|used| *used != id));
        }
        // A lost read makes no difference.
        self.open.retain(|_, open| !(open.lost && open.reads));
    }

    fn sentence(&self, model: &M, key: Option<&str>, id: u64, event: &Event<M::Output>) -> String {
        const MOST: usize = 3;
        let Some(operation) = self.open.get(&id) else { return String::new() };
        let output = if let Event::Returned(output) = event { Some(output) } else { None };
        let phrase = model.describe(&operation.input, output);
        let mut shown: Vec<String> = Vec::new();
        for configuration in &self.configurations {
            let state = model.show(key, &configuration.state.state);
            if !shown.contains(&state) {
                shown.push(state);
            }
            if shown.len() > MOST {
                break;
            }
        }
        let more = if shown.len() > MOST { " or to others" } else { "" };
        shown.truncate(MOST);
        let lead = format!("they lead to {}{more}", shown.join(" or to "));
        match event {
            Event::Returned(_) => format!(
                "c{} {} {}, which fits none of the orders that explain what came before; {lead}",
                operation.client, phrase.past, phrase.rest
            ),
            _ => format!(
                "c{}'s {phrase} had no effect, though every order that explains what came before needs it; {lead}",
                operation.client
            ),
        }
    }
}
