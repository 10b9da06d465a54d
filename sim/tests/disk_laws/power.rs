//! What a process crash and a power loss may do, law by law, each with its counter-case.

use crate::support::*;
use stormglass_sim::fs::{Calm, Disk, Draw, OpenOptions, PowerLoss};

const A: &[u8] = b"aaaaaaaa";
const B: &[u8] = b"bbbbbbbb";

#[test]
fn a_process_crash_keeps_the_page_cache() {
    let mut disk = small();
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, b"never synced");
    disk.process_crash(0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), b"never synced");
    lose_all(&mut disk);
    assert!(!exists(&disk, "/log"), "the same file does not survive a power loss");
}

#[test]
fn what_is_synced_stays_and_what_is_not_may_go() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    put(&mut disk, handle, 8, B);
    assert_eq!(disk.durable_view().content("/log"), Some(A));
    assert_eq!(disk.durable_view().certain("/log"), None, "unsynced bytes might survive");
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), A);
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 8, B);
    sync(&mut disk, handle);
    assert_eq!(disk.durable_view().certain("/log"), Some(&[A, B].concat()[..]));
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), [A, B].concat());
}

#[test]
fn the_calm_power_loss_keeps_everything() {
    let mut disk = small();
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, b"never synced");
    disk.power_loss(PowerLoss::Drawn, 0, &mut Calm);
    assert_eq!(get(&mut disk, "/log"), b"never synced");
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, b"NEVER");
    disk.power_loss(PowerLoss::Drawn, 0, &mut Script::new().say("power loss", &[1]));
    assert_eq!(get(&mut disk, "/log"), b"never synced", "a drawn loss of everything unsynced");
}

#[test]
fn a_new_file_needs_its_name_synced_too() {
    let mut disk = small();
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, A);
    sync(&mut disk, handle);
    assert!(!disk.is_durable("/log").unwrap());
    lose_all(&mut disk);
    assert!(!exists(&disk, "/log"), "fsync of the file says nothing about its name");
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 0, A);
    sync_dir(&mut disk, "/");
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), b"", "fsync of the directory says nothing about the content");
    durable(&mut disk, "/both", A);
    assert!(disk.is_durable("/both").unwrap());
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/both"), A);
}

#[test]
fn a_directory_handle_syncs_names_like_sync_dir() {
    let mut disk = small();
    open(&mut disk, "/log");
    let dir = disk.open("/", OpenOptions::new().read(true), &mut Calm).unwrap();
    sync(&mut disk, dir);
    lose_all(&mut disk);
    assert!(exists(&disk, "/log"));
}

#[test]
fn a_fresh_directory_needs_its_parent_synced() {
    let mut disk = small();
    disk.create_dir("/data", &mut Calm).unwrap();
    durable(&mut disk, "/data/log", A);
    assert!(!disk.is_durable("/data/log").unwrap());
    lose_all(&mut disk);
    assert!(!exists(&disk, "/data"), "nobody synced the root");
    disk.create_dir("/data", &mut Calm).unwrap();
    sync_dir(&mut disk, "/");
    durable(&mut disk, "/data/log", A);
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/data/log"), A);
}

#[test]
fn a_rename_is_durable_when_its_directory_is_synced() {
    let renamed = |synced: bool| {
        let mut disk = small();
        durable(&mut disk, "/log", A);
        durable(&mut disk, "/tmp", B);
        disk.rename("/tmp", "/log", &mut Calm).unwrap();
        if synced {
            sync_dir(&mut disk, "/");
        }
        assert_eq!(disk.durable_view().certain("/log").is_some(), synced);
        lose_all(&mut disk);
        (get(&mut disk, "/log"), exists(&disk, "/tmp"))
    };
    assert_eq!(renamed(false), (A.to_vec(), true), "the old state, whole");
    assert_eq!(renamed(true), (B.to_vec(), false), "the new state, whole");
}

#[test]
fn a_rename_survives_without_the_data_that_was_not_synced() {
    let mut disk = small();
    durable(&mut disk, "/log", A);
    let handle = open(&mut disk, "/tmp");
    put(&mut disk, handle, 0, B);
    disk.rename("/tmp", "/log", &mut Calm).unwrap();
    lose(&mut disk, Script::new().say("block lost", &[1]).say("length lost", &[1]));
    assert_eq!(get(&mut disk, "/log"), b"", "the famous empty file: names and content are apart");
}

#[test]
fn changes_of_one_name_happen_in_order() {
    let build = || {
        let mut disk = small();
        durable(&mut disk, "/x", A);
        disk.remove_file("/x", &mut Calm).unwrap();
        let handle = open(&mut disk, "/x");
        put(&mut disk, handle, 0, B);
        sync(&mut disk, handle);
        disk
    };
    let mut disk = build();
    lose(&mut disk, Script::new().say("directory change lost", &[1, 0]));
    assert_eq!(get(&mut disk, "/x"), A, "the second create cannot have happened without the remove");
    let mut disk = build();
    lose(&mut disk, Script::new().say("directory change lost", &[0, 1]));
    assert!(!exists(&disk, "/x"), "the remove alone");
    let mut disk = build();
    lose(&mut disk, Script::new());
    assert_eq!(get(&mut disk, "/x"), B);
}

#[test]
fn changes_of_different_names_happen_in_any_order() {
    let mut disk = small();
    open(&mut disk, "/first");
    open(&mut disk, "/second");
    lose(&mut disk, Script::new().say("directory change lost", &[1, 0]));
    assert!(!exists(&disk, "/first") && exists(&disk, "/second"));
}

