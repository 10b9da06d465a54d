//! What the tests of the disk share: sources of chance and short names for the usual steps.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Calm, Disk, DiskConfig, Draw, Handle, OpenOptions, PowerLoss};
use stormglass_sim::net::Latency;

/// Answers by kind from a script, and calmly where the script is silent. `1` is a chance that comes true.
#[derive(Debug, Default)]
pub(crate) struct Script(BTreeMap<&'static str, VecDeque<u64>>);

impl Script {
    pub(crate) fn new() -> Script {
        Script::default()
    }
    pub(crate) fn say(mut self, kind: &'static str, answers: &[u64]) -> Script {
        self.0.entry(kind).or_default().extend(answers);
        self
    }
    fn next(&mut self, kind: &'static str) -> u64 {
        self.0.get_mut(kind).and_then(VecDeque::pop_front).unwrap_or(0)
    }
}

impl Draw for Script {
    fn below(&mut self, kind: &'static str, n: u64) -> u64 {
        let answer = self.next(kind);
        assert!(answer < n, "the script answers {answer} where {kind} asks for less than {n}");
        answer
    }
    fn chance(&mut self, kind: &'static str, _: Ratio) -> bool {
        self.next(kind) == 1
    }
    fn latency(&mut self, _: &'static str, latency: &Latency) -> Duration {
        match latency {
            Latency::Constant(time) => *time,
            _ => Duration::ZERO,
        }
    }
}

/// Pseudo-random answers (SplitMix64); a chance is a coin.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Draw for Dice {
    fn below(&mut self, _: &'static str, n: u64) -> u64 {
        self.roll() % n
    }
    fn chance(&mut self, _: &'static str, _: Ratio) -> bool {
        self.roll() & 1 == 1
    }
    fn latency(&mut self, _: &'static str, _: &Latency) -> Duration {
        Duration::ZERO
    }
}

/// A disk with blocks of 8 bytes and sectors of 2, so that tests can be read.
pub(crate) fn small() -> Disk {
    Disk::new(DiskConfig { block_size: 8, sector_size: 2, ..DiskConfig::default() })
}

pub(crate) fn open(disk: &mut Disk, path: &str) -> Handle {
    disk.open(path, OpenOptions::new().read(true).write(true).create(true), &mut Calm).expect(path)
}

pub(crate) fn put(disk: &mut Disk, handle: Handle, offset: u64, data: &[u8]) {
    disk.write_all_at(handle, data, offset, &mut Calm).expect("a calm write");
}

pub(crate) fn sync(disk: &mut Disk, handle: Handle) {
    disk.sync_file(handle, &mut Calm).expect("a calm fsync");
}

pub(crate) fn sync_dir(disk: &mut Disk, path: &str) {
    disk.sync_dir(path, &mut Calm).expect("a calm fsync of a directory");
}

/// A file with this content, durable with its name.
pub(crate) fn durable(disk: &mut Disk, path: &str, data: &[u8]) -> Handle {
    let handle = open(disk, path);
    put(disk, handle, 0, data);
    sync(disk, handle);
    let parent = std::path::Path::new(path).parent().expect("not the root");
    disk.sync_dir(parent, &mut Calm).expect("a calm fsync of a directory");
    handle
}

/// What reading the file by a fresh handle returns.
pub(crate) fn get(disk: &mut Disk, path: &str) -> Vec<u8> {
    let handle = disk.open(path, OpenOptions::new().read(true), &mut Calm).expect(path);
    let mut content = vec![0; 1 << 16];
    let count = disk.read_at(handle, &mut content, 0, &mut Calm).expect("a calm read");
    disk.close(handle);
    content.truncate(count);
    content
}

pub(crate) fn exists(disk: &Disk, path: &str) -> bool {
    disk.metadata(path).is_ok()
}

pub(crate) fn lose_all(disk: &mut Disk) {
    disk.power_loss(PowerLoss::LoseAll, 0, &mut Calm);
}

pub(crate) fn lose(disk: &mut Disk, mut script: Script) {
    disk.power_loss(PowerLoss::Mixed, 0, &mut script);
}

pub(crate) fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> i32 {
    result.expect_err("an error").raw_os_error().expect("an errno")
}

pub(crate) const ENOENT: i32 = 2;
pub(crate) const EIO: i32 = 5;
pub(crate) const EBADF: i32 = 9;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENOTDIR: i32 = 20;
pub(crate) const EISDIR: i32 = 21;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ENOSPC: i32 = 28;
