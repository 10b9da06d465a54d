//! Random operations against a naive reference: a map of names to files, each with its last synced content.
//!
//! Without a power loss the disk must equal the map. After one, every name whose directory was synced since its
//! last change is there (or absent) for certain, a file synced since its last change has exactly that content,
//! and of any other every byte is one that it had at some time since the sync.

use crate::support::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use stormglass_sim::fs::{Calm, Change, Disk, Fault, FaultRule, OpenOptions, PowerLoss, Ticket};
use stormglass_sim::net::Latency;

const PATHS: [&str; 5] = ["/a", "/b", "/d/a", "/d/b", "/d/c"];
const DIRS: [&str; 2] = ["/", "/d"];

#[derive(Debug, Clone)]
enum Op {
    Write(usize, u8, Vec<u8>),
    Append(usize, Vec<u8>),
    SetLen(usize, u8),
    Rename(usize, usize),
    Remove(usize),
    Sync(usize),
    BeginSync(usize),
    FinishSync,
    SyncDir(usize),
    ProcessCrash,
    PowerLoss(u64),
}

fn op(power: u32) -> impl Strategy<Value = Op> {
    let path = || 0..PATHS.len();
    let data = || prop::collection::vec(1..=255_u8, 1..30);
    prop_oneof![
        6 => (path(), 0..40_u8, data()).prop_map(|(path, offset, data)| Op::Write(path, offset, data)),
        3 => (path(), data()).prop_map(|(path, data)| Op::Append(path, data)),
        3 => (path(), 0..50_u8).prop_map(|(path, len)| Op::SetLen(path, len)),
        4 => (path(), path()).prop_map(|(from, to)| Op::Rename(from, to)),
        2 => path().prop_map(Op::Remove),
        6 => path().prop_map(Op::Sync),
        3 => path().prop_map(Op::BeginSync),
        3 => Just(Op::FinishSync),
        5 => (0..DIRS.len()).prop_map(Op::SyncDir),
        1 => Just(Op::ProcessCrash),
        power => any::<u64>().prop_map(Op::PowerLoss),
    ]
}

/// A file by identity: the name may change.
#[derive(Debug, Clone, Default)]
struct Content {
    now: Vec<u8>,
    /// Every content since the last sync, that one first.
    history: Vec<Vec<u8>>,
    /// The number of the first of them.
    first: usize,
}

impl Content {
    fn latest(&self) -> usize {
        self.first + self.history.len() - 1
    }

    /// A sync that began at this version has ended.
    fn synced(&mut self, version: usize) {
        if version > self.first {
            self.history.drain(..version - self.first);
            self.first = version;
        }
    }

    fn allows(&self, found: &[u8]) -> Result<(), String> {
        if self.history.len() == 1 {
            return if found == self.history[0] { Ok(()) } else { Err("synced content changed".to_owned()) };
        }
        if !self.history.iter().any(|old| old.len() >= found.len()) {
            return Err("longer than it ever was".to_owned());
        }
        for (at, byte) in found.iter().enumerate() {
            let known = self.history.iter().any(|old| old.get(at).copied().unwrap_or(0) == *byte);
            if !known {
                return Err(format!("byte {at} was never {byte}"));
            }
        }
        Ok(())
    }
}

struct Reference {
    files: Vec<Content>,
    names: BTreeMap<&'static str, usize>,
    /// What each name has stood for since its directory was last synced, that first.
    pasts: BTreeMap<&'static str, Vec<Option<usize>>>,
    /// Syncs under way: the file, and its version when they began.
    syncing: Vec<(Ticket, usize, usize)>,
}

impl Reference {
    fn new() -> Reference {
        let pasts = PATHS.map(|path| (path, vec![None]));
        Reference { files: Vec::new(), names: BTreeMap::new(), pasts: pasts.into(), syncing: Vec::new() }
    }

    fn point(&mut self, path: &'static str, file: Option<usize>) {
        match file {
            Some(file) => self.names.insert(path, file),
            None => self.names.remove(path),
        };
        self.pasts.get_mut(path).unwrap().push(file);
    }

    fn file(&mut self, path: &'static str) -> &mut Content {
        if !self.names.contains_key(path) {
            self.files.push(Content { now: Vec::new(), history: vec![Vec::new()], first: 0 });
            self.point(path, Some(self.files.len() - 1));
        }
        let file = self.names[path];
        &mut self.files[file]
    }

