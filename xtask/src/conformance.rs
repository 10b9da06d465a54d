//! `cargo xtask conformance DIR`: the verdicts that recorded histories must get.
//!
//! Every `expected.tsv` below DIR lists files beside or below it, one a line, tab-separated, after a line with the
//! names of the columns: `file`, `verdict` (`ok` or `illegal`), and `model`, which may be absent for folders whose
//! name says it.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stormglass_checker::format::{self, fields::Lines};
use stormglass_checker::models::{
    cas_register, counter, kv, lock, queue, register, set, stack, versioned_kv,
};
use stormglass_checker::{Budget, Judgement, Paths, Verdict, judge_by};

use crate::ci::now;
use crate::root;

/// Judges recorded histories and compares with what is expected
#[derive(clap::Args)]
pub(crate) struct Conformance {
    /// The folder with the histories, at any depth
    dir: PathBuf,
    /// Leaves everything to the general search, to measure it
    #[arg(long)]
    search_only: bool,
    /// Names histories that stay undecided, and fails only for wrong verdicts
    #[arg(long)]
    allow_undecided: bool,
    /// How many states the search may enter for one history
    #[arg(long, default_value_t = Budget::default().states)]
    states: u64,
}

/// Where CI looks for histories: beside the repository, and not part of it.
pub(crate) fn beside_the_repository() -> Result<(), String> {
    let dir = root().join("../shared/data");
    if !dir.is_dir() {
        println!("  there are no recorded histories at ../shared/data, so none are judged");
        return Ok(());
    }
    // Each has a verdict that was reached before: to lose one to the budget stops a change as a wrong one does.
    let states = Budget::default().states;
    Conformance { dir, search_only: false, allow_undecided: false, states }.run()
}

/// One line of an `expected.tsv`.
#[derive(Clone)]
struct Expected {
    file: PathBuf,
    model: String,
    holds: bool,
}

impl Conformance {
    pub(crate) fn run(&self) -> Result<(), String> {
        let mut lists = Vec::new();
        find(&self.dir, &mut lists)?;
        lists.sort();
        if lists.is_empty() {
            return Err(format!("there is no expected.tsv below {}", self.dir.display()));
        }
        println!("{:<52} {:>9} {:>9}  {:<28} {:>10}", "file", "verdict", "expected", "", "ms");
        let (mut judged, mut total) = (0, Duration::ZERO);
        let (mut wrong, mut open) = (Vec::new(), Vec::new());
        for expected in lists.iter().map(|list| read(list)).collect::<Result<Vec<_>, _>>()?.concat() {
            let name = expected.file.strip_prefix(&self.dir).unwrap_or(&expected.file).display().to_string();
            let (found, took) = self.judge(&expected)?;
            let verdict = match found.verdict {
                Verdict::Linearizable { .. } => "ok",
                Verdict::NotLinearizable(_) => "illegal",
                Verdict::Undecided { .. } => "undecided",
            };
            let wanted = if expected.holds { "ok" } else { "illegal" };
            println!(
                "{name:<52} {verdict:>9} {wanted:>9}  {:<28} {:>10.3}",
                found.to_string(),
                took.as_secs_f64() * 1000.0
            );
            judged += 1;
            total += took;
            match verdict {
                "undecided" => open.push(format!("{name} is undecided; it should be {wanted}")),
                _ if verdict != wanted => wrong.push(format!("{name}: {verdict}, and not {wanted}")),
                _ => {}
            }
        }
        println!("{judged} histories, judged in {:.1} ms", total.as_secs_f64() * 1000.0);
        open.iter().for_each(|open| println!("{open}"));
        if !self.allow_undecided {
            wrong.append(&mut open);
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!("{} differ:\n{}", wrong.len(), wrong.join("\n"))),
        }
    }

    fn judge(&self, expected: &Expected) -> Result<(Judgement, Duration), String> {
        match expected.model.as_str() {
            "register" => self.judge_as(&register::Register, expected),
            "cas-register" => self.judge_as(&cas_register::CasRegister, expected),
            "kv" => self.judge_as(&kv::Kv::default(), expected),
            "kv-lab" => self.judge_as(&kv::Kv::lab(), expected),
            "versioned-kv" => self.judge_as(&versioned_kv::VersionedKv, expected),
            "set" => self.judge_as(&set::Set, expected),
            "counter" => self.judge_as(&counter::Counter, expected),
            "queue" => self.judge_as(&queue::Queue, expected),
            "stack" => self.judge_as(&stack::Stack, expected),
            "lock" => self.judge_as(&lock::Lock, expected),
            unknown => Err(format!("{}: there is no model \"{unknown}\"", expected.file.display())),
        }
    }

    fn judge_as<M: Lines>(&self, model: &M, expected: &Expected) -> Result<(Judgement, Duration), String> {
        let name = expected.file.display().to_string();
        let file = fs::File::open(&expected.file).map_err(|error| format!("{name}: {error}"))?;
        let recorded =
            format::read::<M>(&name, None, BufReader::new(file)).map_err(|error| error.to_string())?;
        let paths = if self.search_only { Paths::SearchOnly } else { Paths::All };
        let budget = Budget { states: self.states, ..Budget::default() };
        let start = now();
        let found = judge_by(model, &recorded.operations, budget, paths);
        Ok((found, start.elapsed()))
    }
}

