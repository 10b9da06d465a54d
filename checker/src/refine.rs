//! Equal times, made finer by what is known besides: a client calls when its last reply is there.
//!
//! Intervals are closed, so two operations that touch at one instant are concurrent. But if they are of one client, the
//! one that returned there came first. Where exactly one client both got a reply and called again at an instant, that
//! is said by splitting the instant:
//!
//! ```text
//! calls of all others < its reply < its next call < returns of all others
//! ```
//!
//! This orders its two operations and no others: whatever touches that instant still overlaps both. If several clients
//! did so at one instant, no times say it all: of four operations `a`, then `b` by one client, `c`, then `d` by another,
//! any intervals that put `a` before `b` and `c` before `d` put `a` before `d` or `c` before `b` as well (Fishburn 1970).
//! There the intervals stay closed, and the instant is counted.
//!
//! A client whose operations overlap is several; its ties say nothing. Operations of no length at one instant may have
//! had any order.

use crate::history::Operation;
use rustc_hash::FxHashMap;

/// What [`refine`] did to a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refined {
    /// Instants at which clients had an order that times cannot say. A verdict on this history may miss what is wrong.
    pub coarse: usize,
    /// Call and return of each operation as they were; empty if none was changed.
    before: Vec<(u64, Option<u64>)>,
}

impl Refined {
    /// Gives the operations the times that they had.
    pub fn restore<I, O>(self, operations: &mut [Operation<I, O>]) {
        for (operation, (call, ret)) in operations.iter_mut().zip(self.before) {
            operation.call = call;
            set_return(operation, ret);
        }
    }
}

fn set_return<I, O>(operation: &mut Operation<I, O>, ret: Option<u64>) {
    if let (Some(returned), Some(at)) = (&mut operation.returned, ret) {
        returned.at = at;
    }
}

/// Places within an instant that was split.
const CALLED: u64 = 0;
const REPLIED: u64 = 1;
/// Operations of no length, and those of unknown outcome, which may have been given up at once.
const WITHIN: u64 = 2;
const WITHIN_OVER: u64 = 3;
const CALLED_NEXT: u64 = 4;
const RETURNED: u64 = 5;

/// Gives operations new times, by which those of one client that touched at an instant stand one after the other, as far
/// as times can say that. Nothing else is ordered that was not, and no order is lost. Times keep their order, but not
/// their distances. Where no client called at the very instant of its last reply, nothing is changed.
///
/// ```
/// use stormglass_checker::{Operation, check, refine, models::register::{Input, Output, Register}};
///
/// let mut stale = [
///     Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 1),
///     Operation::completed(0, Input::write("x", "2"), 1, Output::Done, 2),
///     Operation::completed(0, Input::read("x"), 2, Output::Value(Some("1".into())), 3),
/// ];
/// assert!(check(&Register, &stale, Default::default()).is_linearizable());
/// assert_eq!(refine(&mut stale).coarse, 0);
/// assert!(check(&Register, &stale, Default::default()).is_violation());
/// ```
pub fn refine<I, O>(operations: &mut [Operation<I, O>]) -> Refined {
    let (ties, mut coarse) = ties(operations);
    // Each split makes an instant wider.
    let room = RETURNED.saturating_mul(ties.len() as u64 + 1);
    let latest = operations.iter().map(|operation| operation.returned_at().unwrap_or(operation.call)).max();
    if ties.is_empty() || latest.is_some_and(|latest| latest >= u64::MAX - room) {
        return Refined { coarse: coarse + ties.len(), before: Vec::new() };
    }
    let before = operations.iter().map(|operation| (operation.call, operation.returned_at())).collect();
    let mut within: FxHashMap<u64, (usize, usize)> = FxHashMap::default();
    for operation in &mut *operations {
        let (call, ret) = (operation.call, operation.returned_at());
        let owns = |at: u64| ties.binary_search(&(at, operation.client)).is_ok();
        let inside = ret.is_none_or(|ret| ret == call) && owns(call);
        if inside {
            let (short, open) = within.entry(call).or_default();
            *(if ret.is_some() { short } else { open }) += 1;
        }
        let place_of_call = if inside {
            WITHIN
        } else if owns(call) {
            CALLED_NEXT
        } else {
            CALLED
        };
        let place_of_return = |ret: u64| {
            if inside {
                WITHIN_OVER
            } else if owns(ret) {
                REPLIED
            } else {
                RETURNED
            }
        };
        let ret = ret.map(|ret| moved(&ties, ret, place_of_return(ret)));
        operation.call = moved(&ties, call, place_of_call);
        set_return(operation, ret);
    }
    coarse += within.values().filter(|(short, open)| *short > 0 && short + open > 1).count();
    Refined { coarse, before }
}

/// A time, after all instants before it have become wider; `place` counts where it is one of these.
fn moved(ties: &[(u64, u64)], time: u64, place: u64) -> u64 {
    let split_before = ties.partition_point(|(at, _)| *at < time);
    let is_split = ties.get(split_before).is_some_and(|(at, _)| *at == time);
    time + RETURNED * split_before as u64 + if is_split { place } else { 0 }
}

/// What was last seen of a client.
#[derive(Default)]
struct Client {
    /// When its latest reply came.
    through: Option<u64>,
    /// The latest call that never returned.
    open: Option<u64>,
    /// Whether it called while another operation of its was open.
    overlaps: bool,
}

/// The instants, in order, at which one client alone got a reply and called again, with that client; and how many there
/// are at which several did.
fn ties<I, O>(operations: &[Operation<I, O>]) -> (Vec<(u64, u64)>, usize) {
    let mut clients: FxHashMap<u64, Client> = FxHashMap::default();
    let mut ties = Vec::new();
    let mut note = |operation: &Operation<I, O>| {
        let client = clients.entry(operation.client).or_default();
        let at_once = client.open == Some(operation.call) && operation.returned_at() == client.open;
        if client.through == Some(operation.call) || at_once {
            ties.push((operation.call, operation.client));
        }
        client.overlaps |= client.through.is_some_and(|through| operation.call < through);
        match operation.returned_at() {
            None => client.open = Some(operation.call),
            ret => client.through = client.through.max(ret),
        }
    };
    // What never returned stands before what it may have been followed by at once.
    let key = |operation: &Operation<I, O>| (operation.call, operation.returned_at());
    if operations.is_sorted_by_key(key) {
        operations.iter().for_each(&mut note);
    } else {
        let mut order: Vec<u32> = (0..operations.len() as u32).collect();
        order.sort_by_key(|at| key(&operations[*at as usize]));
        order.iter().for_each(|at| note(&operations[*at as usize]));
    }
    ties.retain(|(_, client)| !clients[client].overlaps);
    ties.sort_unstable();
    ties.dedup();
    let instants = || ties.chunk_by(|one, other| one.0 == other.0);
    let alone = instants().filter(|at| at.len() == 1).map(|at| at[0]).collect();
    (alone, instants().filter(|at| at.len() > 1).count())
}
