//! The file tree: nodes, names and paths. Every name maps to a node twice, in the page cache and on the platter.
//!
//! There are no links, hard or symbolic: a node has at most one present name. A node lives while it has a
//! present name, an open handle, a name on the platter or a pending change that speaks of it.

use super::errno::Errno;
use super::pages::Pages;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};
use std::rc::Rc;

/// Names a node for as long as the disk lives; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ino(pub(super) u64);

pub(super) const ROOT: Ino = Ino(0);

pub(super) type Names = BTreeMap<Rc<str>, Ino>;

#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) names: Names,
    pub(super) durable: Names,
    /// Changes of this directory that its sync would settle.
    pub(super) pending: BTreeSet<u64>,
}

#[derive(Debug)]
pub(super) enum Kind {
    File(Pages),
    Directory(Directory),
}

#[derive(Debug)]
pub(super) struct Node {
    /// The present path, or the last one it had.
    pub(super) path: Rc<str>,
    /// The present place; the root and removed nodes have none.
    pub(super) place: Option<(Ino, Rc<str>)>,
    pub(super) handles: u64,
    /// Names on the platter and pending changes that refer to it.
    pub(super) pins: u64,
    pub(super) kind: Kind,
}

impl Node {
    fn new(path: Rc<str>, kind: Kind) -> Node {
        Node { path, place: None, handles: 0, pins: 0, kind }
    }

    pub(super) fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    /// Whether somebody can still read or write it.
    pub(super) fn in_use(&self) -> bool {
        self.place.is_some() || self.handles > 0
    }
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<Ino, Node>,
    next: u64,
}

impl Tree {
    pub(super) fn new() -> Tree {
        let root = Node::new(Rc::from("/"), Kind::Directory(Directory::default()));
        Tree { nodes: BTreeMap::from([(ROOT, root)]), next: 1 }
    }

    pub(super) fn node(&self, ino: Ino) -> &Node {
        &self.nodes[&ino]
    }

    pub(super) fn node_mut(&mut self, ino: Ino) -> &mut Node {
        self.nodes.get_mut(&ino).expect("a node lives while it is referred to")
    }

    pub(super) fn path(&self, ino: Ino) -> &Rc<str> {
        &self.node(ino).path
    }

    pub(super) fn file(&self, ino: Ino) -> Result<&Pages, Errno> {
        match &self.node(ino).kind {
            Kind::File(pages) => Ok(pages),
            Kind::Directory(_) => Err(Errno::IsDir),
        }
    }

    pub(super) fn file_mut(&mut self, ino: Ino) -> Result<&mut Pages, Errno> {
        match &mut self.node_mut(ino).kind {
            Kind::File(pages) => Ok(pages),
            Kind::Directory(_) => Err(Errno::IsDir),
        }
    }

    pub(super) fn dir(&self, ino: Ino) -> Result<&Directory, Errno> {
        match &self.node(ino).kind {
            Kind::Directory(directory) => Ok(directory),
            Kind::File(_) => Err(Errno::NotDir),
        }
    }

    pub(super) fn dir_mut(&mut self, ino: Ino) -> Result<&mut Directory, Errno> {
        match &mut self.node_mut(ino).kind {
            Kind::Directory(directory) => Ok(directory),
            Kind::File(_) => Err(Errno::NotDir),
        }
    }

    pub(super) fn child(&self, dir: Ino, name: &str) -> Result<Option<Ino>, Errno> {
        Ok(self.dir(dir)?.names.get(name).copied())
    }

    /// The node at a path.
    pub(super) fn lookup(&self, path: &Path) -> io::Result<Ino> {
        self.walk(&parts(path)?)
    }

    fn walk(&self, parts: &[&str]) -> io::Result<Ino> {
        let mut ino = ROOT;
        for part in parts {
            ino = self.child(ino, part)?.ok_or(Errno::NoEntry)?;
        }
        Ok(ino)
    }

    /// The directory that holds, or would hold, the last name of a path, and that name; `None` for the root.
    pub(super) fn slot(&self, path: &Path) -> io::Result<Option<(Ino, Rc<str>)>> {
        let parts = parts(path)?;
        let Some((name, above)) = parts.split_last() else { return Ok(None) };
        let dir = self.walk(above)?;
        self.dir(dir)?;
        Ok(Some((dir, Rc::from(*name))))
    }