fn find(dir: &Path, lists: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", dir.display()))?.path();
        if path.is_dir() {
            find(&path, lists)?;
        } else if path.file_name().is_some_and(|name| name == "expected.tsv") {
            lists.push(path);
        }
    }
    Ok(())
}

fn read(list: &Path) -> Result<Vec<Expected>, String> {
    let name = list.display();
    let text = fs::read_to_string(list).map_err(|error| format!("{name}: {error}"))?;
    let folder = list.parent().unwrap_or(Path::new(""));
    parse(&text, folder).map_err(|error| format!("{name}:{error}"))
}

/// The lines of a list; an error begins with the number of its line.
fn parse(text: &str, folder: &Path) -> Result<Vec<Expected>, String> {
    let mut lines = text.lines().enumerate();
    let columns: Vec<&str> = lines.next().map(|(_, line)| line.split('\t').collect()).unwrap_or_default();
    let column = |name: &str| columns.iter().position(|column| *column == name);
    let (Some(file), Some(verdict)) = (column("file"), column("verdict")) else {
        return Err("1: expected columns named file and verdict".to_owned());
    };
    let model = column("model");
    let mut all = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |column: usize| fields.get(column).copied();
        let holds = match field(verdict) {
            Some("ok") => true,
            Some("illegal") => false,
            other => {
                return Err(format!("{}: expected the verdict ok or illegal; it is {other:?}", index + 1));
            }
        };
        let file = field(file).unwrap_or_default();
        let model = match model.and_then(field) {
            Some(model) => model.to_owned(),
            None if file.starts_with("etcd/") => "cas-register".to_owned(),
            None if file.starts_with("kv/") => "kv-lab".to_owned(),
            None => return Err(format!("{}: expected a model, or a file below etcd or kv", index + 1)),
        };
        all.push(Expected { file: folder.join(file), model, holds });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read() {
        let text = "file\tmodel\tverdict\na.jsonl\tkv\tok\n\nb.jsonl\tset\tillegal\n";
        let all = parse(text, Path::new("x")).unwrap();
        let read: Vec<_> =
            all.iter().map(|e| (e.file.to_str().unwrap(), e.model.as_str(), e.holds)).collect();
        assert_eq!(read, [("x/a.jsonl", "kv", true), ("x/b.jsonl", "set", false)]);
    }

    #[test]
    fn a_list_that_cannot_be_read_names_the_line() {
        let error = |text| parse(text, Path::new("")).err().unwrap();
        assert!(error("name\tverdict\n").starts_with("1: "));
        assert!(error("file\tmodel\tverdict\na\tkv\tok\nb\tkv\tgood\n").starts_with("3: "));
        assert!(error("file\tverdict\nsomewhere/a\tok\n").starts_with("2: "));
    }

    #[test]
    fn a_wrong_expectation_is_a_failure() {
        let dir = std::env::temp_dir().join(format!("conformance-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let line = "{\"client\":0,\"op\":\"get\",\"key\":\"k\",\"output\":\"1\",\"call\":1,\"return\":2}\n";
        fs::write(dir.join("a.jsonl"), line).unwrap();
        let run = |verdict: &str, states: u64| {
            fs::write(dir.join("expected.tsv"), format!("file\tmodel\tverdict\na.jsonl\tkv\t{verdict}\n"))
                .unwrap();
            Conformance { dir: dir.clone(), search_only: false, allow_undecided: false, states }.run()
        };
        assert_eq!(run("illegal", 1000), Ok(()));
        assert!(run("ok", 1000).unwrap_err().contains("a.jsonl: illegal, and not ok"));
        // Written twice: only the search can tell.
        let put = "{\"client\":0,\"op\":\"put\",\"key\":\"k\",\"value\":\"1\",\"call\":0,\"return\":2}\n";
        fs::write(dir.join("a.jsonl"), [put, put, line].concat()).unwrap();
        assert_eq!(run("ok", 1000), Ok(()));
        assert!(run("ok", 0).unwrap_err().contains("a.jsonl is undecided; it should be ok"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
