//! The search for the tree of views.

use super::super::ALLOCATION;
use super::super::states::States;
use super::ForkFault;
use crate::history::Operation;
use crate::model::{Model, Seen};
use crate::verdict::{Budget, Why};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Clients, by number, as bits.
type Group = u64;

/// What is placed so far in the view of all clients of a group, and the states that follow.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration {
    group: Group,
    /// As bits, by operation.
    placed: Vec<u64>,
    /// By key.
    states: Vec<u32>,
}

impl Configuration {
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&self.placed[..]) + size_of_val(&self.states[..]) + 3 * ALLOCATION
    }

    fn has(&self, at: usize) -> bool {
        self.placed[at / 64] >> (at % 64) & 1 == 1
    }

    fn place(&mut self, at: usize) {
        self.placed[at / 64] |= 1 << (at % 64);
    }
}

/// What all clients of a group see next, and how they part then.
struct Tree {
    group: Group,
    trunk: Vec<usize>,
    branches: Vec<Tree>,
}

struct Frame {
    at: Configuration,
    /// How many operations were placed before.
    mark: usize,
    /// What may come next.
    waiting: Vec<usize>,
    next: usize,
    /// The next of several states that one operation may lead to.
    branch: usize,
}

impl Frame {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.at.bytes() + size_of_val(&self.waiting[..]) + ALLOCATION
    }
}

pub(super) struct Hunt<'a, M: Model> {
    model: &'a M,
    history: &'a [Operation<M::Input, M::Output>],
    /// Whether the reply is held against the history.
    is_kept: Vec<bool>,
    clients: Vec<u64>,
    /// Of each client, what can be placed, in the order of the history.
    operations: Vec<Vec<usize>>,
    /// By operation.
    keys: Vec<usize>,
    states: States<'a, M>,
    hopeless: FxHashSet<Configuration>,
    /// The bytes of these.
    forgone: usize,
    /// The bytes of all frames.
    stacked: usize,
    pub(super) explored: u64,
    fault: ForkFault,
}

