//! Models that hold elements. The world keeps them under the key, separated by commas.

use super::{Case, World, get, put, text};
use stormglass_checker::models::Text;
use stormglass_checker::models::append_list::{self, AppendList};
use stormglass_checker::models::priority_queue::{self, PriorityQueue};
use stormglass_checker::models::queue::{self, Queue};
use stormglass_checker::models::set::{self, Set};
use stormglass_checker::models::stack::{self, Stack};

fn elements(world: &World, key: &Text) -> Vec<String> {
    let joined = get(world, key).unwrap_or_default();
    joined.split(',').filter(|element| !element.is_empty()).map(str::to_owned).collect()
}

fn hold(world: &mut World, key: &Text, elements: &[String]) {
    put(world, key, &elements.join(","));
}

fn texts<L: FromIterator<Text>>(elements: &[String]) -> L {
    elements.iter().map(|element| Text::from(element.as_str())).collect()
}

/// Takes the element at a place, if there is one.
fn take(world: &mut World, key: &Text, at: impl FnOnce(&[String]) -> usize) -> Option<Text> {
    let mut all = elements(world, key);
    let at = at(&all);
    let taken = (at < all.len()).then(|| all.remove(at));
    hold(world, key, &all);
    text(taken.as_deref())
}

fn append(world: &mut World, key: &Text, value: &str) {
    let mut all = elements(world, key);
    all.push(value.to_owned());
    hold(world, key, &all);
}

pub(crate) struct Lists;

impl Case for Lists {
    type Model = AppendList;
    const NAME: &'static str = "append-list";

    fn model() -> AppendList {
        AppendList
    }

    fn run(world: &mut World, input: &append_list::Input) -> append_list::Output {
        use append_list::{Input, Output};
        match input {
            Input::Append { key, value } => {
                append(world, key, value);
                Output::Done
            }
            Input::Read { key } => Output::Elements(texts(&elements(world, key))),
        }
    }

    fn completed() -> Vec<(append_list::Input, append_list::Output)> {
        use append_list::{Input, Output};
        let read = |seen: &[&str]| {
            let seen = seen.iter().map(|element| Text::from(*element)).collect();
            (Input::Read { key: "x".into() }, Output::Elements(seen))
        };
        let mut all = vec![read(&[]), read(&["a"]), read(&["a", "b"]), read(&["b", "a"]), read(&["b"])];
        all.extend(Self::pending().into_iter().map(|input| (input, Output::Done)));
        all.push((Input::Append { key: "y".into(), value: "a".into() }, Output::Done));
        all
    }

    fn pending() -> Vec<append_list::Input> {
        let append = |value: &str| append_list::Input::Append { key: "x".into(), value: value.into() };
        vec![append("a"), append("b")]
    }
}

pub(crate) struct Sets;

impl Case for Sets {
    type Model = Set;
    const NAME: &'static str = "set";

    fn model() -> Set {
        Set
    }

    fn run(world: &mut World, input: &set::Input) -> set::Output {
        use set::{Input, Output};
        match input {
            Input::Add { key, value } => {
                let mut all = elements(world, key);
                all.retain(|element| *element != **value);
                all.push(value.to_string());
                all.sort();
                hold(world, key, &all);
                Output::Done
            }
            Input::Remove { key, value } => {
                let mut all = elements(world, key);
                all.retain(|element| *element != **value);
                hold(world, key, &all);
                Output::Done
            }
            Input::Contains { key, value } => {
                Output::Contains(elements(world, key).iter().any(|element| *element == **value))
            }
            Input::Read { key } => Output::Elements(texts(&elements(world, key))),
        }
    }

    fn completed() -> Vec<(set::Input, set::Output)> {
        use set::{Input, Output};
        let read = |seen: &[&str]| {
            let seen = seen.iter().map(|element| Text::from(*element)).collect();
            (Input::Read { key: "x".into() }, Output::Elements(seen))
        };
        let contains = |is_in| {
            let input = Input::Contains { key: "x".into(), value: "a".into() };
            (input, Output::Contains(is_in))
        };
        let mut all = vec![read(&[]), read(&["a"]), read(&["a", "b"]), contains(true), contains(false)];
        all.extend(Self::pending().into_iter().map(|input| (input, Output::Done)));
        all
    }

    fn pending() -> Vec<set::Input> {
        use set::Input;
        let add = |value: &str| Input::Add { key: "x".into(), value: value.into() };
        vec![add("a"), add("b"), Input::Remove { key: "x".into(), value: "a".into() }]
    }
}

pub(crate) struct Queues;

impl Case for Queues {
    type Model = Queue;
    const NAME: &'static str = "queue";

    fn model() -> Queue {
        Queue
    }

