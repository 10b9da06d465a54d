//! `cargo xtask bugs`: how many seeds it takes to catch each known bug, as tables in the guides.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::root;

/// Writes `docs/bugs/SYSTEM.md` and `.json`: every known bug, the story and the oracle that catch it, and after how many
/// seeds
#[derive(clap::Args)]
pub(crate) struct Bugs {
    /// Only these systems; all by default
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "kv,kvonce,raft,kvraft,shardkv,mapreduce"
    )]
    system: Vec<String>,
    /// Campaigns, each from another first seed
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    campaigns: u32,
    /// Seeds after which a bug counts as missed, and for which a harmless variant must hold
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Worker processes; as many as there are cores by default
    #[arg(long, short, value_name = "J")]
    jobs: Option<u32>,
    /// The command `stormglass`, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Between the first seeds of two campaigns.
const APART: u64 = 1_000_000;

/// What all campaigns made of one bug or variant in one story.
#[derive(Default)]
struct Row {
    bug: String,
    story: String,
    harmless: bool,
    /// Seeds that each campaign needed; of a harmless variant, that it survived. `None`: missed, or flagged.
    seeds: Vec<Option<u64>>,
    /// How often each oracle fired.
    oracles: BTreeMap<String, u32>,
}

impl Bugs {
    pub(crate) fn run(&self) -> Result<(), String> {
        let beside = crate::bench::target_directory().join("bugs.program");
        let (program, _) = program(self.program.as_deref(), &beside)?;
        let folder = root().join("docs/bugs");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for system in &self.system {
            let rows = self.campaigns(&program, system)?;
            write(&folder.join(format!("{system}.md")), &self.page(system, &rows))?;
            let table =
                serde_json::to_string_pretty(&self.table(system, &rows)).map_err(|e| e.to_string())?;
            write(&folder.join(format!("{system}.json")), &(table + "\n"))?;
            println!("docs/bugs/{system}.md, docs/bugs/{system}.json");
        }
        Ok(())
    }

    /// A row for every bug and story, in the command's order.
    fn campaigns(&self, program: &Path, system: &str) -> Result<Vec<Row>, String> {
        let mut rows: Vec<Row> = Vec::new();
        for campaign in 0..u64::from(self.campaigns) {
            for hunt in self.campaign(program, system, campaign * APART)? {
                let text = |name: &str| hunt[name].as_str().unwrap_or_default().to_owned();
                let (bug, story) = (text("bug"), text("story"));
                let at =
                    rows.iter().position(|row| row.bug == bug && row.story == story).unwrap_or(rows.len());
                if at == rows.len() {
                    rows.push(Row { bug, story, ..Row::default() });
                }
                let row = &mut rows[at];
                row.harmless = hunt["harmless"].as_bool().unwrap_or_default();
                let caught = hunt["caught"].as_bool().unwrap_or_default();
                row.seeds.push(hunt["seeds"].as_u64().filter(|_| caught != row.harmless));
                if caught {
                    *row.oracles.entry(text("oracle")).or_default() += 1;
                }
            }
        }
        Ok(rows)
    }

    fn campaign(&self, program: &Path, system: &str, from: u64) -> Result<Vec<Value>, String> {
        let (from, seeds) = (from.to_string(), self.seeds.to_string());
        let jobs = self.jobs.map(|jobs| jobs.to_string());
        let mut arguments =
            vec!["bugs", system, "--json", "--patience", "120s", "--from", &from, "--seeds", &seeds];
        arguments.extend(jobs.as_deref().into_iter().flat_map(|jobs| ["--jobs", jobs]));
        match ask(program, &arguments)? {
            Value::Array(hunts) => Ok(hunts),
            other => Err(format!("{} bugs {system}: no list: {other}", program.display())),
        }
    }

    fn page(&self, system: &str, rows: &[Row]) -> String {
        let Bugs { campaigns, seeds, .. } = self;
        let mut page = format!(
            "# Bugs of `{system}`, and what catches them\n\n\
             Written by `cargo xtask bugs --seeds {seeds}`; {campaigns} campaigns from different first seeds, each of at most {seeds} seeds \
             a bug. The oracle is the one that fired most often. Machine-readable: [`{system}.json`]({system}.json).\n\n\
             | bug | story | oracle | median | worst | caught |\n| --- | --- | --- | ---: | ---: | ---: |\n"
        );
        for row in rows.iter().filter(|row| !row.harmless) {
            let Row { bug, story, .. } = row;
            let oracle = row.oracles.iter().max_by_key(|(_, times)| **times).map_or("", |(oracle, _)| oracle);
            let oracle = oracle.replace('|', "\\|");
            let (median, worst) = (shown(row.median()), shown(row.worst()));
            let caught = row.seeds.iter().flatten().count();
            page.push_str(&format!(
                "| `{bug}` | `{story}` | {oracle} | {median} | {worst} | {caught}/{campaigns} |\n"
            ));
        }
        if rows.iter().any(|row| row.harmless) {
            page.push_str(
                "\n## Harmless variants\n\nThey break nothing, and must not be flagged.\n\n\
                 | variant | story | seeds survived | flagged |\n| --- | --- | ---: | ---: |\n",
            );
        }
        for row in rows.iter().filter(|row| row.harmless) {
            let Row { bug, story, .. } = row;
            let survived: u64 = row.seeds.iter().flatten().sum();
            let flagged = row.seeds.iter().filter(|seeds| seeds.is_none()).count();
            page.push_str(&format!("| `{bug}` | `{story}` | {survived} | {flagged} |\n"));
        }
        page
    }

