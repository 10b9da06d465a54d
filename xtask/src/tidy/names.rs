//! Names tell what is where.

use std::collections::BTreeSet;

use super::Offence;
use super::tree::Tree;

/// What every system's folder holds beside its tour: files, or folders.
const SIX: [&str; 6] = ["message", "protocol", "server", "client", "spec", "bugs"];

/// What several systems share and is too much for a file. No system of its own: it is held by those that are made of it.
const SHARED: [&str; 1] = ["rsm"];

/// Names under which anything could be put, and in time is.
const EMPTY: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

pub(super) fn a_system_has_its_six_names(tree: &Tree) -> Vec<Offence> {
    let systems: BTreeSet<_> = tree
        .rust()
        .filter_map(|file| Some(file.in_system()?.0))
        .filter(|system| !SHARED.contains(system))
        .collect();
    let paths: BTreeSet<_> = tree.rust().map(|file| file.path.as_str()).collect();
    let missing = |system: &str, name: &str| {
        let folder = format!("systems/src/{system}");
        let is_there = |path: String| paths.contains(path.as_str());
        (!is_there(format!("{folder}/{name}.rs")) && !is_there(format!("{folder}/{name}/mod.rs"))).then(|| Offence {
            path: folder,
            line: 0,
            what: format!("has no {name}.rs"),
            remedy: "every system has mod, message, protocol, server, client, spec and bugs; put what it shares with \
                     another one beside the folders",
        })
    };
    systems
        .iter()
        .flat_map(|system| SIX.iter().chain(&["mod"]).filter_map(move |name| missing(system, name)))
        .collect()
}

pub(super) fn a_file_is_named_after_what_it_holds(tree: &Tree) -> Vec<Offence> {
    tree.rust()
        .filter(|file| {
            let mut folders = file.path.split('/').rev().skip(1);
            EMPTY.contains(&file.stem()) || folders.any(|folder| EMPTY.contains(&folder))
        })
        .map(|file| file.offence(0, "has a name that tells nothing", "name it after the one thing it holds"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::caught;

    #[test]
    fn a_system_without_one_of_its_names_is_caught() {
        let whole =
            ["mod.rs", "message.rs", "protocol/mod.rs", "server.rs", "client.rs", "spec/mod.rs", "bugs.rs"];
        let paths: Vec<_> = whole.iter().map(|name| format!("systems/src/raft/{name}")).collect();
        let mut files: Vec<_> = paths.iter().map(|path| (path.as_str(), "")).collect();
        files.extend([
            ("systems/src/lib.rs", ""),
            ("systems/src/session.rs", ""),
            ("systems/src/rsm/mod.rs", ""),
            ("systems/tests/raft/x.rs", ""),
        ]);
        assert_eq!(caught(a_system_has_its_six_names, &files), [""; 0]);
        for (index, name) in whole.iter().enumerate() {
            let mut files = files.clone();
            files.remove(index);
            assert_eq!(caught(a_system_has_its_six_names, &files), ["systems/src/raft:0"], "{}", name);
        }
    }

    #[test]
    fn a_name_that_tells_nothing_is_caught() {
        let files = [("sim/src/utils.rs", ""), ("sim/tests/common/mod.rs", ""), ("sim/src/commons.rs", "")];
        let expected = ["sim/src/utils.rs:0", "sim/tests/common/mod.rs:0"];
        assert_eq!(caught(a_file_is_named_after_what_it_holds, &files), expected);
    }
}
