//! A protocol is a pure function, its messages are values and its spec looks on: none of them acts or waits.

use super::Offence;
use super::source::{code, heads, line_of, words};
use super::tree::{File, Tree};

const PURE: [&str; 3] = ["protocol", "spec", "message"];

/// Modules of sim that act on the world or wait in it.
const ACTING: [&str; 4] = ["net", "fs", "time", "task"];

pub(super) fn protocols_do_no_io(tree: &Tree) -> Vec<Offence> {
    tree.rust().filter(|file| file.is_part_of_system(&PURE)).flat_map(offences).collect()
}

fn offences(file: &File) -> Vec<Offence> {
    let code = code(&file.text);
    let asyncs = words(&code, "async").map(|at| {
        file.offence(
            line_of(&code, at),
            "is async",
            "let the server wait; the protocol takes values and returns Effects",
        )
    });
    let imports = ["sim::", "stormglass_sim::"].into_iter().flat_map(|path| {
        starts(&code, path)
            .flat_map(|at| heads(&code, at + path.len()).into_iter().map(move |name| (at, name)))
    });
    let acts = imports.filter(|(_, name)| ACTING.contains(name)).map(|(at, name)| {
        let remedy = "let the server do it; time and messages come in as values and go out in Effects";
        file.offence(line_of(&code, at), format!("uses sim::{name}"), remedy)
    });
    asyncs.chain(acts).collect()
}

/// Where the path starts as a whole word: `sim::` is also the end of `stormglass_sim::`.
fn starts<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = usize> {
    let name = &path[..path.len() - 2];
    words(code, name).filter(move |&at| code[at..].starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::caught;

    #[test]
    fn a_protocol_that_acts_or_waits_is_caught() {
        let pure = "//! sim::net\nuse std::time::Duration;\nuse sim::{rand, always};\nfn asynchronous() {}";
        let files = [
            ("systems/src/kv/protocol.rs", pure),
            ("systems/src/kv/server.rs", "use sim::net;\nasync fn serve() {}"),
            ("systems/src/kv/message.rs", "\nuse stormglass_sim::net::rpc::Request;"),
            ("systems/src/kv/spec/mod.rs", "use sim::{\n    rand,\n    fs::{self, File},\n    task,\n};"),
            (
                "systems/src/raft/protocol/election.rs",
                "fn now() {\n    sim::time::Instant::now();\n}\nasync fn x() {}",
            ),
        ];
        let expected = [
            "systems/src/kv/message.rs:2",
            "systems/src/kv/spec/mod.rs:1",
            "systems/src/kv/spec/mod.rs:1",
            "systems/src/raft/protocol/election.rs:4",
            "systems/src/raft/protocol/election.rs:2",
        ];
        assert_eq!(caught(protocols_do_no_io, &files), expected);
    }
}
