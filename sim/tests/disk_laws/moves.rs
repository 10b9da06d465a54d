//! Files that are never removed, moved about in a tree of directories that come and go: after any power loss each
//! of them is somewhere, once.

use crate::support::*;
use stormglass_sim::fs::{Calm, Disk, Draw, PowerLoss};

const NAMES: [&str; 5] = ["v", "w", "x", "y", "z"];
const FILES: [&[u8]; 3] = [b"one", b"two", b"three"];

/// All paths below a directory, and the contents of the files there.
fn walk(disk: &mut Disk, dir: &str, dirs: &mut Vec<String>, files: &mut Vec<(String, Vec<u8>)>) {
    dirs.push(dir.to_owned());
    for entry in disk.read_dir(dir, &mut Calm).expect("a directory") {
        let path = format!("{}/{}", dir.trim_end_matches('/'), entry.name);
        if entry.is_dir {
            walk(disk, &path, dirs, files);
        } else {
            let content = disk.content(&path).expect("a file");
            files.push((path, content));
        }
    }
}

fn step(disk: &mut Disk, dice: &mut Dice) {
    let (mut dirs, mut files) = (Vec::new(), Vec::new());
    walk(disk, "/", &mut dirs, &mut files);
    let dir = dirs[dice.below("", dirs.len() as u64) as usize].clone();
    let target = format!("{}/{}", dir.trim_end_matches('/'), NAMES[dice.below("", 5) as usize]);
    let taken = files.iter().any(|(path, _)| *path == target);
    // Refusals are fine here: into itself, over a full directory, in the way of something.
    let _ = match dice.below("", 8) {
        0..=2 if !taken => {
            let file = files[dice.below("", files.len() as u64) as usize].0.clone();
            disk.rename(file, target, &mut Calm)
        }
        3 | 4 if !taken => {
            let moved = dirs[dice.below("", dirs.len() as u64) as usize].clone();
            disk.rename(moved, target, &mut Calm)
        }
        5 => disk.create_dir(target, &mut Calm),
        6 => disk.remove_dir(dir, &mut Calm),
        _ => disk.sync_dir(dir, &mut Calm),
    };
}

#[test]
fn no_file_is_lost_and_none_doubled() {
    let mut moved = 0;
    for seed in 0..1_500 {
        let mut dice = Dice(seed);
        let mut disk = small();
        for (name, content) in NAMES.iter().zip(FILES) {
            durable(&mut disk, &format!("/{name}"), content);
        }
        for round in 0..3 {
            for _ in 0..dice.below("", 20) {
                step(&mut disk, &mut dice);
            }
            disk.power_loss(PowerLoss::Mixed, 0, &mut dice);
            let (mut dirs, mut files) = (Vec::new(), Vec::new());
            walk(&mut disk, "/", &mut dirs, &mut files);
            let mut found: Vec<&[u8]> = files.iter().map(|(_, content)| &content[..]).collect();
            found.sort_unstable();
            assert_eq!(found, [b"one", &b"three"[..], b"two"], "seed {seed}, round {round}: {files:?}");
            moved += files.iter().filter(|(path, _)| path.len() > 2).count();
        }
    }
    assert!(moved > 1_000, "the weather was too fair to show anything: {moved}");
}
