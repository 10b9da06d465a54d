//! What a campaign came to: its result, and the findings that stand for each failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Findings of one failure that every campaign keeps: the lowest seeds.
const FILES: usize = 3;

/// A result with the files of its lowest seeds.
#[derive(Debug, PartialEq)]
pub(super) struct Kept {
    name: String,
    result: String,
    failed: u64,
    files: BTreeMap<String, String>,
}

impl Kept {
    /// `NAME.json` and `NAME/`.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Kept, String> {
        let result = text(&folder.join(name).with_extension("json"))?;
        let campaign: Value =
            serde_json::from_str(&result).map_err(|error| format!("{name}.json: {error}"))?;
        let there = findings(&folder.join(name))?;
        let (mut failed, mut files) = (0, BTreeMap::new());
        let stories = campaign["stories"].as_array().into_iter().flatten();
        for story in stories {
            let prefix = story["story"].as_str().unwrap_or_default().replace('/', ".");
            for failure in story["failures"].as_object().into_iter().flat_map(|failures| failures.values()) {
                failed += failure["count"].as_u64().unwrap_or_default();
                for seed in failure["seeds"].as_array().into_iter().flatten().take(FILES) {
                    let begins = format!("{prefix}-{seed}-");
                    let file = there.iter().find(|file| file.starts_with(&begins));
                    let file = file.ok_or_else(|| format!("{name}: no finding {begins}*.json"))?;
                    files.insert(file.clone(), text(&folder.join(name).join(file))?);
                }
            }
        }
        Ok(Kept { name: name.to_owned(), result, failed, files })
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    pub(super) fn is_the_same_as(&self, other: &Kept) -> Result<(), String> {
        if self.result != other.result {
            return Err(format!("{}.json and {}.json differ", self.name, other.name));
        }
        if self.files != other.files {
            return Err(format!("the findings in {} and {} differ", self.name, other.name));
        }
        Ok(())
    }
}

/// The names of the findings there, each of which is whole.
pub(super) fn findings(folder: &Path) -> Result<BTreeSet<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(|error| error.to_string())?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !name.ends_with(".json") {
            continue;
        }
        let path = folder.join(&name);
        serde_json::from_str::<Value>(&text(&path)?)
            .map_err(|error| format!("{}: not whole: {error}", path.display()))?;
        names.insert(name);
    }
    Ok(names)
}

pub(super) fn is_the_same(one: &Path, other: &Path) -> Result<(), String> {
    if text(one)? == text(other)? {
        Ok(())
    } else {
        Err(format!("{} and {} differ", one.display(), other.display()))
    }
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_or_torn_is_noticed() {
        let folder = std::env::temp_dir().join(format!("endurance-{}", std::process::id()));
        let result = r#"{"stories":[{"story":"kv/x","failures":{"a":{"count":9,"seeds":[4,7]}}}]}"#;
        for name in ["one", "two"] {
            fs::create_dir_all(folder.join(name)).unwrap();
            fs::write(folder.join(name).with_extension("json"), result).unwrap();
            for seed in [4, 7] {
                fs::write(folder.join(name).join(format!("kv.x-{seed}-b.json")), "{}").unwrap();
            }
        }
        let one = Kept::read(&folder, "one").unwrap();
        assert_eq!((one.failed(), one.files()), (9, 2));
        assert_eq!(Kept::read(&folder, "two").unwrap().is_the_same_as(&one), Ok(()));
        fs::write(folder.join("two/kv.x-7-b.json"), "[]").unwrap();
        let complaint = Kept::read(&folder, "two").unwrap().is_the_same_as(&one).unwrap_err();
        assert!(complaint.contains("findings in two and one differ"), "{complaint}");
        fs::write(folder.join("two/kv.x-7-b.json"), "{").unwrap();
        assert!(Kept::read(&folder, "two").unwrap_err().contains("not whole"));
        fs::remove_file(folder.join("two/kv.x-7-b.json")).unwrap();
        assert!(Kept::read(&folder, "two").unwrap_err().contains("no finding kv.x-7-"));
        fs::write(folder.join("two.json"), result.replace('9', "8")).unwrap();
        assert!(is_the_same(&folder.join("one.json"), &folder.join("two.json")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