    fn table(&self, system: &str, rows: &[Row]) -> Value {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "bug": row.bug,
                    "story": row.story,
                    "harmless": row.harmless,
                    "oracles": row.oracles,
                    "seeds": row.seeds,
                    "median": row.median(),
                })
            })
            .collect();
        json!({ "system": system, "campaigns": self.campaigns, "most_seeds": self.seeds, "bugs": rows })
    }
}

impl Row {
    /// `None` when at least half of the campaigns missed it.
    fn median(&self) -> Option<u64> {
        let mut seeds: Vec<u64> = self.seeds.iter().map(|seeds| seeds.unwrap_or(u64::MAX)).collect();
        seeds.sort_unstable();
        let middle = [(seeds.len() - 1) / 2, seeds.len() / 2].map(|at| seeds[at]);
        (middle[1] < u64::MAX).then(|| middle[0].midpoint(middle[1]))
    }

    /// `None` when any campaign missed it.
    fn worst(&self) -> Option<u64> {
        self.seeds.iter().copied().collect::<Option<Vec<u64>>>()?.into_iter().max()
    }
}

fn shown(seeds: Option<u64>) -> String {
    seeds.map_or_else(|| "missed".to_owned(), |seeds| seeds.to_string())
}

/// What the command answers as JSON, whatever its exit code says.
pub(crate) fn ask(program: &Path, arguments: &[&str]) -> Result<Value, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("{} {}: {error}\n{said}", program.display(), arguments.join(" "))
    })
}

/// The command, built in release.
pub(crate) fn build() -> Result<PathBuf, String> {
    let build = ["build", "--release", "--package", "stormglass"];
    let built = Command::new(env!("CARGO")).args(build).current_dir(root()).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("the command could not be built".to_owned());
    }
    Ok(crate::bench::target_directory().join("release/stormglass"))
}

/// Writes the whole of a file, or nothing: what an interruption leaves is read again.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    let beside = path.with_extension("part");
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// The command that was given, or else is built here in release, copied into `folder`: what is built while it is at work is
/// another one. And what tells it from others: its sources, if they are those of a commit, so that what was measured in
/// one place goes on in another; or else its bytes.
pub(crate) fn program(given: Option<&Path>, folder: &Path) -> Result<(PathBuf, String), String> {
    let built = given.map_or_else(build, |given| Ok(given.to_owned()))?;
    let complaint = |error: std::io::Error| format!("{}: {error}", built.display());
    let sources = if given.is_none() { sources() } else { None };
    let identity = match sources {
        Some(sources) => sources.into_bytes(),
        None => fs::read(&built).map_err(complaint)?,
    };
    // FNV-1a.
    let hash = identity.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let copy = std::path::absolute(folder.join("stormglass")).map_err(complaint)?;
    // One that still runs cannot be written to, but another can take its place.
    _ = fs::remove_file(&copy);
    fs::create_dir_all(folder).and_then(|()| fs::copy(&built, &copy)).map_err(complaint)?;
    Ok((copy, format!("{hash:016x}")))
}

/// The trees that the command is built of, unless something in them is not committed, or there is no git.
fn sources() -> Option<String> {
    const OF: [&str; 6] =
        ["Cargo.lock", "Cargo.toml", "checker/src", "scenarios/src", "sim/src", "systems/src"];
    let git = |words: &[&str]| {
        let said = Command::new("git").args(words).current_dir(root()).output().ok()?;
        said.status.success().then(|| String::from_utf8_lossy(&said.stdout).into_owned())
    };
    let trees = OF.map(|path| format!("HEAD:{path}"));
    let words: Vec<&str> = ["rev-parse"].into_iter().chain(trees.iter().map(String::as_str)).collect();
    let uncommitted = git(&[&["status", "--porcelain", "--"], &OF[..]].concat())?;
    uncommitted.is_empty().then(|| git(&words)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_counts_what_was_missed() {
        let row = |seeds: &[Option<u64>]| Row { seeds: seeds.to_vec(), ..Row::default() };
        assert_eq!(row(&[Some(3), Some(1), Some(9)]).median(), Some(3));
        assert_eq!(row(&[Some(3), Some(1), Some(9), Some(6)]).median(), Some(4));
        assert_eq!(row(&[Some(3), None, None]).median(), None);
        assert_eq!(row(&[Some(3), None]).median(), None);
        assert_eq!(row(&[Some(3), Some(4), None]).worst(), None);
        assert_eq!(row(&[Some(3), Some(4)]).worst(), Some(4));
    }
}
