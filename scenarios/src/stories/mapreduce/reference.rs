//! What a job comes to when one after the other is done: no splits, no partitions on disk, nothing that could die.

use std::collections::BTreeMap;

use stormglass_systems::mapreduce::app::{Application, Emit, Record};
use stormglass_systems::mapreduce::spec::Expected;

/// An input file: its path and its content.
pub(super) type File = (String, Vec<u8>);

#[derive(Default)]
struct Pairs {
    by_key: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    emitted: u64,
}

impl Emit for Pairs {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        self.emitted += 1;
        self.by_key.entry(key.to_vec()).or_default().push(value.to_vec());
    }

    fn count(&mut self, _: &'static str, _: u64) {}
}

/// The output and counters of a sequential run, without the records that `skip` names.
pub(super) fn sequential(
    app: &dyn Application,
    files: &[File],
    reduces: u32,
    skip: impl Fn(&[u8]) -> bool,
) -> Expected {
    let (mut pairs, mut records) = (Pairs::default(), 0);
    for (file, content) in files {
        let mut offset = 0;
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            let bytes = line.strip_suffix(b"\n").unwrap_or(line);
            if !skip(bytes) {
                records += 1;
                app.map(&Record { file, offset, line: bytes }, &mut pairs);
            }
            offset += line.len() as u64;
        }
    }
    let mut output: BTreeMap<u32, Vec<u8>> = (0..reduces).map(|reduce| (reduce, Vec::new())).collect();
    let counted = [
        ("records read", records),
        ("pairs emitted", pairs.emitted),
        ("keys reduced", pairs.by_key.len() as u64),
    ];
    for (key, values) in pairs.by_key {
        let out = output.entry(app.partition(&key, reduces)).or_default();
        let mut state = Vec::new();
        values.iter().for_each(|value| app.reduce(&key, value, &mut state, out));
        app.finish(&key, &state, out);
    }
    Expected { output, counters: counted.map(|(name, times)| (name.to_owned(), times)).into() }
}
