//! Names and errors: what `std::fs` answers on a real disk, so does this one.

use crate::support::*;
use std::io::ErrorKind;
use stormglass_sim::fs::{Calm, Disk, OpenOptions};

fn tree() -> Disk {
    let mut disk = small();
    disk.create_dir_all("/a/b", &mut Calm).unwrap();
    durable(&mut disk, "/a/file", b"1");
    durable(&mut disk, "/top", b"2");
    disk
}

#[test]
fn errors_are_those_of_a_real_disk() {
    let mut disk = tree();
    let mut calm = Calm;
    let read = OpenOptions::new().read(true).clone();
    let new = OpenOptions::new().write(true).create_new(true).clone();
    assert_eq!(errno(disk.open("/none", &read, &mut calm)), ENOENT);
    assert_eq!(errno(disk.open("/none/x", &new, &mut calm)), ENOENT);
    assert_eq!(errno(disk.open("/top/x", &new, &mut calm)), ENOTDIR);
    assert_eq!(errno(disk.open("/top", &new, &mut calm)), EEXIST);
    assert_eq!(errno(disk.open("/a", OpenOptions::new().write(true), &mut calm)), EISDIR);
    assert_eq!(errno(disk.open("/top", OpenOptions::new().create(true), &mut calm)), EINVAL);
    assert_eq!(errno(disk.open("/top", &OpenOptions::new(), &mut calm)), EINVAL);
    assert_eq!(errno(disk.create_dir("/a", &mut calm)), EEXIST);
    assert_eq!(errno(disk.create_dir("/none/x", &mut calm)), ENOENT);
    assert_eq!(errno(disk.remove_file("/a", &mut calm)), EISDIR);
    assert_eq!(errno(disk.remove_dir("/top", &mut calm)), ENOTDIR);
    assert_eq!(disk.remove_dir("/a", &mut calm).unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    assert_eq!(errno(disk.read_dir("/top", &mut calm)), ENOTDIR);
    assert_eq!(errno(disk.sync_dir("/none", &mut calm)), ENOENT);
    assert_eq!(errno(disk.sync_dir("/top", &mut calm)), ENOTDIR);
    assert_eq!(disk.metadata("").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn handles_do_what_they_were_opened_for() {
    let mut disk = tree();
    let reader = disk.open("/top", OpenOptions::new().read(true), &mut Calm).unwrap();
    assert_eq!(errno(disk.write_at(reader, b"x", 0, &mut Calm)), EBADF);
    assert_eq!(errno(disk.set_len(reader, 0, &mut Calm)), EINVAL);
    let writer = disk.open("/top", OpenOptions::new().write(true), &mut Calm).unwrap();
    assert_eq!(errno(disk.read_at(writer, &mut [0], 0, &mut Calm)), EBADF);
    let appender = disk.open("/top", OpenOptions::new().append(true), &mut Calm).unwrap();
    disk.write_at(appender, b"x", 0, &mut Calm).unwrap();
    assert_eq!(get(&mut disk, "/top"), b"2x", "an appending handle writes at the end");
    let dir = disk.open("/a", OpenOptions::new().read(true), &mut Calm).unwrap();
    assert_eq!(errno(disk.read_at(dir, &mut [0], 0, &mut Calm)), EISDIR);
    disk.open("/top", OpenOptions::new().write(true).truncate(true), &mut Calm).unwrap();
    assert_eq!(get(&mut disk, "/top"), b"");
}

#[test]
fn a_rename_replaces_what_it_may() {
    let mut disk = tree();
    let mut calm = Calm;
    assert_eq!(errno(disk.rename("/none", "/x", &mut calm)), ENOENT);
    assert_eq!(errno(disk.rename("/top", "/a", &mut calm)), EISDIR);
    assert_eq!(errno(disk.rename("/a", "/top", &mut calm)), ENOTDIR);
    assert_eq!(errno(disk.rename("/a", "/a/b/c", &mut calm)), EINVAL);
    disk.create_dir("/empty", &mut calm).unwrap();
    let full = disk.rename("/empty", "/a", &mut calm).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::DirectoryNotEmpty);
    disk.rename("/a", "/empty", &mut calm).unwrap();
    disk.rename("/top", "/top", &mut calm).unwrap();
    disk.rename("/top", "/empty/file", &mut calm).unwrap();
    assert_eq!(get(&mut disk, "/empty/file"), b"2");
    assert_eq!(disk.read_dir("/", &mut calm).unwrap().len(), 1);
}

#[test]
fn paths_are_read_from_the_root() {
    let mut disk = tree();
    for path in ["/a/file", "a/file", "./a//b/../file", "/../a/./file"] {
        assert_eq!(get(&mut disk, path), b"1", "{path}");
    }
    let listed: Vec<String> =
        disk.read_dir("/a", &mut Calm).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(listed, ["b", "file"]);
}

#[test]
fn handles_follow_a_renamed_directory() {
    let mut disk = tree();
    let handle = open(&mut disk, "/a/file");
    disk.rename("/a", "/z", &mut Calm).unwrap();
    let paths: Vec<_> = disk.handles().into_iter().filter(|(other, _)| *other == handle).collect();
    assert_eq!(&*paths[0].1, "/z/file");
    put(&mut disk, handle, 0, b"9");
    assert_eq!(get(&mut disk, "/z/file"), b"9");
    sync_dir(&mut disk, "/");
    lose_all(&mut disk);
    assert_eq!(get(&mut disk, "/z/file"), b"1");
}

#[test]
fn whole_trees_come_and_go() {
    let mut disk = tree();
    disk.create_dir_all("/a/b/c", &mut Calm).unwrap();
    assert!(disk.create_dir_all("/top/x", &mut Calm).is_err());
    disk.remove_dir_all("/a", &mut Calm).unwrap();
    assert!(!exists(&disk, "/a"));
    assert_eq!(disk.read_dir("/", &mut Calm).unwrap().len(), 1);
}