    /// A new node without a name.
    pub(super) fn make(&mut self, kind: Kind) -> Ino {
        let ino = Ino(self.next);
        self.next += 1;
        self.nodes.insert(ino, Node::new(Rc::from(""), kind));
        ino
    }

    /// Gives a node its present name.
    pub(super) fn attach(&mut self, dir: Ino, name: &Rc<str>, ino: Ino) {
        if let Ok(directory) = self.dir_mut(dir) {
            directory.names.insert(Rc::clone(name), ino);
        }
        self.node_mut(ino).place = Some((dir, Rc::clone(name)));
        self.spell(ino);
    }

    /// Takes a node's present name away.
    pub(super) fn detach(&mut self, ino: Ino) {
        let Some((dir, name)) = self.node_mut(ino).place.take() else { return };
        if let Ok(directory) = self.dir_mut(dir) {
            directory.names.remove(&name);
        }
    }

    /// Writes down the paths of a node and of everything below it.
    fn spell(&mut self, ino: Ino) {
        let Some((dir, name)) = self.node(ino).place.clone() else { return };
        let above = self.path(dir);
        let path = if dir == ROOT { format!("/{name}") } else { format!("{above}/{name}") };
        let node = self.node_mut(ino);
        node.path = Rc::from(path);
        if let Kind::Directory(directory) = &node.kind {
            for child in directory.names.values().copied().collect::<Vec<_>>() {
                self.spell(child);
            }
        }
    }

    /// The directory itself and those above it, nearest first.
    pub(super) fn upward(&self, dir: Ino) -> impl Iterator<Item = Ino> {
        std::iter::successors(Some(dir), |ino| self.node(*ino).place.as_ref().map(|(above, _)| *above))
    }

    pub(super) fn pin(&mut self, ino: Ino) {
        self.node_mut(ino).pins += 1;
    }

    pub(super) fn unpin(&mut self, ino: Ino) {
        self.node_mut(ino).pins -= 1;
        self.reap(ino);
    }

    /// Frees a node that nothing refers to.
    pub(super) fn reap(&mut self, ino: Ino) {
        let node = self.node(ino);
        if ino != ROOT && !node.in_use() && node.pins == 0 {
            self.nodes.remove(&ino);
        }
    }

    /// After a power loss: the names on the platter are the names, and what they do not reach is gone.
    pub(super) fn restart(&mut self) {
        let mut reached = BTreeMap::new();
        let mut open = vec![ROOT];
        while let Some(dir) = open.pop() {
            let mut node = self.nodes.remove(&dir).expect("a name on the platter pins its node");
            if let Kind::Directory(directory) = &mut node.kind {
                directory.names = directory.durable.clone();
                directory.pending.clear();
                open.extend(directory.names.values());
            }
            node.handles = 0;
            node.pins = u64::from(dir != ROOT);
            node.place = None;
            reached.insert(dir, node);
        }
        self.nodes = reached;
        let dirs: Vec<Ino> = self.nodes.keys().copied().filter(|ino| self.node(*ino).is_dir()).collect();
        for dir in dirs {
            let names = self.dir(dir).map_or_else(|_| Names::new(), |directory| directory.names.clone());
            for (name, child) in names {
                self.node_mut(child).place = Some((dir, name));
            }
        }
        for child in self.dir(ROOT).map_or_else(|_| Vec::new(), |root| root.names.values().copied().collect())
        {
            self.spell(child);
        }
    }
}

/// The names of a path from the root. `.` and `..` are resolved in the text, which is exact where there are no
/// symbolic links; a relative path begins at the root.
pub(super) fn parts(path: &Path) -> Result<Vec<&str>, Errno> {
    if path.as_os_str().is_empty() {
        return Err(Errno::NoEntry);
    }
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => match name.to_str() {
                Some(name) if !name.contains('\0') => parts.push(name),
                _ => return Err(Errno::Invalid),
            },
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Ok(parts)
}
