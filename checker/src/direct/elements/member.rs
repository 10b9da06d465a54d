//! One element that goes in and out: the general search over two states.

use super::super::{Entry, Role, Ruling};
use crate::model::{Model, Next};
use crate::wing_gong::{Fault, Status, View, search};
use std::marker::PhantomData;

/// Whether an element is in a set.
struct Member<'a>(PhantomData<&'a ()>);

impl<'a> Model for Member<'a> {
    type State = bool;
    type Input = Role<'a>;
    type Output = ();

    fn init(&self) -> bool {
        false
    }

    fn step(&self, state: &bool, role: &Role<'a>, _: Option<&()>) -> Next<bool> {
        match role {
            Role::Add(_) => Next::One(true),
            Role::Remove(_) => Next::One(false),
            Role::Contains(_, seen) => Next::when(seen == state, || *state),
            _ => Next::Nowhere,
        }
    }

    fn read_only(&self, role: &Role<'a>, _: Option<&()>) -> bool {
        matches!(role, Role::Contains(..))
    }

    fn settles(&self, _: &Role<'a>, (): &()) -> bool {
        true
    }
}

/// How many configurations the search may enter for each operation: what takes more is not easy.
const STATES: u64 = 16;

pub(super) fn rule(entries: &[Entry<'_>], of: &[usize], fault: Fault) -> Ruling {
    let roles: Vec<Role<'_>> = of
        .iter()
        .map(|at| match entries[*at].role {
            Role::Contains(value, true) if fault == Fault::ElementsComeAndGo => Role::Add(value),
            role => role,
        })
        .collect();
    let views: Vec<View<'_, Member<'_>>> = of
        .iter()
        .zip(&roles)
        .map(|(at, role)| {
            let entry = &entries[*at];
            let ret = entry.completed.then_some(entry.ret);
            View { input: role, output: ret.map(|_| &()), call: entry.call, ret, index: *at }
        })
        .collect();
    let model = Member(PhantomData);
    let Ok(mut hunt) = search(&model, &views, Fault::None, usize::MAX) else { return Ruling::Unsure };
    let states = STATES * (views.len() as u64 + STATES);
    match hunt.run(states, usize::try_from(states).unwrap_or(usize::MAX)) {
        Status::Found => Ruling::Holds(hunt.witness()),
        Status::Refuted => {
            let end = hunt.stuck(None).end;
            let early = of.iter().copied().filter(|at| entries[*at].completed && entries[*at].call <= end);
            Ruling::Wrong(early.collect())
        }
        Status::Paused | Status::MemoFull => Ruling::Unsure,
    }
}
