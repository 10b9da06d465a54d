//! Appends, puts and reads, where each token and each value put is new.
//!
//! A value read shows the order of everything in it. Let no token or value put begin another (a prefix code; the
//! trailing delimiter of most workloads makes one), so that a value falls apart in one way: perhaps the value of a
//! put, then tokens. All that was seen since one put, or since the beginning, is a *block*. In every linearization
//! the values of a block are the beginnings of its longest one: that one fixes the order of its operations, and
//! each read comes after the operation it saw last and before the next. Up to the last operation that saw a block,
//! everything that takes effect in it is in its longest value. So the block is contiguous, a chain whose levels are
//! its beginnings; an append that answered the value from before saw the value after as well.
//!
//! A put whose value and an append whose token nobody saw is a chain alone, wherever it stands: the next
//! block begins with a put. What began with nothing stands first. The rest is `chains`. An append of unknown outcome
//! that nobody saw is left out.

use super::chains::{self, FIRST, Place};
use super::{Entry, Role, Ruling};
use crate::wing_gong::Fault;
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// Somebody saw this value: right after this operation, or by it.
struct Sight<'a> {
    at: usize,
    value: Cow<'a, str>,
}

/// What stands together: from a put, or from the beginning, to the last that saw it.
struct Block {
    /// The index of its longest sight.
    longest: usize,
    sights: Vec<usize>,
}

pub(super) fn rule(entries: &[Entry<'_>], fault: Fault) -> Ruling {
    let Some(pieces) = pieces(entries) else { return Ruling::Unsure };
    let mut sights = Vec::new();
    let mut placed = Vec::new();
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.completed) {
        match entry.role {
            Role::Read(None) => placed.push((Place { chain: FIRST, level: 1 }, at)),
            Role::Read(Some(value)) => sights.push(Sight { at, value: Cow::Borrowed(value) }),
            Role::Append { token, old: Some(None) } => sights.push(Sight { at, value: Cow::Borrowed(token) }),
            // Tokens are not empty, so nothing that is there ever is.
            Role::Append { old: Some(Some("")), .. } => return Ruling::Wrong(vec![at]),
            Role::Append { token, old: Some(Some(old)) } => {
                sights.push(Sight { at, value: Cow::Owned([old, token].concat()) });
            }
            _ => {}
        }
    }
    let blocks = match blocks(entries, &pieces, &sights) {
        Ok(blocks) => blocks,
        Err(ruling) => return ruling,
    };
    let mut chain_of: Vec<Option<usize>> = vec![None; entries.len()];
    let mut longest_of: Vec<usize> = Vec::new();
    for (chain, block) in blocks {
        if let Err(ruling) = place(entries, &pieces, &sights, (chain, &block), &mut chain_of, &mut placed) {
            return match ruling {
                // One operation in two blocks.
                Ruling::Unsure => {
                    let also = longest_of.iter().copied().find(|at| shares(&pieces, &sights, *at, &block));
                    let replies = [also.unwrap_or(block.longest), block.longest].map(|at| sights[at].at);
                    Ruling::Wrong(replies.to_vec())
                }
                ruling => ruling,
            };
        }
        longest_of.push(block.longest);
    }
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.completed) {
        let changes = matches!(entry.role, Role::Write(_) | Role::Append { .. });
        if changes && chain_of[at].is_none() && fault != Fault::UnseenAppendsDropped {
            placed.push((Place { chain: entries.len() + 1 + at, level: 0 }, at));
        }
    }
    let ruling = chains::order(entries, placed, fault);
    match ruling {
        // What was dropped by the planted fault goes last, so that the order is whole.
        Ruling::Holds(mut order) if fault == Fault::UnseenAppendsDropped => {
            order.extend((0..entries.len()).filter(|at| entries[*at].completed && chain_of[*at].is_none()));
            Ruling::Holds(order)
        }
        ruling => ruling,
    }
}

/// Tokens and values put, sorted, with who adds them; `None` if one is empty or begins another.
fn pieces<'a>(entries: &[Entry<'a>]) -> Option<Vec<(&'a str, usize)>> {
    let mut pieces = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match entry.role {
            Role::Append { token: piece, .. } | Role::Write(Some(piece)) if !piece.is_empty() => {
                pieces.push((piece, at));
            }
            Role::Look | Role::Read(_) => {}
            _ => return None,
        }
    }
    pieces.sort_unstable();
    // What begins any later one begins the next.
    pieces.windows(2).all(|pair| !pair[1].0.starts_with(pair[0].0)).then_some(pieces)
}

