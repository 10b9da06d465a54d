//! The bytes of a file, and what they cost.

use crate::support::*;
use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Calm, Disk, Fault, FaultRule, OpenOptions};

#[test]
fn a_sparse_file_is_zeros_and_costs_nothing() {
    let mut disk = Disk::default();
    let handle = open(&mut disk, "/sparse");
    disk.set_len(handle, 1 << 50, &mut Calm).unwrap();
    put(&mut disk, handle, 1 << 40, b"x");
    sync(&mut disk, handle);
    sync_dir(&mut disk, "/");
    let mut buffer = [7; 3];
    disk.read_at(handle, &mut buffer, (1 << 40) - 1, &mut Calm).unwrap();
    assert_eq!(&buffer, b"\0x\0");
    assert_eq!(disk.read_at(handle, &mut buffer, (1 << 50) - 1, &mut Calm).unwrap(), 1);
    assert_eq!(disk.read_at(handle, &mut buffer, 1 << 50, &mut Calm).unwrap(), 0);
    assert_eq!(errno(disk.write_at(handle, b"x", u64::MAX, &mut Calm)), 27, "EFBIG");
    lose_all(&mut disk);
    assert_eq!(disk.metadata("/sparse").unwrap().len(), 1 << 50);
}

#[test]
fn appends_follow_each_other() {
    let mut disk = small();
    let handle = open(&mut disk, "/log");
    assert_eq!(disk.append(handle, b"hello ", &mut Calm).unwrap(), 0);
    assert_eq!(disk.append(handle, b"world", &mut Calm).unwrap(), 6);
    assert_eq!(get(&mut disk, "/log"), b"hello world");
}

/// Work is counted in blocks through the events: an fsync persists what is dirty and no more, however long
/// the log is.
#[test]
fn an_fsync_costs_its_dirty_blocks() {
    let mut disk = Disk::default();
    let handle = disk.open("/log", OpenOptions::new().append(true).create(true), &mut Calm).unwrap();
    for _ in 0..10_000 {
        disk.append(handle, &[1; 100], &mut Calm).unwrap();
    }
    disk.record_events(true);
    sync(&mut disk, handle);
    disk.append(handle, &[1; 100], &mut Calm).unwrap();
    sync(&mut disk, handle);
    sync(&mut disk, handle);
    let events = disk.take_events();
    let synced: Vec<_> =
        events.iter().filter(|event| event.op == "sync_file").map(|event| event.result).collect();
    assert_eq!(synced, [Ok(245), Ok(1), Ok(0)]);
}

#[test]
fn what_was_cut_off_reads_as_zeros_from_a_cold_cache_too() {
    let mut disk = small();
    durable(&mut disk, "/log", &[7; 24]);
    lose_all(&mut disk);
    let handle = open(&mut disk, "/log");
    disk.set_len(handle, 4, &mut Calm).unwrap();
    disk.set_len(handle, 24, &mut Calm).unwrap();
    let expected = [&[7; 4][..], &[0; 20]].concat();
    assert_eq!(disk.content("/log").unwrap(), expected);
    assert_eq!(get(&mut disk, "/log"), expected);
}

#[test]
fn a_cut_stays_pending_when_an_fsync_fails_or_a_block_is_written_back() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", &[7; 24]);
    disk.set_len(handle, 4, &mut Calm).unwrap();
    disk.fault(FaultRule::new(Fault::SyncError).once());
    assert_eq!(errno(disk.sync_file(handle, &mut Calm)), EIO);
    disk.set_len(handle, 24, &mut Calm).unwrap();
    sync(&mut disk, handle);
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), [&[7; 4][..], &[0; 20]].concat());

    let handle = durable(&mut disk, "/other", &[7; 24]);
    disk.set_len(handle, 12, &mut Calm).unwrap();
    disk.configure(|config| config.write_back = Ratio::ONE);
    put(&mut disk, handle, 0, &[8; 8]);
    disk.configure(|config| config.write_back = Ratio::ZERO);
    put(&mut disk, handle, 16, &[9; 8]);
    lose(&mut disk, Script::new().say("block lost", &[1, 0]));
    assert_eq!(get(&mut disk, "/other"), [&[8; 8][..], &[7; 4], &[0; 4], &[9; 8]].concat());
}

#[test]
fn a_block_written_back_beyond_a_cut_brings_the_cut_with_it() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", &[7; 24]);
    disk.set_len(handle, 4, &mut Calm).unwrap();
    disk.configure(|config| config.write_back = Ratio::ONE);
    let mut second = Script::new().say("block written back", &[1]);
    disk.write_at(handle, &[9; 8], 8, &mut second).unwrap();
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), [&[7; 4][..], &[0; 4], &[9; 8]].concat());
}
