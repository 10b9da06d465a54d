//! Changes of directories that have happened in the page cache and not yet, for certain, on the platter.
//!
//! **What a power loss may do to them.** Each pending change has happened entirely or not at all, and the ones
//! that happened are any subset closed under "needs". A change needs
//! 1. the earlier changes of the same names, so that a name passes through its states in order;
//! 2. when it moves a node to another directory, the changes that gave that directory and those above it their
//!    names, and when it removes a directory, the changes that emptied it. Without these a durable file could
//!    end in neither its old place nor its new one.
//!
//! POSIX promises that a rename is atomic to every observer and says nothing of when it is durable; fsync(2)
//! says that an entry is durable after an fsync of its *directory*. ext4 and XFS journal metadata in one order
//! (a surviving change implies all earlier ones), btrfs and others only order what depends on each other: the
//! subset here covers both. A rename between two directories is one change and durable as soon as either is
//! synced; being atomic, it has no half to leave behind.

use super::tree::{Ino, ROOT, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A disk writes its oldest directory changes back once so many are pending, as a journal does when it is full.
pub(super) const PENDING_MAX: usize = 1024;

/// One name before and after.
#[derive(Debug, Clone)]
pub(super) struct Renaming {
    pub(super) dir: Ino,
    pub(super) name: Rc<str>,
    pub(super) before: Option<Ino>,
    pub(super) after: Option<Ino>,
}

#[derive(Debug)]
struct Pending {
    names: Vec<Renaming>,
    needs: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    next: u64,
    pending: BTreeMap<u64, Pending>,
    /// The latest pending change of each name.
    latest: BTreeMap<(Ino, Rc<str>), u64>,
}

impl Journal {
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether the durable state of a name could still change without another operation.
    pub(super) fn touches(&self, dir: Ino, name: &Rc<str>) -> bool {
        self.latest.contains_key(&(dir, Rc::clone(name)))
    }

    /// Notes a change that the cached tree has made. `needs` are the changes of rule 2.
    pub(super) fn record(&mut self, tree: &mut Tree, names: Vec<Renaming>, mut needs: Vec<u64>) {
        let number = self.next;
        self.next += 1;
        for renaming in &names {
            let key = (renaming.dir, Rc::clone(&renaming.name));
            needs.extend(self.latest.insert(key, number));
            tree.pin(renaming.dir);
            for ino in [renaming.before, renaming.after].into_iter().flatten() {
                tree.pin(ino);
            }
            if let Ok(directory) = tree.dir_mut(renaming.dir) {
                directory.pending.insert(number);
            }
        }
        needs.sort_unstable();
        needs.dedup();
        self.pending.insert(number, Pending { names, needs });
        if self.pending.len() > PENDING_MAX {
            let oldest = self.pending.first_key_value().map(|(number, _)| *number);
            self.settle(tree, oldest);
        }
    }

    /// The pending changes that gave a directory and those above it their present names.
    pub(super) fn namings(&self, tree: &Tree, dir: Ino) -> Vec<u64> {
        let places = tree.upward(dir).filter_map(|ino| tree.node(ino).place.clone());
        places.filter_map(|place| self.latest.get(&place).copied()).collect()
    }

    /// Makes changes, and what they need, durable. Returns how many.
    pub(super) fn settle(&mut self, tree: &mut Tree, wanted: impl IntoIterator<Item = u64>) -> u64 {
        let mut open: Vec<u64> = wanted.into_iter().collect();
        let mut all = BTreeSet::new();
        while let Some(number) = open.pop() {
            if let Some(pending) = self.pending.get(&number)
                && all.insert(number)
            {
                open.extend(&pending.needs);
            }
        }
        for number in &all {
            self.take(tree, *number, true);
        }
        all.len() as u64
    }

    /// The power fails: `survives` is asked, in order, for each change whose needs have survived.
    pub(super) fn power_loss(&mut self, tree: &mut Tree, mut survives: impl FnMut() -> bool) {
        let mut lost = BTreeSet::new();
        while let Some((&number, pending)) = self.pending.first_key_value() {
            let happened = !pending.needs.iter().any(|need| lost.contains(need)) && survives();
            if !happened {
                lost.insert(number);
            }
            self.take(tree, number, happened);
        }
    }

    fn take(&mut self, tree: &mut Tree, number: u64, happened: bool) {
        let Some(pending) = self.pending.remove(&number) else { return };
        for Renaming { dir, name, before, after } in pending.names {
            if let Ok(directory) = tree.dir_mut(dir) {
                directory.pending.remove(&number);
                if happened {
                    match after {
                        Some(ino) => directory.durable.insert(Rc::clone(&name), ino),
                        None => directory.durable.remove(&name),
                    };
                }
            }
            // A change that happened finds its `before` on the platter, for it needed the one that put it there.
            if let (true, Some(ino)) = (happened, after) {
                tree.pin(ino);
            }
            let freed = [before.filter(|_| happened), before, after];
            for ino in freed.into_iter().flatten() {
                tree.unpin(ino);
            }
            let key = (dir, name);
            if self.latest.get(&key) == Some(&number) {
                self.latest.remove(&key);
            }
            tree.unpin(dir);
        }
    }

    pub(super) fn is_certain(&self, tree: &Tree, ino: Ino) -> bool {
        tree.upward(ino).all(|at| match &tree.node(at).place {
            Some((dir, name)) => !self.touches(*dir, name),
            None => at == ROOT,
        })
    }
}