/// The one piece that a text begins with: no other can sort between them.
fn first_piece<'a>(pieces: &[(&'a str, usize)], text: &str) -> Option<(&'a str, usize)> {
    let after = pieces.partition_point(|(piece, _)| *piece <= text);
    pieces[..after].last().copied().filter(|(piece, _)| text.starts_with(piece))
}

/// By the chain's number: one more than the put that begins it.
fn blocks(
    entries: &[Entry<'_>],
    pieces: &[(&str, usize)],
    sights: &[Sight<'_>],
) -> Result<std::collections::BTreeMap<usize, Block>, Ruling> {
    let mut blocks = std::collections::BTreeMap::new();
    for (index, sight) in sights.iter().enumerate() {
        let Some((_, first)) = first_piece(pieces, &sight.value) else {
            return Err(Ruling::Wrong(vec![sight.at]));
        };
        let chain = if matches!(entries[first].role, Role::Write(_)) { first + 1 } else { FIRST };
        let block = blocks.entry(chain).or_insert_with(|| Block { longest: index, sights: Vec::new() });
        block.sights.push(index);
        if sights[block.longest].value.len() < sight.value.len() {
            block.longest = index;
        }
    }
    Ok(blocks)
}

/// Gives everything seen in a block its level; unsure if an operation of it stands in another block already.
fn place(
    entries: &[Entry<'_>],
    pieces: &[(&str, usize)],
    sights: &[Sight<'_>],
    (chain, block): (usize, &Block),
    chain_of: &mut [Option<usize>],
    placed: &mut Vec<(Place, usize)>,
) -> Result<(), Ruling> {
    let longest = &sights[block.longest];
    // Where each piece of the longest value ends, and who added it.
    let mut ends: FxHashMap<usize, (usize, usize)> = FxHashMap::default();
    let mut end = 0;
    for level in (0..).step_by(2) {
        if end == longest.value.len() {
            break;
        }
        let piece = first_piece(pieces, &longest.value[end..]);
        let begins = |at: usize| matches!(entries[at].role, Role::Write(_));
        let Some((piece, at)) = piece.filter(|(_, at)| level == 0 || !begins(*at)) else {
            return Err(Ruling::Wrong(vec![longest.at]));
        };
        match chain_of[at].replace(chain) {
            None => {}
            Some(same) if same == chain => return Err(Ruling::Wrong(vec![longest.at])),
            Some(_) => return Err(Ruling::Unsure),
        }
        // In the first chain, level 1 holds the reads of nothing.
        let level = if chain == FIRST { level + 2 } else { level };
        placed.push((Place { chain, level }, at));
        end += piece.len();
        ends.insert(end, (level, at));
    }
    for index in &block.sights {
        let sight = &sights[*index];
        let begins = longest.value.starts_with(&*sight.value);
        let shown = ends.get(&sight.value.len()).filter(|_| begins).copied();
        let fits = shown.filter(|(_, last)| match entries[sight.at].role {
            Role::Append { .. } => *last == sight.at,
            _ => true,
        });
        let Some((level, _)) = fits else {
            let mut replies = vec![sight.at, longest.at];
            replies.dedup();
            return Err(Ruling::Wrong(replies));
        };
        if matches!(entries[sight.at].role, Role::Read(_)) {
            placed.push((Place { chain, level: level + 1 }, sight.at));
        }
    }
    Ok(())
}

/// Whether the longest value of a block holds a piece of this value.
fn shares(pieces: &[(&str, usize)], sights: &[Sight<'_>], of: usize, block: &Block) -> bool {
    let all = |value: &str| {
        let (mut found, mut end) = (Vec::new(), 0);
        while let Some((piece, at)) = first_piece(pieces, &value[end..]).filter(|_| end < value.len()) {
            found.push(at);
            end += piece.len();
        }
        found
    };
    let theirs = all(&sights[block.longest].value);
    all(&sights[of].value).iter().any(|at| theirs.contains(at))
}