#[test]
fn a_move_between_directories_never_loses_the_file() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut disk = small();
        durable(&mut disk, "/a", A);
        disk.create_dir_all("/p/q", &mut Calm).unwrap();
        disk.rename("/a", "/p/q/b", &mut Calm).unwrap();
        disk.rename("/p/q", "/r", &mut Calm).unwrap();
        disk.rename("/r/b", "/c", &mut Calm).unwrap();
        disk.remove_dir_all("/r", &mut Calm).unwrap();
        if dice.roll() & 1 == 1 {
            sync_dir(&mut disk, ["/", "/p"][dice.below("", 2) as usize]);
        }
        disk.power_loss(PowerLoss::Mixed, 0, &mut dice);
        let places = ["/a", "/p/q/b", "/r/b", "/c"].map(|path| exists(&disk, path));
        let count = places.iter().filter(|there| **there).count();
        assert_eq!(count, 1, "seed {seed}: never neither, never both: {places:?}");
    }
}

#[test]
fn later_writes_may_survive_earlier_ones() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", &[0; 24]);
    put(&mut disk, handle, 0, A);
    put(&mut disk, handle, 8, A);
    put(&mut disk, handle, 16, B);
    lose(&mut disk, Script::new().say("block lost", &[1, 0, 1]));
    assert_eq!(get(&mut disk, "/log"), [&[0; 8], A, &[0; 8]].concat());
}

#[test]
fn one_block_tears_at_its_sectors() {
    let build = || {
        let mut disk = small();
        let handle = durable(&mut disk, "/log", A);
        put(&mut disk, handle, 0, &[B, B].concat());
        disk
    };
    let tear = |script: Script| script.say("block torn", &[1]).say("sector lost", &[0, 1, 1, 0]);
    let mut disk = build();
    lose(&mut disk, tear(Script::new()));
    assert_eq!(get(&mut disk, "/log"), b"bbaaaabbbbbbbbbb");
    let mut disk = build();
    lose(&mut disk, tear(Script::new().say("torn block", &[1])));
    assert_eq!(get(&mut disk, "/log"), b"bbbbbbbbbb\0\0\0\0bb", "where nothing was, zeros");
    let mut disk = build();
    disk.configure(|config| config.torn = stormglass_sim::chance::Ratio::ZERO);
    lose(&mut disk, tear(Script::new()));
    assert_eq!(get(&mut disk, "/log"), [B, B].concat());
}

#[test]
fn a_grown_file_ends_short_or_in_zeros() {
    let build = || {
        let mut disk = small();
        let handle = durable(&mut disk, "/log", A);
        put(&mut disk, handle, 8, &[B, B].concat());
        disk
    };
    let mut disk = build();
    lose(&mut disk, Script::new().say("length lost", &[1]).say("block lost", &[0, 1]));
    assert_eq!(get(&mut disk, "/log"), [A, B].concat(), "the length follows the data");
    let mut disk = build();
    lose(&mut disk, Script::new().say("length lost", &[0]).say("block lost", &[1, 1]));
    assert_eq!(get(&mut disk, "/log"), [A, &[0; 16]].concat(), "or comes without it");
}

#[test]
fn a_cut_happens_or_does_not_and_old_bytes_never_return_behind_it() {
    let build = |synced: bool| {
        let mut disk = small();
        let handle = durable(&mut disk, "/log", &[A, A, A].concat());
        disk.set_len(handle, 4, &mut Calm).unwrap();
        put(&mut disk, handle, 8, B);
        assert_eq!(get(&mut disk, "/log"), b"aaaa\0\0\0\0bbbbbbbb");
        if synced {
            sync(&mut disk, handle);
        }
        disk
    };
    let mut disk = build(false);
    lose(&mut disk, Script::new().say("cut lost", &[1]));
    assert_eq!(get(&mut disk, "/log"), [A, A, A].concat(), "not cut: the old file, whole");
    let mut disk = build(false);
    lose(&mut disk, Script::new().say("block lost", &[0, 1]));
    assert_eq!(get(&mut disk, "/log"), b"aaaa\0\0\0\0\0\0\0\0\0\0\0\0", "cut, the new block lost");
    let mut disk = build(false);
    let handle = open(&mut disk, "/log");
    put(&mut disk, handle, 32, B);
    lose(&mut disk, Script::new().say("cut lost", &[1]));
    assert_eq!(get(&mut disk, "/log"), [A, A, A].concat(), "nor has it grown, which came after");
    let mut disk = build(true);
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), b"aaaa\0\0\0\0bbbbbbbb");
}

#[test]
fn removed_and_still_open_is_readable_until_closed() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.remove_file("/log", &mut Calm).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(disk.read_at(handle, &mut buffer, 0, &mut Calm).unwrap(), 8);
    assert_eq!(disk.used(), 8);
    disk.close(handle);
    assert_eq!(disk.used(), 0);
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/log"), A, "nobody synced the remove");
    assert_eq!(disk.used(), 8);
}

#[test]
fn a_wiped_disk_is_empty_and_keeps_its_settings() {
    let mut disk = small();
    let handle = durable(&mut disk, "/log", A);
    disk.leave_room(4);
    disk.wipe();
    assert!(disk.read_dir("/", &mut Calm).unwrap().is_empty());
    assert_eq!(errno(disk.handle_metadata(handle)), EBADF);
    assert_eq!((disk.used(), disk.config().capacity), (0, Some(12)));
}

#[test]
fn pending_changes_are_bounded_and_settle_oldest_first() {
    let mut disk = Disk::default();
    for n in 0..2_000 {
        let handle = open(&mut disk, &format!("/{n}"));
        disk.close(handle);
    }
    assert!(disk.pending_changes() <= 1024);
    lose_all(&mut disk);
    assert!(exists(&disk, "/0") && !exists(&disk, "/1999"));
}
