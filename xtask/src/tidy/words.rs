//! Words that do not belong here. Those of this file are in pieces, so that it keeps its own rules.

use super::Offence;
use super::source::{code, heads, line_of, words};
use super::tree::{File, Tree};

const OPEN: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Of people and scripts; recorded data may hold any letters.
const WRITTEN: [&str; 6] = [".rs", ".md", ".toml", ".yml", ".sh", "/run"];

const FOREIGN: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("sub", "agent")];

pub(super) fn nothing_is_left_open(tree: &Tree) -> Vec<Offence> {
    let written = tree.files().filter(|file| WRITTEN.iter().any(|ending| file.path.ends_with(ending)));
    let mut found = Vec::new();
    for file in written {
        for word in OPEN {
            found.extend(words(&file.text, word).map(|at| {
                let what = format!("says {word}");
                file.offence(
                    line_of(&file.text, at),
                    what,
                    "do it now, or say in the docs what is left out and why",
                )
            }));
        }
    }
    found
}

pub(super) fn code_keeps_to_the_house_rules(tree: &Tree) -> Vec<Offence> {
    tree.rust().flat_map(in_code).collect()
}

pub(super) fn the_project_speaks_of_itself_alone(tree: &Tree) -> Vec<Offence> {
    let mut found = Vec::new();
    for file in tree.files() {
        for word in FOREIGN {
            found.extend(file.text.match_indices(word).map(|(at, _)| {
                let remedy = "write a path below the workspace, and leave out how the work was done";
                file.offence(line_of(&file.text, at), format!("says {word}"), remedy)
            }));
        }
    }
    found
}

fn in_code(file: &File) -> Vec<Offence> {
    let code = code(&file.text);
    let mut found = Vec::new();
    for macro_name in ["todo", "unimplemented"] {
        let calls = words(&code, macro_name).filter(|at| code[at + macro_name.len()..].starts_with('!'));
        found.extend(
            calls.map(|at| file.offence(line_of(&code, at), format!("calls {macro_name}!"), "do it now")),
        );
    }
    let allows = ["#[allow", "#![allow"].into_iter().flat_map(|start| code.match_indices(start));
    // What a macro expands to may or may not deserve a lint: there `expect` would be wrong as often as right.
    found.extend(allows.filter(|(at, _)| !in_macro(&code[..*at])).map(|(at, _)| {
        file.offence(line_of(&code, at), "allows a lint", "mend it, or use #[expect(…, reason = \"…\")]")
    }));
    // Tests may plant what a world must catch; clippy asks each of them for its reason.
    if !file.path.contains("/tests/") {
        found.extend(hash_collections(&code).map(|at| {
            let remedy =
                "its order differs from run to run: take a BTreeMap, or an FxHashMap that is never iterated";
            file.offence(line_of(&code, at), "uses a hash collection of std", remedy)
        }));
    }
    found
}

/// Whether the text ends within a macro's definition: after its head, and before a line that closes it.
fn in_macro(before: &str) -> bool {
    before.rfind("macro_rules! ").is_some_and(|head| !before[head..].contains("\n}\n"))
}

/// Where a path leads to std's hash maps and sets.
fn hash_collections(code: &str) -> impl Iterator<Item = usize> {
    const PATH: &str = "std::collections::";
    words(code, "std").filter(move |&at| {
        let is_hashed = |name: &&str| matches!(*name, "HashMap" | "HashSet" | "hash_map" | "hash_set");
        code[at..].starts_with(PATH) && heads(code, at + PATH.len()).iter().any(is_hashed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::caught;

    #[test]
    fn what_is_left_open_is_caught() {
        let texts = OPEN.map(|word| format!("fine\n// {word}: later"));
        let files = [
            ("a.rs", texts[0].as_str()),
            ("docs/b.md", texts[1].as_str()),
            (".ci/run", texts[2].as_str()),
            ("testdata/c.jsonl", texts[0].as_str()),
            ("d.rs", "A_TODOS"),
        ];
        assert_eq!(caught(nothing_is_left_open, &files), ["a.rs:2", "docs/b.md:2", ".ci/run:2"]);
    }

    #[test]
    fn what_the_house_forbids_in_code_is_caught() {
        let files = [
            ("a.rs", "fn f() {\n    todo!()\n}\nfn g() { unimplemented!(\"x\") }"),
            ("b.rs", "#![allow(dead_code)]\n#[allow(unused)]\n// #[allow(unused)]"),
            ("m.rs", "macro_rules! m {\n #[allow(x)]\n}\n"),
            ("c.rs", "use std::collections::{\n    BTreeMap, HashMap,\n};"),
            ("d.rs", "fn f(_: std::collections::HashSet<u8>) {}\nuse std::collections::hash_map::Entry;"),
            ("e.rs", "use std::collections::BTreeMap;\nuse rustc_hash::FxHashMap as HashMap;"),
            ("sim/tests/guard/f.rs", "use std::collections::HashMap;"),
        ];
        let expected = ["a.rs:2", "a.rs:4", "b.rs:2", "b.rs:1", "c.rs:1", "d.rs:1", "d.rs:2"];
        assert_eq!(caught(code_keeps_to_the_house_rules, &files), expected);
    }

    #[test]
    fn words_of_the_workplace_are_caught() {
        let texts = FOREIGN.map(|word| format!("fine\nsee {word}x"));
        let files: Vec<_> =
            ["a.rs", "b.md", "c.jsonl", "d"].into_iter().zip(texts.iter().map(String::as_str)).collect();
        assert_eq!(
            caught(the_project_speaks_of_itself_alone, &files),
            ["a.rs:2", "b.md:2", "c.jsonl:2", "d:2"]
        );
        assert_eq!(
            caught(the_project_speaks_of_itself_alone, &[("e.md", "below the root of a framework")]),
            [""; 0]
        );
    }
}
