//! Handles, and operations that take time: what lives, what dies, and what is promised from when on.

use crate::support::*;
use std::time::Duration;
use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Calm, Change, Disk, DiskConfig, Fault, FaultRule, OpenOptions};
use stormglass_sim::net::Latency;

const A: &[u8] = b"aaaaaaaa";
const B: &[u8] = b"bbbbbbbb";

#[test]
fn handles_die_with_the_process() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    assert_eq!(disk.handles().len(), 1);
    disk.process_crash(0, &mut Calm);
    assert!(disk.handles().is_empty());
    assert_eq!(errno(disk.write_at(handle, A, 0, &mut Calm)), EBADF);
    assert_eq!(errno(disk.read_at(handle, &mut [0], 0, &mut Calm)), EBADF);
    assert_eq!(errno(disk.sync_file(handle, &mut Calm)), EBADF);
    assert_eq!(errno(disk.set_len(handle, 0, &mut Calm)), EBADF);
    let again = open(&mut disk, "/log");
    assert_ne!(handle, again, "a handle is never given twice");
    lose_all(&mut disk);
    assert_eq!(errno(disk.handle_metadata(again)), EBADF);
}

#[test]
fn handles_mean_nothing_on_another_disk() {
    let mut one = Disk::numbered(DiskConfig::default(), 1);
    let mut other = Disk::numbered(DiskConfig::default(), 2);
    let handle = durable(&mut one, "/log", A);
    durable(&mut other, "/secret", A);
    assert_eq!(errno(other.handle_metadata(handle)), EBADF);
    assert_eq!(one.handle_metadata(handle).unwrap().len(), 8);
}

#[test]
fn an_operation_cut_short_has_happened_in_part() {
    let run = |script: &mut Script, now: u64| {
        let mut disk = small();
        let handle = durable(&mut disk, "/log", A);
        let write = disk.begin(Change::WriteAll(handle, [B, B].concat(), 0), 0, script);
        disk.begin(Change::Rename("/log".into(), "/new".into()), 0, script);
        assert_eq!(write.due, 5_000);
        assert_eq!(get(&mut disk, "/log"), A, "nothing happens before it is due");
        disk.process_crash(now, script);
        assert!(disk.finish(write, script).is_err(), "nobody learns the result");
        let path = if exists(&disk, "/new") { "/new" } else { "/log" };
        (path, get(&mut disk, path))
    };
    assert_eq!(run(&mut Script::new(), 4_999), ("/log", A.to_vec()));
    let mut script = Script::new().say("bytes of a write cut short", &[10]);
    assert_eq!(run(&mut script, 4_999), ("/log", [B, b"bb"].concat()));
    let mut script = Script::new().say("operation cut short", &[1]);
    assert_eq!(run(&mut script, 4_999), ("/new", A.to_vec()));
    assert_eq!(run(&mut Script::new(), 5_000), ("/new", [B, B].concat()), "due at the moment of the crash");
}

#[test]
fn an_fsync_covers_what_was_written_before_it_began() {
    let mut disk = small();
    let mut calm = Script::new();
    disk.configure(|config| config.sync = Latency::Constant(Duration::from_millis(1)));
    let handle = durable(&mut disk, "/log", &[0; 16]);
    put(&mut disk, handle, 0, A);
    let ticket = disk.begin(Change::SyncFile(handle), 0, &mut calm);
    put(&mut disk, handle, 4, b"bbbb");
    put(&mut disk, handle, 8, B);
    disk.finish(ticket, &mut calm).unwrap();
    assert_eq!(get(&mut disk, "/log"), b"aaaabbbbbbbbbbbb");
    assert!(!disk.is_durable("/log").unwrap());
    let view = disk.durable_view();
    assert_eq!(view.content("/log").unwrap(), [A, &[0; 8]].concat(), "a group commit would be wrong");
    sync(&mut disk, handle);
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), b"aaaabbbbbbbbbbbb");
}

#[test]
fn an_fsync_that_ends_late_takes_nothing_back() {
    let mut disk = small();
    let mut calm = Script::new();
    let handle = durable(&mut disk, "/log", &[0; 8]);
    put(&mut disk, handle, 0, A);
    disk.configure(|config| config.sync = Latency::Constant(Duration::from_millis(9)));
    let late = disk.begin(Change::SyncFile(handle), 0, &mut calm);
    disk.configure(|config| config.sync = Latency::Constant(Duration::from_millis(1)));
    put(&mut disk, handle, 0, B);
    let early = disk.begin(Change::SyncFile(handle), 0, &mut calm);
    disk.finish(early, &mut calm).unwrap();
    disk.finish(late, &mut calm).unwrap();
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), B);
}

#[test]
fn an_fsync_of_a_directory_covers_the_names_that_were_there_when_it_began() {
    let mut disk = small();
    let mut calm = Script::new();
    open(&mut disk, "/before");
    let ticket = disk.begin(Change::SyncDir("/".into()), 0, &mut calm);
    open(&mut disk, "/while");
    disk.finish(ticket, &mut calm).unwrap();
    lose_all(&mut disk);
    assert!(exists(&disk, "/before") && !exists(&disk, "/while"));
}

