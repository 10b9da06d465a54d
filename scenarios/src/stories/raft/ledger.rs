//! The state machine of the stories: it adds up what it applies, so that any two servers' states can be compared, and a
//! snapshot can be held against the log that it stands for.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass_systems::raft::message::{Index, ServerId, Term};
use stormglass_systems::raft::server::StateMachine;

/// What the state machines of all servers have shown, and the first thing that was wrong with one of them.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// By index: the value that was applied there, and the sum of everything up to it.
    entries: Vec<Option<(u64, u64)>>,
    /// How far each server's machine has got, in the server's latest incarnation.
    reached: Vec<(ServerId, Index)>,
    /// What fell.
    pub(super) fell: Option<String>,
}

/// A handle on the book of a run.
pub(super) type Shared = Rc<RefCell<Book>>;

impl Book {
    /// The value that was applied at this index.
    pub(super) fn value(&self, index: Index) -> Option<u64> {
        self.entries.get(usize::try_from(index).ok()?)?.map(|(value, _)| value)
    }

    /// How far a server's machine has got.
    pub(super) fn reached(&self, server: ServerId) -> Index {
        self.reached.iter().find(|(id, _)| *id == server).map_or(0, |&(_, index)| index)
    }

    /// Every value that was applied, in the order of the log.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().flatten().map(|&(value, _)| value)
    }

    fn sum(&self, index: Index) -> Option<u64> {
        self.entries.get(usize::try_from(index).ok()?)?.map(|(_, sum)| sum)
    }

    fn get_to(&mut self, server: ServerId, index: Index) {
        match self.reached.iter_mut().find(|(id, _)| *id == server) {
            Some(reached) => reached.1 = index,
            None => self.reached.push((server, index)),
        }
    }

    fn enter(&mut self, index: Index, value: u64, sum: u64) -> Result<(), String> {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        if self.entries.len() <= at {
            self.entries.resize(at + 1, None);
        }
        let known = *self.entries[at].get_or_insert((value, sum));
        if known == (value, sum) {
            return Ok(());
        }
        Err(format!(
            "{value} was applied at {index} upon state {sum:#x}; elsewhere {} upon {:#x}",
            known.0, known.1
        ))
    }

    fn fall(&mut self, what: String) {
        self.fell.get_or_insert(what);
    }
}

/// One server's machine.
#[derive(Debug)]
pub(super) struct Ledger {
    book: Shared,
    server: ServerId,
    last: Index,
    sum: u64,
    bulk: usize,
}

impl Ledger {
    /// Before the first entry. Its snapshots have `bulk` bytes beyond the few that they need.
    pub(super) fn new(book: &Shared, server: ServerId, bulk: usize) -> Ledger {
        book.borrow_mut().get_to(server, 0);
        Ledger { book: book.clone(), server, last: 0, sum: 0, bulk }
    }

    fn stand(&self) -> Vec<u8> {
        let mut bytes = [self.last.to_le_bytes(), self.sum.to_le_bytes()].concat();
        bytes.extend((0..self.bulk).map(|at| self.sum.rotate_left(at as u32 % 64) as u8 ^ at as u8));
        bytes
    }
}

/// A command: its value, and so many bytes more.
pub(super) fn command(value: u64, more: usize) -> Vec<u8> {
    let mut bytes = value.to_le_bytes().to_vec();
    bytes.resize(8 + more, 0xaa);
    bytes
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}

impl StateMachine for Ledger {
    fn apply(&mut self, index: Index, _: Term, command: &[u8]) -> Vec<u8> {
        let value = number(command).unwrap_or(u64::MAX);
        self.sum = (self.sum ^ value ^ index << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        self.last = index;
        let mut book = self.book.borrow_mut();
        book.get_to(self.server, index);
        if let Err(wrong) = book.enter(index, value, self.sum) {
            book.fall(format!("at s{}: {wrong}", self.server));
        }
        value.to_le_bytes().to_vec()
    }

    fn read(&self, _: &[u8]) -> Vec<u8> {
        self.last.to_le_bytes().to_vec()
    }

    fn snapshot(&self) -> Vec<u8> {
        self.stand()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        let (last, sum) = (number(snapshot), snapshot.get(8..).and_then(number));
        let (Some(last), Some(sum)) = (last, sum) else { return Err("a snapshot has 16 bytes".into()) };
        (self.last, self.sum) = (last, sum);
        let mut book = self.book.borrow_mut();
        if last > 0 && book.sum(last) != Some(sum) {
            book.fall(format!("s{} was given a state up to {last} that is not the log's", self.server));
        } else if snapshot != self.stand() {
            book.fall(format!("s{} was given a snapshot up to {last} with pieces of another", self.server));
        }
        book.get_to(self.server, last);
        Ok(())
    }
}