    fn change(&mut self, path: &'static str, change: impl FnOnce(&mut Vec<u8>)) {
        let file = self.file(path);
        change(&mut file.now);
        file.history.push(file.now.clone());
    }

    /// Compares with what a power loss left, then takes that for the truth.
    fn adopt(&mut self, disk: &mut Disk) -> Result<(), String> {
        let mut next = Reference::new();
        for path in PATHS {
            let found = exists(disk, path).then(|| get(disk, path));
            let past = &self.pasts[path];
            let explained = past.iter().any(|file| match (file, &found) {
                (None, None) => true,
                (Some(file), Some(found)) => self.files[*file].allows(found).is_ok(),
                _ => false,
            });
            if !explained {
                let why = past
                    .iter()
                    .flatten()
                    .filter_map(|file| self.files[*file].allows(found.as_deref()?).err());
                return Err(format!("{path} is {found:?}: {:?}", why.collect::<Vec<_>>()));
            }
            if let Some(found) = found {
                let file = next.files.len();
                next.files.push(Content { now: found.clone(), history: vec![found], first: 0 });
                next.names.insert(path, file);
                next.pasts.insert(path, vec![Some(file)]);
            }
        }
        *self = next;
        Ok(())
    }

    fn compare(&self, disk: &mut Disk) -> Result<(), String> {
        let mut used = 0;
        for path in PATHS {
            let found = exists(disk, path).then(|| get(disk, path));
            let expected = self.names.get(path).map(|file| self.files[*file].now.clone());
            if found != expected {
                return Err(format!("{path} is {found:?} instead of {expected:?}"));
            }
            used += expected.map_or(0, |content| content.len() as u64);
        }
        // A file without a name takes space until the sync that holds it open has ended.
        let right = if self.syncing.is_empty() { disk.used() == used } else { disk.used() >= used };
        if right { Ok(()) } else { Err(format!("{} bytes in use, not {used}", disk.used())) }
    }
}

fn step(disk: &mut Disk, reference: &mut Reference, op: &Op) -> Result<(), String> {
    let with = |disk: &mut Disk, path: usize, act: &dyn Fn(&mut Disk, stormglass_sim::fs::Handle)| {
        let handle = open(disk, PATHS[path]);
        act(disk, handle);
        disk.close(handle);
    };
    match op {
        Op::Write(path, offset, data) => {
            with(disk, *path, &|disk, handle| put(disk, handle, u64::from(*offset), data));
            reference.change(PATHS[*path], |content| {
                let end = usize::from(*offset) + data.len();
                content.resize(content.len().max(end), 0);
                content[usize::from(*offset)..end].copy_from_slice(data);
            });
        }
        Op::Append(path, data) => {
            with(disk, *path, &|disk, handle| assert!(disk.append(handle, data, &mut Calm).is_ok()));
            reference.change(PATHS[*path], |content| content.extend(data));
        }
        Op::SetLen(path, len) => {
            with(disk, *path, &|disk, handle| {
                disk.set_len(handle, u64::from(*len), &mut Calm).expect("a calm set_len");
            });
            reference.change(PATHS[*path], |content| content.resize(usize::from(*len), 0));
        }
        Op::Rename(from, to) => {
            let (from, to) = (PATHS[*from], PATHS[*to]);
            let file = reference.names.get(from).copied();
            assert_eq!(disk.rename(from, to, &mut Calm).is_ok(), file.is_some());
            if file.is_some() && from != to {
                reference.point(from, None);
                reference.point(to, file);
            }
        }
        Op::Remove(path) => {
            let there = reference.names.contains_key(PATHS[*path]);
            assert_eq!(disk.remove_file(PATHS[*path], &mut Calm).is_ok(), there);
            if there {
                reference.point(PATHS[*path], None);
            }
        }
        Op::Sync(path) => {
            if let Ok(handle) = disk.open(PATHS[*path], OpenOptions::new().read(true), &mut Calm) {
                sync(disk, handle);
                disk.close(handle);
                let file = reference.file(PATHS[*path]);
                file.synced(file.latest());
            }
        }
        Op::BeginSync(_) | Op::FinishSync => slow_sync(disk, reference, op),
        Op::SyncDir(dir) => {
            sync_dir(disk, DIRS[*dir]);
            for path in PATHS.into_iter().filter(|path| (path.len() > 2) == (*dir == 1)) {
                let now = reference.names.get(path).copied();
                reference.pasts.insert(path, vec![now]);
            }
        }
        Op::ProcessCrash => {
            disk.process_crash(0, &mut Calm);
            reference.syncing.clear();
        }
        Op::PowerLoss(seed) => {
            disk.power_loss(PowerLoss::Drawn, 0, &mut Dice(*seed));
            reference.adopt(disk)?;
        }
    }
    reference.compare(disk)
}

