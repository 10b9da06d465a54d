//! The search for one order of all clients' programs.

use super::ALLOCATION;
use super::programs::{self, programs};
use super::states::States;
use crate::history::Operation;
use crate::model::{Model, Seen};
use crate::verdict::{Budget, Why};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Is the history sequentially consistent? Operations are named by their index in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, and this order shows it.
    Holds {
        /// Every completed operation, and those of unknown outcome that took effect.
        order: Vec<usize>,
    },
    /// No.
    Violated {
        /// The most operations that can be explained, in an order that does.
        explained: Vec<usize>,
        /// The next operation of each client after those, none of which fits.
        waiting: Vec<usize>,
    },
    /// The budget ran out first. This is not a pass.
    Undecided {
        /// Configurations entered.
        explored: u64,
        /// What ran out.
        why: Why,
    },
}

impl Verdict {
    /// Whether the answer is yes.
    pub fn holds(&self) -> bool {
        matches!(self, Verdict::Holds { .. })
    }
}

/// Known wrong turns, chosen at run time, for the checker's own tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// The search as it should be.
    #[default]
    None,
    /// Forgets in which order a client called.
    ProgramOrderForgotten,
    /// Believes that an operation without a reply had no effect.
    UnknownTakenAsFailed,
    /// Forgets the states in the memo's key.
    MemoWithoutState,
    /// Judges each key by itself.
    KeysByThemselves,
}

/// Judges a history by the order in which each client called, which is undecided where its operations overlap, or took no
/// time at one instant. An operation of unknown outcome comes after those that returned to its client before, at any time
/// or never.
pub fn sequential<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
) -> Verdict {
    sequential_with(model, history, budget, Fault::None)
}

/// The judgement with a planted fault.
#[doc(hidden)]
pub fn sequential_with<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    budget: Budget,
    fault: Fault,
) -> Verdict {
    let early = |operation: &Operation<_, _>| operation.returned_at().is_some_and(|at| at < operation.call);
    if let Some(operation) = history.iter().position(early) {
        return Verdict::Undecided { explored: 0, why: Why::Malformed { operation } };
    }
    if let Err(operations) = programs(history) {
        return Verdict::Undecided { explored: 0, why: Why::Overlapping { operations } };
    }
    Walk::new(model, history, fault).run(budget)
}

/// For each operation: may it be needed, if it is of unknown outcome?
fn needed<M: Model>(model: &M, history: &[Operation<M::Input, M::Output>]) -> Vec<bool> {
    let mut keys: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (index, operation) in history.iter().enumerate() {
        keys.entry(model.key(&operation.input)).or_default().push(index);
    }
    let mut needed = vec![false; history.len()];
    for of in keys.into_values() {
        let changes =
            |at: &usize| history[*at].returned.is_none() && !model.read_only(&history[*at].input, None);
        let unknown: Vec<usize> = of.iter().copied().filter(changes).collect();
        if unknown.is_empty() {
            continue;
        }
        let inputs: Vec<&M::Input> = unknown.iter().map(|at| &history[*at].input).collect();
        let others: Vec<Seen<'_, M>> =
            of.iter().map(|at| (&history[*at].input, history[*at].output())).collect();
        let answers = model.needed(&inputs, &others);
        unknown.into_iter().zip(answers).for_each(|(at, answer)| needed[at] = answer);
    }
    needed
}

/// How far each program came, which optional operations were used, and the state of each key.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration {
    done: Vec<u32>,
    /// As bits.
    used: Vec<u64>,
    states: Vec<u32>,
}

impl Configuration {
    /// The memory behind its pointers.
    fn bytes(&self) -> usize {
        let own = size_of_val(&self.done[..]) + size_of_val(&self.used[..]) + size_of_val(&self.states[..]);
        own + 3 * ALLOCATION
    }

    fn has_used(&self, which: usize) -> bool {
        self.used[which / 64] >> (which % 64) & 1 == 1
    }
}

struct Frame {
    at: Configuration,
    /// How many operations were placed before.
    mark: usize,
    /// What to try next: the programs, then the optional operations.
    next: usize,
    /// The next of several states that one operation may lead to.
    branch: usize,
}

struct Walk<'a, M: Model> {
    model: &'a M,
    history: &'a [Operation<M::Input, M::Output>],
    /// Of each client, the completed operations in the order of their calls.
    programs: Vec<Vec<usize>>,
    /// Operations of unknown outcome, with the program and how far it must have come.
    optional: Vec<(usize, usize, u32)>,
    /// By operation.
    keys: Vec<usize>,
    states: States<'a, M>,
    fault: Fault,
    placed: Vec<usize>,
    explained: Vec<usize>,
    waiting: Vec<usize>,
}

