//! All small histories, and random larger ones.

use stormglass_checker::transactions::{Op, Saw, Scalar, Status, Transaction};

/// SplitMix64: enough for tests, and the same everywhere.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A transaction without what its reads saw: for each micro-operation the key, and whether it writes.
type Shape = Vec<(usize, bool)>;

/// The same, with the value of each write.
type Numbered = Vec<(usize, Option<i64>)>;

/// Every history of two transactions of up to two micro-operations, with every outcome of every read made of values
/// that were written, with several times, clients and outcomes.
pub(crate) fn all(lists: bool, mut visit: impl FnMut(&[Transaction])) {
    let micro: Vec<(usize, bool)> = vec![(0, false), (0, true), (1, false), (1, true)];
    let mut shapes: Vec<Shape> = micro.iter().map(|op| vec![*op]).collect();
    for one in &micro {
        shapes.extend(micro.iter().map(|other| vec![*one, *other]));
    }
    for first in &shapes {
        for second in &shapes {
            let (shape, writes) = number(&[first.clone(), second.clone()]);
            let mut fill = Fill { lists, writes, shape, chosen: Vec::new() };
            fill.all(&mut |filled| frames(filled, &mut visit));
        }
    }
}

/// Gives each write its value.
fn number(shapes: &[Shape]) -> (Vec<Numbered>, Vec<Vec<i64>>) {
    let mut writes = vec![Vec::new(), Vec::new()];
    let mut next = 0;
    let mut numbered = Vec::new();
    for shape in shapes {
        let op = |(key, is_write): &(usize, bool)| {
            next += 1;
            if *is_write {
                writes[*key].push(next);
            }
            (*key, is_write.then_some(next))
        };
        numbered.push(shape.iter().map(op).collect());
    }
    (numbered, writes)
}

struct Fill {
    lists: bool,
    writes: Vec<Vec<i64>>,
    shape: Vec<Numbered>,
    chosen: Vec<Saw>,
}

impl Fill {
    fn all(&mut self, visit: &mut impl FnMut(Vec<Vec<Op>>)) {
        let reads: Vec<usize> =
            self.shape.iter().flatten().filter(|(_, value)| value.is_none()).map(|(key, _)| *key).collect();
        if self.chosen.len() < reads.len() {
            for saw in sights(self.lists, &self.writes[reads[self.chosen.len()]]) {
                self.chosen.push(saw);
                self.all(visit);
                self.chosen.pop();
            }
            return;
        }
        let mut chosen = self.chosen.iter();
        let transactions = self.shape.iter().map(|shape| {
            let op = |(key, value): &(usize, Option<i64>)| match value {
                Some(value) => write(self.lists, *key, *value),
                None => Op::Read { key: name(*key), saw: chosen.next().cloned() },
            };
            shape.iter().map(op).collect()
        });
        visit(transactions.collect());
    }
}

fn name(key: usize) -> Scalar {
    ["x", "y", "z"][key].into()
}

fn write(lists: bool, key: usize, value: i64) -> Op {
    if lists { Op::append(name(key), value) } else { Op::write(name(key), value) }
}

/// Everything that a read may have seen: for lists every sequence of some of the values.
fn sights(lists: bool, values: &[i64]) -> Vec<Saw> {
    if !lists {
        let values = values.iter().map(|value| Saw::Value((*value).into()));
        return [Saw::Null].into_iter().chain(values).collect();
    }
    let mut all: Vec<Vec<i64>> = vec![Vec::new()];
    let mut at = 0;
    while at < all.len() {
        for value in values {
            if !all[at].contains(value) {
                all.push([all[at].as_slice(), &[*value]].concat());
            }
        }
        at += 1;
    }
    all.into_iter().map(|list| Saw::List(list.into_iter().map(Scalar::from).collect())).collect()
}

/// Times, clients and outcomes for two transactions.
fn frames(ops: Vec<Vec<Op>>, visit: &mut impl FnMut(&[Transaction])) {
    let [first, second] = [&ops[0], &ops[1]].map(Clone::clone);
    for (end, begin) in [(10, 5), (10, 10), (10, 11)] {
        for client in [0, 1] {
            if client == 0 && begin < end {
                continue;
            }
            let later = Transaction::ok(client, begin, 20, second.clone());
            visit(&[Transaction::ok(0, 0, end, first.clone()), later.clone()]);
            if client == 1 && begin == 5 {
                visit(&[Transaction::failed(0, 0, end, first.clone()), later.clone()]);
                visit(&[Transaction::unknown(0, 0, first.clone()), later]);
            }
        }
    }
}

/// A history that a store really gave, but for what went wrong: stale snapshots, writes that came too late, aborted ones
/// that took effect, reads of something else.
pub(crate) fn random(rng: &mut Rng, lists: bool, size: usize) -> Vec<Transaction> {
    let keys = 1 + rng.below(3) as usize;
    let (stale, wrong) = (2 + rng.below(8), 6 + rng.below(20));
    let mut clients = vec![0_u64; 2 + rng.below(2) as usize];
    let mut drafts: Vec<(u64, Transaction)> = Vec::new();
    let mut value = 0;
    for _ in 0..size {
        let client = rng.below(clients.len() as u64) as usize;
        let call = clients[client] + rng.below(4);
        let returned = call + rng.below(8);
        clients[client] = returned;
        let ops = (0..1 + rng.below(3)).map(|_| {
            value += 1;
            let key = rng.below(keys as u64) as usize;
            if rng.one_in(2) { write(lists, key, value) } else { Op::null(name(key)) }
        });
        let ops: Vec<Op> = ops.collect();
        let client = client as u64;
        let transaction = match rng.below(8) {
            0 => Transaction::failed(client, call, returned, ops),
            1 => Transaction::unknown(client, call, ops),
            _ => Transaction::ok(client, call, returned, ops),
        };
        drafts.push((call + rng.below(returned - call + 1), transaction));
    }
    drafts.sort_by_key(|(point, _)| *point);
    let mut states: Vec<Vec<Vec<i64>>> = vec![vec![Vec::new(); 3]];
    for (_, transaction) in &mut drafts {
        let back = if rng.one_in(stale) { rng.below(3) as usize } else { 0 };
        let mut seen = states[states.len().saturating_sub(1 + back)].clone();
        let mut current = states[states.len() - 1].clone();
        for op in &mut transaction.ops {
            let key = (0..3).find(|key| name(*key) == *op.key()).unwrap();
            match op {
                Op::Append { value: Scalar::Number(value), .. }
                | Op::Write { value: Scalar::Number(value), .. } => {
                    seen[key].push(*value);
                    current[key].push(*value);
                }
                Op::Read { saw, .. } => {
                    if rng.one_in(wrong) && !seen[key].is_empty() {
                        let at = rng.below(seen[key].len() as u64) as usize;
                        seen[key].truncate(at);
                    }
                    *saw = Some(sight(lists, &seen[key]));
                }
                _ => {}
            }
        }
        let takes_effect = match transaction.status {
            Status::Ok => true,
            Status::Fail => rng.one_in(6),
            Status::Unknown => rng.one_in(2),
        };
        if takes_effect {
            states.push(current);
        }
    }
    drafts.into_iter().map(|(_, transaction)| transaction).collect()
}

fn sight(lists: bool, values: &[i64]) -> Saw {
    match (lists, values.last()) {
        (true, _) => Saw::List(values.iter().map(|value| Scalar::from(*value)).collect()),
        (false, Some(value)) => Saw::Value((*value).into()),
        (false, None) => Saw::Null,
    }
}