#[test]
fn an_fsync_cut_short_by_a_crash_leaves_nothing_behind() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    put(&mut disk, handle, 0, B);
    disk.configure(|config| config.sync = Latency::Constant(Duration::from_millis(1)));
    let mut calm = Script::new();
    disk.begin(Change::SyncFile(handle), 0, &mut calm);
    disk.process_crash(0, &mut calm);
    assert_eq!(disk.durable_view().content("/log"), Some(A));
    disk.configure(|config| config.write_back = Ratio::ONE);
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, b"c");
    assert_eq!(disk.durable_view().certain("/log"), Some(&b"cbbbbbbb"[..]), "writing back goes on");
    put(&mut disk, handle, 0, b"b");
    disk.configure(|config| config.write_back = Ratio::ZERO);
    put(&mut disk, handle, 0, A);
    let handle = open(&mut disk, "/log");
    disk.begin(Change::SyncFile(handle), 0, &mut calm);
    disk.process_crash(0, &mut Script::new().say("operation cut short", &[1]));
    assert_eq!(disk.durable_view().certain("/log"), Some(A));
}

#[test]
fn an_operation_nobody_waits_for_leaves_no_handle() {
    let mut disk = small();
    let ticket = disk.begin(
        Change::Open("/log".into(), OpenOptions::new().write(true).create(true).clone()),
        0,
        &mut Script::new(),
    );
    disk.forget(ticket);
    disk.settle(ticket.due, &mut Calm);
    assert!(exists(&disk, "/log"));
    assert!(disk.handles().is_empty());
}

#[test]
fn a_power_loss_closes_for_good() {
    let mut disk = small();
    durable(&mut disk, "/log", A);
    lose_all(&mut disk);
    disk.remove_file("/log", &mut Calm).unwrap();
    assert_eq!(disk.used(), 0, "no dead handle keeps the space");
}

#[test]
fn a_cut_made_while_an_fsync_is_under_way_is_still_pending_after_it() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", &[7; 24]);
    let ticket = disk.begin(Change::SyncFile(handle), 0, &mut Script::new());
    disk.set_len(handle, 4, &mut Calm).unwrap();
    disk.set_len(handle, 24, &mut Calm).unwrap();
    disk.finish(ticket, &mut Calm).unwrap();
    assert_eq!(disk.durable_view().content("/log").unwrap(), [7; 24]);
    lose(&mut disk, Script::new());
    assert_eq!(get(&mut disk, "/log"), [&[7; 4][..], &[0; 20]].concat());
}

#[test]
fn an_fsync_keeps_its_promise_when_another_one_fails_beside_it() {
    let mut disk = small();
    let mut calm = Script::new();
    let handle = durable(&mut disk, "/log", &[0; 12]);
    let mut begin = |disk: &mut Disk, micros| {
        disk.configure(|config| config.sync = Latency::Constant(Duration::from_micros(micros)));
        disk.begin(Change::SyncFile(handle), 0, &mut calm)
    };
    put(&mut disk, handle, 0, &[A, &B[..4]].concat());
    let last = begin(&mut disk, 3000);
    let failing = begin(&mut disk, 1000);
    disk.fault(FaultRule::new(Fault::SyncError).once());
    assert_eq!(errno(disk.finish(failing, &mut Calm)), EIO);
    put(&mut disk, handle, 8, b"c");
    let first = begin(&mut disk, 2000);
    disk.finish(first, &mut Calm).unwrap();
    disk.finish(last, &mut Calm).unwrap();
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), [A, b"cbbb"].concat());
}

#[test]
fn a_cut_after_a_failed_fsync_is_not_undone_by_the_next() {
    let mut disk = small();
    let mut calm = Script::new();
    let handle = durable(&mut disk, "/log", &[0; 16]);
    let mut begin = |disk: &mut Disk, micros| {
        disk.configure(|config| config.sync = Latency::Constant(Duration::from_micros(micros)));
        disk.begin(Change::SyncFile(handle), 0, &mut calm)
    };
    put(&mut disk, handle, 0, &[A, B].concat());
    let last = begin(&mut disk, 3000);
    let failing = begin(&mut disk, 1000);
    disk.fault(FaultRule::new(Fault::SyncError).once());
    assert_eq!(errno(disk.finish(failing, &mut Calm)), EIO);
    disk.set_len(handle, 4, &mut Calm).unwrap();
    disk.set_len(handle, 16, &mut Calm).unwrap();
    let first = begin(&mut disk, 2000);
    disk.finish(first, &mut Calm).unwrap();
    disk.finish(last, &mut Calm).unwrap();
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), [&A[..4], &[0; 12]].concat());
}

#[test]
fn an_fsync_of_a_directory_that_is_a_file_ends_also_when_the_file_is_gone() {
    let mut disk = small();
    let handle = durable(&mut disk, "/file", A);
    disk.close(handle);
    let ticket = disk.begin(Change::SyncDir("/file".into()), 0, &mut Script::new());
    disk.remove_file("/file", &mut Calm).unwrap();
    sync_dir(&mut disk, "/");
    assert_eq!(errno(disk.finish(ticket, &mut Calm)), ENOENT);
}
