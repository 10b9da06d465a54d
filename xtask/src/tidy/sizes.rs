//! A file is small enough to be read at one sitting.

use super::Offence;
use super::tree::{File, Tree};

/// Lines above which a file is pointed out.
const SOFT: usize = 350;
/// Lines above which a file must say why.
const HARD: usize = 500;
/// Lines that no reason excuses.
const CAP: usize = 800;

/// How the line starts that excuses a file above the hard limit.
const REASON: &str = "// size: ";

pub(super) fn files_are_small(tree: &Tree) -> Vec<Offence> {
    tree.rust()
        .filter_map(|file| {
            let lines = file.lines();
            let remedy = match () {
                () if lines > CAP => "split it by what it is about; no reason excuses more than 800 lines",
                () if lines > HARD && !has_reason(file) => {
                    "split it by what it is about, or give the reason in a line `// size: …`"
                }
                () => return None,
            };
            Some(file.offence(0, format!("has {lines} lines"), remedy))
        })
        .collect()
}

/// Above the soft limit, but no offence.
pub(super) fn is_worth_a_look(file: &File) -> bool {
    file.path.ends_with(".rs") && (SOFT + 1..=HARD).contains(&file.lines())
}

fn has_reason(file: &File) -> bool {
    file.text.lines().filter_map(|line| line.strip_prefix(REASON)).any(|reason| !reason.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::caught;

    #[test]
    fn a_file_that_is_too_long_is_caught() {
        let of = |lines: usize, first: &str| format!("{first}\n{}", "x\n".repeat(lines - 1));
        let reason = "// size: one table";
        let texts =
            [of(500, ""), of(501, ""), of(501, "// size: "), of(800, reason), of(801, reason), of(900, "")];
        let paths = ["500.rs", "501.rs", "501_blank.rs", "800.rs", "801.rs", "900.md"];
        let files: Vec<_> = paths.into_iter().zip(texts.iter().map(String::as_str)).collect();
        assert_eq!(caught(files_are_small, &files), ["501.rs:0", "501_blank.rs:0", "801.rs:0"]);

        let worth = |lines| is_worth_a_look(&File { path: "a.rs".to_owned(), text: of(lines, "") });
        assert!(!worth(350) && worth(351) && worth(500) && !worth(501));
    }
}
