//! Histories of clients that call, wait and call again, each operation taking effect at a random instant between
//! its call and its return. Right by construction, and the same for the same plan everywhere.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::jsonl::OperationOf;
use stormglass_checker::models::Text;
use stormglass_checker::{Model, Operation};

/// How large a history.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    pub(crate) keys: usize,
    pub(crate) operations: usize,
    /// How many values there are to write; 0: each is written once.
    pub(crate) values: u64,
}

/// SplitMix64 (Steele, Lea & Flood 2014, §3).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}

type Input<O> = <<O as Object>::Model as Model>::Input;
type Output<O> = <<O as Object>::Model as Model>::Output;

/// A sequential object that draws operations and does them.
pub(crate) trait Object {
    type Model: Lines;

    fn new(plan: Plan) -> Self;
    /// What `client` asks of the key of this number next.
    fn draw(&mut self, rng: &mut Rng, client: usize, key: (usize, &Text)) -> Input<Self>;
    /// Does it and answers; `None`: not now, it must wait for another operation.
    fn apply(&mut self, key: usize, input: &Input<Self>) -> Option<Output<Self>>;
}

/// What a client is waiting for.
struct Open<O: Object> {
    key: usize,
    input: Option<Input<O>>,
    call: u64,
    ret: u64,
}

/// A new text for each value, or one of a few.
pub(crate) fn value(rng: &mut Rng, written: &mut u64, values: u64) -> Text {
    *written += 1;
    let number = if values == 0 { *written } else { rng.below(values) };
    Text::from(number.to_string())
}

/// A history in the order of its calls. An operation takes 50 µs to 1 ms.
pub(crate) fn generate<O: Object>(plan: Plan) -> Vec<OperationOf<O::Model>> {
    let mut rng = Rng(1);
    let mut object = O::new(plan);
    let keys: Vec<Text> = (0..plan.keys).map(|key| Text::from(format!("k{key}"))).collect();
    let mut history = Vec::with_capacity(plan.operations);
    let mut open: Vec<Open<O>> = Vec::new();
    let mut points = BinaryHeap::new();
    let mut waiting: Vec<VecDeque<usize>> = vec![VecDeque::new(); plan.keys];
    let begin = |rng: &mut Rng, object: &mut O, client: usize, call: u64| {
        let key = rng.below(plan.keys as u64) as usize;
        let ret = call + 50_000 + rng.below(950_000);
        let input = Some(object.draw(rng, client, (key, &keys[key])));
        (Open { key, input, call, ret }, call + rng.below(ret - call + 1))
    };
    for client in 0..plan.clients {
        let call = rng.below(1_000_000);
        let (first, point) = begin(&mut rng, &mut object, client, call);
        open.push(first);
        points.push(Reverse((point, client)));
    }
    while let Some(Reverse((point, client))) = points.pop() {
        let key = open[client].key;
        let Some(input) = open[client].input.take() else { continue };
        let Some(output) = object.apply(key, &input) else {
            open[client].input = Some(input);
            waiting[key].push_back(client);
            continue;
        };
        if let Some(next) = waiting[key].pop_front() {
            open[next].ret = open[next].ret.max(point + 1 + rng.below(50_000));
            points.push(Reverse((point + 1, next)));
        }
        let Open { call, ret, .. } = open[client];
        history.push(Operation::completed(client as u64, input, call, output, ret));
        if history.len() + points.len() >= plan.operations {
            continue;
        }
        let (next, point) = begin(&mut rng, &mut object, client, ret + 1);
        open[client] = next;
        points.push(Reverse((point, client)));
    }
    history.sort_unstable_by_key(|operation| (operation.call, operation.client));
    history
}