impl<'a, M: Model> Walk<'a, M> {
    fn new(model: &'a M, history: &'a [Operation<M::Input, M::Output>], fault: Fault) -> Self {
        let mut sessions: BTreeMap<(u64, Option<&str>), Vec<usize>> = BTreeMap::new();
        let mut numbers: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let mut keys = Vec::with_capacity(history.len());
        for (index, operation) in history.iter().enumerate() {
            let key = model.key(&operation.input);
            let count = numbers.len();
            keys.push(*numbers.entry(key).or_insert(count));
            let session = match fault {
                Fault::ProgramOrderForgotten => (index as u64, None),
                Fault::KeysByThemselves => (operation.client, key),
                _ => (operation.client, None),
            };
            sessions.entry(session).or_default().push(index);
        }
        let needed = needed(model, history);
        let (mut programs, mut optional) = (Vec::new(), Vec::new());
        for mut session in sessions.into_values() {
            session.sort_by_key(|index| programs::place(&history[*index], *index));
            let mut program = Vec::new();
            for index in session {
                match history[index].returned {
                    Some(_) => program.push(index),
                    None if fault == Fault::UnknownTakenAsFailed || !needed[index] => {}
                    None => optional.push((index, programs.len(), program.len() as u32)),
                }
            }
            programs.push(program);
        }
        let (states, placed, explained) = (States::new(model), Vec::new(), Vec::new());
        let waiting = Vec::new();
        Self { model, history, programs, optional, keys, states, fault, placed, explained, waiting }
    }

    fn run(mut self, budget: Budget) -> Verdict {
        let start = Configuration {
            done: vec![0; self.programs.len()],
            used: vec![0; self.optional.len().div_ceil(64)],
            states: vec![0; self.keys.iter().max().map_or(0, |most| most + 1)],
        };
        // A table is at least half full when it has just grown, and a stack is, too.
        let remembered_bytes = start.bytes() + 2 * size_of::<Configuration>();
        let frame_bytes = start.bytes() + 2 * size_of::<Frame>();
        let (mut memo, mut stack) = (FxHashSet::default(), Vec::<Frame>::new());
        let mut explored = 0;
        let mut entering = Some((start, 0));
        loop {
            if let Some((mut at, mark)) = entering.take() {
                explored += 1;
                self.place_reads(&mut at);
                if self.is_complete(&at) {
                    return Verdict::Holds { order: self.placed };
                }
                let mut remembered = at.clone();
                if self.fault == Fault::MemoWithoutState {
                    remembered.states.clear();
                }
                if memo.insert(remembered) {
                    stack.push(Frame { at, mark, next: 0, branch: 0 });
                } else {
                    self.placed.truncate(mark);
                }
            }
            let why = if explored > budget.states { Some(Why::States) } else { None };
            let bytes = memo.len() * remembered_bytes + stack.len() * frame_bytes + self.states.weight();
            let full = bytes > budget.bytes();
            if let Some(why) = why.or(full.then_some(Why::Memo)) {
                return Verdict::Undecided { explored, why };
            }
            let Some(frame) = stack.last_mut() else {
                return Verdict::Violated { explained: self.explained, waiting: self.waiting };
            };
            if let Some((index, at)) = self.next(frame) {
                entering = Some((at, self.placed.len()));
                self.placed.push(index);
            } else if let Some(frame) = stack.pop() {
                if self.placed.len() > self.explained.len() || self.waiting.is_empty() {
                    self.explained.clone_from(&self.placed);
                    self.waiting = self.waiting_at(&frame.at);
                }
                self.placed.truncate(frame.mark);
            }
        }
    }

    fn is_complete(&self, at: &Configuration) -> bool {
        self.programs.iter().zip(&at.done).all(|(program, done)| program.len() == *done as usize)
    }

    fn waiting_at(&self, at: &Configuration) -> Vec<usize> {
        let next =
            self.programs.iter().zip(&at.done).filter_map(|(program, done)| program.get(*done as usize));
        next.copied().collect()
    }

    /// A completed read-only operation that is next in its program and legal is placed at once: moving it to the front
    /// of whatever follows changes nothing for the others.
    fn place_reads(&mut self, at: &mut Configuration) {
        let mut program = 0;
        while program < self.programs.len() {
            let index = self.programs[program].get(at.done[program] as usize).copied();
            let is_legal = index.is_some_and(|index| {
                let operation = &self.history[index];
                let state = at.states[self.keys[index]];
                self.model.read_only(&operation.input, operation.output())
                    && self.step(index, state).contains(&state)
            });
            if let Some(index) = index.filter(|_| is_legal) {
                at.done[program] += 1;
                self.placed.push(index);
            } else {
                program += 1;
            }
        }
    }

    /// The operation to try next, and where it leads.
    fn next(&mut self, frame: &mut Frame) -> Option<(usize, Configuration)> {
        while frame.next < self.programs.len() + self.optional.len() {
            let (at, optional) = (&frame.at, frame.next.checked_sub(self.programs.len()));
            let index = match optional.map(|which| (which, self.optional[which])) {
                Some((which, (index, program, after))) => {
                    Some(index).filter(|_| !at.has_used(which) && at.done[program] >= after)
                }
                None => self.programs[frame.next].get(at.done[frame.next] as usize).copied(),
            };
            let states = index.map_or_else(Vec::new, |index| self.step(index, at.states[self.keys[index]]));
            let found = index.zip(states.get(frame.branch)).map(|(index, state)| {
                let mut to = at.clone();
                match optional {
                    Some(which) => to.used[which / 64] |= 1 << (which % 64),
                    None => to.done[frame.next] += 1,
                }
                to.states[self.keys[index]] = *state;
                (index, to)
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

    fn step(&mut self, index: usize, state: u32) -> Vec<u32> {
        let operation = &self.history[index];
        self.states.step(state, &operation.input, operation.output())
    }
}
