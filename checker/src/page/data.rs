//! What the page's script is given.

use super::points::points;
use super::window::window;
use super::{About, LARGEST};
use crate::explain::{Clock, tell};
use crate::history::Operation;
use crate::model::{Model, Next};
use crate::verdict::Verdict;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Operations drawn, of all keys together.
const MOST: usize = 3000;
/// Of the key that is wrong.
const MOST_OF_WRONG: usize = 2000;
/// Keys that can be picked.
const MOST_KEYS: usize = 300;
/// Bytes for keys and operations, `<` counted as the script spells it; the rest of the page takes less than what is left.
const ROOM: usize = LARGEST - (128 << 10);
/// Characters of one text.
const LONGEST: usize = 160;
/// Operations after which states are no longer followed for the page.
const STEPS: usize = 20_000;
/// States followed at once, for models that are not deterministic.
const STATES: usize = 8;

#[derive(Serialize)]
pub(super) struct Data {
    pub(super) title: String,
    model: String,
    verdict: &'static str,
    sentences: Vec<String>,
    timed: bool,
    total: usize,
    keys: usize,
    parts: Vec<Part>,
}

/// The operations of one key.
#[derive(Serialize)]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    total: usize,
    wrong: bool,
    operations: Vec<Drawn>,
}

/// One operation. Times in nanoseconds since the first call.
#[derive(Serialize)]
struct Drawn {
    index: usize,
    client: u64,
    call: u64,
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    ret: Option<u64>,
    label: String,
    /// Place in the order, from 1, and linearization point.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<f64>,
    /// The state after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// `culprit`, `core`, `candidate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

impl Data {
    pub(super) fn to_json(&self) -> String {
        // Numbers, texts and lists of them: there is nothing in it that JSON cannot write.
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub(super) fn gather<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    verdict: &Verdict,
    about: &About<'_>,
) -> Data {
    let (words, sentences) = match verdict {
        Verdict::Linearizable { .. } => ("linearizable", Vec::new()),
        Verdict::NotLinearizable(wrong) => {
            let clock = if about.timed { Clock::Nanoseconds } else { Clock::Events };
            let told = tell(model, history, wrong, clock);
            ("NOT LINEARIZABLE", told.lines().map(|line| cut(line, 1000)).collect())
        }
        Verdict::Undecided { explored, why, .. } => {
            ("undecided", vec![format!("{why} ({explored} states explored)")])
        }
    };
    let mut keys: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (index, operation) in history.iter().enumerate() {
        keys.entry(model.key(&operation.input)).or_default().push(index);
    }
    let wrong = verdict.counterexample();
    let is_wrong = |key: &Option<&str>| wrong.is_some_and(|wrong| wrong.key.as_deref() == *key);
    let mut picked: Vec<(&Option<&str>, &Vec<usize>)> = keys.iter().collect();
    picked.sort_by_key(|(key, _)| !is_wrong(key));
    picked.truncate(MOST_KEYS);
    let most = |wrong_key| match wrong {
        Some(_) if wrong_key => MOST_OF_WRONG,
        Some(_) => (MOST - MOST_OF_WRONG) / picked.len(),
        None => MOST / picked.len(),
    };
    let mut gatherer = Gatherer::new(model, history, verdict);
    let part = |(key, operations): &(&Option<&str>, &Vec<usize>)| {
        let wrong = is_wrong(key);
        let mut part = Part { key: key.map(clip), total: operations.len(), wrong, operations: Vec::new() };
        if !gatherer.fits(&part) {
            return None;
        }
        part.operations = gatherer.draw(**key, operations, wrong, most(wrong));
        Some(part)
    };
    let parts = picked.iter().map_while(part).collect();
    Data {
        title: clip(about.title),
        model: clip(about.model),
        verdict: words,
        sentences,
        timed: about.timed,
        total: history.len(),
        keys: keys.len(),
        parts,
    }
}

struct Gatherer<'a, M: Model> {
    model: &'a M,
    history: &'a [Operation<M::Input, M::Output>],
    verdict: &'a Verdict,
    /// An order for each key, as far as the verdict has one.
    orders: BTreeMap<Option<&'a str>, Vec<usize>>,
    /// The first call.
    base: u64,
    /// Bytes left.
    room: usize,
}

impl<'a, M: Model> Gatherer<'a, M> {
    fn new(model: &'a M, history: &'a [Operation<M::Input, M::Output>], verdict: &'a Verdict) -> Self {
        let order: &[usize] = match verdict {
            Verdict::Linearizable { witness, .. } => witness,
            Verdict::NotLinearizable(wrong) => &wrong.explained,
            Verdict::Undecided { .. } => &[],
        };
        let mut orders: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for index in order {
            orders.entry(model.key(&history[*index].input)).or_default().push(*index);
        }
        let base = history.iter().map(|operation| operation.call).min().unwrap_or(0);
        Self { model, history, verdict, orders, base, room: ROOM }
    }

