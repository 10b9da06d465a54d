//! What the fuzz targets try, without a fuzzer: on every input that was kept, on parts of each, and on noise.
//!
//! The folder `inputs` has a folder for each target: beginnings that a fuzzer starts from, and inputs that once
//! found something (their names begin with `found-`). `fuzz/README.md` says how to go on from there.

mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use targets::TARGETS;

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/inputs").join(target);
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
}

/// SplitMix64.
fn noise(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn every_kept_input_is_survived() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has something to begin with");
        for path in inputs {
            target(&fs::read(&path).expect("readable"));
        }
    }
}

#[test]
fn broken_inputs_are_survived() {
    let mut seed = 11;
    for (name, target) in TARGETS {
        for path in inputs(name) {
            let whole = fs::read(&path).expect("readable");
            for _ in 0..40 {
                let mut bytes = whole.clone();
                for _ in 0..1 + noise(&mut seed) % 4 {
                    let at = noise(&mut seed) as usize % (bytes.len() + 1);
                    match noise(&mut seed) % 3 {
                        0 => bytes.truncate(at),
                        1 => bytes.insert(at, noise(&mut seed) as u8),
                        _ => {
                            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= noise(&mut seed) as u8)
                        }
                    }
                }
                target(&bytes);
            }
        }
    }
}

#[test]
fn noise_is_survived() {
    let mut seed = 5;
    for (_, target) in TARGETS {
        for round in 0..300 {
            let bytes: Vec<u8> = (0..round % 60).map(|_| noise(&mut seed) as u8).collect();
            target(&bytes);
        }
    }
}

/// A target has a file in `fuzz/fuzz_targets`, and that file is named in the manifest.
#[test]
fn every_target_can_be_fuzzed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("there is one");
    for (name, _) in TARGETS {
        let path = format!("fuzz_targets/{name}.rs");
        let code = fs::read_to_string(folder.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(code.contains(&format!("fuzz({name:?}")), "{path} runs another target:\n{code}");
        assert!(manifest.contains(&format!("path = {path:?}")), "fuzz/Cargo.toml does not name {path}");
    }
}
