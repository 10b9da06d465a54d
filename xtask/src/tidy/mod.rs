//! `cargo xtask tidy`: the rules of the house that the compiler and clippy do not know.
//!
//! Every rule reads the same [`Tree`] and reports every [`Offence`] it finds, each with its remedy; only then does the
//! command fail. A rule is one function and has a test that plants what it must catch.

mod layers;
mod names;
mod purity;
mod sizes;
mod source;
mod tours;
mod tree;
mod words;

use std::fmt;

use tree::{File, Tree};

use crate::root;

/// The rules of the house: layers, names, sizes, banned words
#[derive(clap::Args)]
pub(crate) struct Tidy {}

const RULES: [fn(&Tree) -> Vec<Offence>; 11] = [
    layers::dependencies_point_down,
    layers::versions_stand_in_the_workspace,
    layers::the_checker_is_used_in_specs_alone,
    names::a_system_has_its_six_names,
    names::a_file_is_named_after_what_it_holds,
    purity::protocols_do_no_io,
    sizes::files_are_small,
    tours::a_folder_opens_with_its_tour,
    words::nothing_is_left_open,
    words::code_keeps_to_the_house_rules,
    words::the_project_speaks_of_itself_alone,
];

/// What breaks a rule, where, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Offence {
    path: String,
    /// Counted from 1; 0 stands for the whole file.
    line: usize,
    what: String,
    remedy: &'static str,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}\n    {}", self.what, self.remedy)
    }
}

impl Tidy {
    pub(crate) fn run(&self) -> Result<(), String> {
        check()
    }
}

/// Applies every rule to the files of the workspace.
pub(crate) fn check() -> Result<(), String> {
    let tree = Tree::read(root()).map_err(|error| format!("the workspace cannot be read: {error}"))?;
    for file in tree.files().filter(|file| sizes::is_worth_a_look(file)) {
        println!("worth a look: {} has {} lines", file.path, file.lines());
    }
    let offences: Vec<_> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    if offences.is_empty() {
        return Ok(());
    }
    let listed: Vec<_> = offences.iter().map(Offence::to_string).collect();
    Err(format!("{}\n\n{} against the rules of the house", listed.join("\n"), listed.len()))
}

impl File {
    /// An offence in the given line, counted from 1, or in the whole file.
    fn offence(&self, line: usize, what: impl Into<String>, remedy: &'static str) -> Offence {
        Offence { path: self.path.clone(), line, what: what.into(), remedy }
    }
}

/// Where the rule finds offences in a tree of these files, as `path:line`.
#[cfg(test)]
fn caught(rule: fn(&Tree) -> Vec<Offence>, files: &[(&str, &str)]) -> Vec<String> {
    let tree = Tree::of(files);
    rule(&tree).iter().map(|offence| format!("{}:{}", offence.path, offence.line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        if let Err(offences) = check() {
            panic!("{offences}");
        }
    }

    #[test]
    fn an_offence_names_its_place_and_its_remedy() {
        let file = File { path: "a.rs".to_owned(), text: String::new() };
        assert_eq!(file.offence(3, "too long", "split it").to_string(), "a.rs:3: too long\n    split it");
        assert_eq!(file.offence(0, "too long", "split it").to_string(), "a.rs: too long\n    split it");
    }
}