    /// One key's part of what is drawn, as long as there is room for it.
    fn draw(&mut self, key: Option<&str>, operations: &[usize], wrong: bool, most: usize) -> Vec<Drawn> {
        let counterexample = self.verdict.counterexample().filter(|_| wrong);
        let mut roles = BTreeMap::new();
        if let Some(wrong) = counterexample {
            roles.extend(wrong.candidates.iter().map(|index| (*index, "candidate")));
            roles.extend(wrong.operations.iter().map(|index| (*index, "core")));
            roles.insert(wrong.culprit, "culprit");
        }
        let first = roles.keys().copied().collect();
        let focus = counterexample.map(|wrong| wrong.culprit);
        let chosen = window(self.history, operations, &first, focus, most);
        let order = self.orders.get(&key).map_or(&[][..], |order| order);
        let places: BTreeMap<usize, usize> =
            order.iter().enumerate().map(|(at, index)| (*index, at)).collect();
        let points = points(self.history, order, self.base);
        let states = self.states(key, order, &chosen);
        let mut drawn = Vec::new();
        for index in chosen {
            let operation = &self.history[index];
            let place = places.get(&index).copied();
            let one = Drawn {
                index,
                client: operation.client,
                call: operation.call - self.base,
                ret: operation.returned_at().map(|at| at.saturating_sub(self.base)),
                label: clip(&self.model.describe(&operation.input, operation.output()).to_string()),
                place: place.map(|place| place + 1),
                point: place.map(|place| points[place]),
                state: states.get(&index).cloned(),
                role: roles.get(&index).copied(),
            };
            if !self.fits(&one) {
                break;
            }
            drawn.push(one);
        }
        drawn.sort_by_key(|one| one.call);
        drawn
    }

    /// Takes the bytes that this will need on the page, if there are as many left.
    fn fits(&mut self, one: &impl Serialize) -> bool {
        let json = serde_json::to_string(one).unwrap_or_default();
        let left = self.room.checked_sub(json.len() + 5 * json.matches('<').count() + 1);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    /// The state after each of `chosen`, along the order.
    fn states(&self, key: Option<&str>, order: &[usize], chosen: &[usize]) -> BTreeMap<usize, String> {
        let wanted: BTreeSet<usize> = chosen.iter().copied().collect();
        let mut shown = BTreeMap::new();
        let mut states = vec![self.model.init()];
        for index in order.iter().take(STEPS) {
            let operation = &self.history[*index];
            let mut following = Vec::new();
            for state in &states {
                let next = match self.model.step(state, &operation.input, operation.output()) {
                    Next::Nowhere => Vec::new(),
                    Next::One(state) => vec![state],
                    Next::Any(states) => states,
                };
                for state in next {
                    if !following.contains(&state) {
                        following.push(state);
                    }
                }
            }
            // Too many to tell, or a step that this model does not allow: better no state than a wrong one.
            if following.is_empty() || following.len() > STATES {
                return shown;
            }
            states = following;
            if wanted.contains(index) {
                let words: Vec<String> = states.iter().map(|state| self.model.show(key, state)).collect();
                shown.insert(*index, clip(&words.join(" or ")));
            }
        }
        shown
    }
}

fn clip(text: &str) -> String {
    cut(text, LONGEST)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
