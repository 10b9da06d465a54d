//! The files that the rules read.

use std::fs;
use std::io;
use std::path::Path;

/// What is built, found or kept by git: none of it is ours.
const SKIPPED: [&str; 6] = [".git", "target", "findings", "corpus", "artifacts", "coverage"];

/// Recorded data beyond this size, in bytes, is not read.
const LARGE: u64 = 1 << 20;

/// A text file.
pub(super) struct File {
    /// Below the workspace's folder, with `/` between its parts.
    pub(super) path: String,
    pub(super) text: String,
}

/// All text files, by path.
pub(super) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads every file below the folder that is UTF-8.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: text.to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The files of Rust code.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.path.ends_with(".rs"))
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file()
            && entry.metadata()?.len() <= LARGE
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push(File { path, text });
        }
    }
    Ok(())
}

impl File {
    pub(super) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// The last part of the path without its ending: `protocol` of `raft/protocol.rs`.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.rsplit_once('/').map_or(self.path.as_str(), |(_, name)| name);
        name.split_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The system that the file belongs to and its path below that system's folder.
    pub(super) fn in_system(&self) -> Option<(&str, &str)> {
        self.path.strip_prefix("systems/src/")?.split_once('/')
    }

    /// Whether the file is one of these of its system, or in a folder of that name.
    pub(super) fn is_part_of_system(&self, parts: &[&str]) -> bool {
        let Some((_, rest)) = self.in_system() else { return false };
        let part =
            rest.split_once('/').map_or_else(|| rest.strip_suffix(".rs").unwrap_or(rest), |(part, _)| part);
        parts.contains(&part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_its_place() {
        let tree =
            Tree::of(&[("systems/src/raft/protocol/election.rs", ""), ("systems/src/raft/spec.rs", "")]);
        let files: Vec<_> = tree.files().collect();
        assert_eq!((files[0].stem(), files[1].stem()), ("election", "spec"));
        assert_eq!(files[0].in_system(), Some(("raft", "protocol/election.rs")));
        assert!(
            files[0].is_part_of_system(&["protocol"]) && !files[0].is_part_of_system(&["spec", "election"])
        );
        assert!(files[1].is_part_of_system(&["spec"]));
    }

    #[test]
    fn the_workspace_is_read_without_what_is_built() {
        let tree = Tree::read(crate::root()).unwrap();
        let paths: Vec<_> = tree.files().map(|file| file.path.as_str()).collect();
        assert!(paths.is_sorted() && paths.contains(&"xtask/src/tidy/tree.rs") && paths.contains(&".ci/run"));
        assert!(!paths.iter().any(|path| path.starts_with("target/") || path.starts_with(".git/")));
    }
}
