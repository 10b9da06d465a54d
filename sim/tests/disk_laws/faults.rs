//! Faults: what each does, where it strikes, and that it strikes nowhere else.

use crate::support::*;
use std::time::Duration;
use stormglass_sim::chance::Ratio;
use stormglass_sim::fs::{Calm, Change, Disk, DiskConfig, Fault, FaultRule, OpenOptions, PowerLoss};

const A: &[u8] = b"aaaaaaaa";
const B: &[u8] = b"bbbbbbbb";

#[test]
fn a_failed_fsync_drops_its_pages_and_the_next_one_lies() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.fault(FaultRule::new(Fault::SyncError).once());
    put(&mut disk, handle, 8, B);
    assert_eq!(errno(disk.sync_file(handle, &mut Calm)), EIO);
    sync(&mut disk, handle);
    assert_eq!(get(&mut disk, "/log"), [A, B].concat(), "still readable from the page cache");
    disk.process_crash(0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), [A, B].concat(), "and after a process crash");
    // Even the kindest power loss: the page counts as clean and nobody will write it any more.
    disk.power_loss(PowerLoss::KeepAll, 0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), [A, &[0; 8]].concat(), "but it never reached the platter");
}

#[test]
fn a_page_dropped_by_a_failed_fsync_is_gone_when_it_is_evicted() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.fault(FaultRule::new(Fault::SyncError).once());
    put(&mut disk, handle, 0, B);
    assert_eq!(errno(disk.sync_file(handle, &mut Calm)), EIO);
    disk.drop_caches();
    assert_eq!(get(&mut disk, "/log"), A);
    put(&mut disk, handle, 0, B);
    sync(&mut disk, handle);
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), B, "written again, it is kept: the fault struck once");
}

#[test]
fn a_failed_fsync_of_a_directory_leaves_its_changes_pending() {
    let mut disk = small();
    open(&mut disk, "/log");
    disk.fault(FaultRule::new(Fault::SyncError).once());
    assert_eq!(errno(disk.sync_dir("/", &mut Calm)), EIO);
    assert_eq!(disk.pending_changes(), 1);
    sync_dir(&mut disk, "/");
    assert_eq!(disk.pending_changes(), 0);
}

#[test]
fn a_full_disk_ends_at_every_byte() {
    for room in 0..=20 {
        let mut disk = small();
        let handle = durable(&mut disk, "/old", A);
        disk.leave_room(room);
        let log = open(&mut disk, "/log");
        let written = disk.write_at(log, &[7; 20], 0, &mut Calm);
        match room {
            0 => assert_eq!(errno(written), ENOSPC),
            _ => assert_eq!(written.unwrap() as u64, room, "short at exactly that byte"),
        }
        let rest = disk.write_all_at(log, &[7; 20], 0, &mut Calm);
        assert_eq!(rest.is_ok(), room == 20);
        assert_eq!(get(&mut disk, "/log"), vec![7; room as usize]);
        disk.write_all_at(handle, B, 0, &mut Calm).expect("overwriting needs no room");
        assert_eq!(errno(disk.set_len(log, room + 1, &mut Calm)), ENOSPC);
        disk.set_len(handle, 0, &mut Calm).unwrap();
        assert_eq!(disk.write_at(log, B, room, &mut Calm).unwrap(), 8, "what was freed can be used");
        disk.close(log);
        disk.remove_file("/log", &mut Calm).unwrap();
        assert_eq!(disk.used(), 0);
    }
}

#[test]
fn reads_and_writes_fail_only_where_the_rule_says() {
    let mut disk = small();
    disk.create_dir("/wal", &mut Calm).unwrap();
    let wal = durable(&mut disk, "/wal/1", A);
    let other = durable(&mut disk, "/walrus", A);
    let rule = disk.fault(FaultRule::new(Fault::ReadError).under("/wal"));
    disk.fault(FaultRule::new(Fault::WriteError).when(|path| path.ends_with("1")).nth(2));
    let mut buffer = [0; 8];
    assert_eq!(errno(disk.read_at(wal, &mut buffer, 0, &mut Calm)), EIO);
    assert_eq!(disk.read_at(other, &mut buffer, 0, &mut Calm).unwrap(), 8);
    assert!(disk.remove_fault(rule));
    assert_eq!(disk.read_at(wal, &mut buffer, 0, &mut Calm).unwrap(), 8);
    disk.write_at(wal, B, 0, &mut Calm).expect("the first write");
    assert_eq!(errno(disk.write_at(wal, A, 0, &mut Calm)), EIO, "the second");
    assert_eq!(get(&mut disk, "/wal/1"), B, "calmly nothing of it was written");
    disk.write_at(wal, A, 0, &mut Calm).expect("the third");
}

