//! Findings on disk: a file that replays, written whole or not at all, the moment it is found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stormglass_sim::Schedule;
use stormglass_sim::chance::Overrides;

use super::{Unit, write_whole};
use crate::outcome::{Outcome, is_default};

/// The format this version writes and reads.
const FORMAT: u32 = 1;

/// A run that can be had again: story, seed, bug and overrides, and what it came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The version of this format.
    pub format: u32,
    /// The version of Stormglass that wrote it: a seed means the same run only in the same version of the code.
    pub stormglass: String,
    /// The story's name.
    pub story: String,
    /// The seed.
    pub seed: u64,
    /// The planted bug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bug: Option<String>,
    /// The schedule, where it is not the default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: Schedule,
    /// Decisions that differ from what the seed says.
    #[serde(default)]
    pub overrides: Overrides,
    /// Virtual time, in nanoseconds, at which the run ends unless it has; what happened until then is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<u64>,
    /// The failure's signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What a run that was made small consists of, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What the run came to; a replay is compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Outcome>,
}

impl Finding {
    /// The finding an outcome is.
    pub fn new(outcome: Outcome, overrides: Overrides) -> Finding {
        Finding {
            format: FORMAT,
            stormglass: env!("CARGO_PKG_VERSION").into(),
            story: outcome.story.clone(),
            seed: outcome.seed,
            bug: outcome.bug.clone(),
            schedule: outcome.schedule,
            overrides,
            until_ns: None,
            signature: outcome.signature(),
            summary: None,
            expected: Some(outcome),
        }
    }

    /// `<story>-<seed>[-<bug>][-<schedule>][-<overrides>].json`, with the story's slashes as dots. Overrides and an earlier end,
    /// where there are any, are told by a hash: with others the seed is another run, and has a file of its own.
    pub fn file_name(&self) -> String {
        let mut name = self.unit().name();
        if !self.overrides.is_empty() || self.until_ns.is_some() {
            let mut text = serde_json::to_string(&self.overrides).unwrap_or_default();
            if let Some(until) = self.until_ns {
                text.push_str(&until.to_string());
            }
            name.push_str(&format!("-{:08x}", fnv1a(&text)));
        }
        name + ".json"
    }

    /// The run it is, to be done again.
    pub(crate) fn unit(&self) -> Unit {
        let unit = Unit::new(&self.story, self.seed, self.bug.as_deref()).under(self.schedule);
        Unit { overrides: self.overrides.clone(), until_ns: self.until_ns, ..unit }
    }

    /// Writes the finding into `folder`, which is made when it is missing.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(self.file_name());
        write_whole(&path, &self.text()?)?;
        Ok(path)
    }

    /// What its file holds.
    pub(crate) fn text(&self) -> io::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Reads a finding; the error names the file, what is wrong with it and what to do.
    pub fn load(path: &Path) -> Result<Finding, String> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            format!("{shown}: not JSON ({error}); a replay file is what `fuzz` writes into findings/")
        })?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                let advice = "replay it with the version of Stormglass that wrote it";
                return Err(format!(
                    "{shown}: format {format}, this version reads format {FORMAT}; {advice}"
                ));
            }
            None => {
                return Err(format!(
                    "{shown}: not a replay file: its `format` is missing; `fuzz` writes them into findings/"
                ));
            }
        }
        serde_json::from_str(&text).map_err(|error| format!("{shown}: not a replay file: {error}"))
    }
}

/// The same on every machine and in every version.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Fall, Verdict};

    fn finding() -> Finding {
        let fall = Fall::new("always", "x stays", "x went");
        Finding::new(
            Outcome::lost("kv/lost_reply", 417, Some("late-ack"), Verdict::Safety, fall),
            Overrides::default(),
        )
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = finding().save(&folder.path().join("deep/findings")).unwrap();
        assert!(path.ends_with("kv.lost_reply-417-late-ack.json"), "{}", path.display());
        let loaded = Finding::load(&path).unwrap();
        assert_eq!((loaded.seed, loaded.signature.as_deref()), (417, Some("always: x stays")));
        assert_eq!(loaded.expected, finding().expected);
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no half-written file stays behind"
        );
    }

    #[test]
    fn runs_of_the_same_seed_have_files_of_their_own() {
        let mut names = std::collections::BTreeSet::from([finding().file_name()]);
        for value in 0..50 {
            let mut other = finding();
            other.overrides.set("a/rand", 0, value);
            let name = other.file_name();
            assert!(name.starts_with("kv.lost_reply-417-late-ack-") && name.ends_with(".json"), "{name}");
            assert!(names.insert(name), "{value}");
        }
    }

    #[test]
    fn a_foreign_file_is_named_and_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let complaint = |text: &str| {
            fs::write(&path, text).unwrap();
            Finding::load(&path).unwrap_err()
        };
        assert!(complaint("{").contains("not JSON"));
        assert!(complaint("{}").contains("`format` is missing"));
        assert!(complaint("{\"format\":9}").contains("format 9, this version reads format 1"));
        assert!(complaint("{\"format\":1}").contains("missing field"));
        fs::remove_file(&path).unwrap();
        assert!(Finding::load(&path).unwrap_err().contains("x.json"));
    }
}
