//! Objects that hold elements, numbers or owners: queues, stacks, counters, locks.

use std::collections::VecDeque;

use stormglass_checker::models::Text;
use stormglass_checker::models::counter::{self, Counter};
use stormglass_checker::models::lock::{self, Lock};
use stormglass_checker::models::queue::{self, Queue};
use stormglass_checker::models::stack::{self, Stack};

use super::generate::{Object, Plan, Rng, value};

/// Half enqueues, half dequeues.
pub(crate) struct Queues {
    elements: Vec<VecDeque<Text>>,
    written: u64,
    plan: Plan,
}

impl Object for Queues {
    type Model = Queue;

    fn new(plan: Plan) -> Self {
        Self { elements: vec![VecDeque::new(); plan.keys], written: 0, plan }
    }

    fn draw(&mut self, rng: &mut Rng, _: usize, (_, key): (usize, &Text)) -> queue::Input {
        let key = key.clone();
        match rng.below(2) {
            0 => queue::Input::Dequeue { key },
            _ => queue::Input::Enqueue { key, value: value(rng, &mut self.written, self.plan.values) },
        }
    }

    fn apply(&mut self, key: usize, input: &queue::Input) -> Option<queue::Output> {
        Some(match input {
            queue::Input::Dequeue { .. } => queue::Output::Taken(self.elements[key].pop_front()),
            queue::Input::Enqueue { value, .. } => {
                self.elements[key].push_back(value.clone());
                queue::Output::Done
            }
        })
    }
}

/// Half pushes, half pops.
pub(crate) struct Stacks {
    elements: Vec<Vec<Text>>,
    written: u64,
    plan: Plan,
}

impl Object for Stacks {
    type Model = Stack;

    fn new(plan: Plan) -> Self {
        Self { elements: vec![Vec::new(); plan.keys], written: 0, plan }
    }

    fn draw(&mut self, rng: &mut Rng, _: usize, (_, key): (usize, &Text)) -> stack::Input {
        let key = key.clone();
        match rng.below(2) {
            0 => stack::Input::Pop { key },
            _ => stack::Input::Push { key, value: value(rng, &mut self.written, self.plan.values) },
        }
    }

    fn apply(&mut self, key: usize, input: &stack::Input) -> Option<stack::Output> {
        Some(match input {
            stack::Input::Pop { .. } => stack::Output::Taken(self.elements[key].pop()),
            stack::Input::Push { value, .. } => {
                self.elements[key].push(value.clone());
                stack::Output::Done
            }
        })
    }
}

/// Half increments by one to five, half reads.
pub(crate) struct Counters(Vec<i64>);

impl Object for Counters {
    type Model = Counter;

    fn new(plan: Plan) -> Self {
        Self(vec![0; plan.keys])
    }

    fn draw(&mut self, rng: &mut Rng, _: usize, (_, key): (usize, &Text)) -> counter::Input {
        let key = key.clone();
        match rng.below(2) {
            0 => counter::Input::Read { key },
            _ => counter::Input::Inc { key, by: 1 + rng.below(5) as i64 },
        }
    }

    fn apply(&mut self, key: usize, input: &counter::Input) -> Option<counter::Output> {
        Some(match input {
            counter::Input::Read { .. } => counter::Output::Value(self.0[key]),
            counter::Input::Inc { by, .. } => {
                self.0[key] += by;
                counter::Output::Done
            }
        })
    }
}

/// Each client acquires, waits until it holds the lock, and releases it.
pub(crate) struct Locks {
    owners: Vec<Option<u64>>,
    /// The key that each client wants or holds.
    busy: Vec<Option<Text>>,
}

impl Object for Locks {
    type Model = Lock;

    fn new(plan: Plan) -> Self {
        Self { owners: vec![None; plan.keys], busy: vec![None; plan.clients] }
    }

    fn draw(&mut self, _: &mut Rng, client: usize, (_, key): (usize, &Text)) -> lock::Input {
        let owner = client as u64;
        match self.busy[client].take() {
            Some(key) => lock::Input::Release { key, owner },
            None => {
                self.busy[client] = Some(key.clone());
                lock::Input::Acquire { key: key.clone(), owner }
            }
        }
    }

    fn apply(&mut self, key: usize, input: &lock::Input) -> Option<lock::Output> {
        let holder = &mut self.owners[key];
        match input {
            lock::Input::Acquire { .. } if holder.is_some() => return None,
            lock::Input::Acquire { owner, .. } => *holder = Some(*owner),
            lock::Input::Release { .. } => *holder = None,
        }
        Some(lock::Output::Done)
    }
}