/// The two ends of an fsync that takes its time.
fn slow_sync(disk: &mut Disk, reference: &mut Reference, op: &Op) {
    match op {
        Op::BeginSync(path) => {
            if let Ok(handle) = disk.open(PATHS[*path], OpenOptions::new().read(true), &mut Calm) {
                let time = Duration::from_millis(1 + reference.files.len() as u64 * 7 % 5);
                disk.configure(|config| config.sync = Latency::Constant(time));
                let ticket = disk.begin(Change::SyncFile(handle), 0, &mut Script::new());
                disk.close(handle);
                let file = reference.names[PATHS[*path]];
                reference.syncing.push((ticket, file, reference.files[file].latest()));
            }
        }
        Op::FinishSync => {
            if let Some((ticket, file, version)) = reference.syncing.pop() {
                disk.finish(ticket, &mut Calm).expect("a calm fsync");
                reference.files[file].synced(version);
            }
        }
        _ => {}
    }
}

fn run(mut disk: Disk, ops: &[Op]) -> Result<(), String> {
    disk.create_dir("/d", &mut Calm).unwrap();
    sync_dir(&mut disk, "/");
    let mut reference = Reference::new();
    for (at, op) in ops.iter().enumerate() {
        step(&mut disk, &mut reference, op).map_err(|why| format!("after {op:?} (number {at}): {why}"))?;
        certain_is_certain(&disk, &reference)?;
    }
    Ok(())
}

/// The inspection agrees with the reference about what is durable.
fn certain_is_certain(disk: &Disk, reference: &Reference) -> Result<(), String> {
    let view = disk.durable_view();
    for (path, file) in &reference.names {
        let file = &reference.files[*file];
        if reference.pasts[path].len() == 1 && file.history.len() == 1 {
            let same = view.certain(path) == Some(&file.now[..]) && disk.is_durable(path).unwrap_or(false);
            if !same {
                return Err(format!("{path} is durable, the disk says {:?}", view.entries.get(*path)));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_a_power_loss_a_disk_is_a_map_of_files(ops in prop::collection::vec(op(1), 1..60)) {
        let ops: Vec<Op> = ops.into_iter().filter(|op| !matches!(op, Op::PowerLoss(_))).collect();
        prop_assert_eq!(run(small(), &ops), Ok(()));
    }

    #[test]
    fn after_a_power_loss_all_that_was_synced_is_there(ops in prop::collection::vec(op(3), 1..60)) {
        prop_assert_eq!(run(small(), &ops), Ok(()));
    }

    #[test]
    fn writing_back_breaks_no_promise(ops in prop::collection::vec(op(3), 1..60)) {
        let mut disk = small();
        disk.configure(|config| config.write_back = stormglass_sim::chance::Ratio::ONE);
        prop_assert_eq!(run(disk, &ops), Ok(()));
    }
}

/// The reference can tell: each of these breaks a promise, and is found.
#[test]
fn the_reference_notices_what_breaks_a_promise() {
    let write = Op::Write(0, 0, vec![7; 20]);
    let ops = [write, Op::Sync(0), Op::SyncDir(0), Op::PowerLoss(3)];
    assert_eq!(run(small(), &ops), Ok(()));
    for fault in [Fault::LostWrite, Fault::MisdirectedWrite, Fault::BitRot] {
        let mut disk = small();
        disk.fault(FaultRule::new(fault).once());
        let found = run(disk, &ops).expect_err("a broken promise");
        assert!(found.contains("/a"), "{fault:?}: {found}");
    }
}
