//! The first file of a folder is its tour.

use super::Offence;
use super::tree::Tree;

pub(super) fn a_folder_opens_with_its_tour(tree: &Tree) -> Vec<Offence> {
    tree.rust()
        .filter(|file| matches!(file.stem(), "mod" | "lib" | "main") && !file.text.starts_with("//! "))
        .map(|file| {
            file.offence(
                1,
                "does not begin with a tour",
                "begin with `//!`: what this is, what it promises, where to read on",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::caught;

    #[test]
    fn a_folder_without_a_tour_is_caught() {
        let files = [
            ("sim/src/lib.rs", "//! Tour.\n"),
            ("sim/src/net/mod.rs", "use a;\n//! Late.\n"),
            ("xtask/src/main.rs", "//!\nfn main() {}"),
            ("sim/src/node.rs", ""),
        ];
        assert_eq!(
            caught(a_folder_opens_with_its_tour, &files),
            ["sim/src/net/mod.rs:1", "xtask/src/main.rs:1"]
        );
    }
}