impl<'a, M: Model> Hunt<'a, M> {
    /// With only the replies of `kept`; an error is more clients than a group can hold.
    pub(super) fn new(
        model: &'a M,
        history: &'a [Operation<M::Input, M::Output>],
        kept: &[usize],
        fault: ForkFault,
    ) -> Result<Self, usize> {
        let mut is_kept = vec![false; history.len()];
        kept.iter().for_each(|at| is_kept[*at] = true);
        let mut numbers: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (at, operation) in history.iter().enumerate() {
            numbers.entry(model.key(&operation.input)).or_default().push(at);
        }
        let (mut keys, mut is_open) = (vec![0; history.len()], is_kept.clone());
        for (key, of) in numbers.into_values().enumerate() {
            of.iter().for_each(|at| keys[*at] = key);
            let unknown: Vec<usize> = of
                .iter()
                .copied()
                .filter(|at| !is_kept[*at] && !model.read_only(&history[*at].input, None))
                .collect();
            let inputs: Vec<&M::Input> = unknown.iter().map(|at| &history[*at].input).collect();
            let seen = |at: &usize| (&history[*at].input, history[*at].output().filter(|_| is_kept[*at]));
            let others: Vec<Seen<'_, M>> = of.iter().map(seen).collect();
            let needed = model.needed(&inputs, &others);
            for (at, needed) in unknown.into_iter().zip(needed) {
                is_open[at] = needed && fault != ForkFault::UnknownTakenAsFailed;
            }
        }
        let mut operations: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, operation) in history.iter().enumerate() {
            let of = operations.entry(operation.client).or_default();
            of.extend(is_open[at].then_some(at));
        }
        if operations.len() > Group::BITS as usize {
            return Err(operations.len());
        }
        let (clients, operations) = operations.into_iter().unzip();
        let states = States::new(model);
        Ok(Self {
            model,
            history,
            is_kept,
            clients,
            operations,
            keys,
            states,
            hopeless: FxHashSet::default(),
            forgone: 0,
            stacked: 0,
            explored: 0,
            fault,
        })
    }

    /// The views by client, if there are any.
    pub(super) fn run(&mut self, budget: Budget) -> Result<Option<BTreeMap<u64, Vec<usize>>>, Why> {
        let count = self.clients.len();
        let group = if count == 64 { Group::MAX } else { (1 << count) - 1 };
        let placed = vec![0; self.history.len().div_ceil(64)];
        let states = vec![0; self.keys.iter().max().map_or(0, |most| most + 1)];
        let tree = self.grow(Configuration { group, placed, states }, budget)?;
        Ok(tree.map(|tree| {
            let mut views: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            let mut waiting = vec![(Vec::new(), &tree)];
            while let Some((mut view, tree)) = waiting.pop() {
                view.extend(&tree.trunk);
                for branch in &tree.branches {
                    waiting.push((view.clone(), branch));
                }
                let apart: Group = tree.branches.iter().map(|branch| branch.group).sum();
                for client in members(tree.group & !apart) {
                    views.insert(self.clients[client], view.clone());
                }
            }
            views
        }))
    }

    /// The tree from here on for all clients of the group.
    fn grow(&mut self, start: Configuration, budget: Budget) -> Result<Option<Tree>, Why> {
        let before = self.stacked;
        let grown = self.grow_on(start, budget);
        self.stacked = before;
        grown
    }

    fn grow_on(&mut self, start: Configuration, budget: Budget) -> Result<Option<Tree>, Why> {
        let group = start.group;
        let (mut stack, mut placed): (Vec<Frame>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut entering = Some((start, 0));
        loop {
            if let Some((mut at, mark)) = entering.take() {
                self.explored += 1;
                if self.explored > budget.states {
                    return Err(Why::States);
                }
                self.place_reads(&mut at, &mut placed);
                if members(group).all(|client| self.is_done(&at, client)) {
                    return Ok(Some(Tree { group, trunk: placed, branches: Vec::new() }));
                }
                if self.hopeless.contains(&self.remembered(&at)) {
                    placed.truncate(mark);
                } else {
                    let waiting = self.waiting(&at);
                    let frame = Frame { at, mark, waiting, next: 0, branch: 0 };
                    self.stacked += frame.bytes();
                    stack.push(frame);
                    self.fits(budget)?;
                }
            }
            let Some(frame) = stack.last_mut() else { return Ok(None) };
            if let Some((operation, at)) = self.next(frame) {
                entering = Some((at, placed.len()));
                placed.push(operation);
                continue;
            }
            let Some(frame) = stack.pop() else { return Ok(None) };
            self.stacked -= frame.bytes();
            if let Some(branches) = self.part(&frame.at, budget)? {
                return Ok(Some(Tree { group, trunk: placed, branches }));
            }
            let remembered = self.remembered(&frame.at);
            self.forgone += remembered.bytes();
            self.hopeless.insert(remembered);
            self.fits(budget)?;
            placed.truncate(frame.mark);
        }
    }

    fn fits(&self, budget: Budget) -> Result<(), Why> {
        let bytes = self.stacked + self.forgone + self.states.weight();
        if bytes > budget.bytes() { Err(Why::Memo) } else { Ok(()) }
    }

    /// Two branches, if the clients can part here.
    fn part(&mut self, at: &Configuration, budget: Budget) -> Result<Option<Vec<Tree>>, Why> {
        if self.fault == ForkFault::NeverForks {
            return Ok(None);
        }
        let waits = |client: &usize| self.operations[*client].iter().any(|operation| !at.has(*operation));
        let waiting: Vec<usize> = members(at.group).filter(waits).collect();
        let Some((first, others)) = waiting.split_first() else { return Ok(None) };
        let all: Group = waiting.iter().map(|client| 1 << client).sum();
        // Each way to part them once: the first of them is in the first group.
        for bits in 0..(1_u64 << others.len().min(63)) - 1 {
            self.explored += 1;
            if self.explored > budget.states {
                return Err(Why::States);
            }
            let with = others.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            let one = with.fold(1 << first, |group: Group, (_, client)| group | 1 << client);
            let Some(left) = self.grow(Configuration { group: one, ..at.clone() }, budget)? else { continue };
            if let Some(right) = self.grow(Configuration { group: all & !one, ..at.clone() }, budget)? {
                return Ok(Some(vec![left, right]));
            }
        }
        Ok(None)
    }

    /// What a configuration is remembered by: operations of clients that are elsewhere play no part.
    fn remembered(&self, at: &Configuration) -> Configuration {
        let mut key = at.clone();
        if self.fault == ForkFault::MemoWithoutState {
            key.states.clear();
        }
        if self.fault != ForkFault::ViewsJoin {
            let everyone = 0..self.clients.len();
            for client in everyone.filter(|client| at.group >> client & 1 == 0) {
                for operation in &self.operations[client] {
                    key.placed[operation / 64] &= !(1 << (operation % 64));
                }
            }
        }
        key
    }

    fn is_done(&self, at: &Configuration, client: usize) -> bool {
        self.operations[client].iter().all(|operation| !self.is_kept[*operation] || at.has(*operation))
    }

    /// What can come next: whatever was called before the first return of what must still come.
    fn waiting(&self, at: &Configuration) -> Vec<usize> {
        let open =
            |client: usize| self.operations[client].iter().copied().filter(|operation| !at.has(*operation));
        let must = members(at.group).flat_map(open).filter(|operation| self.is_kept[*operation]);
        let end = match self.fault {
            ForkFault::TimeForgotten => None,
            _ => must.filter_map(|operation| self.history[operation].returned_at()).min(),
        };
        let in_time = |operation: &usize| end.is_none_or(|end| self.history[*operation].call <= end);
        let group = if self.fault == ForkFault::ViewsJoin { Group::MAX } else { at.group };
        members(group)
            .take_while(|client| *client < self.clients.len())
            .flat_map(open)
            .filter(in_time)
            .collect()
    }

    /// A read that can come next and is legal is placed at once: it keeps nobody of the group from anything, now or
    /// after a fork.
    fn place_reads(&mut self, at: &mut Configuration, placed: &mut Vec<usize>) {
        loop {
            let mut found = false;
            for operation in self.waiting(at) {
                let Operation { input, .. } = &self.history[operation];
                let output = self.output(operation);
                let state = at.states[self.keys[operation]];
                let is_read = self.is_kept[operation] && self.model.read_only(input, output);
                if is_read && self.step(operation, state).contains(&state) {
                    at.place(operation);
                    placed.push(operation);
                    found = true;
                }
            }
            if !found {
                return;
            }
        }
    }

    /// The operation to try next, and where it leads.
    fn next(&mut self, frame: &mut Frame) -> Option<(usize, Configuration)> {
        while let Some(operation) = frame.waiting.get(frame.next).copied() {
            let key = self.keys[operation];
            let states = self.step(operation, frame.at.states[key]);
            let found = states.get(frame.branch).map(|state| {
                let mut to = frame.at.clone();
                to.place(operation);
                to.states[key] = *state;
                (operation, to)
            });
            frame.branch += 1;
            if frame.branch >= states.len() {
                (frame.next, frame.branch) = (frame.next + 1, 0);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn output(&self, operation: usize) -> Option<&'a M::Output> {
        self.history[operation].output().filter(|_| self.is_kept[operation])
    }

    fn step(&mut self, operation: usize, state: u32) -> Vec<u32> {
        let output = self.output(operation);
        self.states.step(state, &self.history[operation].input, output)
    }
}

fn members(group: Group) -> impl Iterator<Item = usize> {
    (0..Group::BITS as usize).filter(move |client| group >> client & 1 == 1)
}