    fn run(world: &mut World, input: &queue::Input) -> queue::Output {
        use queue::{Input, Output};
        match input {
            Input::Enqueue { key, value } => {
                append(world, key, value);
                Output::Done
            }
            Input::Dequeue { key } => Output::Taken(take(world, key, |_| 0)),
        }
    }

    fn completed() -> Vec<(queue::Input, queue::Output)> {
        use queue::{Input, Output};
        let dequeue = |taken| (Input::Dequeue { key: "x".into() }, Output::Taken(text(taken)));
        let enqueue = |value: &str| (Input::Enqueue { key: "x".into(), value: value.into() }, Output::Done);
        vec![dequeue(None), dequeue(Some("a")), dequeue(Some("b")), enqueue("a"), enqueue("b"), enqueue("c")]
    }

    fn pending() -> Vec<queue::Input> {
        use queue::Input;
        let enqueue = |value: &str| Input::Enqueue { key: "x".into(), value: value.into() };
        vec![enqueue("a"), enqueue("b"), Input::Dequeue { key: "x".into() }]
    }
}

pub(crate) struct Stacks;

impl Case for Stacks {
    type Model = Stack;
    const NAME: &'static str = "stack";

    fn model() -> Stack {
        Stack
    }

    fn run(world: &mut World, input: &stack::Input) -> stack::Output {
        use stack::{Input, Output};
        match input {
            Input::Push { key, value } => {
                append(world, key, value);
                Output::Done
            }
            Input::Pop { key } => Output::Taken(take(world, key, |all| all.len().wrapping_sub(1))),
        }
    }

    fn completed() -> Vec<(stack::Input, stack::Output)> {
        use stack::{Input, Output};
        let pop = |taken| (Input::Pop { key: "x".into() }, Output::Taken(text(taken)));
        let push = |value: &str| (Input::Push { key: "x".into(), value: value.into() }, Output::Done);
        vec![pop(None), pop(Some("a")), pop(Some("b")), push("a"), push("b"), push("c")]
    }

    fn pending() -> Vec<stack::Input> {
        use stack::Input;
        let push = |value: &str| Input::Push { key: "x".into(), value: value.into() };
        vec![push("a"), push("b"), Input::Pop { key: "x".into() }]
    }
}

/// Elements are `priority:value`, with priorities of one digit.
pub(crate) struct PriorityQueues;

impl PriorityQueues {
    pub(crate) fn push(value: &str, priority: i64) -> priority_queue::Input {
        priority_queue::Input::Push { key: "x".into(), value: value.into(), priority }
    }
}

impl Case for PriorityQueues {
    type Model = PriorityQueue;
    const NAME: &'static str = "priority-queue";

    fn model() -> PriorityQueue {
        PriorityQueue
    }

    fn run(world: &mut World, input: &priority_queue::Input) -> priority_queue::Output {
        use priority_queue::{Input, Output};
        match input {
            Input::Push { key, value, priority } => {
                append(world, key, &format!("{priority}:{value}"));
                Output::Done
            }
            Input::Pop { key } => {
                let first = |all: &[String]| {
                    let least = all.iter().map(|element| element.as_bytes()[0]).min();
                    all.iter().position(|element| Some(element.as_bytes()[0]) == least).unwrap_or(0)
                };
                let taken = take(world, key, first);
                Output::Taken(text(taken.as_deref().map(|element| &element[2..])))
            }
        }
    }

    /// Every element of the least priority may come out.
    fn outcomes(
        world: &World,
        input: &priority_queue::Input,
        seen: Option<&priority_queue::Output>,
    ) -> Vec<World> {
        let key = match input {
            priority_queue::Input::Push { key, .. } | priority_queue::Input::Pop { key } => key,
        };
        let held = elements(world, key).len();
        let mut found = Vec::new();
        for turn in 0..held.max(1) {
            let mut next = world.clone();
            let mut all = elements(world, key);
            all.rotate_left(turn.min(held));
            hold(&mut next, key, &all);
            let answer = Self::run(&mut next, input);
            let mut all = elements(&next, key);
            all.sort();
            hold(&mut next, key, &all);
            if seen.is_none_or(|seen| *seen == answer) && !found.contains(&next) {
                found.push(next);
            }
        }
        found
    }

    fn completed() -> Vec<(priority_queue::Input, priority_queue::Output)> {
        use priority_queue::{Input, Output};
        let pop = |taken| (Input::Pop { key: "x".into() }, Output::Taken(text(taken)));
        let push = |value, priority| (Self::push(value, priority), Output::Done);
        vec![pop(None), pop(Some("a")), pop(Some("b")), push("a", 1), push("b", 2), push("c", 1)]
    }

    fn pending() -> Vec<priority_queue::Input> {
        let pop = priority_queue::Input::Pop { key: "x".into() };
        vec![Self::push("a", 1), Self::push("b", 2), pop]
    }
}
