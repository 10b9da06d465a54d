//! A counterexample for people: one sentence that says what is wrong, one that says why nothing fits, and a
//! drawing.

use crate::bars;
use crate::history::Operation;
use crate::model::Model;
use crate::shrink::Core;
use crate::verdict::Counterexample;
use crate::wing_gong::Stuck;

/// What the times of a history count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Nanoseconds.
    Nanoseconds,
    /// Events: the history had no times, and only their order means something.
    Events,
}

impl Clock {
    fn ago(self, time: u64) -> String {
        match self {
            Clock::Nanoseconds => duration(time),
            Clock::Events if time == 1 => "1 event".to_owned(),
            Clock::Events => format!("{time} events"),
        }
    }
}

/// What is wrong, in sentences: "c2 read x = 1, although c1's write x = 2 had been acknowledged 40 ms before the read
/// began", and below it how far the history can be explained. The [sentence](Counterexample::sentence) of a
/// counterexample is this, with nanoseconds.
pub fn tell<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    counterexample: &Counterexample,
    clock: Clock,
) -> String {
    Teller { model, history, clock }.tell(&Facts {
        operations: &counterexample.operations,
        culprit: counterexample.culprit,
        explained: counterexample.explained.len(),
        state: &counterexample.state,
        candidates: &counterexample.candidates,
        minimal: counterexample.minimal,
    })
}

/// The same of what will be a counterexample.
pub(crate) fn sentence<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    core: &Core,
    stuck: &Stuck,
) -> String {
    Teller { model, history, clock: Clock::Nanoseconds }.tell(&Facts {
        operations: &core.operations,
        culprit: core.culprit,
        explained: stuck.placed.len(),
        state: &stuck.state,
        candidates: &stuck.candidates,
        minimal: core.minimal,
    })
}

/// What the sentences are about; the names are those of [`Counterexample`].
struct Facts<'a> {
    operations: &'a [usize],
    culprit: usize,
    explained: usize,
    state: &'a str,
    candidates: &'a [usize],
    minimal: bool,
}

struct Teller<'a, M: Model> {
    model: &'a M,
    history: &'a [Operation<M::Input, M::Output>],
    clock: Clock,
}

impl<M: Model> Teller<'_, M> {
    fn name(&self, operation: &Operation<M::Input, M::Output>) -> String {
        format!("c{}'s {}", operation.client, self.model.describe(&operation.input, operation.output()))
    }

    fn tell(&self, facts: &Facts<'_>) -> String {
        let culprit = &self.history[facts.culprit];
        let phrase = self.model.describe(&culprit.input, culprit.output());
        let did = format!("c{} {} {}", culprit.client, phrase.past, phrase.rest);
        let others = facts.operations.iter().filter(|index| **index != facts.culprit);
        let before = others
            .clone()
            .map(|index| &self.history[*index])
            .filter(|other| other.precedes(culprit) || is_next(other, culprit))
            .max_by_key(|other| other.returned_at());
        let what = match before {
            Some(other) => {
                let ago = match culprit.call - other.returned_at().unwrap_or(culprit.call) {
                    0 => "just".to_owned(),
                    time => self.clock.ago(time),
                };
                let ended = match self.model.read_only(&other.input, other.output()) {
                    true => "had returned",
                    false => "had been acknowledged",
                };
                format!("{did}, although {} {ended} {ago} before the {} began", self.name(other), phrase.verb)
            }
            None if facts.operations.len() == 1 => {
                format!("{did}, which nothing called before its return explains")
            }
            None if facts.operations.len() <= 4 => {
                let names: Vec<String> = others.map(|index| self.name(&self.history[*index])).collect();
                format!("{did}, which fits no order with {}", names.join(" and "))
            }
            None => format!("{did}, which fits no order of these {} operations", facts.operations.len()),
        };
        let perhaps_less = match facts.minimal {
            true => "",
            false => {
                "\nfewer of these operations may be wrong already: to find out would have taken too long"
            }
        };
        format!("{what}\n{}{perhaps_less}", self.why_nothing_fits(facts))
    }

    /// The end of the longest prefix that can be explained, and what was wanted there.
    fn why_nothing_fits(&self, facts: &Facts<'_>) -> String {
        let wanted = facts.candidates.iter().take(3).map(|index| self.name(&self.history[*index]));
        let wanted: Vec<String> = wanted.collect();
        let more = match facts.candidates.len().saturating_sub(3) {
            0 => String::new(),
            more => format!(" or {more} more"),
        };
        let placed = match facts.explained {
            0 => "before any operation".to_owned(),
            1 => "1 operation can be explained; after it".to_owned(),
            placed => format!("{placed} operations can be explained; after them"),
        };
        format!("{placed} {}, and next must come {}{more}", facts.state, wanted.join(" or "))
    }
}

/// Whether a client made this call at the very instant of that reply.
fn is_next<I, O>(reply: &Operation<I, O>, call: &Operation<I, O>) -> bool {
    reply.client == call.client && reply.returned_at() == Some(call.call) && reply.call < call.call
}

/// Draws the operations of a counterexample, a row for each client and time to the right, in lines of at most
/// `width` characters. Columns keep the order of the times and not their distances; `=` marks the culprit.
///
/// ```text
/// c0 |- write x = 1 -|
/// c1                   |- write x = 2 -|
/// c2                                     |= read x = 1 =|
/// ```
pub fn draw<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    counterexample: &Counterexample,
    width: usize,
) -> String {
    let bars = counterexample
        .operations
        .iter()
        .map(|index| {
            let operation = &history[*index];
            bars::Bar {
                client: operation.client,
                call: operation.call,
                ret: operation.returned_at(),
                label: model.describe(&operation.input, operation.output()).to_string(),
                marked: *index == counterexample.culprit,
            }
        })
        .collect();
    bars::draw(bars, width)
}

/// Nanoseconds in the unit that keeps them short, with a decimal below ten: "1.3 ms", "40 ms".
pub(crate) fn duration(ns: u64) -> String {
    let (unit, name) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (whole, tenth) = (ns / unit, ns % unit * 10 / unit);
    if whole < 10 && tenth > 0 { format!("{whole}.{tenth} {name}") } else { format!("{whole} {name}") }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_short() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (1_350, "1.3 µs"),
            (40_000_000, "40 ms"),
            (9_990_000_000, "9.9 s"),
            (u64::MAX, "18446744073 s"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }
}