#[test]
fn a_failed_write_may_have_written_a_part() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.fault(FaultRule::new(Fault::WriteError).once());
    let mut script = Script::new().say("bytes of a failed write", &[3]);
    assert_eq!(errno(disk.write_at(handle, B, 0, &mut script)), EIO);
    assert_eq!(get(&mut disk, "/log"), b"bbbaaaaa");
}

#[test]
fn names_cannot_change_on_a_disk_that_cannot_write() {
    let mut disk = small();
    durable(&mut disk, "/log", A);
    disk.fault(FaultRule::new(Fault::WriteError));
    assert_eq!(errno(disk.rename("/log", "/new", &mut Calm)), EIO);
    assert_eq!(errno(disk.remove_file("/log", &mut Calm)), EIO);
    assert_eq!(errno(disk.create_dir("/dir", &mut Calm)), EIO);
    let create = OpenOptions::new().write(true).create(true).clone();
    assert_eq!(errno(disk.open("/new", &create, &mut Calm)), EIO);
    disk.open("/log", &create, &mut Calm).expect("opening what exists writes nothing");
    disk.clear_faults();
    assert_eq!(disk.read_dir("/", &mut Calm).unwrap().len(), 1);
}

#[test]
fn short_reads_and_writes_move_at_least_one_byte() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.fault(FaultRule::new(Fault::ShortRead));
    disk.fault(FaultRule::new(Fault::ShortWrite));
    let mut buffer = [0; 8];
    let mut script = Script::new().say("bytes not read", &[7]).say("bytes not written", &[5, 7, 0]);
    assert_eq!(disk.read_at(handle, &mut buffer, 0, &mut script).unwrap(), 1);
    assert_eq!(disk.write_at(handle, B, 0, &mut script).unwrap(), 3);
    assert_eq!(get(&mut disk, "/log"), b"bbbaaaaa");
    disk.write_all_at(handle, B, 0, &mut script).unwrap();
    assert_eq!(get(&mut disk, "/log"), B, "writing all goes on after a short write");
}

#[test]
fn a_rate_is_drawn_and_a_count_ends() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.fault(FaultRule::new(Fault::ReadError).rate(Ratio::percent(50)).times(2));
    let mut script = Script::new().say("read error", &[0, 1, 1, 1]);
    let mut buffer = [0; 8];
    let failed: Vec<bool> =
        (0..5).map(|_| disk.read_at(handle, &mut buffer, 0, &mut script).is_err()).collect();
    assert_eq!(failed, [false, true, true, false, false]);
}

#[test]
fn bit_rot_is_seen_after_the_restart_and_not_before() {
    let mut disk = small();
    durable(&mut disk, "/log", A);
    assert!(disk.flip_bit("/log", 3, 1).unwrap());
    assert_eq!(get(&mut disk, "/log"), A, "the page cache still has it");
    disk.process_crash(0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), A, "a process crash leaves the cache warm");
    disk.power_loss(PowerLoss::KeepAll, 0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), b"aaacaaaa");
    assert!(!disk.flip_bit("/log", 8, 0).unwrap(), "there is no ninth byte");
}

#[test]
fn bits_rot_where_a_read_leaves_the_cache() {
    let mut disk = small();
    durable(&mut disk, "/log", &[A, A].concat());
    disk.fault(FaultRule::new(Fault::BitRot).nth(2));
    let mut script = Script::new().say("rotten bit", &[17]);
    let handle = open(&mut disk, "/log");
    let mut buffer = [0; 16];
    disk.read_at(handle, &mut buffer, 0, &mut script).unwrap();
    assert_eq!(&buffer[..], [A, A].concat(), "nothing was read from the platter");
    disk.drop_caches();
    disk.read_at(handle, &mut buffer, 0, &mut script).unwrap();
    assert_eq!(&buffer, b"aaaaaaaaaacaaaaa", "the second block fetched");
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), b"aaaaaaaaaacaaaaa", "and it stays rotten");
}

#[test]
fn a_lost_write_is_acknowledged_and_never_arrives() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", &[A, A].concat());
    disk.fault(FaultRule::new(Fault::LostWrite).nth(2));
    put(&mut disk, handle, 0, &[B, B].concat());
    sync(&mut disk, handle);
    assert_eq!(get(&mut disk, "/log"), [B, B].concat());
    assert_eq!(disk.durable_view().content("/log").unwrap(), [B, A].concat());
    disk.power_loss(PowerLoss::KeepAll, 0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), [B, A].concat());
}

#[test]
fn a_misdirected_write_lands_on_another_file() {
    let build = || {
        let mut disk = small();
        durable(&mut disk, "/victim", A);
        let handle = durable(&mut disk, "/log", A);
        disk.fault(FaultRule::new(Fault::MisdirectedWrite).under("/log").once());
        put(&mut disk, handle, 0, B);
        (disk, handle)
    };
    let (mut disk, handle) = build();
    sync(&mut disk, handle);
    assert_eq!((get(&mut disk, "/log"), get(&mut disk, "/victim")), (B.to_vec(), A.to_vec()));
    disk.power_loss(PowerLoss::KeepAll, 0, &mut Calm);
    assert_eq!((get(&mut disk, "/log"), get(&mut disk, "/victim")), (A.to_vec(), B.to_vec()));
    let mut alone = small();
    let handle = durable(&mut alone, "/log", A);
    alone.fault(FaultRule::new(Fault::MisdirectedWrite));
    put(&mut alone, handle, 0, B);
    sync(&mut alone, handle);
    assert_eq!(alone.durable_view().content("/log"), Some(A), "with nowhere to go it is merely lost");
    let (mut disk, handle) = build();
    disk.clear_faults();
    sync(&mut disk, handle);
    lose_all(&mut disk);
    assert_eq!((get(&mut disk, "/log"), get(&mut disk, "/victim")), (B.to_vec(), A.to_vec()));
}

#[test]
fn a_protected_disk_keeps_what_it_promised() {
    let mut disk = small();
    disk.protect(true);
    for fault in [Fault::LostWrite, Fault::MisdirectedWrite, Fault::BitRot, Fault::SyncError] {
        disk.fault(FaultRule::new(fault).times(4));
    }
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, A);
    assert_eq!(errno(disk.sync_file(handle, &mut Calm)), EIO, "an honest failure is no destruction");
    disk.remove_file("/log", &mut Calm).unwrap();
    disk.clear_faults();
    disk.fault(FaultRule::new(Fault::LostWrite));
    disk.fault(FaultRule::new(Fault::BitRot));
    durable(&mut disk, "/log", A);
    assert!(!disk.flip_bit("/log", 0, 0).unwrap());
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), A);
    disk.protect(false);
    disk.drop_caches();
    assert_ne!(get(&mut disk, "/log"), A, "the rule strikes once the protection ends");
}

#[test]
fn a_stalled_disk_answers_nobody_until_it_is_over() {
    let mut disk = Disk::default();
    let log = durable(&mut disk, "/log", A);
    let mut script = Script::new();
    assert_eq!(disk.handle_read_time(log, 0, &mut script), Duration::from_micros(50));
    disk.stall(0, Duration::from_millis(3));
    assert_eq!(disk.handle_read_time(log, 1_000_000, &mut script), Duration::from_micros(2_050));
    assert_eq!(disk.begin(Change::SetLen(log, 0), 2_000_000, &mut script).due, 3_005_000);
    assert_eq!(disk.handle_read_time(log, 3_000_000, &mut script), Duration::from_micros(50));
    disk.fault(FaultRule::new(Fault::Stall(Duration::from_secs(1))).under("/log").once());
    assert_eq!(disk.read_time("/", 4_000_000, &mut script), Duration::from_micros(50));
    assert_eq!(disk.read_time("/log", 4_000_000, &mut script), Duration::from_micros(1_000_050));
    assert_eq!(disk.read_time("/", 4_000_000, &mut script), Duration::from_micros(1_000_050), "all of it");
}

#[test]
fn the_page_cache_may_write_back_by_itself() {
    let mut disk = Disk::new(DiskConfig { write_back: Ratio::ONE, block_size: 8, ..DiskConfig::default() });
    let handle = durable(&mut disk, "/log", &[A, A].concat());
    disk.write_at(handle, B, 8, &mut Script::new().say("block written back", &[1])).unwrap();
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), [A, B].concat(), "never synced, written back all the same");
}

#[test]
fn events_tell_what_happened_in_order() {
    let mut disk = small();
    disk.record_events(true);
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, A);
    disk.fault(FaultRule::new(Fault::SyncError).once());
    assert!(disk.sync_file(handle, &mut Calm).is_err());
    disk.rename("/log", "/new", &mut Calm).unwrap();
    lose_all(&mut disk);
    let events = disk.take_events();
    let told: Vec<_> = events.iter().map(|event| (event.op, &*event.path, event.result)).collect();
    assert_eq!(
        told,
        [
            ("open", "/log", Ok(0)),
            ("write", "/log", Ok(8)),
            ("fault", "/log", Ok(0)),
            ("sync_file", "/log", Err(EIO)),
            ("rename", "/log", Ok(0)),
            ("rename_to", "/new", Ok(0)),
            ("power_loss", "/", Ok(0)),
        ]
    );
    assert_eq!(events[2].fault, Some(Fault::SyncError));
    assert!(disk.take_events().is_empty());
}
